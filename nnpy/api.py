"""nnpy from Python: the functions behind the commands.

    import nnpy
    run = nnpy.train("configs/mlp.yaml", overrides=["training.epochs=10"])
    nnpy.evaluate(run)["metrics"]["accuracy"]

TensorFlow is imported when a function needs it, while a thread reads the data.
"""

from __future__ import annotations

import dataclasses
import importlib.util
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nnpy import data
from nnpy.config import load as configs
from nnpy.config.load import Config
from nnpy.data import DataInfo, Dataset
from nnpy.devices import select
from nnpy.errors import RunError, UsageError
from nnpy.runs.folder import Run, versions
from nnpy.storage import lock
from nnpy.training import resume as resuming
from nnpy.training.progress import Watcher
from nnpy.training.timing import Clock

if TYPE_CHECKING:
    import keras

    from nnpy.report.comparison import Comparison
    from nnpy.workflows.evaluate import Measured
    from nnpy.workflows.reproduce import Reproduction

ConfigLike = str | Path | Mapping[str, Any] | Config


def train(
    config: ConfigLike,
    *,
    overrides: Iterable[str] = (),
    run_dir: str | None = None,
    overwrite: bool = False,
    deterministic: bool = False,
    device: str | None = None,
    tensorboard: bool = False,
    trust_code: bool = False,
    watcher: Watcher | None = None,
) -> Run:
    """Trains what a config says and returns the run folder.

    Args:
        config: A path, plain data of the same form, or a `Config`.
        overrides: As of `--set`: "training.epochs=10".
        run_dir: The folder to make; default runs/<config name>[-N].
        overwrite: Replace the run that `run_dir` holds.
        deterministic: Only operations that give the same bits each time, however slow.
        device: "cpu", "gpu" or "gpu:N"; default the GPUs there are, else the CPU.
        tensorboard: Keep logs for TensorBoard in the run folder.
        trust_code: Run the Python files that came with a run of someone else.
        watcher: Is told how it goes.

    Raises:
        ConfigError: With every mistake in the config.
        NnpyError: For what else stands in the way.
    """
    checked = configs.load(config, overrides, trust_code=trust_code)
    return _train(
        checked,
        device,
        watcher,
        run_dir=run_dir,
        overwrite=overwrite,
        deterministic=deterministic,
        tensorboard=tensorboard,
    )


def resume(
    target: str | Path | Run | None = None,
    *,
    overrides: Iterable[str] = (),
    trust_code: bool = False,
    device: str | None = None,
    watcher: Watcher | None = None,
) -> Run:
    """Goes on with a run that was killed, interrupted or failed, and returns it.

    Args:
        target: The run; default the newest unfinished one in runs/.
        overrides: As of `--set`, of what does not alter the past: "training.epochs=20" makes
            even a finished training longer.
        device: As for `train`.
        watcher: As for `train`.

    Raises:
        UsageError: When there is nothing to go on with, or an override alters the past.
        NnpyError: For what else stands in the way.
    """
    if target is None:
        run = Run.newest_unfinished()
    else:
        run = target if isinstance(target, Run) else Run.open(target)
    before = configs.load(run.config_path)
    checked = configs.load(run.config_path, overrides, trust_code=trust_code)
    resuming.check_changes(before.resolved, checked.resolved)
    # The name that the variables bear, whatever the folder is called by now.
    checked = dataclasses.replace(checked, name=run.summary().get("config", checked.name))
    status, epochs = run.status(), run.summary().get("epochs", 0)
    if status == "running":
        raise RunError(f"{run} is being trained already by {lock.holder(run.folder)}")
    if status == "finished" and checked.training.epochs <= epochs:
        more = f"--set training.epochs={2 * max(epochs, 1)} makes it longer"
        raise UsageError(f"{run} is finished, after {epochs} epochs; {more}")
    return _train(
        checked,
        device,
        watcher,
        resumed=run,
        deterministic=bool(run.environment().get("deterministic")),
        tensorboard=run.tensorboard_folder.is_dir(),
    )


def _train(checked: Config, device: str | None, watcher: Watcher | None, **arguments: Any) -> Run:
    if arguments["tensorboard"] and importlib.util.find_spec("tensorboard") is None:
        raise UsageError(
            "TensorBoard is not installed; install nnpy with its extra: .[tensorboard]"
        )
    began = time.perf_counter()
    info, load = _start_loading(checked, watcher)
    select.prepare_environment()
    from nnpy.training import trainer

    clock = Clock(began)
    clock.seconds["import"] = time.perf_counter() - began
    return trainer.train(
        checked, info, load, device=device, watcher=watcher, clock=clock, **arguments
    )


