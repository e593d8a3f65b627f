"""Every session key and query parameter, in one place.

Whatever a link must reproduce is in the address (`bind="query-params"`); the rest of a session may
be lost at a reload.
"""

import pickle
from contextlib import suppress
from typing import NoReturn

import streamlit as st
from streamlit.errors import StreamlitAPIException
from streamlit.runtime.uploaded_file_manager import DeletedFile

# Widgets bound to the address: the key is the parameter's name.
RUN = "run"  # Train: the run that is watched
MODEL = "model"  # Diagnose: the model in use; Evaluate: the model evaluated
THRESHOLD = "threshold"  # Diagnose: a film is positive when its probability is greater
LENGTH = "length"  # The 2018 report: "full" or "quick"
WHY = "why"  # Diagnose: whether heat maps are shown
THROUGH = "through"  # Diagnose: whether the films are predicted at every kept epoch
STUDY = "study"  # Studies, Diagnose: key of the open study
REWOUND = "rewound"  # Train, Runs, Evaluate: the run or model that the epoch slider belongs to
TOGETHER = "together"  # Runs: whether all runs are shown at the same epoch
EPOCH = "epoch"  # Train, Evaluate: the epoch shown; absent: the last, or the best
PINS = "pins"  # Train: keys of the pinned studies, with commas
SHOW = "show"  # Train: panels of the projector view, with commas; absent: the whole page
BREAK = "break"  # Studies: whether the known breaks of a phantom's films are drawn
DATA = "data"  # every page: identity of the data set that the address refers to, see `tab_data`
OWNER_TOKEN = "owner"  # every page: the owner's token, removed from the address at once

# In the address too, but written by our own callbacks: it must outlive the widgets that it fills.
SPLIT, PART, LABEL = "split", "part", "label"  # Studies: facets
VIEWS, HISTORY = "views", "history"  # Studies: how many views; what else the patient has
RESULT = "result"  # Studies: whether the model in use predicts it correctly
PERSON = "person"  # Studies: the patient all of whose studies are shown
PATIENT = "patient"  # Studies: text contained in the patient's name
ORDER = "order"  # Studies: how the wall is sorted
PAGE = "page"  # Studies: page of the wall, from 1
COMPARED = "compared"  # Studies: key of the study beside the open one
SAVED = "selection"  # Studies: name of a saved selection, or "*" for the ticked studies
MAP = "map"  # Studies: "true" while the map of all films is open
AREA = "area"  # Studies: corners of the area on the map whose films the wall shows
QUIZ = "quiz"  # Studies: "true" while labels are hidden
FILMS = "films"  # Evaluate: the films that a model is evaluated on: "valid", "test" ...
EVALUATED = "of"  # Evaluate: name of the selection that a model is evaluated on
SECOND = "second"  # Evaluate, Diagnose: the model beside the one evaluated, or in use
LINES = "lines"  # Evaluate: which studies are listed: "all", "wrong", "true positive"...
CHOSEN = "runs"  # Runs: the runs that are compared, each once
SEARCH = "search"  # Runs: words in a run's name, settings, tags or note
TAG = "tag"  # Runs: tags of a run
GROUP = "group"  # Runs: the cross-validation or sweep that is open
AGAINST = "against"  # Runs: the run that the others are compared with
AXIS = "x"  # Runs: x axis of the curves: "epoch", "step", "time" or "images"
CURVES = "curves"  # Runs: the films whose curves are drawn: "train", "dev", "valid"
LEVEL = "level"  # Runs: accuracy of "studies" or of "images"
SMOOTHING = "smoothing"  # Runs: weight of earlier values, 0 to 0.95

# Parameters that refer to a data set's studies, and mean something else in other data.
_OF_DATA = (
    STUDY,
    BREAK,
    SPLIT,
    PART,
    LABEL,
    VIEWS,
    HISTORY,
    RESULT,
    PERSON,
    PATIENT,
    ORDER,
    PAGE,
    COMPARED,
    SAVED,
    AREA,
)

