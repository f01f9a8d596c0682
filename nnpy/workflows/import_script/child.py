"""The process in which a user's script runs: `python -m nnpy.workflows.import_script.child JOB`.

JOB is a JSON object, see `run.py`. The script is run as `python SCRIPT ARGUMENTS` would run it, in
the working folder of the command; records go into JOB's folder, at last `end.json`.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
import types
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nnpy.devices import select
from nnpy.workflows.import_script.jupyter import Jupyter
from nnpy.workflows.import_script.script import Script

if TYPE_CHECKING:
    from nnpy.workflows.import_script.capture import Job


def main(task: dict[str, Any]) -> None:
    """Runs the script, and writes how it ended."""
    select.prepare_environment()
    from nnpy.workflows.import_script.capture import Job

    folder = Path(task["folder"])
    script = Script.read(task["script"])
    end = run(script, task["arguments"], Job(folder, task["fit"], task["verify"]))
    (folder / "end.json").write_text(json.dumps(end), encoding="utf-8")


def run(script: Script, arguments: list[str], job: Job) -> dict[str, Any]:
    """Runs the script as `__main__`, its models noted in the job's folder.

    Returns how it ended: {} or its `error` and the `line` of it.
    """
    from nnpy.workflows.import_script.capture import Capture

    module = types.ModuleType("__main__")
    module.__file__ = str(script.path)
    if "get_ipython" in script.text:  # a notebook that was exported as a script
        module.__dict__["get_ipython"] = lambda: Jupyter(module.__dict__)
    capture = Capture(script, job, module.__dict__)
    before = sys.argv, sys.path[:], sys.modules["__main__"]
    sys.argv = [str(script.path), *arguments]
    sys.path.insert(0, str(script.path.resolve().parent))
    sys.modules["__main__"] = module
    capture.install()
    end: dict[str, Any] = {}
    try:
        exec(compile(script.text, str(script.path), "exec"), module.__dict__)
    except SystemExit as error:
        if error.code not in (None, 0):
            end = {"error": f"it ended itself with {error.code}", "line": 0}
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 – the user's code
        end = {"error": _shown(error), "line": _line(error, script.path)}
        traceback.print_exc()
    finally:
        capture.uninstall()
    capture.end()
    sys.argv, sys.path[:], sys.modules["__main__"] = before
    return end


def _shown(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text[:300]}" if text else type(error).__name__


def _line(error: BaseException, path: Path) -> int:
    """The line of the script that raised it, or that called what did."""
    frames = traceback.extract_tb(error.__traceback__)
    lines = [each.lineno or 0 for each in frames if each.filename == str(path)]
    return lines[-1] if lines else 0


if __name__ == "__main__":
    main(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)  # threads and teardown of the script's libraries are nobody's concern
