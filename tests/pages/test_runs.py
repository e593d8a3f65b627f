"""Runs: the table, search and tags, the choice in the address, curves, comparison, deletion."""

import base64
import dataclasses
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from fracture_core import checksums
from fracture_core.analysis import comparison
from fracture_core.config.setting_table import settings
from fracture_core.config.train_config import TrainConfig
from fracture_core.epochs import epoch_weights, predictions
from fracture_core.exports import run_archive
from fracture_core.models import epoch_models
from fracture_core.runs import journal, run_folders, run_labels, run_lock, run_status
from tests.core import made_runs
from ui.runs import table_columns
from ui.shared import theme
from ui.shell import state

APP = Path(__file__).resolve().parents[2] / "app.py"
CONFIG = TrainConfig(data="/somewhere/films", architecture="three_conv", epochs=3)

Open = Callable[..., AppTest]


@pytest.fixture
def open_page(folders: Path) -> Open:
    """Opens a browser session on the page, with this in its address."""

    def opened(**address: str | list[str]) -> AppTest:
        app = AppTest.from_file(str(APP), default_timeout=30).switch_page("pages/runs.py")
        for name, value in address.items():
            app.query_params[name] = value
        app.run()
        assert not app.exception
        return app

    return opened


@pytest.fixture
def three(folders: Path) -> list[str]:
    """Three runs: "clear" is better than "plain", "close" is not."""
    for number, (name, count, rate) in enumerate(
        (("plain", 9, 0.001), ("close", 10, 0.001), ("clear", 19, 0.0003))
    ):
        config = dataclasses.replace(CONFIG, learning_rate=rate)
        right = {"dev": [5, count, 6], "valid": [4, count, 7]}
        made_runs.make(folders / "runs" / name, config, right, number=number)
    return ["clear", "close", "plain"]  # newest first


def texts(app: AppTest) -> str:
    """All running text of the page."""
    kinds = (app.title, app.header, app.subheader, app.markdown, app.caption, app.info, app.error)
    return "\n".join(element.value for kind in kinds for element in kind)


def keys(app: AppTest) -> set[str]:
    """The keys of all buttons."""
    return {button.key for button in app.button}


def traces(app: AppTest, which: int) -> dict[str, dict]:
    """The curves of a figure by their names: 0 accuracy, 1 loss."""
    spec = json.loads(app.get("plotly_chart")[which].proto.spec)
    return {
        trace["name"]: {**trace, "x": numbers(trace["x"]), "y": numbers(trace["y"])}
        for trace in spec["data"]
        if trace.get("showlegend", True)
    }


def numbers(packed: dict[str, str]) -> list[float]:
    """Return the array that plotly packs into a figure's JSON."""
    return np.frombuffer(base64.b64decode(packed["bdata"]), packed["dtype"]).tolist()


# --- the table ----------------------------------------------------------------------------------


def test_with_no_run_the_page_says_how_to_get_one(open_page: Open) -> None:
    app = open_page()
    assert "There is no run yet" in texts(app)
    assert keys(app) == {"demo", "import-run"} and not app.dataframe


def test_one_run_is_a_line_without_settings_that_could_differ(
    open_page: Open, run_copy: Path
) -> None:
    app = open_page(runs=run_copy.name)
    table = app.dataframe[0].value
    assert table["Run"].tolist() == ["finished"] and table["State"].tolist() == ["finished"]
    assert "Architecture" not in table and "Forked from" not in table
    assert "1 run on" in texts(app) and "**1 chosen**" in texts(app)
    assert "Choose a second run" in texts(app)


def test_the_table_shows_what_differs_and_how_good_each_became(
    open_page: Open, three: list[str]
) -> None:
    table = open_page().dataframe[0].value.set_index("Run")
    assert table.index.tolist() == three
    assert table["Learning rate"].tolist() == [0.0003, 0.001, 0.001]
    assert not {"Architecture", "Seed", "Baseline", "Tags", "Note"} & set(table)
    assert table.loc["clear", "Dev accuracy"] == 95.0 and table.loc["clear", "n"] == 20
    assert table.loc["clear", "95 % interval"] == "76.4 to 99.1\N{NO-BREAK SPACE}%"
    assert table.loc["clear", "Best epoch"] == 2
    assert table.loc["clear", "Interval"].startswith("data:image/svg+xml,")
    assert table.loc["clear", "Dev, last epoch"] == "30.0\N{NO-BREAK SPACE}% (15 to 52), n = 20"
    assert table.loc["clear", "Valid, best epoch"] == "95.0\N{NO-BREAK SPACE}% (76 to 99), n = 20"
    assert list(table.loc["clear", "Curve"]) == [0.25, 0.95, 0.3]


