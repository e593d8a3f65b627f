"""Audits of a tree with one fault of each kind: each is found, and no other."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageFilter

from fracture_core.audit import audit_job, findings
from fracture_core.audit.findings import Audit, Finding
from fracture_core.datasets import catalog
from fracture_core.errors import Stopped
from fracture_core.films import images, measures
from fracture_core.jobs import launcher, worker
from fracture_core.jobs.job_progress import JobProgress
from fracture_core.runs import run_requests, run_status

STUDIES = 48


def film(seed: int, side: tuple[int, int] = (120, 150)) -> Image.Image:
    """Return a film unlike the others: soft bright shapes on black."""
    random = np.random.default_rng(seed)
    small = Image.fromarray(random.integers(0, 255, (7, 6), np.uint8))
    picture = small.resize(side, Image.Resampling.BICUBIC).filter(ImageFilter.GaussianBlur(2))
    shade = np.asarray(picture).astype(float)
    rim = np.minimum.outer(np.hanning(side[1]) * 3, np.hanning(side[0]) * 3).clip(0, 1)
    return Image.fromarray((shade * rim).astype(np.uint8))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A MURA tree without faults: 48 studies of two views, no shortcut."""
    root = tmp_path / "MURA-v1.1"
    for number in range(STUDIES):
        split = "valid" if number >= STUDIES * 3 // 4 else "train"
        label = ("negative", "positive")[number % 2]
        folder = root / split / "XR_ELBOW" / f"patient{number:05d}" / f"study1_{label}"
        folder.mkdir(parents=True)
        for view in (1, 2):
            film(10 * number + view).save(folder / f"image{view}.png")
    return root


def folder(root: Path, number: int) -> Path:
    """Return the folder of a patient's study."""
    return next(root.glob(f"*/*/patient{number:05d}/study1_*"))


def audited(root: Path, tmp_path: Path) -> Audit:
    dataset = catalog.read(root, rescan=True)
    return audit_job.run(dataset, tmp_path / "audit")


def only(root: Path, tmp_path: Path, kind: str) -> Finding:
    """Return the only finding, of this kind."""
    audit = audited(root, tmp_path)
    assert [finding.kind for finding in audit.findings] == [kind]
    return audit.findings[0]


def test_a_sound_tree_has_no_finding(root: Path, tmp_path: Path) -> None:
    audit = audited(root, tmp_path)
    assert audit.findings == ()
    assert audit.films == 2 * STUDIES
    assert {each.part for each in audit.shortcuts} == {"elbow"}


def test_a_film_that_cannot_be_read_is_found_with_its_reason(root: Path, tmp_path: Path) -> None:
    path = folder(root, 3) / "image1.png"
    path.write_bytes(path.read_bytes()[:200])
    finding = only(root, tmp_path, "unreadable")
    assert finding.title == "1 film cannot be read"
    (item,) = finding.items
    assert item.path == path.relative_to(root).as_posix()
    assert "cut short" in item.detail
    assert item.leave_out


def test_a_film_that_was_cut_short_is_found_with_what_it_lacks(root: Path, tmp_path: Path) -> None:
    path = folder(root, 3) / "image1.png"
    whole = path.read_bytes()
    cut = next(n for n in range(1, 99) if images.read(whole[:-n], path.name).missing_rows)
    path.write_bytes(whole[:-cut])
    finding = only(root, tmp_path, "incomplete")
    assert finding.title == "1 film lacks some of its rows" and finding.count == 1
    assert finding.items[0].detail.startswith("Its last ") and finding.items[0].leave_out


def test_exact_copies_are_found_whatever_the_file(root: Path, tmp_path: Path) -> None:
    source = folder(root, 2) / "image1.png"
    Image.open(source).convert("RGB").save(folder(root, 4) / "image1.png", compress_level=9)
    shutil.copyfile(source, folder(root, 6) / "image2.png")
    by_kind = {finding.kind: finding for finding in audited(root, tmp_path).findings}
    assert set(by_kind) == {"family", "same image", "odd mode"}
    assert by_kind["same image"].count == 2
    assert sum(item.leave_out for item in by_kind["same image"].items) == 2  # one of three stays
    assert by_kind["odd mode"].items[0].detail == "RGB; most are L"


def test_near_copies_are_found(root: Path, tmp_path: Path) -> None:
    source = Image.open(folder(root, 2) / "image1.png")
    brighter = source.point(lambda grey: min(255, int(grey * 1.1 + 4)))
    brighter.resize((96, 120), Image.Resampling.BICUBIC).save(folder(root, 8) / "image1.png")
    family, near = audited(root, tmp_path).findings
    assert [family.kind, near.kind] == ["family", "near image"]
    for finding in (family, near):
        assert finding.count == 1
        patients = {item.path.split("/")[2] for item in finding.items}
        assert patients == {"patient00002", "patient00008"}


