"""The page of a run: harmless, whole, small; in a real browser where one is installed."""

from __future__ import annotations

import json
import math
import re
import shutil
import subprocess
from html import escape
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nnpy import report
from nnpy.evaluation.classification import class_report, probabilities
from nnpy.models.summary import LayerRow
from nnpy.report import figures
from nnpy.report.glossary import GLOSSARY

EVIL = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'&\u202e\x1b[31m"

EXPORT = {
    "file": "export/mlp.onnx",
    "format": "onnx",
    "quantize": "none",
    "reasons": [],
    "bytes": 400_000,
    "model_bytes": 1_200_000,
    "difference": 3e-7,
    "same": 1.0,
    "score": "accuracy",
    "before": 0.87,
    "after": 0.871,
    "examples": 100,
    "scored": 9_999,
    "milliseconds": 0.01,
    "model_milliseconds": 0.3,
}


def contents(k: int = 10, *, name: str = "mlp", evil: bool = False) -> report.Contents:
    rng = np.random.default_rng(0)
    names = tuple(f"{EVIL} {i}" if evil else f"class {i}" for i in range(k))
    truth = rng.integers(0, k, 50 * k)
    logits = rng.normal(size=(50 * k, k)) + 3 * np.eye(k)[truth]
    probs = probabilities(logits, "softmax")
    result = class_report(probs, truth, names)
    mistakes = [
        figures.Mistake(i, rng.integers(0, 255, (28, 28), np.uint8), names[0], names[1], 0.99, 0.0)
        for i in range(24)
    ]
    text = EVIL if evil else "fashion"
    return report.Contents(
        name=name,
        status="finished",
        date="2026-01-02 03:04",
        config=f"data: {text}\n" + ("x" * 10_000 if evil else ""),
        command=f"nnpy train {text}",
        data={
            "name": text,
            "train": 54_000,
            "validation": 6_000,
            "test": 10_000,
            "shape": (28, 28),
            "classes": names,
            "source": text,
            "digests": {text: text},
        },
        facts={text: text},
        versions={text: text},
        history={
            "epoch": [1, 2, 3, 4, 5],
            "loss": [0.5, 0.4, 0.3, 0.2, 0.1],
            "val_loss": [0.5, 0.4, 0.45, 0.5, 0.6],
            text: [1.0, 2.0, 3.0, 4.0, 5.0],
        },
        best_epoch=2,
        monitor="val_loss",
        layers=[LayerRow(text, text, ((28, None, 3),), 10, None, 40)],
        diagram=f'<svg viewBox="0 0 9 9" xmlns="http://www.w3.org/2000/svg"><text>{1}</text></svg>',
        weights=rng.normal(size=(8, 28, 28)),
        exports=[EXPORT, {**EXPORT, "file": text, "reasons": [text], "same": None}],
        evaluation=report.Evaluation(
            "test", 50 * k, {"loss": 0.25, text: 0.5}, None, result, mistakes
        ),
    )


