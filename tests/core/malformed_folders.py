"""Malformed folders without end: runs, models, data sets, caches and zips, damaged by a seed.

Each case takes a whole folder, damages a file or two in it, and hands it to every function that
reads such a folder. Only our own errors may come out, in a sentence, in a short time and in little
memory; and the good neighbour must still be readable.
"""

import contextlib
import io
import json
import os
import random
import resource
import shutil
import signal
import socket
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from fracture_core.analysis import comparison, curves, trajectories
from fracture_core.audit import audit_job
from fracture_core.config.film_settings import PixelRecipe
from fracture_core.config.train_config import DEFAULTS, TrainConfig
from fracture_core.datasets import catalog, chosen_data, exclusions, film_counts
from fracture_core.epochs import checkpoints, epoch_weights, feature_maps, predictions
from fracture_core.errors import FractureError
from fracture_core.evaluations import evaluation, evaluation_file
from fracture_core.films import images, measures, pixel_cache
from fracture_core.folders import PROJECT
from fracture_core.jobs import launcher
from fracture_core.models import (
    epoch_models,
    model_files,
    model_names,
    prediction_table,
    stored_models,
)
from fracture_core.phantom import phantom_set
from fracture_core.runs import (
    journal,
    run_config,
    run_folders,
    run_labels,
    run_requests,
    run_status,
    training_command,
)
from fracture_core.study_sorting import study_paths, uploads
from fracture_core.study_sorting.upload_files import File
from fracture_core.training import probe
from tests.core import made_runs

SECONDS = 10  # of CPU time per folder; a tenth of one is usual
WAITING = 90  # seconds of wall time per folder, on the busiest machine
BYTES = 3 * 2**30  # of address space beyond what the process has at the start
KINDS = ("run", "model", "data", "cache", "zip")
STARTER = PROJECT / "models" / "starter-five-conv"
FILM = np.add.outer(np.arange(40), np.arange(32)).astype(np.uint8) * 3
VALUES: tuple[Any, ...] = (  # put into a JSON file in the place of any other
    None,
    True,
    False,
    0,
    -5,
    7,
    0.5,
    1e18,
    10**19,
    1e308,
    float("nan"),
    float("inf"),
    "",
    "x",
    "\ud800",
    "a\x00b",
    "x" * 5_000,
    "../..",
    [],
    {},
    [1],
    [[]],
    {"a": {}},
    [None] * 3,
    {"": 0},
    [4096] * 2_000,
    ["x"],
    "1" * 5_000,
    -0.0,
    "2026-01-01",
    [[[[[[[[[[]]]]]]]]]],
)
TEXTS: tuple[bytes, ...] = (  # whole files
    b"",
    b"[" * 10_000,
    b'{"a":' * 5_000,
    b"1" * 5_000,
    b"[1]",
    b"null",
    b'"text"',
    b"{}",
    b"[]",
    b"\xff\xfe",
    b"\x00" * 100,
    b"NaN",
    b"-1",
    b"1e999",
    b"{" * 500 + b"}" * 500,
    b"PAR1",
    b"\x93NUMPY",
    b"PK\x03\x04",
    b"\x89HDF\r\n\x1a\n",
    b"path,reason\n" + b'"' * 200_000,
    b"[" * 200 + b"]" * 200,
    b"\xef\xbb\xbf{}",
    b"\n" * 1_000,
    b'{"epoch": 1' + b"0" * 5_000 + b"}",
)
NAMES = (  # of files and folders that are put there
    "1" * 200,
    "epoch_" + "9" * 100 + ".npz",
    "epoch_0099.weights.h5",
    "epoch_" + "7" * 30 + ".npy",
    "line\nbreak.png",
    "<b>.png",
    "image1.PNG",
    ".hidden",
    "XR_",
    "study1_positive",
    "config.json",
    "card.json",
    "phantom.json",
    "dataset.csv",
    "-rf",
    "a b",
    "\u202egnp.png",
    "x" * 250,
    os.fsdecode(b"\xff\xfe.png"),
    "images",
    "train",
    "patient00001",
    "\u0661\u0662.png",
)


_DAMAGED_BEFORE = (
    OSError,
    ValueError,
    LookupError,
    EOFError,
    zipfile.BadZipFile,
    pa.ArrowException,
)


class Hang(BaseException):
    """Raised when the readers of one folder take too long; no reader may catch it."""


