"""Names of all networks, for tests that put each through the same mill; large ones are slow."""

import pytest

from fracture_core.networks.architectures import ARCHITECTURES

LARGE = ("mobilenet_v3", "efficientnet_v2", "densenet121", "densenet169")
TWIN = "densenet169"  # DenseNet-121 stands for it: its layers are the same, only more of them
EVERY = [
    pytest.param(name, marks=pytest.mark.slow) if name in LARGE else name
    for name in ARCHITECTURES
    if name != TWIN
]
SOME = [  # for work that takes a large network minutes: one of them stands for all
    *(name for name in ARCHITECTURES if name not in LARGE),
    pytest.param("mobilenet_v3", marks=pytest.mark.slow),
]
CHAINS = ("one_conv", "three_conv", "five_conv", "all_conv")
