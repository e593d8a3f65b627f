"""Former crashes and hangs: each is now one sentence, and costs nothing else."""

import errno
import json
import os
import shutil
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from fracture_core import memory
from fracture_core.cli import command_line
from fracture_core.config.train_config import TrainConfig
from fracture_core.data_folders import name_order
from fracture_core.datasets import catalog, exclusions
from fracture_core.errors import DataError, FilmError, ModelError, WriteFailed
from fracture_core.films import images
from fracture_core.folders import PROJECT
from fracture_core.jobs import launcher
from fracture_core.models import model_files, stored_models
from fracture_core.phantom import phantom_set
from fracture_core.runs import journal, run_folders, run_status
from fracture_core.runs.run_status import State, Status
from fracture_core.study_sorting import study_groups, study_paths, upload_files, uploads
from fracture_core.study_sorting.upload_files import File
from tests.core import made_runs, malformed_folders
from tests.core.malformed import saved, zipped

CONFIG = TrainConfig(data="/films", architecture="three_conv", epochs=2)


@pytest.fixture
def model(folders: Path) -> Path:
    """The starter model, free to be changed, beside a good one."""
    for name in ("good", "bad"):
        shutil.copytree(PROJECT / "models" / "starter-five-conv", folders / "models" / name)
    return folders / "models" / "bad"


@pytest.fixture
def run(folders: Path) -> Path:
    """Return a run without training, beside a good one."""
    for name in ("good", "bad"):
        made_runs.make(folders / "runs" / name, CONFIG, {"dev": [3, 5], "valid": [2, 4]})
    return folders / "runs" / "bad"


def put(model: Path, *keys: str, value: Any) -> None:
    """Put a value into the card."""
    path = model / model_files.CARD
    card = at = json.loads(path.read_text())
    for key in keys[:-1]:
        at = at[key]
    at[keys[-1]] = value
    path.write_text(json.dumps(card))


# --- cards --------------------------------------------------------------------------------------

WRONG = [
    *((("threshold",), value) for value in (float("nan"), float("inf"), 7, -5, 10**400, "0.5")),
    (("epoch",), -1),
    (("recipe", "size"), 10**9),
    (("options", "dense"), [4096] * 2_000),
    (("options", "dense"), [-1]),
    (("options", "dropout"), float("nan")),
    (("label_meaning",), "x" * 100_000),
    (("architecture",), "x"),
    (("training", "images", "dev"), -3),
    (("training", "synthetic"), "no"),
    (("training", "hash"), [1]),
    (("training",), []),
    (("gate", "limit"), float("nan")),
    (("gate", "fitted_on"), -1),
    (("metrics", "dev"), []),
    (("metrics", "dev", "images"), None),
    (("metrics", "dev", "studies", "auroc"), 1.5),
    (("metrics", "dev", "studies", "kappa"), float("nan")),
    (("metrics", "dev", "studies", "accuracy", "value"), 0.99),
    (("metrics", "dev", "studies", "accuracy", "count"), 10**6),
    (("metrics", "dev", "studies", "confusion", "tp"), 10**6),
    (("members",), [{"name": "a", "architecture": "one_conv"}] * 17),
]


@pytest.mark.parametrize(("keys", "value"), WRONG)
def test_a_number_of_a_card_out_of_its_range_is_refused(
    model: Path, keys: tuple[str, ...], value: Any
) -> None:
    put(model, *keys, value=value)
    with pytest.raises(ModelError, match="bad") as caught:
        stored_models.find("bad")
    assert len(str(caught.value)) < 600
    assert stored_models.find("good").card.threshold == 0.5


def test_a_card_of_hundreds_of_megabytes_is_not_read(model: Path) -> None:
    os.truncate(model / model_files.CARD, 300 * 2**20)
    with pytest.raises(ModelError, match=r"has 300\.0 MB, and at most 1 MB"):
        stored_models.find("bad")


@pytest.mark.parametrize(
    ("column", "value"),
    [("probability", 5.0), ("probability", np.nan), ("probability", "x"), ("label", 7)],
)
def test_impossible_predictions_are_refused(model: Path, column: str, value: Any) -> None:
    path = model / model_files.PREDICTIONS
    pd.read_parquet(path).assign(**{column: value}).to_parquet(path)
    with pytest.raises(ModelError, match=r"dev_predictions\.parquet of bad cannot be read"):
        stored_models.find("bad")


# --- runs ---------------------------------------------------------------------------------------


def test_a_resume_in_a_folder_that_may_not_be_written_is_refused(
    run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    real = os.open

    def read_only(path: Any, flags: int, *more: Any, **named: Any) -> int:
        if str(path).startswith(str(run)) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))
        return real(path, flags, *more, **named)

    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    monkeypatch.setattr(os, "open", read_only)
    with pytest.raises(WriteFailed, match="lock could not be written"):
        launcher.resume(run)
    assert command_line.main(["resume", "bad"]) == 2
    assert "Read-only file system" in capsys.readouterr().err
    assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file()} == before


