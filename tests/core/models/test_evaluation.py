"""Evaluation: the figures are those that a person counts by hand."""

import json
import os
import shutil
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from fracture_core import checksums
from fracture_core.datasets import catalog
from fracture_core.epochs import predictions
from fracture_core.errors import ConfigError, DataError, ModelError, WriteFailed
from fracture_core.models import cards, evaluation
from fracture_core.models.evaluation import Evaluation
from fracture_core.releases import release
from fracture_core.runs import journal, run_status
from fracture_core.runs.run_status import State
from fracture_core.verdicts import metrics


def by_hand(threshold: float = 0.5) -> Evaluation:
    """Four studies: a hit, a miss, a false alarm by one film of two, and a right no."""
    films = [
        ("a", 1, 0.9),
        ("a", 1, 0.2),
        ("b", 1, 0.4),
        ("c", 0, 0.6),
        ("c", 0, 0.1),
        ("d", 0, 0.5),
    ]
    table = pd.DataFrame(films, columns=["patient", "label", "probability"])
    table = table.assign(split="valid", part="hand", study="study1", view=0, path="x")
    return Evaluation(model="m", data={}, split="valid", parts=(), threshold=threshold, films=table)


def test_the_figures_are_those_counted_by_hand() -> None:
    figures = by_hand().summaries()
    assert figures["images"].confusion == metrics.Confusion(tp=1, fp=1, fn=2, tn=2)
    assert figures["studies"].confusion == metrics.Confusion(tp=1, fp=1, fn=1, tn=1)
    assert figures["images"].accuracy.value == 0.5
    assert (figures["images"].sensitivity.count, figures["images"].sensitivity.n) == (1, 3)
    assert figures["images"].specificity.value == pytest.approx(2 / 3)
    assert figures["images"].kappa == pytest.approx(0.0)
    assert figures["studies"].kappa == pytest.approx(0.0)
    assert figures["studies"].majority.value == 0.5


def test_there_is_a_line_a_study() -> None:
    lines = {line["study"].split("/")[2]: line for line in by_hand().to_dict()["lines"]}
    assert lines["a"]["probabilities"] == [0.9, 0.2]
    verdicts = {
        key: (line["fracture"], line["label"], line["right"]) for key, line in lines.items()
    }
    assert verdicts == {
        "a": (True, 1, True),
        "b": (False, 1, False),
        "c": (True, 0, False),
        "d": (False, 0, True),
    }


def test_the_threshold_decides() -> None:
    assert by_hand(0.3).summaries()["studies"].confusion == metrics.Confusion(
        tp=2, fp=2, fn=0, tn=0
    )


def test_an_evaluation_comes_back_as_it_was_kept(tmp_path) -> None:
    saved = by_hand()
    assert evaluation.load(tmp_path) is None
    evaluation.save(tmp_path, saved)
    loaded = evaluation.load(tmp_path)
    assert loaded.films.equals(saved.films)
    assert loaded.to_dict() == saved.to_dict()


def test_an_evaluation_that_cannot_be_written_leaves_the_one_before(tmp_path, monkeypatch) -> None:
    evaluation.save(tmp_path / "kept", by_hand())
    before = evaluation.load(tmp_path / "kept").to_dict()
    real = checksums.replace_file

    def full(path: Path, data: bytes) -> None:
        if path.suffix == ".json":
            raise WriteFailed("No space left on device.")
        real(path, data)

    monkeypatch.setattr(checksums, "replace_file", full)
    with pytest.raises(WriteFailed):
        evaluation.save(tmp_path / "kept", by_hand(0.9))
    assert evaluation.load(tmp_path / "kept").to_dict() == before


def test_a_kept_evaluation_that_was_changed_is_none(tmp_path) -> None:
    evaluation.save(tmp_path, by_hand())
    films = next(tmp_path.glob("films-*.parquet")).name
    for name in (films, "evaluation.json"):
        whole = (tmp_path / name).read_bytes()
        other = by_hand().films.assign(probability=np.float32(0.9)).to_parquet(None)
        changed = other if name == films else whole.replace(b'"valid"', b'"train"')
        assert changed != whole
        (tmp_path / name).write_bytes(changed)
        assert evaluation.load(tmp_path) is None, name
        (tmp_path / name).write_bytes(whole)
    assert evaluation.load(tmp_path) is not None
    (tmp_path / checksums.SUMS).unlink()  # an older version's: it is made again in a minute
    assert evaluation.load(tmp_path) is None


def test_json_holds_figures_lines_and_refused() -> None:
    content = json.loads(json.dumps(by_hand().to_dict(), allow_nan=False))
    assert {"model", "data", "split", "threshold", "images", "studies", "lines", "refused"} <= set(
        content
    )
    assert content["images"]["sensitivity"] == content["images"]["sensitivity"] | {
        "count": 1,
        "n": 3,
    }


def test_a_runs_own_films_are_judged_by_its_tables(run_copy) -> None:
    valid = evaluation.of_run(run_copy, 3, "valid")
    films = predictions.predicted_films(journal.films(run_copy))
    assert len(valid.films) == (films["role"] == "valid").sum()
    figures = cards.find("finished@3").card.metrics["valid"]
    assert valid.summaries()["studies"].to_dict() == figures["studies"]
    with pytest.raises(DataError, match="has no test films"):
        evaluation.of_run(run_copy, 3, "test")


