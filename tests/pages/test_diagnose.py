"""Diagnose: films in, a verdict out; what cannot be read is named, and nothing is kept."""

import asyncio
import csv
import io
import json
import re
import shutil
import zipfile
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qs

import numpy as np
import pytest
import streamlit as st
from PIL import Image, ImageDraw, ImageFont, ImageOps
from pydicom.uid import generate_uid
from starlette.datastructures import Headers
from starlette.formparsers import MultiPartParser
from streamlit.testing.v1 import AppTest

from fracture_core.config.limits import LIMITS
from fracture_core.datasets import catalog
from fracture_core.epochs import epoch_weights
from fracture_core.films import images
from fracture_core.folders import models_folder
from fracture_core.jobs import launcher
from fracture_core.models import model_card, model_files, stored_models
from fracture_core.models.model import Model
from fracture_core.prediction import caveats, inference, study_prediction
from fracture_core.releases import release
from fracture_core.reports import study_record
from fracture_core.runs import journal, run_status
from tests.core.dicoms import PATIENT, make
from ui.cache import model_cache, study_cache
from ui.diagnose import export, intake, prediction_cache, reading, verdict_charts
from ui.shared import pictures
from ui.shared.charts import Ink
from ui.shell import state

APP = str(Path(__file__).parents[2] / "app.py")
WAIT = 60  # s; the first look at a network compiles it


@pytest.fixture
def starter(run_copy: Path) -> str:
    """A released model, made of the finished run; without a gate, which the made films would not
    pass."""
    st.cache_resource.clear()
    st.cache_data.clear()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(release, "_gate", lambda model: None)
        release.release(run_copy.name, "starter")
    prediction_cache.warm_up().result()
    return "starter"


@pytest.fixture
def gated(run_copy: Path) -> str:
    """The same with its gate."""
    st.cache_resource.clear()
    st.cache_data.clear()
    release.release(run_copy.name, "gated")
    prediction_cache.warm_up().result()
    return "gated"


def opened(**address: str) -> AppTest:
    """The page at an address."""
    app = AppTest.from_file(APP, default_timeout=WAIT).run()
    app.query_params.update(address)
    return app.switch_page("pages/diagnose.py").run()


def film(value: int, size: int = 64) -> bytes:
    """A PNG that no plain check doubts: a slope of grey, as bright as that, on black."""
    stream = io.BytesIO()
    values = np.zeros((size, size), np.uint8)
    values[8:-8, 8:-8] = np.linspace(0, min(255, value + 55), size - 16)
    Image.fromarray(values).save(stream, "PNG")
    return stream.getvalue()


def upload(app: AppTest, *files: tuple[str, bytes]) -> AppTest:
    """Drop these (name, content)."""
    app.file_uploader[0].set_value([(name, content, "image/png") for name, content in files])
    return app.run()


def said(app: AppTest) -> str:
    """Every word on the page."""
    kinds = (app.title, app.header, app.subheader, app.markdown, app.caption, app.warning, app.info)
    words = [element.value for kind in kinds for element in kind]
    text = "\n".join([*words, *(each.label for each in app.expander)])
    return text.replace("\\", "").replace("\N{NO-BREAK SPACE}", " ")


def positive_study(root: Path) -> str:
    return intake.example(catalog.read(root))["key"]


def test_a_second_model_stands_beside_the_first_once_it_is_picked(
    starter: str, phantom_root: Path
) -> None:
    key = positive_study(phantom_root)
    app = opened(model=starter, study=key)
    assert "Second model" not in said(app) and not app.dataframe
    app.selectbox(key="second").select("finished").run()
    assert not app.exception
    films = films_of_study(key, phantom_root)
    one, two = (
        inference.Predictor(stored_models.find(name)).predict_study("", films)
        for name in (starter, "finished")
    )
    scores = next(frame.value for frame in app.dataframe if "second" in frame.value)
    for position, film in enumerate(one.films):
        row = scores.iloc[position]
        assert row["Film"] == film.name and row["first"].startswith(f"{film.probability:.3f}")
        assert row["second"].startswith(f"{two.films[position].probability:.3f}")
    assert "Second model, finished@" in said(app)
    words = (
        "agree on the study" if one.verdict(0.5) == two.verdict(0.5) else "disagree on the study"
    )
    assert f"The models {words}" in said(app)


def films_of_study(key: str, root: Path) -> list[study_prediction.FilmInput]:
    """The films of a study of the data set, ready for prediction."""
    manifest = catalog.read(root).manifest
    paths = manifest.loc[catalog.study_key(manifest) == key, "path"]
    return [study_prediction.FilmInput(name=Path(p).name, source=root / p) for p in paths]


def test_without_a_model_the_page_says_how_to_get_one(folders: Path) -> None:
    st.cache_resource.clear()
    app = opened()
    assert not app.exception
    assert "There is no model yet. Train a network" in said(app)
    assert not app.slider


def test_before_any_film_the_page_offers_an_example_and_says_what_happens_to_uploads(
    starter: str,
) -> None:
    app = opened()
    assert not app.exception
    assert "never written to disk, never logged, gone after a reload" in said(app)
    assert "Not a medical device" in said(app)
    assert model_card.LABEL_MEANING_PHANTOM in said(app)
    assert [button.label for button in app.button] == ["Diagnose this study"]


