"""The command `nnpy`, also as `python -m nnpy`."""

from nnpy.cli import main

if __name__ == "__main__":
    main()
