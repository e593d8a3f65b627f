"""Exports: complete, escaped, and without names unless requested."""

import base64
import csv
import hashlib
import io
import json
import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fracture_core.answers import study_answers
from fracture_core.cli import command_line, study_output
from fracture_core.films import images
from fracture_core.films.eraser import Stroke
from fracture_core.models import epoch_models, model_card, model_files
from fracture_core.models.model import Model
from fracture_core.operating_points.calibration import Calibration, Scaling
from fracture_core.operating_points.choices import Choices
from fracture_core.operating_points.promise import Promise
from fracture_core.prediction import caveats
from fracture_core.prediction.inference import Predictor
from fracture_core.prediction.study_prediction import FilmInput, NearestFilm
from fracture_core.prediction.training_patients import TrainingOverlap
from fracture_core.reports import study_record, study_report
from fracture_core.reports.study_record import Case, Exhibit

HOSTILE = '=<script>alert("1")</script>&\x00\udcff.png'
PATIENT = "patient4711"
TINY = 16  # px of a heat map


def png(shade: int, size: tuple[int, int] = (90, 64)) -> bytes:
    """A PNG with a gradient, bright at the right."""
    values = np.linspace(shade, 250, size[0] * size[1]).reshape(size[::-1])
    stream = io.BytesIO()
    Image.fromarray(values.astype(np.uint8)).save(stream, "PNG")
    return stream.getvalue()


@pytest.fixture(scope="module")
def model(finished_run: Path) -> Model:
    return epoch_models.of_run(finished_run, 3)


@pytest.fixture(scope="module")
def case(model: Model) -> Case:
    """Three films: a broken one, a partly erased one, one with a heat map and a hostile name."""
    heat = io.BytesIO()
    Image.new("RGBA", (TINY, TINY), (242, 145, 61, 200)).save(heat, "PNG")
    stroke = Stroke(points=((0.2, 0.2), (0.6, 0.6)), radius=0.2)
    films = (
        FilmInput(name=HOSTILE, source=png(0, (3000, 200))),
        FilmInput(name="broken.png", source=png(9)[:60]),
        FilmInput(name="second.png", source=png(40), erased=(stroke,)),
    )
    return Case(
        prediction=Predictor(model).predict_study("", films, count_doubted=True),
        exhibits=(
            Exhibit(film=films[0], spread=(0.1, 0.9), maps={"Grad-CAM": heat.getvalue()}),
            Exhibit(film=films[1]),
            Exhibit(film=films[2], whole=0.125),
        ),
        study="study<b>1",
        patient=PATIENT,
        label=1,
    )


def read(text: str) -> ET.Element:
    """The report's tree; strict, so that markup which is not well-formed raises."""
    return ET.fromstring(text.removeprefix("<!DOCTYPE html>"))


def words(text: str) -> str:
    return re.sub(r"\s+", " ", "".join(read(text).find("body").itertext()))


@pytest.mark.parametrize("threshold", [0.0, 1.0])
def test_the_report_holds_all_that_was_found(case: Case, model: Model, threshold: float) -> None:
    text = study_report.document([case], model, threshold)
    plain = words(text)
    verdict = {0.0: "finds a fracture (2 of 2 films) in the study: film 1 and film 3; 1 could"}
    assert verdict.get(threshold, "finds no fracture (0 of 2 films) in the study; 1 could") in plain
    for film in case.prediction.films:
        assert f"{film.probability:.3f} → {int(threshold == 0)}" in plain
        assert f'<data value="{film.probability!r}">' in text
    for exhibit in (case.exhibits[0], case.exhibits[2]):
        assert hashlib.sha256(exhibit.film.source).hexdigest() in plain
    assert model_files.sha256(model.weights) in plain
    assert "film 2 is cut short" in plain
    assert "any film (OR)" in plain and "noisy-OR" in plain and "mean of the films" in plain
    assert "How often is that right?" in plain
    assert caveats.NEVER_SEEN in plain and model_card.LABEL_MEANING_PHANTOM in plain
    assert "Erased by hand: shown and predicted without the erased area, " in plain
    assert "% of the film. With it: 0.125." in plain
    assert "Mirrored and rotated by up to 6 degrees: 0.100 to 0.900." in plain
    sensitivity = model.at_threshold(threshold)["studies"].sensitivity
    assert f"{sensitivity.count} of {sensitivity.n}" in plain
    assert f"tensorflow {model.card.versions['tensorflow']}" in plain
    assert "Grad-CAM's strongest place has the full colour" in plain
    assert f"it changes the probability by less than {study_record.OCCLUSION_FULL}." in plain
    assert study_report.DISCLAIMER in plain
    assert "Label in the data: ▲ fracture" in plain


