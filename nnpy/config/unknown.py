"""Keys and names that nothing bears: told with the one that was meant, where one is near."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from nnpy.catalog.catalog import Catalog
from nnpy.config.objects import ACTIVATION_LAYERS
from nnpy.config.wording import with_article
from nnpy.errors import nearest

if TYPE_CHECKING:
    from nnpy.config.checker import Checker
    from nnpy.config.yaml.nodes import Mark, Node

KEY = "unknown-key"
NAME = "unknown-name"


def unknown_key(
    checker: Checker,
    mapping: Node,
    key: object,
    path: str,
    known: Sequence[str],
    *,
    word: str = "key",
    owner: str = "",
    otherwise: str | None = None,
) -> None:
    """Reports a key of `mapping` that is not among `known`.

    A name that does not stand in the mapping yet is likelier to be meant than one that does.
    Where none is near, `otherwise` is said, or else what is known.
    """
    unused = [name for name in known if name not in mapping.value]
    near = nearest(str(key), unused) or nearest(str(key), known)
    if near:
        hint = f"; did you mean '{near}'?"
    else:
        hint = f"; known: {', '.join(known)}" if otherwise is None else otherwise
    where = mapping.keys.get(key) or mapping
    checker.error(where, path, f"unknown {word} '{key}'{owner}{hint}", KEY, near or "")


def unknown_name(
    checker: Checker,
    where: Node | Mark | None,
    name: str,
    path: str,
    known: Iterable[str],
    *,
    word: str = "value",
    otherwise: str = "",
) -> None:
    """Reports a value that names none of `known`."""
    near = nearest(name, known)
    hint = f"; did you mean '{near}'?" if near else otherwise
    checker.error(where, path, f"unknown {word} '{name}'{hint}", NAME, near or "")


def unknown_object(
    catalog: Catalog, kinds: Sequence[str], name: str, also: Iterable[str] = ()
) -> tuple[str, str]:
    """`unknown layer 'Dens'; did you mean 'Dense'?`, and the name that was meant, or "".

    `also` are further known names.
    """
    known = [each for kind in kinds for each in catalog.suggestions(section(kind))]
    meant = nearest(name, (*known, *also)) or ""
    message = f"unknown {kinds[0]} '{name}'"
    if "activation" in kinds:
        function = next((own for own, layer in ACTIVATION_LAYERS.items() if layer == name), "")
        if function:
            return f"{message}: it is a layer; did you mean '{function}'?", meant
    for other in ("layer", "activation", "loss", "metric", "optimizer", "callback"):
        if other not in kinds and catalog.find(other, name):
            return f"{message}: it is {with_article(other)}", meant
    return message + (f"; did you mean '{meant}'?" if meant else ""), meant


def section(kind: str) -> str:
    """The part of the catalog that lists a kind."""
    return "layer" if kind == "cell" else kind
