"""Networks of the user's own: the example of the docs, and files made by tests."""

from pathlib import Path

from fracture_core.config.network_options import OwnNetwork, digest
from fracture_core.folders import PROJECT
from fracture_core.own_networks import allowed, source

EXAMPLE = PROJECT / "docs" / "own_network.py"
PLAIN = """
from keras import layers

def features(films):
    return layers.GlobalMaxPooling2D()(layers.Conv2D(4, 3)(films))
"""


def of(text: str, allow: bool = True, **measures: float) -> OwnNetwork:
    """Return the network in a text; its code is allowed in the test's cache folder."""
    own = OwnNetwork(
        **{"file": "mine.py", "source": text, "sha256": digest(text), "size": 32} | measures
    )
    if allow:
        allowed.allow(own.sha256, own.file)
    return own


def example() -> OwnNetwork:
    """Return the network of the docs, with its measures at 32 px."""
    from fracture_core.training import network_check

    text = source.read(Path(EXAMPLE))
    own = of(text, file=EXAMPLE.name)
    return of(text, file=EXAMPLE.name, **network_check.measures(own))
