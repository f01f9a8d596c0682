"""The kinds of Keras objects: the one list of them."""

from __future__ import annotations

# kind → the module of Keras that holds its classes
MODULES = {
    "layer": "layers",
    "optimizer": "optimizers",
    "schedule": "optimizers.schedules",
    "loss": "losses",
    "metric": "metrics",
    "initializer": "initializers",
    "regularizer": "regularizers",
    "constraint": "constraints",
    "callback": "callbacks",
    "quantizer": "quantizers",
}
# What the catalog lists; activations and operations are functions.
KINDS = (*MODULES, "activation", "op")
# What a config writes as a name, or as a name with its arguments.
OBJECT_KINDS = (*MODULES, "activation")
# The types of an argument that takes such an object; a cell is a layer that an RNN takes.
ARGUMENT_KINDS = ("layer", "cell", *OBJECT_KINDS[1:])
