"""Train: the form, a run as it goes, what can be asked of it."""

import base64
import fcntl
import io
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from fracture_core.cli import command_line, setting_options
from fracture_core.config.film_settings import Augmentation
from fracture_core.config.presets import PRESETS, preset
from fracture_core.config.schedule_settings import Schedule
from fracture_core.config.setting_table import settings as config_settings
from fracture_core.config.train_config import TrainConfig
from fracture_core.datasets import catalog, exclusions
from fracture_core.errors import Stopped
from fracture_core.films import images
from fracture_core.jobs import launcher
from fracture_core.networks import augmentation
from fracture_core.phantom import phantom_set
from fracture_core.runs import journal, run_folders, run_labels, run_requests, run_status
from fracture_core.runs.run_labels import Labels
from fracture_core.runs.run_status import State
from fracture_core.training import probe
from fracture_core.training_films.pipeline import Pipeline
from fracture_core.words import duration
from ui.shared import figures, theme
from ui.shell import state
from ui.train import setting_field, settings

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


def shown(train: AppTest) -> TrainConfig:
    """The settings of the form: those of the command line that it shows."""
    words = shlex.split(train.code[0].value)
    return setting_options.config_of(command_line.parse(words[3:]))


def keys(train: AppTest) -> set[str]:
    """Keys of the number fields, without the preset's name."""
    return {field.key.partition("-")[2] for field in train.number_input}


def preview(train: AppTest) -> list[np.ndarray]:
    """The example films as they are shown, one uint8 (size, size) each, film by film."""
    (found,) = [html.proto.body for html in train.get("html") if "original" in html.proto.body]
    pictures = re.findall(r"data:image/png;base64,([^\"]+)", found)
    films = [np.asarray(Image.open(io.BytesIO(base64.b64decode(text)))) for text in pictures]
    return [film[4::8, 4::8] for film in films]  # 32 px, each enlarged to 8 x 8


def test_the_form_is_ready_to_start_and_shows_the_command_line(train: AppTest) -> None:
    train.run()
    assert not train.exception
    assert "--architecture three_conv --epochs 30" in train.code[0].value
    assert any("training films" in caption.value for caption in train.caption)
    assert not train.button(key="start-training").disabled


def training_count(train: AppTest) -> int:
    """Return how many training films the form says that there are."""
    (found,) = [c.value for c in train.caption if "training film" in c.value and "epoch" in c.value]
    return int(re.search(r"([\d,]+) training film", found)[1].replace(",", ""))


def test_the_form_counts_no_film_that_is_left_out(train: AppTest, phantom_root: Path) -> None:
    before = training_count(train.run())
    data = catalog.read(phantom_root)
    roles = catalog.assign_roles(data.manifest, shown(train).dev_share, shown(train).seed)
    ticked = data.manifest[roles == "train"]["path"].iloc[:2]
    value = exclusions.Exclusions(reasons=dict.fromkeys(ticked, "dark"))
    exclusions.write(exclusions.file_of(data.hash), value)
    assert training_count(train.run()) == before - 2
    train.toggle(key="exclude").set_value(False).run()
    assert training_count(train) == before


