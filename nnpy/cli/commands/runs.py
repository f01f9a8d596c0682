"""`nnpy runs`: the runs of a folder as a table."""

from __future__ import annotations

from typing import Any

import click

from nnpy.cli import options, tables
from nnpy.cli.terminal import Terminal


@click.command(short_help="List the runs.")
@click.argument("folder", type=click.Path(), default="runs")
@click.option(
    "--sort", metavar="COLUMN", default="date", show_default=True, help="Sort by this column."
)
@click.option("--reverse", is_flag=True, help="Sort in descending order.")
@options.as_json
@click.option("--csv", "as_csv", is_flag=True, help="Print the table as CSV.")
@click.pass_obj
def runs(
    terminal: Terminal, folder: str, sort: str, reverse: bool, as_json: bool, as_csv: bool
) -> None:
    """List the runs in a FOLDER with their results."""
    from pathlib import Path

    from nnpy.runs import listing

    found = listing.ordered(listing.rows(Path(folder)), sort, reverse=reverse)
    if as_json:
        terminal.result({"runs": found})
        return
    for each in found:
        if "error" in each:
            terminal.say(each["error"])
    names = listing.columns(found)
    if as_csv:
        terminal.result(tables.as_csv(names, [[each.get(n, "") for n in names] for each in found]))
        return
    if not found:
        terminal.say(f"no run in {folder}")
        return
    numeric = [i for i, n in enumerate(names) if n not in ("run", "date", "status", "config")]
    rows = [[_cell(each.get(n)) for n in names] for each in found]
    terminal.result(tables.table([n.replace("_", " ") for n in names], rows, numeric=numeric))


def _cell(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
