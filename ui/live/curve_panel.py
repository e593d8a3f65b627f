"""A run's curves: loss, accuracy of images and of whole studies, and its events."""

import itertools
from collections.abc import Sequence

import pandas as pd

from fracture_core.epochs import predictions
from fracture_core.runs import journal
from fracture_core.runs.run_folders import Run
from fracture_core.words import plural
from ui.cache import run_cache, shared_cache
from ui.components import live_curves
from ui.components.live_curves import Guide, Line, Mark, Panel, Sent
from ui.shared import theme, training_words
from ui.shared.charts import Ink

ACCURACIES = (
    Panel(name="accuracy", title="Accuracy of images", short="Images", percent=True),
    Panel(
        name="study_accuracy",
        title="Accuracy of studies (fracture if any film)",
        short="Studies",
        percent=True,
    ),
)
ROLES = (
    "Training: the films the network learns from. Dev: training patients held back from it; the "
    "epoch with the lowest dev loss is the run's best. Valid: the data set's own validation "
    "studies, which neither train nor choose anything, so their accuracy is the honest one. "
    "Baseline: the share that is correct if every answer is the more frequent label."
)
OF_STUDIES = (
    " This run learns from studies: its loss is one per study, whose films are pooled ({}); the "
    "accuracy of training is that of films."
)
POOLINGS = {
    "maximum": "maximum",
    "noisy_or": "noisy-OR",
    "mean": "mean",
    "attention": "attention in training, maximum after it",
}
LEVELS = {"accuracy": "images", "study_accuracy": "studies"}


def axis_end(done: int, last: int) -> int:
    """Return the epoch at which the axis of a run ends.

    That is a round number somewhat beyond the completed epochs, at most the run's last epoch: a
    young run's curve then is not a line in a corner.

    Args:
        done: completed epochs.
        last: total epochs.
    """
    ends = (round(share * 10**power) for power in itertools.count(1) for share in (1, 2.5, 5))
    return min(next(end for end in ends if end > done or end >= last), max(last, done))


def show(
    run: Run, done: tuple[int, ...], sent: Sent, rewound: int | None = None, big: bool = False
) -> None:
    """Draw the curves.

    Args:
        run: the run shown.
        done: its epochs with readable metrics.
        sent: see `live_curves.show`.
        rewound: the epoch shown; `None` for the last one.
        big: for a lecture hall.
    """
    last = axis_end(done[-1] if done else 0, max(run.status.epochs, run.config.epochs))
    ink, metrics = theme.ink(), run.folder / "metrics.jsonl"
    pooling = run.config.study_pooling
    loss = Panel(name="loss", title=training_words.loss_title(run.config), short="Loss")
    panels = (loss, *ACCURACIES)
    lines = [
        *shared_cache.of_files(
            "curve inside epochs",
            (run.folder / "steps.jsonl",),
            (ink,),
            lambda: _inside(run_cache.steps_of(run.folder), ink),
        ),
        *shared_cache.of_files(
            "curves",
            (metrics,),
            (ink,),
            lambda: _after(run_cache.metrics_of(run.folder), ink, panels, bool(pooling)),
        ),
    ]
    marks = shared_cache.of_files(
        "marks",
        (metrics, run.folder / "events.jsonl"),
        (run.status.steps, run.status.epochs),
        lambda: _marks(run, run_cache.metrics_of(run.folder)),
    )
    if rewound is not None:
        marks = [*marks, Mark(x=rewound, words=f"epoch {rewound}", kind="here")]
    of_studies = OF_STUDIES.format(POOLINGS[pooling]) if pooling else ""
    live_curves.show(
        panels,
        lines,
        last,
        sent,
        _guides(run) if done else [],
        marks,
        shown=rewound,
        explanation=" ".join([ROLES + of_studies, *training_words.sentences([run.config])]),
        big=big,
    )


