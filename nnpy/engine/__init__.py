"""An epoch as one compiled program: `Engine` trains, evaluates and predicts.

engine.py          the loop, its chunks, and one step
execution.py       XLA, graph or eager: the rules
augmentation.py    what changes the examples of a training step
training_step.py   what a training step does with a batch
batch_parts.py     a batch in parts, one for each processor core
data_windows.py    where the data lie: whole on the device, or passing through it
xla_random.py      the same random numbers under XLA as without
distributed.py     several devices, as one engine
shares.py          which rows of a batch each replica takes
replicas.py        what is different in a replica's step
"""

from nnpy.engine.data_windows import permutation
from nnpy.engine.engine import Engine
from nnpy.engine.execution import MODES, Execution, choose

__all__ = ["MODES", "Engine", "Execution", "choose", "permutation"]