@dataclass(frozen=True, kw_only=True)
class Home:
    """Whole folders of every kind, each beside a good neighbour."""

    root: Path

    def of(self, kind: str, name: str) -> Path:
        """Return the folder of a kind: "good", or "bad", which is damaged."""
        return self.root / {"run": "runs", "model": "models"}.get(kind, kind) / name


def make(root: Path) -> Home:
    """Fill a folder with good folders of every kind."""
    home = Home(root=root)
    config = TrainConfig(data=str(root / "data" / "good" / "mura"))
    run = made_runs.make(home.of("run", "good"), config, {"dev": [3, 5, 6], "valid": [2, 4, 6]}, 8)
    _complete_run(run)
    shutil.copytree(STARTER, home.of("model", "good"))
    made_runs.change_card(
        home.of("model", "good") / model_files.CARD
    )  # so that damage gets further
    _make_data(home.of("data", "good"))
    _make_cache(home.of("cache", "good"), home.of("data", "good"))
    home.of("zip", "good").mkdir(parents=True)
    home.of("zip", "good").joinpath("films.zip").write_bytes(_zip([("a/1.png", _png())]))
    return home


def _complete_run(run: Path) -> None:
    for epoch in (1, 2, 3):
        shutil.copy(
            STARTER / model_files.WEIGHTS, run / "checkpoints" / f"epoch_{epoch:04d}.weights.h5"
        )
        text = json.dumps({**checkpoints.Position(step=10 * epoch, epoch=epoch).__dict__})
        np.savez(run / "checkpoints" / f"epoch_{epoch:04d}.npz", position=text, weights_sha256="x")
        feature_maps.save(
            run, epoch, 0, FILM[:32, :32], np.zeros((3, 3, 1, 4)), [np.ones((9, 9, 4))] * 2
        )
    points = [
        {"step": n, "epoch": n / 5, "loss": 0.5, "accuracy": 0.5, "rate": 9.0, "time": 1e9 + n}
        for n in range(2, 30, 2)
    ]
    journal.replace_lines(run / "steps.jsonl", points)
    journal.log_event(run, "started", step=0)
    journal.log_event(run, "more_epochs", epochs=2, epoch=3, id="a")
    journal.log_event(run, "learning_rate", rate=0.01, step=7, id="b")
    journal.log_event(run, "film_refused", path="a.png", role="dev", reason="is empty.")
    journal.log_event(run, "stopped", step=30)
    run_labels.write(run, run_labels.Labels(tags=("first",), note="A note.", baseline=True))
    run_requests.send(run, "more_epochs", epochs=3)
    (run / "train.log").write_text("Epoch 1\n")
    facts = {"name": "gone", "epoch": 2}
    probed = {"threads": 1, "branches": 1, "why": "there is one core"}
    run_config.complete(run, parent=facts, probe=probed, versions={"python": "3"})


def _png() -> bytes:
    content = io.BytesIO()
    Image.fromarray(FILM).save(content, "PNG")
    return content.getvalue()


def _make_data(folder: Path) -> None:
    def film(path: str) -> None:
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(_png())

    for split in ("train", "valid"):
        for number, word in enumerate(("positive", "negative", "negative"), 1):
            film(f"mura/{split}/XR_HAND/patient{number:05d}/study1_{word}/image1.png")
        paths = [
            f"{split}/XR_HAND/patient{number:05d}/study1_{word}/"
            for number, word in enumerate(("positive", "negative", "negative"), 1)
        ]
        labels = "".join(f"m/{path},{int('pos' in path)}\n" for path in paths)
        (folder / "mura" / f"{split}_labeled_studies.csv").write_text(labels)
        (folder / "mura" / f"{split}_image_paths.csv").write_text(
            "".join(f"m/{path}image1.png\n" for path in paths)
        )
    index = {
        "version": phantom_set.VERSION,
        "seed": 0,
        "studies": 6,
        "complete": True,
        "films": {f"{paths[0]}image1.png": [{"kind": "hairline", "box": [1, 2, 3, 4]}]},
    }
    (folder / "mura" / "phantom.json").write_text(json.dumps(index))
    rows = ["image_id,hand,hip,hardware,fractured"]
    for number in range(4):
        film(f"fracatlas/images/{'Fractured' if number % 2 else 'Non_fractured'}/{number}.png")
        rows.append(f"{number}.png,1,0,0,{number % 2}")
    (folder / "fracatlas" / "dataset.csv").write_text("\n".join(rows) + "\n")
    for number in range(4):
        film(f"classes/{'yes' if number % 2 else 'no'}/{number}.png")
    written = exclusions.Exclusions(reasons={"no/0.png": "dark"})
    (folder / "out.csv").write_text(written.to_csv())


