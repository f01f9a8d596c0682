"""Which workers share a training, by options, TF_CONFIG and Slurm."""

from __future__ import annotations

import json

import pytest

from nnpy.devices.cluster import Cluster, cluster_of, host_and_port
from nnpy.errors import UsageError


def test_options_name_them() -> None:
    cluster = cluster_of("a:5000, [::1]:5001", 1, "s", 5, {})
    assert cluster == Cluster(("a:5000", "[::1]:5001"), 1, "s", 5)
    assert not cluster.is_chief
    assert cluster.name(0) == "worker 0 (a:5000)"
    assert host_and_port(cluster.addresses[1]) == ("::1", 5001)


def tf_config(cluster: object, **task: object) -> dict[str, str]:
    return {"TF_CONFIG": json.dumps({"cluster": cluster, "task": task})}


def test_tensorflows_variable_is_read() -> None:
    workers = {"worker": ["a:1", "b:2"]}
    assert cluster_of(None, None, environment=tf_config(workers, type="worker", index=1)) == (
        Cluster(("a:1", "b:2"), 1)
    )
    chief = {"chief": ["c:1"], "worker": ["a:1", "b:2"]}
    for kind, index, ours in (("chief", 0, 0), ("worker", 0, 1), ("worker", 1, 2)):
        cluster = cluster_of(None, None, environment=tf_config(chief, type=kind, index=index))
        assert cluster is not None
        assert cluster.addresses == ("c:1", "a:1", "b:2")
        assert cluster.index == ours


@pytest.mark.parametrize(
    "environment", [{}, {"TF_CONFIG": ""}, {"TF_CONFIG": "{}"}, tf_config({"worker": ["a:1"]})]
)
def test_one_process_is_no_cluster(environment: dict[str, str]) -> None:
    assert cluster_of(None, None, environment=environment) is None


@pytest.mark.parametrize(
    ("workers", "index", "environment", "message"),
    [
        ("a:1,b:2", None, {}, "--workers needs --worker-index"),
        (None, 1, {}, "--worker-index needs --workers"),
        ("a:1", 0, {}, "--workers: expected two workers at least, got 1"),
        ("a:1,b:2", 2, {}, "--worker-index is 2, but the 2 workers are numbered 0 to 1"),
        ("a:1,a:1", 0, {}, "a:1 stands there twice"),
        ("a,b:2", 0, {}, "'a' is no address of a worker: expected host:port"),
        ("a:0,b:2", 0, {}, "'a:0' is no address"),
        ("a:65536,b:2", 0, {}, "'a:65536' is no address"),
        ("a:1,,b:2", 0, {}, "'' is no address"),
        ("http://a:1,b:2", 0, {}, "'http://a:1' is no address"),
        ("slurm", 0, {}, "Slurm numbers the workers; remove --worker-index"),
        ("slurm", None, {}, "this is no step of Slurm; start it with srun"),
        (None, None, {"TF_CONFIG": "{"}, "TF_CONFIG is not what TensorFlow reads there"),
        (None, None, {"TF_CONFIG": "[" * 100_000}, "TF_CONFIG is not what TensorFlow reads there"),
        (None, None, tf_config({"worker": "a:1"}), "the addresses of 'worker' must be a list"),
        (None, None, tf_config({"ps": ["a:1"], "worker": ["b:1"]}), "has a task 'ps'"),
        (None, None, tf_config({"worker": ["a:1", "b:1"]}, type="evaluator"), "task 'evaluator'"),
        (None, None, tf_config({"worker": ["a:1", "b:1"]}, index=2), "the index in TF_CONFIG is 2"),
    ],
)
def test_what_names_none_is_told(
    workers: str | None, index: int | None, environment: dict[str, str], message: str
) -> None:
    with pytest.raises(UsageError) as caught:
        cluster_of(workers, index, environment=environment)
    assert message in str(caught.value)
