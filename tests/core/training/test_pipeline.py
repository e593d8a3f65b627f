"""Pipeline: the films of every step, and the preparation of a run's films."""

import json
import shutil
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fracture_core.config.presets import preset
from fracture_core.config.train_config import TrainConfig
from fracture_core.datasets import catalog
from fracture_core.errors import DataError, FractureError, Stopped, TrainingFailed
from fracture_core.jobs.worker import Worker
from fracture_core.phantom import phantom_set
from fracture_core.runs import journal, run_folders, run_requests, run_status
from fracture_core.training import pipeline
from fracture_core.training.pipeline import Pipeline


def numbered(count: int, config: TrainConfig) -> Pipeline:
    """Films that can be told apart: each holds its number in every pixel."""
    pixels = np.arange(count, dtype=np.uint8)[:, None, None].repeat(32, 1).repeat(32, 2)
    return Pipeline(pixels=pixels, labels=np.arange(count) % 2, config=config)


def shown_rows(films: Pipeline, steps: range) -> list[int]:
    """The numbers of the films of these steps, in order."""
    return [int(n) for n in films.chunk(steps.start, len(steps)).films[:, 0, 0]]


@pytest.mark.parametrize("name", ["recommended", "report2018"])
@pytest.mark.parametrize("count", [1, 9, 10, 47, 250])
def test_every_film_is_shown_exactly_once_a_pass(name, count) -> None:
    films = numbered(count, preset(name, "x"))
    length = films.steps_a_pass
    for number in range(4):
        assert sorted(shown_rows(films, range(number * length, (number + 1) * length))) == [
            *range(count)
        ]


def test_the_reports_282_steps_go_on_through_the_passes() -> None:
    films = numbered(47, preset("report2018", "x"))
    assert (films.steps_an_epoch, films.steps_a_pass) == (282, 5)
    counts = np.bincount(shown_rows(films, range(282)), minlength=47)
    assert counts.min() == 56  # 282 steps are 56 whole passes and two steps
    assert counts.sum() == 56 * 47 + 20
    assert counts.max() == 57


def test_an_epoch_is_a_pass_when_its_length_is_not_asked_for() -> None:
    films = numbered(47, TrainConfig(data="x"))
    assert films.steps_an_epoch == films.steps_a_pass == 5
    assert films.chunk(0, 5).ends.tolist() == [10, 20, 30, 40, 47]


def test_films_depend_on_seed_and_step_and_not_on_what_was_asked_before() -> None:
    config = TrainConfig(data="x")
    straight, jumping = numbered(47, config), numbered(47, config)
    whole = straight.chunk(0, 15)
    begins = [0, *whole.ends[:-1]]
    for step in (14, 3, 9, 0, 14):
        chunk = jumping.chunk(step, 1)
        rows = slice(begins[step], whole.ends[step])
        assert np.array_equal(chunk.films, whole.films[rows])
        assert np.array_equal(chunk.labels, whole.labels[rows])
        assert np.array_equal(chunk.changes, whole.changes[rows])
        assert (chunk.numbers.tolist(), chunk.ends.tolist()) == ([step], [len(chunk.films)])
    other = numbered(47, TrainConfig(data="x", seed=2))
    assert shown_rows(other, range(5)) != shown_rows(straight, range(5))
    assert shown_rows(straight, range(5)) != shown_rows(straight, range(5, 10))


def test_labels_stay_with_their_films() -> None:
    chunk = numbered(47, TrainConfig(data="x")).chunk(2, 4)
    assert (chunk.films.dtype, chunk.labels.dtype) == (np.uint8, np.float32)
    assert np.array_equal(chunk.labels, chunk.films[:, 0, 0] % 2)


# --- how a run comes by its films ---------------------------------------------------------------


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
    rows, pixels = pipeline.prepare(folder, worker)
    assert pixels.shape == (len(rows), 32, 32)
    assert pixels.dtype == np.uint8
    table = journal.films(folder)
    assert table.equals(rows)
    assert list(table.columns) == [*catalog.COLUMNS, "role"]
    data = run_folders.read(folder).facts["data"]
    assert data["images"] == table.groupby("role").size().to_dict()
    assert (data["root"], data["kind"], data["synthetic"]) == (str(phantom_root), "mura", True)
    assert data["hash"] == catalog.read(phantom_root).hash


