"""Available memory, and signs of a process that ran out of it.

Both are read from the kernel's files; where there are none, the answer is unknown.
"""

import contextlib
import re
import resource
from pathlib import Path

_MESSAGES = re.compile(  # of Python, C++, TensorFlow and the kernel
    r"\bMemoryError\b|std::bad_alloc|ResourceExhausted|RESOURCE_EXHAUSTED|OOM when allocating|"
    r"Cannot allocate memory|[Oo]ut of memory|Unable to allocate|failed to allocate"
)
NEXT = "Free memory and resume it, or start it again with a smaller size or batch."
_GROUP = Path("/sys/fs/cgroup")  # limits of a container


def mentions_memory(text: str) -> bool:
    """Return whether a log or an error says that memory ran out."""
    return _MESSAGES.search(text) is not None


def kills() -> int:
    """Return the number of processes killed by the kernel for lack of memory; 0 if unknown."""
    for line in _lines(Path("/proc/vmstat")):
        if line.startswith("oom_kill "):
            return int(line.split()[1])
    return 0


def available() -> int | None:
    """Return the bytes that a new process may use, by machine, container and `ulimit -v`.

    `None` if unknown.
    """
    limits = [
        int(line.split()[1]) * 1024
        for line in _lines(Path("/proc/meminfo"))
        if line.startswith("MemAvailable:")
    ]
    limit, used = (_number(_GROUP / f"memory.{name}") for name in ("max", "current"))
    if limit is not None and used is not None:
        # The file cache is released on demand.
        stat = _lines(_GROUP / "memory.stat")
        cached = [line for line in stat if line.startswith("inactive_file ")]
        limits.append(max(0, limit - used + sum(int(line.split()[1]) for line in cached)))
    own, _ = resource.getrlimit(resource.RLIMIT_AS)
    if own != resource.RLIM_INFINITY:
        limits.append(own)
    return min(limits, default=None)


def own_mb(process: int) -> int:
    """Return the memory that a process holds beside files, in MB of 10^6 bytes; 0 if unknown."""
    for line in _lines(Path(f"/proc/{process}/status")):
        if line.startswith("RssAnon:"):  # in KiB
            return int(line.split()[1]) * 1024 // 10**6
    return 0


def _number(path: Path) -> int | None:
    text = "".join(_lines(path)).strip()
    return int(text) if text.isdecimal() else None


def _lines(path: Path) -> list[str]:
    with contextlib.suppress(OSError):
        return path.read_text(encoding="utf-8", errors="replace").splitlines()
    return []
