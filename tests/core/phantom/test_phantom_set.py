"""The phantom: same bytes for a seed, resumable, breaks inside the boxes of its index."""

import errno
import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fracture_core import locks
from fracture_core.anatomy.patients import NAMES, anatomy, injury
from fracture_core.anatomy.shapes import Block, Tube
from fracture_core.cli import command_line
from fracture_core.errors import ConfigError, DataError, Stopped
from fracture_core.phantom import bone_layers, fractures, phantom_set, study_plan
from fracture_core.phantom.drawing import draw, limb_grid, to_film, to_limb
from fracture_core.phantom.limbs import compose

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


def hairlines(count: int) -> list[tuple[study_plan.Film, Image.Image, Image.Image]]:
    """Films with a hairline, drawn, and the same films without it."""
    pairs = []
    for study in study_plan.plan(400, 0):
        film = next((film for film in study_plan.films(study, 0) if film.breaks), None)
        if study.kind == "hairline" and film and len(pairs) < count:
            bones = tuple(map(mended, film.scene.bones))
            healthy = draw(replace(film.scene, bones=bones))
            pairs.append((film, draw(film.scene), healthy))
    return pairs


def mended(bone: Tube | Block) -> Tube | Block:
    """Return the bone without its hairline."""
    return replace(bone, fracture=None) if isinstance(bone, Tube) else bone


def change(pairs: list, size: int) -> float:
    """Return the greatest change of a pixel by a hairline, in grey levels; median over films."""
    most = []
    for _, broken, healthy in pairs:
        sides = [round(side * size / max(broken.size)) for side in broken.size]
        small = (film.resize(sides, Image.Resampling.BOX) for film in (broken, healthy))
        one, other = (np.asarray(film, dtype=float) for film in small)
        most.append(np.abs(one - other).max())
    return np.median(most)


def test_the_same_seed_gives_the_same_bytes(root: Path, tmp_path: Path) -> None:
    phantom_set.make(tmp_path / "again", studies=STUDIES, seed=3)
    assert files(tmp_path / "again") == files(root)


def test_another_seed_gives_other_films() -> None:
    one, other = (study_plan.films(study_plan.plan(1, seed)[0], seed)[0].scene for seed in (3, 4))
    assert draw(one).tobytes() != draw(other).tobytes()


def test_a_film_does_not_depend_on_how_large_the_set_is() -> None:
    few, many = study_plan.plan(10, 3), study_plan.plan(40, 3)
    assert [study_plan.films(study, 3) for study in few[:6]] == [
        study_plan.films(study, 3) for study in many[:6]
    ]


def test_films_lie_in_the_layout_of_mura_and_are_grey(root: Path) -> None:
    paths = [path for path in files(root) if path != phantom_set.INDEX]
    assert set(paths) == set(phantom_set.breaks(root))
    for path in paths:
        split, part, patient, study, image = path.split("/")
        assert split in ("train", "valid") and part.removeprefix("XR_").lower() in study_plan.PARTS
        assert patient.startswith("patient0") and study.endswith(("_positive", "_negative"))
        with Image.open(root / path) as film:
            assert film.mode == "L" and max(film.size) == 512 and min(film.size) >= 300
        assert image.startswith("image") and (root / path).stat().st_size < 110_000
    for folder, films in studies_of(root).items():
        numbers = sorted(int(Path(film).stem.removeprefix("image")) for film in films)
        assert numbers == list(range(1, len(films) + 1)), folder


def test_films_have_the_greys_of_radiographs(root: Path) -> None:
    films = phantom_set.breaks(root)
    assert len(films) > 10
    for path in films:
        greys = np.asarray(Image.open(root / path))
        low, middle, high = np.percentile(greys, (2, 50, 98))
        assert low < 25 and middle < 160 and 110 < high < 250, path


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
    for study in study_plan.plan(200, 0):
        visible = [bool(film.breaks) for film in study_plan.films(study, 0)]
        assert any(visible) == (study.kind is not None)
        hidden += study.kind is not None and not all(visible)
    assert hidden > 10


def test_a_film_differs_from_its_unbroken_twin_only_where_the_boxes_say() -> None:
    for film, broken, healthy in hairlines(4):
        changed = np.abs(np.asarray(broken, dtype=int) - np.asarray(healthy, dtype=int)) > 12
        for x0, y0, x1, y1 in (mark.box for mark in film.breaks):
            assert changed[y0:y1, x0:x1].sum() > 10
            changed[y0:y1, x0:x1] = False
        assert not changed.any(), film.path


