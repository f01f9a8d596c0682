"""Small real tables as CSV files, with what real ones have: words, missing cells, an index."""

from __future__ import annotations

from pathlib import Path

import numpy as np


def write_csv(path: Path, names: list[str], rows: list[list[str]]) -> Path:
    lines = [",".join(names), *(",".join(row) for row in rows)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def penguins(path: Path, count: int = 344, seed: int = 0) -> Path:
    """Three species with the means and deviations of the palmerpenguins, `NA` in five columns."""
    rng = np.random.default_rng(seed)
    kinds = ("Adelie", "Chinstrap", "Gentoo")
    places = (("Biscoe", "Dream", "Torgersen"), ("Dream",), ("Biscoe",))
    means = ((38.8, 18.3, 190, 3700), (48.8, 18.4, 196, 3733), (47.5, 15.0, 217, 5076))
    deviations = (2.8, 1.1, 6.6, 440)
    rows = []
    for _ in range(count):
        kind = rng.choice(3, p=[0.44, 0.2, 0.36])
        measured = [f"{rng.normal(m, s):.1f}" for m, s in zip(means[kind], deviations, strict=True)]
        if rng.random() < 0.02:
            measured = ["NA"] * 4
        sex = rng.choice(["male", "female", "NA"], p=[0.49, 0.48, 0.03])
        island = rng.choice(places[kind])
        rows.append([kinds[kind], island, *measured, sex, str(rng.integers(2007, 2010))])
    names = ["species", "island", "bill_length_mm", "bill_depth_mm", "flipper_length_mm"]
    return write_csv(path, [*names, "body_mass_g", "sex", "year"], rows)


def scikit_learn(path: Path, name: str, *, missing: float = 0.0, seed: int = 0) -> Path:
    """One of scikit-learn's sets as pandas would write it, its targets in the last columns.

    Classes are written as words; a share of the cells is left empty, a column of words is added.
    """
    from sklearn import datasets

    found = getattr(datasets, f"load_{name}")()
    rng = np.random.default_rng(seed)
    x, y = found.data, found.target.reshape(len(found.data), -1)
    classes = found.get("target_names") if y.dtype.kind in "iu" else None
    rows = []
    for index, (features, target) in enumerate(zip(x, y, strict=True)):
        cells = ["" if rng.random() < missing else repr(float(value)) for value in features]
        answers = [
            str(classes[value]) if classes is not None else repr(float(value)) for value in target
        ]
        rows.append([str(index), *cells, ("left", "right", " none ")[index % 3], *answers])
    names = [str(each).replace(",", " ") for each in found.feature_names]
    targets = ["target"] if y.shape[1] == 1 else [str(each) for each in found.target_names]
    return write_csv(path, ["", *names, "side", *targets], rows)
