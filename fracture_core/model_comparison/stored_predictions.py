"""Predictions that a model keeps: of a run's dev and valid films, of a released model's dev films,
and those out of fold.

No network is run, and no data set is read.
"""

from fracture_core.cross_validation import out_of_fold
from fracture_core.errors import DataError
from fracture_core.evaluations import evaluation
from fracture_core.evaluations.evaluation import Evaluation
from fracture_core.models.model import Model
from fracture_core.runs import run_folders


def roles(model: Model) -> set[str]:
    """Return the films whose probabilities are kept with the model: "dev", "valid", out of fold."""
    if model.is_run:
        return set(model.card.metrics)
    own = {"dev"} if len(model.dev_films) else set()
    return own | ({out_of_fold.SPLIT} if model.card.out_of_fold else set())


def of_role(model: Model, role: str) -> Evaluation:
    """Return the evaluation of a model's kept predictions.

    Raises:
        DataError: it keeps none of these films.
        RunError: the run's table cannot be read.
    """
    card = model.card
    folds = out_of_fold.evaluation_of_model(model) if role == out_of_fold.SPLIT else None
    if role not in roles(model) or (role == out_of_fold.SPLIT and folds is None):
        raise DataError(f"{card.name} keeps no predictions of {role} films. Name a data set.")
    if folds:
        return folds
    if model.is_run:
        return evaluation.of_run(run_folders.find(model.run), card.epoch, role)
    return evaluation.of_kept_films(model, role, model.dev_films)
