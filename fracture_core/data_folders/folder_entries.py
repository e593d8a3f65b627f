"""Entries of a folder: its folders in order, names that count, links that lead back."""

import errno
import os
from pathlib import Path

from fracture_core.data_folders import ignored_files
from fracture_core.data_folders.name_order import natural
from fracture_core.errors import DataError

CLOSED = "cannot be listed"  # start of the reason for a folder that may not be listed


def folders(root: Path) -> list[str]:
    """Return names of the folders in `root` in natural order, without hidden ones, names that are
    not text, and links that lead back, see `leads_back`."""
    try:
        with os.scandir(root) as content:
            inner = [each for each in content if not is_hidden(each.name) and is_folder(each)]
        names = [each.name for each in inner if not leads_back(each)]
        return sorted(filter(is_text, names), key=natural)
    except FileNotFoundError as error:
        raise DataError(f"There is no folder {root}. Check the path.") from error
    except NotADirectoryError as error:
        file = next((path for path in (root, *root.parents) if path.is_file()), root)
        step = "Unpack it, then give" if file.suffix.lower() in ignored_files.ARCHIVES else "Give"
        raise DataError(f"{file} is a file. {step} the folder that holds the images.") from error
    except OSError as error:
        step = advice(str(error.strerror))
        raise DataError(f"{root} cannot be listed ({error.strerror}). {step}.") from error


def advice(reason: str) -> str:
    """Return the next step for a folder that cannot be listed.

    Args:
        reason: the system's message, or the reason of a `Skipped` that contains it.
    """
    reason = reason.removeprefix(f"{CLOSED} (").removesuffix(")")
    if reason in map(os.strerror, (errno.EACCES, errno.EPERM)):
        return "Give yourself permission to read it"
    if reason in map(os.strerror, (errno.ENOENT, errno.ENOTDIR, errno.ESTALE)):
        return "It is gone: check the path"
    return "Check the path and its disk"


def is_hidden(name: str) -> bool:
    """Return whether a folder of this name is hidden, or one of an operating system."""
    return name.startswith(".") or name.lower() in ignored_files.FOLDERS


def is_text(name: str) -> bool:
    """Return whether a file's name is UTF-8; old archives have others, which no table can hold."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def readable(name: str) -> str:
    """Return a file's name with "\ufffd" for each byte that is not text."""
    return os.fsencode(name).decode(errors="replace")


def is_folder(entry: os.DirEntry[str]) -> bool:
    """Return whether an entry is a folder, or a link to one."""
    try:
        return entry.is_dir()
    except OSError:  # a link that leads to itself
        return False


def leads_back(entry: os.DirEntry[str]) -> bool:
    """Return whether an entry is a link to a folder that holds it, or to one beside it: films there
    are read by their own path, and would count twice."""
    if not entry.is_symlink() or not is_folder(entry):
        return False
    target, holder = Path(entry.path).resolve(), Path(entry.path).parent.resolve()
    return holder.is_relative_to(target) or target.parent == holder