def _make_cache(folder: Path, data: Path) -> None:
    with _environment(FRACTURE_CACHE=str(folder), FRACTURE_DATA=str(data / "classes")):
        chosen_data.choose(data / "mura")
        chosen_data.choose(data / "classes", "yes")
        dataset = catalog.read(data / "classes", "yes")
        place = audit_job.folder_of("x")
        audit_job.save(place, audit_job.run(dataset, place))
        films = dataset.manifest.assign(probability=np.linspace(0, 1, 4, dtype=np.float32))
        saved = evaluation.Evaluation(
            model="m",
            data={"root": "a", "hash": "b", "synthetic": False},
            split="valid",
            parts=(),
            threshold=0.5,
            films=films,
            refused=(("a.png", "is empty."),),
        )
        evaluation_file.save(folder / "evaluations" / "x", saved)
        paths = dataset.manifest["path"].tolist()
        pixel_cache.of_films(dataset.root, paths, PixelRecipe(), folder / "pixels")
        images.thumbnail(dataset.root / paths[0], 20, folder / "thumbnails")
        (folder / "probes.json").write_text(json.dumps({probe._key(DEFAULTS): {"1": 50.0}}))
        (folder / "asked.json").write_text(json.dumps({"model": "m", "data": "d", "split": "s"}))


# --- damage -------------------------------------------------------------------------------------


def damage(folder: Path, chance: random.Random) -> str:
    """Damage a file of a folder, or add one; return the damage in words."""
    files = sorted(path for path in folder.rglob("*") if _is_small(path))
    if chance.random() < 0.12 or not files:
        return _put(folder, chance)
    path = chance.choice(files)
    by_suffix = {".json": _json, ".jsonl": _json_lines, ".parquet": _parquet, ".npy": _npy}
    by_suffix |= {".npz": _npz, ".csv": _csv}
    ways: list[Callable[[Path, random.Random], None]] = [_cut, _flip, _replace, _no_file, _large]
    if path.suffix in by_suffix:
        ways += [by_suffix[path.suffix]] * 7
    way = chance.choice(ways)
    with contextlib.suppress(*_DAMAGED_BEFORE):
        way(path, chance)
    return f"{way.__name__.strip('_')} {path.relative_to(folder)}"


def _is_small(path: Path) -> bool:
    """Return whether it is a file, and not a huge one from an earlier damage."""
    return path.is_file() and path.stat().st_size < 2**24


def _put(folder: Path, chance: random.Random) -> str:
    places = [folder, *sorted(path for path in folder.rglob("*") if path.is_dir())]
    path = chance.choice(places) / chance.choice(NAMES)
    with contextlib.suppress(OSError):
        match chance.randrange(4):
            case 0:
                path.mkdir()
            case 1:
                os.mkfifo(path)
            case 2:
                path.symlink_to(chance.choice((folder, Path("/dev/zero"), path, Path("/gone"))))
            case 3 if not path.exists():
                path.write_bytes(chance.choice(TEXTS))
    return f"put {path.relative_to(folder)!s:.80}"


def _cut(path: Path, chance: random.Random) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: chance.randrange(len(content) + 1)])


def _flip(path: Path, chance: random.Random) -> None:
    content = bytearray(path.read_bytes())
    for _ in range(chance.randint(1, 8)):
        if content:
            content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    path.write_bytes(content)


def _replace(path: Path, chance: random.Random) -> None:
    others = [each for each in path.parent.iterdir() if _is_small(each) and each != path]
    if others and chance.random() < 0.3:
        path.write_bytes(chance.choice(sorted(others)).read_bytes())
    else:
        path.write_bytes(chance.choice((*TEXTS, chance.randbytes(chance.randrange(2_000)))))


def _no_file(path: Path, chance: random.Random) -> None:
    path.unlink()
    match chance.randrange(6):
        case 0:
            os.mkfifo(path)
        case 1:
            path.mkdir()
        case 2:
            path.symlink_to(chance.choice(("/dev/zero", "/dev/stdin", "/dev/random")))
        case 3:
            path.symlink_to(path.name)
        case 4:
            _socket(path)
        case 5:
            pass  # it is gone


