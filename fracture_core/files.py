"""Files that are replaced as a whole, so that no reader ever meets half of one.

Temporary names start with a dot and end in `.tmp`; what a killed process leaves is swept.
"""

import os
import secrets
import shutil
import time
from pathlib import Path

TEMPORARY = ".*.tmp"  # as a glob pattern


def temporary(path: Path) -> Path:
    """A fresh temporary name beside `path`, which `sweep` knows."""
    return path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")


def replace_file(path: Path, data: bytes) -> None:
    """Write `data` as the whole content of `path`: readers see the old file or the new one.

    The folder must exist. The new content has reached the disk when this returns.

    Raises:
        OSError: no space, no permission, no folder; `path` is then as it was.
    """
    draft = temporary(path)
    try:
        with draft.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def sweep(folder: Path, older_than_seconds: float = 60.0) -> None:
    """Remove the temporary files and folders that a killed process left right in `folder`.

    Younger ones stay: another process may be writing them.
    """
    limit = time.time() - older_than_seconds
    for path in folder.glob(TEMPORARY):
        try:
            if path.lstat().st_mtime > limit:
                continue
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink()
        except FileNotFoundError:
            continue  # its writer, or another sweep, was quicker
