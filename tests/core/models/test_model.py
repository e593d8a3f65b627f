"""A model's figures on its dev films."""

from fracture_core.models import stored_models


def test_figures_follow_the_threshold(run_copy) -> None:
    model = stored_models.find("finished")
    everything, nothing = model.at_threshold(0.0), model.at_threshold(1.0)
    assert everything["images"].confusion.fn == everything["images"].confusion.tn == 0
    assert nothing["images"].confusion.tp == nothing["images"].confusion.fp == 0
