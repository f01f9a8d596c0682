"""The plan of the house holds: the import rule and the few rooms at the top."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "nnpy"


def test_the_import_rule_is_kept():
    command = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([command, "--no-cache"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_the_top_has_few_files_and_rooms():
    assert len(list(PACKAGE.glob("*.py"))) <= 6
    assert len(list(PACKAGE.glob("*/__init__.py"))) <= 16


def test_a_file_is_one_idea():
    lines = {path: path.read_bytes().count(b"\n") for path in PACKAGE.rglob("*.py")}
    long = {str(path.relative_to(ROOT)): count for path, count in lines.items() if count > 400}
    assert not long