def test_what_is_unlike_the_baseline_or_the_most_is_bold(open_page: Open, three: list[str]) -> None:
    def bold(app: AppTest) -> str:
        return app.dataframe[0].proto.arrow_data.styler.styles

    assert bold(open_page()).count("font-weight") == 1
    assert bold(open_page(search="clear")) == ""  # one line alone
    assert "font-weight" not in bold(open_page(search="cl"))  # one of each kind
    run_labels.write(run_folders.find("clear"), run_labels.Labels(baseline=True))
    styles = bold(open_page())
    assert "row1" in styles and "row2" in styles and "row0" not in styles


def test_a_run_that_failed_or_is_at_work_says_so(
    open_page: Open, three: list[str], folders: Path
) -> None:
    failed = run_status.Status(
        state=run_status.State.FAILED, message="The loss is no number.", epoch=1
    )
    run_status.write(run_folders.find("close"), failed)
    run_status.write(
        run_folders.find("plain"),
        run_status.Status(state=run_status.State.RUNNING, epoch=1, epochs=3),
    )
    with run_lock.hold(run_folders.find("plain")):
        app = open_page(runs=["close", "plain"])
        states = app.dataframe[0].value.set_index("Run")["State"]
        assert states.to_dict() == {
            "clear": "finished",
            "close": "failed",
            "plain": "epoch 2 of 3",
        }
        assert "**close** failed: The loss is no number" in texts(app)


def test_a_run_or_data_of_a_name_that_is_no_text_costs_only_itself(
    open_page: Open, three: list[str], folders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs, odd = folders / "runs", os.fsdecode(b"caf\xe9")
    shutil.copytree(runs / "plain", runs / odd)
    made_runs.make(runs / "odd", CONFIG, {"dev": [5]}, number=5)
    config = json.loads((runs / "odd" / "config.json").read_text())
    config["config"]["data"] = f"/somewhere/{odd}"
    (runs / "odd" / "config.json").write_text(json.dumps(config))
    monkeypatch.setenv("FRACTURE_DATA", str(folders / odd))
    app = open_page()
    assert app.dataframe[0].value["Run"].tolist() == ["clear", "close", "plain"]
    page = app.switch_page("pages/data.py").run()
    assert not page.exception
    assert "Rename its folders, then give it again" in page.warning[0].value


def test_a_fork_names_its_parent(open_page: Open, three: list[str], folders: Path) -> None:
    parent = {"name": "plain", "epoch": 2}
    made_runs.make(folders / "runs" / "fork", CONFIG, {"dev": [5]}, number=9, parent=parent)
    table = open_page().dataframe[0].value
    assert table["Forked from"].tolist() == ["plain @ 2", "", "", ""]


def test_a_run_that_waits_is_on_the_same_films_as_one_that_has_read_them(
    open_page: Open, run_copy: Path
) -> None:
    config = run_folders.read(run_copy).config
    run_status.write(
        run_folders.create(config, "waits"), run_status.Status(state=run_status.State.QUEUED)
    )
    app = open_page()
    assert "2 runs on" in texts(app)
    assert "Films" not in app.dataframe[0].value


def test_names_and_states_are_shown_to_their_end(open_page: Open, run_copy: Path) -> None:
    long = run_copy.with_name("report-adagrad-quick-seed1-6acc92")
    run_copy.rename(long)
    run_status.write(long, run_status.Status(state=run_status.State.STOPPED, epoch=181, epochs=600))
    columns = json.loads(open_page().dataframe[0].proto.columns)
    assert columns["Run"]["width"] >= 7 * len(long.name)
    assert columns["State"]["width"] >= 7 * len("stopped, 181 of 600")


def test_runs_on_synthetic_films_are_badged_and_other_films_get_a_column(
    open_page: Open, three: list[str], folders: Path
) -> None:
    assert "3 runs on films :violet-badge[" in texts(open_page())
    config = dataclasses.replace(CONFIG, data="/real/MURA")
    made_runs.make(folders / "runs" / "real", config, {"dev": [5]}, number=9, data={"hash": "r"})
    app = open_page()
    assert app.dataframe[0].value["Films"].tolist() == ["MURA", *3 * ["films, synthetic"]]


# --- search and tags ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("CLEAR", ["clear"]),
        ("0.0003", ["clear"]),
        ("three_conv finished", ["clear", "close", "plain"]),
        ("lecture", ["close"]),
        ("baseline", ["plain"]),
        ("for the talk", ["close"]),
    ],
)
def test_a_search_finds_names_settings_tags_and_notes(
    open_page: Open, three: list[str], words: str, found: list[str]
) -> None:
    run_labels.write(
        run_folders.find("close"), run_labels.Labels(tags=("lecture",), note="for the talk")
    )
    run_labels.write(run_folders.find("plain"), run_labels.Labels(baseline=True))
    app = open_page(search=words)
    assert app.text_input(key="search").value == words
    assert app.dataframe[0].value["Run"].tolist() == found


