"""`nnpy export`: a trained model leaves the house, checked on the way out.

export.py     what is exported, from which model, and where it lies in the end
process.py    a task in a process of its own, whose crash is an error
child.py      that process
reference.py  the model's own answers, and the score
use.py        predict and evaluate with what was exported
"""
