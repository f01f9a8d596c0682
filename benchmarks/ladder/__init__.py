"""Every kind of network trained as far as it goes: `make ladder`.

`rows.py` says what is trained, `training.py` trains it, `results.py` keeps what came out in
results.json, `pages.py` writes docs/results.md, the README's table and the first lines of the
configs.
"""
