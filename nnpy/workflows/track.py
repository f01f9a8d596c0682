"""A run and the trackers of its config: told while it is trained, or later."""

from __future__ import annotations

import contextlib
import functools
import importlib.util
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from nnpy.config import trackers
from nnpy.config.config import Config
from nnpy.config.load import load_config
from nnpy.devices import select
from nnpy.errors import RunError, UsageError
from nnpy.runs.folder import Run
from nnpy.safety import named_files
from nnpy.tracking import sender
from nnpy.tracking.facts import facts_of
from nnpy.tracking.tracker import Group
from nnpy.training.progress import ProgressListener

_PATIENCE = 60.0  # seconds to send the rest of a run that has ended
_HURRY = 5.0  # the same where someone has asked the training to end


def check_installed(wanted: Mapping[str, Any]) -> None:
    """Raises UsageError where a tracker's package is missing."""
    for name in wanted:
        package = trackers.PACKAGES[name]
        if importlib.util.find_spec(package) is None:
            raise UsageError(
                f"training.trackers: the package '{package}' is not installed; install nnpy with "
                f"the extra: .[{name}]"
            )


class Tracking(ProgressListener):
    """Sends a run to the trackers of its config while it is trained."""

    def __init__(
        self, config: Config | None, tell: Callable[[str], None], group: Group | None
    ) -> None:
        self._config, self._tell, self._group = config, tell, group
        self._senders: list[sender.Sender] = []
        self._run: Run | None = None

    def on_start(self, run: Run) -> None:
        wanted = trackers.named(self._config.training.trackers) if self._config else {}
        if self._config is None or not wanted:
            return
        self._run = run
        facts = facts_of(run, self._config.resolved, self._group)
        for name, arguments in wanted.items():
            make = functools.partial(sender.make, name, arguments, run)
            self._senders.append(sender.Sender(name, make, facts, run.metrics(), self._tell))
        for each in self._senders:
            each.start()

    def on_epoch_end(self, epochs: int, row: Mapping[str, float], best: bool) -> None:
        for each in self._senders:
            each.add(row)

    def close(self, hurried: Callable[[], bool]) -> None:
        """The run is over and lies in its folder: sends the rest, if that takes no time."""
        for each in self._senders:
            each.close(_HURRY if hurried() else _PATIENCE)
            if not each.done:
                reason = each.reason or "it takes too long"
                self._tell(
                    f"{each.name} was not told everything ({reason}); later: nnpy track {self._run}"
                )


@contextlib.contextmanager
def tracked(
    config: Config | None,
    tell: Callable[[str], None],
    hurried: Callable[[], bool],
    group: Group | None,
) -> Iterator[Tracking]:
    """What is trained within this context is sent, at its end the rest; nothing without config."""
    tracking = Tracking(config, tell, group)
    try:
        yield tracking
    finally:
        tracking.close(hurried)


def track_run(
    run: Run, extra: Sequence[str] = (), *, group: Group | None = None, uri: str | None = None
) -> dict[str, str]:
    """Sends a run that is over to the trackers of its config, or to those named; their ids.

    Raises UsageError where there is none, RunError where one is away.
    """
    config = load_config(run.config_path, trust_code=True)  # none of its code is run
    wanted = trackers.named(config.training.trackers)
    if extra or uri:
        wanted = {name: wanted.get(name, {}) for name in extra or ("mlflow",)}
    if uri:
        wanted = {name: {**each, "uri": uri} for name, each in wanted.items() if name == "mlflow"}
    else:
        named_files.check(config, training=True)
    if not wanted:
        raise UsageError(
            f"{run}: its config has no training.trackers; say --to with one of "
            f"{', '.join(trackers.TRACKERS)}"
        )
    check_installed(wanted)
    select.prepare_environment()  # TensorBoard imports TensorFlow where it can
    if run.status() == "running":
        raise UsageError(f"{run} is being trained; it is sent by its own process")
    ids = {}
    facts = facts_of(run, config.resolved, group)
    for name, arguments in wanted.items():
        make = functools.partial(sender.make, name, arguments, run)
        one = sender.Sender(name, make, facts, run.metrics(), lambda _: None)
        try:
            one.send(over=True)
        except Exception as error:  # noqa: BLE001 – whatever a tracker's library raises
            raise RunError(f"{name} cannot be told: {sender.words(error)}") from None
        ids[name] = run.sent(name).get("id", "")
    return ids


def group_of(title: str, key: str, folder: Path) -> Group:
    """A group with its lock in a folder that its runs have in common."""
    return Group(title, key, folder / ".trackers.lock")
