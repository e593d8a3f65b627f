"""What a model got right: where the figures of Evaluate come from, and how they are shown."""

from pathlib import Path

import streamlit as st

from fracture_core.datasets import catalog
from fracture_core.errors import DataError, FractureError
from fracture_core.models import cards, ensemble, evaluation
from fracture_core.models.cards import Model
from fracture_core.models.evaluation import Evaluation
from fracture_core.runs import predictions, run_folders
from fracture_core.runs.run_folders import State
from ui.cache import data_cache, model_cache
from ui.evaluate import study_lines
from ui.shared import charts, epoch_slider, figures, theme
from ui.shell import actions, owner, state

POLL_SECONDS = 1.0  # between two looks at a child that judges
ORIGIN = {
    "valid": "Valid films chose nothing, neither epoch nor threshold.",
    "test": "Test films chose nothing, neither epoch nor threshold.",
    "dev": "Dev films chose the epoch, so these figures flatter the model.",
}


def at_epoch(reference: str, model: Model) -> tuple[str, Model] | None:
    """A run's model at the epoch that the slider stands at, its own unless it was moved.

    `None`, with a sentence, where that epoch's weights are no longer kept.
    """
    if reference in cards.released():
        return reference, model
    name, _, picked = reference.partition("@")
    kept = predictions.epochs(run_folders.find(name))
    by_dev = "dev" in model.card.metrics
    word = "picked" if picked else "best" if by_dev else epoch_slider.LATEST
    epoch = epoch_slider.ask(reference, kept, model.card.epoch, word)
    if epoch in (None, model.card.epoch):
        return reference, model
    try:
        return f"{name}@{epoch}", model_cache.model(f"{name}@{epoch}")
    except FractureError as error:
        st.error(theme.plain(str(error)), icon=":material/error:")
        return None


def pick_films(reference: str, model: Model) -> str:
    """Which films the model is judged on, in the address: "valid", "test" or "dev".

    Raises:
        DataError: there are none, neither kept with the model nor in the data set in use.
    """
    known = _kept(reference, model)
    try:
        dataset = data_cache.dataset()
        known |= set(dataset.manifest["split"].unique()) - {"train"}
    except DataError:
        if not known:  # a run's own tables need no data set
            raise
    if not known:
        raise DataError(
            f"A model is judged on films that did not teach it; {dataset.root} has training films "
            "only, and the model keeps none. Choose other data on the Data page."
        )
    here = [films for films in ORIGIN if films in known]
    return st.segmented_control(
        "Judged on",
        here,
        default=here[0],
        required=True,
        key=state.FILMS,
        bind="query-params",
        help=" ".join(ORIGIN[films] for films in here),
    )


def _kept(reference: str, model: Model) -> set[str]:
    """The films whose probabilities are kept with the model, and need no network."""
    if reference in cards.released():
        return {"dev"} if len(model.judged) else set()
    return set(model.card.metrics)


def fetch(reference: str, model: Model, films: str) -> Evaluation | None:
    """The result, at once where it is kept; else the way to it is shown, and `None` given.

    Raises:
        DataError: the data set in use cannot be read.
    """
    if films not in _kept(reference, model):
        return _judge(reference, films)
    if reference not in cards.released():
        return evaluation.of_run(
            run_folders.find(reference.partition("@")[0]), model.card.epoch, films
        )
    card = model.card
    return Evaluation(
        model=card.name,
        data={key: card.training.get(key) for key in ("root", "hash", "synthetic")},
        split=films,
        parts=card.parts,
        threshold=card.threshold,
        films=model.judged,
    )


def _judge(reference: str, split: str) -> Evaluation | None:
    """The kept result on the data set in use; else its progress, or a button that starts it."""
    dataset = data_cache.dataset()
    if not dataset.complete:
        st.info("The synthetic films are still being made; all of them can be judged after that.")
        return None
    folder = evaluation.folder_of(reference, dataset, split)
    # Status first: a child that has ended by now has left all that it will leave.
    status = run_folders.status(folder) if (folder / "asked.json").is_file() else None
    found = evaluation.load(folder)
    if found:
        return found
    if status and status.state.alive:
        st.fragment(_watch, run_every=POLL_SECONDS)(str(folder))
        return None
    if status and status.state is not State.FINISHED:
        st.error(theme.plain(status.message), icon=":material/error:")
    rows = catalog.studies(catalog.select(dataset.manifest, split))
    badge = f" {theme.synthetic_badge()}" if dataset.synthetic else ""
    name = theme.plain(dataset.root.name)
    st.write(f"This model has not been judged on the {split} films of {name}{badge} yet.")
    owner.button(
        f"{'Try again: judge' if status else 'Judge'} {theme.plural(len(rows), 'study')}",
        type="primary",
        icon=":material/grid_view:",
        on_click=actions.pressed,
        args=(actions.evaluate, reference, dataset, split),
    )
    return None


