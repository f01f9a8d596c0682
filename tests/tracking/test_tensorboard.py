"""The event files, as TensorBoard's own reader finds them."""

from __future__ import annotations

import pytest

from nnpy import api
from nnpy.runs.folder import Run

pytest.importorskip("tensorboard")


def test_every_number_of_the_table_is_there(tiny_config, tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    config = {
        **tiny_config,
        "training": {**tiny_config["training"], "trackers": ["tensorboard"]},
    }
    run = api.train(config, run_dir=str(tmp_path / "run"))
    found = {}
    for part, prefix in (("train", ""), ("validation", "val_")):
        read = EventAccumulator(str(run.trackers_folder / "tensorboard" / part))
        read.Reload()
        for name in read.Tags()["tensors"]:
            for each in read.Tensors(name):
                found[each.step, prefix + name] = each.tensor_proto.float_val[0]
    rows = {
        (int(row["epoch"]), name): value
        for row in run.metrics()
        for name, value in row.items()
        if name != "epoch"
    }
    assert rows and found == pytest.approx(rows, rel=1e-5, abs=1e-3)  # seconds: as in the table
    before = sorted(run.trackers_folder.rglob("*"))
    ids = api.track(run)  # finished and sent: nothing is written twice but the scores
    assert ids == {"tensorboard": Run(run.folder).sent("tensorboard")["id"]}
    trained = {path for path in before if path.parent.name != "test"}
    assert trained <= set(run.trackers_folder.rglob("*"))