CHANGES = {
    "mirrored": lambda film: film.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
    "turned by 90°": lambda film: film.transpose(Image.Transpose.ROTATE_90),
    "turned by 33°": lambda film: film.rotate(33, Image.Resampling.BICUBIC),
    "cropped": lambda film: film.crop((20, 20, 180, 220)),
}


def test_turned_mirrored_and_cropped_films_are_one_family_and_a_leak(
    root: Path, tmp_path: Path
) -> None:
    large = film(5, (200, 250))
    large.save(folder(root, 2) / "image1.png")
    places = {}
    for number, (words, change) in zip((4, 6, 40, 42), CHANGES.items(), strict=True):
        place = folder(root, number) / "image1.png"
        change(large).save(place)
        places[place.relative_to(root).as_posix()] = words
    leak, family = audited(root, tmp_path).findings
    assert [leak.kind, family.kind] == ["image in two splits", "family"]
    assert family.count == 4
    original, *copies = family.items
    assert original.path.split("/")[2] == "patient00002"
    assert {item.path: item.detail.split(",")[0] for item in copies} == places
    for finding in (leak, family):
        left_out = [item.path for item in finding.items if item.leave_out]
        assert left_out == [i.path for i in finding.items if i.path.startswith("train")]


@pytest.mark.parametrize("exact", [True, False])
def test_an_image_in_train_and_valid_is_the_worst_finding(
    root: Path, tmp_path: Path, exact: bool
) -> None:
    source = Image.open(folder(root, 2) / "image1.png")
    copy = source if exact else source.resize((96, 120), Image.Resampling.BICUBIC)
    copy.save(folder(root, 40) / "image1.png")
    first, *others = audited(root, tmp_path).findings
    assert first.kind == "image in two splits"
    assert [item.leave_out for item in first.items] == [
        item.path.startswith("train") for item in first.items
    ]
    assert [finding.kind for finding in others] == [
        "family",
        "same image" if exact else "near image",
    ]


def test_a_patient_in_train_and_valid_is_found(root: Path, tmp_path: Path) -> None:
    here = folder(root, 2)
    there = root / "valid" / "XR_ELBOW" / "patient00002" / "study2_negative"
    there.mkdir(parents=True)
    for view in (1, 2):
        film(900 + view).save(there / f"image{view}.png")
    finding = only(root, tmp_path, "patient in two splits")
    assert finding.title == "1 patient has studies in train and in another split"
    assert {item.path for item in finding.items if item.leave_out} == {
        path.relative_to(root).as_posix() for path in here.iterdir()
    }


def test_the_same_image_under_both_labels_is_found(root: Path, tmp_path: Path) -> None:
    shutil.copyfile(folder(root, 2) / "image1.png", folder(root, 5) / "image1.png")
    kinds = [finding.kind for finding in audited(root, tmp_path).findings]
    assert kinds == ["two labels", "family", "same image"]


def blank(side: tuple[int, int]) -> Image.Image:
    return Image.new("L", side, 40)


def inverted(side: tuple[int, int]) -> Image.Image:
    return film(501, side).point(lambda grey: 255 - grey)


