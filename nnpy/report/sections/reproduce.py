"""The section of the page about how to repeat the run."""

from __future__ import annotations

from nnpy.report import html
from nnpy.report.contents import Contents
from nnpy.report.html import safe


def repeat_section(contents: Contents) -> str:
    parts = []
    if contents.command:
        parts.append(f"<p>The command was</p><pre>{html.block(contents.command, 4000)}</pre>")
    parts.append(
        "<p>From the run folder alone, with a comparison of every number:</p>"
        f"<pre>nnpy reproduce {safe(contents.name, 200)}</pre>"
    )
    if contents.config:
        parts.append("<h3>The config, with all defaults</h3>")
        parts.append(f"<pre>{html.block(contents.config)}</pre>")
    if contents.versions:
        rows = [(safe(key, 60), safe(value, 300)) for key, value in contents.versions.items()]
        parts.append("<h3>Made with</h3>" + html.table(("what", "which"), rows))
    return html.section("How to repeat it", "".join(parts), "seed")