def test_without_names_nothing_of_them_is_in_any_export(case: Case, model: Model) -> None:
    studies = study_record.named([case], False)
    exports = (
        study_report.document([case], model, 0.5),
        study_record.as_csv([case], model, 0.5),
        json.dumps(study_record.as_dict(studies, model, 0.5)),
    )
    for text in exports:
        for name in ("script>", "broken", "second", "study<b>", "study&lt;b", PATIENT):
            assert name not in text.replace("<style>", "")
        assert "film 1" in text and "film 2" in text and "film 3" in text


def test_with_names_they_are_there_and_escaped(case: Case, model: Model) -> None:
    text = study_report.document([case], model, 0.0, names=True)
    assert "<script" not in text and "<b>1" not in text
    shown = HOSTILE.replace("\x00", "\ufffd").replace("\udcff", "\ufffd")
    plain = words(text)
    assert f"(2 of 2 films) in study<b>1 of {PATIENT}: {shown} and second.png; 1 could" in plain
    assert "broken.png is cut short" in plain
    text.encode()  # no lone surrogate is left


def test_texts_of_a_card_are_escaped(case: Case, model: Model) -> None:
    texts = ("name", "label_meaning", "threshold_origin", "command", "created")
    card = replace(
        model.card,
        **{key: f"<script>{key}</script>\x00" for key in texts},
        parts=("<script>part</script>",),
        training={**model.card.training, "root": "<script>root</script>"},
        versions={"<script>": "<script>version</script>"},
    )
    text = study_report.document([case], replace(model, card=card), 0.5)
    assert "<script" not in text and "\x00" not in text
    plain = words(text)
    for shown in ("name", "label_meaning", "threshold_origin", "command", "part", "root"):
        assert f"<script>{shown}</script>" in plain


def test_the_report_asks_nobody_for_anything(case: Case, model: Model) -> None:
    text = study_report.document([case], model, 0.5, names=True)
    assert "http:" not in text and "https:" not in text and "url(" not in text
    tree = read(text)
    assert not list(tree.iter("script")) and not list(tree.iter("link"))
    policy = tree.find("head/meta[@http-equiv='Content-Security-Policy']")
    assert policy.get("content").startswith("default-src 'none'; img-src data:;")
    assert all(image.get("src").startswith("data:image/") for image in tree.iter("img"))


def test_films_are_inside_as_they_were_judged_and_no_larger_than_needed(
    case: Case, model: Model
) -> None:
    tree = read(study_report.document([case], model, 0.5))
    content = [base64.b64decode(i.get("src").split(",")[1]) for i in tree.iter("img")]
    first, network_input, over, second, _ = (Image.open(io.BytesIO(each)) for each in content)
    assert (first.format, max(first.size)) == ("JPEG", 1024)
    assert (np.asarray(network_input) == case.prediction.films[0].pixels).all()
    red, green, blue = np.asarray(over).reshape(-1, 3).mean(axis=0)
    assert red > green > blue  # orange lies over the grey
    original = np.asarray(Image.open(io.BytesIO(case.exhibits[2].film.source)), np.float64)
    assert np.abs(np.asarray(second, np.float64) - original).max() > 8  # the erased area


def test_json_is_that_of_predict_and_csv_has_the_same_bits(case: Case, model: Model) -> None:
    [named] = study_record.named([case], True)
    assert named.to_dict(0.5) == {**case.prediction.to_dict(0.5), "study": case.study}
    rows = list(csv.DictReader(io.StringIO(study_record.as_csv([case], model, 0.5, names=True))))
    assert [row["film"][:3] for row in rows] == ["'=<", "bro", "sec"]  # and no formula
    first, broken, second = rows
    probabilities = [film.probability for film in case.prediction.films]
    assert [float(row["probability"]) for row in (first, second)] == probabilities
    assert broken["probability"] == "" and broken["refused"].startswith("is cut short")
    assert first["sha256"] == hashlib.sha256(case.exhibits[0].film.source).hexdigest()