def test_a_runs_refused_films_are_those_of_the_role(run_copy) -> None:
    for path, role in (("a.png", "train"), ("b.png", "valid")):
        journal.log_event(run_copy, "film_refused", path=path, role=role, reason="is empty.")
    assert evaluation.of_run(run_copy, 3, "valid").refused == (("b.png", "is empty."),)
    assert evaluation.of_run(run_copy, 3, "dev").refused == ()


def test_judging_the_data_anew_gives_what_the_run_has_said(run_copy, phantom_root) -> None:
    dataset = catalog.read(phantom_root)
    repeated = evaluation.evaluate("finished@3", dataset, "valid")
    original = evaluation.of_run(run_copy, 3, "valid")
    assert repeated.films["path"].tolist() == original.films["path"].tolist()
    difference = repeated.films["probability"] - original.films["probability"]
    assert difference.abs().max() <= 1e-6
    assert repeated.summaries()["images"].confusion == original.summaries()["images"].confusion
    part = evaluation.evaluate("finished@3", dataset, "valid", ("forearm",))
    assert set(part.films["part"]) == {"forearm"}


def test_a_split_or_part_that_is_not_there_is_refused(run_copy, phantom_root) -> None:
    dataset = catalog.read(phantom_root)
    with pytest.raises(ConfigError, match=r"no split 'test'. It has: train, valid"):
        evaluation.evaluate("finished", dataset, "test")
    with pytest.raises(ConfigError, match="no part 'ankle'"):
        evaluation.evaluate("finished", dataset, "valid", ("ankle",))
    with pytest.raises(ModelError, match="'missing'"):
        evaluation.evaluate("missing", dataset)


def test_films_that_cannot_be_read_are_named_and_the_others_judged(
    run_copy, phantom_root, tmp_path
) -> None:
    root = Path(shutil.copytree(phantom_root, tmp_path / "films"))
    paths = catalog.select(catalog.read(root).manifest, "valid")["path"]
    (root / paths[2]).write_bytes(b"")
    result = evaluation.evaluate("finished", catalog.read(root), "valid")
    assert len(result.films) == len(paths) - 1
    [(path, reason)] = result.refused
    assert path == paths[2]
    assert "empty" in reason
    for path in paths:
        (root / path).write_bytes(b"")
    with pytest.raises(DataError, match=f"None of the {len(paths)} films can be read"):
        evaluation.evaluate("finished", catalog.read(root), "valid")


def ended(folder: Path) -> run_status.Status:
    """Wait for an evaluation and return its final status."""
    while (status := run_status.read(folder)).state.alive:
        time.sleep(0.1)
    return status


def test_a_child_evaluates_and_the_result_is_kept(run_copy, phantom_root) -> None:
    dataset = catalog.read(phantom_root)
    folder = evaluation.start("finished@3", dataset, "valid")
    assert evaluation.start("finished@3", dataset, "valid") == folder  # requested twice, done once
    status = ended(folder)
    assert status.state is State.FINISHED, run_status.read(folder).message
    loaded = evaluation.load(folder)
    assert loaded.to_dict() == evaluation.evaluate("finished@3", dataset, "valid").to_dict()
    written_at = (folder / "asked.json").stat().st_mtime_ns
    assert evaluation.start("finished@3", dataset, "valid") == folder
    assert (folder / "asked.json").stat().st_mtime_ns == written_at  # it exists: nothing is started


def test_each_model_split_and_data_set_has_a_result_of_its_own(run_copy, phantom_root) -> None:
    dataset = catalog.read(phantom_root)
    release.release("finished@3", "same-weights")
    pairs = [
        ("finished@3", "valid"),
        ("finished@2", "valid"),
        ("finished@3", "train"),
        ("same-weights", "valid"),
    ]
    folders = {evaluation.folder_of(reference, dataset, split) for reference, split in pairs}
    assert len(folders) == len(pairs)


def test_a_film_that_was_replaced_makes_its_evaluation_another(run_copy, folders) -> None:
    root = Path(shutil.copytree(os.environ["FRACTURE_DATA"], folders / "own"))
    dataset = catalog.read(root)
    before = evaluation.folder_of("finished", dataset, "valid")
    valid = dataset.manifest.query("split == 'valid'")["path"].iloc[0]
    Image.new("L", (64, 64), 90).save(root / valid)
    assert catalog.read(root).hash == dataset.hash  # the same list of films
    assert evaluation.folder_of("finished", catalog.read(root), "valid") != before


def test_a_child_that_fails_says_why(run_copy, phantom_root, tmp_path) -> None:
    root = Path(shutil.copytree(phantom_root, tmp_path / "films"))
    dataset = catalog.read(root)
    shutil.rmtree(root)
    folder = evaluation.start("finished", dataset, "valid")
    status = ended(folder)
    assert status.state is State.FAILED
    assert str(root) in status.message
    assert evaluation.load(folder) is None
