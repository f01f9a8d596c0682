"""The entries of the catalog as the text of catalog.json: a line an entry."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from nnpy.catalog.catalog import FORMAT
from nnpy.catalog.entries import Entry, Parameter
from nnpy.catalog.kinds import KINDS


def pack(keras_version: str, dtypes: Iterable[str], entries: Iterable[Entry]) -> str:
    """The text of a catalog file, one line an entry.

    A parameter that many entries of a kind have (a layer's `name`) is written once, under
    `common`, and is only its name in the entries; any other is `[name, fields]`. Fields that
    have their default value are left out.
    """
    lines = [
        f'{{"format": {FORMAT}, "keras": {json.dumps(keras_version)},',
        f'"dtypes": {json.dumps([*dtypes])},',
        '"kinds": {',
    ]
    by_kind: dict[str, list[Entry]] = {kind: [] for kind in KINDS}
    for entry in entries:
        by_kind[entry.kind].append(entry)
    for kind, members in by_kind.items():
        common = _common(members)
        lines.append(f'"{kind}": {{"common": {{')
        lines += _joined((name, _fields(each)) for name, each in sorted(common.items()))
        lines.append('}, "entries": {')
        lines += _joined(
            (entry.name, _packed(entry, common))
            for entry in sorted(members, key=lambda entry: entry.name)
        )
        lines.append("}}" + ("," if kind != KINDS[-1] else ""))
    lines.append("}}")
    return "\n".join(lines) + "\n"


def _common(entries: Iterable[Entry]) -> dict[str, Parameter]:
    """For each name that occurs twice or more in one form: the most frequent form."""
    counts: dict[str, dict[str, int]] = {}
    forms: dict[str, Parameter] = {}
    for entry in entries:
        for each in (*entry.parameters, *entry.call):
            form = json.dumps([each.name, _fields(each)])
            forms[form] = each
            count = counts.setdefault(each.name, {})
            count[form] = count.get(form, 0) + 1
    common = {}
    for name, count in counts.items():
        form = min(count, key=lambda form: (-count[form], form))
        if count[form] > 1:
            common[name] = forms[form]
    return common


def _packed(entry: Entry, common: Mapping[str, Parameter]) -> dict:
    def short(parameters: tuple[Parameter, ...]) -> list:
        return [
            each.name if common.get(each.name) == each else [each.name, _fields(each)]
            for each in parameters
        ]

    fields = {
        "doc": entry.doc,
        "aliases": entry.aliases,
        "input_rank": entry.input_rank,
        "min_rank": entry.min_rank,
        "targets": entry.targets,
        "outputs": entry.outputs,
        "open_ended": entry.open_ended,
        "direction": entry.direction,
        "parameters": short(entry.parameters),
        "call": short(entry.call),
    }
    return {key: value for key, value in fields.items() if value}


def _fields(parameter: Parameter) -> dict:
    empty = Parameter(parameter.name)
    return {
        key: value
        for key, value in vars(parameter).items()
        if value != getattr(empty, key) or type(value) is not type(getattr(empty, key))
    }


def _joined(pairs: Iterable[tuple[str, dict]]) -> list[str]:
    lines = [
        f"{json.dumps(name)}: {json.dumps(value, ensure_ascii=False)}" for name, value in pairs
    ]
    return [line + "," for line in lines[:-1]] + lines[-1:]
