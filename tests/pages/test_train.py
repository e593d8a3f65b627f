"""Train: the form, a run as it goes, what can be asked of it."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from fracture_core import journal, launcher, runs

APP = Path(__file__).resolve().parents[2] / "app.py"


@pytest.fixture
def train(folders: Path) -> AppTest:
    """The app on the Train page."""
    app = AppTest.from_file(str(APP), default_timeout=30)
    return app.switch_page("pages/train.py")


def opened(train: AppTest, name: str) -> AppTest:
    """The page with a run in its address."""
    train.query_params["run"] = name
    return train.run()


def test_the_form_is_ready_to_start_and_shows_the_command_line(train: AppTest) -> None:
    train.run()
    assert not train.exception
    assert "--architecture three_conv --epochs 30" in train.code[0].value
    assert any("training films" in caption.value for caption in train.caption)
    assert not train.button(key="start-training").disabled


def test_each_preset_brings_its_own_settings(train: AppTest) -> None:
    train.run()
    train.segmented_control(key="preset").set_value("report2018").run()
    command = train.code[0].value
    assert "--steps-per-epoch 282" in command and "--resample nearest" in command
    assert "--shear-degrees 0.2" in command and "--dev-share 0" in command


def test_start_makes_one_run_with_the_settings_of_the_form(train: AppTest) -> None:
    train.run()
    train.number_input(key="demo-epochs").set_value(500).run()
    train.button(key="start-training").click().run()
    (run,) = runs.list_runs()
    assert run.config.epochs == 500
    assert train.query_params["run"] == run.name
    assert train.button(key="stop")
    runs.ask(run.folder, "stop")
    assert launcher.wait(run.folder).state is runs.State.STOPPED


def test_a_size_too_small_for_the_network_is_refused_in_a_sentence(train: AppTest) -> None:
    train.run()
    train.segmented_control(key="preset").set_value("recommended").run()
    train.number_input(key="recommended-size").set_value(24).run()
    assert "size for five_conv must be from 28" in train.error[0].value
    assert "start-training" not in [button.key for button in train.button]


def test_dense_layers_that_are_no_numbers_are_refused_in_a_sentence(train: AppTest) -> None:
    train.run()
    train.text_input(key="three_conv-dense").set_value("many").run()
    assert "Dense layers are whole numbers" in train.error[0].value
    train.text_input(key="three_conv-dense").set_value("128, 64").run()
    assert "--dense 128,64" in train.code[0].value


def test_a_finished_run_shows_curves_figures_and_the_way_on(train: AppTest, run_copy: Path) -> None:
    opened(train, run_copy.name)
    assert not train.exception
    assert train.title[0].value == "Finished 3 epochs"
    assert len(train.get("plotly_chart")) == 2
    text = "\n".join(caption.value for caption in train.caption)
    assert "95 % interval" in text
    keys = [button.key for button in train.button]
    assert "train-more" in keys and "resume" not in keys and "stop" not in keys


def test_a_failed_run_says_why_and_shows_its_log(train: AppTest, run_copy: Path) -> None:
    failed = runs.Status(state=runs.State.FAILED, message="The loss became nan at step 7.")
    runs.write_status(run_copy, failed)
    (run_copy / "train.log").write_text("the last words\n")
    opened(train, run_copy.name)
    assert "at step 7" in train.error[0].value
    assert "the last words" in train.code[0].value


def test_films_that_could_not_be_read_are_named(train: AppTest, run_copy: Path) -> None:
    reason = "image9.png is empty. Copy it again from where it came from."
    journal.log_event(run_copy, "film_refused", path="a/image9.png", reason=reason, role="valid")
    opened(train, run_copy.name)
    assert "1 film could not be read" in train.expander[0].label
    assert "is empty" in train.expander[0].markdown[0].value


def test_weights_that_are_none_are_refused_by_their_own_name(train: AppTest) -> None:
    train.run()
    train.file_uploader(key="three_conv-weights").set_value(
        ("mine.h5", b"not weights", "application/octet-stream")
    ).run()
    assert "mine.h5" in train.error[0].value
    assert "start-training" not in [button.key for button in train.button]


def test_a_run_that_was_killed_is_called_interrupted_and_can_go_on(
    train: AppTest, run_copy: Path
) -> None:
    runs.write_status(run_copy, runs.Status(state=runs.State.RUNNING, epoch=1, epochs=3))
    opened(train, run_copy.name)
    assert train.title[0].value == "Interrupted"
    assert train.button(key="resume")


@pytest.mark.parametrize("name", ["gone", "../../etc", "<b>x</b>"])
def test_an_unknown_run_in_the_address_leads_back_to_the_form(train: AppTest, name: str) -> None:
    opened(train, name)
    assert not train.exception
    assert "No run is called" in train.warning[0].value
    assert train.button(key="start-training")