def _socket(path: Path) -> None:
    here = Path.cwd()
    os.chdir(path.parent)  # the address of a socket is short
    try:
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(path.name)
    finally:
        os.chdir(here)


def _large(path: Path, chance: random.Random) -> None:
    with path.open("r+b") as file:
        file.truncate(chance.choice((2**28 + 1, 2**34, 2**40)))  # takes no room on the disk


def _json(path: Path, chance: random.Random) -> None:
    value = json.loads(path.read_text())
    path.write_text(json.dumps(_changed(value, chance)))


def _json_lines(path: Path, chance: random.Random) -> None:
    lines = path.read_text().splitlines()
    number = chance.choice((len(lines) - 1, chance.randrange(len(lines))))
    lines[number] = json.dumps(_changed(json.loads(lines[number]), chance))
    path.write_text("\n".join(lines) + "\n")


def _changed(value: Any, chance: random.Random) -> Any:
    """Return the value with a piece replaced, removed or renamed."""
    if isinstance(value, dict) and value and chance.random() < 0.9:
        key = chance.choice(sorted(value))
        way = chance.random()
        if way < 0.12:
            return {name: each for name, each in value.items() if name != key}
        if way < 0.25:
            return {f"{name}x" if name == key else name: each for name, each in value.items()}
        return {**value, key: _changed(value[key], chance)}
    if isinstance(value, list) and value and chance.random() < 0.7:
        number = chance.randrange(len(value))
        return [_changed(each, chance) if i == number else each for i, each in enumerate(value)]
    return chance.choice(VALUES)


def _parquet(path: Path, chance: random.Random) -> None:
    table = pq.read_table(path)
    name = chance.choice(table.column_names)
    at, rows = table.column_names.index(name), len(table)
    columns: tuple[Callable[[], Any], ...] = (
        lambda: pa.array(["text"] * rows),
        lambda: pa.array([float("nan")] * rows),
        lambda: pa.array([5] * rows),
        lambda: pa.array([7.0] * rows),
        lambda: pa.array([None] * rows),
        lambda: pa.array([[1]] * rows),
        lambda: pa.array([b"\xff"] * rows),
        lambda: pa.array([2**62] * rows),
        lambda: pa.array([-1] * rows),
        lambda: pa.array(["x" * 2**20] * rows),
        lambda: pa.array([True] * rows),
    )
    match chance.randrange(5):
        case 0:
            table = table.drop_columns([name])
        case 1:
            table = table.slice(0, chance.randrange(rows + 1))
        case 2:
            table = pa.concat_tables([table.slice(0, 1)] * chance.choice((2, 3_000)))
        case _:
            table = table.set_column(at, name, chance.choice(columns)())
    pq.write_table(table, path)


def _npy(path: Path, chance: random.Random) -> None:
    match chance.randrange(5):
        case 0:
            np.save(path, np.array([{"a": 1}], object))
        case 1:
            np.save(path, chance.choice((np.zeros(3), np.zeros((2, 2), np.float32), np.array("x"))))
        case 2:
            values = np.full(16, chance.choice((np.nan, 5, -1, np.inf)), np.float32)
            np.save(path, values)
        case 3:
            shape = chance.choice(((10**12,), (2**62,), (-1,), (10**6, 10**6), (2**70,)))
            _forged(path, {"descr": "<f4", "fortran_order": False, "shape": shape})
        case 4:
            _forged(path, {"descr": chance.choice(("|O", "<U999999", "x")), "shape": (1,)})


def _forged(path: Path, header: dict[str, Any]) -> None:
    text = repr(header).encode() + b"\n"
    path.write_bytes(b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + b"\0" * 64)


def _npz(path: Path, chance: random.Random) -> None:
    with np.load(path) as stored:
        held = {name: stored[name] for name in stored.files}
    name = chance.choice(sorted(held))
    match chance.randrange(5):
        case 0:
            del held[name]
        case 1:
            held[name] = np.zeros(2**28, np.uint8)  # a bomb
        case 2:
            held[name] = np.array(json.dumps(chance.choice(VALUES)))
        case 3:
            held[name] = chance.choice((np.zeros(0), np.full((2, 2), np.nan), np.array(-1)))
        case 4:
            held["more"] = np.zeros(3)
    np.savez_compressed(path, **held)