@pytest.mark.slow
def test_a_line_runs_from_cortex_to_cortex_of_one_bone() -> None:
    film, broken, healthy = next(pair for pair in hairlines(8) if len(pair[0].breaks) == 1)
    changed = np.abs(np.asarray(broken, dtype=int) - np.asarray(healthy, dtype=int)) > 12
    bone = next(each for each in film.scene.bones if isinstance(each, Tube) and each.fracture)
    x, y = (axis[changed] for axis in limb_grid(film.scene))
    u, v = bone_layers.grid(bone.degrees, x - bone.place[0], y - bone.place[1])
    rows = np.asarray(bone.rows)
    left, right = (np.interp(u, rows[:, 0], rows[:, column]) for column in (1, 2))
    across = (v - left) / (right - left)
    assert -0.05 < across.min() < 0.12 and 0.88 < across.max() < 1.05


@pytest.mark.slow
def test_the_line_of_every_break_lies_in_its_box() -> None:
    seen = set()
    for study in study_plan.plan(300, 0):
        for film in study_plan.films(study, 0) if study.kind else ():
            broken = [b for b in film.scene.bones if isinstance(b, Tube) and b.fracture]
            for bone, mark in zip(broken, film.breaks, strict=True):
                found = bone.fracture
                places = fractures.line_places(bone, found)
                for place in bone_layers.fragment_places(bone, found, places):
                    x, y = to_film(film.scene, *to_limb(bone, *place))
                    x0, y0, x1, y1 = mark.box
                    width, height = film.scene.size
                    assert x0 <= min(max(x, 0), width) <= x1, (film.path, mark)
                    assert y0 <= min(max(y, 0), height) <= y1, (film.path, mark)
                assert (found.grade, found.pattern) == (mark.kind, mark.pattern)
                assert mark.bone == bone.name
                seen.add(mark.pattern)
    assert seen == set(NAMES)


def test_every_break_lies_within_its_film() -> None:
    """At least half of a box's way in either direction is on the film, far from the border."""
    for study in study_plan.plan(300, 0):
        for film in study_plan.films(study, 0) if study.kind else ():
            width, height = film.scene.size
            middles = [((b.box[0] + b.box[2]) / 2, (b.box[1] + b.box[3]) / 2) for b in film.breaks]
            inside = [0.04 < x / width < 0.96 and 0.04 < y / height < 0.96 for x, y in middles]
            assert any(inside) or not film.breaks, (film.path, film.breaks)


@pytest.mark.parametrize("part", sorted(study_plan.PARTS))
def test_every_part_draws_in_every_view_whole_and_broken(part: str) -> None:
    for view in range(3):
        rng = np.random.default_rng(view)
        body = anatomy(rng)
        for grade in (None, "displaced"):
            trauma = injury(grade, body.growing, rng) if grade else None
            scene, marks = compose(part, view, view % 2, body, trauma, rng, (view,))
            greys = np.asarray(draw(scene))
            low, middle, high = np.percentile(greys, (5, 50, 98))
            assert low < 40 and middle < 160 and 110 < high < 250, (part, view)
            assert bool(marks) == (grade is not None)


def test_bent_bones_of_children_are_greenstick_fractures_and_no_others() -> None:
    for growing in (True, False):
        rng = np.random.default_rng(0)
        grades = ("displaced", "angulated", "hairline")
        drawn = {
            (grade, injury(grade, growing, rng).pattern) for grade in grades for _ in range(40)
        }
        green = {grade for grade, pattern in drawn if pattern == "greenstick"}
        assert green == ({"angulated"} if growing else set())


@pytest.mark.slow
def test_a_hairline_is_lost_at_32_px_and_seen_at_96_px() -> None:
    pairs = hairlines(20)
    assert change(pairs, 32) < 8
    assert change(pairs, 96) > 25


def test_places_on_the_limb_and_pixels_agree() -> None:
    scene = study_plan.films(study_plan.plan(1, 5)[0], 5)[0].scene
    u, v = limb_grid(scene)
    x, y = to_film(scene, float(u[100, 200]), float(v[100, 200]))
    assert (x, y) == pytest.approx((200, 100), abs=0.01)


