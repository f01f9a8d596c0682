"""`nnpy compare`: runs side by side."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nnpy.cli import options, tables
from nnpy.cli.terminal import Terminal

if TYPE_CHECKING:
    from nnpy.evaluation.comparison import Comparison
    from nnpy.runs.differences import Difference


@click.command(short_help="Compare runs side by side.")
@click.argument("runs", type=click.Path(), nargs=-1, required=True, metavar="RUN...")
@click.option(
    "-o",
    "--output",
    type=click.Path(),
    default="compare.html",
    show_default=True,
    metavar="FILE.html",
    help="Where to write the page; the curves go beside it as .png.",
)
@options.as_json
@click.pass_obj
def compare(terminal: Terminal, runs: tuple[str, ...], output: str, as_json: bool) -> None:
    """Show how RUNs differ: in their configs, environments and results.

    McNemar's exact test on the test set that they share tells whether a difference in accuracy
    is more than chance, the paired bootstrap whether one in the errors of numbers is. An HTML
    page and a figure of the curves are written, too.
    """
    if len(runs) < 2:
        raise click.UsageError("expected at least two runs")
    page = Path(output)
    if page.suffix.lower() not in (".html", ".htm"):
        raise click.UsageError(f"--output {output}: expected a name ending in .html")
    from nnpy import api
    from nnpy.report import comparison as comparing
    from nnpy.report import figures
    from nnpy.storage import atomic

    comparison = api.compare(runs)
    atomic.write_text(page, comparing.render(comparison))
    names = comparing.curve_names(comparison.runs)
    if names:
        histories = {run.name: run.history for run in comparison.runs}
        with atomic.translate_error(page.with_suffix(".png")):
            figures.save(figures.overlaid(histories, names), page.with_suffix(".png"))
    if as_json:
        terminal.result({**comparison.as_dict(), "page": str(page)})
        return
    terminal.result(_text(comparison))
    for pair in comparison.pairs:
        terminal.result(comparing.verdict(pair))
    if not comparison.pairs:
        terminal.say(
            "the runs have no saved predictions for the same test set; nnpy report RUN saves them"
        )
    terminal.say(f"page: {page}")


def _text(comparison: Comparison) -> str:
    head = ["", *(run.name for run in comparison.runs)]
    rows = [
        [name, *(_cell(run.metrics.get(name)) for run in comparison.runs)]
        for name in comparison.metrics
    ]
    parts = [tables.table(head, rows, numeric=range(1, len(head)))]
    for title, found in (("config", comparison.config), ("environment", comparison.environment)):
        parts.append(_differences(title, found, head) if found else f"{title}: no difference")
    return "\n\n".join(parts) + "\n"


def _differences(title: str, found: tuple[Difference, ...], head: list[str]) -> str:
    from nnpy.report.comparison import short

    rows = [[each.path, *(short(value, 40) for value in each.values)] for each in found]
    return tables.table([title, *head[1:]], rows)


def _cell(value: Any) -> str:
    from nnpy.report.comparison import short

    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.4f}" if isinstance(value, float) else short(value, 30)
