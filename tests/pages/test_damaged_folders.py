"""Every page beside folders that are damaged: each costs itself only, and is named."""

import errno
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from fracture_core import memory
from fracture_core.config.train_config import TrainConfig
from fracture_core.errors import WriteFailed
from fracture_core.folders import PROJECT
from fracture_core.models import model_files
from tests.core import made_runs
from ui.cache import study_cache
from ui.shell import actions, frame

APP = PROJECT / "app.py"
PAGES = ("home", "studies", "train", "runs", "report_2018", "evaluate", "diagnose", "data")


def fifo(path: Path) -> None:
    """A pipe without a writer, in the place of a file."""
    path.unlink(missing_ok=True)
    os.mkfifo(path)


def altered(path: Path, change: Callable[[dict], None]) -> None:
    """The last line of a file of JSON lines, or a JSON file, with something changed in it."""
    *before, last = path.read_text().splitlines() if path.suffix == ".jsonl" else [path.read_text()]
    value = json.loads(last)
    change(value)
    path.write_text("\n".join([*before, json.dumps(value)]) + "\n")


RUNS: dict[str, Callable[[Path], object]] = {
    "deep": lambda run: (run / "config.json").write_text("[" * 10_000),
    "pipe": lambda run: fifo(run / "config.json"),
    "data": lambda run: altered(run / "config.json", lambda v: v.update(data=None)),
    "parent": lambda run: altered(run / "config.json", lambda v: v.update(parent="x")),
    "network": lambda run: altered(
        run / "config.json", lambda v: v["config"].update(architecture="x")
    ),
    "past": lambda run: altered(
        run / "config.json", lambda v: v.update(created="0001-01-01T00:00:00")
    ),
    "future": lambda run: altered(
        run / "config.json", lambda v: v.update(created="9999-12-31T23:59:59+00:00")
    ),
    "metrics": lambda run: fifo(run / "metrics.jsonl"),
    "key": lambda run: altered(run / "metrics.jsonl", lambda v: v["dev"].pop("study_accuracy")),
    "value": lambda run: altered(run / "metrics.jsonl", lambda v: v.update(dev=[1])),
    "epoch": lambda run: altered(run / "metrics.jsonl", lambda v: v.update(epoch=10**18)),
    "status": lambda run: (run / "status.json").write_text("1" * 5_000),
    "films": lambda run: fifo(run / "films.parquet"),
    "labels": lambda run: (run / "labels.json").write_text('{"tags": 5}'),
    "events": lambda run: fifo(run / "events.jsonl"),
    "steps": lambda run: (run / "steps.jsonl").mkdir(),
    "tables": lambda run: [fifo(path) for path in (run / "predictions").glob("*.npy")],
}
UNREADABLE = ("deep", "pipe", "data", "parent")  # of these runs not even the settings
SENTENCES = {  # of others -> what their page says
    "metrics": "run-metrics: metrics.jsonl is a pipe, not a file.",
    **dict.fromkeys(("key", "value", "epoch"), "The metrics of 1 epoch of 2 cannot be read"),
    "status": "Its status.json is damaged.",
    "films": "films.parquet of run-films is a pipe, not a file.",
    "events": "run-events: events.jsonl is a pipe, not a file.",
    "steps": "run-steps: steps.jsonl is a folder, not a file.",
    "tables": "The prediction tables of epoch 1, 2 cannot be read",
}
CARDS: dict[str, Callable[[Path], object]] = {
    "deep": lambda model: (model / model_files.CARD).write_text("[" * 10_000),
    "digits": lambda model: (model / model_files.CARD).write_text('{"epoch": ' + "1" * 5_000 + "}"),
    "pipe": lambda model: fifo(model / model_files.CARD),
    "table": lambda model: fifo(model / model_files.PREDICTIONS),
    "nan": lambda model: altered(
        model / model_files.CARD, lambda v: v.update(threshold=float("nan"))
    ),
    "dense": lambda model: altered(
        model / model_files.CARD, lambda v: v["options"].update(dense=[4096] * 2_000)
    ),
}


