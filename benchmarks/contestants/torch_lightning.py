"""PyTorch Lightning with a DataLoader."""

import logging
import time
import warnings

import fashion
import lightning
import torch
from torch.utils.data import DataLoader, TensorDataset
from torch_models import accuracy, make, tensors

warnings.filterwarnings("ignore")
logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
args = fashion.arguments()
x_train, y_train, x_test, y_test = fashion.load(args.data, args.examples)


class Classifier(lightning.LightningModule):
    def __init__(self) -> None:
        super().__init__()
        self.network, self.seconds = make(args.model), []

    def training_step(self, batch, _):
        return torch.nn.functional.cross_entropy(self.network(batch[0]), batch[1])

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters())

    def on_train_epoch_start(self):
        self.began = time.perf_counter()

    def on_train_epoch_end(self):
        self.seconds.append(time.perf_counter() - self.began)


model = Classifier()
loader = DataLoader(
    TensorDataset(*tensors(x_train, y_train)), fashion.BATCH[args.model], shuffle=True
)
trainer = lightning.Trainer(
    max_epochs=args.epochs,
    accelerator="cpu",
    logger=False,
    enable_checkpointing=False,
    enable_progress_bar=False,
    enable_model_summary=False,
)
trainer.fit(model, loader)
fashion.report(model.seconds, accuracy(model.network, *tensors(x_test, y_test)))
