"""Evaluate: how many studies are right, with n and interval, and a line for each of them."""

import io
import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import streamlit as st
from PIL import Image
from streamlit.testing.v1 import AppTest

from fracture_core import checksums
from fracture_core.cli import command_line
from fracture_core.curation import corrections
from fracture_core.curation.corrections import Corrections
from fracture_core.datasets import catalog, chosen_data
from fracture_core.errors import DataError
from fracture_core.evaluations import evaluation, evaluation_file, evaluation_job
from fracture_core.models import model_files, stored_models
from fracture_core.releases import ensemble, release
from fracture_core.runs import journal, run_folders, run_lock, run_status
from fracture_core.runs.run_status import State, Status
from fracture_core.verdicts import metrics
from tests.core import made_runs
from ui.cache import model_cache
from ui.evaluate import confusion_matrix, results, study_lines
from ui.shared import figures, theme
from ui.shared.charts import Ink
from ui.shell import state

APP = str(Path(__file__).parents[2] / "app.py")


@pytest.fixture(autouse=True)
def nothing_cached() -> None:
    """Another test's folders hold models of the same names."""
    st.cache_resource.clear()
    st.cache_data.clear()


def opened(**address: str) -> AppTest:
    """The page at an address."""
    app = AppTest.from_file(APP, default_timeout=30).run()
    app.query_params.update(address)
    return app.switch_page("pages/evaluate.py").run()


def said(app: AppTest) -> str:
    """Every word on the page."""
    kinds = (app.title, app.markdown, app.caption, app.warning, app.info, app.error)
    return "\n".join(element.value for kind in kinds for element in kind).replace("\\", "")


def lines_of(app: AppTest) -> pd.DataFrame:
    """The table of studies, among the page's tables."""
    return next(each.value for each in app.dataframe if "Result" in each.value)


def test_without_a_model_the_page_says_how_to_get_one(folders: Path) -> None:
    app = opened()
    assert not app.exception
    assert "There is no model yet. Train a network" in said(app)
    assert len(app.title) == 1


def test_a_run_is_judged_on_its_own_valid_films_at_once(run_copy: Path) -> None:
    app = opened()
    assert not app.exception
    best = journal.best_epoch(run_copy)
    found = evaluation.of_run(run_copy, best, "valid").summaries()["studies"]
    assert app.title[1].value == figures.headline(found)
    words = f"{found.accuracy.count} of {found.n} studies predicted correctly"
    assert words in said(app)
    assert "Valid films were not used to pick" in said(app)
    assert ":violet-badge[:material/science: synthetic]" in said(app)
    assert "Positive means: a break was drawn" in said(app)


def test_dev_figures_say_that_dev_chose_the_epoch(run_copy: Path) -> None:
    app = opened(films="dev")
    assert not app.exception
    assert "The epoch was picked on dev films, so the figures are optimistic" in said(app)


def test_each_line_is_right_or_wrong_and_can_be_filtered_by_the_address(run_copy: Path) -> None:
    whole, wrong = opened(), opened(lines="wrong")
    lines = lines_of(whole)
    assert (
        len(lines)
        == evaluation.of_run(run_copy, journal.best_epoch(run_copy), "valid")
        .studies()["key"]
        .nunique()
    )
    errors = {"✗ missed", "✗ false alarm"}
    assert set(lines_of(wrong)["Result"]) <= errors
    assert len(lines_of(wrong)) == lines["Result"].isin(errors).sum()


def test_no_name_in_the_lines_file_is_a_spreadsheets_formula(run_copy: Path) -> None:
    found = evaluation.of_run(run_copy, journal.best_epoch(run_copy), "valid")
    lines = study_lines.table(found).assign(acquaintance="new", patient="=HYPERLINK(1)")
    rows = pd.read_csv(io.StringIO(study_lines.csv(lines)))
    assert set(rows["patient"]) == {"'=HYPERLINK(1)"}
    assert rows["score"].tolist() == pytest.approx(lines["score"].tolist())


