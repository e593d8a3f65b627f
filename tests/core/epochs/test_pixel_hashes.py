"""A resumed run must see the films that it began with."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fracture_core import checksums
from fracture_core.config.train_config import TrainConfig
from fracture_core.epochs import pixel_hashes
from fracture_core.errors import DamagedFile, DataError
from fracture_core.folders import cache_folder
from fracture_core.jobs.worker import Worker
from fracture_core.runs import journal, run_config, run_folders
from fracture_core.training_films import preparation


@pytest.fixture
def begun(folders: Path, phantom_root: Path) -> tuple[Path, Path]:
    """A run that has read its films, and its data; the pixel cache is gone."""
    data = Path(shutil.copytree(phantom_root, folders / "films"))
    folder = run_folders.create(TrainConfig(data=str(data)), "begun")
    preparation.prepare(folder, Worker(folder))
    shutil.rmtree(cache_folder() / "pixels")
    return folder, data


def test_a_film_that_another_picture_replaced_is_named(begun) -> None:
    folder, data = begun
    films = journal.films(folder)["path"]
    Image.new("L", (64, 64), 90).save(data / films[7])
    with pytest.raises(DataError, match=rf"1 of {len(films)} hold another picture .*{films[7]}\."):
        preparation.prepare(folder, Worker(folder))


def test_a_film_that_was_saved_anew_is_the_same(begun) -> None:
    folder, data = begun
    path = data / journal.films(folder)["path"][7]
    before = path.read_bytes()
    Image.open(path).save(path, compress_level=1)
    _, pixels = preparation.prepare(folder, Worker(folder))
    assert path.read_bytes() != before and pixel_hashes.changed(folder, pixels).tolist() == []


def test_pixels_of_another_version_are_not_compared_and_guard_from_then_on(begun) -> None:
    folder, data = begun
    films = journal.films(folder)["path"]
    run_config.complete(folder, pixels="recipe 0")
    Image.new("L", (64, 64), 90).save(data / films[7])
    _, pixels = preparation.prepare(folder, Worker(folder))
    assert pixel_hashes.changed(folder, pixels).tolist() == []
    other = pixels.copy()
    other[3] += 1
    assert pixel_hashes.changed(folder, other).tolist() == [3]


@pytest.mark.parametrize("damage", [Path.unlink, lambda path: path.write_bytes(b"damage")])
def test_lost_hashes_are_made_again_from_the_films_that_their_checksum_was_made_of(
    begun, damage
) -> None:
    folder, data = begun
    whole = (folder / pixel_hashes.FILE).read_bytes()
    damage(folder / pixel_hashes.FILE)
    preparation.prepare(folder, Worker(folder))
    assert (folder / pixel_hashes.FILE).read_bytes() == whole
    assert checksums.damaged(folder) == checksums.missing(folder) == []
    damage(folder / pixel_hashes.FILE)
    Image.new("L", (64, 64), 90).save(data / journal.films(folder)["path"][7])
    with pytest.raises(DamagedFile, match="Put the file back, or train again"):
        preparation.prepare(folder, Worker(folder))


def test_a_hash_tells_films_apart_and_depends_on_nothing_but_pixels() -> None:
    films = np.random.default_rng(0).integers(0, 256, (3, 8, 8), np.uint8)
    hashes = pixel_hashes.of(films)
    assert hashes.dtype == np.uint64 and len(set(hashes.tolist())) == 3
    assert pixel_hashes.of(films[::-1]).tolist() == hashes[::-1].tolist()


def test_damaged_pixels_in_the_cache_are_made_anew_and_no_film_is_accused(begun) -> None:
    folder, _ = begun
    _, pixels = preparation.prepare(folder, Worker(folder))
    whole = pixels.copy()
    (file,) = (cache_folder() / "pixels").glob("*/pixels.npy")
    content = file.read_bytes()
    file.write_bytes(content[:-2_000] + bytes(255 - byte for byte in content[-2_000:]))
    _, again = preparation.prepare(folder, Worker(folder))
    assert np.array_equal(again, whole)


def test_a_new_run_does_not_trust_pixels_that_were_damaged_before_it_began(begun) -> None:
    folder, data = begun
    _, pixels = preparation.prepare(folder, Worker(folder))
    whole = pixels.copy()
    (file,) = (cache_folder() / "pixels").glob("*/pixels.npy")
    content = file.read_bytes()
    file.write_bytes(content[:-2_000] + bytes(255 - byte for byte in content[-2_000:]))
    other = run_folders.create(TrainConfig(data=str(data)), "other")
    assert np.array_equal(preparation.prepare(other, Worker(other))[1], whole)
