"""A run → the places where teams look at their trainings, such as MLflow and TensorBoard.

`tracker.py` is what such a place must be; each has a file of its own, and its name and arguments
stand in `config/trackers.py`. `sender.py` sends a run while it is trained, from a thread.
"""
