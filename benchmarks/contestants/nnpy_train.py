"""nnpy's engine on the same network."""

import time

from nnpy.devices import select

select.prepare_environment()

import fashion  # noqa: E402
from keras_models import augmenting, make  # noqa: E402

from nnpy.catalog.augmentation import why_not_xla  # noqa: E402
from nnpy.data.dataset import Split  # noqa: E402
from nnpy.data.preprocessing import Preprocessing  # noqa: E402
from nnpy.engine import Engine  # noqa: E402
from nnpy.engine.augmentation import Augmentation  # noqa: E402

args = fashion.arguments()
# As `nnpy train` does, by the layers that the config names.
select.select(one_thread=args.model != "mlp")
x_train, y_train, x_test, y_test = fashion.load(args.data, args.examples)
augmentation = None
if args.model == "resnet":
    why = why_not_xla("RandomTranslation", {"height_factor": 0.1, "width_factor": 0.1})
    augmentation = Augmentation(augmenting(), slow=why)
engine = Engine(
    make(args.model, augment=False),
    Preprocessing(1 / 255),
    batch_size=fashion.BATCH[args.model],
    seed=0,
    augmentation=augmentation,
)
train, seconds = Split(x_train, y_train), []
for epoch in range(args.epochs):
    began = time.perf_counter()
    engine.train_epoch(train, epoch)
    seconds.append(time.perf_counter() - began)
fashion.report(seconds, engine.evaluate(Split(x_test, y_test))["accuracy"])
