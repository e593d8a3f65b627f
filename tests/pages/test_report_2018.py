"""The 2018 report's page: before its runs, with some of them, and its mistakes."""

import base64
import json
from pathlib import Path

import numpy as np
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from fracture_core import checksums
from fracture_core.analysis import fluctuation, report_2018, report_claims
from fracture_core.analysis.report_2018 import LENGTHS
from fracture_core.datasets import catalog, exclusions
from fracture_core.datasets.catalog import Dataset
from fracture_core.datasets.exclusions import Exclusions
from fracture_core.epochs import epoch_weights
from fracture_core.jobs import launcher
from fracture_core.runs import journal, run_folders, run_labels, run_lock, run_requests, run_status
from fracture_core.runs.run_folders import Run
from fracture_core.runs.run_status import State, Status
from fracture_core.training import averages_job
from tests.core.analysis.test_report_2018 import make
from ui.report_2018 import averages_figures
from ui.shell import state

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
    kinds = (app.title, app.header, app.markdown, app.caption, app.error, app.warning)
    return "\n".join(element.value for kind in kinds for element in kind).replace("\\", "")


def details(app: AppTest) -> str:
    """Texts of the question marks."""
    return "\n".join(each.help for each in app.caption if each.help)


def test_before_any_run_there_are_mistakes_and_claims_with_what_will_answer_them(
    folders: Path,
) -> None:
    app = opened()
    text = said(app)
    headings = [heading.value for heading in app.header]
    assert headings[:3] == [
        "What the report got wrong",
        "What the report claims, and what answers it",
        "Its figures, repeated",
    ]
    for number in range(1, 10):
        assert f"**{number}. " in text
    claims = app.table[0].value.map(lambda cell: cell.replace("\\", ""))
    assert claims.columns.tolist() == ["Figure", "The report says", "What will answer it"]
    assert claims.iloc[0, :2].tolist() == ["3", "A single convolution learns poorly."]
    assert claims.iloc[0, 2].startswith("one_conv, after epoch 15: agrees unless")
    assert len(claims) == len(report_claims.CLAIMS)
    assert "Figures 2, 3, 4, 5, 6, 7, 8 will appear" in text
    plots = [plot.proto for plot in app.get("plotly_chart")]
    assert not [plot for plot in plots if "figure-" in plot.id]
    assert "train studies 2,821, train images 8,379" in plots[0].alt
    assert all(plot.alt for plot in plots)
    assert "7 runs to go" in text and "6,900 steps of 10 films" in details(app)
    assert "we draw no conclusion" in text
    assert "✓ agrees" not in text and "✗ disagrees" not in text


@pytest.mark.slow
def test_runs_that_are_there_are_drawn_and_answer(folders: Path, phantom_root: Path) -> None:
    dataset = catalog.read(phantom_root)
    length = LENGTHS["quick"]
    make(dataset, "three", length, 0.9, 0.77)
    app = opened()
    drawn = [p.proto for p in app.get("plotly_chart") if "figure-" in p.proto.id]
    assert len(drawn) == 5 and "Figures 2, 3 will appear" in said(app)
    assert drawn[0].alt.startswith("Figure 4: Training accuracy of three convolutions: three_conv")
    assert "77.0\u00a0% at epoch" in drawn[0].alt
    make(dataset, "five", length, 0.2, 0.6)
    app = opened()
    text, claims = said(app), app.table[0].value
    answers = claims["Our runs on synthetic films, quick length"].str.replace("\\", "")
    assert answers.iloc[-1].startswith("seed 1: loss of five_conv minus three_conv (Adam): +")
    assert "(95 % interval" in answers.iloc[5]
    assert ", after epoch 15: agrees" in answers.iloc[0]  # of claims whose runs are to come
    assert "✓ agrees" not in text  # synthetic films claim no agreement
    assert "Continue the experiments" in [button.label for button in opened().button]
    assert "Predictions of report-five-quick-seed1" in text or "No patient" in text


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
    assert all(
        "report 2018" in run_labels.read(run_folders.find(name)).tags
        for name in run_folders.names()
    )


def test_only_the_runs_that_are_not_finished_are_to_go(folders: Path, phantom_root: Path) -> None:
    dataset, length = catalog.read(phantom_root), LENGTHS["quick"]
    for key in ("one", "three", "dense", "dropout"):
        ended = run_status.Status(
            state=run_status.State.FINISHED, step=length.epochs * length.steps
        )
        run_status.write(make(dataset, key, length, 0.5).folder, ended)
    app = opened()
    assert "3 runs to go" in said(app) and "3,000 steps of 10 films" in details(app)
    path = exclusions.file_of(dataset.hash)
    exclusions.write(path, Exclusions(reasons={dataset.manifest["path"].iloc[0]: "a copy"}))
    assert "including the 1 film excluded on the Data page" in details(opened())