def test_the_example_study_is_one_click_away_and_says_whether_the_verdict_is_right(
    starter: str, phantom_root: Path
) -> None:
    app = opened()
    app.button[0].click().run()
    assert not app.exception
    assert app.query_params[state.STUDY] == positive_study(phantom_root)
    study = intake.of_dataset(catalog.read(phantom_root), positive_study(phantom_root))
    assert app.title[1].value.startswith(":orange[▲] The model finds a fracture (")
    assert f"**{study.study} of {study.patient}**" in said(app)
    assert "Label in the data: :orange[▲ fracture]" in said(app)
    assert caveats.NEVER_SEEN not in said(app)  # synthetic films are what it has seen


def test_page_and_predictor_agree_to_the_last_bit(starter: str, phantom_root: Path) -> None:
    dataset = catalog.read(phantom_root)
    asked = intake.of_dataset(dataset, positive_study(phantom_root))
    given = [
        study_prediction.FilmInput(name=n, source=s)
        for (n, _), s in zip(asked.films, asked.sources, strict=True)
    ]
    direct = inference.Predictor(stored_models.find(starter)).predict_study("", given)
    whole, plain = ((),) * len(asked.films), (False,) * len(asked.films)
    stamp = model_cache.stamp(starter)
    kept = prediction_cache._predicted.__wrapped__(
        starter, stamp, asked.films, whole, plain, asked.sources
    )
    assert [f.probability for f in kept.films] == [f.probability for f in direct.films]


def test_a_bad_file_is_refused_by_name_and_the_others_are_judged(starter: str) -> None:
    app = upload(opened(), ("a.png", film(90)), ("broken.png", film(90)[:60]), ("b.png", film(30)))
    assert not app.exception
    (refused,) = [each for each in app.expander if "could not be read" in each.label]
    assert refused.label == "1 file could not be read" and not refused.proto.expanded
    assert "**broken.png** is cut short" in refused.markdown[0].value.replace("\\", "")
    assert "1 file could not be read." in said(app)
    assert "of 2 films)" in said(app)