def test_films_of_one_label_are_refused_before_a_run_is_made(
    train: AppTest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "one" / "train" / "XR_HAND" / "patient00001" / "study1_positive"
    folder.mkdir(parents=True)
    Image.new("L", (60, 80), 90).save(folder / "image1.png")
    monkeypatch.setenv("FRACTURE_DATA", str(tmp_path / "one"))
    train.run()
    assert not train.exception
    assert (
        theme.plain("films of both labels; these hold 1 positive and 0 negative")
        in train.error[0].value
    )
    assert train.button(key="start-training").disabled


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
    (run,) = run_folders.list_runs()
    assert run.config.epochs == 500
    assert train.query_params["run"] == run.name
    assert train.button(key="stop")
    run_requests.send(run.folder, "stop")
    assert launcher.wait(run.folder).state is run_status.State.STOPPED


def test_a_run_gets_the_name_the_tags_and_the_note_of_the_form(train: AppTest) -> None:
    train.run()
    train.text_input(key=state.RUN_NAME).set_value("wide-first").run()
    train.multiselect(key=state.RUN_TAGS).set_value(["wide"]).run()
    train.text_input(key=state.RUN_NOTE).set_value("with *stars*").run()
    assert train.code[0].value.endswith(" --name wide-first")
    train.button(key="start-training").click().run()
    (run,) = run_folders.list_runs()
    assert run.name == "wide-first" and train.query_params["run"] == run.name
    assert run_labels.read(run.folder) == Labels(tags=("wide",), note="with *stars*")
    run_requests.send(run.folder, "stop")
    assert launcher.wait(run.folder).state is run_status.State.STOPPED
    train.query_params.clear()
    train.run()
    assert train.text_input(key=state.RUN_NAME).value == ""  # of the next run


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        (state.RUN_NAME, "../x", "letters, digits"),
        (state.RUN_NAME, "taken", "exists. Choose another name"),
    ],
)
def test_a_name_that_cannot_be_used_is_refused_at_its_field(
    train: AppTest, key: str, value: str, words: str
) -> None:
    run_folders.create(TrainConfig(data="x"), "taken")
    train.run()
    train.text_input(key=key).set_value(value).run()
    assert words in train.error[0].value.replace("\\", "")
    assert train.button(key="start-training").disabled
    assert train.number_input(key="demo-learning_rate")  # the other fields stay


def test_a_size_too_small_for_the_network_is_refused_in_a_sentence(train: AppTest) -> None:
    train.run()
    train.segmented_control(key="preset").set_value("recommended").run()
    train.number_input(key="recommended-size").set_value(24).run()
    assert (
        theme.plain("Input side (px) must be from 28 to 512; received 24.") in train.error[0].value
    )
    assert train.button(key="start-training").disabled


@pytest.mark.parametrize(
    ("key", "value", "sentence"),
    [
        ("epochs", 99_999, "Epochs must be from 1 to 10000; received 99999."),
        ("learning_rate", 0.0, "Learning rate must be from 1e-07 to 10; received 0."),
        ("dev_share", 90, "Dev share (%) must be from 0 to 50; received 90."),
        ("zoom_percent", -1.0, "Zoom (± %) must be from 0 to 90; received -1."),
    ],
)
def test_a_number_out_of_range_is_refused_at_its_field_and_never_trained_as_another(
    train: AppTest, key: str, value: float, sentence: str
) -> None:
    train.run()
    before = keys(train)
    field = train.number_input(key=f"demo-{key}")
    name, usual = field.label.partition(" (")[0], field.value
    field.set_value(value).run()
    assert not train.exception and train.error[0].value == theme.plain(sentence)
    assert train.number_input(key=f"demo-{key}").label.startswith(f":red[{name}")
    assert train.button(key="start-training").disabled and not train.code
    assert keys(train) == before  # whatever comes after the field is still there
    train.number_input(key=f"demo-{key}").set_value(usual).run()
    assert not train.error and not train.button(key="start-training").disabled


def test_a_small_learning_rate_is_read_as_it_was_typed(train: AppTest) -> None:
    train.run()
    train.number_input(key="demo-learning_rate").set_value(1e-7).run()
    field = train.number_input(key="demo-learning_rate")
    assert field.proto.format % field.value == "1e-07"
    assert shown(train).learning_rate == 1e-7


def test_weights_of_another_network_are_refused_before_a_run_is_made(
    train: AppTest, run_copy: Path
) -> None:
    train.run()
    train.segmented_control(key="demo-architecture").set_value("five_conv").run()
    weights = run_copy / "checkpoints" / "epoch_0003.weights.h5"
    upload = ("three.weights.h5", weights.read_bytes(), "application/octet-stream")
    train.file_uploader(key="five_conv-weights").set_value(upload).run()
    sentence = "three.weights.h5 holds 166,913 parameters; five_conv has 97,409"
    assert theme.plain(sentence) in train.error[0].value


def test_dense_layers_that_are_no_numbers_are_refused_in_a_sentence(train: AppTest) -> None:
    train.run()
    train.text_input(key="three_conv-dense").set_value("many").run()
    assert theme.plain("Dense layers are whole numbers") in train.error[0].value
    train.text_input(key="three_conv-dense").set_value("128, 0").run()
    assert theme.plain("Units of a dense layer must be from 1 to 4096") in train.error[0].value
    assert train.text_input(key="three_conv-dense").label.startswith(":red[Dense layers")
    train.text_input(key="three_conv-dense").set_value("128, 64").run()
    assert "--dense 128,64" in train.code[0].value


