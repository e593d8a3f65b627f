"""The settings of a run that a newcomer can leave alone, in groups; what does not apply is hidden.

Each is a `setting_field`; this module says which ones stand together, and when.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from fracture_core.config.limits import LIMITS
from fracture_core.config.network_options import NetworkOptions, parse_units
from fracture_core.config.setting import Group
from fracture_core.config.setting_table import settings, with_values
from fracture_core.config.train_config import DEFAULTS, TrainConfig
from fracture_core.errors import ConfigError
from fracture_core.networks import architectures
from fracture_core.networks.architectures import ARCHITECTURES
from fracture_core.networks.network_weights import check_weights_file, check_weights_fit
from fracture_core.networks.optimizers import ADAMW_DECAY
from fracture_core.pretrained import imagenet_files, run_start
from ui.cache import data_cache
from ui.shell import actions, owner, state
from ui.train import augmentation_preview, setting_field, training_film_cache
from ui.train.setting_field import Draft

# A preset decides these, or another part of the form; the command line offers them all.
NOT_OFFERED = (
    "architecture",
    "corrections",
    "epochs",
    "exclude",
    "families",
    "fold",
    "fold_list",
    "normalization_films",
    "options.dense_normalization",
    "options.own",
    "recipe.fit",
    "recipe.resample",
    "selection",
    "steps_per_epoch",
    "threshold",
)
PRETRAINING = ("pretraining", "frozen_epochs", "fine_tuning_factor")  # of large networks
SCHEDULES = {  # the settings that each kind has
    "constant": (),
    "cosine": ("schedule.floor_percent",),
    "step": ("schedule.step_epochs", "schedule.factor"),
    "plateau": ("schedule.floor_percent", "schedule.patience", "schedule.factor"),
}
SCHEDULE_SENTENCES = {
    "constant": "Stays constant.",
    "cosine": "Falls in a half wave to the lowest rate, which it reaches in the last epoch.",
    "step": "Multiplied by the factor at the end of each step.",
    "plateau": "Multiplied by the factor after so many epochs without a lower dev loss.",
}
LOSS_SENTENCES = {
    "films": "Each film learns its study's label, as if it showed what the label says.",
    "studies": "Each study learns its label as a whole: a positive study's films may show nothing. "
    "A step takes whole studies.",
}
FREEZING_SENTENCES = {
    True: "While these layers are frozen, only the layers after them learn; then all layers do, at "
    "the learning rate times the factor.",
    False: "All layers learn from the first step, at the learning rate. A few frozen epochs would "
    "keep them from the errors of the new last layer.",
}
POOLING_SENTENCES = {
    "maximum": "The film with the highest score stands for its study and learns, as the verdict "
    "has it: fracture if any film is positive.",
    "noisy_or": "The chance that any film shows a fracture, were they independent: the higher a "
    "film's score, the more it learns.",
    "mean": "The mean of the films' scores: all films of a study learn its label together.",
    "attention": "A mean weighted by how telling a film looks; the weights are learned too, and "
    "only used in training.",
}


def ask(base: TrainConfig, preset: str) -> TrainConfig:
    """Show the groups of fields, filled with the values of `base`; return the config they make.

    All fields are shown, whatever one of them holds; errors follow at the end.

    Args:
        base: a preset's settings, with the chosen network and parts.
        preset: its name.

    Raises:
        ConfigError: a value cannot be used; the sentence says which can.
        ModelError: the uploaded file holds no weights, or a network of one's own starts from
            another.
        RunError: the run that it starts from does not keep the epoch.
    """
    draft = Draft(base=base, preset=preset)
    values = _learning(draft)
    values |= _schedule(draft, has_dev=bool(values["dev_share"]))
    network = _network(draft)
    hidden = ["mixup"] if values["learn_from"] == "studies" else []  # a mixed film has no study
    hidden += ["weight_average"] if values["normalization"] == "running" else []
    for group in ("regularization", "machine", "augmentation"):
        _heading(group)
        with st.grid(4, vertical_alignment="bottom"):
            values |= _others(draft, group, hidden)
    if draft.wrong:
        raise ConfigError(" ".join(draft.wrong))
    config = with_values(base, values | _built(base, **network))
    run_start.check(config)
    _preview(config)
    return config


def _heading(group: Group) -> None:
    st.markdown(f"**{group.capitalize()}**")


def _others(draft: Draft, group: Group, shown: Sequence[str] = ()) -> dict[str, Any]:
    """Show a field for every setting of a group that has none yet; return their values by path.

    Toggles come last: they are lower than the other fields.
    """
    paths = [
        path
        for path, setting in settings().items()
        if setting.group == group and path not in (*shown, *NOT_OFFERED)
    ]
    paths.sort(key=lambda path: settings()[path].kind is bool)
    return {path: setting_field.ask(draft, path) for path in paths}


def _learning(draft: Draft) -> dict[str, Any]:
    _heading("learning")
    optimizer = setting_field.ask(draft, "optimizer")
    values = {"optimizer": optimizer}
    with st.grid(4, vertical_alignment="bottom"):
        values["learning_rate"] = setting_field.ask(draft, "learning_rate")
        if optimizer == "sgd":
            values["momentum"] = setting_field.ask(draft, "momentum")
        values["weight_decay"] = _weight_decay(draft, optimizer)
        values["batch_size"] = setting_field.ask(draft, "batch_size")
        dev = values["dev_share"] = setting_field.ask(draft, "dev_share")
        values["early_stopping"] = setting_field.ask(
            draft,
            "early_stopping",
            str(bool(dev)),
            disabled=not dev,
            value=draft.base.early_stopping if dev else None,
            placeholder="never" if dev else "needs a dev share",
        )
        values |= _others(draft, "learning", (*values, "momentum", "learn_from", "pooling"))
    return values | _loss(draft)


def _loss(draft: Draft) -> dict[str, Any]:
    """Show whether the loss is per film or per study, and how a study's films are pooled."""
    left, right = st.columns(2)
    with left:
        learn_from = setting_field.ask(draft, "learn_from")
        st.caption(LOSS_SENTENCES[learn_from])
    if learn_from == "films":
        return {"learn_from": learn_from}
    with right:
        pooling = setting_field.ask(draft, "pooling")
        st.caption(POOLING_SENTENCES[pooling])
    return {"learn_from": learn_from, "pooling": pooling}


