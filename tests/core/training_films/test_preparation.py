"""Preparation of a run's films: roles, pixels, a phantom that is still being made."""

import json
import shutil
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fracture_core.config.train_config import TrainConfig
from fracture_core.datasets import catalog, manifest_file
from fracture_core.errors import DataError, FractureError, Stopped, TrainingFailed
from fracture_core.jobs.worker import Worker
from fracture_core.phantom import phantom_set
from fracture_core.runs import journal, run_folders, run_requests, run_status
from fracture_core.training_films import preparation


def begin(data: Path, **changes: object) -> tuple[Path, Worker]:
    """A run on this data, ready to prepare its films."""
    folder = run_folders.create(TrainConfig(data=str(data), **changes))
    return folder, Worker(folder)


@pytest.fixture
def films(phantom_root, tmp_path) -> Path:
    """The small phantom's films as plain MURA, free to be changed."""
    root = tmp_path / "parent" / "MURA-v1.1"
    shutil.copytree(phantom_root, root, ignore=shutil.ignore_patterns("phantom.json"))
    return root


def test_rows_and_pixels_belong_together_and_the_facts_are_kept(folders, phantom_root) -> None:
    folder, worker = begin(phantom_root)
    rows, pixels = preparation.prepare(folder, worker)
    assert pixels.shape == (len(rows), 32, 32)
    assert pixels.dtype == np.uint8
    table = journal.films(folder)
    assert table.equals(rows)
    assert list(table.columns) == [*manifest_file.COLUMNS, "role"]
    data = run_folders.read(folder).facts["data"]
    assert data["images"] == table.groupby("role").size().to_dict()
    assert (data["root"], data["kind"], data["synthetic"]) == (str(phantom_root), "mura", True)
    assert data["hash"] == catalog.read(phantom_root).hash


def test_a_second_preparing_gives_the_same(folders, phantom_root) -> None:
    folder, worker = begin(phantom_root)
    rows, pixels = preparation.prepare(folder, worker)
    facts = (folder / "config.json").read_bytes()
    again, others = preparation.prepare(folder, Worker(folder))
    assert again.equals(rows)
    assert np.array_equal(others, pixels)
    assert (folder / "config.json").read_bytes() == facts


def test_data_may_be_given_by_its_parent(folders, films) -> None:
    folder, worker = begin(films.parent)
    rows, pixels = preparation.prepare(folder, worker)
    assert run_folders.read(folder).facts["data"]["root"] == str(films)
    assert journal.events(folder) == []
    expected = preparation.prepare(*begin(films))[1]
    assert np.array_equal(pixels, expected)
    assert len(rows) == len(expected)


def test_dev_is_carved_out_before_parts_are_chosen(folders, phantom_root) -> None:
    whole = preparation.prepare(*begin(phantom_root, dev_share=0.3))[0]
    part = preparation.prepare(*begin(phantom_root, dev_share=0.3, parts=("elbow", "humerus")))[0]
    expected = whole[whole["part"].isin(["elbow", "humerus"])].reset_index(drop=True)
    assert part.equals(expected)


def test_an_unreadable_film_is_left_out_and_named_and_the_others_stay(folders, films) -> None:
    victim = sorted(films.rglob("train/**/*.png"))[3]
    victim.write_bytes(victim.read_bytes()[:200])
    folder, worker = begin(films)
    rows, pixels = preparation.prepare(folder, worker)
    total = len(catalog.read(films).manifest)
    assert len(rows) == len(pixels) == total - 1
    path = victim.relative_to(films).as_posix()
    assert path not in set(rows["path"])
    [event] = journal.events(folder)
    assert (event["kind"], event["path"]) == ("film_refused", path)
    assert victim.name in event["reason"]
    assert event["role"] in ("train", "dev")
    assert journal.refused(folder, event["role"]) == [(path, event["reason"])]
    again = preparation.prepare(folder, Worker(folder))[0]
    assert again.equals(rows)


def test_a_film_that_went_missing_since_the_run_began_ends_it_by_name(folders, films) -> None:
    folder, worker = begin(films)
    rows, _ = preparation.prepare(folder, worker)
    (films / rows["path"][5]).unlink()
    with pytest.raises(DataError, match=f"1 of the {len(rows)} films .* first {rows['path'][5]}"):
        preparation.prepare(folder, Worker(folder))
    assert journal.films(folder).equals(rows)


def test_films_of_one_label_only_are_refused_with_their_count(folders, tmp_path) -> None:
    for number in range(4):
        path = tmp_path / f"mura/train/XR_HAND/patient{number:05d}/study1_positive/image1.png"
        path.parent.mkdir(parents=True)
        Image.new("L", (40, 40), 9 * number).save(path)
    with pytest.raises(TrainingFailed, match="both labels; these hold 3 positive and 0 negative"):
        preparation.prepare(*begin(tmp_path / "mura"))


def test_a_part_that_is_not_there_is_refused_with_those_that_are(folders, phantom_root) -> None:
    with pytest.raises(FractureError, match=r"no part 'ankle'. It has: elbow, finger, forearm"):
        preparation.prepare(*begin(phantom_root, parts=("ankle",)))


def unfinished(out: Path, done: int = 2) -> Path:
    """A phantom of six studies whose maker was stopped."""
    counts = []
    with pytest.raises(Stopped):
        phantom_set.make(
            out,
            6,
            3,
            progress=lambda n, _: counts.append(n),
            should_stop=lambda: counts[-1] >= done,
        )
    assert not phantom_set.is_complete(out)
    return out


def test_an_unfinished_phantom_is_completed_with_its_own_settings(folders, tmp_path) -> None:
    root = unfinished(tmp_path / "six")
    rows, _ = preparation.prepare(*begin(root, dev_share=0.0))
    assert phantom_set.is_complete(root)
    assert len(catalog.studies(rows)) == 6
    assert json.loads((root / "phantom.json").read_text())["seed"] == 3


def test_a_run_waits_for_who_makes_the_phantom(folders, tmp_path) -> None:
    root = tmp_path / "six"
    folder, worker = begin(unfinished(root), dev_share=0.0)
    go = threading.Event()

    def hold() -> bool:
        """Keeps the maker, once it has the folder, until it may go on."""
        return phantom_set.is_being_made(root) and not go.wait(20)

    maker = threading.Thread(
        target=phantom_set.make, args=(root, 6, 3), kwargs={"should_stop": hold}
    )
    maker.start()
    results = []
    waiting = threading.Thread(target=lambda: results.append(preparation.prepare(folder, worker)))
    while not phantom_set.is_being_made(root):
        assert maker.is_alive()
        time.sleep(0.02)  # asking all the time would keep the maker from its lock
    waiting.start()
    waiting.join(1.0)
    assert waiting.is_alive()
    assert run_status._written(folder).phase == "making films"
    go.set()
    for thread in (maker, waiting):
        thread.join(30)
    assert len(catalog.studies(results[0][0])) == 6


def test_a_stop_ends_the_waiting_for_films(folders, tmp_path) -> None:
    folder, worker = begin(unfinished(tmp_path / "six"))
    run_requests.send(folder, "stop")
    with pytest.raises(Stopped):
        preparation.prepare(folder, worker)
    assert not (folder / "films.parquet").exists()
