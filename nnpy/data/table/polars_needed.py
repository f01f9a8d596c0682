"""polars, which reads the files of tables. It is an extra, imported when a file is read."""

from __future__ import annotations

from types import ModuleType

from nnpy.errors import DataError

INSTALL = "pip install polars"


def polars() -> ModuleType:
    """The module `polars`. Raises DataError with the line that installs it where it is missing."""
    try:
        import polars
    except ImportError:
        raise DataError(
            "tables (CSV, Parquet) are read by polars, which is not installed: "
            f"{INSTALL} (it is nnpy's extra `tables`)"
        ) from None
    return polars
