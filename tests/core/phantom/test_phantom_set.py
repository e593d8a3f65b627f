"""The phantom: same bytes for a seed, resumable, breaks inside the boxes of its index."""

import errno
import fcntl
import hashlib
import json
import os
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import grey_closing
from sklearn.metrics import roc_auc_score

from fracture_core import locks
from fracture_core.cli import command_line
from fracture_core.errors import ConfigError, DataError, Stopped
from fracture_core.phantom import phantom_set
from fracture_core.phantom.anatomy import Shell, Tube
from fracture_core.phantom.drawing import draw, limb_grid, to_film

STUDIES = 6


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("phantom") / "set"
    phantom_set.make(out, studies=STUDIES, seed=3)
    return out


def files(root: Path) -> dict[str, str]:
    """Return digests of every film and of the index, by path."""
    return {
        path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(root.rglob("*"))
        if path.is_file() and path.name != phantom_set.LOCK
    }


def test_a_complete_set_on_a_read_only_disk_is_complete(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    words = ["phantom", str(root), "--studies", str(STUDIES), "--seed", "3"]
    with monkeypatch.context() as patch:
        for name in ("touch", "mkdir", "replace", "unlink"):
            patch.setattr(Path, name, refuse)
        patch.setattr(locks, "take", refuse)
        assert command_line.main(words) == 0
        assert f"{root} holds {STUDIES} studies." in capsys.readouterr().out
        removed = next(iter(phantom_set.breaks(root)))
        os.rename(root / removed, root / f"{removed}.away")  # noqa: PTH104
        assert command_line.main(words) == 2
    (root / f"{removed}.away").rename(root / removed)


def studies_of(root: Path) -> dict[str, list[str]]:
    """Paths of films by study folder."""
    folders: dict[str, list[str]] = {}
    for path in phantom_set.breaks(root):
        folders.setdefault(path.rpartition("/")[0], []).append(path)
    return folders


def hairlines(count: int) -> list[tuple[Image.Image, Image.Image, list[tuple[int, ...]]]]:
    """Films with a hairline, the same films without it, and the boxes."""
    pairs = []
    for study in phantom_set.plan(400, 0):
        film = next((film for film in phantom_set.films(study, 0) if film.breaks), None)
        if study.kind == "hairline" and film and len(pairs) < count:
            bones = tuple(
                replace(bone, parts=tuple(map(mended, bone.parts))) for bone in film.scene.bones
            )
            healthy = draw(replace(film.scene, bones=bones))
            pairs.append((draw(film.scene), healthy, [mark.box for mark in film.breaks]))
    return pairs


def mended(part: Tube | Shell) -> Tube | Shell:
    """Return the part without its hairline."""
    return replace(part, fracture=None) if isinstance(part, Tube) else part


def separation(pairs: list, size: int) -> float:
    """Return the AUROC of the darkness of thin lines in the boxes, with against without."""
    scores = []
    for *films, boxes in pairs:
        for film in films:
            scale = size / max(film.size)
            small = film.resize([round(side * scale) for side in film.size], Image.Resampling.BOX)
            grey = np.asarray(small, dtype=float)
            lines = (grey_closing(grey, (3, 3)) - grey) / (grey + 20)
            spans = [[int(side * scale) for side in box] for box in boxes]
            crops = [lines[y0 : y1 + 1, x0 : x1 + 1] for x0, y0, x1, y1 in spans]
            scores.append(max(np.quantile(crop, 0.9) for crop in crops))
    return roc_auc_score([1, 0] * len(pairs), scores)


def change(pairs: list, size: int) -> float:
    """Return the greatest change of a pixel by a hairline, in grey levels; median over films."""
    most = []
    for broken, healthy, _ in pairs:
        sides = [round(side * size / max(broken.size)) for side in broken.size]
        small = (film.resize(sides, Image.Resampling.BOX) for film in (broken, healthy))
        one, other = (np.asarray(film, dtype=float) for film in small)
        most.append(np.abs(one - other).max())
    return np.median(most)


def test_the_same_seed_gives_the_same_bytes(root: Path, tmp_path: Path) -> None:
    phantom_set.make(tmp_path / "again", studies=STUDIES, seed=3)
    assert files(tmp_path / "again") == files(root)


def test_another_seed_gives_other_films() -> None:
    one, other = (phantom_set.films(phantom_set.plan(1, seed)[0], seed)[0].scene for seed in (3, 4))
    assert draw(one).tobytes() != draw(other).tobytes()


def test_a_film_does_not_depend_on_how_large_the_set_is() -> None:
    few, many = phantom_set.plan(10, 3), phantom_set.plan(40, 3)
    assert [phantom_set.films(study, 3) for study in few[:6]] == [
        phantom_set.films(study, 3) for study in many[:6]
    ]


def test_films_lie_in_the_layout_of_mura_and_are_grey(root: Path) -> None:
    paths = [path for path in files(root) if path != phantom_set.INDEX]
    assert set(paths) == set(phantom_set.breaks(root))
    for path in paths:
        split, part, patient, study, image = path.split("/")
        assert split in ("train", "valid") and part in ("XR_FOREARM", "XR_HUMERUS")
        assert patient.startswith("patient0") and study.endswith(("_positive", "_negative"))
        with Image.open(root / path) as film:
            assert film.mode == "L" and max(film.size) == 512 and min(film.size) >= 300
        assert image.startswith("image") and (root / path).stat().st_size < 110_000
    for folder, films in studies_of(root).items():
        numbers = sorted(int(Path(film).stem.removeprefix("image")) for film in films)
        assert numbers == list(range(1, len(films) + 1)), folder


def test_films_have_the_greys_of_radiographs(root: Path) -> None:
    for path in phantom_set.breaks(root):
        greys = np.asarray(Image.open(root / path))
        low, middle, high = np.percentile(greys, (2, 50, 98))
        assert low < 25 and middle < 110 and 110 < high < 250, path


def test_boxes_lie_inside_films_of_positive_studies(root: Path) -> None:
    marks = phantom_set.breaks(root)
    assert any(marks.values())
    for path, boxes in marks.items():
        assert not boxes or "_positive/" in path
        with Image.open(root / path) as film:
            width, height = film.size
        for mark in boxes:
            x0, y0, x1, y1 = mark.box
            assert 0 <= x0 < x1 <= width and 0 <= y0 < y1 <= height
            assert mark.kind in ("displaced", "angulated", "hairline")


def test_every_positive_study_shows_its_break_and_some_views_do_not() -> None:
    hidden = 0
    for study in phantom_set.plan(200, 0):
        visible = [bool(film.breaks) for film in phantom_set.films(study, 0)]
        assert any(visible) == (study.kind is not None)
        hidden += study.kind is not None and not all(visible)
    assert hidden > 10


def test_a_film_differs_from_its_unbroken_twin_only_where_the_boxes_say() -> None:
    (broken, healthy, boxes), *_ = hairlines(1)
    changed = np.abs(np.asarray(broken, dtype=int) - np.asarray(healthy, dtype=int)) > 12
    assert changed.sum() > 20
    for x0, y0, x1, y1 in boxes:
        assert changed[y0:y1, x0:x1].sum() > 10
        changed[y0:y1, x0:x1] = False
    assert not changed.any()


def test_a_hairline_is_lost_at_32_px_and_seen_at_96_px() -> None:
    pairs = hairlines(20)
    assert separation(pairs, 32) < 0.6
    assert separation(pairs, 96) > 0.95
    assert change(pairs, 32) < 6
    assert change(pairs, 96) > 18


def test_places_on_the_limb_and_pixels_agree() -> None:
    scene = phantom_set.films(phantom_set.plan(1, 5)[0], 5)[0].scene
    u, v = limb_grid(scene)
    x, y = to_film(scene, float(u[100, 200]), float(v[100, 200]))
    assert (x, y) == pytest.approx((200, 100), abs=0.01)


def test_the_plan_is_like_mura() -> None:
    planned = phantom_set.plan(400, 0)
    positive = np.mean([study.kind is not None for study in planned])
    train = np.mean([study.split == "train" for study in planned])
    views = np.mean([len(phantom_set.films(study, 0)) for study in planned])
    assert positive == pytest.approx(0.45, abs=0.01)
    assert train == pytest.approx(0.8, abs=0.01)
    assert views == pytest.approx(2.5, abs=0.2)
    by_patient: dict[int, list[phantom_set.Study]] = {}
    for study in planned:
        by_patient.setdefault(study.patient, []).append(study)
    groups = list(by_patient.values())
    assert all(len({study.split for study in group}) == 1 for group in groups)
    assert sum(len(group) > 1 for group in groups) > 10
    assert sum(len({study.part for study in group}) > 1 for group in groups) > 3
    assert sum(len({bool(study.kind) for study in group}) > 1 for group in groups) > 3
    assert len({study.folder.rsplit("_", 1)[0] for study in planned}) == 400


def test_a_few_studies_of_both_labels_show_metal() -> None:
    labels = set()
    for study in phantom_set.plan(200, 0):
        parts = [part for bone in phantom_set.films(study, 0)[0].scene.bones for part in bone.parts]
        if any(getattr(part, "plate", None) for part in parts):
            labels.add(study.kind is not None)
    assert labels == {True, False}


def test_a_small_set_has_both_labels() -> None:
    for seed in range(20):
        assert {study.kind is None for study in phantom_set.plan(5, seed)} == {True, False}


def test_a_part_made_set_is_completed_to_the_same_bytes(root: Path, tmp_path: Path) -> None:
    out = tmp_path / "set"
    answers = iter((False, True, True, True, True, True, True))
    with pytest.raises(Stopped, match=f"of {STUDIES} studies"):
        phantom_set.make(out, studies=STUDIES, seed=3, should_stop=lambda: next(answers))
    done, total = phantom_set.progress(out)
    assert 0 < done < total == STUDIES
    assert phantom_set.is_phantom(out) and not phantom_set.is_complete(out)
    some = next(path for path in phantom_set.breaks(out) if (out / path).exists())
    (out / some).with_name(".image1.png.00000000.tmp").write_bytes(b"left by a kill")
    (out / some).unlink()
    counts: list[tuple[int, int]] = []
    phantom_set.make(out, studies=STUDIES, seed=3, progress=lambda *at: counts.append(at))
    assert files(out) == files(root)
    assert counts[-1] == (STUDIES, STUDIES) and counts == sorted(counts)
    assert phantom_set.is_complete(out) and phantom_set.progress(out) == (STUDIES, STUDIES)


def test_a_complete_set_is_left_as_it_is(root: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in root.rglob("*.*") if path.is_file()}
    phantom_set.make(root, studies=STUDIES, seed=3)
    after = {path: path.stat().st_mtime_ns for path in root.rglob("*.*") if path.is_file()}
    before.pop(root / phantom_set.LOCK, None), after.pop(root / phantom_set.LOCK, None)
    assert after == before


def test_a_film_that_was_deleted_comes_back(root: Path) -> None:
    before = files(root)
    (root / next(iter(phantom_set.breaks(root)))).unlink()
    phantom_set.make(root, studies=STUDIES, seed=3)
    assert files(root) == before


def test_two_makers_at_once_give_one_whole_set(root: Path, tmp_path: Path) -> None:
    out = tmp_path / "set"
    makers = [
        threading.Thread(
            target=phantom_set.make, args=(out,), kwargs={"studies": STUDIES, "seed": 3}
        )
        for _ in range(2)
    ]
    for maker in makers:
        maker.start()
    for maker in makers:
        maker.join()
    assert files(out) == files(root)


def test_a_second_maker_waits_and_can_be_stopped(tmp_path: Path) -> None:
    with (tmp_path / phantom_set.LOCK).open("w") as holder:
        fcntl.flock(holder, fcntl.LOCK_EX)
        assert phantom_set.is_being_made(tmp_path)
        answers = iter((False, True))
        with pytest.raises(Stopped, match="another process"):
            phantom_set.make(tmp_path, studies=1, should_stop=lambda: next(answers))
    assert not phantom_set.is_being_made(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [phantom_set.LOCK]


def test_the_lock_is_held_while_films_are_made(tmp_path: Path) -> None:
    held = []
    out = tmp_path / "set"
    assert not phantom_set.is_being_made(out)
    phantom_set.make(out, 1, progress=lambda *_: held.append(phantom_set.is_being_made(out)))
    assert all(held) and not phantom_set.is_being_made(out)


def test_the_index_comes_first_and_films_are_never_half_written(tmp_path: Path) -> None:
    states = []

    def look(done: int, total: int) -> None:
        states.append(phantom_set.is_complete(tmp_path))
        for path in tmp_path.rglob("image*.png"):
            Image.open(path).load()

    phantom_set.make(tmp_path, studies=3, progress=look)
    assert states == [False] * 4
    assert phantom_set.is_complete(tmp_path)


def test_a_folder_with_other_files_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(DataError, match="Name another folder"):
        phantom_set.make(tmp_path, studies=1)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]
    assert not phantom_set.is_phantom(tmp_path) and phantom_set.progress(tmp_path) is None


def test_a_pipe_in_the_place_of_the_lock_does_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / phantom_set.LOCK)
    answers: list[bool] = []

    def fill() -> None:
        answers.append(phantom_set.is_being_made(tmp_path))
        phantom_set.make(tmp_path, studies=1)
        answers.append(phantom_set.is_complete(tmp_path))

    filling = threading.Thread(target=fill, daemon=True)
    filling.start()
    filling.join(30)
    assert answers == [False, True]