def _csv(path: Path, chance: random.Random) -> None:
    lines = path.read_text().splitlines()
    number = chance.randrange(len(lines))
    line = lines[number]
    lines[number] = chance.choice(
        ("", ",", line * 2, line[::-1], '"', "\x00", line.replace(",", ";"), "1" * 5_000, "," * 999)
    )
    path.write_text(chance.choice(("\n", "\r\n", "\r")).join(lines))


# --- zips ---------------------------------------------------------------------------------------


def _zip(entries: list[tuple[str, bytes]], how: int = zipfile.ZIP_DEFLATED) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", how) as archive:
        for name, data in entries:
            info = zipfile.ZipInfo(name)
            info.compress_type = how
            archive.writestr(info, data)
    return content.getvalue()


def a_zip(chance: random.Random) -> bytes:
    """Return a zip of many, deep, long-named, doubled or otherwise packed entries."""
    film, deep = _png(), chance.choice((1, 3, 50, 2_000))
    folder = "/".join(chance.choice(("d", "1", "ab")) for _ in range(deep))
    count = chance.choice((1, 5, 60, 200))
    kinds: tuple[Callable[[], bytes], ...] = (
        lambda: _zip([(f"{n}/{folder}/film.png", film) for n in range(count)]),
        lambda: _zip([(f"{folder}/{n}.png", film) for n in range(count)]),
        lambda: _zip([("9" * 5_000 + ".png", film), ("a/" + "8" * 9_000, film), ("b.png", film)]),
        lambda: _zip([(name, film) for name in NAMES if name.isprintable()]),
        lambda: _zip([(f"{n}" * 50 + "/a.png", b"") for n in range(count)]),
        lambda: _zip([("a.png", bytes(2**22))], zipfile.ZIP_BZIP2),
        lambda: _zip([("a.png", bytes(2**22))], zipfile.ZIP_LZMA),
        lambda: _zip([(f"{n}", b"") for n in range(4_500)]),
        lambda: _zip([("/" * deep + "a.png", film), ("../" * deep + "b.png", film), ("//", b"")]),
        lambda: _zip([("CON", film), ("a\\b\\c.png", film), ("a/b/c.png", film), ("a", film)]),
        lambda: _zip([]),
    )
    return chance.choice(kinds)()


# --- reading ------------------------------------------------------------------------------------


def _run_readers(home: Home) -> dict[str, Callable[[], object]]:
    folder = home.of("run", "bad")
    states = folder / "checkpoints"
    return {
        "runs.read": lambda: run_folders.read(folder),
        "runs.status": lambda: run_status.read(folder),
        "runs.names": run_folders.names,
        "runs.list": lambda: run_folders.unreadable(run_folders.list_runs()),
        "runs.requests": lambda: run_requests.waiting(folder),
        "runs.labels": lambda: run_labels.read(folder),
        "journal.events": lambda: journal.events(folder),
        "journal.refused": lambda: journal.refused(folder),
        "journal.epochs_asked": lambda: journal.epochs_requested(folder, DEFAULTS),
        "journal.rate_changes": lambda: journal.rate_changes(folder),
        "journal.queued_at": lambda: journal.queued_at(folder),
        "journal.metrics": lambda: journal.metrics(folder, {}),
        "journal.curves_csv": lambda: journal.curves_csv(folder),
        "journal.steps": lambda: journal.steps(folder, {}),
        "journal.best_epoch": lambda: journal.best_epoch(folder),
        "journal.films": lambda: journal.films(folder),
        "journal.log_tail": lambda: journal.log_tail(folder),
        "comparison.outcome": lambda: comparison.outcome(folder),
        "comparison.given": lambda: comparison.current_settings(run_folders.read(folder), 0.1),
        "curves.of_run": lambda: curves.of_run(run_folders.read(folder)),
        "comparison.verdicts": lambda: comparison.verdicts(run_folders.read(folder), 3),
        "predictions.epochs": lambda: predictions.epochs(folder),
        "predictions.load": lambda: predictions.load(folder, 3, 16),
        "trajectories": lambda: trajectories.read(folder),
        "feature_maps": lambda: feature_maps.latest(folder, 9),
        "checkpoints.states": lambda: checkpoints.states(states),
        "checkpoints.forkable": lambda: checkpoints.forkable(states),
        "checkpoints.position": lambda: [
            checkpoints.position_after(states, epoch) for epoch in checkpoints.forkable(states)
        ],
        "epoch_weights.find": lambda: epoch_weights.find(states, 3),
        "stored_models.find": lambda: stored_models.find("bad").card.to_json(),
        "predictions.with_films": lambda: predictions.with_films(folder, 2),
        "epoch_models.last_whole_epoch": lambda: epoch_models.last_whole_epoch("bad"),
        "evaluation.of_run": lambda: evaluation.of_run(folder, 3, "valid"),
        "launcher.is_next": lambda: launcher.is_next(folder),
        "training_command.of_config": lambda: training_command.of_config(
            run_folders.read(folder).config
        ),
    }


