"""Results of a model on Evaluate: their films, their computation, and their figures."""

from dataclasses import replace
from pathlib import Path

import streamlit as st

from fracture_core.config.reference import Reference
from fracture_core.cross_validation import out_of_fold
from fracture_core.curation.selections import Selection
from fracture_core.datasets import catalog
from fracture_core.epochs import predictions
from fracture_core.errors import DataError, FractureError
from fracture_core.evaluations import evaluation, evaluation_file, evaluation_job
from fracture_core.evaluations.evaluation import Evaluation
from fracture_core.model_comparison import stored_predictions
from fracture_core.models import model_card
from fracture_core.models.model import Model
from fracture_core.releases import ensemble
from fracture_core.reports import receipts
from fracture_core.runs import run_facts, run_folders, run_status
from fracture_core.runs.run_status import State
from fracture_core.verdicts.metrics import Summary
from fracture_core.words import plural
from ui.cache import data_cache, model_cache
from ui.evaluate import (
    checklist_panel,
    confusion_matrix,
    curation,
    figures_panel,
    floors_panel,
    study_lines,
)
from ui.lab import calibration_panel, lab_panel, point_panel, promise_panel
from ui.shared import epoch_slider, figures, plots, receipt, theme
from ui.shell import actions, owner, state, tab_data

POLL_SECONDS = 1.0  # while an evaluation is running
MATRIX_PX = 350  # least width of a matrix
ORIGIN = {
    "valid": "Valid films were not used to pick the epoch or the threshold.",
    "test": "Test films were not used to pick the epoch or the threshold.",
    "dev": "The epoch was picked on dev films, so the figures are optimistic.",
    evaluation.SELECTION: "A selection's studies were picked by hand, in any split.",
    out_of_fold.SPLIT: "Out of fold: each film is predicted by a network of the same settings that "
    "was not trained on its patient, not by this model.",
}


def at_epoch(reference: str, model: Model) -> tuple[str, Model] | None:
    """Return a run's model at the slider's epoch, by default the model's own.

    If that epoch's weights are no longer kept, show a sentence and return `None`.
    """
    if not model.is_run:
        return reference, model
    kept = predictions.epochs(run_folders.find(model.run))
    by_dev = "dev" in model.card.metrics
    word = "best" if by_dev else epoch_slider.LATEST
    if Reference.parse(reference):
        word = "picked"
    epoch = epoch_slider.ask(reference, kept, model.card.epoch, word)
    if epoch in (None, model.card.epoch):
        return reference, model
    try:
        at_epoch = str(Reference(run=model.run, epoch=epoch))
        return at_epoch, model_cache.model(at_epoch)
    except FractureError as error:
        st.error(theme.plain(str(error)), icon=":material/error:")
        return None


def pick_films(model: Model) -> str:
    """Let the viewer pick the films to evaluate, in the address: a key of `ORIGIN`.

    Raises:
        DataError: there are none, neither kept with the model nor in the data set in use.
    """
    available = stored_predictions.roles(model)
    try:
        dataset = data_cache.dataset()
        available |= set(dataset.manifest["split"].unique()) - {"train"}
        if curation.has_selections():
            available.add(evaluation.SELECTION)
    except DataError:
        if not available:  # a run's own tables need no data set
            raise
    if not available:
        raise DataError(
            f"A model is evaluated on films that it was not trained on; {dataset.root} has "
            "training films only, and the model keeps none. Choose other data on the Data page."
        )
    options = [films for films in ORIGIN if films in available]
    return st.segmented_control(
        "Evaluated on",
        options,
        default=options[0],
        required=True,
        key=state.FILMS,
        bind="query-params",
        help=" ".join(ORIGIN[films] for films in options),
    )


def fetch(reference: str, model: Model, films: str) -> Evaluation | None:
    """Return a stored result; otherwise show how to get it, and return `None`.

    Raises:
        DataError: the data set in use cannot be read.
    """
    if films not in stored_predictions.roles(model):
        selection = curation.pick() if films == evaluation.SELECTION else None
        return evaluated(reference, model, films, selection)
    return stored_predictions.of_role(model, films)


