"""`nnpy verify`: proof that a training survives being killed."""

from __future__ import annotations

import click

from nnpy.cli import options
from nnpy.cli.terminal import Terminal


@click.command(short_help="Prove that training survives being killed.")
@click.argument("config", type=click.Path())
@options.overrides
@click.option(
    "--kills", type=click.IntRange(1), default=3, show_default=True, help="Number of kills."
)
@click.option(
    "--seed", type=int, default=0, show_default=True, help="Seed of the moments of the kills."
)
@click.option(
    "--keep", type=click.Path(), metavar="DIR", help="Keep the runs in this new or empty folder."
)
@options.device
@options.devices
@options.as_json
@click.pass_obj
def verify(
    terminal: Terminal,
    config: str,
    overrides: tuple[str, ...],
    kills: int,
    seed: int,
    keep: str | None,
    device: str | None,
    devices: str | None,
    as_json: bool,
) -> None:
    """Train CONFIG undisturbed and again with kills and resumes, and compare the results.

    Weights, best checkpoint, metrics and test results must match bit for bit; otherwise the
    exit code is 1. Takes a little longer than two trainings and one start for each kill.
    """
    import dataclasses
    import tempfile
    from pathlib import Path

    from nnpy.config.load import load_config
    from nnpy.errors import RunError, UsageError
    from nnpy.workflows import verify

    load_config(config, overrides)  # its mistakes are told before anything is trained
    if keep is not None and Path(keep).is_dir() and any(Path(keep).iterdir()):
        raise UsageError(f"--keep {keep}: the folder is not empty")
    arguments = [config, *(f"--set={each}" for each in overrides)]
    if device is not None:
        arguments += ["--device", device]
    if devices is not None:
        arguments += ["--devices", devices]
    with tempfile.TemporaryDirectory(prefix="nnpy-verify-") as temporary:
        folder = Path(keep or temporary)
        folder.mkdir(parents=True, exist_ok=True)
        proof = verify.verify_resume(arguments, folder, kills, seed, terminal.say)
    if as_json:
        terminal.result(dataclasses.asdict(proof))
    else:
        for name, digest in proof.digests.items():
            equal = all(differing != name for _, differing in proof.differences)
            terminal.result(f"{name:<28} {digest[:16]}  {'equal' if equal else 'DIFFERENT'}")
        terminal.result(
            f"{proof.kills} kills ({proof.in_writes} in the middle of a write), "
            f"{proof.resumes} resumes, {proof.runs} killed runs completed"
        )
    if proof.differences:
        raise RunError(f"not equal: {'; '.join(': '.join(each) for each in proof.differences)}")