def result(rows: list[tuple[str, int, float]], part: str = "wrist") -> evaluation.Evaluation:
    """An evaluation of studies of one film: (patient, label, probability)."""
    films = pd.DataFrame(rows, columns=["patient", "label", "probability"]).assign(
        split="valid", part=part, study=lambda t: t["patient"].str[-8:], path="x.png"
    )
    return evaluation.Evaluation(
        model="m", data={}, split="valid", parts=(), threshold=0.5, films=films
    )


ROWS = [("right", 1, 0.9), ("alarm", 0, 0.6), ("near", 1, 0.45), ("worst", 1, 0.05)]


def test_missed_fractures_come_first_the_surest_error_before_all() -> None:
    lines = study_lines.table(result([*ROWS, ("loud", 0, 0.99), ("calm", 0, 0.01)]))
    assert lines["patient"].tolist() == ["worst", "near", "loud", "alarm", "right", "calm"]


def test_errors_draw_the_eye_and_correct_cells_are_calm() -> None:
    confusion = metrics.confusion([1, 1, 0, 0], [True, False, True, False])
    ink = Ink(text="#fff", grid="#222", train="#1", dev="#2", valid="#3")
    colours = {"error": "red", "grey": "grey", "fracture": "orange", "none": "blue"}
    figure = confusion_matrix.draw(confusion, "studies", ink, colours.__getitem__)
    names = [trace.customdata[0] for trace in figure.data]
    cells = dict(zip(names, figure.layout.shapes, strict=True))
    by_opacity = sorted(cells, key=lambda name: -cells[name].opacity)
    assert by_opacity[:2] == ["false negative", "false positive"]
    assert {name for name in names if cells[name].fillcolor == "red"} == set(by_opacity[:2])
    assert confusion_matrix.words(confusion, "studies") == (
        "Confusion matrix of 4 studies: missed fracture (false negative) 1 of 2, false alarm "
        "(false positive) 1 of 2, found (true positive) 1 of 2, cleared (true negative) 1 of 2."
    )
    none = metrics.confusion([1, 0], [True, False])
    calm = confusion_matrix.draw(none, "studies", ink, colours.__getitem__).layout.shapes
    assert {shape.fillcolor for shape in calm} == {"grey"}
    positive = metrics.confusion([1, 1], [True, False])  # no share of nothing
    cells = confusion_matrix.draw(positive, "studies", ink, colours.__getitem__).data
    shares = {cell.customdata[0]: cell.text[0].rpartition("<br>")[2] for cell in cells}
    assert shares["true negative"] == "none with this label</span>"
    assert shares["true positive"] == "50.0\N{NO-BREAK SPACE}% of 2</span>"


def test_where_every_film_is_a_study_there_is_one_matrix_and_short_names(
    run_copy: Path, folders: Path
) -> None:
    release.release(run_copy.name, "starter")
    root = folders / "singles"
    for name, value in (("broken", 40), ("whole", 90)):
        (root / name).mkdir(parents=True)
        for number in range(6):
            film = root / name / f"{'long-' * 8}{number}.png"
            Image.new("L", (40, 40), value + number).save(film)
    chosen_data.choose(root, "broken")
    dataset = catalog.read(root, "broken")
    films = catalog.select(dataset.manifest, "valid").assign(probability=0.7)
    data = {"root": str(root), "hash": dataset.hash, "synthetic": False}
    found = evaluation.Evaluation(
        model="starter", data=data, split="valid", parts=(), threshold=0.5, films=films
    )
    evaluation_file.save(evaluation_job.folder_of("starter", dataset, "valid"), found)
    app = opened(model="starter")
    assert not app.exception
    (matrix,) = [plot.proto for plot in app.get("plotly_chart")]
    assert matrix.alt.startswith("Confusion matrix of ")
    assert "| Measure | Value | 95 % interval | n |" in said(app) and "Images" not in said(app)
    table = lines_of(app)
    assert table.columns.tolist() == ["Result", "Study", "Score", "Verdict", "Label"]
    assert table["Study"].str.len().max() <= study_lines.NAME + 1
    assert table["Result"].iloc[0] == "✗ false alarm"
    alts = [picture.alt for image in app.image for picture in image.proto.imgs]
    assert alts[0].startswith("false alarm: long-")


