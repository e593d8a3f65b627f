"""The facts in a run's `config.json` and in a card: rules for them, and a record of the data.

Keys without a rule are ignored; the others must have the right type and range, since pages and
commands rely on them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from fracture_core.config.limits import LIMITS
from fracture_core.errors import ConfigError
from fracture_core.words import plural, short

SHARED_PATIENTS = (
    "The data name no patients, so films of one person may be on both sides of the split."
)
LONGEST_NAME = 200  # characters of a selection's name or hash in a card
MOST = 10**12  # largest believable count of films, studies or epochs


@dataclass(frozen=True, kw_only=True)
class DataFacts:
    """The data that a network is trained on; all defaults before a run has read its films.

    Args:
        root: folder of the data set; of a card its name alone.
        kind: layout of the data set, see `catalog.Dataset`.
        hash: of the manifest.
        synthetic: whether the films are synthetic; `None` where it is not known.
        phantom: `phantom_set.settings` of synthetic films.
        excluded: number and hash of the films left out by hand.
        families: number and hash of the families kept on one side of the split, and the number of
            training films left out since a copy of theirs is in another split.
        selection: name, hash and studies of the selection that training was limited to, and the
            number of its studies that were trained on, dev among them ("used").
        corrections: number of the run's studies with a corrected label, and the hash of all.
        share: number of training patients that were used and of all, where not all were
            ("patients", "of").
        folds: of a fold's run, its fold, the number of folds, and the hash of their list.
        start: epoch of another run whose weights training started with, the layers that had them,
            those that began new, and the dev and valid patients that run was trained on.
        names_patients: whether the data name the patients; `None` in facts of before.
        images: films by role: "train", "dev", "valid".
        studies: studies by role.
    """

    root: str | None = None
    kind: str | None = None
    hash: str | None = None
    synthetic: bool | None = None
    phantom: dict[str, int] | None = None
    excluded: dict[str, Any] | None = None
    families: dict[str, Any] | None = None
    selection: dict[str, Any] | None = None
    corrections: dict[str, Any] | None = None
    share: dict[str, int] | None = None
    folds: dict[str, Any] | None = None
    start: dict[str, Any] | None = None
    names_patients: bool | None = None
    images: dict[str, int] = field(default_factory=dict)
    studies: dict[str, int] = field(default_factory=dict)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "DataFacts":
        """Return the record of facts that `data` has checked; other keys are ignored."""
        known = {each.name for each in fields(cls)}
        return cls(**{key: value for key, value in values.items() if key in known})

    @property
    def without_patients(self) -> bool:
        """True where every film counted as a patient of its own, since the data name none."""
        if self.names_patients is None:  # of before: class folders and FracAtlas named none
            return self.kind not in (None, "mura")
        return not self.names_patients

    @property
    def is_partial(self) -> bool:
        """True where training left out films of its parts that the card does not name."""
        left_out = (self.excluded, (self.families or {}).get("films"), self.selection, self.share)
        return any(map(bool, left_out))

    @property
    def list_hashes(self) -> tuple[str | None, str | None]:
        """Hashes of its selection and of its corrected labels; `None` without."""
        chosen, corrected = self.selection or {}, self.corrections or {}
        return chosen.get("hash"), corrected.get("hash")

    @property
    def split_words(self) -> str:
        """The way training films were kept apart from the others, in sentences; "" if unknown."""
        if self.kind is None:
            return ""
        unit = "film" if self.without_patients else "patient"
        words = f"Split by {unit}."
        if self.families:
            left_out = self.families.get("films", 0)
            words = (
                f"Split by {unit} and by family: {plural(self.families['families'], 'family')} of "
                f"copies kept on one side, {plural(left_out, 'training film')} left out since a "
                "copy is in another split."
            )
        words = " ".join([words, *self._curation])
        if self.folds:
            words = (
                f"{words} Fold {self.folds['fold']} of {self.folds['folds']} of a "
                "cross-validation: its valid films are held out of the training split."
            )
        if self.start:
            words = f"{words} {start_words(self.start)}"
        return f"{words} {SHARED_PATIENTS}" if self.without_patients else words

    @property
    def _curation(self) -> list[str]:
        """Sentences on the selection, the corrected labels and the share of the patients."""
        sentences = []
        if chosen := self.selection:
            sentences.append(
                f"Trained on the selection {short(chosen['name'])} only "
                f"({chosen.get('used', chosen['studies']):,} of its "
                f"{plural(chosen['studies'], 'study')}; hash {chosen['hash']})."
            )
        if self.corrections:
            sentences.append(corrections_words(self.corrections))
        if self.share:
            sentences.append(
                f"Trained on {self.share['patients']:,} of {self.share['of']:,} training patients."
            )
        return sentences


def corrections_words(values: Mapping[str, Any]) -> str:
    """Return the facts of corrected labels in a sentence: "3 labels corrected (list 0123...)."."""
    return f"{plural(values['labels'], 'label')} corrected (list {values['hash']})."


def start_words(values: Mapping[str, Any]) -> str:
    """Return the facts of a start from another run's epoch, in sentences."""
    new = f", {len(values['fresh'])} began new" if values["fresh"] else ""
    words = (
        f"Started from {short(values['run'])}@{values['epoch']}: "
        f"{plural(len(values['loaded']), 'layer')} had its weights{new}."
    )
    for role, count in values.get("seen", {}).items():
        if count:
            words += (
                f" That run was trained on {plural(count, f'{role} patient')}, so the figures on "
                f"{role} films are optimistic."
            )
    return words


