"""A model on a split of the data → its loss and metrics, and what its answers are worth."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nnpy.config.config import Config
from nnpy.data import DataInfo, Dataset, Split
from nnpy.errors import DataError, UsageError
from nnpy.workflows.session import ConfigLike, Session
from nnpy.workflows.target import Target, exported_file, model_and_config

if TYPE_CHECKING:
    import keras

    from nnpy.evaluation.results import EvaluationResult

SPLITS = ("test", "validation", "train")


@dataclass(frozen=True)
class Evaluated:
    """A model with what was found of it on a split of a data set."""

    path: Path
    model: keras.Model
    data_info: DataInfo
    dataset: Dataset
    result: EvaluationResult
    device: str

    def as_dict(self) -> dict[str, Any]:
        """What is told of it, as plain data."""
        head = {"model": str(self.path), "data": self.data_info.name, "device": self.device}
        return head | self.result.as_dict()


def evaluate_model(
    path: Path, config: Config, *, split: str = "test", device: str | None = None
) -> Evaluated:
    """Everything that is known of the model at `path` on a split of the config's data.

    Raises ModelError when the file is no model, or not one for such data, DataError when the
    split is empty.
    """
    session = Session(config, device=device, model=path)
    from nnpy.evaluation import results
    from nnpy.models import compile
    from nnpy.models.located_errors import errors_of_model

    device_name = session.select_device()
    model = session.open_model(path)
    dataset = session.dataset()
    examples: Split | None = getattr(dataset, split)
    if examples is None:
        raise DataError(f"there is no {split} split: data.{split}.split is 0")
    compile.check_saved(model, session.data_info)
    preprocessing = session.preprocessing(model)
    engine = session.engine(model, preprocessing)
    with errors_of_model(path):
        result = results.evaluate(
            model,
            engine,
            examples,
            session.data_info,
            preprocessing,
            outputs_of=session.outputs_of(model),
            name=split,
        )
    return Evaluated(path, model, session.data_info, dataset, result, device_name)


def evaluate_target(
    target: Target,
    predictions: Path | None,
    given: ConfigLike | None,
    *,
    split: str,
    device: str | None,
    trust_code: bool,
) -> dict[str, Any]:
    """What is told of a run, a model or an exported file; answers are kept in `predictions`."""
    if predictions and predictions.suffix not in (".csv", ".npz"):
        raise UsageError(f"--predictions {predictions}: expected a name ending in .csv or .npz")
    from nnpy.evaluation import predictions_file

    if exported := exported_file(target):
        from nnpy.workflows.export.use import evaluate_exported

        found = evaluate_exported(exported, split=split, config=given, trust_code=trust_code)
        if predictions:
            predictions_file.write(found, found.info, predictions)
        return found.as_dict()
    path, config = model_and_config(target, given, trust_code)
    evaluated = evaluate_model(path, config, split=split, device=device)
    if predictions:
        predictions_file.write(evaluated.result, evaluated.data_info, predictions)
    return evaluated.as_dict()