def test_a_matrix_is_a_table_behind_a_switch(run_copy: Path) -> None:
    app = opened()
    assert len(app.get("plotly_chart")) == 2
    app.toggle(f"{state.MATRIX}-table").set_value(True).run()
    assert not app.exception and len(app.get("plotly_chart")) == 1
    found = evaluation.of_run(run_copy, journal.best_epoch(run_copy), "valid")
    counts = found.summaries()["studies"].confusion
    assert app.table[0].value["predicted fracture"].tolist() == [str(counts.tp), str(counts.fp)]


def test_the_cells_of_the_matrix_share_out_all_studies(run_copy: Path) -> None:
    found = evaluation.of_run(run_copy, journal.best_epoch(run_copy), "valid")
    lines, counts = study_lines.table(found), found.summaries()["studies"].confusion
    sizes = {cell: len(study_lines.chosen(lines, cell)) for cell in study_lines.CELLS}
    assert sizes == {
        "false negative": counts.fn,
        "false positive": counts.fp,
        "true positive": counts.tp,
        "true negative": counts.tn,
    }


@pytest.mark.slow
def test_a_released_model_is_judged_in_a_child_and_its_result_kept(run_copy: Path) -> None:
    release.release(run_copy.name, "starter")
    dataset = catalog.read(Path(run_folders.read(run_copy).config.data))
    app = opened(model="starter")
    count = len(catalog.studies(catalog.select(dataset.manifest, "valid")))
    assert [button.label for button in app.button] == [f"Evaluate {count} studies"]
    folder = evaluation_job.folder_of("starter", dataset, "valid")
    found = evaluation.of_run(run_copy, journal.best_epoch(run_copy), "valid")
    evaluation_file.save(folder, found)
    app = opened(model="starter")
    assert app.title[1].value == figures.headline(found.summaries()["studies"])


def test_what_the_command_line_has_judged_is_shown(run_copy: Path, capsys) -> None:
    release.release(run_copy.name, "starter")
    assert (
        command_line.main(["evaluate", "starter", run_folders.read(run_copy).config.data, "--json"])
        == 0
    )
    found = json.loads(capsys.readouterr().out)["studies"]["accuracy"]
    app = opened(model="starter")
    words = f"{found['count']} of {found['n']} studies predicted correctly"
    assert app.title[1].value.startswith(words)
    assert not [each for each in app.button if "valuate" in each.label]


def test_a_synthetic_model_on_real_films_is_named_so_and_positive_means_what_the_labels_mean(
    run_copy: Path, tmp_path: Path
) -> None:
    release.release(run_copy.name, "starter")
    root = tmp_path / "real"
    for name, value in (("broken", 40), ("whole", 90)):
        (root / name).mkdir(parents=True)
        for number in range(6):
            Image.new("L", (40, 40), value + number).save(root / name / f"{number}.png")
    chosen_data.choose(root, "broken")
    dataset = catalog.read(root, "broken")
    folder = evaluation_job.folder_of("starter", dataset, "valid")
    films = catalog.select(dataset.manifest, "valid").assign(probability=0.7)
    data = {"root": str(root), "hash": dataset.hash, "synthetic": False}
    found = evaluation.Evaluation(
        model="starter", data=data, split="valid", parts=(), threshold=0.5, films=films
    )
    evaluation_file.save(folder, found)
    app = opened(model="starter")
    assert not app.exception
    assert "This model was trained on synthetic films only" in app.warning[0].value
    assert "Positive means: the films in the class folder 'broken'." in said(app)
    assert "The model was trained on other data." in said(app)


def test_an_evaluation_that_failed_says_why_and_can_be_tried_again(run_copy: Path) -> None:
    release.release(run_copy.name, "starter")
    dataset = catalog.read(Path(run_folders.read(run_copy).config.data))
    folder = evaluation_job.folder_of("starter", dataset, "valid")
    folder.mkdir(parents=True)
    (folder / "asked.json").write_text("{}")
    run_status.write(folder, Status(state=State.FAILED, message="The disk is full."))
    app = opened(model="starter")
    assert app.error[0].value.replace("\\", "") == "The disk is full."
    assert app.button[0].label.startswith("Try again: evaluate")