def test_the_list_of_runs_names_those_that_cannot_be_read(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (run / "config.json").unlink()
    os.mkfifo(run / "config.json")
    assert [each.name for each in run_folders.list_runs()] == ["good"]
    (sentence,) = run_folders.unreadable(run_folders.list_runs())
    assert sentence.startswith("bad has no readable config.json. ")
    assert "is a pipe" in sentence
    assert command_line.main(["runs"]) == 0
    printed = capsys.readouterr()
    assert (
        "good" in printed.out and "bad" not in printed.out and "bad has no readable" in printed.err
    )


@pytest.mark.parametrize(
    "change",
    [
        lambda line: line["dev"].pop("loss"),
        lambda line: line.pop("dev"),
        lambda line: line.update(dev="x"),
        lambda line: line["valid"].update(study_accuracy=5),
        lambda line: line["dev"].update(studies=-1),
        lambda line: line.update(learning_rate=float("nan")),
        lambda line: line.update(step=10**19),
    ],
)
def test_a_line_of_metrics_with_something_altered_costs_itself(
    run: Path, change: Callable[[dict], Any]
) -> None:
    whole = journal.metrics(run)
    first, last = journal.lines(run / "metrics.jsonl")
    change(last)
    journal.replace_lines(run / "metrics.jsonl", [first])
    with (run / "metrics.jsonl").open("a") as file:
        file.write(json.dumps(last) + "\n")
    assert journal.metrics(run).equals(whole.head(1))


# --- memory -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line",
    [
        "terminate called after throwing an instance of 'std::bad_alloc'",
        "ResourceExhaustedError: OOM when allocating tensor with shape[256,510,510,32]",
        "numpy._core._exceptions._ArrayMemoryError: Unable to allocate 3.1 GiB",
        "OSError: [Errno 12] Cannot allocate memory",
    ],
)
def test_a_run_that_ended_out_of_memory_says_so(run: Path, line: str) -> None:
    (run / "train.log").write_text("Epoch 1\n")
    size = (run / "train.log").stat().st_size
    run_status.write(run, Status(state=State.RUNNING, log_from=size))
    assert "memory" not in run_status.read(run).message
    with (run / "train.log").open("a") as log:
        log.write(f"{line}\n")
    assert run_status.read(run).message.startswith("It ran out of memory, according to its log.")
    # What an earlier child has written is not what ended this one.
    run_status.write(run, Status(state=State.RUNNING, log_from=size + len(line) + 1))
    assert "memory" not in run_status.read(run).message


