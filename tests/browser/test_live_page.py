"""A live run in real browsers: fork, changes of side, learning rate, advice, projector."""

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, WebSocketRoute, expect

from fracture_core.analysis import trajectories
from fracture_core.config.train_config import TrainConfig
from fracture_core.epochs import predictions
from fracture_core.jobs import launcher
from fracture_core.runs import journal, run_folders, run_lock, run_requests, run_status
from tests.browser.conftest import Server, whole
from tests.core import made_runs
from ui.live import pinned_studies
from ui.shared import theme

LIVE = re.compile(r"Epoch \d+ of \d+")
STOPPED = re.compile("Stopped after")
EPOCHS = 2000  # more than go by while a test looks on
RATE, SLOWER = 0.001, 0.0002
SLOW = 120_000  # ms for a child that has to load TensorFlow first

OpenPage = Callable[..., Page]


@pytest.fixture
def at_rest(server: Server, finished_run: Path) -> Path:
    """A finished run in the server's own folder, free to be changed."""
    return Path(shutil.copytree(finished_run, server.folder / "runs" / "parent"))


@pytest.fixture
def going(server: Server, phantom_root: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A run whose child trains until the test is over."""
    for name in ("runs", "cache"):
        monkeypatch.setenv(f"FRACTURE_{name.upper()}", str(server.folder / name))
    config = TrainConfig(
        data=str(phantom_root),
        architecture="three_conv",
        epochs=EPOCHS,
        learning_rate=RATE,
        threads=1,  # not measured; the other core is the browsers'
    )
    folder = launcher.create_and_start(config, "going", queue=False)
    yield folder
    if run_status.read(folder).state.alive:
        run_requests.send(folder, "stop")
    launcher.wait(folder)


def open_more(page: Page, tab: str) -> None:
    """Open what is behind "More" at one of its tabs."""
    whole(page)
    page.get_by_test_id("stPopover").get_by_role("button", name="More").click()
    page.get_by_role("tab", name=tab).click()


def curve(page: Page) -> Locator:
    """The line of the loss that grows with every epoch, the last of its panel."""
    return page.locator(".panel").first.locator("path.line").last


def grows(page: Page) -> None:
    """Wait until the curve is drawn, and then drawn longer, by the page alone."""
    expect(curve(page)).to_be_visible(timeout=SLOW)
    expect(curve(page)).not_to_have_attribute("d", curve(page).get_attribute("d"), timeout=SLOW)


def size(words: Locator) -> float:
    """The size of its type in px."""
    return float(words.evaluate("each => parseFloat(getComputedStyle(each).fontSize)"))


# --- fork and flip feed -------------------------------------------------------------------------


def turn_over(folder: Path, epochs: tuple[int, ...], last: int) -> None:
    """Let tables say of every study what the table of the last epoch does not."""
    found = trajectories.read(folder)
    said = trajectories.verdicts(found, run_folders.read(folder).config.threshold)[last - 1]
    table = np.empty(len(found.films), np.float32)
    for study, positive in enumerate(said):
        table[found.films_of(study)] = 0.1 if positive else 0.9
    for epoch in epochs:
        predictions.save(folder, epoch, table)


def fork(page: Page, epoch: int, epochs: int) -> None:
    """Begin a new run where the one that is shown stood after an epoch."""
    open_more(page, "Fork")
    page.get_by_role("combobox", name="From epoch").click()
    page.get_by_role("option", name=str(epoch), exact=True).click()
    field = page.get_by_role("spinbutton", name="Total epochs")
    expect(field).to_have_value("3")  # as the parent; for its last epoch another one is offered
    field.fill(str(epochs))
    field.press("Tab")
    page.get_by_role("button", name="Fork and train").click()


@pytest.mark.slow
def test_a_fork_names_its_parent_and_tells_who_changes_sides(
    server: Server, at_rest: Path, open_page: OpenPage
) -> None:
    # The fork's third epoch is its parent's, to the bit: there every study changes sides.
    turn_over(at_rest, (1, 2), last=3)
    page = open_page(f"{server.url}/train?run=parent&epoch=2")
    expect(page.get_by_text("No dev study has changed yet.")).to_be_visible()
    fork(page, epoch=2, epochs=4)

    expect(page).to_have_url(re.compile("run=parent-e2"))
    expect(page.get_by_role("heading", name="Finished 4 of 4 epochs")).to_be_visible(timeout=SLOW)
    expect(page).to_have_title("Finished 4 of 4 epochs · parent-e2")
    whole(page)
    page.get_by_role("button", name="About").click()
    parent = page.get_by_role("link", name="forked from parent at epoch 2")
    expect(parent).to_have_attribute("href", re.compile("run=parent$"))
    page.keyboard.press("Escape")
    expect(page.get_by_text("up to epoch 4.")).to_be_visible()  # no longer at its parent's epoch
    child = run_folders.read(server.folder / "runs" / "parent-e2")
    assert child.facts["parent"] == {"name": "parent", "epoch": 2}
    expect(page.locator(".panel").first.locator("line.mark.event")).to_have_count(1)

    found = trajectories.read(child.folder)
    flips = trajectories.flips(found, child.config.threshold, "dev")
    newest, *_ = changes = [each for each in flips if each.became_right or each.became_wrong]
    assert changes[-1].epoch == 3
    assert len(changes[-1].became_right + changes[-1].became_wrong) == changes[-1].n > 0
    for each in changes:
        right, wrong = len(each.became_right), len(each.became_wrong)
        words = f"Epoch {each.epoch}: {right} became right, {wrong} wrong of {each.n} dev studies"
        expect(page.get_by_text(words)).to_be_visible()
    study = found.studies.iloc[(newest.became_right + newest.became_wrong)[0]]
    shape = theme.FRACTURE if study["label"] else theme.NO_FRACTURE
    page.get_by_role("link", name=f"{shape} {pinned_studies.named(study['key'])}").click()
    expect(page.get_by_role("button", name="Diagnose this study")).to_be_visible()
    expect(page.get_by_text(study["patient"]).first).to_be_visible()
    expect(page).to_have_url(re.compile("study=" + study["key"].replace("/", "(/|%2F)")))


# --- the first screen, and the replay ------------------------------------------------------------


@pytest.mark.slow
def test_the_figures_stand_whole_in_the_first_screen_and_say_themselves_in_words(
    shared_server: Server, finished_run: Path, open_page: OpenPage
) -> None:
    page = open_page(f"{shared_server.url}/train?run=finished")
    expect(curve(page)).to_be_visible(timeout=SLOW)
    whole(page)
    for width, height in ((1440, 900), (1280, 720), (900, 900)):
        page.set_viewport_size({"width": width, "height": height})
        plots = page.locator(".panel svg")
        for plot in plots.all():
            expect(plot).to_be_in_viewport(ratio=1.0)
            assert plot.bounding_box()["height"] >= 0.25 * height
        slider = page.get_by_test_id("stSlider").bounding_box()
        lowest = max(each["y"] + each["height"] for each in map(Locator.bounding_box, plots.all()))
        assert 0 <= slider["y"] - lowest < 60
    last = journal.lines(finished_run / "metrics.jsonl")[-1]
    words = page.locator(".panel svg").last.get_attribute("aria-label")
    assert f"dev {100 * last['dev']['study_accuracy']:.1f} % at epoch 3" in words
    page.get_by_role("button", name="What are dev and valid?").click()
    expect(page.get_by_text("training patients held back")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_text("training patients held back")).to_be_hidden()
    page.get_by_role("button", name="Show the values as a table").click()
    expect(page.locator(".numbers tbody tr")).to_have_count(3)
    expect(page.locator(".numbers tbody tr").first).to_contain_text(f"{last['dev']['loss']:.4f}")


@pytest.mark.slow
def test_epochs_are_zoomed_into_and_moved_through_without_dragging(
    shared_server: Server, open_page: OpenPage
) -> None:
    page = open_page(f"{shared_server.url}/train?run=finished")
    expect(curve(page)).to_be_visible(timeout=SLOW)
    panel = page.locator(".panel").first
    whole_run = ticks(panel)
    assert whole_run and all(each.isdigit() for each in whole_run)  # an epoch has no half
    expect(page.get_by_role("button", name="Earlier epochs")).to_be_disabled()
    page.get_by_role("button", name="Zoom in on the last epochs").press("Enter")
    at_the_end = ticks(panel)
    assert at_the_end != whole_run
    page.get_by_role("button", name="Earlier epochs").press("Enter")
    assert ticks(panel) not in (at_the_end, whole_run)
    page.get_by_role("button", name="Zoom out").press("Enter")
    assert ticks(panel) == whole_run


@pytest.mark.slow
def test_a_replay_shows_every_epoch_in_turn_and_can_be_stepped(
    shared_server: Server, open_page: OpenPage
) -> None:
    page = open_page(f"{shared_server.url}/train?run=finished")
    seen = []
    page.on("framenavigated", lambda frame: seen.append(frame.url))
    player = page.get_by_role("group", name="Replay the run")
    player.get_by_role("combobox").select_option("0.5")  # 2 s an epoch, so that none is overlooked
    page.get_by_role("button", name="Replay").click()
    for epoch in (1, 2):
        expect(page.get_by_text(f"Epoch {epoch}, rate")).to_be_visible()
        expect(page.get_by_text(f"up to epoch {epoch}.")).to_be_visible()
    expect(page.get_by_text("Epoch 3, rate")).to_be_visible()
    expect(page.get_by_role("button", name="Replay")).to_be_visible()  # it has stopped by itself
    page.get_by_role("button", name="Previous epoch").press("Enter")
    expect(page.get_by_text("Epoch 2, rate")).to_be_visible()
    page.get_by_role("button", name="Replay").press("ArrowLeft")
    expect(page.get_by_text("Epoch 1, rate")).to_be_visible()
    expect(page).to_have_url(re.compile("epoch=1"))
    faint = page.locator(".panel").first.locator("path.line[opacity='0.15']")
    expect(faint.first).to_be_attached()


# --- a pointer over the curves ------------------------------------------------------------------


def ticks(panel: Locator) -> list[str]:
    """Return the labels of the axis of epochs."""
    return panel.locator("text.tick[text-anchor=middle]").all_text_contents()


@pytest.mark.slow
def test_the_curves_are_told_hidden_and_zoomed_with_a_pointer(
    shared_server: Server, open_page: OpenPage
) -> None:
    page = open_page(f"{shared_server.url}/train?run=finished")
    panel = page.locator(".panel").first
    expect(curve(page)).to_be_visible(timeout=SLOW)
    whole_run = ticks(panel)
    box = panel.locator("svg").bounding_box()
    left, right, y = box["x"] + 60, box["x"] + box["width"] / 2, box["y"] + 150

    page.mouse.move(left, y)
    expect(page.locator(".panel .told").filter(has_text="epoch 1")).to_have_count(3)
    page.mouse.down()
    page.mouse.move(right, y, steps=4)
    expect(panel.locator("rect.chosen")).to_be_visible()
    expect(panel.locator(".told")).to_be_hidden()
    page.mouse.up()
    expect(page.get_by_text("Double click to zoom out.")).to_be_visible()
    expect(panel.locator("rect.chosen")).to_have_count(0)
    expect(panel.locator(".told")).to_be_visible()  # what lies under it now
    assert ticks(panel) != whole_run

    shows = page.get_by_role("button", name=re.compile("^training "))
    shows.press("Space")
    expect(panel.locator("path.line")).to_have_count(3)  # of live, training, dev and valid
    expect(shows).to_have_attribute("aria-pressed", "false")
    expect(shows).to_be_focused()
    page.mouse.dblclick(right, y)
    expect(page.get_by_text("Drag to zoom.")).to_be_visible()
    assert ticks(panel) == whole_run


def whole_points(page: Page) -> list[str]:
    """Return how all lines are drawn, in all panels."""
    return page.locator(".panel path.line").evaluate_all("all => all.map(each => each.outerHTML)")


@pytest.mark.slow
def test_new_points_alone_make_the_whole_curves_even_where_a_message_was_lost(
    server: Server, phantom_root: Path, open_page: OpenPage
) -> None:
    config = TrainConfig(data=str(phantom_root), epochs=50)
    right = {"dev": [10] * 4, "valid": [10] * 4}
    folder = made_runs.make(server.folder / "runs" / "made", config, right, state="running")
    lost: list[int] = []

    def through(socket: WebSocketRoute) -> None:
        to_server = socket.connect_to_server()

        def heard(message: bytes) -> None:
            if lose and b"live_curves" in message:
                lost.append(lose.pop())
            else:
                socket.send(message)

        to_server.on_message(heard)

    lose: list[int] = []
    with run_lock.hold(folder):  # as the child that writes what follows
        page = open_page("about:blank")
        page.route_web_socket(re.compile("_stcore/stream"), through)
        page.goto(f"{server.url}/train?run=made")
        expect(page.get_by_text("Epoch 4, rate")).to_be_visible()
        expect(curve(page)).to_have_attribute("d", re.compile("L"))
        for epoch in (5, 6, 7, 8):
            before = curve(page).get_attribute("d")
            lose += [epoch] if epoch == 6 else []
            leave_epoch(folder, epoch)
            expect(curve(page)).not_to_have_attribute("d", before)
            expect(page.get_by_text(f"Epoch {epoch}, rate")).to_be_visible()
        assert lost == [6]
        other = open_page(f"{server.url}/train?run=made")
        expect(other.get_by_text("Epoch 8, rate")).to_be_visible()
        expect(curve(other)).to_have_attribute("d", curve(page).get_attribute("d"))
        assert whole_points(page) == whole_points(other)
        slider = page.get_by_role("slider")
        slider.press("ArrowLeft")
        expect(page.get_by_text("Epoch 7, rate")).to_be_visible()
        expect(page).to_have_url(re.compile("epoch=7"))
        expect(other.get_by_text("Epoch 8, rate")).to_be_visible()


# --- two browsers, learning rate, projector -----------------------------------------------------


def set_rate(page: Page, rate: float) -> None:
    """Ask for another learning rate."""
    open_more(page, "Learning rate")
    field = page.get_by_role("spinbutton", name="New learning rate")
    field.fill(str(rate))
    field.press("Tab")
    page.get_by_role("button", name="Apply").click()


def point_at_the_event(page: Page) -> None:
    """Let the pointer rest on the line of the one event."""
    panel = page.locator(".panel").first
    x = float(panel.locator("line.mark.event").get_attribute("x1"))
    panel.locator("svg").hover(position={"x": x, "y": 60})


def shows_the_change(page: Page) -> None:
    """The learning rate is told, marked in every panel, and named under the pointer."""
    expect(page.get_by_text(f"rate {SLOWER}").first).to_be_visible(timeout=SLOW)
    expect(page.locator(".panel line.mark.event")).to_have_count(3)
    page.keyboard.press("Escape")  # closes "More"
    told = page.locator(".panel .told").filter(has_text=f"learning rate {SLOWER}")
    for _ in range(20):  # its line moves away when the axis of the growing run is made longer
        point_at_the_event(page)
        if told.count():
            break
    expect(told).to_have_count(3)


def stays_put(page: Page) -> list[Locator]:
    """Parts of the page that a run's end leaves in place."""
    return [page.get_by_test_id("stSlider"), page.locator(".curves"), page.locator(".panel").last]


def stays_under_a_resting_pointer(page: Page) -> None:
    """Return the lines of text beside curves that are redrawn below them."""
    panel = page.locator(".panel").first
    right = float(panel.locator("svg").evaluate("each => each.clientWidth")) - 20
    panel.locator("svg").hover(position={"x": right, "y": 60})  # the nearest value is the last one
    told, shows = panel.locator(".told"), page.get_by_role("button", name=re.compile("^dev "))
    expect(told).to_contain_text("epoch")
    shows.focus()
    expect(told).not_to_have_text(told.text_content(), timeout=SLOW)
    expect(page.locator(".panel line.cursor")).to_have_count(3)
    expect(shows).to_be_focused()


def is_for_a_lecture_hall(page: Page, other: Page) -> None:
    """Panels of the address alone, in big type, that go on; and the way to others and back."""
    studies = page.locator(".panel").last
    line = studies.locator("path.line").last
    expect(line).to_be_visible(timeout=SLOW)
    expect(line).not_to_have_attribute("d", line.get_attribute("d"), timeout=SLOW)
    # Redrawn with every epoch: found and measured at once.
    find = "all => Math.min(...all.map((each) => parseFloat(getComputedStyle(each).fontSize)))"
    assert studies.locator("text").evaluate_all(find) >= 28
    assert size(page.get_by_text("Dev studies")) >= 28
    expect(page.get_by_role("link", name="Diagnose")).to_have_count(0)  # no navigation
    expect(page.get_by_text("Model:")).to_have_count(0)
    page.set_viewport_size({"width": 1280, "height": 720})  # a projector's
    expect(page.get_by_test_id("stSlider")).to_be_in_viewport(ratio=1.0)
    page.set_viewport_size({"width": 1440, "height": 900})
    expect(page.locator(".panel:visible")).to_have_count(1)
    page.get_by_role("button", name="3: Studies").focus()
    for key, count in (("0", 3), ("2", 1), ("7", 1), ("3", 1)):
        page.keyboard.press(key)
        expect(page.locator(".panel:visible")).to_have_count(count)
    expect(page.locator(".panel:visible h2")).to_contain_text("studies")
    for name in ("Pinned studies", "Recently changed"):
        expect(other.get_by_role("heading", name=name)).to_be_visible()
        expect(page.get_by_role("heading", name=name)).to_have_count(0)
    for setting in ("stNumberInput", "stButton"):
        expect(page.get_by_test_id(setting)).to_have_count(0)
    page.get_by_test_id("stPopover").get_by_role("button").click()
    page.get_by_role("link", name="Changes alone").click()
    expect(page).to_have_url(re.compile("show=flips$"))  # what its polls ask for, too
    expect(page.get_by_role("heading", name="Recently changed")).to_be_visible()
    expect(page.locator(".curves")).to_have_count(0)
    page.get_by_test_id("stPopover").get_by_role("button").click()
    page.get_by_role("link", name="Whole page").click()
    expect(page).to_have_url(re.compile("run=going$"))
    expect(page.get_by_role("button", name="Stop now")).to_be_visible()
    page.get_by_role("link", name="Projector").click()
    expect(page).to_have_url(re.compile("show=numbers(,|%2C)curves"))
    expect(page.locator(".curves.big")).to_be_visible()


@pytest.mark.slow
def test_two_browsers_follow_a_run_and_its_new_learning_rate(
    server: Server, going: Path, open_page: OpenPage
) -> None:
    address = f"{server.url}/train?run=going"
    first, second = open_page(address), open_page(address)
    for page in (first, second):
        grows(page)
    set_rate(first, SLOWER)
    for page in (second, first):
        shows_the_change(page)
        stays_under_a_resting_pointer(page)
    is_for_a_lecture_hall(open_page(f"{address}&show=numbers,curves"), second)

    places = [each.bounding_box() for each in stays_put(first)]
    second.get_by_role("button", name="Stop now").click()
    for page in (first, second):
        expect(page.get_by_role("heading", name=STOPPED)).to_be_visible(timeout=SLOW)
    assert [each.bounding_box() for each in stays_put(first)] == places
    expect(first.locator(".panel").first.locator("line.mark.event")).to_have_count(2)
    expect(second.locator(".panel").first.locator("line.mark.event")).to_have_count(2)
    assert curve(first).get_attribute("d") == curve(second).get_attribute("d")
    ((step, rate),) = journal.rate_changes(going)  # an event, asked for once
    assert rate == SLOWER
    epochs = journal.metrics(going)
    wanted = np.where(epochs["step"] > step, SLOWER, RATE)
    np.testing.assert_allclose(epochs["learning_rate"], wanted, rtol=1e-6)
    assert set(wanted) == {SLOWER, RATE}


# --- the coach ----------------------------------------------------------------------------------


def leave_epoch(folder: Path, epoch: int, **dev: float) -> None:
    """Write the files that a child leaves of an epoch; its training loss falls."""
    line = journal.lines(folder / "metrics.jsonl")[-1]
    train = line["train"] | {"loss": 1 / epoch}
    line |= {"epoch": epoch, "train": train, "dev": line["dev"] | dev}
    journal.append_line(folder / "metrics.jsonl", line)


@pytest.mark.slow
def test_advice_comes_when_its_rule_holds_and_stays_away_once_waved_off(
    server: Server, phantom_root: Path, open_page: OpenPage
) -> None:
    config = TrainConfig(data=str(phantom_root), epochs=50)
    right = {"dev": [10] * 4, "valid": [10] * 4}  # of 20 studies, half of them with a fracture
    folder = made_runs.make(server.folder / "runs" / "made", config, right, state="running")
    with run_lock.hold(folder):  # as the child that writes what follows
        page = open_page(f"{server.url}/train?run=made")
        guessing = page.get_by_text("no better than always guessing the more frequent label")
        by_heart = page.get_by_text("it is overfitting")
        expect(page.get_by_text("Epoch 4, rate")).to_be_visible()
        whole(page)
        expect(guessing).to_have_count(0)
        leave_epoch(folder, 5)
        expect(guessing).to_be_visible()
        page.get_by_role("button", name="Got it").click()
        expect(guessing).to_have_count(0)

        leave_epoch(folder, 6)
        expect(page.get_by_text("Epoch 6, rate")).to_be_visible()
        whole(page)
        expect(guessing).to_have_count(0)
        page.get_by_role("link", name="Runs", exact=True).click()
        expect(page.get_by_text("1 run on")).to_be_visible()
        page.go_back()
        expect(page.get_by_text("Epoch 6, rate")).to_be_visible()
        whole(page)
        expect(guessing).to_have_count(0)

        for epoch in range(7, 16):
            leave_epoch(folder, epoch, accuracy=0.6, loss=0.1 * epoch)
        expect(by_heart).to_be_visible()
        expect(guessing).to_have_count(0)