def test_an_evaluation_under_way_shows_how_far_it_is(run_copy: Path) -> None:
    release.release(run_copy.name, "starter")
    dataset = catalog.read(Path(run_folders.read(run_copy).config.data))
    folder = evaluation_job.folder_of("starter", dataset, "valid")
    folder.mkdir(parents=True)
    (folder / "asked.json").write_text("{}")
    with run_lock.hold(folder):
        status = Status(state=State.RUNNING, message="Reading films: 3 of 9.", progress=1 / 3)
        run_status.write(folder, status)
        app = opened(model="starter")
    assert not app.exception
    assert "It continues if you leave this page" in said(app)
    assert not app.button


def test_a_released_model_keeps_its_dev_films(run_copy: Path) -> None:
    release.release(run_copy.name, "starter")
    app = opened(model="starter", films="dev")
    dev = evaluation.of_run(run_copy, journal.best_epoch(run_copy), "dev").summaries()["studies"]
    assert app.title[1].value == figures.headline(dev)


def test_a_model_that_is_not_here_gives_one_sentence(run_copy: Path) -> None:
    app = opened(model="../../x")
    assert not app.exception
    assert "No model is called ../../x" in app.warning[0].value.replace("\\", "")
    assert model_cache.models_here() == [run_copy.name]
    assert app.selectbox[0].value is None


def test_the_page_loads_no_tensorflow_in_the_web_process(run_copy: Path) -> None:
    code = (
        "import sys; from streamlit.testing.v1 import AppTest\n"
        f"app = AppTest.from_file({APP!r}, default_timeout=30).run()\n"
        "app.switch_page('pages/evaluate.py').run()\n"
        "assert len(app.title) == 2 and not app.exception\n"
        "print(sorted({'tensorflow', 'keras'} & set(sys.modules)))"
    )
    printed = subprocess.run(
        [sys.executable, "-c", code],
        cwd=Path(APP).parent,
        capture_output=True,
        text=True,
        check=True,
    )
    assert printed.stdout.strip().splitlines()[-1] == "[]"


def test_the_headline_reads_as_a_sentence_with_interval_and_majority() -> None:
    labels = [1] * 95 + [0] * 99
    right = [True] * 60 + [False] * 35 + [True] * 28 + [False] * 71
    headline = figures.headline(metrics.summarise(labels, right))
    assert headline.replace("\N{NO-BREAK SPACE}", " ") == (
        "131 of 194 studies predicted correctly (67.5 %, 95 % interval 60.7 to 73.7 %; "
        "baseline 51.0 %)"
    )


@pytest.mark.parametrize(
    ("right_of_100", "words"),
    [(50, "No measurable difference"), (75, "Better than"), (25, "Worse than")],
)
def test_a_model_is_compared_with_the_baseline(right_of_100: int, words: str) -> None:
    labels = [0, 1] * 50
    judged = [bool(label) == (row < right_of_100) for row, label in enumerate(labels)]
    assert figures.against_baseline(metrics.summarise(labels, judged)).startswith(words)


def test_the_table_has_an_interval_and_an_n_for_every_estimate() -> None:
    summary = metrics.summarise([1, 1, 0, 0], [True, False, False, False], [0.9, 0.4, 0.2, 0.1])
    table = figures.single_table(summary).replace("\N{NO-BREAK SPACE}", " ")
    rows = table.splitlines()[2:]
    cells = {row.split(" | ")[0].strip("| "): row.split("|")[2:5] for row in rows}
    assert [cell.strip() for cell in cells["Sensitivity"]] == ["50.0 %", "9.5 to 90.5 %", "2"]
    assert cells["AUROC"][0].strip() == "1.00"
    assert all(cell.strip() for name in cells if "Baseline" not in name for cell in cells[name])


def test_the_interval_of_an_auroc_holds_it_and_narrows_with_more_cases() -> None:
    few, many = metrics.auroc_interval(0.8, 10, 10), metrics.auroc_interval(0.8, 1000, 1000)
    assert few[0] < many[0] < 0.8 < many[1] < few[1]
    # At many cases it agrees with value +- 1.96 standard errors of Hanley and McNeil's table.
    assert many == pytest.approx((0.780, 0.819), abs=0.002)
    assert metrics.auroc_interval(1.0, 5, 5)[0] < 0.8
    assert metrics.auroc_interval(1.0, 5, 5)[1] == 1.0
    assert metrics.auroc_interval(None, 0, 5) == (None, None)


