"""The section of the page about the data."""

from __future__ import annotations

from nnpy.report import html
from nnpy.report.contents import Contents
from nnpy.report.formatting import MOST_ROWS, count, shape_words
from nnpy.report.html import number, safe


def data_section(contents: Contents) -> str:
    data = contents.data
    if not data:
        return ""
    counts = [
        (label, int(data[key]))
        for key, label in (
            ("train", "training set"),
            ("validation", "validation set"),
            ("test", "test set"),
        )
        if data.get(key)
    ]
    said = "; ".join(f"{number(count)} in the {label}" for label, count in counts)
    shape = shape_words(data["shape"]) if data.get("shape") else ""
    classes = list(data.get("classes") or ())
    parts = [f"<p>The data set <em>{safe(data.get('name', ''), 200)}</em>"]
    parts.append(f": {said}." if said else ".")
    if shape:
        parts.append(f" Each example is {safe(shape)}.")
    parts.append("</p>")
    if classes:
        listed = ", ".join(safe(name, 60) for name in classes[:MOST_ROWS])
        rest = f" and {len(classes) - MOST_ROWS} more" if len(classes) > MOST_ROWS else ""
        parts.append(f"<p>{count(len(classes), 'class', 'classes')}: {listed}{rest}.</p>")
    if data.get("digests"):
        rows = [
            (safe(name, 80), f"<code>{safe(value, 80)}</code>")
            for name, value in data["digests"].items()
        ]
        parts.append(
            html.more(
                "Where the files were, and their digests",
                f"<p>{safe(data.get('source', ''), 300)}</p>"
                + html.table(("file", "SHA-256 of its content"), rows),
            )
        )
    terms = ["training set"] + (["validation set"] if data.get("validation") else []) + ["test set"]
    return html.section("On what", "".join(parts), *terms)
