"""Large networks on grey films, scaled as meant; their maps: `test_imagenet_weights`."""

import pytest

from fracture_core.networks import applications, architectures
from tests.core.every_network import LARGE


def test_every_application_is_in_the_registry_and_slow_in_tests() -> None:
    assert tuple(applications.APPLICATIONS) == LARGE
    assert set(LARGE) <= set(architectures.ARCHITECTURES)


@pytest.mark.parametrize(
    ("name", "black", "white"), [("mobilenet_v3", -1.0, 1.0), ("densenet121", -1.9867, 2.4381)]
)
def test_films_are_scaled_as_the_networks_authors_did(name, black, white) -> None:
    kept = applications.APPLICATIONS[name]
    for grey, expected in ((0.0, black), (1.0, white)):
        assert grey * kept.scale + kept.offset == pytest.approx(expected, abs=1e-4)
