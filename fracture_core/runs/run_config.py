"""A run's `config.json`: its settings, and the facts that its child has found out.

It is written by the process that makes the run, completed once by the child, and then left alone.
"""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fracture_core import checksums, file_reader
from fracture_core.config.train_config import TrainConfig, with_paths
from fracture_core.errors import ConfigError, DamagedFile, FileRefused, RunError
from fracture_core.runs import run_facts

NAME = "config.json"
BEFORE = {"normalization": "running"}  # the setting of runs from before there was a choice
SMALL, FILMS_BEFORE = 36, 256  # px: larger films had this number for the averages, no choice


def write(folder: Path, config: TrainConfig) -> None:
    """Write the settings of a new run, with the present time.

    Raises:
        WriteFailed: no space or no permission.
    """
    # The child has another working directory: relative paths would not reach their files.
    config = with_paths(config, lambda path: str(path.absolute()))
    content = {"config": config.to_dict(), "created": datetime.now(UTC).isoformat()}
    checksums.write(folder, folder / NAME, json.dumps(content, indent=2).encode())


def complete(folder: Path, **more: Any) -> None:
    """Add facts that the child has determined to `config.json`; done once, before the first step.

    Raises:
        RunError: the file cannot be read, or was changed; nothing is written then.
        WriteFailed: no space or no permission.
    """
    text = json.dumps({**_read_facts(folder), **more}, indent=2)
    checksums.write(folder, folder / NAME, text.encode())


def read(folder: Path) -> tuple[TrainConfig, dict[str, Any]]:
    """Return a run's settings and the other facts of its `config.json`, checked.

    Raises:
        RunError: the file cannot be read, or was changed.
    """
    try:
        facts = _read_facts(folder)
        values = facts.pop("config")
        if isinstance(values, dict):
            values = BEFORE | values
        config = TrainConfig.from_dict(values)
        if "normalization_films" not in values and config.recipe.size > SMALL:
            config = replace(config, normalization_films=FILMS_BEFORE)
        return config, run_facts.run(facts)
    except (KeyError, ConfigError) as error:
        raise _no_config(folder, error) from error


def _read_facts(folder: Path) -> dict[str, Any]:
    """Return the content of `config.json`, checked against its checksum."""
    path = folder / NAME
    try:
        content = file_reader.read_json(path)
        checksums.read(folder, path, file_reader.NOTE_BYTES)
    except (OSError, FileRefused) as error:
        raise _no_config(folder, error) from error
    except DamagedFile as error:
        raise DamagedFile(
            f"{folder.name} has no readable config.json. {error} Put the file back as it was "
            f"written, or delete {folder}; a change made on purpose takes its line out of "
            f"{checksums.SUMS} as well."
        ) from error
    if not isinstance(content, dict):
        raise _no_config(folder)
    return content


def _no_config(folder: Path, error: Exception | None = None) -> RunError:
    why = f" It {error.reason}." if isinstance(error, FileRefused) else ""
    if isinstance(error, ConfigError):
        why = f" {error}"
    return RunError(
        f"{folder.name} has no readable config.json.{why} Put the file back, or delete {folder}."
    )