def evaluate(
    target: str | Path | Run | None = None,
    *,
    split: str = "test",
    config: ConfigLike | None = None,
    device: str | None = None,
    predictions: str | Path | None = None,
    trust_code: bool = False,
) -> dict[str, Any]:
    """Loss, metrics and, for a classifier, all its scores with their intervals.

    Of a run's best model, or a .keras file, on a split of its data. `target` defaults to the
    newest run; a .keras file outside a run is evaluated on the data of `config` (default:
    Fashion-MNIST). `predictions` is a .csv or .npz file to keep the answers in.
    """
    place = predictions and Path(predictions)
    if place and place.suffix not in (".csv", ".npz"):
        raise UsageError(f"--predictions {place}: expected a name ending in .csv or .npz")
    measured = _measure(target, split, config, device, trust_code)
    if place:
        from nnpy.report import write

        write.keep(measured.findings, measured.info, place)
    return measured.as_dict()


def report(
    target: str | Path | Run | None = None,
    *,
    device: str | None = None,
    trust_code: bool = False,
) -> Path:
    """Makes a run's evaluation, figures and page anew; returns the path of the page."""
    run = _run(target)
    with lock.locked(run.folder):
        measured = _measure(run, "test", None, device, trust_code)
        from nnpy.report import write

        write.publish(run, measured.model, measured.info, measured.dataset, measured.findings)
    return run.report_path


def predict(
    target: str | Path | Run | None,
    sources: Iterable[str | Path],
    *,
    invert: bool = False,
    config: ConfigLike | None = None,
    trust_code: bool = False,
    device: str | None = None,
) -> dict[str, Any]:
    """What a run's best model (or a .keras file) answers to pictures, folders and .npy files."""
    path, checked = _model_and_config(target, config, trust_code)
    info, load = _start_loading(checked, None)
    select.prepare_environment()
    from nnpy.workflows import predict as predicting

    places = [Path(source) for source in sources]
    return predicting.predict(path, checked, info, load, places, invert=invert, device=device)


def compare(targets: Iterable[str | Path | Run]) -> Comparison:
    """What differs between runs, in the making and in the outcome, and whether by chance."""
    from nnpy.report import comparison as comparing
    from nnpy.report import write

    return comparing.compare(write.compared([_run(target) for target in targets]))


def reproduce(
    target: str | Path | Run | None = None,
    *,
    run_dir: str | None = None,
    trust_code: bool = False,
    device: str | None = None,
    watcher: Watcher | None = None,
) -> Reproduction:
    """Trains a run again from its folder alone, and compares every number."""
    from nnpy.workflows import reproduce as reproducing

    run = _run(target)
    again = train(
        run.config_path,
        run_dir=run_dir,
        device=device,
        trust_code=trust_code,
        watcher=watcher,
    )
    return reproducing.against(run, again)


def build(
    config: ConfigLike, *, overrides: Iterable[str] = (), trust_code: bool = False
) -> keras.Model:
    """The model that a config says, built and compiled, not trained."""
    checked = configs.load(config, overrides, trust_code=trust_code)
    select.prepare_environment()
    from nnpy.models import build as model

    info = data.info(checked.data.name, checked.data.path)
    built = model.build(checked, info)
    model.compile_model(built, checked)
    model.check_outputs(built, checked, info)
    return built


def bench(
    config: ConfigLike,
    *,
    overrides: Iterable[str] = (),
    seconds: float = 3.0,
    rounds: int = 3,
    device: str | None = None,
    progress: Callable[[str], None] | None = None,
) -> dict[str, Any]:
    """How fast a config trains on this machine: `model.fit`, tuned, and each execution mode.

    Each works for about `seconds` in each of `rounds`, in turns; `progress` hears of it.
    """
    checked = configs.load(config, overrides)
    info, load = _start_loading(checked, None)
    select.prepare_environment()
    from nnpy.engine import choose
    from nnpy.models import build as model
    from nnpy.workflows.bench import measure as benchmark

    here = benchmark.Here(checked, info, load, device, model.suits_parts(checked))
    runner_of, dataset, where = here.ready()
    choice = choose(here.made(), checked.training.execution)
    in_parts = here.in_parts and where.startswith("CPU")
    elsewhere = benchmark.Elsewhere(checked, device) if in_parts else None
    try:
        speeds = benchmark.bench(
            lambda name: (
                elsewhere.runner_of(name)
                if elsewhere and name not in benchmark.ENGINE
                else runner_of(name)
            ),
            examples=len(dataset.train),
            batch_size=checked.training.batch_size,
            seconds=seconds,
            rounds=rounds,
            progress=progress,
        )
    finally:
        if elsewhere:
            elsewhere.close()
    return {
        "config": checked.name,
        "device": where,
        "versions": versions(),
        "examples": len(dataset.train),
        "batch_size": checked.training.batch_size,
        "choice": {
            "mode": choice.mode,
            "reason": choice.reason,
            "parts": in_parts,
        },
        "speeds": [speed.as_dict() for speed in speeds],
    }


