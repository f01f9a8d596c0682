"""A trained model → a file for other programs, and such a file opened again.

`formats.py` is the list of what there is; each format's writer is a file of its own. Importing
this package imports neither NumPy nor TensorFlow.
"""
