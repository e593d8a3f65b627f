"""Accessibility: axe-core's rules, and the walks of who has a keyboard alone.

None of our own elements breaks a rule; what Streamlit's break is listed by rule and element.
"""

import re
import shutil
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from fracture_core.datasets import catalog
from fracture_core.runs import run_lock, run_status
from tests.browser import accessibility
from tests.browser.conftest import Server, free_port, whole

ONE, OTHER = "three_conv-1_a", "three_conv-2_b"  # names that Markdown would read as its own
SLOW = 120_000  # ms for a child that has to load TensorFlow first
# In the dark theme its chosen segments, in the accent on a tint of it; with a lighter accent it
# would be its main buttons, in white on the accent.
STREAMLIT_SEGMENTS = {("color-contrast", "p")}
STREAMLIT_CODE = {("color-contrast", "span")}  # colours of code, in the light theme
STREAMLIT_OFF = {("color-contrast", "p")}  # the label of a slider that is off
# What Markdown would have made of a name: it is read aloud as it is.
RAW = """() => {
    const [found, markup] = [[], /\\*\\*|:[a-z-]+\\[|:material|\\\\[^\\w\\s]/];
    const walk = (root) => root.querySelectorAll("*").forEach((each) => {
        for (const name of ["aria-label", "alt", "title", "placeholder"]) {
            const words = each.getAttribute(name) ?? "";
            if (markup.test(words)) found.push(`${name}: ${words}`);
        }
        if (each.shadowRoot) walk(each.shadowRoot);
    });
    walk(document);
    return found;
}"""
FOCUSED = """() => {
    let each = document.activeElement;
    while (each.shadowRoot?.activeElement) each = each.shadowRoot.activeElement;
    return each;
}"""


@pytest.fixture(scope="module")
def app(
    tmp_path_factory: pytest.TempPathFactory, phantom_root: Path, finished_run: Path
) -> Iterator[Server]:
    """A server with two finished runs, a failed one, and one that compiles its network."""
    folder = tmp_path_factory.mktemp("accessibility")
    for name in (ONE, OTHER):
        shutil.copytree(finished_run, folder / "runs" / name)
    before = run_status.read(finished_run).__dict__
    for name, changed in (
        ("failed", {"state": run_status.State.FAILED, "message": "The disk is full."}),
        ("begun", {"state": run_status.State.STARTING, "phase": "compiling", "epoch": 0}),
    ):
        shutil.copytree(finished_run, folder / "runs" / name)
        status = run_status.Status(**{**before, **changed})
        run_status.write(folder / "runs" / name, status)
    (folder / "runs" / "begun" / "metrics.jsonl").write_text("")
    server = Server(folder=folder, data=phantom_root, port=free_port())
    server.start()
    yield server
    server.stop()


@pytest.fixture
def study(phantom_root: Path) -> str:
    """The key of a study of several views, with another one after it."""
    table = catalog.studies(catalog.read(phantom_root).manifest)
    return str(table[table["views"] >= 2]["key"].iloc[0])


