"""The 2018 report's page: empty axes, runs half done, what it says of each, and its mistakes."""

from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from fracture_core import datasets, exclusions, launcher, report_2018, runs
from fracture_core.exclusions import Exclusions
from fracture_core.report_2018 import LENGTHS
from tests.core.test_report_2018 import made
from ui import state

APP = str(Path(__file__).parents[2] / "app.py")


@pytest.fixture(autouse=True)
def nothing_cached() -> None:
    st.cache_resource.clear()
    st.cache_data.clear()


def opened(**address: str) -> AppTest:
    app = AppTest.from_file(APP, default_timeout=60).run()
    app.query_params.update(address)
    app = app.switch_page("pages/report_2018.py").run()
    assert not app.exception
    return app


def said(app: AppTest) -> str:
    kinds = (app.title, app.subheader, app.markdown, app.caption, app.error, app.warning)
    return "\n".join(element.value for kind in kinds for element in kind).replace("\\", "")


def test_before_any_run_the_axes_say_what_will_be_in_them(folders: Path) -> None:
    app = opened()
    text = said(app)
    for number in range(2, 9):
        assert f"Figure {number}:" in text
    assert "7 runs, 6,900 steps of 10 films to go" in text
    assert "neither agreement nor disagreement is claimed" in text
    assert "✓ agrees" not in text and "✗ disagrees" not in text
    for number in range(1, 10):
        assert f"**{number}. " in text
    assert "here: three_conv (Adam), five_conv" in str(app.get("plotly_chart")[6].proto.spec)


def test_runs_that_are_there_are_drawn_and_answer(folders: Path, phantom_root: Path) -> None:
    dataset = datasets.read(phantom_root)
    length = LENGTHS["quick"]
    made(dataset, "three", length, 0.9, 0.77)
    made(dataset, "five", length, 0.2, 0.6)
    text = said(opened())
    assert (
        "On synthetic films, quick length, seed 1: loss of five_conv minus three_conv (Adam): +"
        in text
    )
    assert "% (95 % interval" in text
    assert "✓ agrees" not in text  # synthetic films claim no agreement
    assert "Go on with the experiments" in [button.label for button in opened().button]
    assert "Judged by report-five-quick-seed1" in text or "No patient" in text


def test_the_button_queues_every_experiment_once_and_stop_stops_them(
    folders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = []
    monkeypatch.setattr(
        launcher, "start_run", lambda folder, *_, **more: started.append((folder.name, more))
    )
    app = opened()
    app.button(key="run-experiments").click().run()
    app.button(key="run-experiments").click().run()
    assert not app.exception
    assert len({name for name, _ in started[:7]}) == 7
    further = {name.split("-")[1] for name, more in started if more.get("more_epochs")}
    assert further == {"three", "five"}
    assert all("report 2018" in runs.labels(runs.find(name)).tags for name in runs.names())


def test_only_the_runs_that_are_not_finished_are_to_go(folders: Path, phantom_root: Path) -> None:
    dataset, length = datasets.read(phantom_root), LENGTHS["quick"]
    for key in ("one", "three", "dense", "dropout"):
        ended = runs.Status(state=runs.State.FINISHED, step=length.epochs * length.steps)
        runs.write_status(made(dataset, key, length, 0.5).folder, ended)
    assert "3 runs, 3,000 steps of 10 films to go" in said(opened())
    path = exclusions.file_of(dataset.hash)
    exclusions.write(path, Exclusions(reasons={dataset.manifest["path"].iloc[0]: "a copy"}))
    assert "the 1 film ticked on the Data page" in said(opened())


def test_the_length_is_in_the_address(folders: Path) -> None:
    app = opened(**{state.LENGTH: "full"})
    assert f"{report_2018.steps_in_all(LENGTHS['full'], 1):,} steps of 10 films" in said(app)