def dark(side: tuple[int, int]) -> Image.Image:
    return film(502, side).point(lambda grey: grey // 8)


def long(side: tuple[int, int]) -> Image.Image:
    return film(503, (side[0], side[0] * 4))


@pytest.mark.parametrize(
    ("kind", "make"),
    [("blank", blank), ("inverted", inverted), ("dark", dark), ("odd size", long)],
)
def test_films_that_show_little_are_found(
    root: Path, tmp_path: Path, kind: str, make: Callable[[tuple[int, int]], Image.Image]
) -> None:
    make((120, 150)).save(folder(root, 7) / "image2.png")
    finding = only(root, tmp_path, kind)
    assert [item.path.split("/")[2] for item in finding.items] == ["patient00007"]
    assert finding.score == pytest.approx(1 / (2 * STUDIES))


def test_a_size_that_many_films_have_is_not_odd(root: Path, tmp_path: Path) -> None:
    for number in range(0, STUDIES, 8):  # a second source
        for view in (1, 2):
            large = (630 + number, 780 + view)
            film(700 + 10 * number + view, large).save(folder(root, number) / f"image{view}.png")
    assert audited(root, tmp_path).findings == ()
    film(699, (24, 30)).save(folder(root, 1) / "image1.png")
    assert only(root, tmp_path, "odd size").items[0].detail.startswith("24 x 30 px; the median is")


def test_a_mode_that_many_films_have_is_not_odd(root: Path, tmp_path: Path) -> None:
    for number in (1, 2, 9, 10):  # of both labels: no shortcut either
        for path in folder(root, number).iterdir():
            Image.open(path).convert("RGB").save(path)
    assert audited(root, tmp_path).findings == ()


def test_empty_studies_and_gaps_are_found(root: Path, tmp_path: Path) -> None:
    for path in folder(root, 9).iterdir():
        path.unlink()
    (folder(root, 10) / "image1.png").unlink()
    by_kind = {finding.kind: finding for finding in audited(root, tmp_path).findings}
    assert set(by_kind) == {"empty study", "gap"}
    assert by_kind["gap"].items[0].detail == "has no image1"
    assert by_kind["empty study"].items[0].path.endswith("patient00009/study1_positive")


def test_the_number_of_views_as_a_shortcut_has_its_sentence(root: Path, tmp_path: Path) -> None:
    for number in range(1, STUDIES, 2):  # the positive ones get a third view
        film(2_000 + number).save(folder(root, number) / "image3.png")
    finding = only(root, tmp_path, "shortcut")
    assert finding.score == 1.0
    sentence = finding.sentences[0]
    assert sentence.startswith(
        "In elbow, the number of views alone predicts the label with AUROC 1.00"
    )
    assert "n = " in sentence and "95 % interval" in sentence


def test_brightness_as_a_shortcut_is_found_in_either_direction(root: Path, tmp_path: Path) -> None:
    for number in range(1, STUDIES, 2):
        for path in folder(root, number).iterdir():
            Image.open(path).point(lambda grey: grey // 2).save(path)
    audit = audited(root, tmp_path)
    telling = {(each.feature, each.split) for each in audit.shortcuts if each.tells}
    assert telling == {("mean", "train")}  # valid has too few studies to test
    assert max(each.auroc for each in audit.shortcuts if each.feature == "mean") < 0.1


def test_a_date_in_a_films_name_is_no_count(root: Path, tmp_path: Path) -> None:
    film = folder(root, 3) / "image1.png"
    film.rename(film.with_name("image20260101123000123456789.png"))
    assert "gap" not in {each.kind for each in audited(root, tmp_path).findings}


def test_measurements_are_saved_and_a_stopped_audit_continues(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measures, "_CHUNK", 10)
    dataset, counts = catalog.read(root), []
    paths = dataset.manifest["path"].tolist()
    with pytest.raises(Stopped, match="after 25 of 96 films"):
        measures.table(
            root,
            paths,
            tmp_path / "facts",
            lambda done, _: counts.append(done),
            lambda: counts[-1] >= 25,
        )
    measured = []
    inner = measures.measure
    monkeypatch.setattr(
        measures, "measure", lambda r, p, **how: measured.append(p) or inner(r, p, **how)
    )
    table = measures.table(root, paths, tmp_path / "facts")
    assert sorted(measured) == sorted(paths[25:])
    assert table["path"].tolist() == paths
    again = measures.table(root, paths, tmp_path / "facts")
    pd.testing.assert_frame_equal(table, again)
    piece = tmp_path / "facts" / "facts-000010.parquet"
    pd.read_parquet(piece).assign(mean=0.5).to_parquet(piece, index=False)
    pd.testing.assert_frame_equal(measures.table(root, paths, tmp_path / "facts"), table)


def test_a_film_whose_file_changed_is_measured_again(root: Path, tmp_path: Path) -> None:
    path = folder(root, 3) / "image1.png"
    whole = path.read_bytes()
    path.write_bytes(whole[:200])
    assert only(root, tmp_path, "unreadable").count == 1
    path.write_bytes(whole)
    assert audited(root, tmp_path).findings == ()


def test_an_interrupted_audit_keeps_its_measurements(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(done: int, total: int) -> None:
        if done == 30:
            raise KeyboardInterrupt

    paths = catalog.read(root).manifest["path"].tolist()
    with pytest.raises(KeyboardInterrupt):
        measures.table(root, paths, tmp_path / "facts", interrupt)
    measured = []
    measures.table(root, paths, tmp_path / "facts", lambda done, _: measured.append(done))
    assert measured == list(range(31, 97))


def test_the_time_left_ignores_saved_measurements(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(worker.time, "monotonic", lambda: now)
    left = worker.time_left()
    assert left(9_001, 10_000) is None
    now = 110.0
    assert left(9_101, 10_000) == pytest.approx(10 / 100 * 899)


@pytest.mark.slow
def test_an_audit_in_a_child_is_saved_and_read_back(folders: Path, root: Path) -> None:
    (folder(root, 10) / "image1.png").unlink()
    dataset = catalog.read(root)
    place = audit_job.start(dataset)
    status = launcher.wait(place)
    assert status.state is run_status.State.FINISHED, status.message
    assert audit_job.load(place) == audit_job.run(dataset, place)
    rows = findings.table(audit_job.load(place))
    assert rows["kind"].tolist() == ["gap"]
    text = (place / "audit.json").read_text()
    (place / "audit.json").write_text(text.replace('"count": 1', '"count": 7'))
    assert audit_job.load(place) is None


def test_an_audit_can_be_stopped(folders: Path, phantom_root: Path) -> None:
    place = audit_job.folder_of("asked")
    (place / "requests").mkdir(parents=True)
    run_requests.send(place, "stop")
    progress = JobProgress(place, "Opening every film")
    dataset = catalog.read(phantom_root)
    with pytest.raises(Stopped):
        audit_job.run(dataset, place, progress.count, progress.should_stop)
    assert run_status._written(place).message.startswith("Opening every film: 1 of")
