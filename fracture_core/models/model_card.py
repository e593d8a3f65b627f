"""The card of a model: architecture, pixels, label meaning, threshold, training data, figures.

A released model keeps its card in `card.json`; a run's card is made from its folder. The figures
are those on films that the model was not trained on.
"""

from dataclasses import dataclass, field, replace
from typing import Any

from fracture_core.config.film_settings import PixelRecipe
from fracture_core.config.limits import LIMITS
from fracture_core.config.network_options import NetworkOptions, network_name
from fracture_core.config.record import Record, check_range
from fracture_core.errors import ConfigError
from fracture_core.networks import network_size
from fracture_core.operating_points.choices import Choices
from fracture_core.runs import run_facts
from fracture_core.verdicts import metrics
from fracture_core.words import ranges

LABEL_MEANING = (
    "Positive means abnormal: fractures, but also hardware, degenerative disease and more."
)
LABEL_MEANING_CLASSES = "Positive means: the films in the class folder {positive!r}."
LABEL_MEANING_TABLE = "Positive means: the films with the label {positive!r} in their table."
LABEL_MEANING_FRACATLAS = "Positive means: a fracture, as FracAtlas' radiologists marked it."
LABEL_MEANING_GRAZPEDWRI = "Positive means: a fracture is visible, as GRAZPEDWRI-DX marks it."
LABEL_MEANING_PHANTOM = "Positive means: a break was drawn into the synthetic bone."
ENSEMBLE = "ensemble"  # the architecture in the card of several networks
MOST_MEMBERS = 16  # of an ensemble; each adds its own time to every film


@dataclass(frozen=True, kw_only=True)
class Member(Record):
    """One network of an ensemble: the model's name and its architecture."""

    name: str
    architecture: str
    options: NetworkOptions = field(default_factory=NetworkOptions)


