"""Every session key and query parameter, in one place.

What a link must reproduce lives in the address (`bind="query-params"`); the rest of a session is
only what a reload may lose.
"""

import pickle
import secrets
from contextlib import suppress
from datetime import datetime

import streamlit as st
from streamlit.errors import StreamlitAPIException
from streamlit.runtime.uploaded_file_manager import DeletedFile

# Widgets bound to the address: the key is the parameter's name.
RUN = "run"  # Train: the run that is watched
MODEL = "model"  # Diagnose: the model in use; Evaluate: the model that is looked at
THRESHOLD = "threshold"  # Diagnose: a film is positive when its probability is greater
LENGTH = "length"  # The 2018 report: "full" or "quick"
WHY = "why"  # Diagnose: whether heat maps are shown
THROUGH = "through"  # Diagnose: whether the films are judged at every kept epoch
STUDY = "study"  # Studies, Diagnose: key of the open study
REWOUND = "rewound"  # Train, Runs, Evaluate: what the epoch slider last stood for
TOGETHER = "together"  # Runs: whether all runs are looked at after one epoch
EPOCH = "epoch"  # Train, Evaluate: the epoch that is looked at; absent: the last, or the best
PINS = "pins"  # Train: keys of the pinned studies, with commas
SHOW = "show"  # Train: panels of the projector view, with commas; absent: the whole page
BREAK = "break"  # Studies: whether the known breaks of a phantom's films are drawn
DATA = "data"  # every page: the data set that the address names something in, see `ui.reading`
OWNER_TOKEN = "owner"  # every page: the owner's token, taken out of the address at once

# In the address too, but written by ui/facets.py: it must outlive the widgets that it fills.
SPLIT, PART, LABEL = "split", "part", "label"  # Studies: facets
VIEWS, HISTORY = "views", "history"  # Studies: how many views; what else the patient has
RESULT = "result"  # Studies: whether the model in use judged it right
PERSON = "person"  # Studies: the patient all of whose studies are shown
PATIENT = "patient"  # Studies: text that the patient's name holds
ORDER = "order"  # Studies: how the wall is sorted
PAGE = "page"  # Studies: page of the wall, from 1
FILMS = "films"  # Evaluate: the films that a model is judged on: "valid", "dev" or "test"
LINES = "lines"  # Evaluate: which studies are listed: "all", "wrong", "true positive"...
CHOSEN = "runs"  # Runs: the runs that are compared, each once
SEARCH = "search"  # Runs: words that a run's name, settings, tags or note hold
TAG = "tag"  # Runs: tags that a run has
AGAINST = "against"  # Runs: the run that the others are compared with
AXIS = "x"  # Runs: what the curves run over: "epoch", "step", "time" or "images"
CURVES = "curves"  # Runs: the films whose curves are drawn: "train", "dev", "valid"
LEVEL = "level"  # Runs: accuracy of "studies" or of "images"
SMOOTHING = "smoothing"  # Runs: weight of what came before, 0 to 0.95

# What an address says of a data set's studies: it means another thing in other data.
_OF_DATA = (
    STUDY, BREAK, SPLIT, PART, LABEL, VIEWS, HISTORY, RESULT, PERSON, PATIENT, ORDER, PAGE,
)  # fmt: skip

# Session only.
RESULTS_TABLE = "results-table"  # Runs: the lines that are ticked; ends in what the table shows
ENSEMBLE = "ensemble-name"  # Runs: what the mean of the chosen runs is to be called
REFUSED = "refused"  # Runs: the chosen runs that became no ensemble, and why
MADE = "made"  # Runs: the ensemble that was just made and is to be opened
CHOICES = "choices"  # Runs: how often the choice was changed by something else than the table
WAY = "way"  # Diagnose: whether files or a folder are dropped
OPENED = "opened"  # Diagnose: the study of an upload that is shown
STUDIES_TABLE = "studies-table"  # Diagnose: the line of an uploaded study that was clicked
COUNTED = "counted"  # Diagnose: doubted films that count all the same; ends in the films' key
INVERTED = "inverted"  # Diagnose: films whose greys are exchanged; ends in the films' key
KEPT = "kept"  # Diagnose: what stands for the films that were dropped last
UPLOAD = "upload"  # Diagnose: the uploader, with the number of its round
VIEWER = "film-viewer"  # the film viewer: what was brushed over on which study's films
FILM_PAGE = "film-page"  # Diagnose: which of many films are shown
JUDGE = "judge"  # Studies: the box with the model in use, filled from the address
EVERYTHING = "everything"  # Diagnose: whether all studies of an upload are exported
NAMES = "names"  # Diagnose: whether what is exported names files, study and patient
PICKED = "picked-model"  # the model in use
SETTLED = "settled-model"  # the model in use when the page was last drawn as a whole
FOLLOWED = "followed-models"  # models of addresses that were followed, each once
MATRIX = "matrix"  # Evaluate: the cell of the confusion matrix that was clicked
TABLE = "table"  # Evaluate: the line of a study that was clicked
_ROUND = "upload-round"  # Diagnose: how often the uploader was emptied
PRESET = "preset"  # Train: the settings to begin with
PARTS = "parts"  # Train: body parts to train on
DRAWN = "drawn"  # Train: how often other random changes of the example films were asked for
TICK = "tick"  # Data: whether a finding's films are left out; ends in the finding's kind
ENTRIES = "entries"  # Data: whether a finding's films are shown; ends in the finding's kind
EXCLUDE = "exclude"  # Train: whether the ticked films are left out
FOLDER = "folder"  # Data: the path that was typed
CLASSES = "classes"  # Data: the class folders of that path, while the positive one is asked
POSITIVE = "positive"  # Data: the class that means a fracture
MORE = "more"  # Train: whether "More" is open; ends in the run's name, so that a fork's is closed
NOTICE = "notice"  # Train: what the last action ended in, until it is shown
REFUSED_NOTES = "refused-notes"  # Train, Runs: why notes were not kept; ends in the run
LEARNED = "learned"  # Train: whether filters and feature maps are shown
COACH = "coach"  # Train: the advice that was waved off; ends in the run's name
WATCHED = "watched"  # Train: run and panels of the address when the page was last drawn
ARRIVED = "arrived"  # Train: a run was just started, and is shown from its top
OPEN_RUN = "open-run"  # Home: name of the run that was just started and is to be opened
DRAWINGS = "drawings"  # every page: how often whole pages were drawn in this tab
TOLD = "told"  # every page: the last message, until when it is repeated, and when it was shown
READING = "reading"  # every page: the data set that this browser tab reads
STAYED = "stayed"  # every page: the data set that came into use and is not read in this tab
OWNER = "owner-token"  # every page: the token that was given, while a room is open
OWNER_FIELD = "owner-field"  # every page: the field for it
_TOKEN = "run-token"  # Train: ends the name of the run that the form would start