def test_a_search_that_finds_nothing_offers_to_drop_it(open_page: Open, three: list[str]) -> None:
    app = open_page()
    app.text_input(key="search").set_value("nothing").run()
    assert app.query_params["search"] == "nothing" and not app.dataframe
    app.button(key="drop-search").click().run()
    assert not app.exception and "search" not in app.query_params
    assert len(app.dataframe[0].value) == 3


def test_tags_filter_and_are_given_to_several_at_once(open_page: Open, three: list[str]) -> None:
    run_labels.write(
        run_folders.find("plain"), run_labels.Labels(tags=("old",), note="kept", baseline=True)
    )
    app = open_page(runs=["plain", "close"])
    app.text_input(key="tag-all").set_value("lecture")
    app.button(key="add-tag").click().run()
    assert not app.exception
    assert run_labels.read(run_folders.find("plain")) == run_labels.Labels(
        tags=("old", "lecture"), note="kept", baseline=True
    )
    assert run_labels.read(run_folders.find("close")).tags == ("lecture",)
    assert open_page(tag="lecture").dataframe[0].value["Run"].tolist() == ["close", "plain"]


def test_the_baseline_is_pinned_and_unpinned(open_page: Open, three: list[str]) -> None:
    app = open_page(runs="plain")
    app.button(key="pin").click().run()
    assert run_labels.read(run_folders.find("plain")).baseline
    assert app.button(key="pin").label == "Unpin baseline"
    assert app.dataframe[0].value.set_index("Run")["Baseline"]["plain"] == "baseline"
    app.button(key="pin").click().run()
    assert not run_labels.read(run_folders.find("plain")).baseline


def test_one_run_takes_a_note_here_too(open_page: Open, three: list[str]) -> None:
    app = open_page(runs="plain")
    app.text_area(key="note-plain").set_value("slow but sure")
    app.button(key="keep-notes").click().run()
    assert app.dataframe[0].value.set_index("Run")["Note"]["plain"] == "slow but sure"


# --- the choice, curves, comparison -------------------------------------------------------------


def test_nothing_is_drawn_before_something_is_chosen(open_page: Open, three: list[str]) -> None:
    app = open_page(runs="gone")
    assert not app.get("plotly_chart") and "Tick runs to compare" in texts(app)
    assert all(
        app.button(key=key).disabled for key in ("open-run", "pin", "delete-chosen", "clear")
    )


def test_the_address_chooses_runs_and_what_is_drawn(open_page: Open, three: list[str]) -> None:
    app = open_page(
        runs=["plain", "clear"],
        curves=["dev", "valid"],
        x="images",
        level="images",
        smoothing="0.5",
    )
    assert set(traces(app, 0)) == {
        f"{name}, {role} (n = 20)" for name in ("plain", "clear") for role in ("dev", "valid")
    }
    curve = traces(app, 1)["plain, dev (n = 20)"]
    assert curve["x"] == [100, 200, 300]
    assert curve["y"][0] == pytest.approx(0.75) and curve["y"][1] != pytest.approx(0.55)
    assert "the thin line is the measured one" in texts(app)
    assert app.slider(key="smoothing").value == 0.5


