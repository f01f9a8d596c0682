"""The page of a run: what was trained, on what, how it went, how good it is, where it fails.

`render` turns plain facts into one self-contained HTML file; it reads nothing and knows no paths.
Each section is a function here that says what is told and a template that says how it looks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from nnpy.report import html
from nnpy.report.contents import Contents, Evaluation
from nnpy.report.sections.answers import answers_section
from nnpy.report.sections.data import data_section
from nnpy.report.sections.export import export_section
from nnpy.report.sections.headline import headline
from nnpy.report.sections.history import history_section
from nnpy.report.sections.mistakes import mistakes_section
from nnpy.report.sections.model import model_section
from nnpy.report.sections.quality import quality_section
from nnpy.report.sections.reproduce import reproduce_section

__all__ = ["LIMIT", "Contents", "Evaluation", "render", "with_exports"]

LIMIT = 3_000_000  # bytes of a page
_EXPORT = ("<!-- export -->", "<!-- end of export -->")  # what lies around that section


def render(contents: Contents) -> str:
    """The page as HTML, always under 3 MB: what is heavy is left out where it must."""
    page = _render(contents, drawings=True)
    return page if len(page.encode()) <= LIMIT else _render(contents, drawings=False)


def with_exports(page: str, exports: Sequence[Mapping[str, Any]]) -> str:
    """A page with its section about the model's other formats made anew, the rest as it is.

    A page of an older nnpy, which has no place for it, stays as it is.
    """
    start, stop = (page.rfind(each) for each in _EXPORT)
    if not 0 <= start < stop:
        return page
    made = html.render("sections/export.html", {"export": export_section(exports)})
    return f"{page[: start + len(_EXPORT[0])]}\n{made}{page[stop:]}"


def _render(contents: Contents, drawings: bool) -> str:
    return html.render(
        "report.html",
        {
            "title": f"{contents.name} – nnpy",
            "headline": headline(contents),
            "model": model_section(contents, drawings),
            "data": data_section(contents),
            "history": history_section(contents),
            "quality": quality_section(contents),
            "answers": answers_section(contents, drawings),
            "mistakes": mistakes_section(contents, drawings),
            "export": export_section(contents.exports),
            "reproduce": reproduce_section(contents),
        },
    )