def test_the_next_maker_sweeps_temporary_files_of_a_kill(tmp_path: Path) -> None:
    (tmp_path / f".{phantom_set.INDEX}.0123abcd.tmp").write_text("half")
    phantom_set.make(tmp_path, studies=1)
    assert not list(tmp_path.glob(".*.tmp"))


def test_a_file_in_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(DataError, match="Name another place"):
        phantom_set.make(tmp_path / "file", studies=1)


def test_another_set_in_the_folder_is_refused(root: Path) -> None:
    before = files(root)
    with pytest.raises(DataError, match="delete that one"):
        phantom_set.make(root, studies=STUDIES, seed=4)
    assert files(root) == before


@pytest.mark.parametrize("text", ["", "[]", '{"complete": true}'])
def test_an_index_that_is_not_ours_is_no_phantom(tmp_path: Path, text: str) -> None:
    assert not phantom_set.is_synthetic(tmp_path)
    (tmp_path / phantom_set.INDEX).write_text(text)
    assert not phantom_set.is_phantom(tmp_path)
    assert phantom_set.is_synthetic(tmp_path)  # a damaged index does not make films real
    with pytest.raises(DataError, match="holds none"):
        phantom_set.breaks(tmp_path)
    with pytest.raises(DataError, match="Name another folder"):
        phantom_set.make(tmp_path, studies=1)


