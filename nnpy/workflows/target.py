"""What people name on the command line or to the API: a run, a model file, an exported file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nnpy.config.config import Config
from nnpy.config.load import load_config
from nnpy.errors import UsageError
from nnpy.runs.folder import Run
from nnpy.workflows.session import ConfigLike

Target = str | Path | Run | None  # a run, or a .keras file; None is the newest run


def open_run(target: Target) -> Run:
    """The run that `target` names; None is the newest. Raises UsageError when there is none."""
    if target is None:
        return Run.newest()
    return target if isinstance(target, Run) else Run.open(target)


def model_and_config(
    target: Target, config: ConfigLike | None, trust_code: bool
) -> tuple[Path, Config]:
    """The model file that `target` names, and the config of its run.

    `config` is used instead where it is given; a .keras file outside a run is taken to be for
    Fashion-MNIST without one. Raises UsageError when there is no model.
    """
    if target is None:
        target = Run.newest()
    if not isinstance(target, Run):
        path = Path(target)
        if path.is_file():
            home = Run(path.parent.parent)
            in_run = path.parent.name in ("checkpoints", "export")
            if config is None and in_run and home.is_run():
                return path, load_config(home.config_path, trust_code=trust_code)
            source = config if config is not None else {"model": ["Flatten"]}
            return path, load_config(source, trust_code=trust_code)
        target = Run.open(path)
    if not target.best_path.is_file():
        raise UsageError(f"{target} has no checkpoint yet ({target.best_path} does not exist)")
    source = config if config is not None else target.config_path
    return target.best_path, load_config(source, trust_code=trust_code)


def is_model_or_run(target: Any) -> bool:
    """Whether a path names a run folder or a model file, and not a config."""
    if isinstance(target, str | Path):
        path = Path(target)
        return path.is_dir() or path.suffix in (".keras", ".h5", ".hdf5")
    return False


def exported_file(target: Target) -> Path | None:
    """The exported file or folder that `target` names; None where it is a run or a model."""
    from nnpy.export import formats

    if target is None or isinstance(target, Run):
        return None
    path = Path(target)
    return path if formats.of_file(path) is not None else None