def data(values: Any) -> dict[str, Any]:
    """Check the facts about the data that a network was trained on, and return them.

    Raises:
        ConfigError: a value is of the wrong kind, or out of its range.
    """
    return _checked("data", values, _DATA)


def run(values: Any) -> dict[str, Any]:
    """Check the facts of `config.json` beside the settings, and return them.

    Raises:
        ConfigError: as above.
    """
    facts = _checked("config.json", values, _RUN)
    for name, rules in (("data", _DATA), ("parent", _PARENT), ("probe", _PROBE)):
        if name in facts:
            _checked(name, facts[name], rules)
    if missing := [key for key in _PARENT if key not in facts.get("parent", _PARENT)]:
        raise ConfigError(f"parent needs {', '.join(missing)}.")
    if "probe" in facts and not {"threads", "why"} <= facts["probe"].keys():
        raise ConfigError("probe needs threads and why.")
    return facts


def gate(values: Any) -> dict[str, Any]:
    """Check a card's facts about its gate, empty without one, and return them.

    Raises:
        ConfigError: as above.
    """
    return _checked("gate", values, _GATE)


def out_of_fold(values: Any) -> dict[str, Any]:
    """Check a card's facts about its out-of-fold predictions, empty without, and return them.

    Raises:
        ConfigError: as above, or one of them is missing.
    """
    facts = _checked("out_of_fold", values, _OUT_OF_FOLD)
    if facts and (missing := [key for key in _OUT_OF_FOLD if key not in facts]):
        raise ConfigError(f"out_of_fold needs {', '.join(missing)}.")
    return facts


def _checked(name: str, values: Any, rules: Mapping[str, Callable[[Any], bool]]) -> dict[str, Any]:
    if not isinstance(values, dict):
        raise ConfigError(f"{name} must be an object.")
    for key, rule in rules.items():
        if key in values and not rule(values[key]):
            raise ConfigError(f"{name}.{key} has the wrong type, or is out of range.")
    return values


def is_count(value: Any) -> bool:
    """Check for a whole number from 0 to `MOST`."""
    return type(value) is int and 0 <= value <= MOST


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and "\0" not in value


def _is_speed(value: Any) -> bool:
    return type(value) in (int, float) and 0 <= value <= MOST


def _all(rule: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, dict) and all(map(rule, value.values()))


def _or_none(rule: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: value is None or rule(value)


def _is_selection(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and all(_is_short(value.get(key)) for key in ("name", "hash"))
        and is_count(value.get("studies"))
        and is_count(value.get("used", 0))
    )


def _is_corrections(value: Any) -> bool:
    return (
        isinstance(value, dict) and is_count(value.get("labels")) and _is_short(value.get("hash"))
    )


def _is_short(value: Any) -> bool:
    return _is_text(value) and len(value) <= LONGEST_NAME


def _has_counts(*keys: str) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, dict) and all(is_count(value.get(key)) for key in keys)


