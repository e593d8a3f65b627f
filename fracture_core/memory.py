"""How much memory there is, and how a process that ran out of it is known.

The kernel's own files are asked; where there are none, nothing is claimed.
"""

import contextlib
import re
import resource
from pathlib import Path

SAID = re.compile(  # how Python, C++, TensorFlow and the kernel say it
    r"\bMemoryError\b|std::bad_alloc|ResourceExhausted|RESOURCE_EXHAUSTED|OOM when allocating|"
    r"Cannot allocate memory|[Oo]ut of memory|Unable to allocate|failed to allocate"
)
NEXT = "Free memory and resume it, or start it anew with a smaller size or batch."
_GROUP = Path("/sys/fs/cgroup")  # limits of a container


def mentions_memory(text: str) -> bool:
    """Whether a log, or an error, says that memory ran out."""
    return SAID.search(text) is not None


def kills() -> int:
    """How many processes the kernel has killed for want of memory since it started; 0 where it
    does not say."""
    for line in _lines(Path("/proc/vmstat")):
        if line.startswith("oom_kill "):
            return int(line.split()[1])
    return 0


def available() -> int | None:
    """Bytes that a new process may take: of the machine, its container and `ulimit -v`.

    `None` where the system does not say.
    """
    found = [
        int(line.split()[1]) * 1024
        for line in _lines(Path("/proc/meminfo"))
        if line.startswith("MemAvailable:")
    ]
    limit, used = (_number(_GROUP / f"memory.{name}") for name in ("max", "current"))
    if limit is not None and used is not None:
        # What is kept of files is given back when it is wanted.
        kept = [
            line for line in _lines(_GROUP / "memory.stat") if line.startswith("inactive_file ")
        ]
        found.append(max(0, limit - used + sum(int(line.split()[1]) for line in kept)))
    asked, _ = resource.getrlimit(resource.RLIMIT_AS)
    if asked != resource.RLIM_INFINITY:
        found.append(asked)
    return min(found, default=None)


def _number(path: Path) -> int | None:
    text = "".join(_lines(path)).strip()
    return int(text) if text.isdecimal() else None


def _lines(path: Path) -> list[str]:
    with contextlib.suppress(OSError):
        return path.read_text(encoding="utf-8", errors="replace").splitlines()
    return []