def test_the_slider_rewinds_a_run_to_any_epoch_without_a_network(run_copy: Path) -> None:
    best = journal.best_epoch(run_copy)
    first, second = (epoch for epoch in (1, 2, 3) if epoch != best)
    app = opened(model=run_copy.name, epoch=str(first))
    assert not app.exception
    found = evaluation.of_run(run_copy, first, "valid").summaries()["studies"]
    assert app.title[1].value == figures.headline(found)
    assert app.select_slider(key=state.EPOCH).value == str(first)
    assert app.select_slider(key=state.EPOCH).label == f"Epoch shown: {first}"
    app.select_slider(key=state.EPOCH).set_value(str(second)).run()
    found = evaluation.of_run(run_copy, second, "valid").summaries()["studies"]
    assert app.title[1].value == figures.headline(found)


def test_an_epoch_picked_by_hand_is_said_to_be_and_the_best_one_is_marked(run_copy: Path) -> None:
    best = journal.best_epoch(run_copy)
    other = 1 if best != 1 else 2
    app = opened(model=run_copy.name)
    assert app.select_slider(key=state.EPOCH).label.endswith(f"{best} (best)")
    assert f"epoch {best}, 32 px," in said(app) and "Valid films were not used to pick" in said(app)
    app.select_slider(key=state.EPOCH).set_value(str(other)).run()
    assert f"epoch {other}, 32 px," in said(app) and f"epoch {best}," not in said(app)
    assert f"Epoch {other} was picked by hand" in said(app)
    assert "were not used to pick" not in said(app) and f"lowest dev loss: epoch {best}." in said(
        app
    )


def test_in_the_place_of_an_epoch_that_is_none_the_one_before_is_shown(run_copy: Path) -> None:
    app = opened(model=run_copy.name, epoch="99")
    assert not app.exception
    best = journal.best_epoch(run_copy)
    shown = "best" if best == 3 else "3"
    assert app.select_slider(key=state.EPOCH).value == shown
    assert app.toast[0].value == "Epoch 99 is not kept; showing epoch 3 instead."


def test_where_one_epoch_is_damaged_the_last_whole_one_is_a_click_away(run_copy: Path) -> None:
    best = journal.best_epoch(run_copy)
    last = max({1, 2, 3} - {best})
    weights = run_copy / "checkpoints" / f"epoch_{best:04d}.weights.h5"
    weights.write_bytes(weights.read_bytes()[:1000])
    app = opened(model=run_copy.name)
    assert f"after epoch {best} are cut short or damaged" in app.error[0].value
    app.button(key="another-epoch").click().run()
    assert not app.exception and not app.error
    assert app.query_params["model"] in (f"{run_copy.name}@{last}", [f"{run_copy.name}@{last}"])
    assert f"Run: three_conv, epoch {last}" in said(app)


def test_a_released_model_has_no_epochs_to_slide_over(run_copy: Path) -> None:
    release.release(run_copy.name, "starter")
    app = opened(model="starter")
    assert not app.exception
    assert not app.select_slider


def test_another_model_is_looked_at_as_it_stands(run_copy: Path, folders: Path) -> None:
    shutil.copytree(run_copy, folders / "runs" / "other")
    app = opened(model=run_copy.name, epoch="1")
    app.select_slider(key=state.EPOCH).set_value("2").run()
    app.selectbox(key=state.MODEL).set_value("other").run()
    assert not app.exception
    found = evaluation.of_run(run_copy, journal.best_epoch(run_copy), "valid")
    assert app.title[1].value == figures.headline(found.summaries()["studies"])