def _marks(run: Run, epochs: pd.DataFrame) -> list[Mark]:
    """The run's events, and the epoch of the lowest dev loss."""
    marks = [Mark(x=x, words=words) for x, words in events(run, epochs)]
    lost = len(epochs) and predictions.lost_lines(run.folder, epochs["epoch"])
    best = journal.best_in(epochs)
    if "dev.loss" in epochs and best is not None and not lost:
        marks.append(Mark(x=best, words=f"lowest dev loss: {best}", kind="best"))
    return marks


def _inside(steps: pd.DataFrame, ink: Ink) -> list[Line]:
    """The thin line inside the epochs."""
    if not len(steps):
        return []
    return [
        Line(
            panel=quantity,
            name="training, live",
            colour=ink.train,
            width=1,
            points=live_curves.drawn(steps["epoch"].to_numpy(), steps[quantity].to_numpy()),
            dots=len(steps) < 60,
        )
        for quantity in ("loss", "accuracy")
    ]


def _after(epochs: pd.DataFrame, ink: Ink, panels: Sequence[Panel], by_study: bool) -> list[Line]:
    """A line for each role that is evaluated after each epoch; the loss may be one per study."""
    if not len(epochs):
        return []
    # Dashes as on Runs: no two lines differ in colour alone.
    roles = (("train", ink.train, "2 3"), ("dev", ink.dev, ""), ("valid", ink.valid, "8 4"))
    return [
        Line(
            panel=panel.name,
            name="training" if role == "train" else role,
            colour=colour,
            points=live_curves.drawn(
                epochs["epoch"].to_numpy(), epochs[f"{role}.{panel.name}"].to_numpy()
            ),
            dash=dash,
            over=_over(epochs, role, panel, by_study),
        )
        for role, colour, dash in roles
        for panel in panels
        if f"{role}.{panel.name}" in epochs
    ]


def _over(epochs: pd.DataFrame, role: str, panel: Panel, by_study: bool) -> str:
    """The n of a line's values, in words."""
    of_studies = panel.name == "study_accuracy" or (panel.name == "loss" and by_study)
    kind, noun = ("studies", "study") if of_studies else ("n", "film")
    return plural(int(epochs[f"{role}.{kind}"].iloc[-1]), noun)


def _guides(run: Run) -> list[Guide]:
    """The baseline of always the majority class, on dev, else on valid."""
    guides = []
    for panel, level in LEVELS.items():
        shares = run_cache.majority(run.folder, level)
        role = next((r for r in ("dev", "valid") if r in shares), None)
        if role:
            guides.append(Guide(panel=panel, y=shares[role], words="baseline"))
    return guides


def events(run: Run, epochs: pd.DataFrame) -> list[tuple[float, str]]:
    """List (epoch, words) of the run's events: forked, stopped, resumed or changed."""
    if len(epochs):
        length = epochs["step"].iloc[-1] / epochs["epoch"].iloc[-1]
    else:
        length = run.status.steps / max(1, run.status.epochs)
    if not length:
        return []
    parent = run.parent
    by_epoch: dict[float, list[str]] = {}
    if parent:
        by_epoch[float(parent.epoch)] = [f"forked from {parent.run}"]
    for event in journal.events(run.folder):
        if words := _words(event):
            at = event["epoch"] if event["kind"] == "more_epochs" else event["step"] / length
            by_epoch.setdefault(float(at), []).append(words)
    return [(at, ", ".join(words)) for at, words in sorted(by_epoch.items())]


def _words(event: dict) -> str:
    """The words of an event on the curve; "" for one that is not shown."""
    match event:
        case {"kind": "learning_rate", "rate": rate, "step": int()}:
            return f"learning rate {rate:g}"
        case {"kind": "resumed", "step": int(step)} if step:
            return "resumed"
        case {"kind": "stopped", "step": int(step)} if step:
            return "stopped"
        case {"kind": "more_epochs", "epochs": int(count), "epoch": int()}:
            return f"{count} more epochs requested"
    return ""