def test_answer_and_calibrated_probability_are_in_report_and_csv(case: Case, model: Model) -> None:
    scaling = Scaling(method="temperature", temperature=2.0, n=49, positive=20)
    choices = Choices(calibration=Calibration(films=scaling, studies=scaling))
    kept = replace(model, card=replace(model.card, choices=choices))
    promise = Promise(missed_percent=10)
    synthetic = replace(case, real=False)
    own = study_answers.of_model(kept, 0.5, promise).to_dict(case.prediction, real=False)
    text = study_record.as_csv([synthetic], kept, 0.5, promise=promise)
    for row in csv.DictReader(io.StringIO(text)):
        assert float(row["calibrated_probability"]) == own["calibrated_probability"]
        assert (row["answer"], row["answer_reason"]) == (own["answer"], own["answer_reason"])
    shown = words(study_report.document([synthetic], kept, 0.5, promise=promise))
    probability = study_answers.words(own["calibrated_probability"])
    assert f"Calibrated probability: {probability}." in shown
    assert f"Answer: {own['answer']}. {own['answer_reason']}" in shown
    asked = "of the cleared at most 10 % have a fracture"
    assert shown.count(asked) == 1
    several = words(study_report.document([synthetic, synthetic], kept, 0.5, promise=promise))
    assert several.count(asked) == 1  # though there are two answers
    bare = words(study_report.document([case], model, 0.5))
    assert "Calibrated probability" not in bare and "Answer: a person must look" in bare


def test_every_export_says_what_the_model_may_and_the_report_says_it_above_the_verdict(
    case: Case, model: Model
) -> None:
    sentences = caveats.warnings(model, 1.0)
    assert sentences[0] == caveats.NEVER_SEEN and any("Sensitivity 0" in each for each in sentences)
    assert study_record.as_dict([case.prediction], model, 1.0)["warnings"] == list(sentences)
    rows = list(csv.DictReader(io.StringIO(study_record.as_csv([case], model, 1.0))))
    assert {row["warnings"] for row in rows} == {" ".join(sentences)}
    body = read(study_report.document([case, case], model, 1.0)).find("body")
    [box] = body.findall("div[@class='warning']")
    assert [line.text for line in box] == list(sentences)
    assert list(body).index(box) < list(body).index(body.find("h1"))


@pytest.mark.parametrize("overlap", TrainingOverlap)
def test_a_patient_of_the_training_films_is_named_where_the_report_says_right_or_wrong(
    case: Case, model: Model, overlap: TrainingOverlap
) -> None:
    first = replace(case.prediction, films=case.prediction.films[:1], refused=())
    whole = replace(case, prediction=first, exhibits=case.exhibits[:1], acquaintance=overlap)
    plain = words(study_report.document([whole], model, 0.0))
    assert "the verdict is right" in plain
    assert ("trained on films of this patient" in plain) == (overlap is not TrainingOverlap.NEW)
    assert overlap.words in plain


@pytest.fixture(scope="module")
def altered(model: Model) -> Case:
    """An unchanged film, one with its left half erased, one erased and inverted."""
    half = (Stroke(points=((0.25, 0.0), (0.25, 1.0)), radius=0.25),)
    films = (
        FilmInput(name="as-it-is.png", source=png(0)),
        FilmInput(name="brushed.png", source=png(20), erased=half),
        FilmInput(name="both.png", source=png(40), erased=half, inverted=True),
    )
    prediction = Predictor(model).predict_study("", films, count_doubted=True)
    exhibits = tuple(Exhibit(film=film) for film in films)
    return Case(prediction=prediction, exhibits=exhibits, study="s", label=1)


def test_every_export_says_which_films_were_altered_and_how_much(
    altered: Case, model: Model
) -> None:
    done = [[], ["erased"], ["erased", "inverted"]]
    images = altered.prediction.to_dict(0.5)["images"]
    assert [image["altered"] for image in images] == done
    assert images[0]["erased_share"] == 0.0
    assert all(0.5 < image["erased_share"] < 0.52 for image in images[1:])  # the brush is round
    rows = list(csv.DictReader(io.StringIO(study_record.as_csv([altered], model, 0.5))))
    assert [row["altered"].split() for row in rows] == done
    shares = [image["erased_share"] for image in images]
    assert [float(row["erased_share"]) for row in rows] == shares
    plain = words(study_report.document([altered], model, 0.5, names=True))
    assert "2 films were altered by hand before the prediction: brushed.png (erased, " in plain
    assert "both.png (erased," in plain and "black and white exchanged)" in plain