# Session only.
SELECTION = "ticked-studies"  # every page: the selected studies, and the data set they are of
SELECT = "select"  # Studies, Data, Evaluate: box or button that selects; ends in place and study
SAVED_OPEN = "saved-selections"  # Studies: whether the saved selections are shown
SELECTION_NAME, SELECTION_TAGS = "selection-name", "selection-tags"  # every page: of the next one
SELECTION_NOTE = "selection-note"  # every page: note of the next saved selection
CORRECTION_WHY = "correction-why"  # Studies: why a label is corrected
IMPORT_WHY = "import-why"  # Data: why the labels of a table are taken
LABEL_COLUMN = "label-column"  # Data: columns of such a table; ends in its role and the columns
CORRECTIONS_TABLE = "corrections-table"  # Data: the ticked corrections; ends in their hash
BY_CORRECTED = "by-corrected"  # Evaluate: whether corrected labels are used
PERSON_NAME = "person-name"  # every page: who saves selections and corrects labels
SIMILAR = "similar"  # Studies: whether similar films are shown; the film, ends in the study's key
MAP_SWITCH = "map-switch"  # Studies: the switch of the map, filled from the address
MAP_MOVED = "map-moved"  # Studies: whether the map has changed the address, until the page is drawn
MAP_COLOURS = "map-colours"  # Studies: what the points of the map are coloured by
PINS_TABLE = "pins-table"  # Train: whether the pinned studies' scores are shown as a table
RESULTS_TABLE = "results-table"  # Runs: the ticked lines; ends in a hash of the table's runs
ALL_COLUMNS = "all-columns"  # Runs: whether a narrow window shows the columns that scroll
ENSEMBLE = "ensemble-name"  # Runs: name for the mean of the chosen runs
REFUSED = "refused"  # Runs: the chosen runs that became no ensemble, and why
FOLDS = "folds"  # Train: number of folds of a cross-validation
FOLDS_OPEN = "folds-open"  # Train: whether the cross-validation beside Start is open
NEW_GROUP = "new-group"  # Train: the group of runs that was just started and opens on Runs
SWEEP_ROLE = "sweep-role"  # Runs: with "-NAME", the studies that a sweep's answer rests on
SWEEP_OPEN = "sweep-open"  # Train: whether the sweep beside Start is open
SWEPT = "swept"  # Train: the settings that a sweep varies; with "-PATH" their values
SWEEP_SEEDS = "sweep-seeds"  # Train: number of seeds of each combination
CURVE_OPEN = "curve-open"  # Train: whether the learning curve beside Start is open
CURVE_SEEDS = "curve-seeds"  # Train: number of seeds at each share of a learning curve
NEW_FOLD_ENSEMBLE = "made-of-folds"  # Runs: the ensemble of folds that was just made
NEW_ENSEMBLE = "made"  # Runs: the ensemble that was just made and opens next
IMPORTS = "imports"  # Runs: number of runs imported in this tab; with it, the uploader
NEW_RUN = "new-run"  # Runs: the run that was just imported
SECTION = "section"  # Runs: part of the x axis that is drawn; ends in the axis and its end
CHOICES = "choices"  # Runs: how often the choice was changed by anything but the table
WAY = "way"  # Diagnose: whether files or a folder are dropped
OPENED = "opened"  # Diagnose: the study of an upload that is shown
STUDIES_TABLE = "studies-table"  # Diagnose: the line of an uploaded study that was clicked
COUNTED = "counted"  # Diagnose: doubted films included anyway; ends in the films' key
INVERTED = "inverted"  # Diagnose: films predicted inverted; ends in the films' key
UPLOADED_FILES = "kept"  # Diagnose: ids of the files uploaded last
UPLOAD = "upload"  # Diagnose: the uploader, with the number of its round
LATEST = "latest-verdict"  # Home: the last verdict of Diagnose, see `latest_verdict`
VIEWER = "film-viewer"  # the film viewer: strokes of the eraser, and its buttons' presses
COMPARED_BOX = "compared-box"  # Studies: the box with the study beside the open one
QUIZ_SWITCH = "quiz-switch"  # Studies: the switch that hides labels, filled from the address
REVEALED = "revealed"  # Studies: keys of the studies that show their labels in a quiz
FILM_PAGE = "film-page"  # Diagnose: which of many films are shown
PREDICTIONS_OF = "predictions-of"  # Studies: the box with the model in use, filled from the address
EVERYTHING = "everything"  # Diagnose: whether all studies of an upload are exported
NAMES = "names"  # Diagnose: whether the export names files, study and patient
PICKED = "picked-model"  # the model in use
SETTLED = "settled-model"  # the model in use when the page was last drawn as a whole
FOLLOWED = "followed-models"  # models of addresses already followed, each once
ALL_FIGURES = "all-figures"  # Evaluate: whether the table of all figures is open
CHECKLIST = "checklist"  # Evaluate: whether the checklist for a paper is open
SLICE = "slice"  # Evaluate: the part or number of views whose figures are shown
PREVALENCE, COST_RATIO = "prevalence", "cost-ratio"  # Evaluate: of its figures
FLOOR_LEVEL = "floor-level"  # Evaluate: whether floors are of "studies" or "images"
DIFFICULT = "difficult"  # Evaluate: whether the difficult studies are open
DIFFICULT_KIND = "difficult-kind"  # Evaluate: which of their lists is shown
DIFFICULT_PAGE = "difficult-page"  # Evaluate: its page, from 1; ends in the list's kind
LAB, CALIBRATION, PROMISE = "lab", "calibration", "promise"  # Evaluate: whether a fold is open
LAB_THRESHOLD = "lab-threshold"  # Evaluate: of the aggregation lab; ends in the model
LAB_VIEWS = "lab-views"  # Evaluate: the number of views that the lab shows
POINT_RULE, POINT_AIM, POINT_COST = "point-rule", "point-aim", "point-cost"  # Evaluate: to be kept
LEVEL_CALIBRATED = "calibrated-level"  # Evaluate: whether studies or images are shown
PROMISE_FIELDS = "promise-of"  # Evaluate, Diagnose: its numbers; ends in name and model
PROMISED = "promised"  # Evaluate, Diagnose: the model, and the promise that this tab has set
MATRIX = "matrix"  # Evaluate: the cell of the confusion matrix that was clicked
TABLE = "table"  # Evaluate: the line of a study that was clicked
UPLOAD_ROUND = "upload-round"  # Diagnose: how often the uploader was emptied
PRESET = "preset"  # Train: the preset that the form begins with
RUN_NAME, RUN_TAGS, RUN_NOTE = "run-name", "run-tags", "run-note"  # Train: of the next run
NETWORK_FILE = "network-file"  # Train: the dropped file of a network of the owner's own
STARTED = "started"  # Train: name of the run that this tab started last
LAUNCHER = "launcher"  # Train: who starts the next runs, where there is a choice
PARTS = "parts"  # Train: body parts to train on
DRAWN = "drawn"  # Train: how often new augmentations of the example films were drawn
TICK = "tick"  # Data: whether a finding's films are excluded; ends in the finding's kind
ENTRIES = "entries"  # Data: whether a finding's films are shown; ends in the finding's kind
FAMILIES = "families"  # Train: whether copies stay on one side of the split
TRAIN_ON = "train-on"  # Train: name of the selection to train on
CORRECTED = "corrected-labels"  # Train: whether corrected labels are used
EXCLUDE = "exclude"  # Train: whether the ticked films are excluded
FOLDER = "folder"  # Data: the typed path
CHANGED = "data-changed"  # Data: whether the data in use was just changed, until the page says so
CLASSES = "classes"  # Data: the class folders of that path, until the positive one is chosen
FETCH_FOLDER = "fetch-folder"  # Data: where the open set is put
TABLE_FILE = "table-file"  # Data: the path of a table of films
TABLE_FOLDER = "table-folder"  # Data: the folder that its paths are relative to
POSITIVE = "positive"  # Data: the class that means a fracture
ABOUT = "about"  # Train: whether "About" is open; ends in the run's name
NEXT_RUN = "next-run"  # Train: the run that the whole page is drawn with next, until it begins
DELETING = "deleting"  # Train: the run of which is asked whether to delete it, until it is asked
MORE_TAB = "more-tab"  # Train: the tab of "More" that is open
MORE = "more"  # Train: whether "More" is open; ends in the run's name, so that a fork's is closed
RECEIPT = "receipt"  # every page: whether a receipt is open; ends in its group of figures
NOTICE = "notice"  # every page: message of the last action, until it is shown
AVERAGE_NAME, AVERAGE_EPOCHS = "average-name", "average-epochs"  # Train: of a mean; ends in the run
REFUSED_AVERAGE = "refused-average"  # Train: why no mean was made; ends in the run's name
REFUSED_NOTES = "refused-notes"  # Train, Runs: why notes were not kept; ends in the run's name
LEARNED = "learned"  # Train: whether filters and feature maps are shown
DISMISSED = "coach"  # Train: the dismissed advice; ends in the run's name
WATCHED = "watched"  # Train: run and panels of the address when the page was last drawn
ARRIVED = "arrived"  # Train: whether a run was just started, so that its page opens at the top
OPEN_RUN = "open-run"  # Home: name of the run that was just started and opens next
DRAWINGS = "drawings"  # every page: how often whole pages were drawn in this tab
LAST_MESSAGE = "last-message"  # every page: its text, its end time, the drawing it was shown in
READING = "reading"  # every page: the data set that this browser tab reads
DECLINED_DATA = "stayed"  # every page: the data set in use that this tab did not switch to
OWNER = "owner-token"  # every page: the given token, while a room is open
OWNER_FIELD = "owner-field"  # every page: the field for it
RUN_TOKEN = "run-token"  # Train: end of the next run's name