def _model_readers(home: Home) -> dict[str, Callable[[], object]]:
    def judge() -> object:
        model = stored_models.find("bad")
        card = model.card
        words = (card.synthetic, card.dev_words, card.network, card.no_dev_words)
        covered = prediction_table.of_model(model)
        keys = catalog.study_key(covered)
        return model.at_threshold(card.threshold), words, card.to_json(), keys

    return {
        "model_names.released": model_names.released,
        "stored_models.find": judge,
        "stored_models.path": lambda: stored_models.find(str(home.of("model", "bad"))),
    }


def _data_readers(home: Home) -> dict[str, Callable[[], object]]:
    folder = home.of("data", "bad")

    def read(name: str, positive: str | None = None) -> object:
        dataset = catalog.read(folder / name, positive)
        again = catalog.read(folder / name, positive)
        assert again.hash == dataset.hash
        if name == "classes":
            measures.table(dataset.root, dataset.manifest["path"].tolist(), folder / "facts")
        return film_counts.inspect(dataset) if name == "mura" else catalog.studies(dataset.manifest)

    def films() -> None:
        for path in sorted(folder.rglob("*.png"))[:6]:
            with contextlib.suppress(FractureError):
                images.decode(path)
                images.frames(path)

    return {
        "mura": lambda: read("mura"),
        "fracatlas": lambda: read("fracatlas"),
        "classes": lambda: read("classes", "yes"),
        "phantom": lambda: (
            phantom_set.settings(folder / "mura"),
            phantom_set.progress(folder / "mura"),
            phantom_set.is_complete(folder / "mura"),
            phantom_set.breaks(folder / "mura"),
        ),
        "given": lambda: study_paths.read([folder]),
        "given.file": lambda: study_paths.read([next(folder.rglob("*.png"), folder / "gone")]),
        "films": films,
        "exclusions": lambda: exclusions.read(folder / "out.csv"),
    }


def _cache_readers(home: Home) -> dict[str, Callable[[], object]]:
    folder, data = home.of("cache", "bad"), home.of("data", "good")
    paths = ["no/0.png", "no/2.png", "yes/1.png", "yes/3.png"]

    def pixels() -> object:
        root = data / "classes"
        cache = pixel_cache.of_films(root.resolve(), paths, PixelRecipe(), folder / "pixels")
        assert cache.pixels.shape == (4, 32, 32)
        return cache.refused

    def kept_evaluation() -> object:
        saved = evaluation_file.load(folder / "evaluations" / "x")
        return saved and saved.to_dict()

    def audit() -> object:
        saved = audit_job.load(audit_job.folder_of("x"))
        return saved and audit_job.to_dict(saved)

    with_manifest = data / "classes"
    return {
        "chosen": lambda: (chosen_data.chosen(), chosen_data.recent()),
        "manifest": lambda: catalog.read(with_manifest, "yes"),
        "audit": audit,
        "facts": lambda: measures.table(
            with_manifest.resolve(), paths, audit_job.folder_of("x") / "facts"
        ),
        "evaluation": kept_evaluation,
        "pixels": pixels,
        "thumbnail": lambda: Image.open(
            io.BytesIO(images.thumbnail(with_manifest / paths[0], 20, folder / "thumbnails"))
        ),
        "probe": lambda: probe.kept_speed(DEFAULTS),
        "asked": lambda: launcher.job_request(folder, "model", "data", "split"),
    }


