"""Foreign text is shown to the letter on every page, and makes no request: a real browser looks.

Each hostile text begins with a mark. Wherever the mark shows, the rest must follow letter by
letter, and no element that only Markdown makes may hold it.
"""

import json
import re
import shutil
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import Page, expect

from fracture_core.datasets import chosen_data
from fracture_core.runs import run_labels
from fracture_core.runs.run_labels import Labels
from tests.browser.conftest import Server, free_port
from tests.core import made_runs

NAME = "EVIL**b** :smile: :red[r] $x^2$ www.evil.example `c` -- <b>"  # a folder may be called so
TAG = "EVIL**2** :red[r] www.evil.example"
WORDS = f"{NAME} ![i](http://evil.example/i.png) :material/delete: [l](http://evil.example) # h"
MADE = "a[href*=evil], img[src*=evil], .katex, [role=img]:has-text('delete')"


@pytest.fixture(scope="module")
def hostile(
    tmp_path_factory: pytest.TempPathFactory, phantom_root: Path, finished_run: Path
) -> Iterator[Server]:
    """A server all of whose texts are hostile: classes, model and card, tags and note."""
    folder = tmp_path_factory.mktemp("hostile")
    films = sorted(phantom_root.rglob("*.png"))[:8]
    for number, film in enumerate(films):
        place = folder / NAME / "train" / (NAME if number % 2 else f"{NAME}2")
        place.mkdir(parents=True, exist_ok=True)
        shutil.copy(film, place / f"{NAME}{number}.png")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FRACTURE_CACHE", str(folder / "cache"))
        patch.setenv("FRACTURE_DATA", str(folder / NAME))
        chosen_data.choose(folder / NAME, NAME)
    model = folder / "models" / "hostile"
    shutil.copytree(Path(__file__).parents[2] / "models" / "starter-five-conv", model)
    training = json.loads((model / "card.json").read_text())["training"] | {"root": WORDS}
    texts = {"name": "hostile", "label_meaning": WORDS, "threshold_origin": WORDS}
    made_runs.change_card(model / "card.json", **texts, training=training)
    run = Path(shutil.copytree(finished_run, folder / "runs" / finished_run.name))
    run_labels.write(run, Labels(tags=(TAG,), note=WORDS))
    app = Server(folder=folder, data=folder / NAME, port=free_port())
    app.start()
    yield app
    app.stop()


def literal(page: Page) -> int:
    """Count how often the mark shows; fails where what follows is not the text itself.

    Long names may end in an ellipsis, and a chart's or a chip's own words are cut.
    """
    expect(page.locator("[data-testid=stApp]")).to_have_attribute(
        "data-test-script-state", "notRunning", timeout=60_000
    )
    shown = re.sub(r"\s+", " ", page.locator("[data-testid=stApp]").inner_text())
    for found in re.finditer("EVIL", shown):
        rest = shown[found.start() :]
        short = re.split(r"…|\.\.\.", rest)[0]
        assert rest.startswith((NAME[:40], TAG)) or NAME.startswith(short), rest[:90]
    made = page.locator(MADE)
    assert made.count() == 0, made.first.evaluate("e => e.outerHTML")
    return shown.count("EVIL")


ADDRESSES = (
    "",
    "studies",
    f"studies?study={quote(NAME)}&part={quote(NAME)}",
    f"studies?patient={quote(NAME)}",
    "train",
    "train?run=finished",
    f"train?run={quote(NAME)}",
    "runs?chosen=finished",
    f"runs?search={quote(NAME)}&tag={quote(TAG)}",
    "report_2018",
    "evaluate?model=hostile",
    f"evaluate?model={quote(NAME)}",
    "diagnose?model=hostile",
    f"diagnose?model={quote(NAME)}&threshold={quote(NAME)}",
    "data",
)


@pytest.mark.slow
def test_every_page_shows_hostile_texts_to_the_letter_and_asks_nobody(
    hostile: Server, open_page: Callable[..., Page]
) -> None:
    page = open_page(hostile.url)
    for address in ADDRESSES:
        page.goto(f"{hostile.url}/{address}")
        expect(page.get_by_text("EVIL").first).to_be_attached(timeout=60_000)
        assert literal(page), address


@pytest.mark.slow
def test_an_upload_with_hostile_names_is_shown_to_the_letter(
    hostile: Server, open_page: Callable[..., Page], tmp_path: Path, phantom_root: Path
) -> None:
    films = sorted(phantom_root.rglob("*.png"))[:2]
    with zipfile.ZipFile(tmp_path / f"{NAME}.zip", "w") as archive:
        for number, film in enumerate(films):
            archive.write(film, f"{NAME}/{number}.png")
            archive.write(film, f"{NAME}2/{NAME}{number}.png")
        archive.writestr(f"{NAME}/{NAME}.txt", "no film")
        archive.writestr(f"{NAME}/{NAME}.png", "no film")
    page = open_page(f"{hostile.url}/diagnose?model=hostile")
    page.locator("input[type=file]").first.set_input_files(tmp_path / f"{NAME}.zip")
    expect(page.get_by_text("2 studies in this upload")).to_be_visible(timeout=60_000)
    assert literal(page) > 2