def test_a_finished_run_shows_curves_figures_and_the_way_on(train: AppTest, run_copy: Path) -> None:
    opened(train, run_copy.name)
    assert not train.exception
    assert train.title[0].value == "Finished 3 of 3 epochs"
    names = [each.proto.component_name for each in train.get("bidi_component")]
    assert names.count("live_curves") == 1
    text = "\n".join(caption.value for caption in train.caption)
    assert f"{figures.LEVEL} interval" in text
    keys = [button.key for button in train.button]
    assert "train-more" in keys and "resume" not in keys and "stop" not in keys


def test_a_failed_run_says_why_and_shows_its_log(train: AppTest, run_copy: Path) -> None:
    failed = run_status.Status(
        state=run_status.State.FAILED, message="The loss became nan at step 7."
    )
    run_status.write(run_copy, failed)
    (run_copy / "train.log").write_text("the last words\n")
    opened(train, run_copy.name)
    assert theme.plain("at step 7") in train.error[0].value
    assert "the last words" in train.code[0].value


def test_films_that_could_not_be_read_are_named(train: AppTest, run_copy: Path) -> None:
    reason = "image9.png is empty. Copy it again from where it came from."
    journal.log_event(run_copy, "film_refused", path="a/image9.png", reason=reason, role="valid")
    opened(train, run_copy.name)
    assert "1 film left out (unreadable)" in train.expander[0].label
    assert "is empty" in train.expander[0].markdown[0].value


def test_weights_that_are_none_are_refused_by_their_own_name(train: AppTest) -> None:
    train.run()
    train.file_uploader(key="three_conv-weights").set_value(
        ("mine.h5", b"not weights", "application/octet-stream")
    ).run()
    assert theme.plain("mine.h5") in train.error[0].value
    assert train.button(key="start-training").disabled


def test_a_run_that_was_killed_is_called_interrupted_and_can_go_on(
    train: AppTest, run_copy: Path
) -> None:
    run_status.write(run_copy, run_status.Status(state=run_status.State.RUNNING, epoch=1, epochs=3))
    opened(train, run_copy.name)
    assert train.title[0].value == "Interrupted"
    assert train.button(key="resume")


@pytest.mark.parametrize("name", ["gone", "../../etc", "<b>x</b>"])
def test_an_unknown_run_in_the_address_leads_back_to_the_form(train: AppTest, name: str) -> None:
    opened(train, name)
    assert not train.exception
    assert "No run is called" in train.warning[0].value
    assert train.button(key="start-training")


def test_the_presets_are_what_they_were_said_to_be(train: AppTest, phantom_root: Path) -> None:
    train.run()
    for name in PRESETS:
        train.segmented_control(key="preset").set_value(name).run()
        assert shown(train) == preset(name, str(phantom_root))


def test_an_optimizer_shows_the_fields_that_it_has(train: AppTest) -> None:
    train.run()
    assert "momentum" not in keys(train)
    train.segmented_control(key="demo-optimizer").set_value("sgd").run()
    train.number_input(key="demo-momentum").set_value(0.8).run()
    train.number_input(key="demo-weight_decay-sgd").set_value(0.01).run()
    found = shown(train)
    assert (found.optimizer, found.momentum, found.weight_decay) == ("sgd", 0.8, 0.01)
    train.segmented_control(key="demo-optimizer").set_value("adamw").run()
    assert "momentum" not in keys(train)
    assert train.number_input(key="demo-weight_decay-adamw").value == 0.004  # its own
    found = shown(train)
    assert (found.optimizer, found.momentum, found.weight_decay) == ("adamw", 0.9, None)
    train.number_input(key="demo-weight_decay-adamw").set_value(0.0).run()
    assert shown(train).weight_decay == 0.0
    for name in ("adagrad", "rmsprop"):
        train.segmented_control(key="demo-optimizer").set_value(name).run()
        assert shown(train).optimizer == name


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("constant", set()),
        ("cosine", {"floor_percent"}),
        ("step", {"step_epochs", "factor"}),
        ("plateau", {"floor_percent", "factor", "patience"}),
    ],
)
def test_a_schedule_shows_the_fields_that_it_has(train: AppTest, kind: str, fields: set) -> None:
    train.run()
    train.segmented_control(key="demo-kind-True").set_value(kind).run()
    assert keys(train) & {"floor_percent", "step_epochs", "factor", "patience"} == fields
    values = {"floor_percent": 5.0, "step_epochs": 7, "factor": 0.5, "patience": 3}
    values = {"warmup_epochs": 2.0, **{field: values[field] for field in fields}}
    for field, value in values.items():
        train.number_input(key=f"demo-{field}").set_value(value).run()
    assert not train.exception
    assert shown(train).schedule == Schedule(kind=kind, **values)