def _zip_readers(home: Home) -> dict[str, Callable[[], object]]:
    path = home.of("zip", "bad") / "films.zip"

    def sort() -> object:
        if not path.is_file() or path.stat().st_size > 2**28:  # no browser sends one
            return None
        upload = uploads.sort([File(name="films.zip", content=path.read_bytes())])
        for name, reason in upload.refused:
            assert name and reason.endswith(".")
        return [study.name for study in upload.studies]

    return {"uploads.sort": sort, "given.zip": lambda: study_paths.read([path])}


READERS = {
    "run": _run_readers,
    "model": _model_readers,
    "data": _data_readers,
    "cache": _cache_readers,
    "zip": _zip_readers,
}
GOOD: dict[str, Callable[[Home], object]] = {  # must stay readable beside any damage
    "run": lambda home: (
        run_folders.read(home.of("run", "good")),
        [run.name for run in run_folders.list_runs()].index("good"),
        predictions.load(home.of("run", "good"), 2, 16),
    ),
    "model": lambda home: (stored_models.find("good"), model_names.released().index("good")),
    "data": lambda home: catalog.read(home.of("data", "good") / "mura"),
    "cache": lambda home: None,
    "zip": lambda home: None,
}


@contextlib.contextmanager
def _environment(**values: str) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.__setitem__(name, value)


@contextlib.contextmanager
def guarded() -> Iterator[None]:
    """Raise in a block that takes longer than `SECONDS`, or more than `BYTES`."""

    def late(*_: object) -> None:
        raise Hang(f"It took more than {SECONDS} s of work, or {WAITING} s in all.")

    size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    before = {number: signal.signal(number, late) for number in (signal.SIGALRM, signal.SIGPROF)}
    resource.setrlimit(resource.RLIMIT_AS, (size + BYTES, hard))
    signal.setitimer(signal.ITIMER_REAL, WAITING)
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.setitimer(signal.ITIMER_PROF, 0)
        resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, hard))
        for number, handler in before.items():
            signal.signal(number, handler)


@dataclass(frozen=True, kw_only=True)
class Case:
    """Result of reading one damaged folder.

    Args:
        kind: of `KINDS`.
        damage: in words.
        refused: how many readers refused it in a sentence.
        read: how many read it all the same.
        wrong: errors that no reader may raise.
    """

    kind: str
    damage: str
    refused: int
    read: int
    wrong: tuple[str, ...]


def case(home: Home, seed: int, kind: str) -> Case:
    """Damage a folder of this kind, read it in every way, and remove it."""
    chance, bad = random.Random(f"{seed} {kind}"), home.of(kind, "bad")
    shutil.rmtree(bad, ignore_errors=True)
    shutil.copytree(home.of(kind, "good"), bad)
    if kind == "zip" and chance.random() < 0.7:
        (bad / "films.zip").write_bytes(a_zip(chance))
        done = ["a zip"]
    else:
        done = [damage(bad, chance) for _ in range(chance.choice((1, 1, 1, 2, 3)))]
    cache = bad if kind == "cache" else home.root / "kept" / kind
    refused, read, wrong = 0, 0, []
    names = {"RUNS": home.root / "runs", "MODELS": home.root / "models", "CACHE": cache}
    settings = {f"FRACTURE_{name}": str(path) for name, path in names.items()}
    readers = {**READERS[kind](home), "the good neighbour": lambda: GOOD[kind](home)}
    with _environment(**settings, FRACTURE_DATA=str(home.of("data", "good") / "classes")):
        for name, reader in readers.items():
            try:
                with guarded():
                    reader()
                read += 1
            except FractureError as error:
                refused += 1
                text = str(error)
                if name == "the good neighbour":
                    wrong.append(f"{name}: {text}")
                if len(text) > 3_000 or "Traceback" in text or not text.endswith("."):
                    wrong.append(f"{name}: no sentence: {text[:200]!r}")
            except (Exception, Hang) as error:
                wrong.append(f"{name}: {error!r:.300}")
    shutil.rmtree(bad, ignore_errors=True)
    return Case(kind=kind, damage="; ".join(done), refused=refused, read=read, wrong=tuple(wrong))


def cases(home: Home, seed: int, kinds: tuple[str, ...] = KINDS) -> Iterator[Case]:
    """Yield cases of every kind in turn, the same ones for a seed."""
    number = 0
    while True:
        yield case(home, seed * 1_000_000 + number, kinds[number % len(kinds)])
        number += 1
