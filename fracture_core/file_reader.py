"""Safe reading of files, our own and foreign ones.

Only regular files are opened: a pipe would block its reader for ever. Sizes are checked before
anything is read or unpacked. A reader gets the content of a file, or one exception.
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
TABLE_UNPACKED = 512 * MB  # the size of a million films' paths and numbers
HEADER_BYTES = 16_384  # of an array's file; numpy accepts at most 10,000 characters
DEPTH = 32  # of JSON; ours is 6 deep
DIGITS = 20  # of an integer in JSON; no count exceeds 2 to the 63rd

_NOUNS = {"text": "text", "whole": "whole numbers", "number": "numbers", "bytes": "bytes"}
_NAMELESS = "The file"
_EMPTY = {"text": "str", "whole": "int64", "number": "float64", "bytes": "object"}
_KINDS = (  # of file that are not regular
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def opened(path: Path, limit: int) -> BinaryIO:
    """Open a regular file of at most `limit` bytes for reading.

    Raises:
        FileMissing: there is none.
        FileRefused: it is no regular file, is larger, or the disk refuses it.
    """
    try:
        _check(path, path.stat(), limit)  # before opening, which may activate a device
        # Another file may have replaced it: opened without blocking, and checked again.
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
    """Return the clause for a file, or its unpacked content, of too many bytes."""
    return f"has {size / MB:,.1f} MB, and at most {limit / MB:,.0f} MB of it are read"


def read_bytes(path: Path, limit: int) -> bytes:
    """Return the content of a regular file; see `opened`."""
    with opened(path, limit) as stream:
        try:
            content = stream.read(os.fstat(stream.fileno()).st_size)
            while len(content) <= limit and (
                more := stream.read(MB)
            ):  # it grew, or reports a size of 0
                content += more
        except OSError as error:
            raise FileRefused(path.name, f"cannot be read ({error.strerror})") from error
    if len(content) > limit:
        raise FileRefused(path.name, too_large(len(content), limit))
    return content


def read_text(path: Path, limit: int, errors: str = "strict") -> str:
    """Return the UTF-8 text of a regular file, without a byte order mark.

    Args:
        path: of the file.
        limit: largest size in bytes.
        errors: of `bytes.decode`.

    Raises:
        FileRefused: see `opened`; or it is not UTF-8.
    """
    try:
        return read_bytes(path, limit).decode("utf-8-sig", errors=errors)
    except UnicodeDecodeError as error:
        raise FileRefused(path.name, "is no UTF-8 text") from error


def read_json(path: Path, limit: int = NOTE_BYTES) -> Any:
    """Return the content of a JSON file.

    Raises:
        FileRefused: see `read_text` and `parsed`.
    """
    text = read_text(path, limit)
    try:
        return parsed(text)
    except ValueError as error:
        raise FileRefused(path.name, f"is not the JSON that it must be ({error})") from error


def json_or_none(path: Path) -> Any:
    """Return the content of a JSON file; `None` where it is missing or cannot be read."""
    try:
        return read_json(path)
    except FileRefused:
        return None


def parsed(text: str) -> Any:
    """Return the content of a JSON text.

    Raises:
        ValueError: it is not JSON, is nested deeper than `DEPTH`, or holds an integer of more than
            `DIGITS` digits or half a character.
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
    """Check level by level: a recursive function would itself fail on deep values."""
    level = [value]
    for _ in range(DEPTH):
        inside = [each for each in level if isinstance(each, dict | list)]
        level = [v for each in inside for v in (each.values() if isinstance(each, dict) else each)]
        if not level:
            return
    raise ValueError(f"it is nested deeper than {DEPTH}")


def _content(source: Path | bytes, limit: int) -> tuple[str, bytes]:
    """Return name and content of a source; content in memory has no name."""
    if isinstance(source, Path):
        return source.name, read_bytes(source, limit)
    if len(source) > limit:
        raise FileRefused(_NAMELESS, too_large(len(source), limit))
    return _NAMELESS, source


# --- tables and arrays --------------------------------------------------------------------------


