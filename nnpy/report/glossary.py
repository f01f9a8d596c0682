"""The field's words, explained for the page."""

from __future__ import annotations

# The field's words, each in a sentence that stands without the others.
GLOSSARY = {
    "neural network": (
        "A function with many adjustable numbers, built from layers; training turns the numbers "
        "until its outputs fit the examples."
    ),
    "layer": "One step of the network: it takes numbers in, and gives other numbers to the next.",
    "parameters": "The numbers that training adjusts, also called weights.",
    "multiply-adds": (
        "Multiplications, each with its addition, that one example costs on its way through; "
        "the usual measure of a model's work."
    ),
    "training set": "The examples that the model learns from.",
    "validation set": (
        "Examples held out of the training, looked at after each epoch to see how the model "
        "fares on what it has not learned, and to choose the best epoch."
    ),
    "test set": (
        "Examples that played no part in training or choosing, used once, at the end: "
        "they tell how the model will fare on new data."
    ),
    "epoch": "One pass over all training examples.",
    "batch": "The few examples that the model sees before each correction of its parameters.",
    "loss": (
        "What training makes small: a number for how far the model's outputs are from the truth. "
        "A confident wrong answer costs most."
    ),
    "accuracy": "The share of examples that are answered rightly.",
    "learning rate": "How far each correction moves the parameters.",
    "overfitting": (
        "Learning the training examples by heart: their loss goes on falling while that of the "
        "validation set rises."
    ),
    "confidence interval": (
        "Another test set of the same size and kind would give a slightly other number. A "
        "95\u202f% interval is made so that 19 of 20 such intervals hold the true value."
    ),
    "precision": "Of the answers that name this class, the share that is right.",
    "recall": "Of the examples of this class, the share that is found.",
    "F1": "Precision and recall in one number, their harmonic mean: both must be high.",
    "calibration": (
        "A model is calibrated if it is right in 90 of 100 answers that it calls 90\u202f% sure. "
        "The expected calibration error (ECE) is the mean distance from that."
    ),
    "confusion matrix": (
        "A table of what was taken for what: each row is a true class, each column an answer. "
        "Right answers lie on the diagonal."
    ),
    "seed": (
        "The number from which all chance in a training is drawn; the same seed gives the same run."
    ),
    "McNemar's test": (
        "Two models that answer the same examples differ in truth only where just one is right. "
        "The p-value is how often chance alone would split those cases as unevenly."
    ),
}
