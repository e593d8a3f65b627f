"""The command line: exit status, JSON, and one sentence for each refusal."""

import importlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image

from fracture_core import checksums, memory
from fracture_core.audit import audit_job
from fracture_core.cli import command_line, setting_options
from fracture_core.cli.commands import train
from fracture_core.config.schedule_settings import Schedule
from fracture_core.config.train_config import TrainConfig
from fracture_core.datasets import catalog
from fracture_core.epochs import predictions
from fracture_core.errors import ConfigError
from fracture_core.evaluations import evaluation, evaluation_file, evaluation_job
from fracture_core.folders import PROJECT
from fracture_core.jobs import launcher
from fracture_core.models import model_names, stored_models
from fracture_core.prediction import caveats
from fracture_core.runs import journal, run_config, run_folders, run_status
from fracture_core.runs.run_status import State
from fracture_core.verdicts import estimates

COMMANDS = [name for sentences in command_line.COMMANDS.values() for name in sentences]


def spoken(capsys, *words: object) -> str:
    """Return the output of a command that succeeds."""
    assert command_line.main([str(word) for word in words]) == 0
    return capsys.readouterr().out


def refused(capsys, *words: object) -> str:
    """Return the one sentence of a command that is refused with exit 2."""
    assert command_line.main([str(word) for word in words]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert len(printed.err.splitlines()) == 1, printed.err
    return printed.err


def module(*words: object) -> subprocess.Popen:
    """Start `python -m fracture_core ...` in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "fracture_core", *map(str, words)],
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # Tests that run in the background ignore SIGINT, and so would this process.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


@pytest.fixture
def classes(tmp_path) -> Path:
    """Class folders with a few films each."""
    for number in range(12):
        path = tmp_path / "classes" / ("Fractured", "Whole")[number % 2] / f"film{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (40, 50), number * 20).save(path)
    return tmp_path / "classes"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_a_help(command, capsys) -> None:
    with pytest.raises(SystemExit) as ended:
        command_line.main([command, "--help"])
    assert ended.value.code == 0
    assert f"fracture_core {command}" in capsys.readouterr().out


def test_the_table_of_commands_is_that_of_their_modules() -> None:
    for name, sentences in command_line.COMMANDS.items():
        module = importlib.import_module(f"fracture_core.cli.commands.{name}")
        assert list(module.COMMANDS) == list(sentences), name


def test_the_help_loads_no_module_of_a_command() -> None:
    code = "import sys; from fracture_core.cli import command_line\n\
try: command_line.main(['--help'])\n\
except SystemExit: print(*sys.modules, file=sys.stderr)"
    command = [sys.executable, "-c", code]
    printed = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True)
    loaded = set(printed.stderr.split())
    assert "fracture_core.cli.command_line" in loaded
    assert not loaded & {f"fracture_core.cli.commands.{name}" for name in command_line.COMMANDS}
    assert not loaded & {"numpy", "pandas", "fracture_core.config"}


def test_the_help_names_every_command_and_no_inner_one(capsys) -> None:
    with pytest.raises(SystemExit):
        command_line.main(["--help"])
    printed = capsys.readouterr().out
    assert all(f"    {command}" in printed for command in COMMANDS)
    assert "child" not in printed
    with pytest.raises(SystemExit):
        command_line.main(["nothing"])
    printed = capsys.readouterr().err
    assert "predict" in printed
    assert "child" not in printed


def test_commands_that_need_no_network_load_no_tensorflow(folders, phantom_root) -> None:
    code = "import sys; from fracture_core.cli.command_line import main; main(sys.argv[1:]); \
print('tensorflow' in sys.modules, file=sys.stderr)"
    for words in (["runs"], ["inspect", str(phantom_root)], ["architectures"]):
        command = [sys.executable, "-c", code, *words]
        printed = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True)
        assert printed.stderr == "False\n"


# --- data ---------------------------------------------------------------------------------------


def test_phantom_makes_a_set_and_refuses_another_on_top(tmp_path, capsys) -> None:
    assert "holds 3 studies" in spoken(capsys, "phantom", tmp_path / "p", "--studies", 3)
    assert len(list((tmp_path / "p").rglob("study*"))) == 3
    assert "3 studies" in refused(capsys, "phantom", tmp_path / "p", "--studies", 4)
    assert "at least 1 study" in refused(capsys, "phantom", tmp_path / "q", "--studies", 0)


def test_inspect_has_the_designs_shape(folders, phantom_root, capsys) -> None:
    record = json.loads(spoken(capsys, "inspect", phantom_root, "--json"))
    assert list(record) == ["root", "kind", "rows", "skipped"]
    assert (record["root"], record["kind"]) == (str(phantom_root), "mura")
    for row in record["rows"]:
        assert list(row) == [
            "split",
            "part",
            "patients",
            "studies",
            "positive_studies",
            "images",
            "positive_images",
        ]
    assert [r["split"] for r in record["rows"] if r["part"] == "all"] == ["train", "valid"]
    assert sum(r["studies"] for r in record["rows"] if r["part"] == "all") == 24


def test_inspect_prints_a_table_too(folders, classes, capsys) -> None:
    (classes / "Whole" / "notes.txt").write_text("no film")
    printed = spoken(capsys, "inspect", classes, "--positive", "Fractured")
    assert "class_folders" in printed
    assert "1 text file ignored." in printed and "note: " not in printed
    record = json.loads(spoken(capsys, "inspect", classes, "--positive", "Fractured", "--json"))
    assert record["ignored"] == [{"kind": "text files", "count": 1, "example": "Whole/notes.txt"}]


def test_inspect_calls_no_counted_film_skipped(folders, tmp_path, capsys) -> None:
    for path in ("train/Broken/1.png", "train/Whole/2.png", "val/broken/3.png", "val/whole/4.png"):
        (tmp_path / "set" / path).parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (40, 50)).save(tmp_path / "set" / path)
    printed = spoken(capsys, "inspect", tmp_path / "set", "--positive", "Broken")
    assert "note: val/broken counts as the class Broken" in printed
    assert "skipped" not in printed


def test_inspect_claims_no_patients_where_the_data_name_none(folders, classes, capsys) -> None:
    words = ("inspect", classes, "--positive", "Fractured")
    rows = json.loads(spoken(capsys, *words, "--json"))["rows"]
    assert all(row["patients"] is None and row["studies"] == row["images"] for row in rows)
    printed = spoken(capsys, *words)
    assert "These data name no patients" in printed
    cells = next(line.split() for line in printed.splitlines() if line.startswith("train"))
    assert cells[2] == "-" and int(cells[3]) > 0


def test_inspect_counts_fracatlas_by_part_without_a_positive_class(
    folders, tmp_path, capsys
) -> None:
    root = tmp_path / "atlas"
    lines = ["image_id,hand,leg,hardware,fractured"]
    for number in range(10):
        path = root / "images" / ("Fractured", "Non_fractured")[number % 2] / f"{number}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        lines.append(f"{path.name},1,0,0,{1 - number % 2}")
    (root / "dataset.csv").write_text("\n".join(lines))
    record = json.loads(spoken(capsys, "inspect", root, "--json"))
    assert (record["kind"], record["skipped"]) == ("fracatlas", [])
    assert [(r["split"], r["part"], r["images"], r["positive_images"]) for r in record["rows"]] == [
        ("train", "hand", 8, 4),
        ("train", "all", 8, 4),
        ("valid", "hand", 2, 1),
        ("valid", "all", 2, 1),
    ]
    assert "(fracatlas)" in spoken(capsys, "inspect", root)


@pytest.mark.parametrize("command", ["inspect", "train"])
def test_class_folders_without_a_positive_class_name_the_classes(
    folders, classes, capsys, command
) -> None:
    sentence = refused(capsys, command, classes)
    assert "Fractured" in sentence
    assert "Whole" in sentence
    assert "Broken" in refused(capsys, command, classes, "--positive", "Broken")
    assert list((folders / "runs").iterdir()) == []


def test_a_folder_that_is_not_there_is_refused(folders, tmp_path, capsys) -> None:
    for command in ("inspect", "train"):
        assert "nowhere" in refused(capsys, command, tmp_path / "nowhere")


@pytest.mark.parametrize("name", ["circle", "a" * 300, "a\0b", "/dev/null/x"])
def test_a_path_that_cannot_be_followed_is_refused_by_every_command(
    run_copy, tmp_path, capsys, name
) -> None:
    (tmp_path / "circle").symlink_to(tmp_path / "circle")
    path = tmp_path / name
    for words in (["inspect"], ["train"], ["predict", "finished"], ["evaluate", "finished"]):
        refused(capsys, *words, path)
    assert "Name another" in refused(capsys, "phantom", path, "--studies", 3)
    assert "No model is called" in refused(capsys, "predict", path, tmp_path)
    assert "cannot be read" in refused(capsys, "train", tmp_path, "--config", path)


def test_architectures_has_the_designs_shape(capsys) -> None:
    record = json.loads(spoken(capsys, "architectures", "--json"))
    assert [(e["name"], e["parameters"]) for e in record] == [
        ("one_conv", 922_305),
        ("three_conv", 166_913),
        ("five_conv", 97_409),
        ("all_conv", 103_009),
        ("residual", 308_929),
        ("mobilenet_v3", 939_409),
        ("efficientnet_v2", 5_920_017),
        ("densenet121", 7_032_257),
        ("densenet169", 12_638_273),
    ]
    assert {"name", "parameters", "sentence", "options"} <= set(record[0])
    assert "97,409 parameters" in spoken(capsys, "architectures")
    at_64 = json.loads(spoken(capsys, "architectures", "--size", 64, "--json"))
    assert at_64[2]["parameters"] > 97_409
    assert "size" in refused(capsys, "architectures", "--size", 8)
    at_24 = spoken(capsys, "architectures", "--size", 24).splitlines()
    assert at_24[4].split()[:6] == ["five_conv", "needs", "28", "px", "or", "more"]
    assert "parameters" in at_24[0]


# --- settings -----------------------------------------------------------------------------------


def config(*words: object) -> TrainConfig:
    """The config of a train command."""
    return setting_options.config_of(command_line.parse(["train", *map(str, words)]))


def test_a_config_file_can_be_a_runs_and_options_change_it(
    run_copy, phantom_root, tmp_path
) -> None:
    record = config(tmp_path, "--config", run_copy / "config.json", "--epochs", 9)
    assert (record.architecture, record.epochs, record.data) == ("three_conv", 9, str(tmp_path))


def test_options_change_a_preset(tmp_path) -> None:
    record = config(tmp_path, "--preset", "report2018", "--seed", 5, "--size", 64)
    assert (record.steps_per_epoch, record.seed, record.dev_share) == (282, 5, 0.0)
    assert (record.recipe.size, record.recipe.resample) == (64, "nearest")


def test_options_change_a_schedule_of_a_config_file_and_keep_the_rest(tmp_path) -> None:
    file = tmp_path / "mine.json"
    settings = {"schedule": {"kind": "step", "step_epochs": 9}, "early_stopping": 4}
    file.write_text(json.dumps(settings))
    record = config(tmp_path, "--config", file, "--factor", 0.5, "--early-stopping", 6)
    assert record.schedule == Schedule(kind="step", step_epochs=9, factor=0.5)
    assert record.early_stopping == 6
    assert config(tmp_path, "--config", file, "--schedule", "cosine").schedule.step_epochs == 9


def test_a_setting_inside_a_record_that_is_unknown_is_refused_by_name(tmp_path, capsys) -> None:
    (tmp_path / "mine.json").write_text('{"schedule": {"kind": "step", "every": 9}}')
    sentence = refused(capsys, "train", tmp_path, "--config", tmp_path / "mine.json")
    assert "Schedule does not know 'every'. It knows: kind," in sentence


def test_the_help_of_train_gives_units_and_defaults(capsys) -> None:
    with pytest.raises(SystemExit):
        command_line.main(["train", "--help"])
    printed = " ".join(capsys.readouterr().out.split())
    for words in (
        "adam, adamw, adagrad, sgd or rmsprop (adam)",
        "constant, cosine, step or plateau (constant)",
        "percent of the side, 0 to 90 (0)",
        "percent of the full range, 0 to 90 (0)",
        "--vertical-flip, --no-vertical-flip mirror every second film top and bottom, on average "
        "(off)",
    ):
        assert words in printed


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--epochs", "0"], "epochs must be from 1"),
        (["--learning-rate", "nan"], "learning_rate must be from"),
        (["--optimizer", "lion"], "'adam' or 'adamw' or"),
        (["--schedule", "wave"], "'constant' or 'cosine' or 'step' or 'plateau'"),
        (["--early-stopping", "5", "--dev-share", "0"], "Set aside a dev share"),
        (["--shift-percent", "95"], "shift_percent must be from 0 to 90"),
        (["--dense", "wide"], "whole numbers, as in 128,64"),
        (["--architecture", "resnet"], "No architecture is called 'resnet'"),
        (["--size", "24"], "size for five_conv must be from 28"),
        (["--part", "ankle"], "no part 'ankle'. It has: elbow, finger, forearm"),
        (["--name", "../x"], "begins with a letter or digit; received '../x'"),
        (["--name", ""], "received ''"),
        (["--config", "nowhere.json"], "nowhere.json cannot be read"),
    ],
)
def test_settings_out_of_bounds_are_refused_before_anything_is_made(
    folders, phantom_root, capsys, words, sentence
) -> None:
    assert sentence in refused(capsys, "train", phantom_root, *words)
    assert [p for p in (folders / "runs").iterdir() if p.name[0] != "."] == []


# --- runs ---------------------------------------------------------------------------------------


def test_runs_are_listed_for_people_and_programs(run_copy, capsys) -> None:
    [row] = json.loads(spoken(capsys, "runs", "--json"))
    assert (row["name"], row["state"], row["architecture"]) == (
        "finished",
        "finished",
        "three_conv",
    )
    assert (row["epoch"], row["epochs"], row["best_epoch"]) == (3, 3, journal.best_epoch(run_copy))
    assert row["metrics"]["valid.accuracy"] == journal.metrics(run_copy)["valid.accuracy"].iloc[-1]
    assert spoken(capsys, "runs").split()[:4] == ["finished", "finished", "three_conv", "3/3"]


def test_without_a_run_the_list_says_how_to_start_one(folders, capsys) -> None:
    assert "train DATA" in spoken(capsys, "runs")
    assert json.loads(spoken(capsys, "runs", "--json")) == []


def test_impossible_requests_to_a_run_are_refused(run_copy, phantom_root, capsys) -> None:
    assert "finished is not running: it is finished" in refused(capsys, "stop", "finished")
    assert "No run is called 'missing'" in refused(capsys, "stop", "missing")
    assert "No run is called 'missing'" in refused(capsys, "resume", "missing")
    assert "more epochs" in refused(capsys, "resume", "finished", "--more-epochs", -1)
    assert "'finished' exists" in refused(capsys, "train", phantom_root, "--name", "finished")


def test_a_queued_run_waits_in_the_background_and_is_stopped(
    folders, phantom_root, capsys, monkeypatch
) -> None:
    monkeypatch.setenv("FRACTURE_SLOTS", "1")
    slot = launcher.take_slot()
    printed = spoken(capsys, "train", phantom_root, "--name", "later", "--queue")
    assert "later is queued" in printed
    assert "later is running already" in refused(capsys, "resume", "later")
    assert "Asked later to stop." in spoken(capsys, "stop", "later")
    assert launcher.wait(folders / "runs" / "later").state is State.STOPPED
    assert "queued" not in spoken(capsys, "runs")
    os.close(slot)


@pytest.mark.slow
def test_ctrl_c_stops_a_foreground_run_and_keeps_it(folders, phantom_root) -> None:
    words = ["--architecture", "three_conv", "--epochs", 5_000, "--threads", 1, "--name", "long"]
    process = module("train", phantom_root, *words)
    folder = folders / "runs" / "long"
    while not journal.lines(folder / "metrics.jsonl"):
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 0, err
    status = run_status.read(folder)
    assert status.state is State.STOPPED
    assert status.message in out
    assert "all work is kept" in out
    assert len(journal.metrics(folder)) == status.epoch >= 1
    assert "valid" in out


@pytest.mark.slow
def test_resume_trains_more_epochs_in_the_foreground(run_copy, capsys) -> None:
    printed = spoken(capsys, "resume", "finished", "--more-epochs", 1)
    assert "Finished 4 of 4 epochs." in printed
    assert f"Epoch {journal.best_epoch(run_copy)} is the best on dev." in printed
    assert journal.metrics(run_copy)["epoch"].tolist() == [1, 2, 3, 4]


@pytest.mark.slow
def test_a_run_that_fails_exits_1_and_says_why(folders, classes, tmp_path) -> None:
    (tmp_path / "w.weights.h5").write_bytes(b"\x89HDF\r\n\x1a\nand no more")
    words = ["--positive", "Fractured", "--weights", tmp_path / "w.weights.h5", "--name", "bad"]
    process = module("train", classes, *words)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 1
    status = run_status.read(folders / "runs" / "bad")
    assert status.state is State.FAILED
    assert "must hold the weights of five_conv" in status.message
    assert (out.count(status.message), err.count(status.message)) == (0, 1)
    assert "All log messages before absl" not in err
    assert [e["kind"] for e in journal.events(folders / "runs" / "bad")][-1] == "failed"


def test_files_without_weights_are_refused_before_a_run_is_made(
    folders, phantom_root, tmp_path, capsys
) -> None:
    (tmp_path / "w.weights.h5").write_text("none")
    for name, sentence in (("w", "w.weights.h5 holds no weights"), ("x", "cannot be read")):
        words = ["--weights", tmp_path / f"{name}.weights.h5"]
        assert sentence in refused(capsys, "train", phantom_root, *words)
    assert list((folders / "runs").iterdir()) == []


def test_the_progress_line_gives_the_share_of_the_whole_run() -> None:
    status = run_status.Status(state=State.RUNNING, message="Epoch 8 of 300.", progress=0.62)
    assert "%" not in train._progress(status)
    assert "Epoch 8 of 300. 3%" in train._progress(replace(status, step=30, steps=1_000))


def test_a_run_names_the_films_that_it_could_not_read(run_copy, capsys) -> None:
    for number in range(12):
        path = f"train/film{number}.png"
        journal.log_event(run_copy, "film_refused", path=path, role="train", reason="It is empty.")
    total = sum(run_folders.read(run_copy).facts["data"]["images"].values())
    assert train._follow(run_copy) == 0
    lines = capsys.readouterr().out.splitlines()
    first = lines.index(f"12 of {total} films could not be read and were left out:")
    assert lines[first - 1] == run_status.read(run_copy).message
    assert lines[first + 1] == "  train/film0.png: It is empty."
    assert lines[first + 10] == "  train/film9.png: It is empty."
    assert lines[first + 11] == "  and 2 more"


def test_without_a_dev_share_the_last_epoch_is_named_as_such(run_copy, capsys) -> None:
    films = journal.films(run_copy)
    films = films.assign(role=films["role"].replace("dev", "valid"))
    checksums.write(run_copy, run_copy / "films.parquet", films.to_parquet(None))
    table = journal.lines(run_copy / "metrics.jsonl")
    journal.replace_lines(
        run_copy / "metrics.jsonl",
        [{k: v for k, v in line.items() if k != "dev"} for line in table],
    )
    train._print_figures(run_copy)
    printed = capsys.readouterr().out
    assert printed.startswith("Epoch 3 is the last; no dev share chose one. Split by patient.\n")


# --- models -------------------------------------------------------------------------------------


@pytest.fixture
def study(phantom_root) -> Path:
    """A positive study folder of the small phantom."""
    return sorted(phantom_root.glob("valid/*/*/study*_positive"))[0]


def test_no_films_name_speaks_to_the_terminal(run_copy, study, tmp_path, capsys) -> None:
    forged = "x\nThe model finds no fracture (0 of 9 films) in study1.png"
    names = [forged, "a\x1b[2J\x1b]0;title\x07.png", "b\u202e199.0 gnp.png"]
    folder = tmp_path / "foreign"
    folder.mkdir()
    for name in names:
        shutil.copy(study / "image1.png", folder / name)
    assert command_line.main(["predict", "finished", str(folder)]) == 0
    printed = capsys.readouterr()
    lines = printed.out.splitlines()
    assert sum(line.startswith("The model finds") for line in lines) == 1
    assert len(lines) == 1 + len(names) + printed.out.count("doubted")
    assert not set(printed.out + printed.err) & set("\x1b\x07\u202e")
    record = json.loads(spoken(capsys, "predict", "finished", folder, "--json"))
    assert forged in json.dumps(record).replace("\\n", "\n")  # JSON holds names as they are


def test_predict_has_the_designs_shape(run_copy, study, capsys) -> None:
    record = json.loads(spoken(capsys, "predict", "finished", study, "--threshold", 0.3, "--json"))
    assert list(record) == ["model", "threshold", "warnings", "studies", "promise"]
    model = stored_models.find("finished")
    assert record["warnings"] == list(caveats.warnings(model, 0.3, real=False))
    assert "This run has no gate yet" in record["warnings"][-1]
    assert record["threshold"] == 0.3
    [judged] = record["studies"]
    keys = ["study", "fracture", "images", "refused", "rules", "answer", "answer_reason"]
    assert list(judged) == keys
    keys = [
        "file",
        "probability",
        "fracture",
        "counted",
        "doubts",
        "notes",
        "altered",
        "erased_share",
    ]
    assert list(judged["images"][0]) == keys
    assert (judged["images"][0]["altered"], judged["images"][0]["erased_share"]) == ([], 0.0)
    assert set(judged["rules"]) == {"any", "mean"}
    assert [image["file"] for image in judged["images"]] == sorted(p.name for p in study.iterdir())


def test_predict_prints_a_line_an_image_and_the_closing_sentence(run_copy, study, capsys) -> None:
    lines = spoken(capsys, "predict", "finished", study, "--threshold", 0).splitlines()
    names = sorted(path.name for path in study.iterdir())
    assert [line.split()[-1] for line in lines[:-1]] == names
    assert all(line.startswith("[[1]]  0.") for line in lines[:-1])
    n = len(names)
    share = f"{n} of {n} film{'s' if n > 1 else ''}"
    where = f"({share}) in {study.name} of {study.parent.name}"
    assert lines[-1].startswith(f"The model finds a fracture {where}: ")
    last = spoken(capsys, "predict", "finished", study, "--threshold", 1).splitlines()[-1]
    assert last == f"The model finds no fracture {where.replace(f'({n}', '(0')}."


def test_predict_tells_files_that_are_no_films_by_kind_and_count(
    run_copy, study, tmp_path, capsys
) -> None:
    mine = tmp_path / "mine"
    shutil.copytree(study, mine)
    for name in ("Thumbs.db", "image1.png:Zone.Identifier", "image2.png:Zone.Identifier"):
        (mine / name).write_bytes(b"x")
    assert command_line.main(["predict", "finished", str(mine)]) == 0
    printed = capsys.readouterr()
    counted = "2 Windows ':Zone.Identifier' files and 1 Windows 'Thumbs.db' file ignored.\n"
    assert printed.err.endswith(counted) and "refused" not in printed.out
    record = json.loads(spoken(capsys, "predict", "finished", mine, "--json"))
    assert [(each["kind"], each["count"]) for each in record["ignored"]] == [
        ("Windows ':Zone.Identifier' files", 2),
        ("Windows 'Thumbs.db' files", 1),
    ]
    assert record["studies"][0]["refused"] == []


def test_predict_prints_the_models_caveats_before_any_verdict(
    run_copy, study, tmp_path, capsys
) -> None:
    words = ["predict", "finished", str(study), "--threshold", "1"]
    assert command_line.main(words) == 0
    printed = capsys.readouterr().err
    assert "Warning: Sensitivity 0: at the threshold of 1.00 it found none of its" in printed
    assert "Warning: This run has no gate yet" in printed
    assert caveats.NEVER_SEEN not in printed  # drawn films are what it has learned from
    shutil.copytree(study, tmp_path / "mine")
    words = ["predict", "finished", str(tmp_path / "mine"), "--report", str(tmp_path / "r.html")]
    assert command_line.main([*words, "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["warnings"][0] == caveats.NEVER_SEEN
    report = (tmp_path / "r.html").read_text()
    assert report.index(caveats.NEVER_SEEN) < report.index("<h1>")
    assert report.count(caveats.NEVER_SEEN) == 1


def test_predict_takes_many_studies_and_names_refused_films(
    run_copy, study, tmp_path, capsys
) -> None:
    patient = tmp_path / "patient00009"
    shutil.copytree(study, patient / "study1_positive")
    (patient / "study2_negative").mkdir()
    (patient / "study2_negative" / "cut.png").write_bytes(b"")
    printed = spoken(capsys, "predict", "finished", tmp_path / "patient00009")
    assert "study1_positive of patient00009" in printed
    assert "refused: cut.png is empty" in printed
    assert "There is no verdict on study2_negative of patient00009" in printed
    (patient / "study1_positive" / "cut.png").write_bytes(b"")
    words = ["predict", "finished", patient / "study1_positive", "--threshold", 1]
    films = len(list(study.iterdir()))
    last = spoken(capsys, *words).splitlines()[-1]
    assert last.startswith(f"The model finds no fracture (0 of {films} film")
    assert last.endswith("; 1 could not be read.")


def test_predict_takes_a_zip_and_prints_its_remarks(run_copy, study, tmp_path, capsys) -> None:
    first = sorted(study.iterdir())[0]
    with zipfile.ZipFile(tmp_path / "films.zip", "w") as packed:
        for name in ("one/a.png", "one/b.png", "two/a.png"):
            packed.write(first, name)
        packed.writestr("two/inner.zip", b"")
    words = ["predict", "finished", tmp_path / "films.zip", "--report", tmp_path / "r.html"]
    assert command_line.main([str(word) for word in words]) == 0
    printed = capsys.readouterr()
    assert printed.out.count("[[") == 3
    assert "one: a.png and b.png are the same film" in printed.err
    assert "films/two/inner.zip is an archive inside a zip" in printed.err
    report = (tmp_path / "r.html").read_text()
    assert "film 1 and film 2 are the same film" in report and "a.png" not in report
    assert "Left out" in report and "is an archive inside a zip" in report
    record = json.loads(spoken(capsys, *words, "--json"))
    [left] = record["left_out"]
    assert left["file"] == "films/two/inner.zip" and left["reason"].startswith("is an archive")
    assert [judged["study"] for judged in record["studies"]] == ["one", "two"]
    assert record["studies"][0]["remarks"] and "remarks" not in record["studies"][1]


def test_predict_exits_1_if_no_film_has_a_prediction(run_copy, tmp_path, capsys) -> None:
    (tmp_path / "notes.txt").write_text("no film")
    assert command_line.main(["predict", "finished", str(tmp_path / "notes.txt"), "--json"]) == 1
    printed = capsys.readouterr()
    assert printed.err.strip().endswith("No film has a prediction.")
    record = json.loads(printed.out)
    [judged] = record["studies"]
    assert judged["fracture"] is None and len(judged["refused"]) == 1
    assert "left_out" not in record


def test_predict_refuses_in_one_sentence(run_copy, study, tmp_path, capsys) -> None:
    assert "no file or folder" in refused(capsys, "predict", "finished", tmp_path / "nowhere")
    assert "No model is called 'missing'" in refused(capsys, "predict", "missing", study)
    assert "threshold must be" in refused(
        capsys, "predict", "finished", study, "--threshold", "1.5"
    )


def test_evaluate_prints_the_figures_and_on_request_a_line_a_study(
    run_copy, phantom_root, tmp_path, capsys
) -> None:
    file = tmp_path / "lines.csv"
    words = ["evaluate", "finished@3", phantom_root, "--prevalence", "0.1", "--csv", file]
    printed = spoken(capsys, *words)
    value = evaluation.of_run(run_copy, 3, "valid")
    lines = value.to_dict()["lines"]
    assert lines and not any(f"{line['study']}: " in printed for line in lines)
    for summary in value.summaries().values():
        assert f"TP {summary.confusion.tp}  FP {summary.confusion.fp}  " in printed
    levels = estimates.of_films(value.films, value.threshold, 0.1)
    for level, figures in levels.items():
        n = value.summaries()[level].n
        assert f"{100 * figures['accuracy'].value:.1f} % (" in printed and f"n = {n}" in printed
        assert f"{100 * figures['npv'].value:.1f} %" in printed
    assert f"The model was trained on {phantom_root.name}. Split by patient." in printed
    assert "PPV, NPV and cost: at a prevalence of 10 %" in printed
    table = pd.read_csv(file)
    assert table["study"].tolist() == [line["study"] for line in lines]
    assert set(table["acquaintance"]) == {"new"}
    every = spoken(capsys, *words[:3], "--lines", "--slices")
    assert all(f"{line['study']}: " in every for line in lines)
    named = list(estimates.slices(value.films))
    assert named and all(f"valid, {name}: " in every for name in named)
    first = every.index(f"valid, {named[0]}: ")
    assert every.index("Accuracy") < first < every.index(f"{lines[0]['study']}: ")


@pytest.mark.parametrize("as_json", [False, True])
def test_a_file_that_cannot_be_written_costs_no_figure(
    run_copy, phantom_root, tmp_path, capsys, as_json
) -> None:
    study = next(phantom_root.glob("valid/*/*/study*"))
    place = tmp_path / "nowhere" / "file"
    for words, figures in (
        (["evaluate", "finished@3", phantom_root, "--csv", place], ("accuracy", "auroc")),
        (["predict", "finished@3", study, "--report", place], (study.name,)),
    ):
        assert command_line.main([*map(str, words), *(["--json"] if as_json else [])]) == 2
        printed = capsys.readouterr()
        if as_json:
            json.loads(printed.out)
        assert all(name in printed.out.lower() for name in figures)
        [sentence] = [line for line in printed.err.splitlines() if "Warning" not in line]
        assert str(place.parent) in sentence and sentence.endswith(".")


def test_the_figures_of_evaluate_as_json_have_values_intervals_and_n(
    run_copy, phantom_root, capsys
) -> None:
    words = ["evaluate", "finished@3", phantom_root, "--json"]
    record = json.loads(spoken(capsys, *words))
    value = evaluation.of_run(run_copy, 3, "valid")
    for level, own in estimates.of_films(value.films, value.threshold).items():
        assert record[level]["confusion"] and record[level]["accuracy"]["count"] >= 0
        for name in ("balanced_accuracy", "ppv", "npv", "f1", "average_precision", "brier", "ece"):
            assert record[level][name]["value"] == pytest.approx(own[name].value, abs=1e-5)
            assert record[level][name]["n"] == own[name].n
        assert set(record[level]["by_patient"]) == set(estimates.NAMES)
    assert record["training_split"] == "Split by patient."
    sizes = [
        own["images"]["accuracy"]["n"] for name, own in record["slices"].items() if "view" in name
    ]
    assert sum(sizes) == record["images"]["n"]
    assert "prevalence must be from 0 to 1" in refused(capsys, *words, "--prevalence", "2")


def test_evaluate_names_the_studies_of_patients_that_the_model_was_trained_on(
    run_copy, phantom_root, capsys
) -> None:
    words = ["evaluate", "finished@3", phantom_root, "--split", "train"]
    printed = spoken(capsys, *words, "--lines")
    lines = [line for line in printed.splitlines() if ", label " in line]
    marked = [line for line in lines if line.endswith(" (trained on)")]
    films = journal.films(run_copy)
    taught = films[films["role"] == "train"]
    keys = set(catalog.study_key(taught))
    assert {line.split(":")[0] for line in marked} == keys and len(lines) > len(marked)
    record = json.loads(spoken(capsys, *words, "--json"))["lines"]
    trained = {line["study"] for line in record if line["acquaintance"] == "trained"}
    assert trained == keys


@pytest.mark.slow
def test_an_evaluation_of_a_whole_split_is_saved(run_copy, phantom_root, capsys) -> None:
    kept = evaluation_job.folder_of("finished@3", catalog.read(phantom_root), "valid")
    spoken(capsys, "evaluate", "finished@3", phantom_root, "--part", "forearm", "--json")
    assert evaluation_file.load(kept) is None
    printed = json.loads(spoken(capsys, "evaluate", "finished@3", phantom_root, "--json"))
    lines = [{k: v for k, v in line.items() if k != "acquaintance"} for line in printed["lines"]]
    saved = evaluation_file.load(kept).to_dict()
    assert saved["studies"].items() <= printed["studies"].items()
    same = saved.keys() - {"studies", "images"}
    plain = printed | {"lines": lines}
    assert {key: plain[key] for key in same} == {key: saved[key] for key in same}
    shutil.rmtree(kept)
    kept.touch()  # nothing can be kept there
    assert json.loads(spoken(capsys, "evaluate", "finished@3", phantom_root, "--json")) == printed


def test_evaluate_does_not_keep_an_epoch_as_another_one(
    run_copy, phantom_root, capsys, monkeypatch
) -> None:
    dataset, judge = catalog.read(phantom_root), evaluation_job.evaluate
    epochs = {epoch: journal.up_to(run_copy / "metrics.jsonl", "epoch", epoch) for epoch in (1, 2)}
    journal.replace_lines(run_copy / "metrics.jsonl", epochs[1])
    run_status.write(run_copy, run_status.Status(state=run_status.State.RUNNING, epoch=1))
    predictions.path(run_copy, 3).unlink()

    def judge_later(*words: object, **more: object) -> evaluation.Evaluation:
        better = epochs[2][-1] | {"dev": epochs[2][-1]["dev"] | {"loss": 0.0}}
        journal.append_line(run_copy / "metrics.jsonl", better)
        return judge(*words, **more)

    before = evaluation_job.folder_of("finished", dataset, "valid")
    monkeypatch.setattr(evaluation_job, "evaluate", judge_later)
    assert json.loads(spoken(capsys, "evaluate", "finished", phantom_root, "--json"))["model"] == (
        "finished@2"
    )
    assert before != evaluation_job.folder_of("finished", dataset, "valid")
    assert evaluation_file.load(before) is None


def test_a_model_of_one_verdict_has_a_kappa_without_interval(
    run_copy, phantom_root, capsys
) -> None:
    config = run_folders.read(run_copy).config.to_dict()
    run_config.complete(run_copy, config=config | {"threshold": 1.0})  # no probability is above it
    printed = spoken(capsys, "evaluate", "finished@3", phantom_root)
    assert re.search(r"Cohen's kappa +0\.000, n = \d+ +0\.000, n = \d+\n", printed)


def test_evaluate_in_json_is_the_evaluation(run_copy, phantom_root, capsys) -> None:
    words = [
        "evaluate",
        "finished",
        phantom_root,
        "--split",
        "train",
        "--part",
        "forearm",
        "--json",
    ]
    record = json.loads(spoken(capsys, *words))
    assert (record["split"], record["parts"]) == ("train", ["forearm"])
    assert record["studies"]["n"] == len(record["lines"])
    assert "no split 'test'" in refused(
        capsys, "evaluate", "finished", phantom_root, "--split", "test"
    )


def test_release_publishes_a_run_once(run_copy, capsys) -> None:
    assert "Released" in spoken(capsys, "release", "finished", "mine")
    assert model_names.released() == ["mine"]
    assert "'mine' exists" in refused(capsys, "release", "finished", "mine")


@pytest.mark.parametrize(
    "words",
    [
        ["train", "films", "--epochs", "1e9"],
        ["inspect"],
        ["phantom", "x", "--studies", "abc"],
        ["set", "run", "--learning-rate", "fast"],
        ["fly"],
        [],
    ],
    ids=" ".join,
)
def test_wrong_words_give_one_sentence_with_the_next_step(words, capsys) -> None:
    with pytest.raises(SystemExit) as stopped:
        command_line.main(words)
    assert stopped.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith("--help.")


def test_an_audit_is_printed_and_saved_for_the_data_page(folders, phantom_root, capsys) -> None:
    printed = spoken(capsys, "audit", phantom_root)
    manifest = catalog.read(phantom_root)
    assert f"{len(manifest.manifest)} films" in printed
    record = json.loads(spoken(capsys, "audit", phantom_root, "--json"))
    assert record["films"] == len(manifest.manifest)
    assert {each["feature"] for each in record["shortcuts"]} >= {"views", "mean"} or not record[
        "shortcuts"
    ]
    assert audit_job.load(audit_job.folder_of(manifest.hash)).films == record["films"]


def test_an_audit_without_families_is_only_printed(folders, phantom_root, capsys) -> None:
    words = ("audit", phantom_root, "--without-families", "--json")
    record = json.loads(spoken(capsys, *words))
    data = catalog.read(phantom_root)
    assert record["films"] == len(data.manifest)
    assert "family" not in {each["kind"] for each in record["findings"]}
    assert audit_job.load(audit_job.folder_of(data.hash)) is None


def test_a_list_of_films_to_leave_out_must_be_there(folders, phantom_root, capsys) -> None:
    sentence = refused(capsys, "train", phantom_root, "--exclude", folders / "none.csv")
    assert "none.csv, cannot be read" in sentence
    assert run_folders.names() == []


def test_json_of_runs_is_valid_where_a_figure_has_no_value(run_copy, capsys) -> None:
    lines = journal.lines(run_copy / "metrics.jsonl")
    for line in lines:
        line["dev"]["auroc"] = None  # dev films of one label
    journal.replace_lines(run_copy / "metrics.jsonl", lines)
    printed = spoken(capsys, "runs", "--json")
    [row] = json.loads(printed, parse_constant=pytest.fail)
    assert row["metrics"]["dev.auroc"] is None


def test_check_names_damaged_files_and_those_without_a_checksum(run_copy, capsys) -> None:
    assert "0 damaged, 0 missing, 0 without a checksum." in spoken(capsys, "check", "finished")
    (run_copy / "predictions" / "epoch_0002.npy").write_bytes(b"damage")
    (run_copy / "predictions" / "epoch_0009.npy").write_bytes(b"of an older version")
    assert command_line.main(["check", "finished"]) == 1
    printed = capsys.readouterr().out
    assert "damaged      predictions/epoch_0002.npy" in printed
    assert "no checksum  predictions/epoch_0009.npy" in printed
    assert "1 damaged, 0 missing, 1 without a checksum." in printed
    (run_copy / "films.parquet").unlink()
    assert command_line.main(["check", "finished"]) == 1
    assert "missing      films.parquet" in capsys.readouterr().out


@pytest.mark.slow
def test_tensorflow_is_loaded_without_the_garbage_collector_and_what_nobody_needs() -> None:
    code = """
import gc, sys
from fracture_core.cli import terminal
passes = []
gc.callbacks.append(lambda phase, info: passes.append(phase))
terminal.load_tensorflow()
print(len(passes), gc.isenabled(), gc.get_freeze_count() > 100_000, "sklearn" in sys.modules)
import sklearn.metrics
"""
    command = [sys.executable, "-c", code]
    printed = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True)
    assert printed.stdout.split() == ["0", "True", "True", "False"]


@pytest.mark.parametrize("value", ["x" * 200_000, "x " * 100_000, "x/" * 100_000])
def test_a_received_value_is_repeated_at_a_readable_length(
    value: str, folders: Path, phantom_root: Path, capsys: pytest.CaptureFixture
) -> None:
    data = phantom_root
    for words in (
        ["resume", value],
        ["stop", value],
        ["curves", value],
        ["fork", value],
        ["fork", f"{value}@3"],
        ["set", value, "--learning-rate", "1"],
        ["inspect", value],
        ["predict", value, data],
        ["predict", "starter-five-conv", value],
        ["train", data, "--architecture", value],
        ["train", data, "--part", value],
        ["train", data, "--name", value],
        ["train", data, "--weights", value],
        ["train", data, "--config", value],
        ["train", data, "--exclude", value],
        ["train", data, "--dense", value],
        ["release", value, "name"],
        ["evaluate", "starter-five-conv", data, "--split", value],
        ["audit", value],
    ):
        assert len(refused(capsys, *words)) < 1_100, words[:2]
    for words in ([value], ["train", data, "--epochs", value], ["train", data, "--preset", value]):
        with pytest.raises(SystemExit):
            command_line.main([str(word) for word in words])
        assert len(capsys.readouterr().err) < 1_300, words[:2]


def test_time_and_memory_are_told_before_a_run_begins(
    folders, phantom_root, capsys, monkeypatch
) -> None:
    told = []

    def create(*_: object, **__: object) -> None:
        told.append(capsys.readouterr())
        raise ConfigError("Enough.")

    monkeypatch.setattr(launcher, "create_and_start", create)
    monkeypatch.setattr(memory, "available", lambda: 3 * 10**9)
    words = ["train", str(phantom_root), "--queue", "--architecture", "densenet121"]
    assert command_line.main(words) == 2
    assert command_line.main([*words, "--size", "224"]) == 2
    small, large = told
    assert "Estimated" in small.out and "up to 1.1 GB of memory" in small.out
    assert "consider pretraining on ImageNet" in small.out
    assert small.err == ""
    assert "up to 5.0 GB of memory" in large.out
    assert "Batches of up to 4 films fit." in large.err
