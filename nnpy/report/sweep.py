"""A sweep → one page: the best trial, what was tried, what matters, what failed and why.

`render` turns plain facts into one self-contained HTML file; it reads nothing.
"""

from __future__ import annotations

import urllib.parse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from nnpy.config.sweep.space import words
from nnpy.evaluation.comparison import Pair
from nnpy.evaluation.statistics import McNemar
from nnpy.report import figures, html
from nnpy.report.comparison import verdict
from nnpy.report.figures import search
from nnpy.report.html import Cell, Link, Number, Table
from nnpy.text import plain

_ROWS = 1_000  # trials in the table
_FEW = 3  # complete trials below which there is nothing to draw


@dataclass(frozen=True)
class SweepContents:
    """What the page tells.

    Args:
        told: As `Sweep.as_dict` tells a sweep.
        importance: The share of each setting, by path; {} where it cannot be known.
        config: best.yaml, "" where there is none.
        links: By the number of a trial, the place of its run beside the page.
    """

    told: Mapping[str, Any]
    importance: Mapping[str, float]
    config: str
    links: Mapping[int, str]


def render(contents: SweepContents) -> str:
    """The page."""
    told = contents.told
    trials, best = told["trials"], told["best"]
    done = [each for each in trials if each["state"] == "complete"]
    name = str(told["sweep"]).rpartition("/")[2]
    return html.render(
        "sweep.html",
        {
            "title": f"{plain(name, 60)} – nnpy sweep",
            "name": name,
            "objective": told["objective"],
            "best": best and Number(best["value"]),
            "number": best and best["number"],
            "facts": _facts(told),
            "values": _values(told) if best else None,
            "chance": _chance(told) if best else [],
            "history": _figure(search.history(trials, told["objective"], told["mode"]), "history")
            if done
            else None,
            **_drawn(contents, done),
            "trials": _table(contents),
            "more": max(0, len(trials) - _ROWS),
            "failures": _failures(contents),
            "config": html.text_lines(contents.config) if contents.config else None,
        },
    )


def _drawn(contents: SweepContents, done: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    told = contents.told
    if len(done) < _FEW:
        return {"parallel": None, "importance": None, "slices": []}
    seen = [each for each in told["trials"] if each["value"] is not None and each["values"]]
    objective, space = told["objective"], told["search"]
    return {
        "parallel": _figure(search.parallel(done, space, objective, told["mode"]), "parallel"),
        "slices": [
            _figure(search.setting(seen, path, said, objective), f"slice-{number}", path)
            for number, (path, said) in enumerate(list(space.items())[: search.MOST])
        ],
        "importance": _figure(search.importance(contents.importance), "importance")
        if contents.importance
        else None,
    }


def _figure(figure: Any, name: str, path: str = "") -> Markup:
    words = {
        "history": "The value of each trial, and the best so far",
        "parallel": "A line for each trial through the values of its settings",
        "importance": "How much each setting matters",
    }
    return figures.inline_svg(figure, name, words.get(name) or f"What trials reach by {path}")


def _facts(told: Mapping[str, Any]) -> list[tuple[str, str]]:
    counts = ", ".join(f"{count} {state}" for state, count in told["counts"].items() if count)
    seconds = sum(each["seconds"] for each in told["trials"])
    facts = [("trials", f"{counts or 'none'} of {told['planned']}")]
    if seconds:
        facts.append(("training in all", f"{seconds / 60:.1f} min"))
    facts += [(f"test {name}", f"{value:.4f}") for name, value in told["test"].items()]
    return facts


def _values(told: Mapping[str, Any]) -> Table:
    rows: list[list[Cell]] = [
        [html.Code(plain(path, 120)), _cell(value)]
        for path, value in told["best"]["values"].items()
    ]
    return Table(("setting", "best value"), rows)


def _chance(told: Mapping[str, Any]) -> list[str]:
    """Whether the best trial is better than the second by more than chance."""
    ranked = _ranked(told)
    if len(ranked) < 2:
        return []
    first, second = ranked[:2]
    lines = []
    if told["comparison"]:
        known = {key: told["comparison"][key] for key in McNemar.__dataclass_fields__}
        names = (f"trial {first['number']}", f"trial {second['number']}")
        told_so = verdict(Pair(*names, McNemar(**known)))
        lines.append(told_so[:1].upper() + told_so[1:])
    else:
        lines.append(
            f"Trial {first['number']} has {first['value']:.4f}, trial {second['number']} "
            f"{second['value']:.4f}; they have not been compared example by example."
        )
    for each in ranked[:2] if "each" in first else ():
        low, high = min(each["each"]), max(each["each"])
        lines.append(
            f"Over {len(each['each'])} seeds trial {each['number']} lies from {low:.4f} to "
            f"{high:.4f}."
        )
    return lines


def _ranked(told: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    sign = -1 if told["mode"] == "max" else 1
    done = [each for each in told["trials"] if each["state"] == "complete"]
    return sorted(done, key=lambda each: (sign * each["value"], each["number"]))


def _table(contents: SweepContents) -> Table:
    told = contents.told
    ranked = _ranked(told)
    rest = [each for each in told["trials"] if each["state"] in ("pruned", "running")]
    paths = list(told["search"])
    head = [
        "trial",
        told["objective"],
        "epochs",
        "seconds",
        *(search.label(path) for path in paths),
        "",
    ]
    rows: list[list[Cell]] = [
        [
            _link(contents, each),
            "–" if each["value"] is None else Number(each["value"]),
            Number(each["epochs"]),
            Number(float(each["seconds"]), ".1f"),
            *(_cell(each["values"].get(path)) for path in paths),
            "" if each["state"] == "complete" else each["state"],
        ]
        for each in [*ranked, *rest][:_ROWS]
    ]
    head = [plain(each, 40) for each in head]
    return Table(head, rows, numeric=range(4), tall=len(rows) > 25)


def _failures(contents: SweepContents) -> Table | None:
    failed = [each for each in contents.told["trials"] if each["state"] == "failed"]
    rows: list[list[Cell]] = [
        [
            _link(contents, each),
            plain(each.get("reason", ""), 400),
            ", ".join(
                f"{search.label(path)} {words(value)}" for path, value in each["values"].items()
            ),
        ]
        for each in failed[:_ROWS]
    ]
    return Table(("trial", "why it failed", "values"), rows) if rows else None


def _link(contents: SweepContents, trial: Mapping[str, Any]) -> Cell:
    place = contents.links.get(trial["number"])
    text = str(trial["number"])
    return Link(text, urllib.parse.quote(place)) if place else text


def _cell(value: Any) -> Cell:
    return Number(value, ".4g") if isinstance(value, float) else plain(words(value), 60)
