"""Evaluating a model on a split, in this process and in a child."""

import os
import shutil
import time
from pathlib import Path

import pytest
from PIL import Image

from fracture_core.datasets import catalog
from fracture_core.errors import ConfigError, DataError, ModelError
from fracture_core.evaluations import evaluation, evaluation_file, evaluation_job
from fracture_core.releases import release
from fracture_core.runs import run_status
from fracture_core.runs.run_status import State


def test_judging_the_data_anew_gives_what_the_run_has_said(run_copy, phantom_root) -> None:
    dataset = catalog.read(phantom_root)
    repeated = evaluation_job.evaluate("finished@3", dataset, "valid")
    original = evaluation.of_run(run_copy, 3, "valid")
    assert repeated.films["path"].tolist() == original.films["path"].tolist()
    difference = repeated.films["probability"] - original.films["probability"]
    assert difference.abs().max() <= 1e-6
    assert repeated.summaries()["images"].confusion == original.summaries()["images"].confusion
    part = evaluation_job.evaluate("finished@3", dataset, "valid", ("forearm",))
    assert set(part.films["part"]) == {"forearm"}


def test_a_split_or_part_that_is_not_there_is_refused(run_copy, phantom_root) -> None:
    dataset = catalog.read(phantom_root)
    with pytest.raises(ConfigError, match=r"no split 'test'. It has: train, valid"):
        evaluation_job.evaluate("finished", dataset, "test")
    with pytest.raises(ConfigError, match="no part 'ankle'"):
        evaluation_job.evaluate("finished", dataset, "valid", ("ankle",))
    with pytest.raises(ModelError, match="'missing'"):
        evaluation_job.evaluate("missing", dataset)


def test_films_that_cannot_be_read_are_named_and_the_others_judged(
    run_copy, phantom_root, tmp_path
) -> None:
    root = Path(shutil.copytree(phantom_root, tmp_path / "films"))
    paths = catalog.select(catalog.read(root).manifest, "valid")["path"]
    (root / paths[2]).write_bytes(b"")
    result = evaluation_job.evaluate("finished", catalog.read(root), "valid")
    assert len(result.films) == len(paths) - 1
    [(path, reason)] = result.refused
    assert path == paths[2]
    assert "empty" in reason
    for path in paths:
        (root / path).write_bytes(b"")
    with pytest.raises(DataError, match=f"None of the {len(paths)} films can be read"):
        evaluation_job.evaluate("finished", catalog.read(root), "valid")


def ended(folder: Path) -> run_status.Status:
    """Wait for an evaluation and return its final status."""
    while (status := run_status.read(folder)).state.alive:
        time.sleep(0.1)
    return status


@pytest.mark.slow
def test_a_child_evaluates_and_the_result_is_kept(run_copy, phantom_root) -> None:
    dataset = catalog.read(phantom_root)
    folder = evaluation_job.start("finished@3", dataset, "valid")
    again = evaluation_job.start("finished@3", dataset, "valid")
    assert again == folder  # requested twice, done once
    status = ended(folder)
    assert status.state is State.FINISHED, run_status.read(folder).message
    loaded = evaluation_file.load(folder)
    assert loaded.to_dict() == evaluation_job.evaluate("finished@3", dataset, "valid").to_dict()
    written_at = (folder / "asked.json").stat().st_mtime_ns
    assert evaluation_job.start("finished@3", dataset, "valid") == folder
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
    folders = {evaluation_job.folder_of(reference, dataset, split) for reference, split in pairs}
    assert len(folders) == len(pairs)


def test_a_film_that_was_replaced_makes_its_evaluation_another(run_copy, folders) -> None:
    root = Path(shutil.copytree(os.environ["FRACTURE_DATA"], folders / "own"))
    dataset = catalog.read(root)
    before = evaluation_job.folder_of("finished", dataset, "valid")
    valid = dataset.manifest.query("split == 'valid'")["path"].iloc[0]
    Image.new("L", (64, 64), 90).save(root / valid)
    assert catalog.read(root).hash == dataset.hash  # the same list of films
    assert evaluation_job.folder_of("finished", catalog.read(root), "valid") != before


def test_a_child_that_fails_says_why(run_copy, phantom_root, tmp_path) -> None:
    root = Path(shutil.copytree(phantom_root, tmp_path / "films"))
    dataset = catalog.read(root)
    shutil.rmtree(root)
    folder = evaluation_job.start("finished", dataset, "valid")
    status = ended(folder)
    assert status.state is State.FAILED
    assert str(root) in status.message
    assert evaluation_file.load(folder) is None
