"""Whatever an address holds: every page opens, shows it to the letter, and reads no other path."""

import shutil
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from ui.shell import state

APP = Path(__file__).resolve().parents[2] / "app.py"
OUTSIDE = "../elsewhere"  # of the runs folder: a run lies there that no page may show
VALUES = (
    OUTSIDE,
    "<script>alert(1)</script>**bold**",
    "-1",
    "nan",
    "x" * 200_000,
    "x " * 100_000,
    "9" * 5000,
    "\x00\u202e'\";`",
)
TAKES = {
    "home": (state.MODEL,),
    "studies": (
        state.STUDY,
        state.BREAK,
        state.RESULT,
        state.PERSON,
        state.PATIENT,
        state.ORDER,
        state.PAGE,
        state.MODEL,
        state.SPLIT,
        state.PART,
        state.LABEL,
        state.VIEWS,
        state.HISTORY,
    ),
    "train": (state.RUN, state.EPOCH, state.PINS, state.SHOW),
    "runs": (
        state.CHOSEN,
        state.SEARCH,
        state.TAG,
        state.AGAINST,
        state.AXIS,
        state.CURVES,
        state.LEVEL,
        state.SMOOTHING,
        state.TOGETHER,
        state.EPOCH,
    ),
    "report_2018": (state.LENGTH,),
    "evaluate": (state.MODEL, state.EPOCH, state.FILMS, state.LINES, state.SECOND),
    "diagnose": (state.MODEL, state.THRESHOLD, state.STUDY, state.WHY, state.THROUGH, state.SECOND),
    "data": (state.MODEL,),
}
BESIDE = {  # what must be there too, for the others to be looked at
    "train": {state.RUN: "finished"},
    "runs": {state.CHOSEN: "finished"},
    "evaluate": {state.MODEL: "finished"},
    "diagnose": {state.MODEL: "finished"},
}


@pytest.fixture
def run_outside(run_copy: Path) -> Path:
    """One run where runs belong, and its twin beside their folder."""
    return Path(shutil.copytree(run_copy, run_copy.parent.parent / "elsewhere"))


def said(app: AppTest) -> list[str]:
    """The text of all that takes Markdown."""
    kinds = (
        app.title,
        app.header,
        app.subheader,
        app.markdown,
        app.caption,
        app.info,
        app.warning,
        app.error,
    )
    return [element.value for kind in kinds for element in kind]


def labels(app: AppTest) -> list[str]:
    """Return the labels of buttons and lists of choices."""
    buttons = [element.label for element in app.button]
    return buttons + [str(option) for element in app.selectbox for option in element.options]


def test_every_page_stands_in_the_table() -> None:
    assert TAKES.keys() == {path.stem for path in (APP.parent / "pages").glob("*.py")}


@pytest.mark.slow
@pytest.mark.parametrize("page", TAKES)
def test_no_value_breaks_a_page_or_is_taken_for_markdown(page: str, run_outside: Path) -> None:
    app = AppTest.from_file(str(APP), default_timeout=60)
    if page != "home":
        app.switch_page(f"pages/{page}.py")
    for name in TAKES[page]:
        for value in VALUES:
            app.query_params.clear()
            app.query_params.update(BESIDE.get(page, {}) | {name: value})
            app.run()
            assert not app.exception, (name, value)
            assert said(app), (name, value)
            for text in said(app):
                assert "<script>" not in text and "**bold**" not in text, (name, text)
                refused = any(word in text for word in ("No ", "no ", "received"))
                assert "elsewhere" not in text or refused, (name, text)
            assert max(map(len, said(app) + labels(app))) < 1_000, name
    assert run_outside.exists()
