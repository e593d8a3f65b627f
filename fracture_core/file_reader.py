"""The one way in which files of ours and of others are opened to be read.

Only regular files are opened: a pipe would keep its reader waiting for ever. Sizes are asked before
anything is read or unpacked. Whatever a file holds, a reader gets it or one exception.
"""

import contextlib
import io
import json
import math
import os
import stat
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from fracture_core.errors import FileMissing, FileRefused

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

MB = 2**20
NOTE_BYTES = 1 * MB  # a card, a config, a status: some kB; an ensemble of 16 takes 50
LIST_BYTES = 64 * MB  # a list of films or findings; MURA's own lists of 40,000 films take 3 MB
LINES_BYTES = 256 * MB  # of a file that grows line by line; 10,000 epochs take 6 MB
TABLE_BYTES = 64 * MB  # of a table of films as it lies on disk
TABLE_ROWS = 1_000_000  # of a table of films; the largest public data set of films has 400,000
TABLE_UNPACKED = 512 * MB  # what a million films' paths and numbers take
HEADER_BYTES = 16_384  # of an array's file; numpy believes none of more than 10,000 letters
DEPTH = 32  # of JSON; ours is 6 deep
DIGITS = 20  # of a whole number in JSON; nothing is counted beyond 2 to the 63rd

