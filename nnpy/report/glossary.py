"""The field's words, explained for the page."""

from __future__ import annotations

# The field's words, each in a sentence that stands without the others.
GLOSSARY = {
    "neural network": (
        "A function with many adjustable numbers, built from layers; training adjusts the "
        "numbers until the outputs fit the examples."
    ),
    "layer": "One step of the network: it takes numbers in and passes other numbers on.",
    "parameters": "The numbers that training adjusts, also called weights.",
    "multiply-adds": (
        "Multiplications, each followed by an addition, that processing one example takes; "
        "the usual measure of a model's cost."
    ),
    "training set": "The examples that the model learns from.",
    "validation set": (
        "Examples held out of training and evaluated after each epoch, to see how the model "
        "does on what it has not learned from and to choose the best epoch."
    ),
    "test set": (
        "Examples that played no part in training or choosing, used once, at the end: "
        "they show how the model will do on new data."
    ),
    "epoch": "One pass over all training examples.",
    "batch": "The examples that the model sees before each update of its parameters.",
    "loss": (
        "The number that training minimizes: how far the model's outputs are from the truth. "
        "A confident wrong answer costs most."
    ),
    "accuracy": "The fraction of examples that are classified correctly.",
    "learning rate": "How far each update moves the parameters.",
    "overfitting": (
        "Memorizing the training examples: their loss keeps falling while that of the "
        "validation set rises."
    ),
    "confidence interval": (
        "Another test set of the same size and kind would give a slightly different number. A "
        "95\u202f% interval is constructed so that 19 of 20 such intervals contain the true value."
    ),
    "precision": "Of the predictions of this class, the fraction that is correct.",
    "recall": "Of the examples of this class, the fraction that is found.",
    "F1": "Precision and recall in one number, their harmonic mean: both must be high.",
    "calibration": (
        "A model is calibrated if it is right in 90 of 100 predictions that it makes with "
        "90\u202f% probability. The expected calibration error (ECE) is the mean deviation from it."
    ),
    "confusion matrix": (
        "A table of what was taken for what: each row is a true class, each column a prediction. "
        "Correct predictions lie on the diagonal."
    ),
    "seed": (
        "The number that all randomness of a training derives from: the same seed, the same run."
    ),
    "McNemar's test": (
        "Compares two models on the examples where exactly one of them is right. The p-value is "
        "how often chance alone would split those cases as unevenly."
    ),
    "trial": "One training of the config with its own values of the settings that are searched.",
    "objective": (
        "What a search improves: a number measured on the validation set, at the best epoch of "
        "each trial."
    ),
    "pruned": (
        "Ended early, because after as many epochs other trials were better on the validation set."
    ),
    "importance": (
        "How much of the difference between the better trials and the rest lies in one setting "
        "(PED-ANOVA); all settings together have 100\u202f%."
    ),
}