@dataclass(frozen=True, kw_only=True)
class Card(Record):
    """Description of a model, without which its predictions cannot be interpreted.

    Args:
        name: of the model, or `RUN@EPOCH`.
        architecture: a name of the registry, or `ENSEMBLE`.
        options: the architecture's variants.
        recipe: conversion of a film to the network's pixels.
        label_meaning: meaning of a positive label in the training data.
        threshold: a film is positive when its probability is greater.
        threshold_origin: origin of the threshold, a clause.
        epoch: of the run that the weights are from.
        parts: body parts that it was trained on; empty for all of the data's.
        training: the data: root name, kind, hash, synthetic, images and studies by role.
        metrics: by role ("dev", "valid"), then by level ("images", "studies"): a `metrics.Summary`.
        command: the command line that trains the same model.
        versions: of Python and the packages that influence the results.
        weights_sha256: of the weights file; empty for a run, whose `SHA256SUMS` has it.
        predictions_sha256: of the dev predictions; empty for a run, or if an older version wrote
            them.
        created: start of the run, ISO 8601 UTC.
        gate: the gate's data, limit and file's sha256; empty without a gate.
        members: of an ensemble, in the order of their groups in the weights file; else empty.
        out_of_fold: of a model that was cross-validated: folds, films, the table's sha256, and the
            figures by level with n and interval; else empty.
        choices: operating point, calibration and promise that its owner has saved.
    """

    name: str
    architecture: str
    options: NetworkOptions = field(default_factory=NetworkOptions)
    recipe: PixelRecipe = field(default_factory=PixelRecipe)
    label_meaning: str = LABEL_MEANING
    threshold: float = 0.5
    threshold_origin: str = ""
    epoch: int = 0
    parts: tuple[str, ...] = ()
    training: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, Any] = field(default_factory=dict)
    command: str = ""
    versions: dict[str, Any] = field(default_factory=dict)
    weights_sha256: str = ""
    predictions_sha256: str = ""
    created: str = ""
    gate: dict[str, Any] = field(default_factory=dict)
    members: tuple[Member, ...] = ()
    out_of_fold: dict[str, Any] = field(default_factory=dict)
    choices: Choices = field(default_factory=Choices)

    def __post_init__(self) -> None:
        check_range("threshold", self.threshold, (0.0, 1.0))
        check_range("epoch", self.epoch, (0, run_facts.MOST))
        texts = (self.name, self.architecture, self.label_meaning, self.threshold_origin)
        for text in (*texts, *self.parts, *(member.name for member in self.members)):
            check_range("Number of characters in a card's text", len(text), (0, LIMITS.card_text))
        most = 10 * LIMITS.card_text
        check_range("Number of characters in a card's command", len(self.command), (0, most))
        run_facts.data(self.training)
        run_facts.gate(self.gate)
        run_facts.out_of_fold(self.out_of_fold)
        for level in (level for levels in self.metrics.values() for level in _levels(levels)):
            metrics.Summary.from_dict(level)
        for each in self._sized():
            network_size.check(*each)

    @property
    def networks(self) -> list[tuple[str, NetworkOptions]]:
        """Architecture and options of the network, or of every member of an ensemble."""
        own = [(self.architecture, self.options)] if not self.members else []
        return own + [(member.architecture, member.options) for member in self.members]

    @property
    def weights_bytes(self) -> int:
        """Largest allowed weights file: twice the parameters, and room for their names."""
        parameters = sum(network_size.of(*each).parameters for each in self._sized())
        return 2 * network_size.FLOAT * parameters + 2**20 * len(self.networks)

    def _sized(self) -> list[tuple[str, int, NetworkOptions]]:
        return [(name, self.recipe.size, options) for name, options in self.networks]

    def without_choices(self) -> "Card":
        """Return the card as it was before its owner saved choices, with its own threshold."""
        point = self.choices.operating_point
        if point is None:
            return replace(self, choices=Choices())
        return replace(
            self,
            threshold=point.card_threshold,
            threshold_origin=point.card_threshold_origin,
            choices=Choices(),
        )

    @property
    def synthetic(self) -> bool:
        """True for a model trained on synthetic films only."""
        return bool(self.data.synthetic)

    @property
    def data(self) -> run_facts.DataFacts:
        """The facts about its training data."""
        return run_facts.DataFacts.from_dict(self.training)

    @property
    def averaged(self) -> tuple[int, ...]:
        """The epochs of its run whose weights it has the mean of; empty for those of one epoch."""
        return tuple(self.training.get("averaged", {}).get("epochs", ()))

    @property
    def dev_words(self) -> str:
        """Note beside figures on dev films, a sentence."""
        if self.averaged:
            return (
                "The model's epochs may have been picked on the dev films; if so, these figures "
                "are optimistic."
            )
        subject = "Its members' epochs were" if self.members else "The model's epoch was"
        return f"{subject} picked on the dev films, so these figures are optimistic."

    @property
    def no_dev_words(self) -> str:
        """Reason for having no dev films, a clause."""
        if self.out_of_fold:
            return "Its accuracy out of fold is on Evaluate; the model itself has no dev films"
        if self.members:
            return "The members of this model share no dev films"
        if self.averaged:
            return "Its run set no dev films aside, or could no longer read them"
        return "This model set no dev films aside"

    @property
    def network(self) -> str:
        """The network in words: the architecture and its epochs, or an ensemble's members."""
        if self.averaged:
            name = network_name(self.architecture, self.options)
            return f"{name}, mean weights of epochs {ranges(self.averaged)}"
        if not self.members:
            return f"{network_name(self.architecture, self.options)}, epoch {self.epoch}"
        members = ", ".join(
            f"{network_name(each.architecture, each.options)} {each.name}" for each in self.members
        )
        return f"mean of {len(self.members)} networks ({members})"


def _levels(levels: Any) -> list[Any]:
    """Return the figures of a role, one per level, and refuse others than images and studies."""
    if not (isinstance(levels, dict) and levels.keys() <= {"images", "studies"}):
        raise ConfigError("A card's metrics are of images and studies, by role.")
    return list(levels.values())


def label_meaning(data: dict[str, Any]) -> str:
    """Return the meaning of a positive label in a data set, one sentence."""
    if data.get("synthetic"):
        return LABEL_MEANING_PHANTOM
    if data.get("kind") == "class_folders":
        return LABEL_MEANING_CLASSES.format(positive=data.get("positive"))
    if data.get("kind") == "table":
        return LABEL_MEANING_TABLE.format(positive=data.get("positive"))
    if data.get("kind") == "fracatlas":
        return LABEL_MEANING_FRACATLAS
    if data.get("kind") == "grazpedwri":
        return LABEL_MEANING_GRAZPEDWRI
    return LABEL_MEANING
