"""What a beginner writes: NumPy arrays into `model.fit`, then `plot_model`.

With `mlp` this is the well-known article's script: 784-128-10, Adam, batches of 32. Where
Graphviz is not installed, `plot_model` would end it with an error: it does without then.
"""

import contextlib
from pathlib import Path

import fashion
import keras
from keras_models import Clock, make

args = fashion.arguments()
x_train, y_train, x_test, y_test = fashion.load(args.data, args.examples)
x_train, x_test = x_train / 255.0, x_test / 255.0
model, clock = make(args.model), Clock()
size = fashion.BATCH[args.model]
model.fit(x_train, y_train, batch_size=size, epochs=args.epochs, callbacks=[clock], verbose=0)
accuracy = model.evaluate(x_test, y_test, verbose=0)[1]
with contextlib.suppress(ImportError):
    keras.utils.plot_model(model, str(Path(args.out) / "model.png"), show_shapes=True)
fashion.report(clock.seconds, accuracy)
