"""The ladder: what was trained is kept, what is left is trained, and the pages say no more."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from benchmarks.ladder import curves, pages, results, rows, training
from nnpy import build
from nnpy.config.load import load_config

RECORD = {
    "seed": 0,
    "test_accuracy": 0.9,
    "validation_accuracy": 0.91,
    "parameters": 1234,
    "epochs": 3,
    "of_epochs": 3,
    "best_epoch": 2,
    "seconds": 50.0,
    "processor_seconds": 80.0,
    "busy": False,
    "cores": 2,
    "processor": "P",
    "versions": {"tensorflow": "2", "keras": "3", "nnpy": "0"},
    "digest": "ab" * 32,
    "curve": [0.8, 0.91, 0.9],
}


def record(row: rows.Row, **more: object) -> dict:
    return RECORD | {"configs": results.configs_digest(row)} | more


def test_pages_say_what_the_results_say() -> None:
    """`make ladder` writes them; by hand nobody does."""
    for path, text in pages.texts(results.read()).items():
        again = "python -m benchmarks.ladder --write"
        assert path.read_text("utf-8") == text, f"{path} is not what the results say: {again}"


def test_every_row_has_a_config_and_a_command() -> None:
    names = [row.name for row in rows.ROWS]
    assert len({*names}) == len(names)
    for row in rows.ROWS:
        for step in row.steps:
            assert load_config(step.path, step.overrides).training.epochs
            assert f"configs/{step.path.name}" in row.command()
    with pytest.raises(SystemExit, match="no row 'cnnn'; the rows: perceptron, "):
        rows.find("cnnn")


@pytest.mark.parametrize("row", [row for row in rows.ROWS if row.under], ids=lambda row: row.name)
def test_a_network_is_as_small_as_its_row_says(row: rows.Row) -> None:
    assert row.under is not None and build(row.steps[-1].path).count_params() < row.under
    assert f"under {row.under // 1000} K" in row.kind or "under 1 M" in row.kind


def test_mean_spread_and_marks() -> None:
    row = rows.find("linear")
    whole = [record(row, seed=seed, test_accuracy=0.84 + 0.01 * seed) for seed in range(3)]
    page = pages.results_page({"linear": whole})
    assert "| 0.8500 ± 0.0100 (3 seeds) | ≥ 0.845 |" in page and "| 50 | 80 |" in page
    assert f"Of {len(rows.ROWS)} rows 1 are trained to the end with all their seeds, and 1" in page
    assert "`linear`" not in page and "†" not in page and "‡" not in page

    part = pages.results_page({"linear": whole[:2]})
    assert "`linear` (2 of 3 seeds)" in " ".join(part.split())
    preview = pages.results_page({"linear": [record(row, of_epochs=30)]})
    assert "`linear` (3 of 30 epochs)" in " ".join(preview.split())
    assert "0.9000† (1 seed)" in preview and "3 of 30 (2)" in preview and "`linear`" in preview
    stale = pages.results_page({"linear": [record(row, configs="another")] * 3})
    assert "0.9000‡ ± 0.0000" in stale and "`linear`" in stale
    busy = pages.readme_table({"linear": [record(row, busy=True)]})
    assert "| 40* |" in busy and "other work meanwhile" in busy

    head = pages.texts({"linear": [record(row, busy=True, of_epochs=30)]})[row.steps[0].path]
    assert head.splitlines()[1].strip("# ") == (
        "1,234 parameters; test accuracy 0.9000 (1 seed), after 3 of 30 epochs; "
        "80 s of processor time"
    )

    below = [record(row, test_accuracy=0.8449, seed=seed) for seed in range(3)]
    page = " ".join(pages.results_page({"linear": below}).split())
    assert "and 0 of these reach" in page and "Below it: `linear` by 0.0001." in page
    xor = rows.find("perceptron_on_xor")
    cannot = [record(xor, test_accuracy=0.74, seed=seed) for seed in range(3)]
    assert "and 1 of these reach" in pages.results_page({xor.name: cannot})


def test_a_picture_of_the_curves(tmp_path: Path) -> None:
    curves.draw({}, tmp_path / "none.png")
    assert not [*tmp_path.iterdir()]
    found = {row.name: [record(row)] for row in rows.ROWS}
    curves.draw(found, tmp_path / "curves.png")
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")


def test_a_row_is_trained_once_and_again_when_its_config_changes(
    tiny_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two steps, the second with the first one's weights; the command gives a finished run."""
    (tmp_path / "configs").mkdir()
    model = "model: [Flatten, {Dense: {units: 10, activation: softmax}}]\n"
    for name in ("one", "two"):
        (tmp_path / "configs" / f"{name}.yaml").write_text(model + "training: {epochs: 2}\n")
    for module in (rows, results):
        monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setattr(results, "PATH", tmp_path / "results.json")
    monkeypatch.chdir(tmp_path)
    row = rows.Row("pair", "two", 0.5, (rows.Step("one"), rows.Step("two", (), "one")))
    called: list[list[str]] = []
    code = 0

    def nnpy(arguments: list[str]) -> int:
        called.append(arguments)
        folder = Path(arguments[arguments.index("--resume" if code else "--run-dir") + 1])
        if not code:
            shutil.copytree(tiny_run, folder, dirs_exist_ok=True)
        return code

    monkeypatch.setattr(training, "_nnpy", nnpy)
    assert not results.is_done(row, 0)
    training.train(row, 0)
    one = "train configs/one.yaml --run-dir runs/ladder/one-seed0 --set training.seed=0"
    weights = "--set training.initial_weights=runs/ladder/one-seed0"
    assert [" ".join(each) for each in called] == [one, f"{one.replace('one', 'two')} {weights}"]
    (first,) = results.read()["pair"]
    assert results.is_done(row, 0) and not results.is_done(row, 1)
    assert first["epochs"] == first["of_epochs"] == 2 and len(first["curve"]) == 2
    assert len(first["digest"]) == 64

    training.train(row, 0)  # the runs are there: nothing is trained
    assert len(called) == 2 and results.read()["pair"] == [first]

    two = tmp_path / "configs" / "two.yaml"
    two.write_text("# a remark\n" + two.read_text())
    assert results.is_done(row, 0)
    two.write_text(model + "training: {epochs: 3}\n")
    assert not results.is_done(row, 0)
    training.train(row, 0)
    assert len(called) == 3 and "--overwrite" in called[2]
    assert not results.is_done(row, 0)  # of three epochs two: the command was told to stop early

    before = results.config_digest(row.steps[0])
    base = tmp_path / "configs" / "base.yaml"
    for seed in (1, 2):
        base.write_text(f"training: {{seed: {seed}}}\n")
        (tmp_path / "configs" / "one.yaml").write_text("extends: base.yaml\n")
        assert before != (before := results.config_digest(row.steps[0]))
    (tmp_path / "configs" / "one.yaml").write_text(model + "training: {epochs: 2}\n")

    summary = tmp_path / "runs/ladder/one-seed0/summary.json"
    summary.write_text(summary.read_text().replace('"finished"', '"interrupted"'))
    code = 130
    with pytest.raises(SystemExit) as stopped:
        training.train(row, 0)
    assert stopped.value.code == 130 and called[3] == ["train", "--resume", "runs/ladder/one-seed0"]


def test_the_exit_code_of_the_command_is_told() -> None:
    before = training._processor_seconds()
    assert training._nnpy(["--version"]) == 0 and training._nnpy(["train"]) == 2
    assert training._processor_seconds() > before
