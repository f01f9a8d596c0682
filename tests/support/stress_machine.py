"""A short training on machines that lack something: disk, memory, descriptors, homes, /proc, …

    python -m tests.support.stress_machine [KIND ...]

Each case is a line of the shell around the real command, in a mount namespace of its own where it
changes what is mounted. Where the tools or the rights for it are not there, it is left out and
told.
"""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.support.faults import Fault
from tests.support.stress_workplace import HOME, Ended, Tally, Workplace, ending, nnpy

# Another user, who may go everywhere and read everything.
_USER = (
    "setpriv --reuid=54321 --regid=54321 --clear-groups --inh-caps=+dac_read_search "
    "--ambient-caps=+dac_read_search"
)


@dataclass(frozen=True)
class Case:
    """A machine: `shell` has "$@" where the training stands, and is run in the workplace.

    `kept` says that the run lies in a file system that goes with the case: it is copied out.
    """

    kind: str
    name: str
    shell: str
    codes: tuple[int, ...] = (0, 1)
    mounts: bool = False
    kept: bool = False
    silent: bool = False
    preload: str = ""  # C code that stands between the command and the system
    prepare: Callable[[Workplace], object] = lambda work: None
    command: tuple[str, ...] = ()  # another than the workplace's

    def line(self) -> str:
        if not self.kept:
            return self.shell
        return f"mkdir -p run; {self.shell}; code=$?; cp -a run saved; exit $code"


