"""Files of ImageNet weights: those that Keras asks for, checked before use, fetched once."""

import hashlib
import threading
from collections.abc import Iterator
from pathlib import Path

import keras
import pytest
from keras.src.utils import file_utils

from fracture_core import folders
from fracture_core.config.train_config import TrainConfig
from fracture_core.datasets import download
from fracture_core.epochs.forks import FIXED
from fracture_core.errors import ConfigError, ModelError, Stopped
from fracture_core.networks import applications
from fracture_core.pretrained import imagenet_files
from tests.core.datasets.test_open_set import Repository
from tests.core.every_network import LARGE, marked
from tests.core.pretrained.made_imagenet import publish

NAME = "mobilenet_v3"
DATA = bytes(range(256)) * 2_000


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The place of a published file whose server does not answer."""
    monkeypatch.setenv("FRACTURE_PRETRAINED", str(tmp_path / "keras"))
    monkeypatch.setattr(download, "WAIT_SECONDS", 0.0)
    publish(NAME, DATA, monkeypatch)
    return tmp_path / "keras" / imagenet_files.FILES[NAME].name


@pytest.fixture
def server(place: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Repository]:
    """A server of the file, whose answers break off."""
    with Repository() as repository:
        threading.Thread(target=repository.serve_forever, args=(0.01,), daemon=True).start()
        repository.content = DATA
        publish(NAME, DATA, monkeypatch, repository.address.replace("record", "file"))
        yield repository
        repository.shutdown()


def read(shown: list[tuple[int, int]] | None = None) -> tuple[bytes, str]:
    shown = [] if shown is None else shown
    return imagenet_files.read(NAME, lambda *each: shown.append(each), lambda: False)


class Asked(Exception):
    """Keras wants to fetch a file."""


def test_files_are_looked_for_where_keras_keeps_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FRACTURE_PRETRAINED", raising=False)
    assert folders.pretrained_folder() == Path.home() / ".keras" / "models"
    assert set(imagenet_files.FILES) == set(applications.APPLICATIONS)


@pytest.mark.parametrize("name", [NAME, *marked(LARGE[1:])])
def test_a_networks_file_is_the_one_that_keras_asks_for(name, monkeypatch) -> None:
    asked = {}

    def get_file(fname, origin, cache_subdir, file_hash):
        asked.update(name=fname, address=origin, md5=file_hash)
        assert cache_subdir == "models"
        raise Asked

    monkeypatch.setattr(file_utils, "get_file", get_file)
    make = getattr(keras.applications, applications.APPLICATIONS[name].function)
    with pytest.raises(Asked):
        make(include_top=False, weights="imagenet", input_shape=(224, 224, 3))
    file = imagenet_files.FILES[name]
    assert asked == {"name": file.name, "address": file.address, "md5": file.md5}


def test_a_file_that_is_here_is_read_without_a_network(place: Path) -> None:
    place.parent.mkdir(parents=True)
    place.write_bytes(DATA)
    assert read() == (DATA, hashlib.sha256(DATA).hexdigest())


def test_a_file_is_fetched_once_with_progress_and_goes_on_where_it_broke_off(
    server: Repository, place: Path
) -> None:
    shown: list[tuple[int, int]] = []
    assert read(shown)[0] == DATA
    assert server.requests == ["", "bytes=200000-", "bytes=400000-"]
    assert shown[0] == (0, len(DATA)) and shown[-1] == (len(DATA), len(DATA))
    assert {path.name for path in place.parent.iterdir()} == {place.name, f".{place.name}.lock"}
    server.requests.clear()
    assert read()[0] == DATA and server.requests == []


def test_a_stop_keeps_what_was_fetched(server: Repository) -> None:
    server.breaks, seen = 10**9, []
    with pytest.raises(Stopped):
        imagenet_files.read(NAME, lambda done, _: seen.append(done), lambda: len(seen) > 1)
    assert read()[0] == DATA
    assert server.requests == ["", f"bytes={seen[-1]}-"]


@pytest.mark.parametrize("data", [DATA[:-1], b"x" + DATA[1:], b""])
def test_a_file_cut_short_or_changed_is_refused_and_left(place: Path, data: bytes) -> None:
    place.parent.mkdir(parents=True)
    place.write_bytes(data)
    md5 = imagenet_files.FILES[NAME].md5
    with pytest.raises(ModelError) as refused:
        read()
    text = str(refused.value)
    assert f"must have 512,000 bytes and the MD5 {md5}; it has {len(data):,} bytes" in text
    assert str(place) in text and "Delete it, and the next start fetches it" in text
    assert place.read_bytes() == data


def test_a_fetched_file_that_is_another_is_not_kept(server: Repository, place: Path) -> None:
    server.content = b"x" + DATA[1:]
    with pytest.raises(ModelError, match=r"is not the expected one.*It was removed"):
        read()
    assert not place.exists()


def test_without_a_network_the_sentence_says_which_file_goes_where_and_how_it_is_checked(
    place: Path,
) -> None:
    file = imagenet_files.FILES[NAME]
    with pytest.raises(ModelError) as refused:
        read()
    text = str(refused.value)
    assert "127.0.0.1:9 cannot be reached (Connection refused)" in text
    assert f"The file is {file.address}; put it into {place.parent}" in text
    assert file.md5 in text
    assert not place.exists()


def test_a_network_without_pretrained_weights_and_two_starts_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"five_conv has no pretrained weights.*mobilenet_v3"):
        imagenet_files.check(TrainConfig(data="x", pretraining="imagenet"))
    imagenet_files.check(TrainConfig(data="x", pretraining="imagenet", architecture=NAME))
    with pytest.raises(ConfigError, match="Only pretrained layers can stay as they are"):
        TrainConfig(data="x", architecture=NAME, frozen_epochs=3)
    assert "frozen_epochs" in FIXED  # of a fork: its optimizer knows which layers have learned
    with pytest.raises(ConfigError, match="starts from one set of weights"):
        TrainConfig(data="x", pretraining="imagenet", architecture=NAME, weights="w.h5")