def plot(
    target: ConfigLike | Run | None = None,
    output: str | Path | None = None,
    *,
    overrides: Iterable[str] = (),
    trust_code: bool = False,
) -> Path:
    """Draws the model of a config (untrained, no data read), a run or a .keras file.

    `output` ends in .png, .svg, .pdf or .dot; default <name>.png in the working folder.
    """
    select.prepare_environment()
    if isinstance(target, Run) or target is None or _is_model_or_run(target):
        path, checked = _model_and_config(target, None, trust_code)  # type: ignore[arg-type]
        from nnpy.models import build as model
        from nnpy.models import diagram
        from nnpy.safety import model_files

        built = model_files.open_model(path, model.own_objects(checked))
        name = checked.name if path.parent.name == "checkpoints" else path.stem
    else:
        checked = configs.load(target, overrides, trust_code=trust_code)
        _check_form(output)
        built, name = build(checked), checked.name
        from nnpy.models import diagram
    _check_form(output)
    place = Path(output) if output is not None else Path(f"{name}.png")
    diagram.save(built, place)
    return place


def _run(target: str | Path | Run | None) -> Run:
    if target is None:
        return Run.newest()
    return target if isinstance(target, Run) else Run.open(target)


def _measure(
    target: str | Path | Run | None,
    split: str,
    config: ConfigLike | None,
    device: str | None,
    trust_code: bool = False,
) -> Measured:
    path, checked = _model_and_config(target, config, trust_code)
    info, load = _start_loading(checked, None)
    select.prepare_environment()
    from nnpy.workflows import evaluate as evaluation

    return evaluation.measure(path, checked, info, load, split=split, device=device)


def _check_form(output: str | Path | None) -> None:
    forms = ("png", "svg", "pdf", "dot")
    if output is not None and Path(output).suffix.lstrip(".").lower() not in forms:
        raise UsageError(f"{output}: expected a name ending in .png, .svg, .pdf or .dot")


def _is_model_or_run(target: Any) -> bool:
    if isinstance(target, str | Path):
        path = Path(target)
        return path.is_dir() or path.suffix in (".keras", ".h5", ".hdf5")
    return False


def _model_and_config(
    target: str | Path | Run | None, config: ConfigLike | None, trust_code: bool
) -> tuple[Path, Config]:
    """The model file that `target` names, and the config of its run."""
    if target is None:
        target = Run.newest()
    if not isinstance(target, Run):
        path = Path(target)
        if path.is_file():
            home = Run(path.parent.parent)
            if config is None and path.parent.name == "checkpoints" and home.is_run():
                return path, configs.load(home.config_path, trust_code=trust_code)
            source = config if config is not None else {"model": ["Flatten"]}
            return path, configs.load(source, trust_code=trust_code)
        target = Run.open(path)
    if not target.best_path.is_file():
        raise UsageError(f"{target} has no checkpoint yet ({target.best_path} is not there)")
    source = config if config is not None else target.config_path
    return target.best_path, configs.load(source, trust_code=trust_code)


def _start_loading(
    config: Config, watcher: Watcher | None
) -> tuple[DataInfo, Callable[[], Dataset]]:
    """Begins to read the data in a thread; the function returned waits for them."""
    settings = config.data
    info = data.info(settings.name, settings.path)
    result: list[Dataset | BaseException] = []

    def work() -> None:
        try:
            result.append(
                data.load(
                    settings.name,
                    path=settings.path,
                    validation_split=settings.validation_split,
                    memory_budget=settings.memory_budget_bytes,
                    progress=watcher.downloading if watcher else None,
                )
            )
        except BaseException as error:  # noqa: BLE001 – raised again by the one who waits
            result.append(error)

    thread = threading.Thread(target=work, name="nnpy-data", daemon=True)
    if not data.SOURCES[settings.name].imports_keras:
        thread.start()

    def wait() -> Dataset:
        if thread.ident is None:
            work()
        else:
            thread.join()
        if isinstance(result[0], BaseException):
            raise result[0]
        return result[0]

    return info, wait