def test_the_length_is_in_the_address(folders: Path) -> None:
    app = opened(**{state.LENGTH: "full"})
    assert f"{report_2018.steps_in_all(LENGTHS['full'], 1):,} steps of 10 films" in details(app)


# --- the ninth mistake ----------------------------------------------------------------------------

SWINGING, STEADY = (0.5, 0.7, 0.5, 0.7), (0.6, 0.64, 0.6, 0.64)


@pytest.fixture
def dataset(phantom_root: Path) -> Dataset:
    return catalog.read(phantom_root)


def swinging(dataset: Dataset, seed: int = 1, more: float = 0.0) -> Run:
    """A run of one_conv with four epochs, and weights of each, that goes up and down by .2."""
    run = make(dataset, "one", LENGTHS["quick"], 0.5, seed=seed)
    (run.folder / "metrics.jsonl").unlink()
    (run.folder / "checkpoints").mkdir(exist_ok=True)
    for epoch, right in enumerate(SWINGING, 1):
        add(run.folder, epoch, right + more * (epoch % 2))
        path = run.folder / "checkpoints" / epoch_weights.name(epoch)
        checksums.write(run.folder, path, f"weights {epoch} of seed {seed}".encode())
    return run


def add(folder: Path, epoch: int, right: float, **more: str) -> None:
    """A line of a run's epoch, or of one that was evaluated again."""
    valid = {"loss": 1 - right, "accuracy": right, "n": 80}
    journal.append_line(folder / "metrics.jsonl", {"epoch": epoch, "valid": valid, **more})


def judged_anew(run: Run, epochs: int = 4) -> None:
    """Write the files that the job leaves of a run's first epochs, which change by .04."""
    place = averages_job.place_of(run)
    place.mkdir(parents=True, exist_ok=True)
    for epoch, right in list(enumerate(STEADY, 1))[:epochs]:
        path = run.folder / "checkpoints" / epoch_weights.name(epoch)
        add(place, epoch, right, weights=checksums.digests(run.folder, path)[-1])


def ended(state: State, message: str, *names: str) -> None:
    """The job, as it leaves its folder."""
    place = averages_job.folder()
    place.mkdir(parents=True, exist_ok=True)
    (place / "asked.json").write_text(json.dumps({"runs": ",".join(names)}))
    run_status.write(place, Status(state=state, message=message))


def twice(app: AppTest, number: int) -> dict[str, list[list[float]]]:
    """The lines of a figure that is drawn twice, by its x axis."""
    for element in app.get("plotly_chart"):
        if element.proto.id.endswith(f"averages-{number}"):
            found = json.loads(element.proto.spec)["data"]
            axes = {trace["xaxis"] for trace in found}
            return {a: [values(t["y"]) for t in found if t["xaxis"] == a] for a in sorted(axes)}
    raise AssertionError(f"figure {number} is not drawn twice")


def values(packed: dict[str, str]) -> list[float]:
    """A line's values, as Plotly packs them."""
    return np.frombuffer(base64.b64decode(packed["bdata"]), packed["dtype"]).tolist()


def buttons(app: AppTest) -> list[str]:
    return [button.key for button in app.button]


def test_without_runs_there_is_nothing_to_judge(folders: Path) -> None:
    app = opened()
    assert "After the experiments, the same weights are evaluated" in said(app)
    assert "recompute-averages" not in buttons(app)


def test_both_curves_of_each_figure_are_drawn_from_the_same_runs(
    folders: Path, dataset: Dataset
) -> None:
    for seed in (1, 2):
        judged_anew(swinging(dataset, seed))
    app = opened()
    drawn = twice(app, 3)
    assert drawn == {"x": [list(SWINGING)] * 2, "x2": [list(STEADY)] * 2}
    text = said(app)
    assert "one_conv | 20.0 (20.0\u00a0to\u00a020.0) | 4.0 (4.0\u00a0to\u00a04.0)" in text
    assert "+16.0 (+16.0\u00a0to\u00a0+16.0) | 2 |" in text
    assert "points per epoch, 80 valid films" in text
    assert "On synthetic films, quick length: the tables show" in text
    assert "The report: the large fluctuation of its validation accuracy shows" in text
    assert "was the averages" not in text  # synthetic films claim nothing
    assert "evaluated with both averages" in text and "recompute-averages" not in buttons(app)


def test_one_seed_has_no_interval_and_says_so(folders: Path, dataset: Dataset) -> None:
    judged_anew(swinging(dataset))
    text = said(opened())
    assert "one_conv | 20.0 | 4.0 | +16.0 | 1 |" in text
    assert "One seed gives no interval." in text