def test_a_verdict_on_an_altered_film_is_neither_right_nor_wrong(
    altered: Case, model: Model
) -> None:
    plain = words(study_report.document([altered], model, 0.5))
    assert "Label in the data: ▲ fracture" in plain
    assert "the verdict is right" not in plain and "the verdict is wrong" not in plain
    assert "a verdict on altered films is neither right nor wrong" in plain
    first = replace(altered.prediction, films=altered.prediction.films[:1])
    whole = replace(altered, prediction=first, exhibits=altered.exhibits[:1])
    plain = words(study_report.document([whole], model, 0.0))
    assert "the verdict is right" in plain and "altered" not in plain


def test_the_nearest_training_films_of_a_doubted_one_stand_beside_it(
    altered: Case, model: Model
) -> None:
    near = tuple(NearestFilm(path=f"{PATIENT}/{n}.png", distance=40.0 + n) for n in range(2))
    first, *others = altered.prediction.films
    prediction = replace(altered.prediction, films=(replace(first, nearest=near), *others))
    pictures = {each.path: png(60) for each in near}
    shown = replace(altered.exhibits[0], nearest=pictures)
    case = replace(altered, prediction=prediction, exhibits=(shown, *altered.exhibits[1:]))
    tree = read(study_report.document([case], model, 0.5))
    assert len([i for i in tree.iter("img") if i.get("alt") == "a training film"]) == 2
    plain = words(study_report.document([case], model, 0.5))
    assert "40.0" in plain and "41.0" in plain and PATIENT not in plain
    assert f"40.0 ({PATIENT}/0.png)" in words(study_report.document([case], model, 0.5, names=True))
    bare = replace(case, exhibits=altered.exhibits)  # the training data are not at hand
    assert "in the features: 40.0, 41.0." in words(study_report.document([bare], model, 0.5))


def test_what_was_left_out_of_an_upload_is_in_the_report_by_name_only_if_asked(
    altered: Case, model: Model
) -> None:
    left_out = [("jones/a<b.zip", "is a zip that is cut short: jones/a<b.zip.")]
    plain = words(study_report.document([altered], model, 0.5, left_out=left_out))
    assert "Left out of the upload" in plain and "file 1 is a zip that is cut short: it." in plain
    assert "jones" not in plain
    named = study_report.document([altered], model, 0.5, names=True, left_out=left_out)
    assert "jones/a<b.zip is a zip" in words(named)
    assert "Left out" not in words(study_report.document([altered], model, 0.5))


def test_several_studies_are_one_file_with_a_table_of_all_before_them(
    case: Case, altered: Case, model: Model
) -> None:
    bad = FilmInput(name="cut.png", source=png(9)[:60])
    none = Case(
        prediction=Predictor(model).predict_study("", [bad]),
        exhibits=(Exhibit(film=bad),),
        study="n",
    )
    tree = read(study_report.document([case, altered, none], model, 0.0, names=True))
    assert (
        tree.find("body/h1").text
        == "3 studies: the model finds a fracture in 2, none in 0, and gives no verdict on 1"
    )
    lines = [["".join(cell.itertext()) for cell in row] for row in tree.find("body/table/tbody")]
    assert [line[0] for line in lines] == [case.study, "s", "n"]
    assert [line[1] for line in lines] == ["▲ fracture", "▲ fracture", "no verdict"]
    assert [line[3:5] for line in lines] == [["a person must look", "–"]] * 3  # synthetic model
    assert [line[5:] for line in lines] == [
        ["2 of 2", "0", "1", "1"],
        ["3 of 3", "0", "2", "0"],
        ["0 of 0", "0", "0", "1"],
    ]
    for link in tree.iter("a"):
        assert tree.find(f"body/section[@id='{link.get('href')[1:]}']") is not None
    text = study_report.document([case, altered], model, 0.5)
    assert "study 1" in text and "study 2" in text and case.study not in words(text)