def test_without_a_dev_share_nothing_that_watches_it_is_offered(train: AppTest) -> None:
    train.run()
    train.number_input(key="demo-early_stopping-True").set_value(6).run()
    train.segmented_control(key="demo-kind-True").set_value("plateau").run()
    assert (shown(train).early_stopping, shown(train).schedule.kind) == (6, "plateau")
    train.number_input(key="demo-dev_share").set_value(0).run()
    assert not train.exception and not train.error
    assert train.number_input(key="demo-early_stopping-False").disabled
    assert "plateau" not in train.segmented_control(key="demo-kind-False").options
    assert any("With a dev share" in caption.value for caption in train.caption)
    assert (shown(train).early_stopping, shown(train).schedule.kind) == (None, "constant")


def test_the_other_settings_reach_the_command_line(train: AppTest) -> None:
    train.run()
    changes = {
        "rotation_degrees": 5.0,
        "zoom_percent": 7.0,
        "shift_percent": 8.0,
        "shear_degrees": 9.0,
        "brightness_percent": 11.0,
        "contrast_percent": 12.0,
    }
    for field, value in {**changes, "threads": 2, "checkpoint_seconds": 5.0}.items():
        train.number_input(key=f"demo-{field}").set_value(value)
    for field in ("horizontal_flip", "vertical_flip"):
        toggle = train.toggle(key=f"demo-{field}")
        toggle.set_value(not toggle.value)
    train.segmented_control(key="demo-class_weights").set_value("balanced")
    train.segmented_control(key="demo-normalization").set_value("running")
    train.run()
    config = shown(train)
    flips = {"horizontal_flip": False, "vertical_flip": True}
    assert config.augmentation == Augmentation(**changes, **flips)
    assert (config.threads, config.checkpoint_seconds) == (2, 5.0)
    assert (config.class_weights, config.normalization) == ("balanced", "running")


def test_a_run_may_learn_from_studies_and_the_form_says_what_that_means(train: AppTest) -> None:
    train.run()
    assert not any(each.key == "demo-pooling" for each in train.segmented_control)
    assert "as if it showed what the label says" in captions(train)
    train.segmented_control(key="demo-learn_from").set_value("studies").run()
    assert "a positive study's films may show nothing" in captions(train)
    for pooling, words in settings.POOLING_SENTENCES.items():
        train.segmented_control(key="demo-pooling").set_value(pooling).run()
        assert words in captions(train)
        config = shown(train)
        assert (config.learn_from, config.study_pooling) == ("studies", pooling)
    train.segmented_control(key="demo-learn_from").set_value("films").run()
    assert shown(train).study_pooling is None


def test_what_regularizes_reaches_the_command_line_and_hides_where_it_cannot_be(
    train: AppTest,
) -> None:
    train.run()
    assert shown(train) == preset("demo", shown(train).data)  # all off
    train.number_input(key="demo-label_smoothing").set_value(10)
    train.number_input(key="demo-mixup").set_value(0.3)
    train.number_input(key="demo-weight_average").set_value(0.99).run()
    found = shown(train)
    assert (found.label_smoothing, found.mixup, found.weight_average) == (0.1, 0.3, 0.99)
    assert "before they are mixed" in captions(train)
    train.segmented_control(key="demo-learn_from").set_value("studies")
    train.segmented_control(key="demo-normalization").set_value("running").run()
    assert not train.error and not keys(train) & {"mixup", "weight_average"}
    found = shown(train)
    assert (found.label_smoothing, found.mixup, found.weight_average) == (0.1, 0.0, 0.0)


