"""A sweep as people watch it: a table on a terminal, a line a trial when piped."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from nnpy.cli.terminal import Terminal
from nnpy.config.sweep.space import words
from nnpy.workflows.sweep.course import Active, SweepListener
from nnpy.workflows.sweep.result import Sweep
from nnpy.workflows.sweep.trials import Claimed

if TYPE_CHECKING:
    from rich.live import Live
    from rich.table import Table

    from nnpy.config.sweep.check import SweepPlan


class TerminalSweep(SweepListener):
    """Shows a sweep on a `Terminal`."""

    def __init__(self, terminal: Terminal, plan: SweepPlan) -> None:
        self._terminal, self._plan = terminal, plan
        self._live: Live | None = None
        self._began = time.monotonic()
        self._done = 0  # here
        self._ended = 0  # the highest number of a trial that is over, from 1
        self._best: tuple[float, int] | None = None

    def __enter__(self) -> TerminalSweep:
        return self

    def __exit__(self, *_: object) -> None:
        self.on_exit()

    def on_start(self, sweep: Sweep) -> None:
        self._ended = sum(each.state != "running" for each in sweep.trials)
        if sweep.best is not None and sweep.best.value is not None:
            self._best = (sweep.best.value, sweep.best.number)
            if self._ended < sweep.planned:
                self._terminal.say(f"going on: {self._state()}")

    def on_message(self, message: str) -> None:
        self._terminal.say(message)

    def on_exit(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    def on_trial_end(self, trial: Claimed, state: str, text: str) -> None:
        self._done += 1
        self._ended = max(self._ended, trial.number + 1)
        star = ""
        if state == "complete":
            value = sum(trial.each) / len(trial.each)
            sign = 1 if self._plan.mode == "max" else -1
            if self._best is None or sign * value > sign * self._best[0]:
                self._best, star = (value, trial.number), "  best so far"
        values = "  ".join(
            f"{path.rpartition('.')[2]} {words(value)}" for path, value in trial.values.items()
        )
        self._terminal.say(f"trial {trial.number} {state}: {text}{star}  ({values})")

    def on_change(self, active: list[Active]) -> None:
        if not self._terminal.is_terminal:
            return
        if self._live is None:
            from rich.live import Live

            self._live = Live(console=self._terminal.console, transient=True, auto_refresh=False)
            self._live.start()
        self._live.update(self._table(active), refresh=True)

    def _table(self, active: list[Active]) -> Table:
        from rich.table import Table
        from rich.text import Text

        table = Table(box=None, pad_edge=False, caption=self._state(), caption_justify="left")
        for name in ("trial", "epoch", self._plan.objective):
            table.add_column(name, justify="right")
        table.add_column("values")
        for each in active:
            value = each.row.get(self._plan.objective)
            values = "  ".join(
                f"{path.rpartition('.')[2]} {words(value)}"
                for path, value in each.trial.values.items()
            )
            table.add_row(
                str(each.trial.number),
                f"{each.epoch}/{each.epochs}",
                "–" if value is None else f"{value:.4f}",
                Text(values, overflow="ellipsis", no_wrap=True),
            )
        return table

    def _state(self) -> str:
        planned = self._plan.settings.trials
        parts = [f"{self._ended} of {planned} trials"]
        if self._best is not None:
            parts.append(f"best {self._best[0]:.4f} (trial {self._best[1]})")
        if self._done and planned > self._ended:
            each = (time.monotonic() - self._began) / self._done
            minutes = each * (planned - self._ended) / 60
            parts.append(f"{minutes:.0f} min left" if minutes >= 1 else "less than a minute left")
        return ", ".join(parts)