@pytest.mark.parametrize(
    "address", [{"x": "1"}, {"smoothing": "much"}, {"smoothing": "nan"}, {"curves": "test"}]
)
def test_a_mistyped_address_draws_what_is_usual(
    open_page: Open, three: list[str], address: dict[str, str]
) -> None:
    curves = traces(open_page(runs="plain", **address), 0)
    assert curves["plain, dev (n = 20)"]["x"] == [1, 2, 3]


def test_controls_write_what_is_not_usual_into_the_address(
    open_page: Open, three: list[str]
) -> None:
    app = open_page(runs="plain")
    app.slider(key="smoothing").set_value(0.6).run()
    assert app.query_params["smoothing"] == "0.6"
    app.slider(key="smoothing").set_value(0.0).run()
    assert "smoothing" not in app.query_params and app.query_params["runs"] == "plain"


def test_a_difference_inside_its_interval_is_a_tie(open_page: Open, three: list[str]) -> None:
    app = open_page(runs=["plain", "close"])
    assert (
        "**No measurable difference** between **close** and **plain** on 20 valid studies."
        in texts(app)
    )
    table = app.dataframe[1].value
    assert table["Verdict"].tolist() == ["a tie", "a tie"] and table["n"].tolist() == [20, 20]
    assert table["Points"].tolist() == ["+5.0", "+5.0"]


def test_against_the_pinned_baseline_whatever_is_chosen(open_page: Open, three: list[str]) -> None:
    run_labels.write(run_folders.find("plain"), run_labels.Labels(baseline=True))
    app = open_page(runs=["close", "clear"])
    assert "**clear** is **better** than plain by 50.0 points" in texts(app)
    assert "1 other run is tied with it" in texts(app)
    assert any(name.startswith("plain, dev") for name in traces(app, 0))
    app.selectbox(key="against").set_value("clear").run()
    assert app.query_params["against"] == "clear"
    assert "**close** is **worse** than clear" in texts(app)
    assert "plain" in app.selectbox(key="against").options


def test_what_cannot_be_compared_is_told_beside_what_can(
    open_page: Open, three: list[str], folders: Path
) -> None:
    made_runs.make(folders / "runs" / "far", CONFIG, {"dev": [5]}, data={"hash": "other"})
    made_runs.make(folders / "runs" / "new", CONFIG, {"dev": []}, state="stopped")
    (run_folders.find("close") / "predictions" / "epoch_0002.npy").write_bytes(b"damage")
    app = open_page(runs=["plain", "clear", "far", "new", "close"])
    assert "far cannot be compared with plain: it was trained on other films." in texts(app)
    assert "new cannot be compared with plain: new has no epoch yet." in texts(app)
    assert "close cannot be compared with plain" in texts(app)
    assert app.dataframe[1].value["Run"].unique().tolist() == ["clear"]


def test_runs_without_an_epoch_draw_nothing(open_page: Open, folders: Path) -> None:
    made_runs.make(folders / "runs" / "new", CONFIG, {"dev": []}, state="stopped")
    app = open_page(runs="new")
    assert "Curves appear here after the first epoch" in texts(app)


# --- deletion -----------------------------------------------------------------------------------


def test_several_are_deleted_at_once_after_a_question(open_page: Open, three: list[str]) -> None:
    app = open_page(runs=["plain", "close"])
    app.button(key="delete-chosen").click().run()
    assert "**plain** with its curves" in texts(app) and "**close** with its curves" in texts(app)
    assert len(run_folders.names()) == 3
    app.button(key="delete-for-good").click().run()
    assert not app.exception and run_folders.names() == ["clear"]
    assert theme.plain("2 runs are deleted.") in [toast.value for toast in app.toast]
    assert "nothing is chosen" not in texts(app) and "Tick runs" in texts(app)


def test_a_run_at_work_costs_the_others_nothing(open_page: Open, three: list[str]) -> None:
    with run_lock.hold(run_folders.find("plain")):
        app = open_page(runs=["plain", "close"])
        app.button(key="delete-chosen").click().run()
        app.button(key="delete-for-good").click().run()
        assert not app.exception and run_folders.names() == ["clear", "plain"]
        (toast,) = [toast.value for toast in app.toast]
        assert "close is deleted" in toast and "plain is running already" in toast


