"""The Predictor: the same bits in any company, and a verdict that one bad file cannot prevent."""

import io
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
from PIL import Image

from fracture_core.config.limits import LIMITS
from fracture_core.config.network_options import NetworkOptions
from fracture_core.epochs import predictions
from fracture_core.errors import ConfigError, ModelError
from fracture_core.folders import PROJECT
from fracture_core.models import epoch_models
from fracture_core.networks import architectures
from fracture_core.prediction import inference
from fracture_core.prediction.inference import Predictor
from fracture_core.prediction.study_prediction import FilmInput, FilmPrediction, StudyPrediction
from fracture_core.runs import journal
from tests.core import dicoms


@pytest.fixture(scope="module")
def predictor(finished_run) -> Predictor:
    """A Predictor of the finished run's last epoch."""
    return Predictor(epoch_models.of_run(finished_run, 3))


@pytest.fixture(scope="module")
def films(finished_run, phantom_root) -> list[FilmInput]:
    """The run's dev and valid films, in the order of its prediction tables."""
    rows = predictions.predicted_films(journal.films(finished_run))
    return [FilmInput(name=path, source=phantom_root / path) for path in rows["path"]]


def jpeg(grain: bool = False) -> bytes:
    """A small film as a JPEG file that passes the plain checks."""
    content = io.BytesIO()
    values = np.zeros((80, 64), np.uint8)
    values[10:-10, 10:-10] = np.linspace(0, 200, 44)
    if grain:
        values += np.random.default_rng(0).integers(0, 30, values.shape, np.uint8)
    Image.fromarray(values).save(content, "JPEG")
    return content.getvalue()


def test_predictor_and_prediction_table_agree(predictor, films, finished_run) -> None:
    prediction = predictor.predict_study("all", films)
    table = predictions.load(finished_run, 3, len(films))
    assert np.abs(np.array(prediction.probabilities) - table).max() <= 1e-6
    verdicts = np.array(prediction.probabilities) > 0.5
    assert verdicts.tolist() == (table > 0.5).tolist()


def test_a_films_probability_does_not_depend_on_its_company(predictor) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (40, 32, 32), np.uint8)
    whole = predictor.probabilities(pixels)
    assert (whole.shape, whole.dtype) == ((40,), np.float32)
    for count in (1, 2, 15, 16, 17, 33):
        assert predictor.probabilities(pixels[:count]).tobytes() == whole[:count].tobytes()
        assert predictor.probabilities(pixels[-count:]).tobytes() == whole[-count:].tobytes()
    assert predictor.probabilities(pixels[:0]).shape == (0,)


def test_files_and_their_bytes_are_judged_alike(predictor, films) -> None:
    read = [FilmInput(name=film.name, source=film.source.read_bytes()) for film in films]
    from_files = predictor.predict_study("s", films).probabilities
    assert predictor.predict_study("s", read).probabilities == from_files


@pytest.mark.slow
def test_the_command_line_gives_the_same_bits(predictor, films, run_copy) -> None:
    paths = [str(film.source) for film in films]
    printed = subprocess.run(
        [sys.executable, "-m", "fracture_core", "predict", "finished@3", *paths, "--json"],
        cwd=PROJECT,
        capture_output=True,
        check=True,
    )
    [study] = json.loads(printed.stdout)["studies"]
    spoken = [image["probability"] for image in study["images"]]
    assert spoken == predictor.predict_study("s", films).probabilities
    one_by_one = [predictor.predict_study("s", [film]).probabilities[0] for film in films]
    assert spoken == one_by_one


def test_a_film_that_lacks_its_last_rows_is_predicted_with_a_note(predictor, films) -> None:
    cut = FilmInput(name="cut.jpg", source=jpeg(grain=True)[:-20])
    prediction = predictor.predict_study("study1", [films[0], cut])
    assert [bool(film.notes) for film in prediction.films] == [False, True]
    written = prediction.to_dict(0.5)["images"]
    assert written[0]["notes"] == [] and "missing" in written[1]["notes"][0]
    strict = replace(predictor.recipe, missing_rows_percent=0.0)
    predictor.recipe, recipe = strict, predictor.recipe
    try:
        refused = predictor.predict_study("study1", [films[0], cut]).refused
    finally:
        predictor.recipe = recipe
    assert [name for name, _ in refused] == ["cut.jpg"]


