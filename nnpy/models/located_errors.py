"""Errors that Keras raises, told at the place in the config that caused them."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator

from nnpy.config.yaml.nodes import Mark
from nnpy.errors import ConfigError, Problem


@contextlib.contextmanager
def errors_located_at(mark: Mark | None, path: str) -> Iterator[None]:
    """Errors of Keras become a ConfigError at the place in the config that caused them."""
    try:
        yield
    except ConfigError:
        raise
    except Exception as error:
        raise _error(_reason(error), mark, path) from error


def _reason(error: Exception) -> str:
    """The part of Keras's message that says what is wrong, on one line."""
    text = str(error).strip()
    text = re.split(r"\n\s*\n?(?:Arguments received|Call arguments received)", text)[0]
    text = re.sub(r"^Exception encountered when calling [^\n]*\n+", "", text)
    text = re.sub(r"\x1b\[[0-9;]*m", "", text)
    text = " ".join(text.split()) or type(error).__name__
    return text if len(text) <= 400 else text[:399] + "…"


def _error(message: str, mark: Mark | None, path: str) -> ConfigError:
    return ConfigError([mark.problem(path, message) if mark else Problem(message, path)])