@pytest.fixture
def damaged(folders: Path) -> Path:
    """Runs and models that are damaged, beside good ones of either kind."""
    config = TrainConfig(data=os.environ["FRACTURE_DATA"], architecture="three_conv", epochs=2)
    for name, damage in {"good": lambda _: None, **RUNS}.items():
        run = made_runs.make(
            folders / "runs" / f"run-{name}", config, {"dev": [3, 5], "valid": [2, 4]}
        )
        damage(run)
    for name, damage in {"good": lambda _: None, **CARDS}.items():
        model = folders / "models" / f"model-{name}"
        shutil.copytree(PROJECT / "models" / "starter-five-conv", model)
        damage(model)
    return folders


def opened(page: str, **address: str | list[str]) -> AppTest:
    """A page as a session sees it; whatever is damaged, it may not fail."""
    app = AppTest.from_file(str(APP), default_timeout=60).switch_page(f"pages/{page}.py")
    for name, value in address.items():
        app.query_params[name] = value
    app.run()
    assert not app.exception, (
        page,
        address,
        app.exception[0].message,
        app.exception[0].stack_trace,
    )
    return app


def texts(app: AppTest) -> str:
    """All running text of a page."""
    kinds = (app.title, app.markdown, app.caption, app.info, app.error, app.warning, app.text)
    return "\n".join(element.value for kind in kinds for element in kind).replace("\\", "")


def test_the_form_warns_of_a_run_that_memory_may_not_hold(
    folders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "available", lambda: 10**8)
    assert "GB of memory, estimated from its network" in texts(opened("train"))
    monkeypatch.setattr(memory, "available", lambda: 10**12)
    assert "estimated from its network" not in texts(opened("train"))


@pytest.mark.parametrize("page", PAGES)
def test_no_page_fails_for_a_damaged_neighbour(damaged: Path, page: str) -> None:
    app = opened(page)
    if page == "runs":
        text = texts(app)
        for name in UNREADABLE:
            assert f"run-{name} has no readable config.json" in text
        assert "run-good" in app.dataframe[0].value["Run"].tolist()
    if page == "evaluate":
        options = app.selectbox[0].options
        assert {"model-good", "run-good", *(f"model-{name}" for name in CARDS)} <= set(options)


@pytest.mark.parametrize("name", RUNS)
def test_the_page_of_a_damaged_run_says_so_or_shows_what_is_whole(damaged: Path, name: str) -> None:
    app = opened("train", run=f"run-{name}")
    text = texts(app)
    if name in UNREADABLE:
        assert f"run-{name} has no readable config.json" in text and "No run is called" not in text
    elif name in SENTENCES:
        assert SENTENCES[name] in text
    else:  # nothing that the page shows is damaged
        assert not app.error and not app.warning and app.get("bidi_component")


def test_damaged_runs_can_be_laid_over_good_ones(damaged: Path) -> None:
    text = texts(opened("runs", runs=[f"run-{name}" for name in ("good", *RUNS)]))
    readable = 1 + len(RUNS) - len(UNREADABLE)
    assert f"{readable} runs on films" in text and f"**{readable} chosen**" in text
    assert all(f"run-{name} has no readable config.json" in text for name in UNREADABLE)
    assert "run-status** interrupted: Its status.json is damaged" in text


@pytest.mark.parametrize("name", CARDS)
def test_a_damaged_model_is_refused_by_name(damaged: Path, name: str) -> None:
    app = opened("evaluate", model=f"model-{name}")
    assert f"model-{name}" in texts(app)


def test_a_disk_that_cannot_be_read_is_a_sentence_on_the_page(folders: Path, monkeypatch) -> None:
    def refuse() -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO), "/media/x/films")

    monkeypatch.setattr(study_cache, "studies", refuse)
    monkeypatch.setattr(frame, "_shown", [])  # the page goes through app.py
    app = AppTest.from_file(str(APP), default_timeout=30)
    app.switch_page("pages/studies.py").run()
    assert not app.exception
    assert app.error[0].value.startswith("Input/output error\\: /media/x/films could not be read")


def test_an_action_that_a_disk_refuses_says_why(folders: Path) -> None:
    def refuse() -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), "/media/x/lock")

    with pytest.raises(WriteFailed, match="Read-only file system: /media/x/lock could not be"):
        actions.owners(refuse)()
