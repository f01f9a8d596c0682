"""Makes `catalog.json` from the installed Keras: `python -m nnpy.catalog.build [PATH]`.

Names and defaults come from the signatures; what a parameter takes, from its default, its
docstring and the conventions of its name; what none of these tell, from `nnpy.catalog.hints`.
Where nothing tells, the catalog says "any": it must never refuse what Keras accepts.
"""

from __future__ import annotations

import ast
import inspect
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from operator import attrgetter
from pathlib import Path
from typing import Any

from nnpy.catalog.catalog import SHIPPED
from nnpy.catalog.entries import Entry, Parameter
from nnpy.catalog.hints import (
    ABBREVIATIONS,
    ACTIVATION_OPERATIONS,
    DIRECTIONS,
    DTYPES,
    EXAMPLE,
    MORE_ARGUMENTS,
    NOT_ARGUMENTS,
    NOT_FOR_CONFIGS,
    OPEN_ENDED,
    RANKS,
    SEVERAL_INPUTS,
)
from nnpy.catalog.kinds import MODULES
from nnpy.catalog.measures import compared
from nnpy.catalog.naming import snake_case
from nnpy.catalog.pack import pack
from nnpy.catalog.signatures import describe, documented, first_sentence


def entries() -> Iterator[Entry]:
    """Every public object of the installed Keras that a config can name."""
    import keras

    for kind, module in MODULES.items():
        yield from _classes(kind, attrgetter(module)(keras))
    yield Entry(
        kind="loss",
        name="crossentropy",
        aliases=("ce",),
        doc="Binary, sparse categorical or categorical crossentropy, as the output tells.",
    )
    yield from _activations(keras.activations)
    yield from _operations(keras.ops, keras.activations)


def _public(module: Any, wanted: Callable[[Any], bool]) -> dict[str, Any]:
    """The public members of a module by name."""
    names = [name for name in dir(module) if not name.startswith("_")]
    return {name: value for name in names if wanted(value := getattr(module, name))}


def _classes(kind: str, module: Any) -> Iterator[Entry]:
    public = _public(module, inspect.isclass)
    by_class: dict[type, list[str]] = {}
    for name, cls in public.items():
        if name not in NOT_FOR_CONFIGS[kind]:
            by_class.setdefault(cls, []).append(name)
    identifiers = _identifiers(kind, module, public)
    for cls, names in by_class.items():
        name = cls.__name__ if cls.__name__ in names else names[0]
        targets, outputs = compared(name) if kind in ("loss", "metric") else ("", "")
        # The class's own name is what Keras writes into a model.
        aliases = {*names, cls.__name__, *identifiers.get(cls, ())}
        if kind == "optimizer":
            aliases |= {each.lower() for each in names}  # Keras ignores their case
        aliases -= {name}
        yield Entry(
            kind=kind,
            name=name,
            aliases=tuple(sorted(aliases)),
            parameters=tuple(_constructor(kind, cls)),
            call=tuple(_call(cls)) if kind == "layer" else (),
            doc=first_sentence(cls.__doc__ or ""),
            open_ended=name in OPEN_ENDED.split(),
            **(_ranks(cls) if kind == "layer" else {}),
            targets=targets,
            outputs=outputs,
            direction=_direction(cls) if kind == "metric" else "",
        )


def _identifiers(kind: str, module: Any, public: Mapping[str, type]) -> dict[type, set[str]]:
    """The strings by which the module's own `get` knows each class.

    A loss's identifier gives a function; it belongs to the class whose name it is in snake case.
    """
    if not hasattr(module, "get"):
        return {}
    snake = {snake_case(name): cls for name, cls in public.items()}
    candidates = {*public, *snake, *ABBREVIATIONS.get(kind, "").split(), *_public(module, callable)}
    candidates |= {name.lower() for name in public}
    found: dict[type, set[str]] = {}
    for candidate in candidates:
        try:
            value = module.get("accuracy" if candidate == "acc" else candidate)
        except TypeError:  # it is known, but needs arguments
            value = snake.get(candidate)
            if value:
                found.setdefault(value, set()).add(candidate)
            continue
        except Exception:  # noqa: BLE001 – whatever else it raises, it is no identifier
            continue
        cls = snake.get(value.__name__) if inspect.isfunction(value) else type(value)
        if cls is not None:
            found.setdefault(cls, set()).add(candidate)
    return found


