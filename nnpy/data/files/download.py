"""Downloading a file that appears under its name only when it is whole and right."""

from __future__ import annotations

import contextlib
import http.client
import os
import secrets
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import IO

from nnpy.data.dataset import Progress
from nnpy.errors import DataError

TIMEOUT = 20  # seconds without an answer


def download(
    url: str,
    final: Path,
    *,
    limit: int,
    check: Callable[[Path], bytes],
    progress: Progress | None = None,
) -> bytes:
    """Downloads `url` as `final`, at most `limit` bytes; returns what `check` made of the file.

    `check` raises DataError for a file that is not right; it is given a temporary one, and
    `final` is written, or replaced, only after it. Whatever ends the download early, an exception
    out of `progress` too, leaves nothing behind. Raises DataError that names the URL.
    """
    # In the same folder, so that the renaming is one step; unique, so that two can download.
    part = final.with_name(f".{final.name}.{secrets.token_hex(4)}.part")
    try:
        final.parent.mkdir(parents=True, exist_ok=True)
        with part.open("xb") as file:
            _fetch(
                url,
                file,
                limit,
                lambda *done: progress and progress(f"download {final.name}", *done),
            )
            file.flush()
            os.fsync(file.fileno())
        content = check(part)
        part.replace(final)
        return content
    except urllib.error.HTTPError as error:
        raise DataError(f"{url}: {error}") from None
    except (OSError, http.client.HTTPException) as error:
        raise DataError(f"{url}: {getattr(error, 'reason', error)}") from None
    except DataError as error:
        raise DataError(f"{url}: {str(error).replace(str(part), 'what came')}") from None
    finally:
        with contextlib.suppress(OSError):  # such as a folder that cannot be written at all
            part.unlink(missing_ok=True)


def _fetch(
    url: str, file: IO[bytes], limit: int, report: Callable[[int, int | None], object]
) -> None:
    with urllib.request.urlopen(url, timeout=TIMEOUT) as answer:
        length = answer.headers.get("Content-Length", "")
        total = int(length) if length.isdecimal() else None
        done = 0
        while piece := answer.read(1 << 18):
            done += len(piece)
            if done > limit:
                raise DataError(f"the response is longer than the file ({limit:,} bytes)")
            file.write(piece)
            report(done, total)
    if total is not None and done != total:
        raise DataError(f"the download was cut short: {done:,} of {total:,} bytes came")
