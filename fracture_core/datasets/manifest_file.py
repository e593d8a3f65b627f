"""The manifest of a data set as a file: its columns, and the cached result of a scan.

A cached manifest is dropped once the stamp of its folders, its hash or the format has changed.
"""

import hashlib
import io
import json
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from fracture_core import file_reader, folders
from fracture_core.data_folders.film_listing import Skipped
from fracture_core.data_folders.ignored_files import Ignored
from fracture_core.errors import FractureError
from fracture_core.files import replace_file

COLUMNS = ("split", "part", "patient", "study", "view", "label", "path")
MANIFEST = dict.fromkeys(COLUMNS, "text") | {"view": "whole", "label": "whole"}  # types

# Raised whenever the same folders give other rows, so that cached manifests are dropped.
_FORMAT = 4


@dataclass(frozen=True, kw_only=True)
class Scan:
    """The result of a scan, as it is cached; its fields are those of `catalog.Dataset`."""

    manifest: pd.DataFrame
    skipped: tuple[Skipped, ...]
    ignored: tuple[Ignored, ...]
    patients: bool
    positive: str | None
    hash: str


def digest(manifest: pd.DataFrame) -> str:
    """Return 16 hex digits that change with the manifest's content."""
    text = manifest.to_csv(index=False, lineterminator="\n")
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def path_of(root: Path, positive: str | None, table: str | None) -> Path:
    """Return the place of a cached manifest.

    Args:
        root: of the data set.
        positive: the positive class, where it is asked.
        table: of films, see `own_table`.
    """
    key = hashlib.sha256(repr((_FORMAT, str(root), positive, table)).encode()).hexdigest()[:24]
    return folders.cache_folder() / "manifests" / f"{key}.parquet"


def read(path: Path, stamp: str) -> Scan | None:
    """Return a cached scan; `None` if there is none, or none that fits the stamp."""
    try:
        manifest = file_reader.read_table(path, MANIFEST)[list(COLUMNS)]
        schema = pq.read_schema(io.BytesIO(file_reader.read_bytes(path, file_reader.TABLE_BYTES)))
        note = file_reader.parsed(schema.metadata[b"scan"].decode())
        notes = ((str(each["path"]), str(each["reason"])) for each in note["skipped"])
        counts = (
            (str(each["kind"]), int(each["count"]), str(each["example"]))
            for each in note["ignored"]
        )
        content = Scan(
            manifest=manifest,
            skipped=tuple(Skipped(path=path, reason=reason) for path, reason in notes),
            ignored=tuple(Ignored(kind=k, count=n, example=path) for k, n, path in counts),
            patients=note["patients"] is True,
            positive=None if note["positive"] is None else str(note["positive"]),
            hash=note["hash"],
        )
        is_valid = note["stamp"] == stamp and note["hash"] == digest(manifest)
    except (FractureError, ValueError, LookupError, TypeError, AttributeError):
        return None  # missing or damaged: a walk makes it again
    return content if is_valid else None


def write(path: Path, stamp: str, content: Scan) -> None:
    """Cache a scan with the stamp of the folders that it was made of."""
    note = {
        "stamp": stamp,
        "skipped": [asdict(each) for each in content.skipped],
        "ignored": [asdict(each) for each in content.ignored],
        "patients": content.patients,
        "positive": content.positive,
        "hash": content.hash,
    }
    table = pa.Table.from_pandas(content.manifest, preserve_index=False)
    metadata = {**table.schema.metadata, b"scan": json.dumps(note).encode()}
    stream = io.BytesIO()
    pq.write_table(table.replace_schema_metadata(metadata), stream)
    with suppress(OSError):  # data can be read where the cache cannot be written
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, stream.getvalue())
