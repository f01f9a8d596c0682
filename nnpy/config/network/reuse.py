"""`reuse`: the step whose layer is called once more."""

from __future__ import annotations

from collections.abc import Mapping

from nnpy.config.network.graph import Step
from nnpy.config.network.inputs import Use
from nnpy.config.wording import show


def reused(
    use: Use, by_name: Mapping[str, Step], outermost: Mapping[str, Step]
) -> tuple[Step, str] | None:
    """The step whose layer is called again, and what it goes by; a mistake is reported.

    `by_name` are the steps of this network so far, `outermost` those of the whole model.
    """
    node = use.argument("layer")
    if node is None:
        use.error(use.mark, "missing argument 'layer': the name of a step")
        return None
    if isinstance(node.value, str) and node.value.startswith("/"):
        there = _at(node.value, outermost)
        if there is None:
            message = f"no layer of the whole model stands above at '{node.value}'"
            use.error(node, message, "layer")
            return None
        return there, node.value
    if isinstance(node.value, str) and use.scope.find(node.value) is None:
        use.scope.reference(node, f"{use.path}.layer")  # says what is wrong with it
        return None
    ref = use.scope.find(node.value) if isinstance(node.value, str) else None
    step = by_name.get(ref) if isinstance(ref, str) else None
    own = isinstance(node.value, str) and ref == use.scope.prefix + node.value
    if step is None or not own:
        message = f"expected the name of a layer, got {show(node)}"
        if ref is not None and not own:
            message += ": a block makes new layers at each use, a nested Model shares its layers"
        use.error(node, message, "layer")
        return None
    if step.layer.kind == "op":
        use.error(
            node, f"'{node.value}' is an operation without weights: repeat it instead", "layer"
        )
        return None
    while step.reuse and not step.reuse.startswith("/"):
        step = by_name[step.reuse]
    return step, step.reuse or step.name


def _at(place: str, outermost: Mapping[str, Step]) -> Step | None:
    """The layer at `/encoder/dense`, if it stands above."""
    first, *rest = place.removeprefix("/").split("/")
    step = outermost.get(first)
    for name in rest:
        step = step.network.step(name) if step is not None and step.network else None
    return step if step is not None and step.layer.kind != "op" else None
