"""A training as people watch it: a bar on a terminal, a line an epoch when piped."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from nnpy.cli.terminal import Terminal
from nnpy.runs.exchange import exchange_words
from nnpy.runs.folder import Run
from nnpy.training.progress import ProgressListener

if TYPE_CHECKING:
    from rich.progress import Progress


class TerminalProgress(ProgressListener):
    """Shows a training on a `Terminal`."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        self._bar: Progress | None = None
        self._task: Any = None

    def on_start(self, run: Run) -> None:
        self._terminal.log_to(run.log_path)
        summary = run.summary()
        execution = summary["execution"]
        self._terminal.say(
            f"{run}: {summary['parameters']['total']:,} parameters on {summary['device']}, "
            f"{execution['mode']} ({execution['reason']})"
        )

    def on_message(self, message: str) -> None:
        self._close()
        self._terminal.say(message)

    def on_exit(self) -> None:
        self._close()

    def on_data(self, what: str, done: int, total: int | None) -> None:
        if self._terminal.is_terminal:
            self._show(what, done, total or done + 1, "")
            if total is not None and done >= total:
                self._close()
        elif done == 0:
            self._terminal.say(what)

    def on_chunk_end(
        self, epoch: int, epochs: int, step: int, steps: int, logs: Mapping[str, float]
    ) -> None:
        if self._terminal.is_terminal:
            text = "  ".join(f"{name} {value:.4f}" for name, value in logs.items())
            self._show(f"Epoch {epoch}/{epochs}", step, steps, text)

    def on_epoch_end(self, epochs: int, row: Mapping[str, float], best: bool) -> None:
        self._close()
        names = [name for name in row if name not in ("epoch", "seconds", "learning_rate")]
        text = "  ".join(f"{name} {row[name]:.4f}" for name in names)
        star = "  best so far" if best and any(name.startswith("val_") for name in names) else ""
        width = len(str(epochs))
        self._terminal.say(
            f"epoch {int(row['epoch']):>{width}}/{epochs}  {row['seconds']:6.2f} s  {text}{star}"
        )

    def on_finish(self, summary: Mapping[str, Any]) -> None:
        self._close()
        test = "  ".join(f"{name} {value:.4f}" for name, value in summary["test"].items())
        best = summary["best_epoch"]
        of = f" (best epoch: {best})" if best else ""
        self._terminal.say(f"test  {test}{of}")
        if exchange := exchange_words(summary):
            self._terminal.say(f"exchange  {exchange}")

    def _show(self, title: str, done: int, total: int, text: str) -> None:
        if self._bar is None:
            from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

            self._bar = Progress(
                TextColumn("{task.description}"),
                BarColumn(bar_width=30),
                TextColumn("{task.percentage:>3.0f}%"),
                TimeRemainingColumn(compact=True),
                TextColumn("{task.fields[text]}"),
                console=self._terminal.console,
                transient=True,
            )
            self._bar.start()
            self._task = self._bar.add_task(title, total=total, text=text)
        self._bar.update(self._task, description=title, completed=done, total=total, text=text)

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None