def evaluated(
    reference: str, model: Model, split: str, selection: Selection | None
) -> Evaluation | None:
    """Return the result on the data set in use; otherwise show its progress, or a start button.

    Args:
        reference: of the model, as picked.
        model: the model itself.
        split: of the data set, or `evaluation.SELECTION`.
        selection: the studies of the split to be evaluated; `None` for all.
    """
    dataset = data_cache.dataset()
    if not dataset.complete:
        st.info("Synthetic films are still being generated; they can be evaluated after that.")
        return None
    tab_data.put_in_address()
    folder = evaluation_job.folder_of(reference, dataset, split, selection)
    # Status first: once it says that the process has ended, its files are final.
    status = run_status.read(folder) if (folder / "asked.json").is_file() else None
    result = evaluation_file.load(folder)
    if result:  # made with the card's threshold, which may be another since
        return replace(result, threshold=model.card.threshold)
    if status and status.state.alive:
        st.fragment(_watch, run_every=POLL_SECONDS)(str(folder))
        return None
    if status and status.state is not State.FINISHED:
        st.error(theme.plain(status.message), icon=":material/error:")
    count = len(
        selection.keys if selection else catalog.studies(catalog.select(dataset.manifest, split))
    )
    badge = f" {theme.synthetic_badge()}" if dataset.synthetic else ""
    name = theme.plain(dataset.root.name)
    films = f"selection {theme.plain(selection.name)}" if selection else f"{split} films"
    st.write(f"This model has not been evaluated on the {films} of {name}{badge} yet.")
    owner.button(
        f"{'Try again: evaluate' if status else 'Evaluate'} {plural(count, 'study')}",
        key=f"evaluate-{reference}",
        type="primary",
        icon=":material/grid_view:",
        on_click=actions.pressed,
        args=(actions.evaluate, reference, dataset, split, selection),
    )
    return None


def _watch(folder: str) -> None:
    status = run_status.read(Path(folder))
    if not status.state.alive:
        st.rerun()
    st.progress(min(1.0, status.progress), theme.plain(status.message))
    st.caption("It continues if you leave this page, and its result is kept.")


def show(result: Evaluation, reference: str, model: Model) -> None:
    """Draw one sentence, the confusion matrix, the figures, and a line per study."""
    curation.warn(result, model)
    summaries = result.summaries()
    studies, images = summaries["studies"], summaries["images"]
    if model.card.synthetic and not result.data.get("synthetic"):
        st.warning("This model was trained on synthetic films only; these are real.")
    st.title(figures.headline(studies), anchor=False)
    _matrices(result, studies, images)
    badge = f" {theme.synthetic_badge()}" if result.data.get("synthetic") else ""
    name = theme.plain(Path(str(result.data.get("root"))).name)
    films = "" if result.data.get("selection") else " films"
    st.markdown(
        f"Evaluated on the **{theme.plain(result.films_words)}**{films} of **{name}**{badge}. "
        f"{figures.against_baseline(studies)} {_selection(result.split, reference, model)}"
    )
    if result.data.get("hash") != data_cache.dataset().hash and not data_cache.phantom_is_growing():
        st.warning(f"These films are from {name}, not from the data in use.")
    meaning = theme.plain(_meaning(result, model))
    split = theme.plain(model.card.data.split_words)
    used = result.data.get("corrections")
    labels = f" {theme.plain(run_facts.corrections_words(used))}" if used else ""
    st.caption(f"{meaning}{labels} Threshold {result.threshold:.2f}. {split} Not a medical device.")
    receipt.offer("headline", lambda: receipts.of_summaries(result, model))
    study_lines.show(result, reference)  # below the matrix, whose cells filter it
    floors_panel.show(result, reference, model)
    figures_panel.show(result, model)
    lab_panel.show(result, reference, model)
    calibration_panel.show(result, reference, model)
    promise_panel.show(result, reference, model)
    if model.card.members:
        _members(model)
    if result.refused:
        with st.expander(f"{plural(len(result.refused), 'film')} could not be read"):
            st.markdown("\n".join(f"- {theme.plain(reason)}" for _, reason in result.refused))
    checklist_panel.show(model)


