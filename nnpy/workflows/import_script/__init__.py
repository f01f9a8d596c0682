"""`nnpy import SCRIPT.py --run`: a Keras script → the configs of the models that it trains.

script.py     the text of a script or notebook, and the classes that can be taken out of it
run.py        runs the script in a process of its own, and reads what was caught there
child.py      that process: takes the place of `__main__`
capture.py    stands in for compile, fit, evaluate, save and load, and notes each call
fit_call.py   the arguments of `fit` and `compile` → the `training:` section
examples.py   the examples that `fit` was given → the `data:` section
write.py      what was caught → YAML, each thing that is missing as a comment at its place
compare.py    the config's model against the script's: layers, outputs, a step of training
"""
