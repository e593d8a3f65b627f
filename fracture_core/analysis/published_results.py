"""Results that others have published on MURA, to stand beside one's own and never to be ranked.

Each names its test set and level, since they differ: the hidden test set is not public, and the
public valid set was used by some to choose their epoch. No result at 32 to 96 px is known.
"""

from dataclasses import dataclass

NONE_SMALL = "No published MURA result at 32 to 96 px, the size of the networks here, is known."


@dataclass(frozen=True, kw_only=True)
class PublishedResult:
    """A figure of a publication.

    Args:
        what: the network or reader.
        test_set: the films.
        figure: its name, and its value for all parts.
        shoulder: its value for the shoulder; "" where none is given.
        source: who says so.
    """

    what: str
    test_set: str
    figure: str
    shoulder: str = ""
    source: str


_PAPER = "Rajpurkar et al. 2018, arXiv:1712.06957"
_OPEN = "github.com/ilias-ant/x-ray-abnormality-detection"
HIDDEN = "hidden test, 207 studies"
VALID = "public valid, per study"
RESULTS = (
    PublishedResult(
        what="DenseNet-169, 320 px", test_set=HIDDEN, figure="AUROC .929", source=_PAPER
    ),
    PublishedResult(what="Best radiologist", test_set=HIDDEN, figure="kappa .778", source=_PAPER),
    PublishedResult(
        what="DenseNet-169, 224 px",
        test_set=VALID,
        figure="kappa .629",
        shoulder="kappa .54",
        source=_OPEN,
    ),
    PublishedResult(
        what="DenseNet-169 and ResNet-50 together",
        test_set=VALID,
        figure="kappa .645",
        shoulder="kappa .62",
        source=_OPEN,
    ),
    PublishedResult(
        what="CNN from scratch, 3.3 M parameters",
        test_set=VALID,
        figure="kappa .386",
        shoulder="kappa .17",
        source=_OPEN,
    ),
    PublishedResult(
        what="Untrained random convolutions, trained top",
        test_set=VALID,
        figure="kappa .374",
        source="reported, origin not traced",
    ),
)
