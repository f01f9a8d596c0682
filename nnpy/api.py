"""nnpy from Python: the functions behind the commands.

    import nnpy
    run = nnpy.train("configs/mlp.yaml", overrides=["training.epochs=10"])
    nnpy.evaluate(run)["metrics"]["accuracy"]

TensorFlow is imported when a function needs it, while a thread reads the data.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nnpy import config as configs
from nnpy import data, devices
from nnpy.config import Config
from nnpy.data import DataInfo, Dataset
from nnpy.errors import UsageError
from nnpy.run import Run
from nnpy.watcher import Watcher

if TYPE_CHECKING:
    import keras

ConfigLike = str | Path | Mapping[str, Any] | Config


def train(
    config: ConfigLike,
    *,
    overrides: Iterable[str] = (),
    run_dir: str | None = None,
    overwrite: bool = False,
    device: str | None = None,
    watcher: Watcher | None = None,
) -> Run:
    """Trains what a config says and returns the run folder.

    Args:
        config: A path, plain data of the same form, or a `Config`.
        overrides: As of `--set`: "training.epochs=10".
        run_dir: The folder to make; default runs/<config name>[-N].
        overwrite: Replace the run that `run_dir` holds.
        device: "cpu", "gpu" or "gpu:N"; default the GPUs there are, else the CPU.
        watcher: Is told how it goes.

    Raises:
        ConfigError: With every mistake in the config.
        NnpyError: For what else stands in the way.
    """
    checked = configs.load(config, overrides)
    began = time.perf_counter()
    info, load = _start_loading(checked, watcher)
    devices.prepare_environment()
    from nnpy import trainer

    clock = trainer.Clock(began)
    clock.seconds["import"] = time.perf_counter() - began
    return trainer.train(
        checked,
        info,
        load,
        run_dir=run_dir,
        overwrite=overwrite,
        device=device,
        watcher=watcher,
        clock=clock,
    )


def evaluate(
    target: str | Path | Run | None = None,
    *,
    split: str = "test",
    config: ConfigLike | None = None,
    device: str | None = None,
) -> dict[str, Any]:
    """Loss and metrics of a run's best model, or of a .keras file, on a split of its data.

    `target` defaults to the newest run; a .keras file outside a run is evaluated on the data
    of `config` (default: Fashion-MNIST).
    """
    path, checked = _model_and_config(target, config)
    info, load = _start_loading(checked, None)
    devices.prepare_environment()
    from nnpy import evaluation

    return evaluation.evaluate(path, checked, info, load, split=split, device=device)


def build(config: ConfigLike, *, overrides: Iterable[str] = ()) -> keras.Model:
    """The model that a config says, built and compiled, not trained."""
    checked = configs.load(config, overrides)
    devices.prepare_environment()
    from nnpy import model

    info = data.info(checked.data.name, checked.data.path)
    built = model.build(checked, info)
    model.compile_model(built, checked)
    model.check_outputs(built, checked, info)
    return built


def plot(
    target: ConfigLike | Run | None = None,
    output: str | Path | None = None,
    *,
    overrides: Iterable[str] = (),
) -> Path:
    """Draws the model of a config (untrained, no data read), a run or a .keras file.

    `output` ends in .png, .svg, .pdf or .dot; default <name>.png in the working folder.
    """
    devices.prepare_environment()
    if isinstance(target, Run) or target is None or _is_model_or_run(target):
        path, checked = _model_and_config(target, None)  # type: ignore[arg-type]
        from nnpy import diagram, evaluation

        built = evaluation.open_model(path)
        name = checked.name if path.parent.name == "checkpoints" else path.stem
    else:
        checked = configs.load(target, overrides)
        _check_form(output)
        built, name = build(checked), checked.name
        from nnpy import diagram
    _check_form(output)
    place = Path(output) if output is not None else Path(f"{name}.png")
    diagram.save(built, place)
    return place


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
    target: str | Path | Run | None, config: ConfigLike | None
) -> tuple[Path, Config]:
    """The model file that `target` names, and the config of its run."""
    if target is None:
        target = Run.newest()
    if not isinstance(target, Run):
        path = Path(target)
        if path.is_file():
            home = Run(path.parent.parent)
            if config is None and path.parent.name == "checkpoints" and home.is_run():
                return path, configs.load(home.config_path)
            return path, configs.load(config if config is not None else {"model": ["Flatten"]})
        target = Run.open(path)
    if not target.best_path.is_file():
        raise UsageError(f"{target} has no checkpoint yet ({target.best_path} is not there)")
    return target.best_path, configs.load(config if config is not None else target.config_path)


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