def _activations(module: Any) -> Iterator[Entry]:
    by_function: dict[Any, list[str]] = {}
    for name in _public(module, inspect.isfunction):
        if name not in NOT_FOR_CONFIGS["activation"]:
            by_function.setdefault(module.get(name), []).append(name)
    for function, names in by_function.items():
        name = function.__name__ if function.__name__ in names else names[0]
        first, *rest = _signature("activation", function)
        yield Entry(
            kind="activation",
            name=name,
            aliases=tuple(sorted({*names} - {name})),
            parameters=tuple(rest),
            call=(replace(first, types=("tensor",)),),
            doc=first_sentence(function.__doc__ or ""),
        )


def _operations(module: Any, activations: Any) -> Iterator[Entry]:
    """`keras.ops.relu` is `relu`, also `nn.relu`; `keras.ops.image.resize` is `image.resize`.

    Those of `keras.activations` are `activations.relu`.
    """
    by_function: dict[Any, list[str]] = {}
    for name, function in _public(module, inspect.isfunction).items():
        by_function.setdefault(function, []).append(name)
    for name, part in _public(module, inspect.ismodule).items():
        for inner, function in _public(part, inspect.isfunction).items():
            by_function.setdefault(function, []).append(f"{name}.{inner}")
    for name in ACTIVATION_OPERATIONS:
        by_function[getattr(activations, name)] = [f"activations.{name}"]
    for function, names in by_function.items():
        yield Entry(
            kind="op",
            name=names[0],
            aliases=tuple(sorted(names[1:])),
            call=tuple(_signature("op", function)),
            doc=first_sentence(function.__doc__ or ""),
        )


def _example(cls: Any) -> Any:
    """An object of the class with the plainest arguments, or None."""
    try:
        return cls(**_plainest(cls))
    except Exception:  # noqa: BLE001 – some need arguments of their own, or other packages
        return None


def _plainest(cls: Any) -> dict[str, Any]:
    """The required arguments of a class; KeyError where one has no example."""
    required = [each for each in _arguments(cls.__init__) if each.default is each.empty]
    values = {each.name: EXAMPLE[each.name] for each in required}
    return {name: value() if callable(value) else value for name, value in values.items()}


def _ranks(cls: Any) -> dict[str, Any]:
    """The rank of input that a layer asks for, before it is built."""
    for pattern, rank in RANKS:
        if re.fullmatch(pattern, f"{cls.__module__}.{cls.__name__}"):
            return rank
    spec = getattr(_example(cls), "input_spec", None)
    if spec is None or isinstance(spec, list | tuple):
        return {}
    if spec.ndim is not None:
        return {"input_rank": spec.ndim}
    return {"min_rank": spec.min_ndim} if spec.min_ndim is not None else {}


def _direction(cls: Any) -> str:
    """Which way of a metric is better, by Keras's own word where it has one."""
    known = next((way for way, names in DIRECTIONS.items() if cls.__name__ in names.split()), "")
    # Private, but what Keras's own callbacks go by in mode "auto"; it has no public name.
    words = {"up": "max", "down": "min"}
    return known or words.get(getattr(_example(cls), "_direction", ""), "")


def _arguments(function: Callable, variadic: bool = False) -> list[inspect.Parameter]:
    """The named parameters of a function but `self`; with `variadic`, its `*args` too."""
    unnamed: list[Any] = [inspect.Parameter.VAR_KEYWORD]
    if not variadic:
        unnamed += [inspect.Parameter.VAR_POSITIONAL]
    return [
        each
        for each in inspect.signature(function).parameters.values()
        if each.kind not in unnamed and each.name not in ("self", "cls")
    ]