def test_pictures_of_films_keep_within_the_reports_limit(
    model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (900, 1100), np.uint8)
    stream = io.BytesIO()
    Image.fromarray(noise).save(stream, "PNG")
    films = [FilmInput(name=f"{n}.png", source=stream.getvalue()) for n in range(3)]
    prediction = Predictor(model).predict_study("", films)
    case = Case(prediction=prediction, exhibits=tuple(Exhibit(film=f) for f in films), study="s")

    def pictures() -> list[str]:
        tree = read(study_report.document([case], model, 0.5))
        return [i.get("src") for i in tree.iter("img") if i.get("src").startswith("data:image/jpe")]

    whole = pictures()
    monkeypatch.setattr(study_report, "PICTURES_BYTES", sum(map(len, whole)) // 4)
    assert sum(map(len, pictures())) <= study_report.PICTURES_BYTES
    assert len(pictures()) == 3


def test_two_files_of_one_name_keep_their_own_numbers(model: Model) -> None:
    films = [FilmInput(name="a.png", source=s) for s in (png(9)[:60], png(0), png(90))]
    prediction = Predictor(model).predict_study("", films)
    case = Case(prediction=prediction, exhibits=tuple(Exhibit(film=f) for f in films), study="s")
    entries = study_record.entries(case, names=False)
    assert [entry.prediction is None for entry in entries] == [True, False, False]
    scores = [film.probability for film in prediction.films]  # the gate may doubt one
    assert [entry.prediction.probability for entry in entries[1:]] == scores
    with pytest.raises(ValueError, match="3 films have no exhibit"):
        study_record.entries(replace(case, exhibits=()), names=False)
    other = Exhibit(film=replace(films[0], name="b.png"))
    with pytest.raises(ValueError, match="neither the next film"):
        study_record.entries(replace(case, exhibits=(other,)), names=False)


def test_a_film_that_has_gone_keeps_its_number(model: Model, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(png(40))
    film = FilmInput(name="a.png", source=tmp_path / "a.png")
    prediction = Predictor(model).predict_study("", [film])
    (tmp_path / "a.png").unlink()
    case = Case(prediction=prediction, exhibits=(Exhibit(film=film),), study="s", real=False)
    plain = words(study_report.document([case], model, 0.5))
    assert "The film can no longer be read" in plain
    assert f"{prediction.films[0].probability:.3f}" in plain
    assert caveats.NEVER_SEEN not in plain  # it was trained on synthetic films


def test_predict_writes_the_report(run_copy: Path, phantom_root: Path, tmp_path: Path) -> None:
    study = sorted(phantom_root.glob("valid/*/*/study*_positive"))[0]
    words_ = ["predict", "finished", str(study), "--report", str(tmp_path / "r.html")]
    assert command_line.main(words_) == 0
    plain = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert study.parent.name not in plain and "in the study" in words(plain)
    assert "synthetic films" in words(plain)
    assert command_line.main([*words_, "--names"]) == 0
    named = words((tmp_path / "r.html").read_text(encoding="utf-8"))
    assert f"{study.name} of {study.parent.name}" in named
    assert command_line.main([*words_[:-1], str(tmp_path / "nowhere" / "r.html")]) == 2


def test_the_models_own_limit_of_missing_rows_tells_two_files_of_one_name_apart(
    model: Model,
) -> None:
    stream, noise = io.BytesIO(), np.random.default_rng(1).integers(0, 256, (64, 90), np.uint8)
    Image.fromarray(noise).save(stream, "PNG")
    cut = stream.getvalue()[:-1500]
    missing = images.read(cut, missing_rows_percent=95).missing_rows
    assert missing > 0.05 * 64  # more than the usual limit
    lenient = replace(model.card, recipe=replace(model.card.recipe, missing_rows_percent=60.0))
    films = [FilmInput(name="a.png", source=source) for source in (cut, png(9)[:60])]
    prediction = Predictor(replace(model, card=lenient)).predict_study("", films)
    assert (len(prediction.films), len(prediction.refused)) == (1, 1)
    shown = study_output.case(prediction, films, lenient.recipe)
    entries = study_record.entries(shown, names=False)
    assert [entry.prediction is None for entry in entries] == [False, True]
