"""Names that Keras makes, and names that it takes.

Keras opens a scope of TensorFlow with the name of each layer and loss, and outside of all others
with that of a model and an optimizer; TensorFlow takes letters of English, digits and a few signs.
"""

from __future__ import annotations

import re
import unicodedata

_SCOPE = re.compile(r"[A-Za-z0-9_.-]+(?:>[A-Za-z0-9.][A-Za-z0-9_.-]*)*\Z")
_OUTER_SCOPE = re.compile(rf"(?=[A-Za-z0-9.]){_SCOPE.pattern}")

# The kinds of objects whose names are scopes, and those whose scope stands in no other.
_SCOPED = frozenset(("layer", "cell", "loss", "optimizer"))
_OUTERMOST = frozenset(("optimizer",))


def snake_case(name: str) -> str:
    """`GlobalAveragePooling2D` → `global_average_pooling2d`, as Keras names its layers."""
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", re.sub(r"\W+", "", name))
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()


def name_problem(name: str, kind: str) -> str:
    """Why Keras cannot call an object of that kind so, or nothing."""
    pattern = _OUTER_SCOPE if kind in _OUTERMOST else _SCOPE
    if kind not in _SCOPED or pattern.match(name):
        return ""
    if not name:
        return "a name must not be empty"
    first = ", and begins with neither _ nor -" if _SCOPE.match(name) else ""
    better = scope_name(name, "")
    hint = f"; write {better}" if better and better != name else ""
    return f"a name has letters A-Z, digits and _ . - only{first}: '{name}' is not allowed{hint}"


def scope_name(text: str, otherwise: str) -> str:
    """The text as a name that TensorFlow takes anywhere: `modèle (2)` → `modele_2`."""
    plain = unicodedata.normalize("NFKD", text)
    plain = "".join(each for each in plain if not unicodedata.combining(each))
    plain = re.sub(r"[^A-Za-z0-9_.-]+", "_", plain).strip("_-")
    return plain or otherwise
