"""What the JSON files of a run must be, whoever wrote them; what may be missing is optional."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nnpy.storage import json_file
from nnpy.storage.json_file import (
    either,
    mapping,
    number,
    one_of,
    optional,
    plain,
    record,
    sequence,
    text,
    whole,
)

STATUSES = ("running", "finished", "interrupted", "failed")
_LIMIT = 16 << 20  # bytes of such a file
_NUMBERS = optional(mapping(optional(number)))
_STAGE = record(
    {
        "first_epoch": whole,
        "epochs": whole,
        "planned": whole,
        "optimizer": text,
        "learning_rate": number,
        "frozen": sequence(text),
        "trainable": whole,
        "ended_by": text,
    },
    (
        *("first_epoch", "epochs", "planned", "optimizer", "learning_rate", "frozen"),
        "trainable",
    ),
)

SUMMARY = record(
    {
        "status": one_of(*STATUSES),
        "config": optional(text),
        "parameters": optional(either(whole, record({"total": whole, "trainable": whole}))),
        "execution": optional(record({"mode": text, "reason": text})),
        "device": optional(text),
        "distribution": optional(record({"strategy": text, "replicas": whole})),
        "exchange": optional(mapping(number)),
        "epochs": optional(whole),
        "best_epoch": optional(whole),
        "monitor": optional(text),
        "stages": sequence(_STAGE),
        "validation": _NUMBERS,
        "test": _NUMBERS,
        "seconds": _NUMBERS,
        "error": optional(text),
        "resumed": sequence(record({"time": text, "epoch": whole, "step": whole})),
        "restored": sequence(
            record({"in_epoch": whole, "after_epoch": whole, "learning_rate": number})
        ),
    }
)
ENVIRONMENT = record(
    {
        "command": text,
        "started": text,
        "versions": mapping(text),
        "platform": text,
        "git_commit": optional(text),
        "data": mapping(text),
        "data_source": optional(text),
        "split": optional(text),
        "run": optional(text),
        "code_seal": text,
        "file_seals": sequence(text),
    }
)
SENT = record({"id": text, "epochs": whole, "ended": plain})
EXPORT = record(
    {
        "exports": sequence(
            record(
                {
                    "file": text,
                    "format": text,
                    "quantize": text,
                    "bytes": whole,
                    "model_bytes": whole,
                    "milliseconds": number,
                    "model_milliseconds": number,
                    "difference": number,
                    "same": optional(number),
                    "score": text,
                    "before": optional(number),
                    "after": optional(number),
                    "examples": whole,
                    "scored": whole,
                    "reasons": sequence(text),
                    "notes": sequence(text),
                },
                ("file", "format", "quantize", "bytes", "difference", "reasons"),
            )
        )
    },
    ("exports",),
)


def read_summary(path: Path) -> dict[str, Any]:
    """What summary.json tells; {} when it is not there. Raises RunError."""
    summary = json_file.read(path, SUMMARY, _LIMIT)
    if isinstance(summary.get("parameters"), int):  # of an older nnpy
        summary["parameters"] = {"total": summary["parameters"]}
    return {name: value for name, value in summary.items() if value is not None}


def read_environment(path: Path) -> dict[str, Any]:
    """What environment.json tells; {} when it is not there. Raises RunError."""
    return json_file.read(path, ENVIRONMENT, _LIMIT)


def read_sent(path: Path) -> dict[str, Any]:
    """What trackers/NAME.json tells; {} when it is not there. Raises RunError."""
    return json_file.read(path, SENT, _LIMIT)


def read_exports(path: Path) -> list[dict[str, Any]]:
    """What export.json tells; [] when it is not there. Raises RunError."""
    exports: list[dict[str, Any]] = json_file.read(path, EXPORT, _LIMIT).get("exports", [])
    return exports