@pytest.mark.slow
def test_the_plan_is_like_mura() -> None:
    planned = study_plan.plan(400, 0)
    positive = np.mean([study.kind is not None for study in planned])
    train = np.mean([study.split == "train" for study in planned])
    views = np.mean([len(study_plan.films(study, 0)) for study in planned])
    assert positive == pytest.approx(0.45, abs=0.01)
    assert train == pytest.approx(0.8, abs=0.01)
    assert views == pytest.approx(2.5, abs=0.2)
    by_patient: dict[int, list[study_plan.Study]] = {}
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
    for study in study_plan.plan(200, 0):
        bones = study_plan.films(study, 0)[0].scene.bones
        if any(getattr(bone, "plate", None) for bone in bones):
            labels.add(study.kind is not None)
    assert labels == {True, False}


def test_a_small_set_has_both_labels() -> None:
    for seed in range(20):
        assert {study.kind is None for study in study_plan.plan(5, seed)} == {True, False}


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


def test_a_set_of_an_older_version_is_read_and_left_as_it_is(root: Path, tmp_path: Path) -> None:
    out = tmp_path / "set"
    shutil.copytree(root, out)
    index = json.loads((out / phantom_set.INDEX).read_text()) | {"version": 2}
    for marks in index["films"].values():
        for mark in marks:
            del mark["pattern"], mark["bone"]
    (out / phantom_set.INDEX).write_text(json.dumps(index))
    before = files(out)
    phantom_set.complete(out)
    assert phantom_set.settings(out) == {"studies": STUDIES, "seed": 3, "version": 2}
    assert phantom_set.is_complete(out) and files(out) == before
    boxes = {path: [mark.box for mark in marks] for path, marks in phantom_set.breaks(out).items()}
    assert boxes == {
        path: [mark.box for mark in marks] for path, marks in phantom_set.breaks(root).items()
    }
    assert {mark.pattern for marks in phantom_set.breaks(out).values() for mark in marks} == {""}
    with pytest.raises(DataError, match="version 2; requested"):
        phantom_set.make(out, studies=STUDIES, seed=3)


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
        "import sys; from fracture_core.phantom import phantom_set, study_plan\n"
        "assert 'scipy' not in sys.modules\n"
        "phantom_set.draw(study_plan.films(study_plan.plan(1, 0)[0], 0)[0].scene)\n"
        "print([name for name in ('tensorflow', 'keras', 'streamlit') if name in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


@pytest.mark.parametrize("name", ["/proc/x", "a\0b", "/dev/null/x", "a" * 300])
def test_a_folder_that_cannot_be_made_is_refused_in_a_sentence(name) -> None:
    with pytest.raises(DataError, match="Name another folder"):
        phantom_set.make(Path(name), studies=3)


def test_a_set_with_another_share_of_hairlines_breaks_otherwise_and_is_otherwise_the_same(
    tmp_path: Path,
) -> None:
    usual = study_plan.plan(200, 3)
    for share in (0, 50, 100):
        planned = study_plan.plan(200, 3, share)
        assert [replace(each, kind=None) for each in planned] == [
            replace(each, kind=None) for each in usual
        ]
        kinds = [each.kind for each in planned if each.kind]
        assert len(kinds) == sum(each.kind is not None for each in usual)
        assert 100 * kinds.count("hairline") == pytest.approx(share * len(kinds), abs=100)
    only = tmp_path / "only"
    words = ["phantom", str(only), "--studies", "4", "--seed", "3", "--hairlines", "100"]
    assert command_line.main(words) == 0
    assert phantom_set.settings(only) == {
        "studies": 4,
        "seed": 3,
        "hairlines": 100,
        "version": phantom_set.VERSION,
    }
    drawn = {mark.kind for marks in phantom_set.breaks(only).values() for mark in marks}
    assert drawn == {"hairline"}
    removed = next(iter(phantom_set.breaks(only)))
    first = files(only)
    (only / removed).unlink()
    phantom_set.complete(only)
    assert files(only) == first
    with pytest.raises(DataError, match=r"4 studies with seed 3 and 100 % hairlines.*Name another"):
        phantom_set.make(only, studies=4, seed=3)
    with pytest.raises(ConfigError, match="hairlines must be from 0 to 100"):
        phantom_set.make(tmp_path / "none", hairlines=101)
