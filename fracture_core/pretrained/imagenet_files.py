"""Files of ImageNet weights that `keras.applications` publishes: found here, else fetched.

They lie where Keras keeps them, so that a file serves every program with Keras. What is in them is
checked by its MD5, which Keras names, before anything is read of it.
"""

import hashlib
from collections.abc import Callable
from functools import partial
from pathlib import Path

from fracture_core import file_reader, locks
from fracture_core.config.train_config import TrainConfig
from fracture_core.datasets import download
from fracture_core.datasets.download import Progress, WebFile
from fracture_core.errors import ConfigError, DataError, FileRefused, ModelError
from fracture_core.files import make_folder, writing
from fracture_core.folders import pretrained_folder
from fracture_core.words import plural, short

MOST_BYTES = 2**28  # five times the largest of the files
# Training films. From 5,000 a large network gained by ImageNet's weights, from 200,000 hardly
# (Raghu et al. 2019, "Transfusion: Understanding Transfer Learning for Medical Imaging").
FEW_FILMS = 5_000

_WEB = "https://storage.googleapis.com/tensorflow/keras-applications/"


def _published(folder: str, name: str, size: int, md5: str) -> WebFile:
    return WebFile(name=name, address=f"{_WEB}{folder}/{name}", size=size, md5=md5)


# Of the networks without their last layer. Addresses and MD5 are those in Keras 3.15; the sizes are
# those that its progress bar shows.
FILES: dict[str, WebFile] = {
    "mobilenet_v3": _published(
        "mobilenet_v3",
        "weights_mobilenet_v3_small_224_1.0_float_no_top_v2.h5",
        4_334_752,
        "d3e8ec802a04aa4fc771ee12a9a9b836",
    ),
    "efficientnet_v2": _published(
        "efficientnet_v2",
        "efficientnetv2-b0_notop.h5",
        24_274_472,
        "893217f2bb855e2983157299931e43ff",
    ),
    "densenet121": _published(
        "densenet",
        "densenet121_weights_tf_dim_ordering_tf_kernels_notop.h5",
        29_084_464,
        "30ee3e1110167f948a6b9946edeeb738",
    ),
    "densenet169": _published(
        "densenet",
        "densenet169_weights_tf_dim_ordering_tf_kernels_notop.h5",
        51_877_672,
        "b8c4d4c20dd625c148057b9ff1c1176b",
    ),
}


def check(config: TrainConfig) -> None:
    """Refuse pretraining of a network that has none.

    Raises:
        ConfigError: see above.
    """
    if config.pretraining != "none" and config.architecture not in FILES:
        raise ConfigError(
            f"{short(config.architecture)} has no pretrained weights. Choose pretraining none, or "
            f"one of {', '.join(FILES)}."
        )


def advice(config: TrainConfig, films: int) -> str:
    """Return a sentence where a network that could be pretrained learns from few films, or "".

    Args:
        config: of a run.
        films: its training films.
    """
    starts_new = config.pretraining == "none" and not (config.weights or config.start_from)
    if not starts_new or config.architecture not in FILES or films > FEW_FILMS:
        return ""
    return (
        f"A network of this size may learn little from {plural(films, 'film')} and new weights: "
        "consider pretraining on ImageNet."
    )


def read(name: str, progress: Progress, should_stop: Callable[[], bool]) -> tuple[bytes, str]:
    """Return the content of a network's file and its SHA-256; fetch the file where it is missing.

    Args:
        name: of the architecture, one of `FILES`.
        progress: called with bytes fetched and in all.
        should_stop: checked while it is fetched.

    Raises:
        ModelError: there is no network, or the file is another one; the message gives the next
            step.
        Stopped: on request; the next call continues.
        WriteFailed: no space or no permission.
    """
    file = FILES[name]
    path = pretrained_folder() / file.name
    if not path.exists():
        _fetch(file, path, progress, should_stop)
    try:
        content = file_reader.read_bytes(path, MOST_BYTES)
    except FileRefused as error:
        raise ModelError(f"{path} {error.reason}. {_next_step(file)}") from error
    md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
    if md5 != file.md5:
        raise ModelError(
            f"{path} must have {file.size:,} bytes and the MD5 {file.md5}; it has {len(content):,} "
            f"bytes and {md5}. {_next_step(file)}"
        )
    return content, hashlib.sha256(content).hexdigest()


def _next_step(file: WebFile) -> str:
    return f"Delete it, and the next start fetches it; or put {file.address} in its place."


def _fetch(file: WebFile, path: Path, progress: Progress, should_stop: Callable[[], bool]) -> None:
    """Fetch a file to its place; one process does, others wait for it."""
    make_folder(path.parent)
    lock = path.with_name(f".{path.name}.lock")
    with locks.held(lock, partial(download.check_stop, should_stop)):
        if path.exists():
            return
        part = path.with_name(f".{path.name}.part")
        try:
            download.fetch(file, part, progress, should_stop)
        except DataError as error:
            raise ModelError(
                f"{error} The file is {file.address}; put it into {path.parent}, where its MD5 "
                f"({file.md5}) is checked."
            ) from error
        with writing(path):
            part.rename(path)
            download.note_path(part).unlink(missing_ok=True)