def read_table(
    source: Path | bytes, columns: Mapping[str, str], others: bool = False
) -> "pd.DataFrame":
    """Return a table of films from a parquet file; sizes are checked before it is unpacked.

    Args:
        source: the file's path, or its content.
        columns: required columns with their types: "text", "whole", "number" or "bytes". Missing
            values are refused.
        others: whether to include its other columns of numbers and text.

    Returns:
        The columns in the order of the file; text as str, integers as int64, numbers and bytes
        unchanged.

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
        # Text that is stored once for a million rows stays so in memory.
        file = pq.ParquetFile(io.BytesIO(content), read_dictionary=words)
        _check_table(file.metadata, kinds, columns)
        included = [n for n, kind in kinds.items() if n in columns or (others and kind)]
        return _as_pandas(file.read(columns=included), kinds, columns)
    except (pa.ArrowException, OSError, ValueError, TypeError, KeyError, OverflowError) as error:
        reason = " ".join(str(error).split())[:200]
        raise FileRefused(name, f"is not the table that it must be ({reason})") from error


def _kind(kind: Any) -> str:
    """Return "text", "whole", "number", "bytes", or "" for other types."""
    from pyarrow import types

    if types.is_dictionary(kind):
        return _kind(kind.value_type)
    if types.is_integer(kind) or types.is_boolean(kind):
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
            raise ValueError(f"its column {name} holds no {_NOUNS[kind]}")


def _as_pandas(table: Any, kinds: Mapping[str, str], columns: Mapping[str, str]) -> "pd.DataFrame":
    import pandas as pd

    series = {}
    for name in table.column_names:
        values = table.column(name)
        if not len(values) and name in columns:  # an empty column may have no type
            series[name] = pd.Series([], dtype=_EMPTY[columns[name]])
        elif values.null_count and name in columns:
            raise ValueError(f"its column {name} has gaps")
        elif kinds[name] == "text":
            _check_text(name, values)
            series[name] = values.to_pandas().astype("str")
        elif kinds[name] == "whole" and not values.null_count:
            series[name] = values.to_pandas().astype("int64")
        else:
            series[name] = values.to_pandas()
    return pd.DataFrame(series)


def _check_text(name: str, values: Any) -> None:
    """Refuse too much text: a long text that is stored once may be that of every row."""
    import pyarrow.compute as pc

    size = 0
    for chunk in values.chunks:
        packed = hasattr(chunk, "dictionary")
        lengths = pc.binary_length(chunk.dictionary if packed else chunk)
        size += pc.sum(lengths.take(chunk.indices) if packed else lengths).as_py() or 0
    if size > TABLE_UNPACKED:
        raise ValueError(f"its column {name} {too_large(size, TABLE_UNPACKED)}")


def read_array(source: Path | bytes, shape: tuple[int, ...], kind: str) -> "np.ndarray":
    """Return the array in a `.npy` file of this shape and type ("float32").

    Args:
        source: the file's path, or its content.
        shape: of the array.
        kind: numpy's name of its type.

    Raises:
        FileMissing: there is none.
        FileRefused: it holds another array, or none.
    """
    import numpy as np

    size = math.prod(shape) * np.dtype(kind).itemsize
    name, data = _content(source, size + HEADER_BYTES)
    content = io.BytesIO(data)
    try:
        stored_shape, stored_kind = array_header(content)
        if (stored_shape, stored_kind) == (shape, np.dtype(kind)):
            content.seek(0)
            return np.lib.format.read_array(content, allow_pickle=False)
    except Exception as error:  # numpy's reader of damaged headers raises many kinds
        raise FileRefused(name, f"is damaged ({error})") from error
    raise FileRefused(name, f"holds {stored_kind} {stored_shape}, and must hold {kind} {shape}")


def array_header(stream: BinaryIO) -> tuple[tuple[int, ...], "np.dtype"]:
    """Return shape and type of an array in a stream; on damage, numpy's exceptions pass."""
    import numpy as np

    read = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }[np.lib.format.read_magic(stream)]
    shape, _, kind = read(stream)
    return shape, kind


@contextlib.contextmanager
def arrays(source: Path | bytes, limit: int) -> Iterator["np.lib.npyio.NpzFile"]:
    """Open the arrays of an `.npz` file for a `with` block.

    Args:
        source: the file's path, or its content.
        limit: largest unpacked size of all arrays, in bytes.

    Raises:
        FileMissing: there is none.
        FileRefused: it is no regular file, or unpacks to more.
        Exception: of numpy's reader on damage, in the block.
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
