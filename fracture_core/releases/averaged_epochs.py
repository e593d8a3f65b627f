"""Epochs of a run whose weights are averaged: those that a person names, or the usual ones."""

from collections.abc import Sequence

from fracture_core.epochs import epoch_weights
from fracture_core.errors import ModelError
from fracture_core.runs.run_folders import Run
from fracture_core.words import ranges, short, whole_number

FEWEST = 2  # epochs of a mean
LONGEST = 10_000  # epochs that a range names: more than a run has


def parse(text: str) -> tuple[int, ...]:
    """Return the epochs that a text names, as "3,4,5" or "3-5,8"; none of an empty one.

    Raises:
        ModelError: it is another text.
    """
    epochs: list[int] = []
    for part in filter(None, (each.strip() for each in text.split(","))):
        first, dash, last = (each.strip() for each in part.partition("-"))
        begin, end = whole_number(first), whole_number(last if dash else first)
        if begin is None or end is None or not begin <= end < begin + LONGEST:
            raise ModelError(
                f"Epochs are whole numbers or ranges, as in 3-5,8; received {short(text)!r}."
            )
        epochs += range(begin, end + 1)
    return tuple(epochs)


def usual(run: Run) -> tuple[int, ...]:
    """Return the last half of a run's kept epochs; of pretrained networks, of those unlocked.

    Fewer than `FEWEST` where the run keeps no more.
    """
    kept = epoch_weights.kept(run.folder / "checkpoints")
    alike = [epoch for epoch in kept if _is_frozen(run, epoch) == _is_frozen(run, kept[-1])]
    return tuple(alike[-max(FEWEST, -(-len(alike) // 2)) :])


def chosen(run: Run, epochs: Sequence[int] = ()) -> tuple[int, ...]:
    """Return the epochs of a mean, in order, each of them kept.

    Args:
        run: any.
        epochs: as a person named them; by default `usual`.

    Raises:
        ModelError: the run is training, there are fewer than two, one is named twice or not kept,
            or pretrained layers were frozen in some of them only.
    """
    if run.status.state.alive:
        raise ModelError(f"{run.name} is still training. Stop it, or wait until it has ended.")
    own = tuple(sorted(epochs)) or usual(run)
    kept = epoch_weights.kept(run.folder / "checkpoints")
    if len(own) < FEWEST:
        raise ModelError(
            f"A mean of weights takes {FEWEST} epochs or more; {run.name} keeps {len(kept)}"
            f"{f', and {len(own)} is named' if epochs else ''}. Name others, or train on."
        )
    if len(set(own)) < len(own):
        raise ModelError(f"Each epoch counts once in a mean; received {ranges(own)} with repeats.")
    if missing := sorted(set(own) - set(kept)):
        raise ModelError(
            f"{run.name} keeps no weights of epoch {ranges(missing)}. Kept: {ranges(kept)}."
        )
    if len({_is_frozen(run, epoch) for epoch in own}) > 1:
        raise ModelError(
            f"The pretrained layers of {run.name} stayed as they were up to epoch "
            f"{run.config.frozen_epochs} and learned after it. Name epochs of one kind."
        )
    return own


def _is_frozen(run: Run, epoch: int) -> bool:
    return epoch <= run.config.frozen_epochs
