"""Ensembles: the mean of the members, and figures on films that trained none of them."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest

from fracture_core.cli import command_line
from fracture_core.config.film_settings import PixelRecipe
from fracture_core.config.network_options import NetworkOptions
from fracture_core.datasets import catalog
from fracture_core.errors import ModelError
from fracture_core.evaluations import evaluation, evaluation_job
from fracture_core.explanations import heat_maps
from fracture_core.models import model_files, model_names, stored_models
from fracture_core.models.model import Model
from fracture_core.models.model_card import Card
from fracture_core.networks import architectures
from fracture_core.prediction import gate_job
from fracture_core.prediction.inference import Predictor
from fracture_core.prediction.study_prediction import FilmInput
from fracture_core.releases import ensemble, release
from tests.core import made_runs

PAIR = ("finished@1", "finished@3")


def noise(count: int) -> np.ndarray:
    """Films as a network of 32 px sees them."""
    return np.random.default_rng(0).integers(0, 256, (count, 32, 32)).astype(np.uint8)


def model_of(name: str, roles: str, probabilities: list[float], **card: object) -> Model:
    """A model with predictions of films a, b, c...: "d" dev, "v" valid, "-" a training film."""
    rows = [
        {
            "split": "valid" if role == "v" else "train",
            "part": "elbow",
            "patient": f"p{path}",
            "study": "s1",
            "view": 0,
            "label": number % 2,
            "path": path,
            "probability": value,
            "role": {"d": "dev", "v": "valid"}.get(role),
        }
        for number, (path, role, value) in enumerate(
            zip("abcdefgh", roles, probabilities, strict=False)
        )
    ]
    films = pd.DataFrame(rows).dropna()
    films["probability"] = films["probability"].astype(np.float32)
    fields = {"architecture": "one_conv", "training": {"hash": "h"}, **card}
    return Model(
        reference=name, card=Card(name=name, **fields), weights=Path("w.h5"), dev_films=films
    )


# --- the mean -----------------------------------------------------------------------------------


def test_it_says_the_mean_of_what_its_members_say(run_copy: Path) -> None:
    ensemble.make(PAIR, "both")
    one, other, both = (Predictor(stored_models.find(name)) for name in (*PAIR, "both"))
    films = noise(7)
    expected = (one.probabilities(films) + other.probabilities(films)) / 2
    probabilities = both.probabilities(films)
    assert probabilities.dtype == np.float32 and np.allclose(probabilities, expected, atol=1e-6)
    assert not np.allclose(probabilities, one.probabilities(films), atol=1e-3)
    assert (probabilities == [both.probabilities(film[None])[0] for film in films]).all()


def test_its_card_names_its_members_and_how_they_did(run_copy: Path) -> None:
    folder = ensemble.make(PAIR, "both")
    model = stored_models.find("both")
    assert [member.name for member in model.card.members] == list(PAIR)
    assert model.card.network == (
        "mean of 2 networks (three_conv finished@1, three_conv finished@3)"
    )
    assert model.card.weights_sha256 == model_files.sha256(folder / model_files.WEIGHTS)
    assert model.card.synthetic and model.gate is None
    own = dict(ensemble.of_members(model))
    for name in PAIR:
        assert own[name] == stored_models.find(name).at_threshold(0.5)
    whole = model.at_threshold(0.5)
    assert model.card.metrics["dev"] == {k: v.to_dict() for k, v in whole.items()}
    assert set(model.card.metrics) == {"dev", "valid"}


def test_its_verdict_on_a_split_is_its_members_tables_mean(
    run_copy: Path, phantom_root: Path
) -> None:
    ensemble.make(PAIR, "both")
    result = evaluation_job.evaluate("both", catalog.read(phantom_root), "valid")
    tables = [evaluation.of_run(run_copy, epoch, "valid").films for epoch in (1, 3)]
    expected = np.mean([table["probability"] for table in tables], axis=0)
    assert result.films["path"].tolist() == tables[0]["path"].tolist()
    assert np.allclose(result.films["probability"], expected, atol=1e-6)


def test_it_outlives_the_runs_that_it_was_made_of(run_copy: Path, phantom_root: Path) -> None:
    ensemble.make(PAIR, "both")
    shutil.rmtree(run_copy)
    films = sorted((phantom_root / "valid").rglob("*.png"))[:3]
    prediction = Predictor(stored_models.find("both")).predict_study(
        "s", [FilmInput(name=path.name, source=path) for path in films]
    )
    assert len(prediction.films) == 3 and not prediction.refused


def test_networks_of_several_kinds_go_together(run_copy: Path, tmp_path: Path) -> None:
    one = stored_models.find("finished@1")
    network = architectures.build("all_conv", dropout=0.2)
    network.save_weights(tmp_path / "other.weights.h5")
    card = replace(one.card, architecture="all_conv", options=NetworkOptions(dropout=0.2))
    release.publish("other", card, (tmp_path / "other.weights.h5").read_bytes(), one.dev_films)
    ensemble.make(["other", "finished@1", "finished@3"], "three")
    model = stored_models.find("three")
    assert [each.architecture for each in model.card.members] == ["all_conv", *["three_conv"] * 2]
    films = noise(3)
    own = [Predictor(stored_models.find(n)).probabilities(films) for n in ("other", "finished@1")]
    own.append(Predictor(stored_models.find("finished@3")).probabilities(films))
    assert np.allclose(Predictor(model).probabilities(films), np.mean(own, axis=0), atol=1e-6)


def test_occlusion_asks_an_ensemble_and_grad_cam_does_not(run_copy: Path) -> None:
    ensemble.make(PAIR, "both")
    both = Predictor(stored_models.find("both"))
    assert set(heat_maps.methods(both)) == {"occlusion"}
    assert set(heat_maps.methods(Predictor(stored_models.find("finished")))) == set(
        heat_maps.METHODS
    )
    heat = heat_maps.occlusion(both, noise(1)[0])
    assert heat.probability == pytest.approx(float(both.probabilities(noise(1))[0]))


# --- films that count ---------------------------------------------------------------------------


def test_a_film_counts_only_where_it_taught_none_of_the_members() -> None:
    one = model_of("one", "ddd-vv", [0.1, 0.2, 0.3, 0.4, 0.5, 0.6])
    other = model_of("other", "d-ddvv", [0.3, 0.9, 0.5, 0.9, 0.7, 0.2])
    films = ensemble.together([one, other])
    assert films["dev"]["path"].tolist() == ["a", "c"]
    assert films["valid"]["path"].tolist() == ["e", "f"]
    assert np.allclose(films["dev"]["probability"], [0.2, 0.4])
    assert films["dev"]["member_2"].tolist() == pytest.approx([0.3, 0.5])
    assert films["dev"]["probability"].dtype == np.float32


@pytest.mark.parametrize("hashes", [("h", "another"), (None, None), (None, "h")])
def test_models_of_other_or_unknown_data_share_no_film(hashes: tuple) -> None:
    models = [
        model_of(name, "ddv", [0.1, 0.2, 0.3], training={"hash": value})
        for name, value in zip(("one", "other"), hashes, strict=True)
    ]
    assert all(table.empty for table in ensemble.together(models).values())


def test_a_film_that_stands_twice_in_a_table_counts_once() -> None:
    one, other = (model_of(name, "ddv", [0.1, 0.2, 0.3]) for name in ("one", "other"))
    twice = replace(other, dev_films=pd.concat([other.dev_films, other.dev_films.iloc[:1]]))
    assert ensemble.together([one, twice])["dev"]["path"].tolist() == ["a", "b"]
    with pytest.raises(ModelError, match="dev predictions of other are damaged"):
        ensemble.together([one, replace(other, dev_films=other.dev_films[["path"]])])


def test_only_what_is_true_of_all_members_is_said_of_their_data(run_copy: Path) -> None:
    release.release("finished@2", "second")
    ensemble.make(["second", "finished@1"], "both")
    training, own = (stored_models.find(name).card.training for name in ("both", "finished@1"))
    assert training.pop("patients")
    assert training == own  # and not of which run the first one was


# --- refused ------------------------------------------------------------------------------------


def test_what_has_no_mean_is_refused_in_a_sentence(run_copy: Path, folders: Path) -> None:
    ensemble.make(PAIR, "both")
    release.release("finished@1", "same")
    for references, sentence in (
        (["finished@1"], "has 2 to 16 members; received 1"),
        (["finished@1", "finished@1"], "some of finished@1, finished@1 have the same"),
        (["finished@1", "both"], "both is an ensemble. Name its members: finished@1, finished@3"),
        (["finished@1", "same"], "some of finished@1, same have the same"),
        (["finished@1", "missing"], "No model is called 'missing'"),
    ):
        with pytest.raises(ModelError, match=sentence):
            ensemble.make(references, "new")
    with pytest.raises(ModelError, match="'both' exists"):
        ensemble.make(PAIR, "both")
    with pytest.raises(ModelError, match="begins with a letter or digit"):
        ensemble.make(PAIR, "../x")
    assert {path.name for path in (folders / "models").iterdir()} == {"both", "same"}


@pytest.mark.parametrize(
    ("card", "sentence"),
    [
        ({"recipe": PixelRecipe(missing_rows_percent=0.0)}, r"pad, at most 0 % of rows missing\)"),
        ({"recipe": PixelRecipe(size=64)}, r"one sees 32 px \(area, pad\), other 64 px"),
        ({"label_meaning": "Positive means: cats."}, "answer the same question. .*cats"),
    ],
)
def test_members_must_see_and_mean_the_same(
    card: dict, sentence: str, monkeypatch: pytest.MonkeyPatch, folders: Path
) -> None:
    models = {
        "one": model_of("one", "dv", [0.1, 0.2]),
        "other": model_of("other", "dv", [0, 1], **card),
    }
    monkeypatch.setattr(ensemble.stored_models, "find", models.get)
    with pytest.raises(ModelError, match=sentence):
        ensemble.make(["one", "other"], "new")


def test_weights_that_are_not_its_members_are_refused(run_copy: Path) -> None:
    folder = ensemble.make(PAIR, "both")
    model = stored_models.find("both")
    with h5py.File(folder / model_files.WEIGHTS, "r+") as file:
        del file["member_2"]
    with pytest.raises(ModelError, match="must hold the weights of three_conv"):
        Predictor(model)


def test_a_card_that_names_one_member_is_refused(run_copy: Path) -> None:
    folder = ensemble.make(PAIR, "both")
    members = json.loads((folder / model_files.CARD).read_text())["members"]
    made_runs.change_card(folder / model_files.CARD, members=members[:1])
    with pytest.raises(ModelError, match="has 2 to 16 members; the card of both names 1"):
        stored_models.find("both")


@pytest.mark.parametrize("place", ["member_2", "member_2/layers"])
@pytest.mark.parametrize("link", [h5py.ExternalLink, lambda _, path: h5py.SoftLink(path)])
def test_links_in_its_weights_lead_nowhere(
    run_copy: Path, tmp_path: Path, place: str, link: Callable
) -> None:
    folder = ensemble.make(PAIR, "both")
    model = stored_models.find("both")
    shutil.copyfile(folder / model_files.WEIGHTS, tmp_path / "other.h5")
    with h5py.File(folder / model_files.WEIGHTS, "r+") as file:
        del file[place]
        file[place] = link(tmp_path / "other.h5", f"/{place.replace('2', '1')}")
    with pytest.raises(ModelError, match="must hold the weights of three_conv"):
        Predictor(model)


def test_a_gate_is_not_fitted_for_an_ensemble(run_copy: Path, phantom_root: Path) -> None:
    ensemble.make(PAIR, "both")
    with pytest.raises(ModelError, match="both is an ensemble and predicts without one"):
        gate_job.of_data(stored_models.find("both"), catalog.read(phantom_root))


def test_too_large_an_ensemble_is_refused(
    run_copy: Path, folders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(release, "LIMIT_BYTES", 10_000)
    with pytest.raises(ModelError, match=r"these take 1\.\d MB. Choose fewer or smaller members"):
        ensemble.make(PAIR, "both")
    assert not list((folders / "models").iterdir())


def test_a_name_that_a_run_has_is_refused_since_it_would_hide_the_run(run_copy: Path) -> None:
    with pytest.raises(ModelError, match=r"a run is called 'finished'\. Choose another"):
        ensemble.make(PAIR, "finished")
    assert "finished" not in model_names.released()


def test_its_card_holds_the_commands_that_make_it_again(run_copy: Path) -> None:
    release.release("finished@1", "plain")
    ensemble.make(["plain", "finished@3"], "both")
    phantom, train, ensemble_command = stored_models.find("both").card.command.split(" && ")
    assert " phantom " in phantom and train.endswith(" --name finished")
    assert ensemble_command == "python -m fracture_core ensemble both finished@1 finished@3"


# --- command line -------------------------------------------------------------------------------


def test_the_command_makes_one_and_says_how_all_of_them_did(
    run_copy: Path, phantom_root: Path, capsys: pytest.CaptureFixture
) -> None:
    assert command_line.main(["ensemble", "both", *PAIR]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "models/both: mean of 2 networks" in lines[0]
    assert lines[1] == "It has no gate: an ensemble predicts without one."
    assert [line.split()[0] for line in lines[4:]] == [*PAIR, "both"]
    assert all("95 % interval" in line for line in lines[4:])
    assert command_line.main(["release", "both", "again"]) == 0
    assert "an ensemble predicts without one" in capsys.readouterr().out
    study = next(iter(sorted((phantom_root / "valid").rglob("study*"))))
    assert command_line.main(["predict", "both", str(study)]) == 0
    assert "of patient" in capsys.readouterr().out
    assert command_line.main(["ensemble", "new", "finished@1"]) == 2
    assert "has 2 to 16 members" in capsys.readouterr().err
