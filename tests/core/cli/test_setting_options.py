"""Every setting is declared once: options, help, ranges and printed commands follow from it."""

import argparse
import shlex
from dataclasses import fields, replace
from typing import Any

import pytest

from fracture_core.cli import command_line, setting_options
from fracture_core.config import setting_table
from fracture_core.config.record import Record
from fracture_core.config.reference import Reference
from fracture_core.config.setting import Setting
from fracture_core.config.train_config import DEFAULTS, TrainConfig
from fracture_core.epochs import forks
from fracture_core.errors import ConfigError
from fracture_core.runs import training_command

SETTINGS = setting_table.settings()
OWN_FILE = "options.own"  # takes the place of the architecture, see test_own_network
OPTIONAL = [setting for setting in SETTINGS.values() if setting.path not in setting_options.DATA]


def help_of(command: str, capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit):
        command_line.main([command, "--help"])
    return " ".join(capsys.readouterr().out.split())


def another(setting: Setting) -> Any:
    """Return a valid value that is not the setting's default."""
    if setting.choices:
        return next(choice for choice in setting.choices if choice != setting.default)
    if setting.limits:
        low, high = setting.limits
        middle = setting.kind(low + (high - low) / 7)
        return middle if middle != setting.default else setting.kind(high)
    values: dict[Any, Any] = {
        bool: not setting.default,
        str: f"/my films/{setting.path}",
        tuple: ("hand", "wrist"),
    }
    values |= {"options.dense": (3, 5), "start_from": "other run@3"}
    return values.get(setting.path, values.get(setting.kind))


def everything_changed() -> list[TrainConfig]:
    """Return configs with every setting changed, in one or the other: some exclude each other."""
    varied = [path for path in SETTINGS if path != OWN_FILE]
    values = {path: another(SETTINGS[path]) for path in varied}
    changed = [
        setting_table.with_values(DEFAULTS, {p: v for p, v in values.items() if p not in left_out})
        for left_out in (
            ("mixup", "weight_average", "weights", "start_from"),
            ("learn_from", "normalization", "pretraining", "frozen_epochs", "start_from"),
            ("learn_from", "normalization", "pretraining", "frozen_epochs", "weights", "fold"),
        )
    ]
    same = [
        path
        for path in varied
        if all(setting_table.value_of(each, path) == SETTINGS[path].default for each in changed)
    ]
    assert same == []
    return changed


def test_every_field_of_the_config_is_a_setting() -> None:
    paths = []
    for entry in fields(TrainConfig):
        value = getattr(DEFAULTS, entry.name)
        inner = fields(value) if isinstance(value, Record) else ()
        paths += [f"{entry.name}.{each.name}" for each in inner] or [entry.name]
    assert list(SETTINGS) == paths
    for setting in SETTINGS.values():
        assert setting.label and setting.help and setting.group, setting.path
        assert setting.default is not None or setting.unset or setting.path == "positive"


def test_every_setting_has_its_option_with_help_range_and_default(capsys) -> None:
    train, fork = help_of("train", capsys), help_of("fork", capsys)
    for setting in OPTIONAL:
        assert f"--{setting.option}" in train, setting.path
        text = setting_options.help_of(setting, setting_options.default_of_train)
        assert text in train, setting.path
        assert text not in fork, setting.path
        assert setting_options.help_of(setting, setting_options.default_of_fork) in fork
        for bound in setting.limits or ():
            assert f"{bound:,.7g}" in text or f"{bound:,}" in text, setting.path
        assert all(choice in text for choice in setting.choices)
    assert "films per step, 1 to 4,096 (10)" in train
    assert "films per step, 1 to 4,096 (the parent's)" in fork
    assert "network (the parent's; cannot be changed)" in fork


def test_the_command_of_a_config_with_every_setting_changed_makes_the_same_config() -> None:
    for changed in everything_changed():
        words = shlex.split(training_command.of_config(changed))
        assert setting_options.config_of(command_line.parse(words[3:])) == changed


@pytest.mark.parametrize(
    "setting", [s for s in SETTINGS.values() if s.limits], ids=lambda s: s.path
)
def test_a_setting_out_of_its_range_is_refused_by_name(setting: Setting) -> None:
    low, high = setting.limits
    name = setting.path.rpartition(".")[2]
    config = replace(DEFAULTS, pretraining="imagenet")  # has frozen epochs
    for bound in (low, high):
        setting_table.with_values(config, {setting.path: setting.kind(bound)})
    for value in (low - 1, high + 1):
        with pytest.raises(ConfigError, match=f"^{name} must be from"):
            setting_table.with_values(config, {setting.path: setting.kind(value)})


def test_a_new_setting_gets_its_option_from_its_field_alone(monkeypatch) -> None:
    new = Setting(
        group="learning",
        label="Clipping",
        help="largest norm of a gradient",
        limits=(0.0, 5.0),
        path="clipping",
        option="clipping",
        kind=float,
        default=1.0,
    )
    monkeypatch.setattr(setting_table, "settings", lambda: {**SETTINGS, "clipping": new})
    parser = argparse.ArgumentParser()
    setting_options.add_settings(parser, setting_options.default_of_train)
    assert "largest norm of a gradient, 0 to 5 (1)" in " ".join(parser.format_help().split())
    assert parser.parse_args(["--clipping", "2"]).clipping == 2.0


def test_the_settings_that_a_fork_cannot_change_are_those_that_it_refuses() -> None:
    records = {path.partition(".")[0] for path, setting in SETTINGS.items() if setting.fixed}
    assert records == set(forks.FIXED)
    for path, setting in SETTINGS.items():
        assert setting.fixed == (path.partition(".")[0] in forks.FIXED), path


@pytest.mark.parametrize(
    ("text", "reference"),
    [
        ("mine@5", Reference(run="mine", epoch=5)),
        ("mine", None),
        ("mine@", None),
        ("@5", None),
        ("mine@last", None),
        ("mine@1234567890", None),
    ],
)
def test_a_reference_is_a_run_and_an_epoch(text: str, reference: object) -> None:
    assert Reference.parse(text) == reference
    assert reference is None or str(reference) == text