# Libraries of C that are loaded before all others.
_CLOCK = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>
static time_t jump(void) { static unsigned n; return 40000000L * ((int)(n++ * 7919 % 23) - 11); }
int clock_gettime(clockid_t id, struct timespec *t) {
  int (*real)(clockid_t, struct timespec *) = dlsym(RTLD_NEXT, "clock_gettime");
  int answer = real(id, t);
  if (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE) t->tv_sec += jump();
  return answer;
}
time_t time(time_t *t) {
  struct timespec now; clock_gettime(CLOCK_REALTIME, &now);
  if (t) *t = now.tv_sec;
  return now.tv_sec;
}
int gettimeofday(struct timeval *t, void *z) {
  struct timespec now; clock_gettime(CLOCK_REALTIME, &now);
  t->tv_sec = now.tv_sec; t->tv_usec = now.tv_nsec / 1000;
  return 0;
}
"""


def _failing(*functions: tuple[str, str, str]) -> str:
    """Functions that fail with an error: (signature, condition, error)."""
    head = "#define _GNU_SOURCE\n#include <errno.h>\n#include <fcntl.h>\n#include <sys/stat.h>\n"
    head += "#include <sys/file.h>\n#include <unistd.h>\n#include <dlfcn.h>\n"
    for signature, condition, error in functions:
        name = signature.partition("(")[0]
        kinds = signature.partition("(")[2].rstrip(")").split(",")
        names = ", ".join(each.split()[-1].lstrip("*") for each in kinds)
        head += (
            f"int {signature} {{ if ({condition}) {{ errno = {error}; return -1; }}\n"
            f'  int (*real)() = dlsym(RTLD_NEXT, "{name}"); return real({names}); }}\n'
        )
    return head


_IS_FOLDER = "({struct stat s; fstat(fd, &s) == 0 && S_ISDIR(s.st_mode);})"
_NFS = _failing(
    ("flock(int fd, int what)", "1", "ENOLCK"),
    ("link(const char *a, const char *b)", "1", "EPERM"),
    ("linkat(int x, const char *a, int y, const char *b, int z)", "1", "EPERM"),
    ("fsync(int fd)", _IS_FOLDER, "EINVAL"),
)
_FAT = _failing(
    ("symlink(const char *a, const char *b)", "1", "EPERM"),
    ("link(const char *a, const char *b)", "1", "EPERM"),
    ("linkat(int x, const char *a, int y, const char *b, int z)", "1", "EPERM"),
    ("chmod(const char *a, mode_t m)", "1", "EPERM"),
    ("fchmod(int fd, mode_t m)", "1", "EPERM"),
    ("fchmodat(int x, const char *a, mode_t m, int z)", "1", "EPERM"),
    ("flock(int fd, int what)", "1", "ENOSYS"),
)
_QUOTA = _failing(("fsync(int fd)", "({static int n; n++ % 5 == 4;})", "EDQUOT"))
_STALE = _failing(("fsync(int fd)", "({static int n; n++ % 7 == 6;})", "ESTALE"))


def _linked(name: str) -> Callable[[Workplace], None]:
    """What has this name in the workplace lies elsewhere, and a link leads there."""

    def prepare(work: Workplace) -> None:
        there = work.folder / "elsewhere" / name
        there.parent.mkdir(exist_ok=True)
        if (work.folder / name).exists():
            shutil.move(work.folder / name, there)
        else:
            there.mkdir()
        (work.folder / name).symlink_to(there)

    return prepare


def _begun(work: Workplace) -> None:
    """A run in which a training was stopped by a full disk."""
    work.fork(work.command, Fault("replace", work.counts["replace"] // 2, errno.ENOSPC, True))


def cases() -> Iterator[Case]:
    run = '"$@"'
    for size in (4, 16, 48, 100, 160, 240, 330, 420, 600, 900):
        yield Case(
            *("disk full", f"{size} KiB", f"mount -t tmpfs -o size={size}k none run; {run}"),
            mounts=True,
            kept=True,
        )
    for nodes in (3, 6, 9, 14):  # the run's files, the tmpfs's root counted
        yield Case(
            *("no more files", str(nodes), f"mount -t tmpfs -o nr_inodes={nodes} none run; {run}"),
            mounts=True,
            kept=True,
        )
    for size in (0, 1, 4, 16, 64, 200, 500):
        yield Case("largest file", f"{size} KiB", f"ulimit -f {size}; {run}")
    yield Case("quota", "at each fifth flush", run, preload=_QUOTA)
    bound = "mount --bind {0} {0} && mount -o remount,bind,ro {0}"
    for name in ("run", "."):
        yield Case(
            *("read-only", name, f"mkdir -p run; {bound.format(name)}; cd $PWD; {run}"),
            mounts=True,
        )
    yield Case("read-only", "data", f"{bound.format('data')}; {run}", (0,), mounts=True)
    yield Case("home", "none", f"env -u HOME {run}", (0,))
    for home in ("/nowhere", "/dev/null", "/proc", "relative", "", "/"):
        yield Case("home", home or "empty", f"HOME={home} {run}", (0,))
    yield Case("home", "its state is a file", f"XDG_STATE_HOME=/dev/null/x {run}", (0,))
    away = (
        "mount -t tmpfs none /mnt; mkdir /mnt/work /mnt/code; "
        f"mount --bind $PWD /mnt/work; mount --bind {HOME} /mnt/code; cd /mnt/work; "
        "export PYTHONPATH=/mnt/code; "
    )
    for size in ("ro", "size=4k", "size=100k"):
        full = f"mount -t tmpfs -o {size} none"
        shell = f"{away}{full} /tmp; {full} /var/tmp; {full} /dev/shm; {run}"
        yield Case("no /tmp", size, shell, (0,), mounts=True)
    yield Case("no /tmp", "TMPDIR", f"TMPDIR=/nowhere {run}", (0,))
    for place in ("/proc", "/dev/shm", "/sys", "/etc", "/dev"):
        shell = f"mount -t tmpfs -o ro none {place}; {run}"
        yield Case("without", place, shell, (int(place in ("/proc", "/dev")),), mounts=True)
    for size in (100, 300, 600, 1200, 2000, 2300, 2400, 2600, 3000, 4000):
        yield Case("addresses", f"{size} MB", f"ulimit -v {size}000; {run}", (0, 1, -6, -11))
    for count in (5, 6, 7, 8, 10, 13, 16, 24, 40):
        yield Case("descriptors", str(count), f"ulimit -n {count}; {run}")
    # Where the first thread cannot be made, Python itself ends with 1 and a line of its own.
    for count in (1, 2, 3, 5, 8, 12, 20, 40):
        shell = f"chmod 777 .; {_USER} prlimit --nproc={count} {run}"
        yield Case("processes", str(count), shell, (0, 1, 2))
    yield Case("user", "may write nothing", f"chmod 755 .; {_USER} {run}", (1,))
    yield Case(
        *("user", "may not write in the run", f"chmod 755 .; {_USER} {run}", (1,)),
        prepare=_begun,
        command=("train", "--resume", "run"),
    )
    shell = (
        "chown -R 999 data; chmod -R go= data; setpriv --bounding-set=-dac_override,"
        f"-dac_read_search {run}; code=$?; chown -R 0 data; exit $code"
    )
    yield Case("user", "may not read the data", shell, (1, 2))
    for seconds in (1, 3, 5, 8):
        yield Case(
            "processor time", f"{seconds} s", f"ulimit -S -t {seconds}; {run}", (0, -24, 152)
        )
    for name in ("data", "c.yaml", "run"):
        yield Case("links", name, run, (0,), prepare=_linked(name))
    yield Case("clock", "jumps at each look", run, (0,), preload=_CLOCK)
    yield Case(
        "file system", "no locks, no hard links, folders not flushed", run, (0,), preload=_NFS
    )
    yield Case("file system", "no links, no rights, no locks", run, (0,), preload=_FAT)
    yield Case("file system", "stale handles", run, preload=_STALE)
    for locale in ("C", "POSIX", "xx_YY.UTF-8"):
        shell = f"LC_ALL={locale} PYTHONUTF8=0 PYTHONCOERCECLOCALE=0 {run}"
        yield Case("locale", locale, shell, (0,))
    for closed in (">&-", "2>&-", "<&-", ">&- 2>&-", "<&- >&- 2>&-", ">/dev/full", "2>/dev/full"):
        yield Case("streams", closed, f"{run} {closed}", (0,), silent=True)
    for count in (1, 2, 3, 4, 5, 6, 7):
        yield Case(
            *("streams", f"| head -{count}", f"set -o pipefail; {run} 2>&1 | head -{count}", (0,)),
            silent=True,
        )
    both = f"{run} & first=$!; {run}; code=$?; wait $first || code=$?; exit $code"
    yield Case("two at once", "in one run folder", both, (0, 1, 2))


def try_machines(work: Workplace, tally: Tally, kinds: list[str] | None = None) -> None:
    """All of them, or those of some kinds."""
    for case in cases():
        if kinds and case.kind not in kinds:
            continue
        work.clear()
        case.prepare(work)
        ended = _on(work, case)
        what = f"{case.kind}: {case.name}"
        if ended is None:
            tally.left_out.append(what)
        else:
            saved = work.folder / "saved"
            if saved.exists():
                work.clear()
                saved.rename(work.run)
            tally.count(
                case.kind, what, ended, work.judge(ended, codes=case.codes, silent=case.silent)
            )
        work.restore()


def _on(work: Workplace, case: Case) -> Ended | None:
    """How the training ends there; None where this machine cannot be made like that."""
    shell = case.line()
    environment = {}
    if case.preload:
        library = work.folder / "preload.so"
        (work.folder / "preload.c").write_text(case.preload)
        made = shutil.which("cc") and subprocess.run(
            ["cc", "-w", "-shared", "-fPIC", "-o", library, library.with_suffix(".c"), "-ldl"]
        )
        if not made or made.returncode:
            return None
        environment["LD_PRELOAD"] = str(library)
    command = ["bash", "-c", shell, "-", *nnpy(list(case.command) or work.command)]
    if case.mounts:
        command = ["unshare", "-m", "--propagation", "private", *command]
        if os.geteuid() or not shutil.which("unshare"):
            return None
    if "setpriv" in shell and (os.geteuid() or not shutil.which("setpriv")):
        return None
    with work.started(command, environment=environment) as process:
        return ending(process)


def main() -> int:
    """The cases alone, or those of the kinds that are named."""
    import tempfile

    from tests.support.stress_workplace import import_all

    tally = Tally()
    import_all()
    with tempfile.TemporaryDirectory(prefix="nnpy-machine-") as folder:
        try_machines(Workplace(Path(folder)), tally, sys.argv[1:])
    print(tally.told())
    return 1 if tally.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