def _members(model: Model) -> None:
    """An ensemble beside its members, on films that none of them was trained on."""
    members = ensemble.of_members(model)
    if not members:
        st.caption("Its members share no dev films, so they cannot be compared with it.")
        return
    named = [(theme.plain(name), summaries["studies"]) for name, summaries in members]
    whole = model.at_threshold(model.card.threshold)["studies"]
    with st.expander(f"The ensemble and its {len(members)} members", expanded=True):
        rows = [*named, (f"**{theme.plain(model.card.name)}**", whole)]
        st.markdown(figures.side_by_side(rows))
        labels = point_panel.labels_words(model.dev_corrections)
        st.caption(
            f"On the {plural(whole.n, 'dev study')} that no member was trained on, at the "
            f"threshold of {model.card.threshold:.2f}.{labels} Widely overlapping intervals "
            "mean no measurable difference."
        )


def _selection(films: str, reference: str, model: Model) -> str:
    """The films' part in picking the epoch, one picked by hand included."""
    picked = Reference.parse(reference)
    if (model.card.members or model.card.averaged) and films == "dev":
        return theme.plain(model.card.dev_words)
    if not (picked and model.is_run):
        return ORIGIN[films]
    best = predictions.best_epoch(run_folders.find(picked.run))
    if picked.epoch == best and "dev" in model.card.metrics:
        return ORIGIN[films]
    own = "lowest dev loss" if "dev" in model.card.metrics else "last epoch"
    return (
        f"Epoch {picked.epoch} was picked by hand; if because of these figures, they are "
        f"optimistic. The {own}: epoch {best}."
    )


def _meaning(result: Evaluation, model: Model) -> str:
    """The meaning of positive in the labels of the evaluated films."""
    if result.data.get("hash") == model.card.data.hash:
        return model.card.label_meaning
    dataset = data_cache.dataset()
    facts = {"synthetic": dataset.synthetic, "kind": dataset.kind, "positive": dataset.positive}
    return f"{model_card.label_meaning(facts)} The model was trained on other data."


def _matrices(result: Evaluation, studies: Summary, images: Summary) -> None:
    """The confusion matrix of studies, with clickable cells; beside it that of images, if those
    are not the same, and all figures."""
    is_single = len(result.films) == len(result.studies())
    grid = st.grid(2, min_column_width=MATRIX_PX, gap="medium")
    with grid.cell():
        st.header(plural(studies.n, "study"), anchor=False)
        plots.show(
            confusion_matrix.draw(studies.confusion, "studies", theme.ink(), theme.colour),
            state.MATRIX,
            "The matrix of studies",
            words=confusion_matrix.words(studies.confusion, "studies"),
            table=confusion_matrix.table(studies.confusion),
            on_select=_list_cell,
            selection_mode="points",
            config={"displayModeBar": False},
        )
        rule = "" if is_single else "A study is positive if any of its images is. "
        st.caption(f"{rule}Click a cell to see its studies below.")
    with grid.cell():
        if is_single:
            st.header("All figures", anchor=False, help="Each film is a study of its own.")
            st.markdown(figures.single_table(studies))
            return
        st.header(plural(images.n, "image"), anchor=False)
        plots.show(
            confusion_matrix.draw(images.confusion, "images", theme.ink(), theme.colour),
            f"{state.MATRIX}-images",
            "The matrix of images",
            words=confusion_matrix.words(images.confusion, "images"),
            table=confusion_matrix.table(images.confusion),
            config={"displayModeBar": False},
        )
        st.caption("An image has the label of its study, whether it shows the break or not.")


def _list_cell() -> None:
    """List the studies of the clicked cell, or all studies once it is deselected."""
    points = st.session_state[state.MATRIX]["selection"]["points"]
    cell = points[0]["customdata"] if points else "all"
    study_lines.choose(cell if isinstance(cell, str) else cell[0])
