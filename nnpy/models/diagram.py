"""The drawing of a model: Keras's own, rendered by Graphviz or by the renderer that comes along.

Importing this module imports Keras.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sysconfig
from pathlib import Path
from typing import Any

import keras

from nnpy.errors import NnpyError
from nnpy.models import pdf
from nnpy.storage import atomic

FORMATS = ("png", "svg", "pdf", "dot")


class NoRenderer(NnpyError):
    """No program on this machine could draw the diagram."""


def graph(model: keras.Model) -> Any:
    """The model as a `pydot.Dot`: what `keras.utils.plot_model` draws, with shapes and names."""
    return keras.utils.model_to_dot(
        model,
        show_shapes=True,
        show_layer_names=True,
        show_layer_activations=True,
        expand_nested=True,
        show_trainable=False,
    )


def dot_text(model: keras.Model) -> str:
    """The graph in the DOT language, the same for the same model.

    Keras names nodes by their address in memory; here they are numbered in their order.
    """
    numbers: dict[str, str] = {}
    text = str(graph(model).to_string())
    return re.sub(
        r"\b\d{9,}\b", lambda match: numbers.setdefault(match[0], f"n{len(numbers)}"), text
    )


def renderers() -> list[str]:
    """The programs that can draw, best first: the system's `dot`, then `graphviz-pure`."""
    scripts = sysconfig.get_path("scripts")
    found = (
        shutil.which("dot"),
        shutil.which("graphviz-pure", path=scripts),
        shutil.which("graphviz-pure"),
    )
    return list(dict.fromkeys(filter(None, found)))


def render(text: str, form: str) -> bytes:
    """DOT → "png", "svg" or "pdf". Raises NoRenderer with what each program said."""
    if form == "dot":
        return text.encode()
    if form in ("svg", "pdf"):
        # Drawn in points; some versions of Graphviz cut off what another resolution makes larger.
        text = re.sub(r'\bdpi="?[\d.]+"?', "dpi=72", text)
    failures = []
    # Some builds of Graphviz crash at orthogonal edges (keras#21815): then curved ones.
    for splines in ("ortho", "true"):
        source = text.replace("splines=ortho", f"splines={splines}").encode()
        for program in renderers():
            try:
                if form == "pdf" and Path(program).name == "graphviz-pure":
                    return pdf.from_svg(_draw(program, source, "svg"))
                return _draw(program, source, form)
            except (OSError, ValueError, subprocess.SubprocessError) as error:
                failures.append(f"{program}: {_reason(error)}")
    raise NoRenderer("; ".join(failures) or "neither dot nor graphviz-pure is installed")


def _draw(program: str, source: bytes, form: str) -> bytes:
    command = [program, f"-T{form}"]
    return subprocess.run(command, input=source, capture_output=True, check=True, timeout=60).stdout


def _reason(error: Exception) -> str:
    said = getattr(error, "stderr", None) or str(error).encode()
    return " ".join(said.decode(errors="replace").split())[:200]


def save(model: keras.Model, path: Path) -> None:
    """Draws `model` into a .png, .svg, .pdf or .dot file. Raises NoRenderer."""
    atomic.write_bytes(path, render(dot_text(model), path.suffix.lstrip(".").lower()))
