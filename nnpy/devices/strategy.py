"""Several devices as one: TensorFlow's strategies, and how nnpy makes variables under them.

Every replica holds its own copy of each variable and changes it by itself, as a training on one
device does; what the replicas exchange are gradients, before the optimizer sees them. So clipping,
constraints, loss scaling and accumulation are Keras's own, and all copies stay equal to the bit.
TensorFlow's mirrored variables would have every assignment agreed upon, which is slower, and not
possible within a condition. TensorFlow is imported inside.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from nnpy.devices import own_address
from nnpy.devices.cluster import Cluster


def mirrored(devices: Sequence[str]) -> Any:
    """One training on several devices of this process, such as ["GPU:0", "GPU:1"]."""
    import tensorflow as tf

    # TensorFlow's collectives between devices of one CPU confuse the programs of a process.
    on_cpu = all(device.startswith("CPU") for device in devices)
    sums = tf.distribute.ReductionToOneDevice() if on_cpu else None
    return tf.distribute.MirroredStrategy(list(devices), cross_device_ops=sums)


def of_workers(cluster: Cluster) -> Any:
    """One training on the devices of several processes, which must all be here at this moment."""
    import tensorflow as tf

    os.environ["TF_CONFIG"] = cluster.tf_config()
    strategy = tf.distribute.MultiWorkerMirroredStrategy()
    own_address.hear_only(cluster.addresses[cluster.index])
    return strategy


@contextlib.contextmanager
def scope(strategy: Any | None) -> Iterator[None]:
    """Within it, variables are made on each of the strategy's devices; None changes nothing."""
    if strategy is None:
        yield
        return
    import tensorflow as tf

    with strategy.scope(), tf.variable_creator_scope(_own_copies):
        yield


def _own_copies(create: Callable[..., Any], **arguments: Any) -> Any:
    """A variable of which each replica has a copy of its own; metrics are summed when read."""
    import tensorflow as tf

    if arguments.get("aggregation") != tf.VariableAggregation.SUM:
        arguments["aggregation"] = tf.VariableAggregation.ONLY_FIRST_REPLICA
    arguments["synchronization"] = tf.VariableSynchronization.ON_READ
    return create(**arguments)
