"""`nnpy import SCRIPT.py --run`: a Keras script → the configs of the models that it trains.

run.py        the parent process: starts the child, waits, and has the configs written
child.py      the process of the script, which takes the place of `__main__`
capture.py    there: stands in for compile, fit, evaluate, save and load, and notes each call
made.py       models that the script makes and never compiles
record.py     a call → all that its config needs, as plain data
fit_call.py   of that, the `training:` section; examples.py the `data:` section
own_code.py   the script's own classes that the config needs, cut out by script.py
probe.py      the numbers of the script's model; compare.py holds the config's against them
configs.py    the records → checked files; adapt.py puts a step before a model, write.py comments
"""
