"""`nnpy launch`: a training that several workers on this machine share."""

from __future__ import annotations

import click

from nnpy.cli.terminal import Terminal


@click.command(
    short_help="Train with several workers on this machine.",
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
)
@click.option(
    "-n",
    "--count",
    type=click.IntRange(min=2, max=256),
    required=True,
    help="How many workers.",
)
@click.argument("arguments", nargs=-1, required=True, type=click.UNPROCESSED, metavar="CONFIG …")
@click.pass_obj
def launch(terminal: Terminal, count: int, arguments: tuple[str, ...]) -> None:
    """Train as `nnpy train CONFIG …` does, shared by several workers on this machine.

    Each is a process of its own with its part of the cores. What follows -n N is handed to
    `nnpy train`, such as --set or --resume. On several machines, start `nnpy train` with
    --workers on each instead.
    """
    from nnpy.errors import UsageError
    from nnpy.workflows.launch import launch as run

    taken = ("--workers", "--worker-index", "--token", "--seeds")
    for each in arguments:
        if each.partition("=")[0] in taken:
            raise UsageError(f"{each.partition('=')[0]} is not for nnpy launch; see nnpy train")
    launched = run(count, arguments, terminal.say)
    if launched.output.strip():
        terminal.result(launched.output.strip(), essential=False)
    if launched.exit_code:
        raise click.exceptions.Exit(launched.exit_code if launched.exit_code > 0 else 1)
