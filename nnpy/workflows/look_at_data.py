"""What a training would see of its data, without a training."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from nnpy.config.load import load_config
from nnpy.data import Progress
from nnpy.data.targets import told
from nnpy.runs.folder import Run
from nnpy.workflows import first_config
from nnpy.workflows.session import ConfigLike, Session


def look_at(
    source: ConfigLike, overrides: Iterable[str] = (), on_data: Progress | None = None
) -> dict[str, Any]:
    """The facts as plain data; see `nnpy.data.look`. Raises DataError as a training would.

    Of a config, of a run, or of data themselves.
    """
    if isinstance(source, str | Path):
        path = Path(source)
        if first_config.is_data(path):
            source = first_config.of(path, (), on_data).plain
        elif path.is_dir():
            source = Run.open(path).config_path
    config = load_config(source, overrides)
    session = Session(config, read=False, on_data=on_data)
    dataset = session.dataset()
    from nnpy.data.look import look

    found = look(dataset)
    known = "\n".join(found["notes"])
    found["notes"] += [line for line in told(session.data_info) if line not in known]
    return {"config": config.name, **found}
