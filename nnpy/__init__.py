"""nnpy: train neural networks from a YAML file, with Keras on TensorFlow."""

__version__ = "0.1.0"
