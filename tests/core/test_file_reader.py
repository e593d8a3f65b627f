"""Safe reading of files: regular, of limited size, and of the right content."""

import json
import os
import socket
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fracture_core import file_reader
from fracture_core.errors import FileMissing, FileRefused

COLUMNS = {"path": "text", "label": "whole", "probability": "number"}


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (os.mkfifo, "is a pipe"),
        (Path.mkdir, "is a folder"),
        (_socket, "is a socket"),
        (lambda path: path.symlink_to("/dev/zero"), "is a device"),
        (lambda path: path.symlink_to(path.name), "cannot be read"),
    ],
)
def test_only_regular_files_are_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make: Callable[[Path], object], words: str
) -> None:
    monkeypatch.chdir(tmp_path)
    make(Path("note.json"))
    with pytest.raises(FileRefused, match=f"note.json {words}"):
        file_reader.read_json(Path("note.json"))


def test_a_missing_file_is_told_from_a_refused_one(tmp_path: Path) -> None:
    with pytest.raises(FileMissing):
        file_reader.read_bytes(tmp_path / "gone", 10)


def test_a_size_is_asked_before_reading(tmp_path: Path) -> None:
    path = tmp_path / "card.json"
    with path.open("wb") as file:
        file.truncate(2**40)  # takes no room on the disk, and none in memory
    with pytest.raises(FileRefused, match="at most 1 MB"):
        file_reader.read_json(path)


def test_a_file_that_says_it_is_empty_is_read_no_further_than_allowed() -> None:
    with pytest.raises(FileRefused, match="at most 0 MB"):
        file_reader.read_bytes(Path("/proc/self/maps"), 10)  # of 0 bytes, by its own account


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[" * 10_000,
        '{"a":' * 10_000,
        "[" * 40 + "]" * 40,
        "1" * 5_000,
        '{"a": ' + "1" * 21 + "}",
        '"\\ud800"',
        "{",
        "[1,]",
        "{'a': 1}",
    ],
)
def test_what_is_no_json_of_ours_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "note.json"
    path.write_text(text)
    with pytest.raises(FileRefused, match="is not the JSON that it must be"):
        file_reader.read_json(path)


def test_json_of_ours_is_read(tmp_path: Path) -> None:
    value = {"deep": [[[[[{"a": [1, 2.5, None, True, "\U0001f9b4"]}]]]]], "count": 2**62}
    value["many"] = [{"a": [1]}] * 100
    (tmp_path / "note.json").write_text(json.dumps(value))
    assert file_reader.read_json(tmp_path / "note.json") == value


def test_a_table_is_read_as_it_was_written(tmp_path: Path) -> None:
    films = pd.DataFrame({"path": ["a", "b"], "label": [0, 1], "probability": [0.5, 0.25]})
    films["probability"] = films["probability"].astype("float32")
    films.to_parquet(tmp_path / "t")
    pd.testing.assert_frame_equal(file_reader.read_table(tmp_path / "t", COLUMNS), films)
    films.head(0).to_parquet(tmp_path / "t")
    assert file_reader.read_table(tmp_path / "t", COLUMNS).columns.tolist() == list(COLUMNS)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"label": None}, "no column label"),
        ({"label": ["x", "y"]}, "label holds no whole numbers"),
        ({"path": [1, 2]}, "path holds no text"),
        ({"path": ["a", None]}, "path has gaps"),
        ({"probability": [[1.0], [2.0]]}, "probability holds no numbers"),
    ],
)
def test_a_table_of_other_columns_is_refused(tmp_path: Path, changes: dict, words: str) -> None:
    columns = {"path": ["a", "b"], "label": [0, 1], "probability": [0.5, 0.25], **changes}
    table = pa.table({name: values for name, values in columns.items() if values is not None})
    pq.write_table(table, tmp_path / "t.parquet")
    with pytest.raises(FileRefused, match=words):
        file_reader.read_table(tmp_path / "t.parquet", COLUMNS)


def test_a_table_that_unpacks_to_gigabytes_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    rows = 2_000_000
    one = {"label": np.zeros(rows, int), "probability": np.zeros(rows)}
    pq.write_table(pa.table({"path": pa.array(["x"] * rows), **one}), path)
    assert path.stat().st_size < 100_000
    with pytest.raises(FileRefused, match="2,000,000 rows"):
        file_reader.read_table(path, COLUMNS)
    rows = 2_000
    one = {"label": np.zeros(rows, int), "probability": np.zeros(rows)}
    words = pa.array(["x" * 2**20]).dictionary_encode().take(pa.array([0] * rows))
    pq.write_table(pa.table({"path": words, **one}), path)
    assert path.stat().st_size < 200_000  # and two gigabytes of text
    with pytest.raises(FileRefused, match=r"path has 2,000\.0 MB"):
        file_reader.read_table(path, COLUMNS)


def test_arrays_are_of_the_shape_that_is_asked_for(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.zeros(3, np.float32))
    assert file_reader.read_array(tmp_path / "a.npy", (3,), "float32").tolist() == [0, 0, 0]
    for shape, kind in (((4,), "float32"), ((3,), "float64")):
        with pytest.raises(FileRefused, match=r"holds float32 \(3,\)"):
            file_reader.read_array(tmp_path / "a.npy", shape, kind)
    header = repr({"descr": "<f4", "fortran_order": False, "shape": (10**15,)}).encode() + b"\n"
    (tmp_path / "a.npy").write_bytes(
        b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header
    )
    with pytest.raises(FileRefused, match="must hold"):
        file_reader.read_array(tmp_path / "a.npy", (3,), "float32")


def test_arrays_that_unpack_to_too_much_are_refused(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "a.npz", a=np.zeros(2**20, np.uint8))
    with (
        pytest.raises(FileRefused, match="unpacks to 1 MB"),
        file_reader.arrays(tmp_path / "a.npz", 2**19),
    ):
        pass
