"""All settings of a training run."""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal

from fracture_core.config.film_settings import Augmentation, PixelRecipe
from fracture_core.config.limits import LIMITS
from fracture_core.config.network_options import NetworkOptions, network_name
from fracture_core.config.record import Record
from fracture_core.config.reference import Reference
from fracture_core.config.schedule_settings import Schedule
from fracture_core.config.setting import setting_field
from fracture_core.errors import ConfigError
from fracture_core.words import short

_data = partial(setting_field, group="data", fixed=True)
_pixels = partial(setting_field, group="network and pixels", fixed=True)
_learning = partial(setting_field, group="learning")
_regularizing = partial(setting_field, group="regularization", fixed=True)
_machine = partial(setting_field, group="machine")


@dataclass(frozen=True, kw_only=True)
class TrainConfig(Record):
    """All that decides what a training run computes; frozen into its run folder.

    Each field's help says what it is. `data` is an absolute path. The last bits of sums depend on
    `threads`; the run's facts hold the number that the speed probe chose.
    """

    data: str = _data(
        dataclasses.MISSING, "Films", "root folder of MURA, of FracAtlas, or of class folders"
    )
    positive: str | None = _data(
        None, "Positive class", "class folders, a table: the class or label that is positive"
    )
    table: str | None = _data(
        None, "Table", "CSV or Parquet file with a row for each film", unset="none"
    )
    selection: str | None = _data(
        None, "Selection", "name of a saved selection of studies to train on", unset="all"
    )
    corrections: bool = _data(
        False, "Corrections", "use the labels that were corrected for these data"
    )
    parts: tuple[str, ...] = _data((), "Parts", "body part; repeats", unset="all", option="part")
    architecture: str = _pixels(
        "five_conv", "Architecture", "network"
    )  # of the report's verdicts on studies
    options: NetworkOptions = field(default_factory=NetworkOptions)
    pretraining: Literal["none", "imagenet"] = _pixels(
        "none",
        "Pretraining",
        "start of a large network, from new weights or from those that Keras publishes for the "
        "photographs of ImageNet",
    )
    frozen_epochs: int = _pixels(
        0,
        "Frozen epochs",
        "epochs at the start in which pretrained layers stay as they are and only the layers after "
        "them learn",
        limits=(0, LIMITS.epochs[1]),
    )
    fine_tuning_factor: float = _pixels(
        0.1,
        "Fine-tuning factor",
        "multiplies the learning rate after the frozen epochs, when all layers learn; without "
        "frozen epochs it does nothing",
        limits=(0.0001, 1.0),
        fixed=False,
    )  # pretrained kernels would be overwritten at the rate of new ones
    recipe: PixelRecipe = field(default_factory=PixelRecipe)
    augmentation: Augmentation = field(default_factory=Augmentation)
    epochs: int = _learning(
        75, "Epochs", "passes over the training films", limits=LIMITS.epochs
    )  # the report's
    steps_per_epoch: int | None = _learning(
        None,
        "Steps per epoch",
        "steps that make an epoch",
        limits=(1, 10**7),
        unset="every film once",
    )  # the report's 2821 // 10 showed a third of its films
    batch_size: int = _learning(
        10,
        "Batch size",
        "films per step",
        unit="films per step",
        limits=(1, 4096),
    )  # the report's
    optimizer: Literal["adam", "adamw", "adagrad", "sgd", "rmsprop"] = _learning(
        "adam", "Optimizer", "optimizer"
    )  # the report's best
    learning_rate: float = _learning(
        0.001, "Learning rate", "step size of the optimizer", limits=LIMITS.learning_rate
    )  # Keras' default for Adam, which the report used
    momentum: float = _learning(
        0.9, "Momentum", "momentum of sgd", limits=(0.0, 0.9999)
    )  # the usual value if a text says only "with momentum"
    weight_decay: float | None = _learning(
        None,
        "Weight decay",
        "share of itself, times the learning rate, that each kernel loses per step",
        limits=(0.0, 1.0),
        unset="adamw 0.004, others 0",
    )
    schedule: Schedule = field(default_factory=Schedule)
    early_stopping: int | None = _learning(
        None,
        "Early stopping",
        "epochs without a lower dev loss that end the run",
        unit="epochs",
        limits=LIMITS.epochs,
        unset="never",
    )
    class_weights: Literal["equal", "balanced"] = _learning(
        "equal",
        "Class weights",
        "weight of a film's or study's loss, equal or by the inverse of its label's frequency",
    )  # the report's
    learn_from: Literal["films", "studies"] = _learning(
        "films",
        "Learn from",
        "loss of each film, as if it showed what its study's label says, or of each study as a "
        "whole, since a positive study's films may show nothing",
        fixed=True,
    )  # the report's
    pooling: Literal["maximum", "noisy_or", "mean", "attention"] = _learning(
        "maximum",
        "Pooling",
        "how a study's probability is made of its films' in a loss per study",
        fixed=True,
    )  # the verdict's own rule: any film
    label_smoothing: float = _regularizing(
        0.0,
        "Label smoothing",
        "share of each label replaced by one half in training, so that the network learns not to "
        "be too sure; 0 is off",
        unit="share",
        limits=(0.0, 0.5),
    )  # the report's labels are 0 and 1
    mixup: float = _regularizing(
        0.0,
        "Mixup",
        "alpha of mixup, which mixes each training film and its label with another of its batch; "
        "a film keeps at least half of itself, less on average for a larger alpha; 0 is off",
        unit="alpha",
        limits=(0.0, 10.0),
    )  # the report's films are whole
    weight_average: float = _regularizing(
        0.0,
        "Weight average",
        "decay of a running mean of the weights, which is what is evaluated, kept and released: "
        "0.99 spans about the last 100 steps, 0.999 about 1,000; 0 is off",
        unit="decay",
        limits=(0.0, 0.99999),
    )  # the report's networks have the weights of their last step
    normalization: Literal["recomputed", "running"] = _learning(
        "recomputed",
        "Batch-norm averages",
        "averages of batch normalization in predictions, recomputed over training films after "
        "each epoch or Keras' running ones, which lag behind",
    )  # running ones lag behind
    normalization_films: int = _learning(
        768,
        "Films of the averages",
        "training films at most that averages are recomputed over; 512 or fewer from 46 px",
        unit="films",
        limits=(16, 1024),
    )  # other samples change the accuracy by less than half a point
    seed: int = _learning(
        1, "Seed", "seed of weights, order, augmentation and dropout", limits=(0, 2**31 - 1)
    )  # the report's
    dev_share: float = _learning(
        0.15,
        "Dev share",
        "share of the training patients set aside to choose the epoch by",
        unit="share",
        limits=(0.0, 0.5),
        fixed=True,
    )  # of the patients; enough of them to choose an epoch by
    training_share: float = _learning(
        1.0,
        "Training share",
        "share of the training patients that are used, drawn by seed and label; those of a smaller "
        "share are among those of a larger one, and dev and valid films stay the same",
        unit="share",
        limits=(0.01, 1.0),
        fixed=True,
    )  # all there are
    threshold: float = _learning(
        0.5, "Threshold", "a film is positive above this probability", limits=(0.0, 1.0)
    )  # the report's
    weights: str | None = _pixels(
        None, "Initial weights", "file of Keras with weights of the same network", unset="none"
    )  # the report continued from saved weights
    start_from: str | None = _pixels(
        None,
        "Start from",
        "run and epoch, as in all-parts@12, whose weights the network starts with in each layer of "
        "the same name and shapes; the run may have another size or network",
        unset="new weights",
    )  # the report's networks started from new weights
    exclude: str | None = _learning(
        None, "Exclude", "CSV file of films to leave out of training", unset="none"
    )
    families: str | None = _learning(
        None,
        "Families",
        "CSV file of films that are copies of one original, which stay on one side of a split",
        unset="none",
    )
    fold: int | None = _data(
        None,
        "Fold",
        "fold of the list that is held out, as valid films",
        limits=(1, LIMITS.folds[1]),
        unset="none",
    )
    fold_list: str | None = _data(
        None, "Fold list", "CSV file with the fold of each training film", unset="none"
    )
    threads: int | None = _machine(
        None,
        "Threads",
        "threads inside TensorFlow",
        limits=LIMITS.threads,
        unset="quickest, by probe",
    )
    checkpoint_seconds: float = _machine(
        30.0,
        "Checkpoint interval",
        "seconds from one checkpoint to the next inside an epoch",
        unit="seconds",
        limits=(0.1, 86400.0),
    )  # what a killed run must do again at most

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in PATHS:
            path = getattr(self, name) or ""
            if any(
                "\ud800" <= character <= "\udfff" for character in path
            ):  # bytes of another text
                raise ConfigError(
                    f"{name} must be a path of UTF-8 text; received {short(ascii(path))}. Rename "
                    "its folders or the file."
                )
        if self.mixup and self.learn_from == "studies":
            raise ConfigError(
                "Mixup mixes films and their labels, and a run that learns from studies has no "
                "label of a film. Set mixup to 0, or learn from films."
            )
        if self.weight_average and self.normalization == "running":
            raise ConfigError(
                "Averaged weights need averages of batch normalization that are recomputed for "
                "them; running ones belong to the weights of each step. Set the weight average to "
                "0, or recompute the averages."
            )
        if self.mixup and self.batch_size == 1:
            raise ConfigError(
                "Mixup mixes films of one batch; a batch of 1 film has no other. Set mixup to 0, "
                "or choose a larger batch."
            )
        if self.frozen_epochs and self.pretraining == "none":
            raise ConfigError(
                f"Only pretrained layers can stay as they are; received {self.frozen_epochs} "
                "frozen epochs without pretraining. Set them to 0, or choose pretraining."
            )
        self._check_start()
        watches = self.early_stopping is not None or self.schedule.kind == "plateau"
        if watches and not self.dev_share:
            raise ConfigError(
                "Early stopping and the plateau schedule watch the dev loss, and a dev share of 0 "
                "gives none. Set aside a dev share, or choose another schedule."
            )

    def _check_start(self) -> None:
        """Refuse more than one set of initial weights, and an epoch that is none."""
        trained = f"pretraining on {self.pretraining}" if self.pretraining != "none" else ""
        starts = [repr(short(each)) for each in (self.weights, self.start_from) if each]
        starts += [trained] if trained else []
        if len(starts) > 1:
            raise ConfigError(
                f"A network starts from one set of weights; received {' and '.join(starts)}. "
                "Choose one of them."
            )
        if self.start_from is None:
            return
        if Reference.parse(self.start_from) is None:
            raise ConfigError(
                f"A run starts from an epoch of another, as in all-parts@12; received "
                f"{short(self.start_from)!r}."
            )
        if self.fold is not None:
            raise ConfigError(
                f"The patients that a fold holds out may be among those that {self.start_from} "
                "learned from. Cross-validate without a start."
            )

    @property
    def network(self) -> str:
        """The network's name, see `network_name`."""
        return network_name(self.architecture, self.options)

    @property
    def study_pooling(self) -> str | None:
        """The pooling of a loss per study; `None` where each film has its own loss."""
        return self.pooling if self.learn_from == "studies" else None


# Settings that name a file or a folder.
PATHS = ("data", "table", "weights", "exclude", "families", "fold_list")


def with_paths(config: TrainConfig, change: Callable[[Path], str]) -> TrainConfig:
    """Return a config whose files and folders are named by what `change` returns for each."""
    named = {name: getattr(config, name) for name in PATHS}
    changed: dict[str, Any] = {name: change(Path(path)) for name, path in named.items() if path}
    return dataclasses.replace(config, **changed)


DEFAULTS = TrainConfig(data="")  # for forms and `--help`; it names no data