def start_from_imagenet(train: AppTest, frozen_epochs: int) -> None:
    """Choose a large network and its pretraining."""
    train.segmented_control(key="demo-architecture").set_value("mobilenet_v3").run()
    train.segmented_control(key="mobilenet_v3-pretraining").set_value("imagenet").run()
    train.number_input(key="mobilenet_v3-frozen_epochs").set_value(frozen_epochs).run()


def test_a_large_network_may_start_from_imagenet_and_the_form_advises_it(train: AppTest) -> None:
    train.run()
    advice = "and new weights: consider pretraining on ImageNet"
    assert advice not in captions(train)
    assert not any(str(each.key).endswith("pretraining") for each in train.segmented_control)
    train.segmented_control(key="demo-architecture").set_value("mobilenet_v3").run()
    assert advice in captions(train)
    assert shown(train).pretraining == "none"
    start_from_imagenet(train, frozen_epochs=0)
    assert advice not in captions(train)
    assert "(4.3 MB) is fetched when the run starts" in captions(train)
    assert settings.FREEZING_SENTENCES[False] in captions(train)
    assert len(train.get("file_uploader")) == 0  # a network starts from one set of weights
    start_from_imagenet(train, frozen_epochs=3)
    train.number_input(key="mobilenet_v3-fine_tuning_factor").set_value(0.05).run()
    assert settings.FREEZING_SENTENCES[True] in captions(train)
    config = shown(train)
    assert (config.pretraining, config.frozen_epochs, config.fine_tuning_factor) == (
        "imagenet",
        3,
        0.05,
    )
    train.segmented_control(key="demo-architecture").set_value("residual").run()
    assert shown(train).pretraining == "none"


def captions(train: AppTest) -> str:
    """Return all captions of the page."""
    return " ".join(each.value for each in train.caption)


def helps(train: AppTest) -> list[str]:
    """Return the help of every field on the page."""
    kinds = ("number_input", "text_input", "toggle", "file_uploader", "button_group")
    fields = [field.proto for kind in kinds for field in train.get(kind)]
    return [field.help for field in fields]


def test_the_form_shows_the_help_of_every_setting_that_it_offers(train: AppTest) -> None:
    train.run()
    shown = set()
    train.segmented_control(key="demo-optimizer").set_value("sgd").run()
    train.segmented_control(key="demo-learn_from").set_value("films").run()
    shown |= set(helps(train))
    train.segmented_control(key="demo-learn_from").set_value("studies").run()
    for kind in ("step", "plateau"):
        train.segmented_control(key="demo-kind-True").set_value(kind).run()
        shown |= set(helps(train))
    start_from_imagenet(train, frozen_epochs=2)
    shown |= set(helps(train))
    offered = [
        setting
        for path, setting in config_settings().items()
        if setting.group != "data" and path not in {*settings.NOT_OFFERED} - {"epochs"}
    ]
    assert [s.path for s in offered if not any(setting_field.help_of(s) in h for h in shown)] == []
    assert len(offered) > 25