def test_a_film_cut_short_and_burnt_in_text_are_told_before_an_export(starter: str) -> None:
    grain = np.random.default_rng(0).integers(0, 40, (200, 200), np.uint8)
    grain[20:-20, 60:-60] += np.linspace(0, 180, 80).astype(np.uint8)
    whole, written = Image.fromarray(grain), Image.fromarray(grain // 4)
    ImageDraw.Draw(written).text((10, 4), "DOE^JANE 1970", 250, ImageFont.load_default(14))
    contents = []
    for image, kind in ((whole, "JPEG"), (written, "PNG")):
        stream = io.BytesIO()
        image.save(stream, kind)
        contents.append(stream.getvalue())
    app = upload(opened(), ("cut.jpg", contents[0][:-40]), ("text.png", contents[1]))
    assert not app.exception
    [noted] = [each for each in app.expander if each.label == "Notes on 1 file"]
    line = noted.markdown[0].value.replace("\\", "")
    assert line.startswith("- **cut.jpg** Its last ") and line.endswith("missing in part.")
    assert "text.png has text-like marks near the rim" in said(app)


def test_unread_pages_and_films_given_twice_are_told_and_judged(starter: str) -> None:
    stream = io.BytesIO()
    pages = [Image.open(io.BytesIO(film(shade))) for shade in (90, 30)]
    pages[0].save(stream, "TIFF", save_all=True, append_images=pages[1:])
    app = upload(opened(), ("a.png", film(90)), ("b.tif", stream.getvalue()))
    assert not app.exception
    [told] = [each.value.replace("\\", "") for each in app.info]
    assert "b.tif has 2 frames; the first was used." in told
    assert "a.png and b.tif are the same film, and each counts." in told
    assert "of 2 films)" in said(app)


def test_many_films_of_one_study_tell_how_far_they_are_and_are_judged_as_one(
    starter: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [(f"{shade}.png", film(shade)) for shade in (90, 60, 30, 0)]
    files.insert(2, ("broken.png", film(90)[:60]))
    files.append(("again.png", film(90)))
    whole = said(upload(opened(), *files))
    st.cache_data.clear()
    told = []
    monkeypatch.setattr(reading, "UNNOTICED", 0)
    monkeypatch.setattr(prediction_cache, "FILMS_AT_ONCE", 2)
    monkeypatch.setattr(
        st.delta_generator.DeltaGenerator, "progress", lambda _, *said: told.append(said)
    )
    app = upload(opened(), *files)
    assert not app.exception
    assert [round(share, 2) for share, _ in told] == [0, 0.33, 0.67]
    assert told[1][1].endswith(" left")
    assert said(app) == whole and "of 5 films)" in whole
    assert "90.png and again.png are the same film" in app.info[0].value.replace("\\", "")
    assert "**broken.png** is cut short" in said(app)


def test_films_that_are_all_refused_give_no_verdict(starter: str) -> None:
    app = upload(opened(), ("notes.png", b"no film at all"))
    assert not app.exception
    assert app.title[1].value == "No verdict: the file could not be read"
    assert "**notes.png** is not a PNG" in said(app)


def test_an_upload_to_a_synthetic_model_is_told_that_the_answer_means_nothing(starter: str) -> None:
    app = upload(opened(), ("a.png", film(90)))
    assert caveats.NEVER_SEEN in app.warning[0].value.replace("\\", "")


def test_uploads_take_the_place_of_the_study_in_the_address_and_the_example_theirs(
    starter: str, phantom_root: Path
) -> None:
    app = opened(study=positive_study(phantom_root), threshold="0.0")
    app = upload(app, ("a.png", film(90)))
    assert "The model finds" in app.title[1].value and "Positive: a.png." in said(app)
    assert state.STUDY not in app.query_params


def test_the_threshold_decides_and_never_runs_the_network_again(
    starter: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    judged = []
    real = inference.Predictor.predict

    def counting(self: inference.Predictor, pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        judged.append(len(pixels))
        return real(self, pixels)

    monkeypatch.setattr(inference.Predictor, "predict", counting)
    app = upload(opened(), ("a.png", film(90)), ("b.png", film(200)))
    app.slider[0].set_value(0.0).run()
    assert "The model finds a fracture (2 of 2 films)" in app.title[1].value
    assert "Positive: a.png and b.png. One film above 0.00 is enough (OR rule)." in said(app)
    app.slider[0].set_value(1.0).run()
    assert app.title[1].value == ":blue[●] The model finds no fracture (0 of 2 films)"
    assert "No film is above 1.00; one would be enough (OR rule)." in said(app)
    assert not app.exception
    assert judged == [2, 14, 14]  # the films, and each of them mirrored and turned


def test_sensitivity_and_specificity_follow_the_threshold(starter: str) -> None:
    app = opened(threshold="0.0")
    assert [m.label for m in app.metric] == ["Sensitivity", "Specificity"]
    assert app.metric[0].value == "100.0\N{NO-BREAK SPACE}%"
    positive = stored_models.find(starter).at_threshold(0.0)["studies"].sensitivity.n
    assert f"{positive} of {positive}, 95 % interval" in said(app)
    app.slider[0].set_value(1.0).run()
    assert app.metric[0].value == "0.0\N{NO-BREAK SPACE}%"


@pytest.mark.parametrize(
    ("parameter", "value", "sentence"),
    [
        ("threshold", "abc", "A threshold is a number from 0 to 1; received abc."),
        ("threshold", "7", "A threshold is a number from 0 to 1; received 7."),
        ("study", "../../etc/passwd", "has no study '../../etc/passwd'. Choose one on Studies."),
        ("study", "x" * 5000, f"has no study '{'x' * 60}…'. Choose one on Studies."),
    ],
)
def test_a_bad_address_gives_one_sentence_and_the_page_goes_on(
    starter: str, parameter: str, value: str, sentence: str
) -> None:
    app = opened(**{parameter: value})
    assert not app.exception
    assert sentence in said(app)
    assert app.selectbox[0].value == "starter"
    assert app.slider[0].value == 0.5


@pytest.mark.parametrize("name", ["../../x", "<b>x</b>"])
def test_a_model_that_is_not_here_is_replaced_by_none_but_the_one_that_is_picked(
    starter: str, name: str
) -> None:
    app = opened(model=name)
    for _ in range(2):  # the sentence stays
        app.run()
        assert not app.exception
        assert f"No model is called {name}. Pick one of these." in said(app)
        assert app.selectbox[0].value is None
        assert not app.slider
    upload(app, ("a.png", film(90)))
    assert "finds" not in said(app)
    app.selectbox[0].set_value("starter").run()
    assert "No model is called" not in said(app)
    assert "The model finds" in app.title[1].value


def test_a_model_that_goes_while_its_verdict_is_shown_leaves_none_behind(
    starter: str, folders: Path
) -> None:
    shutil.copytree(folders / "models" / starter, folders / "models" / "mine")
    app = upload(opened(model="mine"), ("a.png", film(90)))
    assert "The model finds" in app.title[1].value
    (folders / "models" / "mine").rename(folders / "away")
    app.slider[0].set_value(0.4).run()
    assert not app.exception
    assert "No model is called mine. Pick one of these." in said(app)
    assert len(app.title) == 1


def test_an_epoch_that_is_not_kept_is_named(starter: str) -> None:
    app = opened(model="finished@99")
    assert not app.exception
    assert "keeps no weights of epoch 99" in app.error[0].value
    assert app.selectbox[0].value == "finished@99"


@pytest.mark.parametrize("reference", ["starter", "finished", "finished@2"])
def test_weights_that_are_cut_short_while_a_model_is_in_use_judge_no_more(
    starter: str, run_copy: Path, reference: str
) -> None:
    app = upload(opened(model=reference), ("a.png", film(90)))
    assert "of 1 film)" in said(app)
    weights = model_cache.model(reference).weights
    weights.write_bytes(weights.read_bytes()[:-2000])
    app.run()
    assert not app.exception
    [error] = app.error
    assert "weights of" in error.value.lower() and "above the threshold" not in said(app)


def test_a_name_with_markup_is_shown_to_the_letter(starter: str) -> None:
    app = upload(opened(threshold="0"), ("[x](http://y) <b>.png", film(90)))
    (line,) = [each.value for each in app.markdown if "Positive: " in each.value]
    assert r"\[x\]\(http" in line and "<b>" not in line


def test_two_uploads_of_one_name_are_told_apart_and_come_in_natural_order(starter: str) -> None:
    app = upload(
        opened(), ("image10.png", film(9)), ("image2.png", film(90)), ("image2.png", film(200))
    )
    chart = json.loads(app.get("plotly_chart")[0].proto.spec)
    names = ["image2.png", "image2.png (2)", "image10.png"]
    assert chart["layout"]["yaxis"]["ticktext"] == names


def test_an_upload_of_several_megabytes_never_touches_the_disk() -> None:
    content = bytes(3 * 2**20)
    body = b'--x\r\nContent-Disposition: form-data; name="f"; filename="a.png"\r\n\r\n'

    async def parts() -> AsyncIterator[bytes]:
        yield body + content + b"\r\n--x--\r\n"

    headers = Headers({"content-type": "multipart/form-data; boundary=x"})
    form = asyncio.run(MultiPartParser(headers, parts()).parse())
    with form["f"].file as file:
        assert form["f"].size == len(content)
        assert not file._rolled
    assert MultiPartParser.spool_max_size > LIMITS.file_bytes


def zipped(**films: bytes) -> bytes:
    """A zip of these films, by their names in it."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in films.items():
            archive.writestr(name, content)
    return stream.getvalue()


def test_a_zip_of_several_studies_shows_a_verdict_for_each_and_opens_any(starter: str) -> None:
    content = zipped(
        **{
            "study1/a.png": film(90),
            "study1/b.png": film(30),
            "study2/c.png": film(200),
            "study2/cut.png": film(30)[:60],
            "study3/inner.zip": b"PK\x03\x04",
        }
    )
    app = upload(opened(threshold="0"), ("mix.zip", content))
    assert not app.exception
    assert "1 file left out" in said(app) and "mix/study3/inner.zip" in said(app)
    assert app.selectbox(key=state.OPENED).options == ["▲ study1", "▲ study2"]
    table = app.dataframe[0].value
    assert table["Study"].tolist() == ["study1", "study2"]
    assert table["Verdict"].tolist() == ["▲ fracture", "▲ fracture"]
    assert table["Positive films"].tolist() == ["2 of 2", "1 of 1"]
    assert table["Not counted"].tolist() == ["–", "1 refused"]
    assert "finds a fracture (2 of 2 films)" in app.title[1].value
    assert "**study1** · Positive: a.png and b.png." in said(app)
    app.selectbox(key=state.OPENED).set_value("study2").run()
    assert "finds a fracture (1 of 1 film)" in app.title[1].value
    assert "**study2** · Positive: c.png. One film" in said(app)
    assert "(OR rule). 1 file could not be read." in said(app)
    assert "**cut.png** is cut short" in said(app)


def number(app: AppTest) -> float:
    """The highest probability of the open study."""
    return float(re.search(r"any film \(OR\)\*\* \|[^|]*\| (0\.\d+)", said(app))[1])


@pytest.mark.slow
def test_an_upload_opens_at_a_fracture_and_files_beside_the_studies_are_no_studies(
    starter: str,
) -> None:
    films = {value: film(value) for value in (30, 200)}
    values = {v: number(upload(opened(), ("a.png", content))) for v, content in films.items()}
    low, high = sorted(values, key=values.get)
    content = zipped(
        **{
            "p0/notes.png": b"no film",
            "p1/a.png": flat(),
            "p2/a.png": films[low],
            "p3/a.png": films[high],
        }
    )
    between = str((values[low] + values[high]) / 2)
    app = upload(opened(threshold=between), ("six.zip", content))
    assert not app.exception
    assert "finds a fracture (1 of 1 film)" in app.title[1].value
    assert "**p3** · Positive: a.png." in said(app)
    assert "**3 studies in this upload**: fracture in 1, none in 1, no verdict on 1" in said(app)
    assert "1 file left out" in said(app) and "**p0/notes.png** is not a PNG" in said(app)
    lines = app.dataframe[0].value.set_index("Study")
    assert lines.loc["p1"].tolist()[0] == "no verdict" and lines.loc["p1", "Answer"] == "–"
    assert lines.loc["p1"].tolist()[-2:] == ["none counted", "1 set aside"]
    app = upload(opened(threshold="1"), ("six.zip", content))
    assert "no fracture (0 of 1 film)" in app.title[1].value and "**p2** ·" in said(app)
    app = upload(opened(), ("one.zip", zipped(**{"p0/notes.png": b"no", "p1/a.png": films[high]})))
    assert not app.dataframe and "**p1** ·" in said(app)
    assert "**p0/notes.png** is not a PNG" in said(app)


def test_of_files_that_are_no_films_all_reasons_stand_together(starter: str) -> None:
    content = zipped(**{f"p{n}/a.png": b"no film" for n in range(5)})
    app = upload(opened(), ("none.zip", content))
    assert not app.exception
    assert app.title[1].value == "No verdict: none of 5 files could be read"
    (reasons,) = [each for each in app.expander if each.label == "5 files could not be read"]
    assert reasons.proto.expanded  # nothing else is there to see
    assert all(f"**p{n}/a.png** is not a PNG" in said(app) for n in range(5))
    assert not app.get("bidi_component") and not app.get("download_button")


def test_studies_without_a_folder_are_called_by_their_first_film(starter: str) -> None:
    values = np.add.outer(np.arange(64), np.arange(64)).astype(np.uint8)
    app = upload(
        opened(threshold="0"), *[(f"{n}.dcm", make(values, study=generate_uid())) for n in "abc"]
    )
    assert not app.exception
    names = ["the study of a.dcm", "the study of b.dcm", "the study of c.dcm"]
    assert app.dataframe[0].value["Study"].tolist() == names
    assert "**the study of a.dcm** · Positive: a.dcm." in said(app)


def test_uploads_are_still_there_after_another_page_until_they_are_removed(starter: str) -> None:
    app = upload(opened(threshold="0"), ("a.png", film(90)), ("flat.png", flat()))
    [pills] = [each for each in app.button_group if each.label == "Include anyway"]
    pills.set_value(["flat.png"]).run()
    app.switch_page("pages/home.py").run()
    app.switch_page("pages/diagnose.py").run()
    assert not app.exception
    assert not app.file_uploader[0].value
    assert "Still here: 2 files that you dropped before" in said(app)
    assert "a.png and flat.png." in said(app)
    [remove] = [each for each in app.button if each.label == "Remove all"]
    remove.click().run()
    assert not app.exception
    assert "Still here" not in said(app) and "start with an example" in said(app)
    app.switch_page("pages/home.py").run()
    app.switch_page("pages/diagnose.py").run()
    assert "start with an example" in said(app)


def test_a_dicom_film_is_judged_as_the_same_film_in_png(starter: str) -> None:
    values = np.add.outer(np.arange(64), np.arange(64)).astype(np.uint8)
    stream = io.BytesIO()
    Image.fromarray(values).save(stream, "PNG")
    study = generate_uid()
    app = upload(
        opened(),
        ("a.dcm", make(values, study=study)),
        ("b.dcm", make(255 - values, study=study, PhotometricInterpretation="MONOCHROME1")),
    )
    assert not app.exception and "of 2 films" in said(app)
    chart = json.loads(app.get("plotly_chart")[0].proto.spec)
    numbers = chart["data"][-1]["text"]
    app = upload(opened(), ("a.png", stream.getvalue()))
    chart = json.loads(app.get("plotly_chart")[0].proto.spec)
    assert numbers == chart["data"][-1]["text"] * 2
    assert PATIENT not in said(app)


def test_what_the_verdict_hangs_on_is_told_beside_other_rules(starter: str) -> None:
    app = upload(opened(threshold="0"), ("a.png", film(90)), ("b.png", film(200)))
    assert "The verdict does not depend on a single film" in said(app)
    assert "| **any film (OR)** | :orange[▲ fracture] |" in said(app)
    assert "noisy-OR" in said(app)
    few = r"Unknown: only \d dev stud(y|ies) with 2 films|There are no comparable dev studies"
    assert re.search(rf"How often is that right\? ({few})", said(app))
    app.slider[0].set_value(1.0).run()
    assert "| **any film (OR)** | :blue[● no fracture] |" in said(app)
    assert "At any threshold below" in said(app)


@pytest.mark.slow
def test_what_is_brushed_over_is_judged_without_it_and_compared(
    starter: str, phantom_root: Path
) -> None:
    key = positive_study(phantom_root)
    study = intake.of_dataset(catalog.read(phantom_root), key)
    name = study.films[0][0]
    app = opened(study=key)
    before = app.title[1].value
    stroke = {"film": name, "radius": 0.3, "points": [[0.2, 0.5], [0.8, 0.5]]}
    app.session_state[state.VIEWER] = {"erased": {"study": study.viewer_key, "strokes": [stroke]}}
    app.run()
    assert not app.exception
    assert re.search(rf"\*\*{re.escape(name)}\*\* 0\.\d+ → 0\.\d+; the verdict", said(app))
    app.session_state[state.VIEWER] = {"erased": {"study": "another", "strokes": [stroke]}}
    app.run()
    assert "erased area" not in said(app)
    assert app.title[1].value == before


def viewer(app: AppTest) -> dict:
    """Return the data of the film viewer, without its tables."""
    (found,) = [e for e in app.get("bidi_component") if e.proto.component_name == "film_viewer"]
    return found.proto.mixed


def test_heat_maps_come_when_they_are_asked_for_and_say_how_coarse_they_are(
    starter: str, phantom_root: Path
) -> None:
    key = positive_study(phantom_root)
    plain = opened(study=key)
    app = opened(study=key, why="true")
    assert not app.exception
    size = [sum(len(t.data) for t in viewer(each).arrow_blobs.values()) for each in (plain, app)]
    assert size[1] > size[0]
    assert re.search(r"one cell covers \d+ × \d+ px of the first film", said(app))
    assert "falls by up to" not in said(plain)


@pytest.mark.slow
def test_a_run_judges_the_same_films_at_every_kept_epoch(starter: str, run_copy: Path) -> None:
    app = upload(opened(model=run_copy.name, through="true"), ("a.png", film(90)))
    assert not app.exception
    epochs = epoch_weights.kept(run_copy / "checkpoints")
    assert f"One line per film, {len(epochs)} kept epochs from 1 to {epochs[-1]}" in said(app)
    model = stored_models.find(run_copy.name)
    pixels = images.load(film(90), model.card.recipe)[None]
    kept, values = inference.through_epochs(model, pixels)
    assert list(kept) == epochs and values.shape == (len(epochs), 1)
    one = inference.Predictor(stored_models.find(f"{run_copy.name}@2")).probabilities(pixels)
    assert values[epochs.index(2)] == one
    assert "Through the epochs" not in [t.label for t in opened(model="starter").toggle]


def test_a_verdict_can_be_taken_home_without_names_unless_asked_for(
    starter: str, monkeypatch: pytest.MonkeyPatch, phantom_root: Path
) -> None:
    told: list[study_record.Case] = []
    real = export.case
    monkeypatch.setattr(export, "case", lambda *given: told.append(real(*given)) or told[-1])
    key = positive_study(phantom_root)
    study = intake.of_dataset(catalog.read(phantom_root), key)
    name = study.films[0][0]
    app = opened(study=key)
    stroke = {"film": name, "radius": 0.3, "points": [[0.2, 0.5], [0.8, 0.5]]}
    app.session_state[state.VIEWER] = {"erased": {"study": study.viewer_key, "strokes": [stroke]}}
    app.run()
    assert not app.exception
    assert [each.label for each in app.get("download_button")] == ["Report", "JSON", "CSV"]
    assert "Label in the data" in said(app) and "was altered by hand" in said(app)
    assert "; the verdict is" not in said(app)
    assert not app.toggle(key=state.NAMES).value
    whole, case = told[0], told[-1]
    assert case.exhibits[0].film.erased and not whole.exhibits[0].film.erased
    assert case.exhibits[0].whole == whole.prediction.films[0].probability
    assert not case.real and case.label == 1
    model = model_cache.model(starter)
    texts = {kind: export.content(kind, [case], model, 0.5, False) for kind in export.KINDS}
    assert "Erased by hand" in texts["html"]
    assert not any(case.patient in text or name in text for text in texts.values())
    found = json.loads(export.content("json", [case], model, 0.5, True))
    expected = case.prediction.to_dict(0.5) | {"study": case.study}
    told = list(caveats.warnings(model, 0.5, real=False))
    [own] = found["studies"]
    assert own.pop("answer") == "a person must look"
    assert own.pop("answer_reason") == "The promise does not cover it: 1 film altered by hand."
    assert found.pop("promise")["studies"] == dev_studies(model)
    assert found == {"model": starter, "threshold": 0.5, "warnings": told, "studies": [expected]}


def dev_studies(model: Model) -> int:
    """Number of the model's dev studies."""
    return int(model.dev_films.groupby(["patient", "study"]).ngroups)


def test_all_studies_of_an_upload_are_taken_home_at_once(
    starter: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Callable[[], str]] = []
    monkeypatch.setattr(export.st, "download_button", lambda *_, data, **__: made.append(data))
    content = zipped(
        **{
            "a/one.png": film(90),
            "a/two.png": film(30),
            "b/one.png": film(200),
            "c/notes.png": b"hm",
            "inner.zip": zipped(**{"x.png": film(9)}),
        }
    )
    app = upload(opened(), ("set.zip", content))
    report, found, table = (each() for each in made[-3:])
    one = json.loads(found)
    assert len(one["studies"]) == 1
    assert [left["file"] for left in one["left_out"]] == ["file 1"]
    assert "Left out of the upload" in report
    assert not any("inner.zip" in each for each in (report, found, table))
    assert app.toggle(key=state.EVERYTHING).label == "All 2 studies of the upload"
    app.toggle(key=state.EVERYTHING).set_value(True).run()
    app.toggle(key=state.NAMES).set_value(True).run()
    assert not app.exception
    report, found, table = (each() for each in made[-3:])
    studies = json.loads(found)["studies"]
    assert [study["study"] for study in studies] == ["a", "b"]
    assert [len(study["images"]) for study in studies] == [2, 1]
    left = ["set/inner.zip", "notes.png"]
    assert [each["file"] for each in json.loads(found)["left_out"]] == left
    lines = list(csv.DictReader(io.StringIO(table)))
    assert [line["study"] for line in lines] == ["a", "a", "b", "", ""]
    assert [line["film"] for line in lines[3:]] == left and lines[3]["refused"]
    assert "Report on 2 studies" in report and all(name in report for name in left)


def test_a_study_of_which_nothing_could_be_read_has_a_report_too(starter: str) -> None:
    asked = intake.StudyInput(
        study="s", patient=None, films=(("cut.png", "k"),), sources=(film(9)[:60],), real=True
    )
    judged = inference.Predictor(stored_models.find(starter)).predict_study(
        "", [study_prediction.FilmInput(name="cut.png", source=asked.sources[0])]
    )
    model = model_cache.model(starter)
    empty = reading.Reading(
        study=asked,
        reference=starter,
        model=model,
        threshold=0.5,
        whole=judged,
        prediction=judged,
        erased={},
        inverted=(),
    )
    text = export.content("html", [export.case(empty, {})], model, 0.5, True)
    assert "There is no verdict on" in text and "cut short" in text


def test_what_the_network_saw_is_enlarged_without_blur() -> None:
    pixels = np.arange(9, dtype=np.uint8).reshape(3, 3)
    shown = np.asarray(Image.open(io.BytesIO(pictures.network_picture(pixels))))
    assert shown.shape == (258, 258)
    assert set(np.unique(shown)) == set(range(9))
    assert (shown[:86, :86] == 0).all()


def test_the_chart_has_a_mark_of_its_verdict_for_every_film() -> None:
    ink = Ink(text="#111", grid="#222", train="#333", dev="#444", valid="#555")
    films = verdict_charts.Scored(names=["a<b", "b"], scores=[0.7, 0.5])
    figure = verdict_charts.films_on_scale(films, 0.5, "#f00", "#00f", ink)
    marks = figure.data[0].marker
    assert marks.symbol == ("triangle-up", "circle")  # at the threshold is not above it
    assert marks.color == ("#f00", "#00f")
    assert figure.layout.yaxis.ticktext == ("a&lt;b", "b")
    numbers = [(note.text, note.y) for note in figure.layout.annotations[1:]]
    assert numbers == [("0.700", 0), ("0.500", 1)]


def test_the_chart_over_the_epochs_tells_films_apart_and_marks_the_epoch_that_judges() -> None:
    ink = Ink(text="#111", grid="#222", train="#333", dev="#444", valid="#555")
    values = np.array([[0.4, 0.6, 0.5], [0.7, 0.5, 0.2]])
    course = verdict_charts.Course(epochs=(1, 3), scores=values, names=["a", "b<c", "c"], current=3)
    figure = verdict_charts.through_epochs(course, 0.5, "#f00", "#00f", ink, ("#0a0", "#b00"))
    assert [line.name for line in figure.data] == ["a", "b&lt;c", "c"]
    looks = [(line.line.color, line.line.dash) for line in figure.data]
    assert looks == [("#0a0", "solid"), ("#b00", "solid"), ("#0a0", "dash")]
    assert figure.data[0].marker.symbol == ("circle", "triangle-up")
    assert list(figure.data[0].y) == [0.4, 0.7] and list(figure.data[0].x) == [1, 3]
    assert [note.text for note in figure.layout.annotations] == ["verdict above: epoch 3"]
    assert figure.layout.annotations[0].x == 3
    assert figure.layout.xaxis.title.text == "epoch"
    assert figure.layout.yaxis.title.text == "score, threshold 0.50"


def test_the_charts_are_told_in_words_and_as_tables_with_every_score() -> None:
    films = verdict_charts.Scored(
        names=["a", "b"], scores=[0.7, 0.5], spreads=[(0.6, 0.8), (0.5, 0.55)]
    )
    assert verdict_charts.scale_in_words(films, 0.5) == (
        "Scores of the films, threshold 0.50: a 0.700, fracture, 0.600 to 0.800 mirrored or "
        "rotated; b 0.500, no fracture, 0.500 to 0.550 mirrored or rotated."
    )
    assert verdict_charts.scale_as_table(films, 0.5).iloc[1].to_dict() == {
        "Film": "b",
        "Score": "0.500",
        "Result": "no fracture",
        "Mirrored or rotated": "0.500 to 0.550",
    }
    values = np.array([[0.4, 0.6], [0.9, 0.1], [0.7, 0.5]])
    course = verdict_charts.Course(epochs=(1, 2, 4), scores=values, names=["a", "b"], current=4)
    assert verdict_charts.course_in_words(course, 0.5) == (
        "Scores of the films from epoch 1 to 4, threshold 0.50: a 0.400 to 0.700, lowest 0.400, "
        "highest 0.900; b 0.600 to 0.500, lowest 0.100, highest 0.600."
    )
    last = verdict_charts.course_as_table(course).iloc[0].to_dict()
    assert last == {"Epoch": "4", "a": "0.700", "b": "0.500"}


def test_data_of_single_views_still_has_an_example(tmp_path: Path) -> None:
    for name in ("broken", "whole"):
        (tmp_path / name).mkdir()
        for number in range(6):
            (tmp_path / name / f"{number}.png").write_bytes(film(9 + number))
    row = intake.example(catalog.read(tmp_path, positive="broken"))
    assert (row["label"], row["views"], row["split"]) == (1, 1, "valid")


def flat() -> bytes:
    """A PNG of one grey."""
    stream = io.BytesIO()
    Image.new("L", (64, 64), 90).save(stream, "PNG")
    return stream.getvalue()


def test_a_doubted_film_is_named_and_counts_only_where_it_is_ticked(starter: str) -> None:
    app = upload(opened(threshold="0"), ("a.png", film(90)), ("flat.png", flat()))
    assert not app.exception
    assert "(1 of 1 film)" in app.title[1].value
    assert "Positive: a.png." in said(app) and "1 film is set aside." in said(app)
    assert "1 of 2 films is uniformly grey (not counted)." in app.warning[0].value
    assert "**flat.png** is uniformly grey." in said(app)
    (numbers,) = [each for each in app.expander if each.label == "Measurements of 1 film"]
    assert "its spread is 0.000" in numbers.markdown[0].value.replace("\\", "")
    assert said(app).count("This model has no gate") == 1
    [pills] = [each for each in app.button_group if each.label == "Include anyway"]
    pills.set_value(["flat.png"]).run()
    assert "a.png and flat.png." in said(app)
    assert "2 of 2 films)" in said(app)
    app = upload(opened(threshold="0"), ("flat.png", flat()))
    assert app.title[1].value == "No verdict: the film is set aside"
    assert not app.exception


@pytest.mark.slow
def test_a_gate_doubts_what_its_model_has_never_seen(gated: str, phantom_root: Path) -> None:
    app = opened(study=positive_study(phantom_root))
    assert not app.exception
    assert "Films that look unlike the training films are set aside" in said(app)
    assert "unreliable" not in said(app)
    noise = io.BytesIO()
    values = np.random.default_rng(0).integers(0, 128, (64, 64)).astype(np.uint8)
    Image.fromarray(values).save(noise, "PNG")
    app = upload(opened(), ("noise.png", noise.getvalue()))
    assert "**noise.png** It lies " in said(app)
    assert "No verdict: the film looks unlike the training films" in app.title[1].value


@pytest.mark.slow
def test_a_run_gets_its_gate_at_the_press_of_a_button(starter: str, run_copy: Path) -> None:
    app = opened(model=run_copy.name)
    assert "This run has no gate yet" in said(app)
    [button] = [each for each in app.button if each.label == "Fit its gate"]
    button.click().run()
    assert not app.exception
    folder = model_files.gate_folder(stored_models.find(run_copy.name).weights)
    assert launcher.wait(folder).state is run_status.State.FINISHED
    app.run()
    assert "Films that look unlike the training films are set aside" in said(app)


def test_all_doubted_films_are_counted_at_once_and_all_of_them_are_listed(starter: str) -> None:
    films = [(f"flat{n}.png", flat()) for n in range(5)]
    app = upload(opened(threshold="0"), *films)
    assert "5 of 5 films are uniformly grey (not counted)." in app.warning[0].value
    assert "**flat1.png**, **flat2.png**" in said(app) and "are uniformly grey." in said(app)
    assert "Measurements of 5 films" in [each.label for each in app.expander]
    click = {button.label: button for button in app.button}
    click["Include all"].click().run()
    assert not app.exception
    assert "5 of 5 films)" in said(app)
    {button.label: button for button in app.button}["Include none"].click().run()
    assert app.title[1].value == "No verdict: all 5 films are set aside"


def test_an_inverted_film_is_offered_to_be_turned_and_judged_as_the_film(
    gated: str, phantom_root: Path
) -> None:
    path = next(iter(phantom_root.glob("valid/*/*/*/*.png")))
    stream = io.BytesIO()
    ImageOps.invert(Image.open(path).convert("L")).save(stream, "PNG")
    app = upload(opened(model=gated), ("inverted.png", stream.getvalue()))
    (offer,) = [each for each in app.pills if each.label == "Predict with inverted greys"]
    offer.set_value(["inverted.png"]).run()
    assert not app.exception
    turned = json.loads(app.get("plotly_chart")[0].proto.spec)["data"][-1]["text"]
    app = upload(opened(model=gated), ("film.png", path.read_bytes()))
    assert turned == json.loads(app.get("plotly_chart")[0].proto.spec)["data"][-1]["text"]


def test_a_doubted_film_is_shown_beside_the_training_films_that_are_nearest(
    gated: str, phantom_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Callable[[], str]] = []
    monkeypatch.setattr(export.st, "download_button", lambda *_, data, **__: made.append(data))
    noise = np.random.default_rng(0).integers(0, 256, (200, 160)).astype(np.uint8)
    stream = io.BytesIO()
    Image.fromarray(noise).save(stream, "PNG")
    app = upload(opened(model=gated), ("noise.png", stream.getvalue()))
    assert not app.exception
    assert "Most similar training films" in [each.label for each in app.expander]
    told = [each.value.replace("\\", "") for each in app.caption]
    near = [each for each in told if each.endswith("from noise.png")]
    assert len(near) == 3
    assert made[-3]().count('alt="a training film"') == 3  # and in the report
    links = [each.proto for each in app.get("page_link") if each.proto.label.startswith("patient")]
    manifest = catalog.read(phantom_root).manifest
    labels = dict(zip(catalog.study_key(manifest), manifest["label"], strict=True))
    for caption, link in zip(near, links, strict=True):
        [key] = parse_qs(link.query_string)["study"]
        assert ("no fracture" in caption) == (labels[key] == 0)


def test_where_the_training_films_are_not_here_the_page_says_so(
    gated: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for shade in (60, 200):  # other data than the model's
        path = tmp_path / f"train/XR_WRIST/patient{shade}/study1_positive/image1.png"
        path.parent.mkdir(parents=True)
        path.write_bytes(film(shade))
    monkeypatch.setenv("FRACTURE_DATA", str(tmp_path))
    noise = np.random.default_rng(0).integers(0, 256, (200, 160)).astype(np.uint8)
    stream = io.BytesIO()
    Image.fromarray(noise).save(stream, "PNG")
    app = upload(opened(model=gated), ("noise.png", stream.getvalue()))
    assert not app.exception
    assert "which is not in use: only the films' names are known here" in said(app)
    assert len(re.findall(r"image\d\.png: [\d.]+ from noise\.png", said(app))) == 3


# --- the model in use, and what it may --------------------------------------------------------


def test_a_run_never_becomes_the_model_in_use_by_itself(run_copy: Path) -> None:
    st.cache_resource.clear()
    app = opened()
    assert not app.exception
    assert app.selectbox(key=state.MODEL).value is None
    assert "No model is in use. Pick one" in said(app)
    upload(app, ("a.png", film(90)))
    assert "finds" not in said(app)
    app.selectbox(key=state.MODEL).set_value(run_copy.name).run()
    best = f"{run_copy.name}@{journal.best_epoch(run_copy)}"
    assert app.selectbox(key=state.MODEL).value == best  # that very epoch, whatever comes later
    assert "The model finds" in app.title[1].value


def test_another_best_epoch_or_a_new_release_does_not_change_the_model_in_use(
    starter: str, run_copy: Path
) -> None:
    app = opened(model=run_copy.name)
    best = f"{run_copy.name}@{journal.best_epoch(run_copy)}"
    assert app.selectbox(key=state.MODEL).value == best
    table = run_copy / "metrics.jsonl"
    lines = journal.up_to(table, "epoch", 3)
    other = next(line for line in lines if f"@{line['epoch']}" not in best)
    other["dev"]["loss"] = 0.0
    journal.replace_lines(table, lines)
    assert journal.best_epoch(run_copy) == other["epoch"]
    shutil.copytree(models_folder() / starter, models_folder() / "a-first-one")
    for page in ("home", "diagnose"):
        app.switch_page(f"pages/{page}.py").run()
    assert not app.exception
    assert app.selectbox(key=state.MODEL).value == best


def test_what_speaks_against_a_model_stands_in_one_box_above_the_verdict(starter: str) -> None:
    app = upload(opened(threshold="1"), ("a.png", film(90)))
    told = app.warning[0].value.replace("\\", "")
    sentences = [line.removeprefix(":small[").removesuffix("]") for line in told.split("  \n")]
    assert sentences == list(caveats.warnings(stored_models.find(starter), 1.0))
    assert "Sensitivity 0" in told and "This model has no gate" in told


def test_a_study_of_a_training_patient_is_named_as_such_and_never_the_example(
    starter: str, phantom_root: Path, run_copy: Path
) -> None:
    films = journal.films(run_copy)
    taught = films[films["role"] == "train"]
    app = opened(study=catalog.study_key(taught).iloc[0])
    assert not app.exception
    assert "The model was trained on films of this patient" in said(app)
    fresh = films[films["role"] == "valid"]
    app = opened(study=catalog.study_key(fresh).iloc[0])
    assert "; the verdict is" in said(app) and "films of this patient" not in said(app)
    data = catalog.read(phantom_root)
    known = study_cache.training_overlaps(starter)
    for some in (data.manifest, data.manifest[data.manifest["split"] == "train"]):
        row = intake.example(replace(data, manifest=some), known)
        assert row["patient"] not in set(taught["patient"])
    none = data.manifest[data.manifest["patient"].isin(known)]
    assert intake.example(replace(data, manifest=none), known) is None
