"""What a training with a config would see of its data, without a training."""

from __future__ import annotations

from typing import Any

from nnpy.config.config import Config
from nnpy.data import Progress
from nnpy.data.targets import told
from nnpy.workflows.session import Session


def look_at(config: Config, *, on_data: Progress | None = None) -> dict[str, Any]:
    """The facts as plain data; see `nnpy.data.look`. Raises DataError as a training would."""
    session = Session(config, read=False, on_data=on_data)
    dataset = session.dataset()
    from nnpy.data.look import look

    found = look(dataset)
    known = "\n".join(found["notes"])
    found["notes"] += [line for line in told(session.data_info) if line not in known]
    return {"config": config.name, **found}