def check_serializable() -> None:
    """Check that the session holds plain data only, so that it survives a reload.

    Streamlit's own check (`enforceSerializableSessionState`) refuses its views of a component's
    state; these are dicts of plain data, and accepted here.

    Raises:
        TypeError: names the key.
    """
    for key, value in st.session_state.items():
        try:
            pickle.dumps(dict(value) if isinstance(value, dict) else value)
        except Exception as error:  # whatever the value's own pickling raises
            raise TypeError(
                f"The session's {key!r} holds a {type(value)}, which is not plain data."
            ) from error


def put(name: str, value: str | list[str]) -> None:
    """Write a value into the address; an empty one is removed from it.

    A parameter that refers to the data set adds the data set's identity.
    """
    if value:
        identity = st.session_state.get(READING, {}).get("identity")
        of_data = {DATA: identity} if name in _OF_DATA and identity else {}
        st.query_params.update({name: value, **of_data})  # one step for the browser's Back
    elif name in st.query_params:
        del st.query_params[name]


def leave_data() -> None:
    """Remove everything that refers to a data set from the address."""
    values = {name: st.query_params.get_all(name) for name in st.query_params}
    st.query_params.from_dict({k: v for k, v in values.items() if k not in (*_OF_DATA, DATA)})
    st.session_state.pop(PARTS, None)


