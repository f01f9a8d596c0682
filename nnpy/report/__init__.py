"""The page of a run: what was trained, on what, how it went, how good it is, where it fails.

`render` turns plain facts into one self-contained HTML file; it reads nothing and knows no paths.
"""

from __future__ import annotations

from nnpy.report import html as page
from nnpy.report.contents import Contents, Findings
from nnpy.report.sections.headline import head
from nnpy.report.sections.history import course_section, data_section, model_section, repeat_section
from nnpy.report.sections.quality import failures_section, quality_section

__all__ = ["LIMIT", "Contents", "Findings", "render"]

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