def _weight_decay(draft: Draft, optimizer: str) -> float | None:
    """Show the weight decay; return `None` while it is the optimizer's own."""
    own = ADAMW_DECAY if optimizer == "adamw" else 0.0
    base = draft.base.weight_decay
    decay = setting_field.ask(draft, "weight_decay", optimizer, value=own if base is None else base)
    return None if base is None and decay == own else decay


def _schedule(draft: Draft, has_dev: bool) -> dict[str, Any]:
    """Show the schedule; without a dev loss there is no plateau."""
    _heading("learning-rate schedule")
    kinds = [kind for kind in SCHEDULES if has_dev or kind != "plateau"]
    base = draft.base.schedule.kind
    kind = setting_field.ask(
        draft,
        "schedule.kind",
        str(has_dev),
        options=kinds,
        value=base if base in kinds else "constant",
        label_visibility="collapsed",
    )
    missing = "" if has_dev else " With a dev share it can also fall on a plateau of the dev loss."
    st.caption(SCHEDULE_SENTENCES[kind] + missing)
    values = {"schedule.kind": kind}
    with st.grid(4):
        for path in ("schedule.warmup_epochs", *SCHEDULES[kind]):
            values[path] = setting_field.ask(draft, path)
        of_a_kind = {path for paths in SCHEDULES.values() for path in paths}
        values |= _others(draft, "learning-rate schedule", (*values, *of_a_kind))
    return values


def _network(draft: Draft) -> dict[str, Any]:
    """Show the network's fields; return the arguments of `_built` beside its base."""
    _heading("network and pixels")
    name = draft.base.architecture
    entry = architectures.find(name)
    of_network = Draft(base=draft.base, preset=name, wrong=draft.wrong)
    with st.grid(4):
        size = setting_field.ask(draft, "recipe.size", bounds=(entry.smallest, LIMITS.size[1]))
        dense = _dense(of_network, entry.options)
        dropout = setting_field.ask(of_network, "options.dropout", value=entry.options.dropout)
        shown = ("recipe.size", "options.dense", "options.dropout", "weights", *PRETRAINING)
        others = _others(draft, "network and pixels", shown)
    if name in imagenet_files.FILES:
        others |= _pretraining(of_network)
        if others["pretraining"] != "none":
            return {"size": size, "dense": dense, "dropout": dropout, "others": others}
    weights = settings()["weights"]
    upload = st.file_uploader(
        weights.title,
        type=["h5", "hdf5", "keras"],
        key=f"{name}-weights",
        disabled=not owner.is_owner(),
        help=f"{setting_field.help_of(weights)} Files of fitted models will do: .weights.h5, .h5, "
        ".hdf5, .keras.",
    )
    return {"size": size, "dense": dense, "dropout": dropout, "upload": upload, "others": others}


