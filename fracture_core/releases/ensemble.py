"""Ensembles: models whose probability is the mean of their members'.

The 2018 report names this as its next step. The members are stored whole, in one weights file, so
that the ensemble outlives their runs; nothing is trained. Its figures include only films that were
used neither to train a member nor to pick its epoch.
"""

import io
import shlex
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd

from fracture_core.config.film_settings import PixelRecipe
from fracture_core.errors import ModelError
from fracture_core.folders import runs_folder
from fracture_core.models import model_files, prediction_table, stored_models
from fracture_core.models.model import Model
from fracture_core.models.model_card import ENSEMBLE, MOST_MEMBERS, Card, Member
from fracture_core.prediction import training_patients
from fracture_core.releases import release
from fracture_core.verdicts import aggregation
from fracture_core.words import short

KEYS = ["split", "part", "patient", "study", "view", "label", "path", "role"]


def make(references: Sequence[str], name: str) -> Path:
    """Publish the mean of some models as a model and return the new folder.

    Args:
        references: two models or more, each as `stored_models.find` takes it.
        name: of the new model; letters, digits, dot, dash, underscore.

    Raises:
        ModelError: a model cannot be used, they do not fit together, or the name is invalid.
        RunError: an epoch is not kept.
    """
    card, weights, dev_films = prepare(references, name)
    return release.publish(name, card, weights, dev_films)


def prepare(references: Sequence[str], name: str) -> tuple[Card, bytes, pd.DataFrame]:
    """Return card, weights file and dev predictions of an ensemble that is not published yet.

    Arguments and errors as in `make`.
    """
    release.check_name(name)
    if (runs_folder() / name).exists():
        raise ModelError(
            f"A model would hide the run of the same name; a run is called {short(name)!r}. "
            "Choose another name."
        )
    models = [stored_models.find(reference) for reference in references]
    _check(models)
    contents = [model_files.weights_content(model) for model in models]
    _check_different(models, contents)
    films, weights = together(models), _weights(models, contents)
    release.check_size(weights, "Choose fewer or smaller members.")
    return _card(name, models, films), weights, films["dev"]


def _check(models: Sequence[Model]) -> None:
    """Refuse models whose mean would have no meaning."""
    if not 2 <= len(models) <= MOST_MEMBERS:
        raise ModelError(
            f"An ensemble has 2 to {MOST_MEMBERS} members; received {len(models)}. Give other "
            "models."
        )
    for model in models:
        if model.card.members:
            raise ModelError(
                f"A member of an ensemble is one network; {model.card.name} is an ensemble. Name "
                f"its members: {', '.join(member.name for member in model.card.members)}."
            )
    first = models[0].card
    for card in (model.card for model in models[1:]):
        if card.recipe != first.recipe:
            raise ModelError(
                f"The members of an ensemble see the same pixels; {first.name} sees "
                f"{_pixels(first)}, {card.name} {_pixels(card)}. Choose models that see the same."
            )
        if card.label_meaning != first.label_meaning:
            raise ModelError(
                f"The members of an ensemble answer the same question. {first.name}: "
                f"{first.label_meaning} {card.name}: {card.label_meaning} Choose others."
            )


def _check_different(models: Sequence[Model], contents: Sequence[bytes]) -> None:
    """Refuse models of which two have the same weights, in these contents of their files."""
    names = [model.card.name for model in models]
    digests = {model_files.sha256(content) for content in contents}
    if len(digests) < len(names):  # the same weights, under whatever names
        raise ModelError(
            f"Each member of an ensemble has its own weights; some of {', '.join(names)} have "
            "the same. Name each network once."
        )


def _pixels(card: Card) -> str:
    recipe = card.recipe
    ways: list[str] = [recipe.resample, recipe.fit]
    if recipe.missing_rows_percent != PixelRecipe().missing_rows_percent:
        ways.append(f"at most {recipe.missing_rows_percent:g} % of rows missing")
    return f"{recipe.size} px ({', '.join(ways)})"


def together(models: Sequence[Model]) -> dict[str, pd.DataFrame]:
    """Return the films that all of these models have predicted and none was trained on, by role.

    Returns:
        For "dev" and "valid", one row per film: manifest columns, `probability`, the mean, float32,
        and `member_1`, `member_2`... No rows where the models were trained on different data.
    """
    tables = [_table(model) for model in models]
    same = _same_data([model.card for model in models])
    common = tables[0] if same else tables[0].iloc[:0]
    for number, table in enumerate(tables, 1):
        by_path = table.set_index("path")
        common = common[common["path"].isin(by_path.index)]
        rows = by_path.loc[common["path"]]
        alike = rows["role"].to_numpy() == common["role"].to_numpy()
        column = {f"member_{number}": rows["probability"].to_numpy()[alike]}
        common = common[alike].assign(**column)
    members = common[[f"member_{number}" for number in range(1, len(tables) + 1)]]
    mean = members.to_numpy(np.float64).mean(axis=1).astype(np.float32)
    common = common.assign(probability=mean).reset_index(drop=True)
    return {
        role: common[common["role"] == role].reset_index(drop=True) for role in ("dev", "valid")
    }


