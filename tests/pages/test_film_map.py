"""Studies: films like this one, and the map of all films with the area that filters the wall."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from fracture_core import room
from fracture_core.datasets import catalog
from fracture_core.models import released_models
from fracture_core.neighbours import film_features
from fracture_core.runs import run_lock, run_status
from fracture_core.runs.run_status import State, Status
from tests.core import made_features
from ui.components.film_map import Area, _area
from ui.shell import state

APP = Path(__file__).resolve().parents[2] / "app.py"
STARTER = APP.parent / "models" / "starter-five-conv"
Opener = Callable[..., AppTest]
HALF = "0.0_500.0_500.1000_0.1000"  # the left half of the map


@pytest.fixture
def studies_page(folders: Path) -> Opener:
    """Opens the Studies page with this address and the starter model in use."""
    shutil.copytree(STARTER, folders / "models" / STARTER.name)

    def open_page(**address: str) -> AppTest:
        app = AppTest.from_file(str(APP), default_timeout=60)
        app.switch_page("pages/studies.py")
        for name, value in address.items():
            app.query_params[name] = value
        return app.run()

    return open_page


@pytest.fixture
def compared(studies_page: Opener, folders: Path, phantom_root: Path) -> Path:
    """The folder of features and map that lie there already."""
    model = released_models.read(folders / "models" / STARTER.name)
    return made_features.write(model, catalog.read(phantom_root))


@pytest.fixture
def table(phantom_root: Path) -> pd.DataFrame:
    return catalog.studies(catalog.read(phantom_root).manifest)


def tiles(app: AppTest) -> list[str]:
    keys = [button.key or "" for button in app.button]
    return [key.removeprefix("open-") for key in keys if key.startswith("open-")]


def words(app: AppTest) -> str:
    kinds = (app.markdown, app.caption, app.warning)
    return "\n".join(element.value for kind in kinds for element in kind).replace("\\", "")


def named(app: AppTest, key: str):
    return next((button for button in app.button if button.key == key), None)


def similar(app: AppTest) -> AppTest:
    """Open the similar films of the study."""
    app.session_state[state.SIMILAR] = True
    return app.run()


def test_the_map_is_closed_until_it_is_switched_on(studies_page: Opener, compared: Path) -> None:
    app = studies_page()
    assert not app.exception and not app.get("bidi_component")[1:]  # only the announcement
    (switch,) = (toggle for toggle in app.toggle if toggle.key == state.MAP_SWITCH)
    app = switch.set_value(True).run()
    assert not app.exception
    assert app.query_params[state.MAP] in ("true", ["true"])
    assert "distances between far groups mean little" in words(app)
    assert "synthetic" in words(app)


def test_without_features_the_owner_is_asked_to_make_them(
    studies_page: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = studies_page(map="true")
    button = named(app, "make-neighbours")
    assert button is not None and not button.disabled
    assert "Opens 57 films once" in words(app) or "films once and compares" in words(app)
    monkeypatch.setenv("FRACTURE_ROOM", "films.example.org")
    room.new_token()
    app = studies_page(map="true")
    assert named(app, "make-neighbours").disabled


def test_a_running_job_shows_its_progress_and_a_stopped_one_continues(
    studies_page: Opener, folders: Path, phantom_root: Path
) -> None:
    model = released_models.read(folders / "models" / STARTER.name)
    folder = film_features.folder_of(model, catalog.read(phantom_root))
    (folder / "requests").mkdir(parents=True)
    (folder / "asked.json").write_text("{}")
    stopped = Status(state=State.STOPPED, message="Stopped after 10 of 57 films. It is kept.")
    run_status.write(folder, stopped)
    app = studies_page(map="true")
    assert "Stopped after 10 of 57 films" in words(app)
    assert named(app, "make-neighbours").label == "Continue comparing"
    with run_lock.hold(folder):
        running = Status(state=State.RUNNING, message="Computing features: 5 of 57.", progress=0.1)
        run_status.write(folder, running)
        app = studies_page(map="true")
        assert named(app, "stop-neighbours") and not named(app, "make-neighbours")


def test_an_area_in_the_address_filters_the_wall_and_can_be_dropped(
    studies_page: Opener, compared: Path, table: pd.DataFrame
) -> None:
    films = int(table["views"].sum())
    first = table["views"].cumsum() - table["views"]
    inside = table["key"][first / (films - 1) < 0.5].tolist()
    app = studies_page(map="true", area=HALF)
    assert tiles(app) == inside and f"**{len(inside)} studies**" in words(app)
    parts = studies_page(map="true", area=HALF, part="forearm")
    assert tiles(parts) == [key for key in inside if "/forearm/" in key]
    nowhere = studies_page(map="true", area="0.900_10.900_10.990")
    assert "No study matches" in words(nowhere)
    button = next(b for b in nowhere.button if b.label.startswith("Drop the area on the map"))
    assert len(tiles(button.click().run())) == len(table)


@pytest.mark.parametrize(
    "area", ["1.1", "x", "0.0_1.1_2", "1.1_2.2_9999999999.1", "_".join(["1.1"] * 99)]
)
def test_a_foreign_area_is_none(
    studies_page: Opener, compared: Path, table: pd.DataFrame, area: str
) -> None:
    app = studies_page(map="true", area=area)
    assert not app.exception and len(tiles(app)) == len(table)


def test_no_area_acts_unseen(studies_page: Opener, compared: Path, table: pd.DataFrame) -> None:
    assert len(tiles(studies_page(area=HALF))) == len(table)
    app = studies_page(map="true", area=HALF)
    (switch,) = (toggle for toggle in app.toggle if toggle.key == state.MAP_SWITCH)
    app = switch.set_value(False).run()
    assert state.AREA not in app.query_params and len(tiles(app)) == len(table)


@pytest.mark.parametrize(
    "corners",
    [None, "x", [], [[0, 0], [1, 1]], [[0, 0]] * 65, [[0.5, 0], [1, 1], [2, 2]], [[0, 0, 0]] * 3],
)
def test_only_corners_are_taken_from_a_browser(corners: object) -> None:
    assert _area(corners) == ()
    area: Area = ((0, 0), (500, -10), (1, 1))
    assert _area([list(corner) for corner in area]) == area


def test_a_quiz_colours_by_nothing_that_tells_a_label(studies_page: Opener, compared: Path) -> None:
    def offered(app: AppTest) -> list[str]:
        keys = (f"{state.MAP_COLOURS}-{quiz}" for quiz in (True, False))
        groups = [g for key in keys for g in app.button_group if g.key == key]
        return list(groups[0].options)

    assert offered(studies_page(map="true"))[:2] == ["Label", "Prediction"]
    assert not {"Label", "Prediction"} & set(offered(studies_page(map="true", quiz="true")))


def test_films_like_this_one_are_listed_with_label_split_and_words(
    studies_page: Opener, compared: Path, table: pd.DataFrame
) -> None:
    key = table["key"].iloc[3]
    app = studies_page(study=key)
    assert not app.exception and "typical distance" not in words(app)
    app = similar(app)
    assert not app.exception
    listed = words(app)
    assert "By the last layer of starter-five-conv" in listed
    # In the made features a film lies nearest to the next one of the manifest.
    neighbour = table.iloc[2]
    assert f"{neighbour['split']}" in listed and "similar" in listed
    assert "fracture" in listed


def test_similar_films_of_a_quiz_hide_their_labels(
    studies_page: Opener, compared: Path, table: pd.DataFrame
) -> None:
    app = similar(studies_page(study=table["key"].iloc[3], quiz="true"))
    assert words(app).count("label hidden") == 7  # the study and its six neighbours


def test_damaged_features_are_as_good_as_none(studies_page: Opener, compared: Path) -> None:
    (piece,) = compared.glob("films-*.npz")
    piece.write_bytes(b"nothing")
    app = studies_page(map="true", area=HALF)
    assert not app.exception and named(app, "make-neighbours")