def check_serializable() -> None:
    """What a session holds is plain data, so that it survives a reload: a defect otherwise.

    Streamlit's own check (`enforceSerializableSessionState`) refuses the views that it makes of a
    component's state; these are dicts of plain data, and count as such here.

    Raises:
        TypeError: names the key.
    """
    for key, value in st.session_state.items():
        try:
            pickle.dumps(dict(value) if isinstance(value, dict) else value)
        except Exception as error:  # whatever the value's own pickling raises
            raise TypeError(f"The session's {key!r} holds a {type(value)}, no data.") from error


def put(name: str, value: str | list[str]) -> None:
    """Write a value into the address; an empty one leaves it.

    What names something in the data set brings the data set's identity along.
    """
    if value:
        identity = st.session_state.get(READING, {}).get("identity")
        of_data = {DATA: identity} if name in _OF_DATA and identity else {}
        st.query_params.update({name: value, **of_data})  # one step for the browser's Back
    elif name in st.query_params:
        del st.query_params[name]


def leave_data() -> None:
    """Take what names something in a data set out of the address."""
    left = {name: st.query_params.get_all(name) for name in st.query_params}
    st.query_params.from_dict({k: v for k, v in left.items() if k not in (*_OF_DATA, DATA)})
    st.session_state.pop(PARTS, None)


def fill(name: str, value: object) -> None:
    """Give the widget of this key what the address says, before it is drawn."""
    if st.session_state.get(name) != value:
        st.session_state[name] = value


def lead(name: str, value: str | None) -> None:
    """Give a widget that is bound to the address this value, before it is drawn.

    A widget that was not drawn on this page yet takes what the address says; of one that was,
    Streamlit writes the address itself and refuses that anybody else does.
    """
    fill(name, value)
    if value and st.query_params.get(name) != value:
        with suppress(StreamlitAPIException):
            st.query_params[name] = value


def follow_link() -> None:
    """Let the browser's address follow a link that leads from Train to Train.

    Streamlit rewrites it only where the path changes; a live view, which the browser asks for
    again and again, would be given the address of before.
    """
    here = [st.query_params.get(name, "") for name in (RUN, SHOW)]
    if st.session_state.get(WATCHED, here) != here:
        st.query_params.update()  # says to the browser what it holds
    st.session_state[WATCHED] = here


def open_run(name: str) -> None:
    """Put another run in the place of the one that is shown, at its latest epoch."""
    pins = {PINS: st.query_params[PINS]} if PINS in st.query_params else {}
    st.query_params.from_dict({RUN: name, **pins})


def token() -> str:
    """What the next run's name ends in; the same until `new_token`, so that a double click starts
    one run."""
    fresh = f"{datetime.now():%m%d-%H%M%S}-{secrets.token_hex(1)}"
    return st.session_state.setdefault(_TOKEN, fresh)


def new_token() -> None:
    """Make ready for another run."""
    st.session_state.pop(_TOKEN, None)


def lost_uploads(key: str) -> bool:
    """Whether the browser lists files in the uploader of this key that the server does not have.

    So it is after a restart of the server: the page in the browser stays, its session is gone.
    """
    held = st.session_state.get(key) or []
    return any(
        isinstance(file, DeletedFile) for file in (held if isinstance(held, list) else [held])
    )


def upload_key() -> str:
    """The uploader's key; `judge_study` changes it, which empties the uploader."""
    return f"{UPLOAD}-{st.session_state.get(_ROUND, 0)}"


def diagnose_study(key: str) -> None:
    """Put a study of the data set in the place of what was uploaded."""
    st.session_state[_ROUND] = st.session_state.get(_ROUND, 0) + 1
    put(STUDY, key)


def diagnose_uploads() -> None:
    """Put what was uploaded in the place of a study of the data set."""
    st.query_params.pop(STUDY, None)


def take_uploads() -> None:
    """Other films are in the uploader than before: judge these, and open the study that is told."""
    st.session_state.pop(KEPT, None)
    st.session_state.pop(OPENED, None)
    diagnose_uploads()


def remove_uploads() -> None:
    """Empty the uploader, and forget what was dropped before another page was looked at."""
    st.session_state.pop(KEPT, None)
    st.session_state.pop(OPENED, None)
    st.session_state[_ROUND] = st.session_state.get(_ROUND, 0) + 1


def tick(key: str, names: list[str]) -> None:
    """Tick these in the box of that key, and no others."""
    st.session_state[key] = names


def forget_threshold() -> None:
    """Another model brings its own threshold, unless the address names one."""
    st.session_state.pop(THRESHOLD, None)