def test_a_truncated_jpeg_is_refused_by_name_and_the_others_are_judged(predictor, films) -> None:
    whole = jpeg()
    mixed = [
        films[0],
        FilmInput(name="cut.jpg", source=whole[: len(whole) // 2]),
        FilmInput(name="whole.jpg", source=whole),
        FilmInput(name="empty.png", source=b""),
        films[1],
    ]
    prediction = predictor.predict_study("study1", mixed)
    assert [film.name for film in prediction.films] == [films[0].name, "whole.jpg", films[1].name]
    assert [name for name, _ in prediction.refused] == ["cut.jpg", "empty.png"]
    assert "empty" in prediction.refused[1][1]
    alone = predictor.predict_study("study1", [films[0], films[1]]).probabilities
    assert [prediction.probabilities[0], prediction.probabilities[2]] == alone


def test_films_beyond_the_limit_are_refused_and_the_rest_judged(predictor, films) -> None:
    limit = LIMITS.upload_files
    prediction = predictor.predict_study("s", [films[0]] * (limit + 2))
    assert (len(prediction.films), len(prediction.refused)) == (limit, 2)
    assert f"beyond {limit} films" in prediction.refused[0][1]


def test_frames_that_were_not_judged_and_films_that_are_the_same_are_told(predictor) -> None:
    stream = io.BytesIO()
    pages = [Image.new("L", (80, 80), shade) for shade in (20, 200)]
    pages[0].save(stream, "TIFF", save_all=True, append_images=pages[1:])
    one = Image.open(io.BytesIO(jpeg()))
    lossless = io.BytesIO()
    one.save(lossless, "PNG")
    inputs = [
        FilmInput(name="a.jpg", source=jpeg()),
        FilmInput(name="two.tif", source=stream.getvalue()),
        FilmInput(name="b.png", source=lossless.getvalue()),
        FilmInput(name="turned.jpg", source=jpeg(), inverted=True),
    ]
    prediction = predictor.predict_study("s", inputs)
    assert prediction.remarks == (
        "two.tif has 2 frames; the first was used.",
        "a.jpg and b.png are the same film, and each counts.",
    )
    assert prediction.to_dict(0.5)["remarks"] == list(prediction.remarks)
    a, two, b, turned = prediction.films
    assert a.counted and b.counted
    partly = replace(prediction, films=(a, two, replace(b, counted=False), turned))
    assert partly.remarks[1] == "a.jpg and b.png are the same film; 1 of them count."
    many = replace(prediction, films=tuple(replace(a, name=f"{n}") for n in range(6)))
    assert many.remarks == ("0, 1, 2 and 3 others are the same film, and each counts.",)
    assert "remarks" not in replace(prediction, films=(a,)).to_dict(0.5)


def study(*probabilities: float, counted: bool = True) -> StudyPrediction:
    """A study with these probabilities."""
    pixels = np.zeros((32, 32), np.uint8)
    prediction = tuple(
        FilmPrediction(name=f"image{n}.png", probability=p, pixels=pixels, counted=counted)
        for n, p in enumerate(probabilities, 1)
    )
    return StudyPrediction(study="study1", films=prediction, refused=(("x.png", "is empty"),))


def test_the_verdict_is_or_over_the_counted_films() -> None:
    assert study(0.1, 0.9, 0.2).verdict(0.5) is True
    assert study(0.1, 0.5, 0.2).verdict(0.5) is False  # 0.5 is not greater than 0.5
    assert study(0.9, counted=False).verdict(0.5) is None
    assert study().verdict(0.5) is None
    assert study(0.6, 0.4, 0.8).deciding(0.5) == ["image1.png", "image3.png"]


def test_a_judged_study_has_the_designs_shape_in_json() -> None:
    content = json.loads(json.dumps(study(0.25, 0.75).to_dict(0.5)))
    assert content == {
        "study": "study1",
        "fracture": True,
        "images": [
            {
                "file": f"image{n}.png",
                "probability": p,
                "fracture": p > 0.5,
                "counted": True,
                "doubts": [],
                "notes": [],
                "altered": [],
                "erased_share": 0.0,
            }
            for n, p in ((1, 0.25), (2, 0.75))
        ],
        "refused": [{"file": "x.png", "reason": "is empty"}],
        "rules": {
            "any": {"fracture": True, "score": 0.75},
            "mean": {"fracture": False, "score": 0.5},
        },
    }
    assert study().to_dict(0.5)["fracture"] is None


def test_weights_of_another_network_are_refused(finished_run) -> None:
    model = epoch_models.of_run(finished_run, 3)
    for changes in (
        {"architecture": "one_conv"},
        {"architecture": "five_conv"},
        {"options": NetworkOptions(dense=(64,))},
        {"options": NetworkOptions(dense_normalization=True)},
    ):
        wrong = replace(model, card=replace(model.card, **changes))
        with pytest.raises(ModelError, match="must hold the weights of"):
            Predictor(wrong)


def test_weights_that_are_no_numbers_are_refused(run_copy) -> None:
    model = epoch_models.of_run(run_copy, 3)
    with h5py.File(model.weights, "r+") as file:
        kernels = []
        file.visititems(lambda _, node: kernels.append(node) if hasattr(node, "shape") else None)
        kernels[0][...] = np.full(kernels[0].shape, np.nan)
    with pytest.raises(ModelError, match="weights of finished@3 must be finite numbers"):
        Predictor(model)


def test_an_architecture_that_is_not_known_is_never_built(finished_run) -> None:
    model = epoch_models.of_run(finished_run, 3)
    with pytest.raises(ConfigError, match="'lambda'"):
        Predictor(replace(model, card=replace(model.card, architecture="lambda")))


def test_weights_can_be_read_as_keras_reads_them(finished_run, predictor) -> None:
    network = architectures.build("three_conv")
    network.load_weights(finished_run / "checkpoints" / "epoch_0003.weights.h5")
    film = np.full((1, 32, 32, 1), 128, np.uint8)
    expected = network.predict(film, verbose=0)[0, 0]
    assert predictor.probabilities(film[..., 0])[0] == pytest.approx(expected, abs=1e-6)


# --- which studies a path names -----------------------------------------------------------------


@pytest.fixture
def tree(tmp_path) -> Path:
    """Two patients, three studies, and files that belong to none."""
    for name in (
        "patient2/study1/image10.png",
        "patient2/study1/image2.png",
        "patient2/study10/image1.png",
        "patient10/study1/image1.png",
        "patient2/study1/.DS_Store",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


def named(paths: list[Path], root: Path) -> list[tuple[str, list[str]]]:
    """Studies and files, as names below the root."""
    studies = inference.studies_of(paths)
    return [(str(Path(name).relative_to(root)), [f.name for f in films]) for name, films in studies]


def test_a_study_folder_is_one_study_in_natural_order(tree) -> None:
    folder = tree / "patient2" / "study1"
    assert named([folder], tree) == [("patient2/study1", ["image2.png", "image10.png"])]


def test_a_folder_of_folders_gives_its_studies_in_natural_order(tree) -> None:
    studies = [name for name, _ in named([tree], tree)]
    assert studies == ["patient2/study1", "patient2/study10", "patient10/study1"]


def test_files_given_together_are_one_study(tree) -> None:
    files = [tree / "patient2/study1/image2.png", tree / "patient2/study1/image10.png"]
    [(name, films)] = inference.studies_of(files)
    assert (name, [film.source for film in films]) == ("study1", files)
    mixed = [files[0], tree / "patient10/study1/image1.png"]
    [(name, films)] = inference.studies_of(mixed)
    assert (name, len(films)) == ("the given files", 2)


def test_what_lies_here_is_named_by_the_folder_one_stands_in(tree, monkeypatch) -> None:
    monkeypatch.chdir(tree / "patient2/study1")
    [(name, films)] = inference.studies_of([Path("image2.png")])
    assert (name, len(films)) == ("study1", 1)
    [(name, films)] = inference.studies_of([Path()])
    assert (Path(name).name, len(films)) == ("study1", 2)


def test_files_and_folders_are_judged_in_the_order_given(tree) -> None:
    loose = [tree / "patient2/study1/image2.png", tree / "patient2/study1/image10.png"]
    studies = inference.studies_of([tree / "patient10", loose[0], tree / "patient2", loose[1]])
    names = [Path(name).name for name, _ in studies]
    assert names == ["study1", "study1", "study1", "study10"]
    assert [len(films) for _, films in studies] == [1, 2, 2, 1]


def test_every_file_of_a_class_folder_is_a_study_of_its_own(tmp_path) -> None:
    for number in range(4):
        path = tmp_path / "train" / ("Broken", "Whole")[number % 2] / f"film{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    names = ["film0.png", "film2.png", "film1.png", "film3.png"]
    for inputs in (tmp_path, tmp_path / "train"):
        studies = inference.studies_of([inputs])
        assert [Path(name).name for name, _ in studies] == names
        assert [[film.name for film in films] for _, films in studies] == [[name] for name in names]
    [(name, films)] = inference.studies_of([tmp_path / "train" / "Broken"])
    assert (Path(name).name, len(films)) == ("Broken", 2)


def test_a_missing_path_and_an_empty_folder_are_refused(tree) -> None:
    (tree / "empty").mkdir()
    with pytest.raises(ModelError, match=r"no file or folder .*nowhere"):
        inference.studies_of([tree / "nowhere"])
    with pytest.raises(ModelError, match="empty holds no film"):
        inference.studies_of([tree / "empty"])


def test_an_empty_folder_beside_studies_costs_nothing(tree) -> None:
    (tree / "patient2" / "study11").mkdir()
    assert len(inference.studies_of([tree])) == 3


def test_paths_that_cannot_be_read_are_refused(tree, monkeypatch) -> None:
    (tree / "circle").symlink_to(tree / "circle")
    for path in (tree / "circle", Path("a" * 300), Path("a\0b")):
        with pytest.raises(ModelError, match="cannot be read"):
            inference.studies_of([path])

    def denied(*_) -> None:
        raise PermissionError(13, "Permission denied")  # root, as in CI, is never denied

    monkeypatch.setattr(Path, "iterdir", denied)
    with pytest.raises(ModelError, match=r"patient2 cannot be read \(Permission denied\)"):
        inference.studies_of([tree / "patient2"])


def test_lists_and_notes_beside_class_folders_are_no_study(tmp_path) -> None:
    for name in ("broken/1.png", "whole/2.png", "labels.csv", "README.md"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    studies = inference.studies_of([tmp_path])
    assert [Path(name).name for name, _ in studies] == ["1.png", "2.png"]
    # A study's own folder without a film is refused, and what it holds is told by kind.
    (tmp_path / "study1_positive").mkdir()
    (tmp_path / "study1_positive" / "note.txt").write_text("x")
    with pytest.raises(ModelError, match=r"holds no film.* 1 text file ignored"):
        inference.studies_of([tmp_path / "study1_positive"])


def test_films_read_side_by_side_keep_their_order_and_their_refusals(predictor, films) -> None:
    odd = dicoms.make(  # pydicom warns of its window
        np.arange(80 * 64, dtype=np.uint16).reshape(80, 64), WindowCenter="100", WindowWidth="0.5"
    )
    inputs = []
    for number in range(12):
        inputs.append(FilmInput(name=f"{number}.dcm", source=odd))
        inputs.append(FilmInput(name=f"{number}.png", source=films[number].source))
        inputs.append(FilmInput(name=f"{number}.txt", source=b"no film"))
    prediction = predictor.predict_study("many", inputs)
    read = [film for film in inputs if not film.name.endswith("txt")]
    assert [film.name for film in prediction.films] == [film.name for film in read]
    assert [name for name, _ in prediction.refused] == [f"{number}.txt" for number in range(12)]
    for film, alone in zip(prediction.films, read, strict=True):
        (same,) = predictor.predict_study("one", [alone]).films
        assert (same.probability, same.checksum) == (film.probability, film.checksum)