def test_epochs_that_lack_are_named(folders: Path, dataset: Dataset) -> None:
    run = swinging(dataset)
    judged_anew(run, epochs=2)
    (run.folder / "checkpoints" / epoch_weights.name(3)).unlink()
    app = opened()
    text = said(app)
    assert twice(app, 3) == {"x": [list(SWINGING)], "x2": [list(STEADY[:2])]}
    assert "Not re-evaluated yet: 1 epoch (one_conv, seed 1: 4)." in text
    assert "Cannot be re-evaluated (weights no longer kept): 1 epoch (one_conv, seed 1: 3)." in text
    assert "1 epoch of 1 run to evaluate" in text


def test_curves_grow_as_epochs_are_judged_and_as_runs_go_on(
    folders: Path, dataset: Dataset
) -> None:
    run = swinging(dataset)
    app = opened()
    assert list(twice(app, 3)) == ["x"]
    judged_anew(run, epochs=3)
    assert twice(app.run(), 3)["x2"] == [list(STEADY[:3])]


def test_the_button_starts_the_job_for_the_runs_that_are_there(
    folders: Path, dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, started = swinging(dataset), []
    monkeypatch.setattr(launcher, "start_job", lambda _, asked, *__: started.append(asked))
    app = opened()
    app.button(key="recompute-averages").click().run()
    assert not app.exception
    assert started == [{"runs": run.name}]


def test_a_job_at_work_shows_how_far_it_is_and_can_be_stopped(
    folders: Path, dataset: Dataset
) -> None:
    run = swinging(dataset)
    ended(State.RUNNING, "Evaluating epochs again: 1 of 4.", run.name)
    place = averages_job.folder()
    (place / "requests").mkdir()
    run_status.write(
        place,
        Status(
            state=State.RUNNING,
            message="Evaluating epochs again: 1 of 4.",
            progress=0.25,
            seconds_left=90.0,
        ),
    )
    with run_lock.hold(place):
        for _ in range(2):  # another one after a reload
            app = opened()
            assert "recompute-averages" not in buttons(app)
            bars = [element.proto for element in app.get("progress")]
            assert [bar.value for bar in bars] == [25]
            assert "1 of 4" in bars[0].text and "left" in bars[0].text
        app.button(key="stop-evaluating").click().run()
        assert run_requests.has(place, "stop")
        assert app.button(key="stop-evaluating").disabled


def test_how_the_job_failed_is_said_where_something_lacks(folders: Path, dataset: Dataset) -> None:
    run = swinging(dataset)
    ended(State.FAILED, "Its films are gone. Put them back.", run.name)
    app = opened()
    assert "Its films are gone. Put them back." in said(app)
    assert app.button(key="recompute-averages").label == "Continue"
    ended(State.FAILED, "Its films are gone. Put them back.", "of-other-data")
    assert "Its films are gone" not in said(opened())
    ended(State.FAILED, "Its films are gone. Put them back.", run.name)
    judged_anew(run)
    assert "Its films are gone" not in said(opened())


def test_runs_that_were_not_judged_with_running_averages_stay_out(
    folders: Path, dataset: Dataset
) -> None:
    run = swinging(dataset)
    path = run.folder / "config.json"
    known = json.loads(path.read_text())
    known["config"]["normalization"] = "recomputed"
    checksums.write(run.folder, path, json.dumps(known).encode())
    assert "recompute-averages" not in buttons(opened())


def test_on_the_reports_data_it_says_how_much_was_the_averages(
    folders: Path, dataset: Dataset
) -> None:
    runs_of = [swinging(dataset, seed, more) for seed, more in ((1, 0.0), (2, 0.02))]
    for run in runs_of:
        judged_anew(run)
    pairs = [(journal.metrics(r.folder), averages_job.curve(r)) for r in runs_of]
    change = fluctuation.compare(pairs, "valid.accuracy")
    # Changes of .2 and .18 against .04: .15 are .76 of .19.
    assert averages_figures._follows({"one": change}, "valid.accuracy") == (
        "Share of the fluctuation due to averages: one_conv 78.9\u00a0% "
        "(15.0 (2.3\u00a0to\u00a027.7) points)."
    )
    same = fluctuation.compare([(b, b) for _, b in pairs], "valid.accuracy")
    assert "No measurable difference with these seeds: one_conv" in averages_figures._follows(
        {"one": same}, "valid.accuracy"
    )


def test_what_was_read_is_not_read_again_until_it_is_written(
    folders: Path, dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, read = swinging(dataset), []
    judged_anew(run, epochs=3)
    monkeypatch.setattr(
        averages_job, "missing", lambda one, real=averages_job.missing: read.append(1) or real(one)
    )
    app = opened()
    app.run()
    assert len(read) == 1
    (averages_job.place_of(run) / "metrics.jsonl").unlink()
    judged_anew(run)
    assert twice(app.run(), 3)["x2"] == [list(STEADY)] and len(read) == 2