_HELD = {"text": "text", "whole": "whole numbers", "number": "numbers", "bytes": "bytes"}
_NAMELESS = "The file"
_EMPTY = {"text": "str", "whole": "int64", "number": "float64", "bytes": "object"}
_KINDS = (  # of what is no regular file
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def opened(path: Path, limit: int) -> BinaryIO:
    """A regular file of at most `limit` bytes, opened to be read.

    Raises:
        FileMissing: there is none.
        FileRefused: it is no regular file, is larger, or the disk refuses it.
    """
    try:
        _check(path, path.stat(), limit)  # before opening: that alone may wake a device
        # What took its place since then is opened without waiting, and looked at again.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        stream = open(descriptor, "rb")  # noqa: PTH123, SIM115 - the caller closes it
        try:
            _check(path, os.fstat(descriptor), limit)
        except BaseException:
            stream.close()
            raise
        return stream
    except (FileNotFoundError, NotADirectoryError) as error:
        raise FileMissing(path.name, "is missing") from error
    except (OSError, ValueError) as error:  # a null character in a name is a ValueError
        reason = getattr(error, "strerror", None) or error
        raise FileRefused(path.name, f"cannot be read ({reason})") from error


def _check(path: Path, facts: os.stat_result, limit: int) -> None:
    if not stat.S_ISREG(facts.st_mode):
        kind = next((words for is_one, words in _KINDS if is_one(facts.st_mode)), "something else")
        raise FileRefused(path.name, f"is {kind}, not a file")
    if facts.st_size > limit:
        raise FileRefused(path.name, too_large(facts.st_size, limit))


def too_large(size: int, limit: int) -> str:
    """The clause for a file, or what it unpacks to, of more bytes than are read."""
    return f"has {size / MB:,.1f} MB, and at most {limit / MB:,.0f} MB of it are read"


def read_bytes(path: Path, limit: int) -> bytes:
    """All that a regular file holds; see `opened`."""
    with opened(path, limit) as stream:
        try:
            content = stream.read(os.fstat(stream.fileno()).st_size)
            while len(content) <= limit and (more := stream.read(MB)):  # it grew, or said it has 0
                content += more
        except OSError as error:
            raise FileRefused(path.name, f"cannot be read ({error.strerror})") from error
    if len(content) > limit:
        raise FileRefused(path.name, too_large(len(content), limit))
    return content


def read_text(path: Path, limit: int, errors: str = "strict") -> str:
    """The UTF-8 text of a regular file, without the mark that some programs begin it with.

    Args:
        path: of the file.
        limit: bytes that are read at most.
        errors: as `bytes.decode` takes it.

    Raises:
        FileRefused: see `opened`; or it is no UTF-8.
    """
    try:
        return read_bytes(path, limit).decode("utf-8-sig", errors=errors)
    except UnicodeDecodeError as error:
        raise FileRefused(path.name, "is no UTF-8 text") from error


def read_json(path: Path, limit: int = NOTE_BYTES) -> Any:
    """What a JSON file holds.

    Raises:
        FileRefused: see `read_text` and `parsed`.
    """
    text = read_text(path, limit)
    try:
        return parsed(text)
    except ValueError as error:
        raise FileRefused(path.name, f"is not the JSON that it must be ({error})") from error


def parsed(text: str) -> Any:
    """What a JSON text holds.

    Raises:
        ValueError: it is no JSON, is nested deeper than `DEPTH`, holds a whole number of more than
            `DIGITS` digits, or half a character.
    """
    try:
        value = json.loads(text, parse_int=_whole_number)
    except RecursionError as error:
        raise ValueError(f"it is nested deeper than {DEPTH}") from error
    if text.count("[") + text.count("{") > DEPTH:
        _check_depth(value)
    if "\\ud" in text or "\\uD" in text:
        try:
            json.dumps(value, ensure_ascii=False).encode()
        except UnicodeEncodeError as error:
            raise ValueError("it holds half a character") from error
    return value


def _whole_number(text: str) -> int:
    if len(text) > DIGITS:
        raise ValueError(f"it holds a number of {len(text):,} digits")
    return int(text)


def _check_depth(value: Any) -> None:
    """Level by level, since a function that calls itself would fail where the depth does."""
    level = [value]
    for _ in range(DEPTH):
        inside = [each for each in level if isinstance(each, dict | list)]
        level = [v for each in inside for v in (each.values() if isinstance(each, dict) else each)]
        if not level:
            return
    raise ValueError(f"it is nested deeper than {DEPTH}")


def _content(source: Path | bytes, limit: int) -> tuple[str, bytes]:
    """What a sentence calls it, and the bytes, which may have been read already."""
    if isinstance(source, Path):
        return source.name, read_bytes(source, limit)
    if len(source) > limit:
        raise FileRefused(_NAMELESS, too_large(len(source), limit))
    return _NAMELESS, source


# --- tables and arrays --------------------------------------------------------------------------


def read_table(
    source: Path | bytes, columns: Mapping[str, str], others: bool = False
) -> "pd.DataFrame":
    """A table of films from a parquet file, its sizes asked before it is unpacked.

    Args:
        source: the file's path, or its content.
        columns: those that it must have, and what each holds: "text", "whole", "number" or
            "bytes". A number that is missing is refused.
        others: whether to give its other columns of numbers and text as well.

    Returns:
        The columns in the order of the file; text as str, whole numbers as int64, numbers and bytes
        as they are.

    Raises:
        FileMissing: there is none.
        FileRefused: it is no such table, or larger than one can be.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    name, content = _content(source, TABLE_BYTES)
    try:
        schema = pq.read_schema(io.BytesIO(content))
        kinds = {field.name: _kind(field.type) for field in schema}
        words = [column for column, kind in kinds.items() if kind == "text"]
        # Text that stands there once for a million rows is kept once.
        file = pq.ParquetFile(io.BytesIO(content), read_dictionary=words)
        _check_table(file.metadata, kinds, columns)
        wanted = [n for n, kind in kinds.items() if n in columns or (others and kind)]
        return _as_pandas(file.read(columns=wanted), kinds, columns)
    except (pa.ArrowException, OSError, ValueError, TypeError, KeyError, OverflowError) as error:
        reason = " ".join(str(error).split())[:200]
        raise FileRefused(name, f"is not the table that it must be ({reason})") from error


def _kind(kind: Any) -> str:
    """ "text", "whole", "number", "bytes", or "" for what no table of ours holds."""
    from pyarrow import types

    if types.is_dictionary(kind):
        return _kind(kind.value_type)
    if types.is_integer(kind):
        return "whole"
    if types.is_floating(kind):
        return "number"
    if types.is_string(kind) or types.is_large_string(kind):
        return "text"
    return "bytes" if types.is_binary(kind) or types.is_large_binary(kind) else ""


def _check_table(facts: Any, kinds: Mapping[str, str], columns: Mapping[str, str]) -> None:
    if facts.num_rows > TABLE_ROWS:
        raise ValueError(f"it has {facts.num_rows:,} rows; at most {TABLE_ROWS:,} are read")
    groups = (facts.row_group(number) for number in range(facts.num_row_groups))
    if (size := sum(group.total_byte_size for group in groups)) > TABLE_UNPACKED:
        raise ValueError(f"it {too_large(size, TABLE_UNPACKED)}")
    for name, kind in columns.items():
        if name not in kinds:
            raise ValueError(f"it has no column {name}")
        if facts.num_rows and kinds[name] != kind and (kind, kinds[name]) != ("number", "whole"):
            raise ValueError(f"its column {name} holds no {_HELD[kind]}")


def _as_pandas(table: Any, kinds: Mapping[str, str], columns: Mapping[str, str]) -> "pd.DataFrame":
    import pandas as pd

    found = {}
    for name in table.column_names:
        values = table.column(name)
        if not len(values) and name in columns:  # a column of nothing may have no kind at all
            found[name] = pd.Series([], dtype=_EMPTY[columns[name]])
        elif values.null_count and name in columns:
            raise ValueError(f"its column {name} has gaps")
        elif kinds[name] == "text":
            _check_text(name, values)
            found[name] = values.to_pandas().astype("str")
        elif kinds[name] == "whole" and not values.null_count:
            found[name] = values.to_pandas().astype("int64")
        else:
            found[name] = values.to_pandas()
    return pd.DataFrame(found)


def _check_text(name: str, values: Any) -> None:
    """A long text that stands there once may be that of every row."""
    import pyarrow.compute as pc

    size = 0
    for chunk in values.chunks:
        packed = hasattr(chunk, "dictionary")
        lengths = pc.binary_length(chunk.dictionary if packed else chunk)
        size += pc.sum(lengths.take(chunk.indices) if packed else lengths).as_py() or 0
    if size > TABLE_UNPACKED:
        raise ValueError(f"its column {name} {too_large(size, TABLE_UNPACKED)}")


def read_array(source: Path | bytes, shape: tuple[int, ...], kind: str) -> "np.ndarray":
    """The array in a `.npy` file, which must be of this shape and kind ("float32").

    Args:
        source: the file's path, or its content.
        shape: that it must have.
        kind: numpy's name of its numbers.

    Raises:
        FileMissing: there is none.
        FileRefused: it holds another array, or none.
    """
    import numpy as np

    size = math.prod(shape) * np.dtype(kind).itemsize
    name, data = _content(source, size + HEADER_BYTES)
    content = io.BytesIO(data)
    try:
        found, held = array_header(content)
        if (found, held) == (shape, np.dtype(kind)):
            content.seek(0)
            return np.lib.format.read_array(content, allow_pickle=False)
    except Exception as error:  # numpy's reader of damaged headers raises many kinds
        raise FileRefused(name, f"is damaged ({error})") from error
    raise FileRefused(name, f"holds {held} {found}, and must hold {kind} {shape}")


def array_header(stream: BinaryIO) -> tuple[tuple[int, ...], "np.dtype"]:
    """Shape and kind of the array that begins here; raises whatever numpy does on damage."""
    import numpy as np

    read = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }[np.lib.format.read_magic(stream)]
    shape, _, kind = read(stream)
    return shape, kind


@contextlib.contextmanager
def arrays(source: Path | bytes, limit: int) -> Iterator["np.lib.npyio.NpzFile"]:
    """The arrays of an `.npz` file, for the length of a `with` block.

    Args:
        source: the file's path, or its content.
        limit: bytes that they may have in all, unpacked.

    Raises:
        FileMissing: there is none.
        FileRefused: it is no regular file, or unpacks to more.
        Exception: what numpy's reader stumbles over, in the block.
    """
    import numpy as np

    name = _NAMELESS if isinstance(source, bytes) else source.name
    with io.BytesIO(source) if isinstance(source, bytes) else opened(source, limit) as stream:
        try:
            with zipfile.ZipFile(stream) as archive:
                size = sum(entry.file_size for entry in archive.infolist())
        except Exception as error:  # zipfile raises many kinds on damage
            raise FileRefused(name, f"is damaged ({error})") from error
        if size > limit:
            raise FileRefused(name, f"unpacks to {size / MB:,.0f} MB, more than it can hold")
        stream.seek(0)
        with np.load(stream, allow_pickle=False) as stored:
            yield stored
