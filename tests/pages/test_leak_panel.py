"""The leak thermometer on the Data page: offered, running, stopped, and its sentence."""

from pathlib import Path

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from fracture_core.audit import audit_job
from fracture_core.audit.findings import Audit, Finding, Item
from fracture_core.config.train_config import TrainConfig
from fracture_core.datasets import catalog, family_list
from fracture_core.datasets.catalog import Dataset
from fracture_core.datasets.family_list import FamilyList
from fracture_core.runs import run_lock, run_requests, run_status
from fracture_core.runs.run_status import State, Status
from tests.core import made_runs

APP = Path(__file__).resolve().parents[2] / "app.py"


@pytest.fixture
def audited(folders: Path, phantom_root: Path) -> Dataset:
    """The data in use, whose audit found nothing."""
    data = catalog.read(phantom_root)
    place = audit_job.folder_of(data.hash)
    place.mkdir(parents=True)
    audit_job.save(place, Audit(films=len(data.manifest), findings=(), shortcuts=()))
    return data


def page() -> AppTest:
    return AppTest.from_file(str(APP), default_timeout=60).switch_page("pages/data.py").run()


def words(app: AppTest) -> str:
    kinds = (app.markdown, app.caption, app.toast)
    return "\n".join(element.value for kind in kinds for element in kind).replace("\\", "")


def pair(folders: Path, data: Dataset, right: tuple[int, int]) -> list[Path]:
    """A given and an honest run on these data, with this many right of 20 valid studies."""
    config = TrainConfig(data=str(data.root), architecture="three_conv")
    facts = {"hash": data.hash, "kind": "mura", "images": {"train": 50}}
    return [
        made_runs.make(folders / "runs" / f"leak-{name}-1", config, {"valid": [n]}, data=facts)
        for name, n in zip(("given", "honest"), right, strict=True)
    ]


def test_data_without_a_leak_are_told_so_in_place_of_a_button(
    folders: Path, audited: Dataset
) -> None:
    app = page()
    assert not app.exception
    train = (audited.manifest["split"] == "train").sum()
    assert f"0 of {train} training films have a copy" in words(app)
    assert "There is no leak to measure" in words(app)
    assert "measure-leak" not in [button.key for button in app.button]


def test_data_with_copies_offer_two_runs_and_their_time(folders: Path, audited: Dataset) -> None:
    films = audited.manifest
    first = films.groupby("split")["path"].first()
    family_list.write(
        family_list.file_of(audited.hash),
        FamilyList(families=dict.fromkeys([first["train"], first["valid"]], "a")),
    )
    app = page()
    train = (audited.manifest["split"] == "train").sum()
    assert f"1 of {train} training films have a copy" in words(app)
    assert "Two runs of 10 epochs. " in words(app) and app.button(key="measure-leak")


def test_a_finished_pair_is_one_sentence_with_its_interval_and_n(
    folders: Path, audited: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Of films that the made runs have: each patient is a unit of its own.
    units = pd.Series({f"patient{n:05d}": f"{n}" for n in range(20)})
    monkeypatch.setattr(family_list, "units", lambda rows, value: units)
    pair(folders, audited, (19, 10))
    app = page()
    assert not app.exception
    assert "As given 95.0 %, honest 50.0 % of 20 valid studies: 45.0 points (95 %" in words(app)
    assert "three_conv, 1 epoch, seed 1, evaluated after the last epoch" in words(app)


def test_running_runs_show_their_progress_and_can_be_stopped(
    folders: Path, audited: Dataset
) -> None:
    runs = pair(folders, audited, (10, 10))
    for folder in runs:
        status = Status(state=State.RUNNING, message="Epoch 2 of 10.", step=30, steps=60)
        run_status.write(folder, status)
    with run_lock.hold(runs[0]), run_lock.hold(runs[1]):
        app = page()
        assert [bar.text.replace("\\", "") for bar in app.progress] == [
            "As given: Epoch 2 of 10.",
            "Honest: Epoch 2 of 10.",
        ]
        app.button(key="stop-leak").click().run()
        assert all(run_requests.has(folder, "stop") for folder in runs)
    app = page()
    assert not app.exception
    assert "leak-given-1: " in words(app)


def test_copies_that_are_kept_on_one_side_are_offered_beside_one_of_each_family(
    folders: Path, audited: Dataset
) -> None:
    paths = audited.manifest["path"].tolist()[:2]
    items = (
        Item(path=paths[0], family=paths[0]),
        Item(path=paths[1], family=paths[0], leave_out=True),
    )
    finding = Finding(kind="family", items=items, count=1, score=0.1)
    audit = Audit(films=len(audited.manifest), findings=(finding,), shortcuts=())
    audit_job.save(audit_job.folder_of(audited.hash), audit)
    family_list.write(
        family_list.file_of(audited.hash), FamilyList(families=dict.fromkeys(paths, "a"))
    )
    app = page()
    box = app.checkbox(key="tick-family")
    assert box.label == "One of each family: exclude the other 1 film from training"
    assert "Train keeps families on one side of the split" in words(app)
