"""Which step a name stands for: the names of one model, or of one use of a block."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from nnpy.catalog.naming import name_problem, scope_name
from nnpy.config.checker import Checker
from nnpy.config.network.graph import INPUT, Ref
from nnpy.config.wording import show
from nnpy.config.yaml.nodes import Mark, Node
from nnpy.errors import did_you_mean

_MAX_DOTS = 20


@dataclass
class Names:
    """What the scopes of one model share."""

    taken: dict[str, Mark | None] = field(default_factory=dict)  # every name of the model
    outputs: dict[str, tuple[str, ...]] = field(default_factory=dict)  # of a nested model
    dangling: bool = False  # a reference failed: what seems unused may be what it meant


@dataclass
class Scope:
    """The names that `from:` may use at one place, each with what it stands for.

    `prefix` is what the names of this use of a block begin with in the whole model; `frozen`
    whether the layers of it are not trained.
    """

    checker: Checker
    model: Names = field(default_factory=Names)
    prefix: str = ""
    frozen: bool = False
    refs: dict[str, Ref] = field(default_factory=dict)
    later: dict[str, Mark | None] = field(default_factory=dict)  # names of steps further down
    automatic: Counter[str] = field(default_factory=Counter)

    def announce(self, layers: Node) -> None:
        """Takes note of the names that the user gave, so that automatic ones keep clear."""
        for item in layers.value:
            if item.is_map and len(item.value) == 1:
                arguments = next(iter(item.value.values()))
                name = arguments.value.get("name") if arguments.is_map else None
                if name is not None and isinstance(name.value, str):
                    self.later.setdefault(name.value, name.mark)

    def add(self, name: str, ref: Ref, mark: Mark | None) -> None:
        """From here on `name` stands for `ref`."""
        self.refs[name] = ref
        if isinstance(ref, str):
            self.model.taken.setdefault(ref, mark)

    def choose(self, given: Node | None, base: str, path: str, *, kind: str = "layer") -> str:
        """A step's own name in this scope: the given one, or else one made from `base`.

        Keras is less strict with the names of operations (`kind` "op") than with others.
        """
        if given is not None and isinstance(given.value, str):
            self._check_name(given, f"{path}.name", kind)
            return given.value
        base = scope_name(base, kind)
        while True:
            count = self.automatic[base]
            self.automatic[base] += 1
            name = f"{base}_{count}" if count else base
            if not self._is_taken(name) and name not in self.later:
                return name

    def _is_taken(self, name: str) -> bool:
        return name in self.refs or self.prefix + name in self.model.taken

    def _check_name(self, given: Node, path: str, kind: str) -> None:
        name = given.value
        problem = name_problem(name, kind)
        if name == INPUT and INPUT in self.refs:
            message = "'input' is the name of the model's input; choose another"
            self.checker.error(given, path, message)
        elif self._is_taken(name):
            first = self.model.taken.get(self.prefix + name)
            where = f" (first on line {first.line})" if first else ""
            self.checker.error(given, path, f"duplicate name '{name}'{where}")
        elif "/" in name or not name:
            self.checker.error(given, path, "a name must not be empty or contain '/'")
        elif problem:
            self.checker.error(given, path, problem)

    # -- references -----------------------------------------------------------------------

    def find(self, name: str) -> Ref | None:
        """What `name`, `name.1` or `name.output` stands for.

        `name/1` is surely an output, where a step may be named `name.1` too.
        """
        if name in self.refs:
            return self.refs[name]
        if "/" in name:
            head, _, tail = name.rpartition("/")
            surely = bool(tail)
        else:
            head, _, tail = name.rpartition(".")
            surely = False
        if not head or name.count(".") + name.count("/") > _MAX_DOTS:
            return None
        whole = self.find(head)
        if isinstance(whole, str) and (
            surely or tail.isdecimal() or tail in self.model.outputs.get(whole, ())
        ):
            return f"{whole}/{tail}"
        if isinstance(whole, tuple) and tail.isdecimal() and int(tail) < len(whole):
            return whole[int(tail)]
        return None

    def reference(self, node: Node, path: str) -> Ref:
        """The step that a `from:` names; the mistake is reported where there is none."""
        name = node.value
        if not isinstance(name, str):
            message = f"expected the name of a step, got {show(node)}"
        else:
            found = self.find(name)
            if found is not None:
                return found
            if name in self.later:
                mark = self.later[name]
                where = f" on line {mark.line}" if mark else ""
                message = (
                    f"'{name}' is defined further down{where}; a step can only use steps above it"
                )
            else:
                message = f"no step is named '{name}'{did_you_mean(name, self.refs)}"
        self.model.dangling = True
        self.checker.error(node, path, message)
        return INPUT

    def references(self, node: Node, path: str) -> tuple[str, ...]:
        """The steps that a list in `from:` names, in one flat row."""
        found: list[str] = []
        for index, each in enumerate(node.value):
            ref = self.reference(each, f"{path}[{index}]")
            found.extend((ref,) if isinstance(ref, str) else ref)
        return tuple(found)