def _pretraining(draft: Draft) -> dict[str, Any]:
    """Show whether a large network starts from ImageNet weights, and for how long they stay."""
    left, right = st.columns([1, 3])
    with left:
        start = setting_field.ask(draft, "pretraining")
    if start == "none":
        st.caption("Starts from new weights, drawn from the seed.")
        return {"pretraining": start}
    values = {"pretraining": start}
    with right, st.grid(3, vertical_alignment="bottom"):
        frozen = values["frozen_epochs"] = setting_field.ask(draft, "frozen_epochs")
        if frozen:
            values["fine_tuning_factor"] = setting_field.ask(draft, "fine_tuning_factor")
    megabytes = imagenet_files.FILES[draft.base.architecture].size / 1e6
    st.caption(
        "Starts from the weights that Keras publishes for photographs; their file "
        f"({megabytes:.1f} MB) is fetched when the run starts, unless this machine has it. "
        + FREEZING_SENTENCES[bool(frozen)]
    )
    return values


def _dense(draft: Draft, own: NetworkOptions) -> tuple[int, ...] | None:
    """Show the units of the dense layers; return `None`, under a red label, if they are wrong."""
    setting, key = settings()["options.dense"], f"{draft.preset}-dense"
    label, units, text = setting.title, None, ",".join(map(str, own.dense or ()))
    try:
        units = NetworkOptions(dense=parse_units(st.session_state.get(key, text))).dense
    except ConfigError as error:
        draft.wrong.append(str(error))
        label = f":red[{setting.label}: units as in 128,64]"
    st.text_input(label, text, key=key, help=setting_field.help_of(setting))
    return units


def _built(
    base: TrainConfig,
    size: int,
    dense: tuple[int, ...],
    dropout: float,
    others: dict[str, Any],
    upload: UploadedFile | None = None,
) -> dict[str, Any]:
    """Return the network's settings by path; `None` for the architecture's own options."""
    name, own = base.architecture, architectures.find(base.architecture).options
    options = NetworkOptions(
        dense=None if dense == own.dense else dense,
        dropout=None if dropout == own.dropout else dropout,
    )
    weights = _saved_weights(upload, f"{name}-weights")
    known = name in ARCHITECTURES
    if weights and known and (size, options) == (DEFAULTS.recipe.size, DEFAULTS.options):
        check_weights_fit(Path(weights), name)
    return others | {
        "recipe.size": size,
        "options.dense": options.dense,
        "options.dropout": options.dropout,
        "weights": weights,
    }


def _saved_weights(upload: UploadedFile | None, key: str) -> str | None:
    """Save uploaded weights where the run's child can read them; return the path."""
    if upload is None:
        if state.lost_uploads(key):
            raise ConfigError(
                "The server was restarted since the weights were dropped, and no longer has them. "
                "Drop the file again, or remove it from the field."
            )
        return None
    path = actions.keep_weights(upload.name, upload.getvalue())
    check_weights_file(path)
    return str(path)


@st.fragment
def _preview(config: TrainConfig) -> None:
    """Show example films as the run's passes will augment them."""
    if data_cache.phantom_is_growing():
        st.caption("Examples follow once all films are generated.")
        return
    first = st.session_state.get(state.DRAWN, 0) * augmentation_preview.PASSES
    if films := training_film_cache.changed_films(config, first):
        size = config.recipe.size
        st.caption(
            f"Training films at {size} × {size} px, as the network sees them: unchanged, and as "
            f"augmented in passes {first + 1} to {first + augmentation_preview.PASSES} over the "
            f"data, with seed {config.seed}{', before they are mixed' if config.mixup else ''}."
        )
        st.html(augmentation_preview.html(films, first))
        st.button("Draw others", icon=":material/casino:", key="draw-others", on_click=_draw_others)


def _draw_others() -> None:
    st.session_state[state.DRAWN] = st.session_state.get(state.DRAWN, 0) + 1
