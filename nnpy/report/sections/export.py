"""The section of the page about the model's other forms, and how they agree with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from nnpy.report.formatting import MOST_ROWS, words
from nnpy.report.html import Cell, Number, Table
from nnpy.text import plain


def export_section(exports: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """The facts of sections/export.html."""
    if not exports:
        return None
    shown = exports[:MOST_ROWS]
    head = ("file", "difference", "same answers", "score", "size", "ms an example")
    wrong = [f"{each['file']}: {'; '.join(each['reasons'])}" for each in shown if each["reasons"]]
    return {
        "count": Number(len(exports)),
        "compared": Number(shown[0].get("examples", 0)),
        "scored": Number(shown[0].get("scored", 0)),
        "table": Table(head, [_row(each) for each in shown], numeric=(1, 2, 4, 5)),
        "wrong": wrong,
    }


def _row(each: Mapping[str, Any]) -> tuple[Cell, ...]:
    same, before, after = each.get("same"), each.get("before"), each.get("after")
    scored = before is not None and after is not None
    name = words(str(each.get("score", "")))
    times = each.get("model_milliseconds"), each.get("milliseconds")
    return (
        plain(each["file"], 100),
        Number(float(each["difference"]), ".1e"),
        "–" if same is None else Number(float(same), "%"),
        f"{plain(name, 40)} {before:.4f} → {after:.4f}" if scored else "–",
        f"{each.get('model_bytes', 0) / 1000:,.0f} → {each['bytes'] / 1000:,.0f} kB",
        "–" if None in times else f"{times[0]:.3f} → {times[1]:.3f}",
    )
