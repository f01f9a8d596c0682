"""`nnpy track`: a run that is over → MLflow, TensorBoard."""

from __future__ import annotations

import click

from nnpy.cli import options
from nnpy.cli.terminal import Terminal


@click.command(short_help="Send finished runs to MLflow or TensorBoard.")
@click.argument("runs", type=click.Path(), nargs=-1, metavar="[RUN]...")
@click.option(
    "--to",
    multiple=True,
    type=click.Choice(["tensorboard", "mlflow"]),
    help="Where to; default: the training.trackers of the run's config.",
)
@click.option("--uri", metavar="URI", help="The address of the MLflow server.")
@options.as_json
@click.pass_obj
def track(
    terminal: Terminal, runs: tuple[str, ...], to: tuple[str, ...], uri: str | None, as_json: bool
) -> None:
    """Send each RUN (default: the newest) to the trackers of its config.

    What was sent already is not sent twice: a run whose tracker was away is caught up. The id
    of the tracked run is printed on stdout.
    """
    from nnpy.workflows.target import open_run
    from nnpy.workflows.track import track_run

    terminal.quiet()
    found = {}
    names: tuple[str | None, ...] = runs or (None,)
    for each in names:
        run = open_run(each)
        found[str(run)] = track_run(run, to, uri=uri)
    if as_json:
        terminal.result(found)
        return
    lines = [f"{run}  {name} {id}" for run, ids in found.items() for name, id in ids.items()]
    terminal.result("\n".join(lines))
