"""Names of all networks, for tests that put each through the same mill; large ones are slow."""

from collections.abc import Iterable
from typing import Any

import pytest

from fracture_core.networks.architectures import ARCHITECTURES

LARGE = ("mobilenet_v3", "efficientnet_v2", "densenet121", "densenet169")
TWIN = "densenet169"  # DenseNet-121 stands for it: its layers are the same, only more of them


def marked(names: Iterable[str]) -> list[Any]:
    """Return names of networks as parameters of a test, large ones marked slow."""
    return [pytest.param(name, marks=pytest.mark.slow) if name in LARGE else name for name in names]


EVERY = marked(name for name in ARCHITECTURES if name != TWIN)
# For work that takes a large network minutes: one of them stands for all.
SOME = marked([*(name for name in ARCHITECTURES if name not in LARGE), "mobilenet_v3"])
CHAINS = ("one_conv", "three_conv", "five_conv", "all_conv")