def test_a_second_preparing_gives_the_same(folders, phantom_root) -> None:
    folder, worker = begin(phantom_root)
    rows, pixels = pipeline.prepare(folder, worker)
    facts = (folder / "config.json").read_bytes()
    again, others = pipeline.prepare(folder, Worker(folder))
    assert again.equals(rows)
    assert np.array_equal(others, pixels)
    assert (folder / "config.json").read_bytes() == facts


def test_data_may_be_given_by_its_parent(folders, films) -> None:
    folder, worker = begin(films.parent)
    rows, pixels = pipeline.prepare(folder, worker)
    assert run_folders.read(folder).facts["data"]["root"] == str(films)
    assert journal.events(folder) == []
    expected = pipeline.prepare(*begin(films))[1]
    assert np.array_equal(pixels, expected)
    assert len(rows) == len(expected)


def test_dev_is_carved_out_before_parts_are_chosen(folders, phantom_root) -> None:
    whole = pipeline.prepare(*begin(phantom_root, dev_share=0.3))[0]
    part = pipeline.prepare(*begin(phantom_root, dev_share=0.3, parts=("elbow", "humerus")))[0]
    expected = whole[whole["part"].isin(["elbow", "humerus"])].reset_index(drop=True)
    assert part.equals(expected)


def test_an_unreadable_film_is_left_out_and_named_and_the_others_stay(folders, films) -> None:
    victim = sorted(films.rglob("train/**/*.png"))[3]
    victim.write_bytes(victim.read_bytes()[:200])
    folder, worker = begin(films)
    rows, pixels = pipeline.prepare(folder, worker)
    total = len(catalog.read(films).manifest)
    assert len(rows) == len(pixels) == total - 1
    path = victim.relative_to(films).as_posix()
    assert path not in set(rows["path"])
    [event] = journal.events(folder)
    assert (event["kind"], event["path"]) == ("film_refused", path)
    assert victim.name in event["reason"]
    assert event["role"] in ("train", "dev")
    assert journal.refused(folder, event["role"]) == [(path, event["reason"])]
    again = pipeline.prepare(folder, Worker(folder))[0]
    assert again.equals(rows)


def test_a_film_that_went_missing_since_the_run_began_ends_it_by_name(folders, films) -> None:
    folder, worker = begin(films)
    rows, _ = pipeline.prepare(folder, worker)
    (films / rows["path"][5]).unlink()
    with pytest.raises(DataError, match=f"1 of the {len(rows)} films .* first {rows['path'][5]}"):
        pipeline.prepare(folder, Worker(folder))
    assert journal.films(folder).equals(rows)


def test_films_of_one_label_only_are_refused_with_their_count(folders, tmp_path) -> None:
    for number in range(4):
        path = tmp_path / f"mura/train/XR_HAND/patient{number:05d}/study1_positive/image1.png"
        path.parent.mkdir(parents=True)
        Image.new("L", (40, 40), 9 * number).save(path)
    with pytest.raises(TrainingFailed, match="both labels; these hold 3 positive and 0 negative"):
        pipeline.prepare(*begin(tmp_path / "mura"))


def test_a_part_that_is_not_there_is_refused_with_those_that_are(folders, phantom_root) -> None:
    with pytest.raises(FractureError, match=r"no part 'ankle'. It has: elbow, finger, forearm"):
        pipeline.prepare(*begin(phantom_root, parts=("ankle",)))


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
    rows, _ = pipeline.prepare(*begin(root, dev_share=0.0))
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
    waiting = threading.Thread(target=lambda: results.append(pipeline.prepare(folder, worker)))
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
        pipeline.prepare(folder, worker)
    assert not (folder / "films.parquet").exists()
