"""200 steps by `model.fit` and by nnpy's engine from the same weights: how far they are apart.

The last line is JSON: the largest difference of a weight, relative to the largest weight of its
variable, and the loss of both.
"""

import json

from nnpy.devices import select

select.prepare_environment()

import fashion  # noqa: E402
import keras  # noqa: E402
import numpy as np  # noqa: E402
from keras_models import make  # noqa: E402

from nnpy.data.dataset import Split  # noqa: E402
from nnpy.data.preprocessing import Preprocessing  # noqa: E402
from nnpy.engine import Engine  # noqa: E402

STEPS = 200

args = fashion.arguments()
device = select.select()
select.make_deterministic()
size = fashion.BATCH[args.model]
x, y, _, _ = fashion.load(args.data, STEPS * size)


def trained(by_nnpy: bool) -> tuple[keras.Model, float]:
    keras.utils.set_random_seed(0)
    model = make(args.model)
    if by_nnpy:
        engine = Engine(model, Preprocessing(1 / 255), batch_size=size, seed=0, shuffle=False)
        return model, engine.train_epoch(Split(x, y), 0)["loss"]
    images = (x * np.float32(1 / 255)).astype("float32")
    course = model.fit(images, y, batch_size=size, shuffle=False, verbose=0)
    return model, course.history["loss"][0]


(fit, fit_loss), (ours, loss) = trained(by_nnpy=False), trained(by_nnpy=True)
apart = [
    float(np.abs(a - b).max() / (np.abs(a).max() + 1e-12))
    for a, b in zip(fit.get_weights(), ours.get_weights(), strict=True)
]
print(json.dumps({"device": device, "apart": max(apart), "losses": [fit_loss, loss]}))