def _table(model: Model) -> pd.DataFrame:
    """Return all films of the model's prediction tables, with their role."""
    films = prediction_table.of_model(model)
    if not {"path", "label", "probability"} <= set(films):
        raise ModelError(f"The dev predictions of {model.card.name} are damaged. Release it again.")
    films = films if "role" in films else films.assign(role="dev")
    films = films.drop_duplicates("path")
    return films[[key for key in KEYS if key in films] + ["probability"]]


def _card(name: str, models: Sequence[Model], films_by_role: dict[str, pd.DataFrame]) -> Card:
    """Return the ensemble's card."""
    own = [model.card for model in models]
    patients = training_patients.merged(map(training_patients.record, models))
    training = _training(own) | ({training_patients.RECORD: patients} if patients else {})
    thresholds = {card.threshold for card in own}
    threshold = thresholds.pop() if len(thresholds) == 1 else 0.5
    parts = [card.parts for card in own]
    figures = {
        role: {k: v.to_dict() for k, v in aggregation.summaries(films, threshold).items()}
        for role, films in films_by_role.items()
        if len(films)
    }
    return Card(
        name=name,
        architecture=ENSEMBLE,
        recipe=own[0].recipe,
        label_meaning=own[0].label_meaning,
        threshold=threshold,
        threshold_origin="its members' own, or 0.5 where these differ; none was chosen for it",
        parts=tuple(sorted({part for some in parts for part in some})) if all(parts) else (),
        training=training,
        metrics=figures,
        command=_command(name, own),
        versions=own[0].versions,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        members=tuple(
            Member(name=card.name, architecture=card.architecture, options=card.options)
            for card in own
        ),
    )


def _command(name: str, own: Sequence[Card]) -> str:
    """Return the commands that train the members, with their run names, and make the ensemble."""
    members, steps = [str(card.training.get("run") or card.name) for card in own], []
    for card, member in zip(own, members, strict=True):
        if card.command:
            *before, train = card.command.split(" && ")
            steps += [*before, f"{train} {shlex.join(['--name', member.partition('@')[0]])}"]
    last = shlex.join(["python", "-m", "fracture_core", "ensemble", name, *members])
    return " && ".join([*dict.fromkeys(steps), last])


def _training(own: Sequence[Card]) -> dict[str, Any]:
    """Return the facts about the members' data: all if they share it, else the common ones."""
    first, *others = (card.training for card in own)
    if _same_data(own):
        alike = (key for key in first if all(each.get(key) == first[key] for each in others))
        return {key: first[key] for key in alike if key not in ("run", training_patients.RECORD)}
    roots = dict.fromkeys(card.data.root or "unknown data" for card in own)
    known = all(card.data.synthetic is not None for card in own)
    synthetic = all(card.synthetic for card in own) if known else None
    return {"root": " and ".join(roots), "synthetic": synthetic}


def _same_data(own: Sequence[Card]) -> bool:
    """Tell whether the members are known to have been trained on one data set."""
    hashes = {card.data.hash for card in own}
    return len(hashes) == 1 and None not in hashes


def _weights(models: Sequence[Model], contents: Sequence[bytes]) -> bytes:
    """Return one HDF5 file with a group per member, each like the member's `.weights.h5`."""
    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        for number, (model, own_content) in enumerate(zip(models, contents, strict=True), 1):
            try:
                with h5py.File(io.BytesIO(own_content)) as own:
                    file.copy(own["/"], file, name=model_files.member_group(number))
            except (OSError, RuntimeError) as error:
                raise ModelError(
                    f"The weights of {model.card.name} cannot be read ({error}). Choose another "
                    "epoch or model."
                ) from error
    return content.getvalue()


def of_members(model: Model) -> list[tuple[str, dict[str, Any]]]:
    """Return each member's figures on the ensemble's dev films, at the ensemble's threshold.

    Returns:
        (name, `aggregation.summaries`) of each member; empty where the ensemble has no dev films.
    """
    count = len(model.card.members)
    if model.dev_films.empty or f"member_{count}" not in model.dev_films:
        return []
    return [
        (
            member.name,
            aggregation.summaries(
                model.dev_films.assign(probability=model.dev_films[f"member_{number}"]),
                model.card.threshold,
            ),
        )
        for number, member in enumerate(model.card.members, 1)
    ]