@pytest.fixture
def open_dark(browser: Browser) -> Iterator[Callable[[str], Page]]:
    """Opens a tab in the dark theme."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, color_scheme="dark")

    def opened(url: str) -> Page:
        page = context.new_page()
        page.goto(url)
        return page

    yield opened
    context.close()


def check(page: Page, streamlit: Iterable[tuple[str, str]] = ()) -> None:
    """Fail on rules broken, and on labels that are read aloud with their markup."""
    accessibility.check(page, streamlit)
    assert page.evaluate(RAW) == []


def is_focused(place: Locator) -> bool:
    """Return whether an element has the focus."""
    return bool(place.evaluate(f"(each) => each === ({FOCUSED})()"))


def tab_to(page: Page, place: Locator, key: str = "Tab", most: int = 60) -> None:
    """Press Tab until an element has the focus, and see that its focus is drawn."""
    expect(place).to_be_visible()
    for _ in range(most):
        page.keyboard.press(key)
        if is_focused(place):
            return
    raise AssertionError(f"{most} times {key} lead to no {place}")


def ringed(place: Locator) -> bool:
    """Return whether a ring of 2 px at least is drawn around an element of ours."""
    return bool(
        place.evaluate(
            "(e) => parseFloat(getComputedStyle(e).outlineWidth) >= 2"
            " && getComputedStyle(e).outlineStyle === 'solid'"
        )
    )


# --- the checker, in every state -----------------------------------------------------------------


@pytest.mark.slow
def test_an_open_study_and_its_viewer_break_no_rule(
    app: Server, open_dark: Callable[[str], Page], study: str
) -> None:
    page = open_dark(f"{app.url}/studies?study={study}")
    film = page.locator(".pane > canvas:not(.lens)").nth(1)
    expect(film).to_have_attribute("data-zoom", "1.000")
    check(page)
    page.get_by_role("button", name="Zoom in", exact=True).click()
    page.get_by_role("button", name="Window and level", exact=True).click()
    expect(film).to_have_attribute("data-zoom", "1.400")
    check(page)
    page.get_by_role("button", name="Shortcuts", exact=True).click()
    expect(page.get_by_role("dialog", name="Shortcuts")).to_be_visible()
    check(page)
    # The checker sees inside our component: a picture without a name is found there.
    page.locator(".bar").evaluate("bar => bar.append(new Image())")
    assert any(each.ours and each.rule == "image-alt" for each in accessibility.violations(page))


@pytest.mark.slow
def test_the_wall_its_filters_and_its_quiz_break_no_rule(
    app: Server, open_page: Callable[..., Page]
) -> None:
    page = open_page(f"{app.url}/studies?views=2")
    count = page.locator(".announcement")
    expect(count).to_have_text(re.compile(r"^Studies found: \d+, with \d+ films"))
    expect(page.get_by_role("img", name=re.compile("^The films of")).first).to_be_visible()
    check(page)
    before = count.text_content()
    page.get_by_role("button", name=re.compile("^forearm")).click()
    expect(count).not_to_have_text(before or "")  # announced
    page.get_by_text("Quiz me").first.click()
    expect(page.get_by_text("label hidden").first).to_be_visible()
    check(page)
    page.get_by_role("searchbox", name="Patient").fill("nobody")
    page.keyboard.press("Enter")
    expect(page.get_by_text("No study matches")).to_be_visible()
    check(page)


@pytest.mark.slow
def test_a_run_at_rest_and_all_that_is_behind_its_buttons_break_no_rule(
    app: Server, open_page: Callable[..., Page]
) -> None:
    page = open_page(f"{app.url}/train?run={ONE}&epoch=2")
    expect(page.locator(".panel path.line").last).to_be_attached()
    whole(page)
    check(page)
    page.get_by_role("button", name="Show the values as a table").click()
    page.get_by_text("Filters and feature maps").click()
    page.get_by_text("As a table", exact=True).click()
    expect(page.get_by_role("table", name=re.compile("Scores of the films"))).to_be_visible()
    expect(page.get_by_role("img", name="maps of block 1")).to_be_visible()
    page.locator(".legend button").first.click()
    check(page)
    page.get_by_role("button", name="About").click()
    expect(page.locator("code .token").first).to_be_visible()  # it is coloured a little later
    check(page, STREAMLIT_CODE)
    page.keyboard.press("Escape")
    page.get_by_test_id("stPopover").get_by_role("button", name="More").click()
    for tab in ("Fork", "Save", "Notes", "Delete"):
        page.get_by_role("tab", name=tab).click()
        whole(page)
    check(page)


@pytest.mark.slow
def test_a_run_that_begins_one_that_failed_and_the_projector_break_no_rule(
    app: Server, open_dark: Callable[[str], Page]
) -> None:
    with run_lock.hold(app.folder / "runs" / "begun"):  # as its child
        page = open_dark(f"{app.url}/train?run=begun")
        expect(page.get_by_text("compiling", exact=True)).to_be_visible()
        expect(page.get_by_role("img", name=re.compile("no epoch is completed"))).to_have_count(3)
        check(page, STREAMLIT_OFF)
    page = open_dark(f"{app.url}/train?run=failed")
    expect(page.get_by_role("heading", name="Failed")).to_be_visible()
    expect(page.locator(".panel path.line").last).to_be_attached()
    whole(page)
    check(page)
    page.goto(f"{app.url}/train?run={ONE}&show=numbers,curves,studies,flips,learned")
    expect(page.get_by_role("heading", name="What it has learned")).to_be_visible()
    whole(page)
    check(page)


@pytest.mark.slow
def test_runs_alone_and_compared_break_no_rule(
    app: Server, open_page: Callable[..., Page], open_dark: Callable[[str], Page]
) -> None:
    page = open_page(f"{app.url}/runs")
    expect(page.get_by_test_id("stDataFrame")).to_be_visible()
    whole(page)
    check(page)
    page = open_dark(f"{app.url}/runs?runs={ONE}&runs={OTHER}")
    expect(
        page.get_by_role(
            "figure", name=re.compile(r"^Accuracy of studies: .*three_conv-1_a, dev .* at epoch 3")
        )
    ).to_be_visible()
    whole(page)
    check(page, STREAMLIT_SEGMENTS)
    page.get_by_text("Loss (per film) as a table").click()
    rows = page.get_by_role("table", name="Values: Loss (per film)").get_by_role("row")
    expect(rows).to_have_count(4)
    expect(rows.nth(1)).to_contain_text(re.compile(r"^3"))
    page.get_by_role("button", name="Tags and note").click()
    check(page, STREAMLIT_SEGMENTS)


@pytest.mark.slow
def test_the_button_of_an_open_receipt_has_the_colour_of_text(
    app: Server, open_dark: Callable[[str], Page]
) -> None:
    page = open_dark(f"{app.url}/runs?runs={ONE}")
    button = page.get_by_role("button", name="Receipt")
    button.click()
    expect(button).to_have_attribute("aria-expanded", "true")
    text = page.get_by_test_id("stApp").evaluate("app => getComputedStyle(app).color")
    expect(button).to_have_css("color", text)


# --- walks with the keyboard alone ---------------------------------------------------------------


@pytest.mark.slow
def test_a_study_is_opened_read_in_full_screen_and_left_by_keys(
    app: Server, open_page: Callable[..., Page]
) -> None:
    page = open_page(f"{app.url}/studies?views=2")
    button = page.locator("[class*='st-key-open-'] button").first
    expect(page.get_by_role("img", name=re.compile("^The films of")).first).to_be_visible()
    whole(page)
    tab_to(page, button, most=120)  # past all filters
    page.keyboard.press("Enter")
    film = page.locator(".film").first
    canvas = page.locator(".pane > canvas:not(.lens)").first
    expect(canvas).to_have_attribute("data-zoom", "1.000")
    whole(page)
    other = page.get_by_role("combobox", name="Compare with")
    tab_to(page, other)
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("option").first).to_be_visible()
    page.keyboard.press("Escape")  # closes the list, and leaves the study open
    expect(page.get_by_role("option")).to_have_count(0)
    tab_to(page, film)
    assert ringed(film)
    page.keyboard.press("+")
    expect(canvas).to_have_attribute("data-zoom", "1.400")
    before = canvas.evaluate("each => each.toDataURL()")
    page.keyboard.press("ArrowRight")
    drawn = [canvas.element_handle(), before]
    page.wait_for_function("([canvas, old]) => canvas.toDataURL() !== old", arg=drawn)

    # The ruler: the cross goes 10 steps to the right between its two points.
    page.keyboard.press("d")
    page.keyboard.press("Enter")
    for _ in range(10):
        page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    spoken = page.locator(".viewer .unseen")
    expect(spoken).to_have_text(re.compile(r"^Ruler: [\d.]+ (mm|px)"))
    expect(page.locator(".over .mark text").first).to_be_visible()
    tab_to(page, page.get_by_role("button", name="Clear marks"), "Shift+Tab")
    page.keyboard.press("Enter")
    expect(page.locator(".over .mark")).to_have_count(0)
    assert is_focused(page.get_by_role("button", name="Magnifier"))  # beside the one that went

    full = page.get_by_role("button", name="Full screen", exact=True)
    leave = page.get_by_role("button", name="Exit full screen", exact=True)
    tab_to(page, full)
    assert ringed(full)
    page.keyboard.press("Enter")
    expect(leave).to_be_visible()
    assert is_focused(leave)
    page.keyboard.press("v")
    expect(spoken).to_have_text(re.compile("^View 1 of 2"))
    page.keyboard.press("0")
    tab_to(page, page.get_by_role("button", name="Next study"), "Shift+Tab")
    page.keyboard.press("Enter")
    expect(spoken).to_have_text(re.compile("patient"))
    assert page.evaluate("() => document.fullscreenElement !== null")
    tab_to(page, leave)
    page.keyboard.press("Enter")
    expect(full).to_be_visible()
    assert is_focused(full)

    # Single keys are switched off, all of them, and the list's button brings them back.
    tab_to(page, page.get_by_role("button", name="Shortcuts", exact=True), "Shift+Tab")
    page.keyboard.press("Enter")
    box = page.get_by_role("checkbox", name=re.compile("Single-key shortcuts"))
    tab_to(page, box)
    page.keyboard.press("Space")
    page.keyboard.press("Escape")
    assert is_focused(page.get_by_role("button", name="Shortcuts", exact=True))
    for key in ("i", "f", "?", "+"):
        page.keyboard.press(key)
    expect(page.get_by_role("dialog", name="Shortcuts")).to_be_hidden()
    expect(full).to_be_visible()
    invert = page.get_by_role("button", name="Invert")
    expect(invert).to_have_attribute("aria-pressed", "false")
    expect(invert).to_have_attribute("title", "Invert")  # its key is no longer named
    assert page.locator("output.zoom").text_content() == "100 %"


@pytest.mark.slow
def test_a_run_is_started_watched_stopped_and_replayed_by_keys(
    app: Server, open_page: Callable[..., Page]
) -> None:
    page = open_page(f"{app.url}/train")
    field = page.get_by_role("spinbutton", name="Epochs")
    expect(field).to_be_visible()
    whole(page)
    tab_to(page, field)
    page.keyboard.type("200")
    page.keyboard.press("Enter")
    whole(page)
    expect(page.get_by_text("--epochs 200")).to_be_attached()  # folded
    tab_to(page, page.get_by_role("button", name="Start training"))
    page.keyboard.press("Enter")
    going = page.get_by_role("heading", name=re.compile(r"^Epoch ([3-9]|\d{2,}) of"))
    expect(going).to_be_visible(timeout=SLOW)
    expect(page.locator(".announcement")).to_have_text(re.compile(r"^Epoch \d+ of 200$"))
    table = page.get_by_role("button", name="Show the values as a table")
    tab_to(page, table, most=90)
    assert ringed(table)
    page.keyboard.press("Enter")
    first = page.locator(".numbers tbody tr").last.element_handle()
    count = page.locator(".numbers tbody tr").count()
    expect(page.locator(".numbers tbody tr").nth(count)).to_be_attached(timeout=SLOW)
    assert is_focused(table) and first.evaluate("row => row.isConnected")  # through every redraw
    check(page)
    tab_to(page, page.get_by_role("button", name="Stop now"), "Shift+Tab")
    page.keyboard.press("Enter")
    stopped = page.get_by_role("heading", name=re.compile("^Stopped after"))
    expect(stopped).to_be_visible(timeout=SLOW)
    expect(page.locator(".announcement")).to_have_text(re.compile("^Stopped after"))
    whole(page)
    # The button is gone, and the focus is with those that stand in its place.
    expect(page.locator(".st-key-keeps-focus-controls button:focus")).to_have_count(1)
    slider = page.get_by_role("slider", name=re.compile("^Epoch shown: "))
    tab_to(page, slider, most=90)
    page.keyboard.press("Home")
    expect(page.get_by_text("Epoch 1, rate")).to_be_visible()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_text("Epoch 2, rate")).to_be_visible()
    back = page.get_by_role("button", name="Previous epoch")
    tab_to(page, back, "Shift+Tab")
    assert ringed(back)
    page.keyboard.press("Enter")
    expect(page.get_by_text("Epoch 1, rate")).to_be_visible()
    expect(back).to_be_disabled()
    assert is_focused(back)  # though it leads no further
    page.keyboard.press("ArrowRight")
    expect(page.get_by_text("Epoch 2, rate")).to_be_visible()


@pytest.mark.slow
def test_two_runs_are_compared_by_keys(app: Server, open_page: Callable[..., Page]) -> None:
    page = open_page(f"{app.url}/runs?search=three_conv-")  # those with curves
    grid = page.get_by_test_id("data-grid-canvas")
    expect(grid).to_be_visible()
    whole(page)
    tab_to(page, grid)
    for key, count in (("ArrowUp", 1), ("ArrowDown", 2)):
        page.keyboard.press(key)
        # The grid takes the next key for the row before until it is drawn again.
        cell = f"td[aria-selected='true'][data-testid$='-{count - 1}']"
        expect(page.locator(cell)).to_be_attached()
        page.keyboard.press("Shift+Space")
        expect(page.locator(".announcement")).to_have_text(re.compile(f"; chosen: {count}$"))
        whole(page)
    switch = page.get_by_role("switch", name="Accuracy of studies as a table")
    tab_to(page, switch, most=90)
    page.keyboard.press("Space")
    expect(page.get_by_role("table", name="Values: Accuracy of studies")).to_be_visible()
    expect(page.get_by_role("heading", name="Which is better?")).to_be_visible()
