"""Runs that another run, an address or a session refers to, and that are deleted: each is named."""

import os
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from fracture_core.config.train_config import TrainConfig
from fracture_core.runs import run_folders, run_labels
from fracture_core.runs.run_labels import Labels
from tests.core import made_runs
from tests.pages.test_damaged_folders import APP, opened
from ui.shell import state


@pytest.fixture
def left(folders: Path) -> Path:
    """A fork and another run; their parent, which was the baseline, is deleted."""
    config = TrainConfig(data=os.environ["FRACTURE_DATA"], architecture="three_conv", epochs=3)
    right = {"dev": [12, 18, 19], "valid": [10, 11, 12]}
    made_runs.make(folders / "runs" / "gone", config, right)
    parent = {"name": "gone", "epoch": 2}
    made_runs.make(folders / "runs" / "fork", config, right, number=1, parent=parent)
    made_runs.make(folders / "runs" / "other", config, right, number=2)
    run_labels.write(folders / "runs" / "gone", Labels(baseline=True))
    run_folders.delete(folders / "runs" / "gone")
    return folders


def texts(app: AppTest) -> str:
    """All running text of a page."""
    kinds = (app.title, app.subheader, app.markdown, app.caption, app.info, app.error, app.warning)
    return "\n".join(element.value for kind in kinds for element in kind).replace("\\", "")


@pytest.mark.parametrize(
    ("page", "address"),
    [
        ("train", {state.RUN: "gone"}),
        ("evaluate", {state.MODEL: "gone"}),
        ("evaluate", {state.MODEL: "gone@2"}),
        ("diagnose", {state.MODEL: "gone@2"}),
        ("runs", {state.CHOSEN: ["gone", "other"]}),
        ("runs", {state.CHOSEN: ["fork", "other"], state.AGAINST: "gone"}),
    ],
)
def test_an_address_that_names_a_deleted_run_says_so(left: Path, page, address) -> None:
    app = opened(page, **address)
    assert "gone" in texts(app)
    if page == "runs":
        assert {"fork", "other"} <= set(app.dataframe[0].value["Run"])


def test_a_fork_outlives_its_parent(left: Path) -> None:
    opened("train", **{state.RUN: "fork"})
    assert "gone @ 2" in opened("runs").dataframe[0].value["Forked from"].tolist()


@pytest.mark.parametrize("page", ["home", "studies", "train", "evaluate", "diagnose"])
def test_a_session_whose_model_in_use_is_deleted_goes_on_with_another(left: Path, page) -> None:
    app = AppTest.from_file(str(APP), default_timeout=60)
    app.session_state[state.PICKED] = "gone"
    app.switch_page(f"pages/{page}.py").run()
    assert not app.exception
    assert [error.value for error in app.error if "gone" in error.value] == []
