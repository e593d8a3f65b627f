"""A run's curves: loss, accuracy of images and of whole studies, and what was done to it."""

import itertools

import pandas as pd

from fracture_core.runs import journal, predictions
from fracture_core.runs.run_folders import Run
from ui.cache import run_cache, shared_cache
from ui.components import live_curves
from ui.components.live_curves import Guide, Line, Mark, Panel, Sent
from ui.shared import theme
from ui.shared.charts import Ink

PANELS = (
    Panel(name="loss", title="Loss (nats a film)"),
    Panel(name="accuracy", title="Accuracy of images", percent=True),
    Panel(name="study_accuracy", title="Accuracy of studies (fracture if any film)", percent=True),
)
LEVELS = {"accuracy": "images", "study_accuracy": "studies"}


def axis_end(done: int, last: int) -> int:
    """The epoch at which the axis of a run ends: its last one, or, while it is young, a round
    number ahead of it, so that its curve is no line in a corner.

    Args:
        done: epochs completed.
        last: epochs asked for.
    """
    for power in itertools.count(1):
        for share in (1, 2.5, 5):
            if (end := round(share * 10**power)) > done or end >= last:
                return min(end, max(last, done))


def show(
    run: Run, done: tuple[int, ...], sent: Sent, here: int | None = None, big: bool = False
) -> None:
    """Draw them.

    Args:
        run: whose.
        done: its epochs whose numbers are known.
        sent: see `live_curves.show`.
        here: the epoch that is looked at; `None` for the last one.
        big: for a lecture hall.
    """
    last = axis_end(done[-1] if done else 0, max(run.status.epochs, run.config.epochs))
    ink, metrics = theme.ink(), run.folder / "metrics.jsonl"
    lines = [
        *shared_cache.of_files(
            "curve inside epochs", (run.folder / "steps.jsonl",), (ink,),
            lambda: _inside(run_cache.steps_of(run.folder), ink),
        ),
        *shared_cache.of_files(
            "curves", (metrics,), (ink,), lambda: _after(run_cache.metrics_of(run.folder), ink)
        ),
    ]  # fmt: skip
    marks = shared_cache.of_files(
        "marks", (metrics, run.folder / "events.jsonl"), (run.status.steps, run.status.epochs),
        lambda: _marks(run, run_cache.metrics_of(run.folder)),
    )  # fmt: skip
    if here is not None:
        marks = [*marks, Mark(x=here, words=f"epoch {here}", kind="here")]
    live_curves.show(PANELS, lines, last, sent, _guides(run) if done else [], marks, big)


def _marks(run: Run, epochs: pd.DataFrame) -> list[Mark]:
    """What happened, and the epoch of the lowest dev loss."""
    marks = [Mark(x=x, words=words) for x, words in events(run, epochs)]
    lost = len(epochs) and predictions.lost_lines(run.folder, epochs["epoch"])
    if "dev.loss" in epochs and len(epochs) and not lost:
        best = journal.best_in(epochs)
        marks.append(Mark(x=best, words=f"lowest dev loss: {best}", kind="best"))
    return marks


def _inside(steps: pd.DataFrame, ink: Ink) -> list[Line]:
    """The thin line inside the epochs."""
    if not len(steps):
        return []
    return [
        Line(
            panel=quantity, name="training, live", colour=ink.train, width=1,
            points=live_curves.drawn(steps["epoch"], steps[quantity]), dots=len(steps) < 60,
        )
        for quantity in ("loss", "accuracy")
    ]  # fmt: skip


def _after(epochs: pd.DataFrame, ink: Ink) -> list[Line]:
    """A line for each role that was judged after each epoch."""
    if not len(epochs):
        return []
    roles = (("train", ink.train, ""), ("dev", ink.dev, ""), ("valid", ink.valid, "2 4"))
    return [
        Line(
            panel=panel.name, name="training" if role == "train" else role, colour=colour,
            points=live_curves.drawn(epochs["epoch"], epochs[f"{role}.{panel.name}"]), dash=dash,
            over=_over(epochs, role, panel.name),
        )
        for role, colour, dash in roles
        for panel in PANELS
        if f"{role}.{panel.name}" in epochs
    ]  # fmt: skip


def _over(epochs: pd.DataFrame, role: str, quantity: str) -> str:
    """What each value is over, in words."""
    kind, noun = ("studies", "study") if quantity == "study_accuracy" else ("n", "film")
    return theme.plural(int(epochs[f"{role}.{kind}"].iloc[-1]), noun)


def _guides(run: Run) -> list[Guide]:
    """What always guessing the more frequent label would reach, on dev, else on valid."""
    found = []
    for panel, level in LEVELS.items():
        shares = run_cache.majority(run.folder, level)
        role = next((r for r in ("dev", "valid") if r in shares), None)
        if role:
            words = f"always guessing the majority of {role}"
            found.append(Guide(panel=panel, y=shares[role], words=words))
    return found


def events(run: Run, epochs: pd.DataFrame) -> list[tuple[float, str]]:
    """(epoch, what happened): where the run was forked, stopped, resumed or changed."""
    if len(epochs):
        length = epochs["step"].iloc[-1] / epochs["epoch"].iloc[-1]
    else:
        length = run.status.steps / max(1, run.status.epochs)
    if not length:
        return []
    parent = run.facts.get("parent")
    found = {float(parent["epoch"]): [f"forked from {parent['name']}"]} if parent else {}
    for event in journal.events(run.folder):
        if words := _words(event):
            at = event["epoch"] if event["kind"] == "more_epochs" else event["step"] / length
            found.setdefault(float(at), []).append(words)
    return [(at, ", ".join(words)) for at, words in sorted(found.items())]


def _words(event: dict) -> str:
    """What an event is called on the curve; "" for one that does not stand there."""
    match event:
        case {"kind": "learning_rate", "rate": rate, "step": int()}:
            return f"learning rate {rate:g}"
        case {"kind": "resumed", "step": int(step)} if step:
            return "resumed"
        case {"kind": "stopped", "step": int(step)} if step:
            return "stopped"
        case {"kind": "more_epochs", "epochs": int(count), "epoch": int()}:
            return f"{count} more epochs asked for"
    return ""