def test_a_run_that_the_kernel_may_have_killed_says_so(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_status.write(run, Status(state=State.RUNNING, oom_kills=memory.kills()))
    assert "memory" not in run_status.read(run).message
    kills = memory.kills() + 1
    monkeypatch.setattr(memory, "kills", lambda: kills)
    assert "killed 1 process for lack of memory" in run_status.read(run).message
    run_status.write(run, Status(state=State.RUNNING))  # of an older version: nothing is known
    assert "memory" not in run_status.read(run).message


def test_the_memory_that_is_free_is_known_here() -> None:
    assert 2**20 < memory.available() < 2**50


# --- data ---------------------------------------------------------------------------------------


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Small data sets of every layout, with notes and lists."""
    monkeypatch.setenv("FRACTURE_CACHE", str(tmp_path / "cache"))
    malformed_folders._make_data(tmp_path / "data")
    return tmp_path / "data"


@pytest.mark.parametrize("text", ["[1]", "null", '"text"', "{}", "[" * 10_000, '{"complete": 5}'])
def test_a_damaged_note_of_a_phantom_costs_itself(data: Path, text: str) -> None:
    (data / "mura" / "phantom.json").write_text(text)
    dataset = catalog.read(data / "mura")
    assert len(dataset.manifest) == 6 and dataset.synthetic
    assert [each.path for each in dataset.skipped] == ["phantom.json"]
    assert phantom_set.settings(data / "mura") is None


@pytest.mark.parametrize("name", ["phantom.json", "train_labeled_studies.csv"])
def test_a_pipe_in_the_place_of_a_list_costs_itself(data: Path, name: str) -> None:
    (data / "mura" / name).unlink()
    os.mkfifo(data / "mura" / name)
    dataset = catalog.read(data / "mura")
    assert len(dataset.manifest) == 6
    assert [(each.path, "is a pipe" in each.reason) for each in dataset.skipped] == [(name, True)]


def test_a_pipe_named_as_a_data_sets_list_is_no_data_set(data: Path) -> None:
    (data / "fracatlas" / "dataset.csv").unlink()
    os.mkfifo(data / "fracatlas" / "dataset.csv")
    with pytest.raises(DataError):
        catalog.read(data / "fracatlas")
    with pytest.raises(DataError, match="is a folder"):
        exclusions.read(data)


def test_a_film_that_is_a_pipe_is_refused(data: Path) -> None:
    path = data / "classes" / "no" / "9.png"
    os.mkfifo(path)
    for read in (images.decode, images.content, images.frames):
        with pytest.raises(FilmError, match="not a file"):
            read(path)
    assert study_paths.read([path]).studies  # its film is refused when it is judged


def test_a_kept_manifest_with_another_label_is_read_again(data: Path, tmp_path: Path) -> None:
    fresh = catalog.read(data / "mura")
    (cached,) = (tmp_path / "cache" / "manifests").glob("*.parquet")
    shutil.copy(cached, tmp_path / "whole")
    import pyarrow.parquet as pq

    table = pq.read_table(cached)
    turned = table.set_column(5, "label", [[1 - v for v in table.column("label").to_pylist()]])
    pq.write_table(turned.replace_schema_metadata(table.schema.metadata), cached)
    assert catalog.read(data / "mura").manifest.equals(fresh.manifest)


# --- names and zips -----------------------------------------------------------------------------


def test_names_of_thousands_of_digits_have_an_order() -> None:
    names = ["image10", "image2", "image02", "9" * 5_000, "image1", "a9b10", "a9b9", "0", ""]
    assert sorted(names, key=name_order.natural)[-4:] == ["image1", "image02", "image2", "image10"]
    assert name_order.natural("1" * 5_000) < name_order.natural("2" + "1" * 4_999)


def test_a_zip_of_names_of_thousands_of_digits_is_sorted() -> None:
    film = saved("PNG")
    packed = zipped(("9" * 5_000 + ".png", film), ("8" * 5_000 + "/a.png", film))
    upload = uploads.sort([File(name="films.zip", content=packed)])
    assert sum(len(study.films) for study in upload.studies) == 2


def test_a_zip_of_deep_folders_is_sorted_name_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    looked = 0
    real = study_groups.FolderEndings.__init__

    def counted(self: Any, folders: Any) -> None:
        nonlocal looked
        real(self, folders)
        looked = len(self._next)

    monkeypatch.setattr(study_groups.FolderEndings, "__init__", counted)
    deep = "/".join(["d"] * 2_000)
    packed = zipped(*((f"{n}/{deep}/a.png", b"x") for n in range(200)))
    upload = uploads.sort([File(name="films.zip", content=packed)])
    assert len(upload.studies) == 200
    assert looked < 2 * 200 + 2_000 + 10  # shared names once, and what tells each apart


def test_studies_are_still_called_by_what_tells_them_apart() -> None:
    films = ("a/x/1.png", "b/x/1.png", "c/y/1.png", "z/c/y/1.png", "q/1.png")
    upload = uploads.sort([File(name=name, content=b"") for name in films])
    assert [study.name for study in upload.studies] == ["a/x", "b/x", "c/y", "q", "z/c/y"]


@pytest.mark.parametrize("how", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_what_would_be_unpacked_as_a_whole_is_not_unpacked(how: int) -> None:
    packed = malformed_folders._zip([("a.png", bytes(2**20))], how)
    upload = uploads.sort([File(name="films.zip", content=packed)])
    ((_, reason),) = upload.refused
    assert "packed in a way that is not read here" in reason


def test_a_zip_that_lists_too_much_is_refused_before_it_is_listed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    packed = zipped(*((f"{n}", b"") for n in range(20_500)))
    monkeypatch.setattr(zipfile, "ZipFile", None)
    upload = uploads.sort([File(name="films.zip", content=packed)])
    assert upload.refused == (("films.zip", upload_files._too_many(20_500, 20_000)),)


def test_folders_deeper_than_python_calls_and_circles_of_links_are_walked(tmp_path: Path) -> None:
    here = tmp_path
    (tmp_path / "back").symlink_to(tmp_path)
    start = os.open(".", os.O_RDONLY)
    try:
        os.chdir(tmp_path)
        for _ in range(1_500):
            Path("d").mkdir()
            os.chdir("d")
        Path("a.png").write_bytes(saved("PNG"))
    finally:
        os.fchdir(start)
        os.close(start)
    films = sum(len(study.films) for study in study_paths.read([here]).studies)
    subprocess.run(["rm", "-r", str(tmp_path / "d")], check=True)  # Python's own calls itself
    assert films == 1


def test_a_config_file_that_is_a_pipe_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "config.json")
    words = ["train", str(tmp_path), "--config", str(tmp_path / "config.json")]
    assert command_line.main(words) == 2
