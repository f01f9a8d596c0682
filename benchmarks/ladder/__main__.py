"""Trains the rows of the ladder that are not trained yet, and writes what came out.

    python -m benchmarks.ladder                 # all that is left, the cheapest first
    python -m benchmarks.ladder cnn vit         # these rows
    python -m benchmarks.ladder cnn --again     # even if it was trained
    python -m benchmarks.ladder cnn --epochs 5  # a preview with fewer epochs, told as such
    python -m benchmarks.ladder --write         # trains nothing, writes the pages

Ctrl-C stops it, and the same command goes on. Hours in all: every row is in docs/results.md as
soon as one of its seeds is trained.
"""

from __future__ import annotations

import argparse
import os

from benchmarks.ladder import pages, results, training
from benchmarks.ladder.rows import ROOT, ROWS, find


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="ladder", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("rows", nargs="*", metavar="ROW", help=", ".join(row.name for row in ROWS))
    parser.add_argument("--seeds", type=int, help="so many; default: 3, or 1 of what takes hours")
    parser.add_argument("--epochs", type=int, help="fewer than the config's: a preview")
    parser.add_argument("--again", action="store_true", help="train what was trained, too")
    parser.add_argument("--write", action="store_true", help="write the pages only")
    given = parser.parse_args()
    rows = [find(name) for name in given.rows] or list(ROWS)
    os.chdir(ROOT)
    pages.write()
    for row in rows if not given.write else ():
        for seed in range(given.seeds or row.seeds):
            if given.again or not results.is_done(row, seed):
                training.train(row, seed, given.epochs, again=given.again)
                pages.write()
    print(results.relative(pages.RESULTS))


if __name__ == "__main__":
    main()