def test_the_last_run_gone_the_page_is_empty(open_page: Open, three: list[str]) -> None:
    app = open_page(runs=three)
    for name in three:  # in another browser
        shutil.rmtree(run_folders.find(name))
    app.run()
    assert not app.exception and "There is no run yet" in texts(app)


# --- many ---------------------------------------------------------------------------------------


def test_five_hundred_runs_are_read_once(
    open_page: Open, folders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = made_runs.make(folders / "runs" / "run-000", CONFIG, {"dev": [5, 9, 6]})
    for number in range(1, 500):
        folder = folders / "runs" / f"run-{number:03d}"
        shutil.copytree(first, folder)
        facts = json.loads((folder / "config.json").read_text())
        facts["config"]["seed"] = number
        (folder / "config.json").write_text(json.dumps(facts))
    app = open_page()
    assert len(app.dataframe[0].value) == 500
    read = []
    opened = os.open

    def note(path: str | Path, *more: int, **how: int) -> int:
        if Path(path).name != "lock":  # each is asked whether its run goes on
            read.append(Path(path))
        return opened(path, *more, **how)

    monkeypatch.setattr(os, "open", note)
    app.run()
    assert not app.exception and len(app.dataframe[0].value) == 500
    assert not [path for path in read if folders / "runs" in path.parents]
    open_page(runs=["run-001", "run-499"])
    assert {path.parent.name for path in read if path.parent.name.startswith("run-")} == {
        "run-001",
        "run-499",
    }


def test_no_chosen_run_goes_missing_for_want_of_dev_films(
    open_page: Open, three: list[str], folders: Path
) -> None:
    made_runs.make(folders / "runs" / "no-dev", CONFIG, {"valid": [5, 9]}, number=9)
    app = open_page(runs=["clear", "no-dev"])
    assert app.pills(key=state.CURVES).value == ["valid"]
    assert len(traces(app, 0)) == 2 and "Not drawn" not in texts(app)
    app = open_page(runs=["clear", "no-dev"], curves="dev")
    assert len(traces(app, 0)) == 1
    assert "Not drawn (no dev films): no-dev." in texts(app).replace("\\", "")


def test_why_runs_cannot_be_looked_at_after_one_epoch_is_said(
    open_page: Open, run_copy: Path, folders: Path
) -> None:
    shutil.copytree(run_copy, folders / "runs" / "one")
    for epoch in (2, 3):
        predictions.path(folders / "runs" / "one", epoch).unlink()
    app = open_page(runs=[run_copy.name, "one"], epoch="2")
    assert app.toggle(key=state.TOGETHER).disabled and not app.select_slider
    assert "two epochs kept by all of these runs; one has fewer." in texts(app)


def test_train_lists_a_few_others_and_leads_to_all(open_page: Open, three: list[str]) -> None:
    app = open_page().switch_page("pages/train.py")
    app.query_params["run"] = "plain"
    app.run()
    links = {link.proto.label: link.proto for link in app.get("page_link")}
    assert "All runs, side by side" in links
    assert "runs=plain" in links["All runs, side by side"].query_string


def test_all_runs_can_be_rewound_to_one_epoch(
    open_page: Open, run_copy: Path, folders: Path
) -> None:
    shutil.copytree(run_copy, folders / "runs" / "other")
    app = open_page(runs=[run_copy.name, "other"], epoch="1")
    assert app.toggle(key=state.TOGETHER).value
    assert "accuracy on studies at epoch 1" in texts(app)
    shapes = json.loads(app.get("plotly_chart")[0].proto.spec)["layout"]["shapes"]
    assert [shape["x0"] for shape in shapes] == [1]
    app.select_slider(key=state.EPOCH).set_value("2").run()
    assert "accuracy on studies at epoch 2" in texts(app)
    app.toggle(key=state.TOGETHER).set_value(False).run()
    assert not app.exception
    assert "at the run's best epoch" in texts(app)
    assert not app.select_slider


def test_a_section_is_drawn_without_dragging_and_words_are_of_what_was_measured(
    open_page: Open, three: list[str]
) -> None:
    app = open_page(runs=three[:2], smoothing="0.9", curves=["valid"])
    section = next(each for each in app.slider if "section" in each.label)
    assert section.label == "Epoch: section drawn" and section.value == (0, 3)
    section.set_range(1, 2).run()
    chart = app.get("plotly_chart")[0].proto
    low, high = json.loads(chart.spec)["layout"]["xaxis"]["range"]
    assert 0.9 < low < 1 and 2 < high < 2.1
    assert "clear, valid (n = 20) 35.0\N{NO-BREAK SPACE}% at epoch 3, rising" in chart.alt
    app.toggle(key="overlay-Accuracy of studies-table").set_value(True).run()
    rows = app.table[0].value
    assert rows["Epoch"].tolist() == ["3", "2", "1"] and rows.iloc[0, 1].startswith("35")
    assert len(app.get("plotly_chart")) == 1 and not app.exception


# --- ensemble -----------------------------------------------------------------------------------


def test_the_mean_of_the_chosen_runs_becomes_a_model(
    open_page: Open, run_copy: Path, folders: Path
) -> None:
    twin = shutil.copytree(run_copy, folders / "runs" / "twin")
    best = journal.best_epoch(run_copy)
    # The same weights count once.
    other = epoch_models.of_run(run_copy, 1 if best != 1 else 2).weights
    own = Path(twin) / "checkpoints" / epoch_weights.name(best)
    checksums.write(Path(twin), own, other.read_bytes())
    alone = open_page(runs="finished")
    assert "make-ensemble" in keys(alone) and alone.button(key="make-ensemble").disabled
    app = open_page(runs=["finished", "twin"])
    app.text_input(key=state.ENSEMBLE).set_value("../x")
    app.button(key="make-ensemble").click().run()
    assert "begins with a letter or digit" in app.error[0].value
    app.text_input(key=state.ENSEMBLE).set_value("twin")
    app.button(key="make-ensemble").click().run()
    assert "a run is called 'twin'" in app.error[0].value
    app.text_input(key=state.ENSEMBLE).set_value("pair")
    app.button(key="make-ensemble").click().run()
    assert not app.exception
    assert [path.name for path in (folders / "models").iterdir()] == ["pair"]
    assert app.title[0].value == "Evaluate"  # at the new model, see the browser test
    assert "mean of 2 networks" in texts(app)


def test_every_setting_has_a_column_title_and_words_for_no_value() -> None:
    config = TrainConfig(data="")
    for path, value in comparison.settings(config).items():
        setting = settings()[path]
        assert table_columns._name(path).startswith(setting.label)
        assert all(isinstance(word, str) for word in table_columns._values(path, [value, "other"]))


# --- as one file --------------------------------------------------------------------------------


def test_a_run_that_was_saved_as_a_file_comes_back_chosen(open_page: Open, run_copy: Path) -> None:
    packed = run_archive.packed(run_folders.read(run_copy))
    app = open_page()
    assert app.button(key="import-run").disabled
    app.file_uploader(key=f"{state.IMPORTS}-0").upload("finished.run.zip", packed).run()
    assert [each.value for each in app.text_input if each.label == "Name of the run"] == [
        "finished"
    ]
    app.button(key="import-run").click().run()
    assert "finished" in app.error[-1].value and run_folders.names() == ["finished"]
    [name] = [each for each in app.text_input if each.label == "Name of the run"]
    name.set_value("again").run()
    app.text_input(key="import-data-0").set_value(" /no/films ").run()
    app.button(key="import-run").click().run()
    assert "/no/films lacks" in app.error[-1].value and run_folders.names() == ["finished"]
    app.text_input(key="import-data-0").set_value(" ").run()
    app.button(key="import-run").click().run()
    assert not app.exception
    assert "Imported **again**" in "".join(each.value for each in app.toast)
    assert app.query_params[state.CHOSEN] == "again"
    assert run_folders.read(run_folders.find("again")).config.epochs == 3
    assert app.button(key="import-run").disabled  # the next one


def test_a_file_that_is_no_run_is_refused_by_name(open_page: Open) -> None:
    app = open_page()
    app.file_uploader(key=f"{state.IMPORTS}-0").upload("films.zip", b"PK and no more").run()
    app.button(key="import-run").click().run()
    assert not app.exception
    assert "films.zip is no archive of a run" in app.error[-1].value.replace("\\", "")
    assert run_folders.names() == []