def _takes_more(function: Callable) -> bool:
    """Whether a function has `**kwargs`."""
    kinds = [each.kind for each in inspect.signature(function).parameters.values()]
    return inspect.Parameter.VAR_KEYWORD in kinds


def _constructor(kind: str, cls: type) -> Iterator[Parameter]:
    """The parameters of a constructor, with those that `**kwargs` hands to the class above."""
    seen: set[str] = set()
    for owner in cls.__mro__:
        if "__init__" not in vars(owner) or owner is object:
            continue
        docs = documented(owner) if owner is cls else {**documented(owner), **documented(cls)}
        init = vars(owner)["__init__"]
        for each in (*_arguments(init), *_unnamed(init)):
            if each.name in seen:
                continue
            seen.add(each.name)
            if owner is cls or _accepts(cls, each):
                yield describe(kind, cls.__name__, each, docs.get(each.name, ""))
        if not _takes_more(init):
            break
    for name in MORE_ARGUMENTS.get(cls.__name__, "").split():
        if name not in seen:
            more = inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None)
            yield describe(kind, cls.__name__, more, "")


def _unnamed(init: Callable) -> Iterator[inspect.Parameter]:
    """The arguments that a constructor takes out of its `**kwargs` by name."""
    for name, default in re.findall(
        r"kwargs\.pop\(\s*\"(\w+)\"(?:,\s*([^()]+?))?,?\s*\)", inspect.getsource(init)
    ):
        if name not in NOT_ARGUMENTS.split():
            value = ast.literal_eval(default) if default else None
            yield inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=value)


def _accepts(cls: type, parameter: inspect.Parameter) -> bool:
    """Whether a class takes an argument of the class above it, tried with its default."""
    if parameter.default is parameter.empty:
        return False
    # Some take an argument of the class above only to say that they do not support it.
    value = EXAMPLE.get(parameter.name, parameter.default)
    try:
        cls(**_plainest(cls), **{parameter.name: value})
    except KeyError:
        return True  # no example of this class: what the class above takes is all we know
    except (TypeError, ValueError) as error:
        return parameter.name not in str(error)
    except Exception:  # noqa: BLE001 – it failed for another reason
        return True
    return True


def _call(cls: Any) -> Iterator[Parameter]:
    docs = documented(cls, "Call arguments")
    for position, each in enumerate(_arguments(cls.call)):
        parameter = describe("layer", cls.__name__, each, docs.get(each.name, ""))
        if position == 0 and cls.__name__ in SEVERAL_INPUTS.split():
            yield replace(parameter, types=("list",), items=("tensor",))
        else:
            yield replace(parameter, types=_call_types(parameter))


def _call_types(parameter: Parameter) -> tuple[str, ...]:
    if parameter.name in ("training",):
        return ("bool", "null")
    if isinstance(parameter.default, bool):
        return ("bool",)
    if parameter.name in ("initial_state", "states"):
        return ("tensor", "list") + (() if parameter.required else ("null",))
    return ("tensor",) if parameter.required else ("tensor", "null")


def _signature(kind: str, function: Callable) -> Iterator[Parameter]:
    docs = documented(function)
    for each in _arguments(function, variadic=True):
        yield describe(kind, function.__name__, each, docs.get(each.name, ""))


def write(path: Path, text: str) -> None:
    """Writes a file whole or not at all; makes its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def dtypes() -> list[str]:
    """The names of data types and dtype policies that Keras knows."""
    import keras

    known = []
    for name in DTYPES.split():
        try:
            keras.dtype_policies.get(name) if "_" in name else keras.backend.standardize_dtype(name)
        except (ValueError, TypeError):
            continue
        known.append(name)
    return known


def main() -> None:
    """Writes the catalog of the installed Keras to the path given, or to the package."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import keras

    path = Path(sys.argv[1]) if len(sys.argv) > 1 else SHIPPED
    write(path, pack(keras.__version__, dtypes(), entries()))


if __name__ == "__main__":
    main()
