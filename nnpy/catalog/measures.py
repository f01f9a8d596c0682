"""What losses and metrics compare: the labels and outputs that each of Keras's takes.

Neither signatures nor docstrings say it, so it is written here for `nnpy.catalog.build`, and a
test holds the table against the installed Keras.

Labels (`TARGETS`):
    classes    one class number for each example
    one_hot    a column for each class
    binary     0 or 1 for each output: one for one output, one-hot or several labels for several
    numbers    a number for each output
    groups     class numbers of which only "the same or not" counts
    sequences  a sequence of labels for each example
    none       there are none: the values themselves are summed up

Outputs (`OUTPUTS`):
    distribution   probabilities of the classes, which sum to 1
    probabilities  a probability for each output
    ranking        scores of the classes of which only the order counts
    margins        scores whose sign is the answer
    decisions      the answers themselves, as class numbers
    numbers, embeddings, sequences
"""

from __future__ import annotations

# (labels, outputs): the losses and metrics that compare the two.
MEASURES: dict[tuple[str, str], str] = {
    # The generalized one makes one-hot labels itself, of class numbers.
    ("classes", "distribution"): """SparseCategoricalCrossentropy
        CategoricalGeneralizedCrossEntropy""",
    ("classes", "ranking"): "SparseCategoricalAccuracy SparseTopKCategoricalAccuracy",
    ("classes", "decisions"): "IoU MeanIoU",
    ("one_hot", "distribution"): """CategoricalCrossentropy CategoricalFocalCrossentropy
        KLDivergence""",
    ("one_hot", "ranking"): """CategoricalAccuracy TopKCategoricalAccuracy CategoricalHinge F1Score
        FBetaScore OneHotIoU OneHotMeanIoU""",
    ("binary", "probabilities"): """BinaryCrossentropy BinaryFocalCrossentropy Dice Tversky
        BinaryAccuracy BinaryIoU AUC Precision Recall TruePositives TrueNegatives FalsePositives
        FalseNegatives PrecisionAtRecall RecallAtPrecision SensitivityAtSpecificity
        SpecificityAtSensitivity""",
    ("binary", "margins"): "Hinge SquaredHinge",
    ("binary", "decisions"): "Accuracy",
    ("numbers", "numbers"): """MeanSquaredError RootMeanSquaredError MeanAbsoluteError
        MeanAbsolutePercentageError MeanSquaredLogarithmicError Huber LogCosh LogCoshError Poisson
        CosineSimilarity R2Score PearsonCorrelation ConcordanceCorrelation""",
    ("groups", "embeddings"): "Circle",
    ("sequences", "sequences"): "CTC",
    ("none", "numbers"): "Mean Sum",
    # Their function, or the shape of the outputs, decides.
    ("any", "any"): "MeanMetricWrapper",
}


def compared(name: str) -> tuple[str, str]:
    """The labels and outputs that a loss or metric of that name compares; "" if unknown."""
    return next((pair for pair, names in MEASURES.items() if name in names.split()), ("", ""))
