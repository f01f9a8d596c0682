"""Options that several commands share."""

from __future__ import annotations

import click

overrides = click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="KEY=VALUE",
    help="Override a setting, such as training.epochs=10; may be repeated.",
)
device = click.option(
    "--device",
    metavar="cpu|gpu|gpu:N",
    help="Require this device; default: a GPU, or the CPU if there is none.",
)
devices = click.option(
    "--devices",
    metavar="all|N|0,2",
    help="Share the training by several GPUs: all, how many, or which; default: all. With "
    "--device cpu the CPU is divided into N.",
)
as_json = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
trust_code = click.option(
    "--trust-code",
    is_flag=True,
    help="Run the Python files of a run that came from someone else.",
)