def _watch(folder: str) -> None:
    status = run_folders.status(Path(folder))
    if not status.state.alive:
        st.rerun()
    st.progress(min(1.0, status.progress), theme.plain(status.message))
    st.caption("It goes on if you leave this page, and its result is kept.")


def show(found: Evaluation, reference: str, model: Model) -> None:
    """One sentence, both confusion matrices, the table of figures, and a line a study."""
    summaries = found.summaries()
    studies, images = summaries["studies"], summaries["images"]
    if model.card.synthetic and not found.data.get("synthetic"):
        st.warning("This model has never seen a real film; these are real.")
    st.title(figures.headline(studies), anchor=False)
    badge = f" {theme.synthetic_badge()}" if found.data.get("synthetic") else ""
    name = theme.plain(Path(str(found.data.get("root"))).name)
    st.markdown(
        f"Judged on the **{found.split}** films of **{name}**{badge}. "
        f"{figures.against_guessing(studies)} {_chosen_by(found.split, reference, model)}"
    )
    if found.data.get("hash") != data_cache.dataset().hash and not data_cache.phantom_is_growing():
        st.warning(f"These films are not from the data in use, but from {name}.")
    meaning = theme.plain(_meaning(found, model))
    st.caption(f"{meaning} Threshold {found.threshold:.2f}. Not a medical device.")
    _matrices(studies, images)
    with st.expander("All figures, for studies and for images", expanded=True):
        st.markdown(figures.table(studies, images))
    if model.card.members:
        _members(model)
    if found.refused:
        with st.expander(f"{theme.plural(len(found.refused), 'film')} could not be read"):
            st.markdown("\n".join(f"- {theme.plain(reason)}" for _, reason in found.refused))
    study_lines.show(found, reference)


def _members(model: Model) -> None:
    """An ensemble beside its members, on the films that taught none of them."""
    own = ensemble.of_members(model)
    if not own:
        st.caption("Its members share no dev films, so they cannot be compared with it.")
        return
    named = [(theme.plain(name), found["studies"]) for name, found in own]
    whole = model.at_threshold(model.card.threshold)["studies"]
    with st.expander(f"The ensemble and its {len(own)} members", expanded=True):
        rows = [*named, (f"**{theme.plain(model.card.name)}**", whole)]
        st.markdown(figures.side_by_side(rows))
        st.caption(
            f"On the {theme.plural(whole.n, 'dev study')} that taught none of the members, at "
            f"the threshold of {model.card.threshold:.2f}. Where intervals overlap widely, these "
            "studies cannot tell which is better."
        )


def _chosen_by(films: str, reference: str, model: Model) -> str:
    """What the films have chosen; an epoch that was picked by hand may have been picked by them."""
    name, _, picked = reference.partition("@")
    if model.card.members and films == "dev":
        return theme.plain(model.card.dev_words)
    if not picked or reference in cards.released():
        return ORIGIN[films]
    best = predictions.best_epoch(run_folders.find(name))
    if picked == str(best) and "dev" in model.card.metrics:
        return ORIGIN[films]
    own = "The dev loss chose epoch" if "dev" in model.card.metrics else "Its own is the last one,"
    return (
        f"Epoch {picked} was picked by hand: if by these figures, they flatter the model. "
        f"{own} {best}."
    )


def _meaning(found: Evaluation, model: Model) -> str:
    """What positive means in the labels that the verdicts are held against."""
    if found.data.get("hash") == model.card.training.get("hash"):
        return model.card.label_meaning
    dataset = data_cache.dataset()
    facts = {"synthetic": dataset.synthetic, "kind": dataset.kind, "positive": dataset.positive}
    return f"{cards.label_meaning(facts)} The model learned from other data."


def _matrices(studies: figures.Summary, images: figures.Summary) -> None:
    """Studies large, and a click on a cell lists its studies; images beside them."""
    left, right = st.columns(2, gap="medium")
    with left:
        st.subheader(theme.plural(studies.n, "study"), anchor=False)
        st.plotly_chart(
            charts.confusion(studies.confusion, "studies", theme.ink(), theme.colour),
            key=state.MATRIX,
            on_select=_list_cell,
            selection_mode="points",
            config={"displayModeBar": False},
        )
        st.caption("A study is positive if any of its images is. Click a cell to list its studies.")
    with right:
        st.subheader(theme.plural(images.n, "image"), anchor=False)
        st.plotly_chart(
            charts.confusion(images.confusion, "images", theme.ink(), theme.colour),
            key=f"{state.MATRIX}-images",
            config={"displayModeBar": False},
        )
        st.caption("An image carries the label of its study, whether the break shows in it or not.")


def _list_cell() -> None:
    """List the studies of the cell that was clicked; all of them when it was let go of."""
    points = st.session_state[state.MATRIX]["selection"]["points"]
    cell = points[0]["customdata"] if points else "all"
    st.session_state[state.LINES] = cell if isinstance(cell, str) else cell[0]
