"""The tuned `model.fit` with XLA asked for: tf.data and jit_compile."""

import fashion
import tensorflow as tf
from keras_models import Clock, make

args = fashion.arguments()
x_train, y_train, x_test, y_test = fashion.load(args.data, args.examples)
size = fashion.BATCH[args.model]


def dataset(x, y):
    return tf.data.Dataset.from_tensor_slices(((x / 255.0).astype("float32"), y)).cache()


# XLA compiles for each size of a batch: the rest of an epoch is left out.
train = dataset(x_train, y_train).shuffle(len(y_train)).batch(size, drop_remainder=True)
model, clock = make(args.model), Clock()
model.jit_compile = True
model.steps_per_execution = 32
model.fit(train.prefetch(tf.data.AUTOTUNE), epochs=args.epochs, callbacks=[clock], verbose=0)
accuracy = model.evaluate(dataset(x_test, y_test).batch(1000), verbose=0)[1]
fashion.report(clock.seconds, accuracy)
