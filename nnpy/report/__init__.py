"""The page of a run: what was trained, on what, how it went, how good it is, where it fails.

`render` turns plain facts into one self-contained HTML file; it reads nothing and knows no paths.
"""

from __future__ import annotations

from nnpy.report import html as page
from nnpy.report.contents import Contents, Evaluation
from nnpy.report.sections.data import data_section
from nnpy.report.sections.headline import head
from nnpy.report.sections.history import course_section
from nnpy.report.sections.mistakes import failures_section
from nnpy.report.sections.model import model_section
from nnpy.report.sections.quality import quality_section
from nnpy.report.sections.reproduce import repeat_section

__all__ = ["LIMIT", "Contents", "Evaluation", "render"]

LIMIT = 3_000_000  # bytes of a page


def render(contents: Contents) -> str:
    """The page as HTML, always under 3 MB: what is heavy is left out where it must."""
    for drawings in (True, False):
        body = "\n".join(
            part
            for part in (
                head(contents),
                "<main>",
                model_section(contents, drawings),
                data_section(contents),
                course_section(contents),
                quality_section(contents),
                failures_section(contents, drawings),
                repeat_section(contents),
                "</main>",
                "<footer>Written by nnpy. This page is one file; it loads nothing from "
                "anywhere.</footer>",
            )
            if part
        )
        html = page.document(f"{contents.name} – nnpy", body)
        if len(html.encode()) <= LIMIT:
            break
    return html
