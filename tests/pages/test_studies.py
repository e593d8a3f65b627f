"""Studies: the wall and its filters, and one open study."""

import fcntl
import io
import json
import re
import shutil
import threading
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from fracture_core.datasets import catalog, chosen_data
from fracture_core.epochs import predictions
from fracture_core.errors import Stopped
from fracture_core.films import images
from fracture_core.models import model_card, model_names
from fracture_core.phantom import phantom_set
from fracture_core.runs import journal
from fracture_core.verdicts import aggregation
from ui.cache import data_cache, film_cache, model_cache, study_cache
from ui.shared import film_cards, theme
from ui.shell import state
from ui.studies import facets, wall
from ui.studies.facets import Filters

APP = Path(__file__).resolve().parents[2] / "app.py"
Opener = Callable[..., AppTest]


@pytest.fixture
def studies_page(folders: Path) -> Opener:
    """Opens the Studies page with this address, and runs it."""

    def open_page(**address: str | list[str]) -> AppTest:
        app = AppTest.from_file(str(APP), default_timeout=30)
        app.switch_page("pages/studies.py")
        for name, value in address.items():
            app.query_params[name] = value
        return app.run()

    return open_page


@pytest.fixture
def own_phantom(phantom_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the phantom that a test may damage, in use."""
    root = tmp_path / "own"
    shutil.copytree(phantom_root, root)
    monkeypatch.setenv("FRACTURE_DATA", str(root))
    return root


@pytest.fixture
def table(phantom_root: Path) -> pd.DataFrame:
    return facets.with_facets(catalog.studies(catalog.read(phantom_root).manifest))


def painted() -> None:
    """Wait until all cards that were asked for are made."""
    for card in list(film_cache.card_futures().values()):
        card.exception(timeout=30)


def tiles(app: AppTest) -> list[str]:
    """Keys of the studies on the wall, in order."""
    keys = [button.key or "" for button in app.button]
    return [key.removeprefix("open-") for key in keys if key.startswith("open-")]


def address(app: AppTest, name: str) -> str:
    """The last value of a query parameter, however it was written."""
    value = app.query_params[name]
    return value if isinstance(value, str) else value[-1]


def words(app: AppTest) -> str:
    kinds = (app.markdown, app.caption, app.warning, app.subheader)
    return "\n".join(element.value for kind in kinds for element in kind).replace("\\", "")


def press(app: AppTest, label: str) -> AppTest:
    return next(b for b in app.button if b.label.replace("\\", "").startswith(label)).click().run()


def viewer(app: AppTest, name: str) -> pd.DataFrame:
    """Return the data of the film viewer: its "films", or what a network has "seen" of them."""
    (element,) = app.get("bidi_component")
    mixed = element.proto.mixed
    reference = json.loads(mixed.json)[name]["__streamlit_arrow_ref__"]
    return pa.ipc.open_stream(mixed.arrow_blobs[reference].data).read_pandas()


def films(app: AppTest) -> pd.DataFrame:
    return viewer(app, "films")


def test_the_wall_shows_every_study_once_and_says_how_many(
    studies_page: Opener, table: pd.DataFrame
) -> None:
    app = studies_page()
    assert not app.exception
    assert tiles(app) == table["key"].tolist()
    assert f"**24 studies**, {table['views'].sum()} films" in words(app)
    assert "Positive means: a break was drawn" in words(app)


def test_an_address_with_filters_opens_the_same_wall(
    studies_page: Opener, table: pd.DataFrame
) -> None:
    wanted = table[(table["label"] == 1) & (table["part"] == "forearm")]
    app = studies_page(label="fracture", part="forearm")
    assert tiles(app) == wanted["key"].tolist()
    assert app.pills(key="label").value == ["fracture"]


def test_a_pill_filters_counts_and_writes_the_address(
    studies_page: Opener, table: pd.DataFrame
) -> None:
    app = studies_page()
    app.pills(key="split").set_value(["valid"]).run()
    valid = table[table["split"] == "valid"]
    assert tiles(app) == valid["key"].tolist()
    assert address(app, "split") == "valid"
    positive = f"fracture] · {(valid['label'] == 1).sum()}"
    assert any(positive in option for option in app.pills(key="label").options)


def test_the_wall_has_pages_and_a_filter_goes_back_to_the_first(
    studies_page: Opener, table: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wall, "CARDS", 5)
    app = studies_page(page="2")
    assert tiles(app) == table["key"].tolist()[5:10]
    assert "6 to 10 shown" in words(app)
    app.pagination[0].set_value(3).run()
    assert address(app, "page") == "3"
    assert tiles(app) == table["key"].tolist()[10:15]
    app.pills(key="label").set_value(["none"]).run()
    assert "page" not in app.query_params
    assert tiles(app) == table[table["label"] == 0]["key"].tolist()[:5]


@pytest.mark.parametrize("page", ["0", "99", "two", "-1"])
def test_a_page_that_is_not_there_gives_the_nearest(studies_page: Opener, page: str) -> None:
    app = studies_page(page=page)
    assert not app.exception
    assert len(tiles(app)) == 24


def test_search_and_order_work_on_the_whole_wall(studies_page: Opener, table: pd.DataFrame) -> None:
    patient = table["patient"].iloc[7]
    app = studies_page()
    app.text_input(key="patient").set_value(patient[-5:]).run()
    assert tiles(app) == table[table["patient"] == patient]["key"].tolist()
    app.text_input(key="patient").set_value("").run()
    app.selectbox(key="order").set_value("most").run()
    views = table.set_index("key")["views"].loc[tiles(app)].tolist()
    assert views == sorted(views, reverse=True)


def test_an_empty_wall_says_which_filter_to_drop(studies_page: Opener) -> None:
    app = studies_page(part="forearm", patient="nobody")
    assert tiles(app) == []
    assert "No study matches" in words(app)
    press(app, "Drop patient nobody")
    assert tiles(app) == tiles(studies_page(part="forearm")) != []
    assert "patient" not in app.query_params


def test_a_facet_value_that_the_data_lacks_is_an_empty_wall(studies_page: Opener) -> None:
    app = studies_page(part="foot")
    assert not app.exception
    press(app, "Drop body part foot: 24 studies")
    assert len(tiles(app)) == 24


def test_an_open_study_shows_all_its_films_and_leafs_on(
    studies_page: Opener, table: pd.DataFrame
) -> None:
    app = studies_page(label="fracture")
    listed = tiles(app)
    app.button(key=f"open-{listed[0]}").click().run()
    assert address(app, "study") == listed[0]
    views = table.set_index("key")["views"][listed[0]]
    assert films(app)["name"].tolist() == [f"image{view + 1}.png" for view in range(views)]
    seen = viewer(app, "seen").groupby(["size", "resample"]).size()
    assert seen.to_dict() == {
        (size, way): views for size in (32, 64, 128) for way in ("area", "nearest")
    }
    assert f"1 of {len(listed)} studies" in words(app)
    assert next(b for b in app.button if b.label == "Previous").disabled
    press(app, "Next")
    assert address(app, "study") == listed[1]
    press(app, "All studies")
    assert tiles(app) == listed


def test_an_unknown_study_is_one_sentence_and_a_way_back(studies_page: Opener) -> None:
    app = studies_page(study="train/forearm/patient99999/study1")
    assert not app.exception
    assert "has no study train/forearm/patient99999/study1" in words(app)
    press(app, "All studies")
    assert len(tiles(app)) == 24


def test_the_known_break_is_drawn_only_when_asked_for(
    studies_page: Opener, table: pd.DataFrame
) -> None:
    positive = table[table["label"] == 1]["key"].tolist()
    app = studies_page(study=positive[0])
    assert viewer(app, "boxes").empty
    app.toggle(key="break").set_value(True).run()
    corners = viewer(app, "boxes")[["x0", "y0", "x1", "y1"]]
    assert len(corners) and corners.to_numpy().min() > -0.1 and corners.to_numpy().max() < 1.1
    assert films(app)["note"].str.contains(" break").all()
    press(app, "Next")
    notes = films(app)["note"]  # the next study is read before its answer is seen
    assert not notes.str.contains(" break").any()


def test_a_negative_study_has_no_break_to_show(studies_page: Opener, table: pd.DataFrame) -> None:
    app = studies_page(study=table[table["label"] == 0]["key"].iloc[0])
    assert not app.toggle


def test_a_film_that_lacks_its_last_rows_says_so_under_it(
    studies_page: Opener, own_phantom: Path, table: pd.DataFrame
) -> None:
    study = table[table["views"] > 1].iloc[0]
    path = next(own_phantom.glob(f"{study['split']}/*/{study['patient']}/*/image1.png"))
    path.write_bytes(path.read_bytes()[:-4])
    first, *others = films(studies_page(study=study["key"])).itertuples()
    assert first.note.endswith("its last bytes are missing; every row is there") and first.image
    assert not any("missing" in film.note for film in others)


def test_a_film_that_cannot_be_read_costs_only_itself(
    studies_page: Opener, own_phantom: Path, table: pd.DataFrame
) -> None:
    study = table[table["views"] > 1].iloc[0]
    path = next(own_phantom.glob(f"{study['split']}/*/{study['patient']}/*/image1.png"))
    path.write_bytes(b"not an image")
    assert len(tiles(studies_page())) == 24
    app = studies_page(study=study["key"])
    first, *others = films(app).itertuples()
    assert "image1.png is not a PNG" in first.note
    assert first.image == b""
    assert len(others) == study["views"] - 1
    assert all(film.image for film in others)
    assert set(viewer(app, "seen")["film"]) == set(range(1, study["views"]))


def test_judge_leads_to_diagnose_with_the_study(studies_page: Opener, table: pd.DataFrame) -> None:
    key = table["key"].iloc[0]
    app = press(studies_page(study=key), "Diagnose this study")
    assert app.title[0].value == "Diagnose"
    assert address(app, "study") == key


def test_the_wall_opens_no_original_once_thumbnails_are_kept(
    studies_page: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    film_cache.card_futures().clear()
    studies_page()
    painted()
    film_cache.card_futures().clear()

    def never(*_: object) -> None:
        raise AssertionError("an original was opened")

    monkeypatch.setattr(images, "decode", never)
    studies_page()
    painted()
    app = studies_page()
    assert not app.exception
    assert len({image.value[0] for image in app.image}) == 24


def test_a_half_made_phantom_shows_what_is_there(
    studies_page: Opener, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "half"
    with pytest.raises(Stopped):
        phantom_set.make(root, studies=12, seed=3, should_stop=lambda: True)
    monkeypatch.setenv("FRACTURE_DATA", str(root))
    made, _ = phantom_set.progress(root)
    assert 0 < made < 12
    app = studies_page()
    assert len(tiles(app)) >= made
    assert f"stopped at {made} of 12 studies" in words(app)
    with (root / ".lock").open() as lock:  # as its maker holds it
        fcntl.flock(lock, fcntl.LOCK_EX)
        app = studies_page()
        assert (
            f"Generating synthetic films: {made} of 12 studies. Feel free" in app.progress[0].text
        )
        assert not app.exception


def test_facet_counts_ignore_their_own_choice(table: pd.DataFrame) -> None:
    asked = Filters(facets={"part": ("forearm",), "split": ("train",)})
    train = table[table["split"] == "train"]
    assert facets.counts(table, asked, "part") == train["part"].value_counts().to_dict()
    assert len(facets.matching(table, asked)) == (train["part"] == "forearm").sum()


def test_views_and_history_tell_studies_apart(studies_page: Opener, table: pd.DataFrame) -> None:
    by_patient = table.groupby("patient")["label"].agg(["size", "nunique"])
    expected = {
        "one": (by_patient["size"] == 1).sum(),
        "same": ((by_patient["size"] > 1) & (by_patient["nunique"] == 1)).sum(),
        "both": (by_patient["nunique"] > 1).sum(),
    }
    several = {name: patients for name, patients in expected.items() if patients}
    assert len(several) > 1, "the phantom must have patients of more than one kind"
    for name in several:
        found = facets.matching(table, Filters(facets={"history": (name,)}))
        assert found["patient"].nunique() == expected[name]
    app = studies_page(views="2")
    assert tiles(app) == table[table["views"] == 2]["key"].tolist()
    assert app.pills(key="views").value == ["2"]


def test_many_views_are_one_value(table: pd.DataFrame) -> None:
    studies = table.assign(views=[facets.MANY + number for number in range(len(table))])
    assert facets.counts(facets.with_facets(studies), Filters(), "views") == {
        str(facets.MANY): len(table)
    }


@pytest.mark.parametrize("name", ["split", "part", "label", "views", "history"])
def test_a_hostile_value_of_a_facet_is_shown_to_the_letter(studies_page: Opener, name: str) -> None:
    app = studies_page(**{name: "<b>x</b>"})
    assert not app.exception
    assert tiles(app) == []
    assert any(r"\<b\>x" in button.label for button in app.button)


def test_a_card_that_is_still_being_made_keeps_its_place(
    studies_page: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on = threading.Event()
    inner = film_cache._painted
    monkeypatch.setattr(film_cache, "_painted", lambda *what: go_on.wait(30) and inner(*what))
    film_cache.card_futures().clear()
    app = studies_page()
    waiting = [image.value[0] for image in app.image]
    go_on.set()
    painted()
    app.run()
    made = [image.value[0] for image in app.image]
    assert len(tiles(app)) == len(waiting) == len(made) == 24
    assert len(set(waiting)) == 2  # one of each label
    assert len(set(made)) == 24


def test_a_wall_looks_for_missing_cards_alone_and_is_drawn_anew_when_all_are_there(
    studies_page: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[tuple[float | None, Callable[[], None]]] = []
    reruns: list[bool] = []
    studies_page()
    painted()

    def fragment(draw: Callable[[], None], run_every: float | None, key: str) -> Callable:
        looks.append((run_every, draw))
        return lambda: None

    whole = [b"card"] * 3
    made = [whole]
    data = data_cache.dataset()
    shown = study_cache.studies().head(3)
    monkeypatch.setattr(film_cache, "cards_of", lambda wanted: made[-1])
    monkeypatch.setattr(film_cache, "paint", lambda wanted: None)
    monkeypatch.setattr(wall.st, "fragment", fragment)
    monkeypatch.setattr(wall.st, "rerun", lambda: reruns.append(True))
    assert not wall.paint_missing(data, shown, whole)
    assert not looks  # at rest nothing looks

    assert wall.paint_missing(data, shown, [None, None, b"card"])
    ((seconds, look),) = looks
    assert seconds == wall.POLL_SECONDS
    for made_now in ([None, None, b"card"], [None, b"card", b"card"]):
        made.append(made_now)
        look()
    assert not reruns  # the last ones are awaited
    made.append(whole)
    look()
    assert reruns == [True]


def test_a_card_enlarges_small_views_and_crops_none() -> None:
    def view(size: tuple[int, int]) -> bytes:
        content = io.BytesIO()
        Image.new("L", size, "white").save(content, "PNG")
        return content.getvalue()

    card = Image.open(io.BytesIO(film_cards.card([view((40, 80)), view((60, 80))], "#000000")))
    assert card.size == film_cards.CARD
    white = card.convert("L").point(lambda value: 255 * (value > 128))
    left, top, right, bottom = white.getbbox()
    assert bottom - top > 400  # of films of 80 px
    wide = right - left - film_cards.GAP_PX
    assert wide / (bottom - top) == pytest.approx(100 / 80, rel=0.02)


@pytest.mark.parametrize("count", range(1, 14))
@pytest.mark.parametrize("size", [(300, 400), (400, 300)])
def test_films_cover_most_of_a_card_whatever_their_number(
    count: int, size: tuple[int, int]
) -> None:
    boxes = film_cards._boxes([size] * count)
    width, height = film_cards.CARD[0], film_cards.CARD[1] - film_cards.BAR_PX
    assert len(boxes) == count
    for number, (left, top, right, bottom) in enumerate(boxes):
        assert 0 <= left < right <= width and 0 <= top < bottom <= height
        assert (right - left) / (bottom - top) == pytest.approx(size[0] / size[1], rel=0.05)
        for a, b, c, d in boxes[:number]:
            assert left >= c or right <= a or top >= d or bottom <= b, "two films overlap"
    covered = sum((right - left) * (bottom - top) for left, top, right, bottom in boxes)
    assert covered > 0.5 * width * height


def test_a_quiz_hides_every_label_until_a_study_is_revealed(
    studies_page: Opener, run_copy: Path, table: pd.DataFrame
) -> None:
    telling = ("fracture", "right", "wrong", "score", "mixed", "same label", " break")
    judged = predictions.with_films(run_copy, journal.best_epoch(run_copy))
    row = table[table["key"].isin(catalog.study_key(judged))].iloc[0]
    mixed = table[table.groupby("patient")["label"].transform("nunique") > 1].iloc[0]
    asked = {"quiz": "true", "model": run_copy.name}
    app = studies_page(**asked, label="fracture", result="wrong")
    assert sorted(tiles(app)) == sorted(table["key"])  # filters that tell a label do not act
    assert tiles(app) != table["key"].tolist()  # nor does the order
    labels = [option for pills in app.pills for option in pills.options]
    cards_text = words(app).replace(model_card.label_meaning({"synthetic": True}), "")
    assert not any(word in text for text in [cards_text, *labels] for word in telling)
    app = studies_page(**asked, study=row["key"])
    assert not app.exception
    assert not any(word in words(app) for word in telling)
    assert set(films(app)["note"]) == {""} and set(films(app)["tone"]) == {""}
    assert not any(toggle.key == "break" for toggle in app.toggle)
    press(app, "Reveal")
    assert theme.mark(bool(row["label"])) in words(app)
    assert films(app)["note"].str.contains("score").all()
    press(app, "Next")
    assert "label hidden" in words(app)
    app = studies_page(**asked, person=mixed["patient"])
    assert not any(word in words(app) for word in telling)


def test_a_film_named_after_its_class_has_another_name_in_a_quiz(
    studies_page: Opener, folders: Path
) -> None:
    root = folders / "classes"
    for number in range(6):
        film = root / ("Fractured" if number < 3 else "Whole") / f"film{number}.png"
        film.parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (40, 40), 40 * number).save(film)
    chosen_data.choose(root, "Fractured")
    app = studies_page()
    assert "Fractured" in words(app)
    app = studies_page(quiz="true")
    assert len(tiles(app)) == 6
    shown = words(app).replace(model_card.label_meaning(vars(catalog.read(root, "Fractured"))), "")
    assert "Fractured" not in shown and "Whole" not in shown


def test_another_study_stands_beside_the_open_one(
    studies_page: Opener, table: pd.DataFrame
) -> None:
    several = table[table.groupby("patient")["label"].transform("size") > 1]
    first, second = several[several["patient"] == several["patient"].iloc[0]].iloc[:2].itertuples()
    app = studies_page(study=first.key)
    box = app.selectbox(key="compared-box")
    assert box.value is None
    assert box.options[0].startswith(first.patient)  # the patient's own come first
    assert len(box.options) == len(table) - 1
    box.select(second.key).run()
    assert address(app, "compared") == second.key
    groups = films(app).groupby("group").size().to_dict()
    assert groups == {0: first.views, 1: second.views}
    press(app, "All studies")
    assert "compared" not in app.query_params
    app = studies_page(study=first.key, compared="nobody")
    assert not app.exception
    assert set(films(app)["group"]) == {0}


def test_films_that_the_model_in_use_has_judged_show_their_number(
    studies_page: Opener, run_copy: Path
) -> None:
    epoch = journal.best_epoch(run_copy)
    judged = predictions.with_films(run_copy, epoch)
    keys = catalog.study_key(judged)
    key = keys.iloc[0]
    own = judged[keys == key]
    app = studies_page(model=run_copy.name, study=key)
    assert not app.exception
    notes = films(app)["note"].tolist()
    assert [note.split(": ")[0] for note in notes] == [f"score {p:.3f}" for p in own["probability"]]
    verdict = bool((own["probability"] > 0.5).any())
    right = "right" if verdict == bool(own["label"].iloc[0]) else "wrong"
    assert f"Verdict of {run_copy.name}" in words(app)
    assert right in words(app)


def test_films_that_no_prediction_table_covers_are_not_judged(
    studies_page: Opener, run_copy: Path
) -> None:
    films_of_run = journal.films(run_copy)
    key = catalog.study_key(films_of_run[films_of_run["role"] == "train"]).iloc[0]
    app = studies_page(model=run_copy.name, study=key)
    assert set(films(app)["note"]) == {"no prediction"}
    assert re.search(r"finished@\S*\d has not scored this study yet", words(app))
    assert "The model was trained on films of this patient" in words(app)
    assert next(b for b in app.button if b.label == "Diagnose this study")


def test_the_wall_can_be_narrowed_to_what_the_model_got_wrong(
    studies_page: Opener, run_copy: Path, table: pd.DataFrame
) -> None:
    judged = predictions.with_films(run_copy, journal.best_epoch(run_copy))
    verdicts = aggregation.verdicts(judged, judged["probability"], 0.5)
    wrong = set(verdicts[~verdicts["right"].astype(bool)]["key"])
    assert wrong, "the small run must get something wrong"
    app = studies_page(model=run_copy.name, result="wrong")
    assert set(tiles(app)) == wrong
    assert words(app).count("✗ wrong") >= len(wrong)
    app = studies_page(model=run_copy.name, result="none")
    assert set(tiles(app)) == set(table["key"]) - set(verdicts["key"])


def test_all_studies_of_a_patient_stand_on_one_line(
    studies_page: Opener, table: pd.DataFrame
) -> None:
    many = table.groupby("patient").filter(lambda rows: rows["label"].nunique() > 1)
    patient = many["patient"].iloc[0]
    own = table[table["patient"] == patient]["key"].tolist()
    app = studies_page(study=own[0])
    press(app, f"All {len(own)} studies of this patient")
    assert address(app, "person") == patient
    assert tiles(app) == own
    assert "mixed labels" in words(app)
    press(app, "Open")
    assert address(app, "study") == own[0]
    press(app, "All studies")
    assert tiles(app) == own  # back where one came from
    press(app, "All studies")
    assert len(tiles(app)) == 24


def test_each_button_that_opens_a_study_names_it(studies_page: Opener, table: pd.DataFrame) -> None:
    labels = [each.label.replace("\\", "") for each in studies_page().button]
    opening = {label for label in labels if label.startswith("Open ")}
    assert opening == {
        f"Open :small[{patient}, {study}]"
        for patient, study in table[["patient", "study"]].itertuples(index=False)
    }


def test_an_unknown_patient_is_one_sentence_and_a_way_back(studies_page: Opener) -> None:
    app = studies_page(person="<b>nobody</b>")
    assert not app.exception
    assert "has no patient <b>nobody</b>" in words(app)
    press(app, "All studies")
    assert len(tiles(app)) == 24


def test_the_model_stays_in_the_address_while_a_study_is_open(
    studies_page: Opener, run_copy: Path
) -> None:
    shutil.copytree(run_copy, run_copy.with_name("another"))
    first, second = map(model_names.at_best_epoch, model_cache.models_here())
    app = studies_page(model=second, result="wrong")
    key = tiles(app)[0]
    app.button(key=f"open-{key}").click().run()
    assert address(app, "study") == key
    assert address(app, "model") == second
    assert f"Verdict of {theme.plain(second)}".replace("\\", "") in words(app)
    press(app, "All studies")
    assert app.selectbox(key=state.PREDICTIONS_OF).value == second
    app.selectbox(key=state.PREDICTIONS_OF).set_value(first.partition("@")[0]).run()
    assert address(app, "model") == first
    app.query_params["model"] = "nobody"
    app.run()
    assert "No model is called nobody" in app.warning[0].value


def test_films_that_name_no_patient_are_searched_as_films(
    studies_page: Opener, folders: Path
) -> None:
    root = folders / "classes"
    for number in range(4):
        film = root / ("Fractured" if number % 2 else "Whole") / f"film{number}.png"
        film.parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (40, 40), 50 * number).save(film)
    chosen_data.choose(root, "Fractured")
    app = studies_page()
    assert not app.exception
    assert app.text_input(key=state.PATIENT).label == "Film"
    assert "by film" in app.selectbox(key=state.ORDER).options
    app = studies_page(patient="nobody")
    assert any("Drop film nobody: 4 studies" in button.label for button in app.button)