class Elements(HTMLParser):
    """Every tag and attribute of a page, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data

    def values(self) -> set[str]:
        return {a.get("value") or "" for tag, a in self.tags if tag == "data"}


@pytest.mark.parametrize("evil", [False, True])
def test_nothing_is_loaded_or_run(evil):
    html = report.render(contents(evil=evil))
    found = Elements(html)
    assert len(html.encode()) < report.LIMIT
    assert not {"script", "iframe", "object", "embed", "form", "base"} & {t for t, _ in found.tags}
    for tag, attributes in found.tags:
        assert not [name for name in attributes if name.startswith("on")]
        for name in ("src", "href", "xlink:href"):
            target = attributes.get(name)
            if target is not None:
                assert target.startswith(("data:", "#")), (tag, target)
    assert "\u202e" not in html
    assert "\x1b" not in html
    if evil:
        assert "<script>alert(1)</script>" in found.text  # shown as it is written


def test_the_policy_forbids_everything_from_elsewhere():
    html = report.render(report.Contents("x"))
    assert "default-src 'none'" in html
    assert "script-src" not in html


def test_the_story_is_told():
    text = Elements(report.render(contents())).text
    for words in (
        "What was trained",
        "On what",
        "How it went",
        "How good it is",
        "Where it fails",
        "How to repeat it",
        "In other formats",
        "accuracy 0.8700 → 0.8710",
        "nnpy reproduce mlp",
        "overfitting had begun",
        "54,000 in the training set",
    ):
        assert words in text


def test_exports_come_into_a_page_that_is_there():
    page = report.render(report.Contents("x", command="nnpy train <!-- export -->"))
    assert "In other formats" not in page
    once = report.with_exports(page, [EXPORT])
    assert "In other formats" in once
    assert "export/mlp.onnx" in once
    other = report.with_exports(once, [{**EXPORT, "file": "<b>", "reasons": ["it lies"]}])
    assert "export/mlp.onnx" not in other
    assert "&lt;b&gt;: it lies" in Elements(other).text.replace("<", "&lt;").replace(">", "&gt;")
    assert other.count("In other formats") == 1
    older = page.replace("<!-- export -->", "")
    assert report.with_exports(older, [EXPORT]) == older


@pytest.mark.parametrize("k", [2, 100])
def test_few_and_many_classes(k):
    html = report.render(contents(k))
    assert len(html.encode()) < report.LIMIT
    assert ("top-2" in html) == (k > 2)


def test_a_run_without_anything_has_a_page():
    assert "Not evaluated yet" in report.render(report.Contents(EVIL))
    one = report.Contents("r", history={"epoch": [1], "loss": [math.nan]})
    assert "became NaN or infinite" in report.render(one)
    regression = report.Contents(
        "r", evaluation=report.Evaluation("test", 9, {"loss": 1.5, "mae": 0.5})
    )
    assert {"1.5", "0.5"} <= Elements(report.render(regression)).values()


def test_the_stages_of_a_training_are_told():
    base = {"planned": 2, "optimizer": "SGD", "learning_rate": 0.1, "frozen": [EVIL, "base"]}
    stages = [
        {**base, "first_epoch": 1, "epochs": 1, "trainable": 1290, "ended_by": EVIL},
        {**base, "first_epoch": 2, "epochs": 2, "trainable": 900_000, "frozen": []},
    ]
    history = {"epoch": [1, 2, 3], "loss": [3.0, 2.0, 1.0]}
    page = report.render(report.Contents("r", history=history, stages=stages))
    assert "It was trained in 2 stages" in page
    assert "1,290" in page and "900,000" in page and "2 to 3" in page and "SGD, 0.1" in page
    assert "<script>alert" not in page and "onerror=alert(2)>" not in page
    assert "stages" not in report.render(report.Contents("r", history=history))
    plain, dashed = (figures.curve(history, "loss", 3, starts).axes[0] for starts in ((), (2,)))
    assert len(dashed.lines) == len(plain.lines) + 1
    assert list(dashed.lines[0].get_xdata()) == [1.5, 1.5]


def test_no_mistake_is_a_result_worth_a_doubt():
    truth = np.arange(6) % 3
    result = class_report(np.eye(3)[truth], truth, ("a", "b", "c"))
    told = report.Contents(
        "r", evaluation=report.Evaluation("test", 6, {"loss": 0.0}, None, result)
    )
    assert "worth a doubt" in report.render(told)


def test_a_heavy_page_sheds_its_drawings(monkeypatch):
    whole = report.render(contents(40))
    monkeypatch.setattr(report, "LIMIT", len(whole.encode()) - 1)
    light = report.render(contents(40))
    assert len(light) < len(whole)
    assert "How it went" in light


def test_every_word_that_a_section_explains_is_in_the_glossary():
    used = set(re.findall(r"<dfn>(.+?)\.</dfn>", report.render(contents())))
    known = {word[0].upper() + word[1:] for word in GLOSSARY}
    assert len(used) > 12
    assert used <= known


def test_the_page_of_a_real_run_tells_its_numbers(tiny_run: Path):
    html = (tiny_run / "report.html").read_text(encoding="utf-8")
    summary = json.loads((tiny_run / "summary.json").read_text())
    values = Elements(html).values()
    for value in summary["test"].values():
        assert repr(value) in values
    assert repr(summary["parameters"]["total"]) in values
    names = {path.name for path in (tiny_run / "figures").iterdir()}
    for name in ("curves", "confusion", "classes", "reliability", "mistakes", "weights"):
        assert {f"{name}.png", f"{name}.svg"} <= names


# -- in a browser -------------------------------------------------------------------------

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser")
browser = pytest.mark.skipif(BROWSER is None, reason="chromium is not installed")
QUIET = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--hide-scrollbars", "--enable-logging=stderr", "--v=0"),
)

# Whom the browser itself asks, page or no page: for updates, the time, its accounts.
OWN = re.compile(r"((clients\d*|accounts|www|android\.clients)\.google|update\.googleapis)\.com")


def browse(tmp_path: Path, file: Path, *options: str) -> subprocess.CompletedProcess[str]:
    assert BROWSER is not None
    return subprocess.run(
        [BROWSER, *QUIET, f"--user-data-dir={tmp_path / 'profile'}", *options, file.as_uri()],
        capture_output=True,
        text=True,
        timeout=100,
        check=True,
    )


def visit(tmp_path: Path, file: Path) -> tuple[str, list[str], set[str]]:
    """The page as the browser has it, what its console says, and the hosts that it asks."""
    net = tmp_path / "net.json"
    done = browse(tmp_path, file, "--dump-dom", f"--log-net-log={net}")
    complaints = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    hosts = set(re.findall(r'"url":\s*"https?://([^/"]*)', net.read_text(errors="replace")))
    return done.stdout, complaints, {host for host in hosts if not OWN.fullmatch(host)}


@browser
@pytest.mark.parametrize("evil", [False, True])
def test_a_browser_shows_it_without_a_complaint(tmp_path, evil):
    file = tmp_path / "report.html"
    file.write_text(report.render(contents(evil=evil)), encoding="utf-8")
    page_shown, complaints, asked = visit(tmp_path, file)
    assert 'id="accuracy"' in page_shown
    assert (complaints, asked) == ([], set())


@browser
def test_a_page_that_misbehaves_would_be_noticed(tmp_path):
    file = tmp_path / "bad.html"
    file.write_text("<img src='http://nnpy.invalid/x.png'><script>console.error('oh')</script>")
    _, complaints, asked = visit(tmp_path, file)
    assert complaints
    assert asked == {"nnpy.invalid"}


@browser
@pytest.mark.parametrize("width", [400, 1000, 1600])
def test_it_fits_any_width(tmp_path, width):
    """In a frame, because a browser's window is never as narrow as a telephone."""
    html = report.render(contents(evil=True))
    file = tmp_path / "frame.html"
    file.write_text(
        f'<iframe srcdoc="{escape(html)}" style="width:{width}px;height:900px;border:0"></iframe>'
        "<script>onload = () => { document.title = "
        "document.querySelector('iframe').contentDocument.documentElement.scrollWidth }</script>",
        encoding="utf-8",
    )
    done = browse(tmp_path, file, "--dump-dom", "--window-size=1700,1000")
    assert f"<title>{width}</title>" in done.stdout


@browser
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_light_and_dark(tmp_path, theme):
    file, shot = tmp_path / "report.html", tmp_path / "shot.png"
    file.write_text(report.render(contents()), encoding="utf-8")
    # 0 is dark, 1 is light, in Blink's own count
    scheme = f"--blink-settings=preferredColorScheme={'01'[theme == 'light']}"
    browse(tmp_path, file, f"--screenshot={shot}", "--window-size=1000,1200", scheme)
    with Image.open(shot) as picture:
        assert picture.size == (1000, 1200)
        corner = picture.convert("L").getpixel((5, 5))
    assert (corner > 200) == (theme == "light")
