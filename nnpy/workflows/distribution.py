"""Whether a training is shared by several devices, and what stands in the way."""

from __future__ import annotations

from dataclasses import dataclass

from nnpy.config import sharing
from nnpy.config.config import Config
from nnpy.devices.cluster import Cluster
from nnpy.devices.select import Devices, how_many
from nnpy.errors import DeviceError, UsageError


@dataclass(frozen=True)
class Plan:
    """How many devices a training may take where nobody says how many, and why no more."""

    most: int | None
    because: str = ""

    def notes(self, there: int) -> list[str]:
        """What is to be said where `there` GPUs are on the machine."""
        return (
            [f"one of {there} GPUs is used: {self.because}"] if self.because and there > 1 else []
        )


def plan(config: Config, several: str | None, cluster: Cluster | None = None) -> Plan:
    """What `training.distribute` and `--devices` mean for a config, before TensorFlow is there.

    Raises UsageError where they do not go together, or the config cannot be shared.
    """
    distribute, asked = config.training.distribute, how_many(several)
    if distribute == "none":
        if cluster is not None:
            raise UsageError(
                f"{len(cluster.addresses)} workers: training.distribute is none, which is for one "
                "device; use --set training.distribute=auto"
            )
        if several == "all" or (asked or 1) > 1:
            raise UsageError(
                f"--devices {several}: training.distribute is none, which is for one device; use "
                "--set training.distribute=auto"
            )
        return Plan(1)
    _, obstacle = sharing.obstacle(config.model, config.training)
    if not obstacle:
        return Plan(config.training.batch_size)
    if cluster is not None:
        raise UsageError(f"{len(cluster.addresses)} workers: {obstacle}")
    if asked != 1 and several is not None:
        raise UsageError(f"--devices {several}: {obstacle}")
    return Plan(1, obstacle)


def check(config: Config, devices: Devices, cluster: Cluster | None = None) -> None:
    """Raises DeviceError where the config needs several devices and there is one, or UsageError
    where a batch has fewer examples than there are devices."""
    workers = len(cluster.addresses) if cluster else 1
    count, size = len(devices.names) * workers, config.training.batch_size
    if config.training.distribute == "mirrored" and count < 2:
        raise DeviceError(
            f"training.distribute: mirrored needs several devices, and there is one: "
            f"{devices.words}. auto shares the training where there are several; --device cpu "
            "--devices 2 divides the CPU to try it"
        )
    if count > size:
        raise UsageError(
            f"a batch of {size} cannot be shared by {count} devices; use --set "
            f"training.batch_size={count} or more, or fewer devices: --devices {size}"
        )