def _is_folds(value: Any) -> bool:
    return _has_counts("fold", "folds")(value) and _is_text(value.get("hash"))


def _is_pretraining(value: Any) -> bool:
    return isinstance(value, dict) and all(
        _is_short(value.get(key)) for key in ("weights", "file", "sha256")
    )


def _is_start(value: Any) -> bool:
    """Check for an epoch that weights are from, and the layers that have them or not."""
    if not isinstance(value, dict):
        return False
    layers = [value.get(key) for key in ("loaded", "fresh")]
    return (
        all(_is_short(value.get(key)) for key in ("run", "sha256"))
        and is_count(value.get("epoch"))
        and all(isinstance(each, list) and all(map(_is_short, each)) for each in layers)
        and _all(is_count)(value.get("seen", {}))
    )


def _is_averaged(value: Any) -> bool:
    """Check for epochs whose weights were averaged, and the films of the averages."""
    epochs = value.get("epochs") if isinstance(value, dict) else None
    return (
        isinstance(epochs, list)
        and len(epochs) > 1
        and all(map(is_count, epochs))
        and is_count(value.get("films"))
        and _is_short(value.get("films_sha256"))
    )


def _is_estimate(value: Any) -> bool:
    """Check for a figure with its interval, n, and spread over folds."""
    numbers = ("value", "low", "high", "mean", "least", "greatest")
    return (
        isinstance(value, dict)
        and all(is_count(value.get(key)) for key in ("n", "groups"))
        and all(_or_none(_is_small)(value.get(key)) for key in numbers)
    )


def _is_small(value: Any) -> bool:
    return type(value) in (int, float) and abs(value) <= MOST


_DATA: Mapping[str, Callable[[Any], bool]] = {
    **dict.fromkeys(("root", "kind", "hash", "positive", "table"), _or_none(_is_text)),
    "run": _is_text,
    "synthetic": _or_none(lambda value: isinstance(value, bool)),
    "phantom": _or_none(_all(is_count)),
    "excluded": _or_none(_has_counts("films")),
    "families": _or_none(_has_counts("families", "films")),
    "selection": _or_none(_is_selection),
    "corrections": _or_none(_is_corrections),
    "share": _or_none(_has_counts("patients", "of")),
    "folds": _or_none(_is_folds),
    "start": _or_none(_is_start),
    "names_patients": _or_none(lambda value: isinstance(value, bool)),
    "patients": _all(_is_text),
    "normalization": _is_text,
    "normalization_films": is_count,
    "pooling": _is_text,
    **dict.fromkeys(("label_smoothing", "mixup", "weight_average"), _is_small),
    "pretraining": _is_pretraining,
    "averaged": _is_averaged,
    "images": _all(is_count),
    "studies": _all(is_count),
}
_RUN: Mapping[str, Callable[[Any], bool]] = {
    "created": _is_text,
    "versions": _all(_is_text),
    "pretraining": _is_pretraining,
}
_PARENT: Mapping[str, Callable[[Any], bool]] = {"name": _is_text, "epoch": is_count}
_GATE: Mapping[str, Callable[[Any], bool]] = {
    "limit": lambda value: _is_speed(value) and value > 0,
    "false_refusal": lambda value: _is_speed(value) and value <= 1,
    **dict.fromkeys(("version", "calibrated_on", "fitted_on", "kept_films"), is_count),
    **dict.fromkeys(("calibrated_with", "sha256"), _is_text),
}
_OUT_OF_FOLD: Mapping[str, Callable[[Any], bool]] = {
    "folds": lambda value: type(value) is int and LIMITS.folds[0] <= value <= LIMITS.folds[1],
    "films": is_count,
    **dict.fromkeys(("sha256", "hash", "method"), _is_text),
    **dict.fromkeys(("studies", "images"), _all(_is_estimate)),
}
_PROBE: Mapping[str, Callable[[Any], bool]] = {
    "threads": lambda value: type(value) is int and 1 <= value <= LIMITS.threads[1],
    "branches": lambda value: type(value) is int and 1 <= value <= LIMITS.threads[1],
    "why": _is_text,
    "images_per_second": _all(_is_speed),
}
