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
workers = click.option(
    "--workers",
    metavar="HOST:PORT,…",
    help="Share the training by several processes or machines, each started with this list and "
    "its own --worker-index; slurm takes them from srun. TF_CONFIG is read as well.",
)
worker_index = click.option(
    "--worker-index",
    type=click.IntRange(min=0),
    metavar="I",
    help="Which of --workers this process is; 0, the chief, writes the run.",
)
token = click.option(
    "--token",
    envvar="NNPY_TOKEN",
    metavar="SECRET",
    help="A secret that all workers share, so that no stranger joins; better in NNPY_TOKEN.",
)
worker_timeout = click.option(
    "--worker-timeout",
    type=click.FloatRange(min=1),
    default=None,
    metavar="SECONDS",
    help="How long to wait for the other workers; default: 60.",
)
as_json = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
trust_code = click.option(
    "--trust-code",
    is_flag=True,
    help="Run the Python files of a run that came from someone else.",
)