@pytest.mark.parametrize(("studies", "seed"), [(0, 0), (-1, 0), (1, -1)])
def test_settings_out_of_range_are_refused(tmp_path: Path, studies: int, seed: int) -> None:
    with pytest.raises(ConfigError, match=f"received {studies} studies and seed {seed}"):
        phantom_set.make(tmp_path / "set", studies=studies, seed=seed)
    assert not (tmp_path / "set").exists()


def test_the_index_says_what_was_made(root: Path) -> None:
    index = json.loads((root / phantom_set.INDEX).read_text())
    assert (index["seed"], index["studies"], index["version"]) == (3, STUDIES, phantom_set.VERSION)
    assert index["complete"] is True


def test_importing_and_drawing_load_neither_tensorflow_nor_streamlit() -> None:
    code = (
        "import sys; from fracture_core.phantom import phantom_set\n"
        "assert 'scipy' not in sys.modules\n"
        "phantom_set.draw(phantom_set.films(phantom_set.plan(1, 0)[0], 0)[0].scene)\n"
        "print([name for name in ('tensorflow', 'keras', 'streamlit') if name in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


@pytest.mark.parametrize("name", ["/proc/x", "a\0b", "/dev/null/x", "a" * 300])
def test_a_folder_that_cannot_be_made_is_refused_in_a_sentence(name) -> None:
    with pytest.raises(DataError, match="Name another folder"):
        phantom_set.make(Path(name), studies=3)