def fill(name: str, value: object) -> None:
    """Set the widget of this key to the address's value, before it is drawn."""
    if st.session_state.get(name) != value:
        st.session_state[name] = value


def lead(name: str, value: str | None) -> None:
    """Set a widget that is bound to the address, before it is drawn.

    A widget that was not drawn on this page yet takes its value from the address; for one that
    was, Streamlit writes the address itself and refuses other writes.
    """
    fill(name, value)
    if value and st.query_params.get(name) != value:
        with suppress(StreamlitAPIException):
            st.query_params[name] = value


def follow_link() -> None:
    """Update the browser's address after a link from Train to Train.

    Streamlit rewrites it only if the path changes; a live view, which the browser polls, would
    keep getting the old address.
    """
    watched = [st.query_params.get(name, "") for name in (RUN, SHOW)]
    if st.session_state.get(WATCHED, watched) != watched:
        st.query_params.update()  # sends the current parameters to the browser
    st.session_state[WATCHED] = watched


def is_projected() -> bool:
    """Return True where the address asks for a run's projector view."""
    return RUN in st.query_params and SHOW in st.query_params


def open_run(name: str) -> None:
    """Show another run instead of the current one, at its latest epoch."""
    st.session_state[NEXT_RUN] = name
    _open(name)


def _open(name: str) -> None:
    pins = {PINS: st.query_params[PINS]} if PINS in st.query_params else {}
    st.query_params.from_dict({RUN: name, **pins})


def next_run(name: str) -> str:
    """The run that the page shows once it is drawn as a whole; else the one of this name."""
    return str(st.session_state.get(NEXT_RUN, name))


def redraw_run(name: str) -> NoReturn:
    """Draw the whole page of this run, or of one just opened, from a fragment that is polled.

    Streamlit joins the rerun with a poll that comes in before it, and takes the address of that:
    a busy browser still has the one from before the run was opened.
    """
    st.session_state[NEXT_RUN] = name = next_run(name)
    put(RUN, name)
    st.rerun()


def begin_run_page() -> None:
    """Put the run that is drawn next into the address, whatever a poll has brought."""
    name = st.session_state.pop(NEXT_RUN, None)
    if name and st.query_params.get(RUN) != name:
        _open(name)


def lost_uploads(key: str) -> bool:
    """Return True if the uploader of this key lists files that the server no longer has.

    This happens after a restart of the server: the browser's page stays, its session is gone.
    """
    held = st.session_state.get(key) or []
    return any(
        isinstance(file, DeletedFile) for file in (held if isinstance(held, list) else [held])
    )


def tick(key: str, names: list[str]) -> None:
    """Tick exactly these names in the widget of this key."""
    st.session_state[key] = names


def forget_threshold() -> None:
    """Reset the threshold, so that another model brings its own, unless the address names one."""
    st.session_state.pop(THRESHOLD, None)
