"""An epoch as one compiled program: `Engine` trains, evaluates and predicts.

engine.py      the loop, its chunks, and one step
choice.py      XLA, graph or eager: the rules
parts.py       a batch in parts, one for each processor core
windows.py     where the data lie: whole on the device, or passing through it
randomness.py  the same random numbers under XLA as without
"""

from nnpy.engine.data_windows import permutation
from nnpy.engine.engine import Engine
from nnpy.engine.execution import MODES, Execution, choose

__all__ = ["MODES", "Engine", "Execution", "choose", "permutation"]
