"""Figures and their differences in words."""

from fracture_core.verdicts import figure_words
from fracture_core.verdicts.resampling import Interval


def test_shares_differ_by_points_and_other_figures_by_their_own_unit() -> None:
    gap = Interval(value=0.0834, low=-0.115, high=0.286, n=24, groups=20)
    assert figure_words.difference("accuracy", gap) == "+8.3 points (-11.5 to +28.6)"
    assert figure_words.difference("auroc", gap) == "+0.083 (-0.115 to +0.286)"
    bare = Interval(value=-0.25, low=None, high=None, n=4, groups=2)
    assert figure_words.difference("ppv", bare) == "-25.0 points"
    assert (
        figure_words.difference("ppv", Interval(value=None, low=None, high=None, n=0, groups=0))
        == ""
    )
