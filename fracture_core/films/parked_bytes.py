"""Bytes of many films that wait in a file, so that memory does not grow with their number."""

import os
import tempfile
from pathlib import Path

from fracture_core.files import writing


class Store:
    """A file without a name, which is gone with the last value that is parked in it."""

    def __init__(self, folder: Path) -> None:
        self.file = -1  # until it is there
        with writing(folder):
            self.file, name = tempfile.mkstemp(prefix=".", suffix=".tmp", dir=folder)
            Path(name).unlink()
        self.folder, self.size = folder, 0

    def add(self, content: bytes) -> "Parked":
        """Append some bytes.

        Raises:
            WriteFailed: no space.
        """
        start = self.size
        with writing(self.folder):
            while self.size < start + len(content):
                self.size += os.pwrite(self.file, content[self.size - start :], self.size)
        return Parked(self, start, len(content))

    def __del__(self) -> None:
        if self.file >= 0:
            os.close(self.file)


class Parked:
    """Bytes that wait in a file until `bytes` asks for them."""

    __slots__ = ("_size", "_start", "_store")

    def __init__(self, store: Store, start: int, size: int) -> None:
        self._store, self._start, self._size = store, start, size

    def __bytes__(self) -> bytes:
        return os.pread(self._store.file, self._size, self._start)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Parked) and bytes(self) == bytes(other)

    __hash__ = None  # type: ignore[assignment]
