"""One field of the form: the widget of a setting, as `setting_table.settings` declares it.

Each widget key holds the preset's name, so that another preset brings its own values.
"""

from dataclasses import dataclass, field
from typing import Any

import streamlit as st

from fracture_core.config.setting import Setting
from fracture_core.config.setting_table import settings, value_of
from fracture_core.config.train_config import TrainConfig
from ui.shared.number_field import number, optional_number

STEPS = {  # of the buttons beside a number; 1 for the others
    "learning_rate": 1e-4,
    "weight_decay": 1e-4,
    "momentum": 0.05,
    "mixup": 0.1,
    "weight_average": 0.01,
    "schedule.factor": 0.1,
    "fine_tuning_factor": 0.05,
    "recipe.size": 8,
    "options.dropout": 5,
}
TITLES = {  # of choices, where a capital letter is not all
    "adamw": "AdamW",
    "adagrad": "AdaGrad",
    "sgd": "SGD",
    "rmsprop": "RMSprop",
    "plateau": "On plateau",
    "noisy_or": "Noisy-OR",
    "imagenet": "ImageNet",
}


@dataclass(frozen=True, kw_only=True)
class Draft:
    """The form as it is filled in.

    Args:
        base: a preset's settings, with the chosen network and parts.
        preset: its name.
        wrong: a sentence per value that cannot be used.
    """

    base: TrainConfig
    preset: str
    wrong: list[str] = field(default_factory=list)


def ask(draft: Draft, path: str, suffix: str = "", **more: Any) -> Any:
    """Show a setting's field; return its value.

    Args:
        draft: the form.
        path: of the setting, as in `setting_table.settings`.
        suffix: of the widget's key, if the field differs by more than the preset.
        more: for the widget, instead of what follows from the setting; `value` and `bounds`, too.
    """
    setting = settings()[path]
    name = path.rpartition(".")[2]
    key = f"{draft.preset}-{name}-{suffix}" if suffix else f"{draft.preset}-{name}"
    value = more.pop("value", value_of(draft.base, path))
    bounds = more.pop("bounds", setting.limits)
    more = {"help": help_of(setting)} | more
    if setting.kind is bool:
        return st.toggle(setting.title, value, key=key, **more)
    if setting.choices:
        more = {"options": setting.choices} | more
        return st.segmented_control(  # type: ignore[call-overload]  # `more` may hold any keyword
            setting.title, default=value, required=True, format_func=_choice, key=key, **more
        )
    if setting.kind not in (int, float):
        return st.text_input(setting.title, value or "", key=key, **more) or None
    more = {"step": STEPS[path]} | more if path in STEPS else more
    if value is None or (setting.default is None and setting.kind is int):
        more = {"placeholder": setting.unset} | more
        return optional_number(setting.title, key, value, bounds, draft.wrong, **more)
    if setting.unit != "share":
        return number(setting.title, key, value, bounds, draft.wrong, **more)
    percent = (round(bounds[0] * 100), round(bounds[1] * 100))
    label = f"{setting.title} (%)"
    return number(label, key, round(value * 100), percent, draft.wrong, **more) / 100


def help_of(setting: Setting) -> str:
    """Return a field's help: the setting's sentence, its range, and the meaning of no value."""
    sentences = [setting.sentence]
    if setting.limits:
        scale = 100 if setting.unit == "share" else 1
        low, high = (scale * bound for bound in setting.limits)
        sentences.append(f"From {low:,.10g} to {high:,.10g}.")
    if setting.unset:
        sentences.append(f"Empty: {setting.unset}.")
    return " ".join(sentences)


def _choice(value: str) -> str:
    return TITLES.get(value, value.capitalize())