def test_a_new_setting_gets_its_field_from_the_config_alone(
    train: AppTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    declared = config_settings()
    seed = replace(declared["seed"], label="Clipping", help="largest norm of a gradient")
    # In the place of the seed: the only setting of its group with no line of its own in the form.
    monkeypatch.setattr(setting_field, "settings", lambda: {**declared, "seed": seed})
    train.run()
    field = train.number_input(key="demo-seed")
    assert (field.label, field.help) == (
        "Clipping",
        "Largest norm of a gradient. From 0 to 2,147,483,647.",
    )


def test_example_films_are_shown_as_the_runs_first_passes_will_see_them(train: AppTest) -> None:
    train.run()
    for field, value in {"shift_percent": 20.0, "contrast_percent": 40.0}.items():
        train.number_input(key=f"demo-{field}").set_value(value)
    train.run()
    config = shown(train)
    manifest = catalog.read(Path(config.data)).manifest
    rows = manifest[catalog.assign_roles(manifest, config.dev_share, config.seed) == "train"]
    pixels = np.stack([images.load(Path(config.data) / path, config.recipe) for path in rows.path])
    pipeline = Pipeline(pixels=pixels, labels=rows["label"].to_numpy(), config=config)
    steps = pipeline.steps_a_pass

    def seen(number: int) -> list[bytes]:
        chunk = pipeline.chunk(number * steps, steps)
        return [film.tobytes() for film in augmentation.preview(chunk.films, chunk.changes)]

    films = preview(train)
    assert len(films) == 2 * 6
    for plain, *changed in (films[:6], films[6:]):
        assert plain.tobytes() in [film.tobytes() for film in pixels]
        for number, film in enumerate(changed):
            assert film.tobytes() in seen(number)
    train.button(key="draw-others").click().run()
    others = preview(train)
    assert np.array_equal(others[0], films[0])
    assert others[1].tobytes() in seen(5)


def test_example_films_wait_until_all_films_are_made(
    train: AppTest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "half"
    with pytest.raises(Stopped):
        phantom_set.make(root, studies=12, seed=3, should_stop=lambda: True)
    monkeypatch.setenv("FRACTURE_DATA", str(root))
    train.run()
    assert not train.exception and not train.error
    assert any("once all films are generated" in caption.value for caption in train.caption)
    assert "draw-others" not in [button.key for button in train.button]
    assert train.button(key="start-training")
    for film in root.rglob("*.png"):
        film.unlink()  # as in the first moment
    with (root / ".lock").open() as lock:  # as its maker holds it
        fcntl.flock(lock, fcntl.LOCK_EX)
        train.run()
        assert not train.exception and not train.error
        assert "Generating synthetic films" in train.get("progress")[0].proto.text


def test_the_form_loads_no_tensorflow_in_the_web_process(folders: Path) -> None:
    code = (
        "import sys; from streamlit.testing.v1 import AppTest\n"
        f"app = AppTest.from_file({str(APP)!r}, default_timeout=30)\n"
        "app.switch_page('pages/train.py').run()\n"
        "assert app.button(key='draw-others') and not app.exception\n"
        "print(sorted({'tensorflow', 'keras'} & set(sys.modules)))"
    )
    words = [sys.executable, "-c", code]
    printed = subprocess.run(words, cwd=APP.parent, capture_output=True, text=True, check=True)
    assert printed.stdout.strip().splitlines()[-1] == "[]"


def cost(train: AppTest) -> str:
    """Return the form's estimate of the run's time, and what it rests on."""
    (found,) = [c for c in train.caption if "training film" in c.value and "epoch" in c.value]
    return f"{found.value} {found.help}"


def test_the_cost_is_by_arithmetic_then_by_measurement_then_by_a_run_like_it(
    train: AppTest, folders: Path, phantom_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = cost(train.run())
    assert "a better estimate follows" in first and theme.plain("up to 0.9 GB of memory") in first
    monkeypatch.setattr(probe, "kept_speed", lambda _: 10.0)
    learned = training_count(train)
    judged = len(catalog.read(phantom_root).manifest) - learned  # with a third of the work
    seconds = (learned + judged / 3) * 30 / 10
    measured = cost(train.run())
    assert measured.startswith(theme.plain(f"About {duration(seconds)}:"))
    assert "by a measurement on this machine" in measured
    config = TrainConfig(data=str(phantom_root), architecture="three_conv")
    folder = run_folders.create(config, "before")
    last = run_status.Status(state=State.FINISHED, images_per_second=20.0, memory_mb=912)
    run_status.write(folder, last)
    now = cost(train.run())
    assert now.startswith(theme.plain(f"About {duration(seconds / 2)}:"))
    assert theme.plain("at the speed of before. Memory, as that run used.") in now
    assert theme.plain("; 0.9 GB of memory.") in now
    other = TrainConfig(data=str(phantom_root), architecture="three_conv", batch_size=64)
    shutil.rmtree(folder)
    run_status.write(run_folders.create(other, "wide"), last)
    now = cost(train.run())
    assert "at the speed of wide" in now and theme.plain("up to 0.9 GB of memory") in now
