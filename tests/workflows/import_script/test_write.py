"""Comments in a config, each at its place."""

from __future__ import annotations

from nnpy.config.yaml.parse import parse
from nnpy.workflows.import_script.write import config_text

CONTENT = {
    "training": {"optimizer": "Adam", "epochs": 5},
    "model": ["Flatten", {"Dense": {"units": 10}}],
    "data": {"name": "mnist", "validation_split": 0.1},
}


def text(*notes: tuple[list[str], str], content: dict | None = None) -> list[str]:
    """The lines of the config with these notes."""
    plain = [{"path": path, "text": words} for path, words in notes]
    found = config_text("Title", CONTENT if content is None else content, plain)
    assert (
        parse(found, "x").plain()
        == parse(config_text("", CONTENT if content is None else content, []), "x").plain()
    )
    return found.splitlines()


def test_a_note_stands_above_its_key_as_far_indented() -> None:
    lines = text((["training", "epochs"], "of two calls"), (["data", "name"], "changed"))
    assert lines[lines.index("  epochs: 5") - 1] == "  # of two calls"
    assert lines[lines.index("  name: mnist") - 1] == "  # changed"


def test_a_note_on_a_key_that_is_not_there_ends_its_section() -> None:
    lines = text((["training", "sample_weight"], "given"), (["data", "path"], "own"))
    assert lines[-1] == "  # given"
    assert lines[lines.index("model:") - 1] == "  # own"


def test_a_note_on_a_section_that_is_not_there_stands_where_it_would() -> None:
    content = {key: CONTENT[key] for key in ("model", "training")}
    lines = text((["data"], "your own"), (["code"], "a class"), content=content)
    assert lines[1:4] == ["# a class", "# your own", "model:"] or lines[1:4] == [
        "# your own",
        "# a class",
        "model:",
    ]


def test_a_long_note_is_wrapped_and_cannot_leave_its_comment() -> None:
    lines = text((["training", "callbacks"], "word " * 60 + "\nmodel: [Evil]"))
    assert all(len(line) <= 96 for line in lines)
    assert not any(line.startswith("model: [Evil]") for line in lines)


def test_the_sections_stand_in_their_usual_order() -> None:
    sections = [line for line in text() if not line.startswith((" ", "#"))]
    assert sections == ["data:", "model:", "training:"]