def test_data_without_films_to_judge_on_are_one_sentence(
    run_copy: Path, folders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    release.release(run_copy.name, "starter")
    card = folders / "models" / "starter" / model_files.PREDICTIONS
    pd.read_parquet(card).iloc[:0].to_parquet(card)
    made_runs.change_card(card.with_name(model_files.CARD), predictions_sha256="")
    root = folders / "training-only"
    for patient, label in ((1, "positive"), (2, "negative")):
        study = root / "train" / "XR_WRIST" / f"patient{patient:05d}" / f"study1_{label}"
        study.mkdir(parents=True)
        Image.new("L", (32, 32), 99).save(study / "image1.png")
    monkeypatch.setenv("FRACTURE_DATA", str(root))
    with pytest.raises(DataError, match=r"training-only has training films only.*Choose other"):
        results.pick_films(stored_models.find("starter"))


def test_an_ensemble_stands_beside_its_members_on_the_films_that_taught_none(
    run_copy: Path,
) -> None:
    ensemble.make(["finished@1", "finished@3"], "both")
    app = opened(model="both", films="dev")
    assert not app.exception
    words = said(app)
    network = "mean of 2 networks (three_conv finished@1, three_conv finished@3)"
    assert theme.plain(network).replace("\\", "") in words
    assert "The ensemble and its 2 members" in [each.label for each in app.expander]
    rows = [line.split("|")[1].strip() for line in words.splitlines() if line.startswith("| ")]
    members = [theme.plain(f"finished@{epoch}").replace("\\", "") for epoch in (1, 3)]
    assert rows[-3:] == [*members, "**both**"]
    model = stored_models.find("both")
    judged = model.dev_films
    n = judged.groupby(["part", "patient", "study"]).ngroups
    assert f"On the {n} dev studies that no member was trained on" in words
    assert "Its members' epochs were picked on the dev films" in words
    studies = catalog.studies(judged)
    labels = {studies["key"][0]: 1 - studies["label"][0]}
    value = corrections.corrected(Corrections(), studies, labels, "AB", "a cast")
    corrections.write(model.card.data.hash, value)
    words = said(opened(model="both", films="dev"))
    assert f" Dev: 1 label corrected (list {value.hash}). Widely overlapping" in words


def test_a_model_that_is_looked_at_is_not_in_use_until_a_button_says_so(
    run_copy: Path, folders: Path
) -> None:
    release.release(run_copy.name, "starter")
    app = AppTest.from_file(APP, default_timeout=30).run()
    app.query_params["model"] = run_copy.name
    app.switch_page("pages/evaluate.py").run()
    assert not app.exception
    assert "Only shown here; in use: starter" in said(app)
    assert app.session_state[state.PICKED] == "starter"
    app.button(key="use-looked-at").click().run()
    assert not app.exception
    assert app.session_state[state.PICKED] == f"{run_copy.name}@{journal.best_epoch(run_copy)}"
    assert "Only shown here" not in said(app)


def test_a_run_that_did_not_finish_says_so_beside_its_figures(run_copy: Path) -> None:
    assert "Run: three_conv" in said(opened())
    status = run_status.read(run_copy)
    run_status.write(run_copy, replace(status, state=State.STOPPED, epoch=3, epochs=400))
    assert "Run, stopped after 3 of 400 epochs: three_conv, epoch" in said(opened())


def test_studies_of_training_patients_are_marked_where_right_or_wrong_is_said(
    run_copy: Path,
) -> None:
    films = journal.films(run_copy)
    patient = films.loc[films["role"] == "valid", "patient"].iloc[0]
    films.loc[films[films["role"] == "train"].index[0], "patient"] = patient  # of both splits
    checksums.write(run_copy, run_copy / "films.parquet", films.to_parquet(None))
    app = opened(model=run_copy.name, films="valid")
    assert not app.exception
    table = lines_of(app)
    marked = table["Patient"] == "trained on"
    assert table["Study"][marked].str.startswith(f"{patient}, ").all()
    assert marked.any() and not marked.all()
    assert f"{int(marked.sum())} of {len(table)} studies are of patients" in said(app)


def test_an_address_of_figures_on_the_data_in_use_names_these_data(run_copy: Path) -> None:
    release.release(run_copy.name, "mine")
    identity = catalog.read(chosen_data.chosen().root).hash[:8]
    assert opened(model="mine", films="valid").query_params["data"] == identity
    assert "data" not in opened(model="mine", films="dev").query_params  # the model's own
    report = AppTest.from_file(APP, default_timeout=30).run()
    report = report.switch_page("pages/report_2018.py").run()
    assert report.query_params["data"] == identity
