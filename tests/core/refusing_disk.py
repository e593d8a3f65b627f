"""A disk that refuses writes: for tests of what is lost and said then.

The fault is put under everything that our code writes with: opening and writing files, syncing,
renaming, making folders, removing.
"""

import builtins
import errno
import io
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

REMOVING = ("unlink",)  # a full disk does not refuse it


class Disk:
    """Counts writes below a folder, and refuses one of them, or all from it on.

    Args:
        home: the folder that it watches.
        patch: undoes all at the end of the test.
    """

    def __init__(self, home: Path, patch: pytest.MonkeyPatch) -> None:
        self.home, self.count, self.refused = str(home), 0, ""
        self.at, self.number, self.for_good = -1, errno.ENOSPC, False
        self._paths: dict[int, str] = {}  # of open descriptors
        for module in (builtins, io):  # `pathlib` takes the one, `open` the other
            patch.setattr(module, "open", self._opening(io.open))
        patch.setattr(os, "open", self._opening_descriptor(os.open))
        for name in ("replace", "rename", "mkdir", "unlink"):
            patch.setattr(os, name, self._checked(name, getattr(os, name)))
        patch.setattr(os, "fsync", self._syncing(os.fsync))

    def refuse(self, at: int, number: int = errno.ENOSPC, for_good: bool = False) -> None:
        """Restart the count; refuse the write with this index (and all after it, `for_good`)."""
        self.count, self.refused = 0, ""
        self.at, self.number, self.for_good = at, number, for_good

    def check(self, operation: str, path: object) -> None:
        """Count a write; raise the error if it is this one's turn."""
        if not str(path).startswith(self.home):
            return
        mine = self.count == self.at or (self.for_good and self.count > self.at >= 0)
        self.count += 1
        if mine and not (self.number == errno.ENOSPC and operation in REMOVING):
            self.refused = self.refused or f"{operation} {path}"
            named = () if operation in ("write", "fsync") else (str(path),)
            raise OSError(self.number, os.strerror(self.number), *named)

    def _opening(self, real: Callable[..., Any]) -> Callable[..., Any]:
        def opened(file: Any, mode: str = "r", *arguments: Any, **named: Any) -> Any:
            writes = any(letter in mode for letter in "wax+")
            if not writes or (isinstance(file, int) and file not in self._paths):
                return real(file, mode, *arguments, **named)
            if isinstance(file, int):  # checked when it was opened
                path = self._paths.pop(file)
            else:
                path = os.fspath(file)
                self.check("open", path)
            return Written(real(file, mode, *arguments, **named), self, path)

        return opened

    def _opening_descriptor(self, real: Callable[..., int]) -> Callable[..., int]:
        def opened(path: Any, flags: int, *arguments: Any, **named: Any) -> int:
            if flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
                self.check("open", os.fspath(path))
            descriptor = real(path, flags, *arguments, **named)
            self._paths[descriptor] = os.fspath(path)
            return descriptor

        return opened

    def _checked(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(path: Any, *arguments: Any, **named: Any) -> Any:
            self.check(name, path)
            return real(path, *arguments, **named)

        return call

    def _syncing(self, real: Callable[[int], None]) -> Callable[[int], None]:
        def fsync(descriptor: int) -> None:
            self.check("fsync", Path(f"/proc/self/fd/{descriptor}").resolve())
            real(descriptor)

        return fsync


class Written:
    """A file whose first write can be refused with half of it written, as a full disk does."""

    def __init__(self, stream: Any, disk: Disk, path: str) -> None:
        self._stream, self._disk, self._path, self._begun = stream, disk, path, False

    def write(self, data: Any) -> int:
        """Write, or half of it and raise."""
        if not self._begun:
            self._begun = True
            try:
                self._disk.check("write", self._path)
            except OSError:
                self._stream.write(data[: len(data) // 2])
                raise
        return self._stream.write(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def __enter__(self) -> "Written":
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()

    def __iter__(self) -> Iterator[Any]:
        return iter(self._stream)
