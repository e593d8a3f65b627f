"""Stored evaluation: its figures and lines as JSON, beside the table of its films."""

import json
from contextlib import suppress
from pathlib import Path

from fracture_core import checksums, file_reader
from fracture_core.config.record import check_range
from fracture_core.errors import FractureError
from fracture_core.evaluations.evaluation import Evaluation
from fracture_core.files import make_folder
from fracture_core.models import prediction_table
from fracture_core.runs import run_facts

_FILMS_FILE = "films_file"  # in `evaluation.json`: the name of the file with its films


def save(folder: Path, value: Evaluation) -> None:
    """Store an evaluation in place of the one before, which stays until this one is whole.

    `evaluation.json` is written last and names the file of its films.

    Raises:
        WriteFailed: no space or no permission; the one before is unchanged.
    """
    make_folder(folder)
    films = value.films.to_parquet(None)
    name = f"films-{checksums.digest(films)[:16]}.parquet"
    checksums.write(folder, folder / name, films)
    text = json.dumps(value.to_dict() | {_FILMS_FILE: name}, indent=2)
    checksums.write(folder, folder / "evaluation.json", text.encode())
    for path in folder.glob("films*.parquet"):
        if path.name != name:
            with suppress(OSError):  # no reader looks at it
                path.unlink()


def load(folder: Path) -> Evaluation | None:
    """Load the evaluation in this folder; `None` if there is none, or it is damaged."""
    try:
        fields = file_reader.parsed(_guarded(folder, "evaluation.json").decode())
        films = _guarded(folder, Path(fields.get(_FILMS_FILE, "films.parquet")).name)
        evaluation = Evaluation(
            model=str(fields["model"]),
            data=run_facts.data(fields["data"]),
            split=str(fields["split"]),
            parts=tuple(map(str, fields["parts"])),
            threshold=fields["threshold"],
            films=prediction_table.read(films),
            refused=tuple((str(item["path"]), str(item["reason"])) for item in fields["refused"]),
        )
        check_range("threshold", evaluation.threshold, (0.0, 1.0))
        return evaluation
    except (OSError, FractureError, ValueError, LookupError, TypeError, AttributeError):
        return None


def _guarded(folder: Path, name: str) -> bytes:
    return checksums.read_guarded(folder, folder / name, file_reader.TABLE_BYTES)
