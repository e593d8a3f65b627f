"""Variants of an architecture, and networks of the user's own."""

import hashlib
import re
from dataclasses import dataclass
from functools import partial

from fracture_core.config.limits import LIMITS
from fracture_core.config.record import Record, check_range
from fracture_core.config.setting import setting_field
from fracture_core.errors import ConfigError
from fracture_core.words import clean, short, whole_number

_pixels = partial(setting_field, group="network and pixels", fixed=True)
OWN = "own"  # the architecture whose layers an `OwnNetwork` makes
_FILE = re.compile(r"[^/\\]{1,200}")


@dataclass(frozen=True, kw_only=True)
class OwnNetwork(Record):
    """A network of the user's own: the source of its file, and its measures as it was checked.

    Settings and cards hold it whole, so that a run needs no other file. Nothing here runs it, see
    `own_networks.source`.

    Args:
        file: name of the file, without its folder.
        source: its text.
        sha256: hex digest of the text as UTF-8.
        size: side in px of the input that it was checked with; the measures below hold for it.
        parameters: of the layers that it adds, trained and untrained.
        width: values per film that they end in.
        values: outputs of these layers for one film.
        mega_flop: of training on one film, in millions of products and sums.
    """

    file: str
    source: str
    sha256: str
    size: int
    parameters: int = 0
    width: int = 1
    values: int = 1
    mega_flop: float = 0.0

    def __post_init__(self) -> None:
        if not _FILE.fullmatch(self.file) or clean(self.file) != self.file:
            raise ConfigError(
                f"A network's file needs a plain name; received {short(self.file)!r}."
            )
        content = self.source.encode(errors="surrogatepass")
        check_range("Bytes of a network's file", len(content), (1, LIMITS.network_file))
        for number, line in enumerate(self.source.split("\n"), 1):
            if hiding := [each for each in line if each != "\t" and clean(each) != each]:
                raise ConfigError(
                    f"{self.file} holds U+{ord(hiding[0]):04X} in line {number}, a character that "
                    "hides code from its reader. Remove it."
                )
        if digest(self.source) != self.sha256:
            raise ConfigError(
                f"The source of {self.file} is not the one that its sha256 was written for. Put it "
                "back as it was."
            )
        check_range("size", self.size, LIMITS.size)
        check_range("parameters", self.parameters, (0, LIMITS.parameters))
        check_range("width", self.width, (1, LIMITS.parameters))
        check_range("values", self.values, (1, 10**11))
        check_range("mega_flop", self.mega_flop, (0.0, 1e12))

    @classmethod
    def of_text(cls, file: str, text: str, size: int) -> "OwnNetwork":
        """Return the network in a file's text, without measures; see the class for its errors."""
        return cls(file=file, source=text, sha256=digest(text), size=size)

    def __str__(self) -> str:
        """Return its name: the file's, with the beginning of its hash."""
        return f"{self.file} ({self.sha256[:8]})"


def digest(source: str) -> str:
    """Return the hex SHA-256 of a source."""
    return hashlib.sha256(source.encode(errors="surrogatepass")).hexdigest()


@dataclass(frozen=True, kw_only=True)
class NetworkOptions(Record):
    """Variants of an architecture; `None` keeps the architecture's own value.

    `dense` lists the layers before the output, in order. Dropout without a dense layer comes before
    the output; 0 is none.
    """

    dense: tuple[int, ...] | None = _pixels(
        None,
        "Dense layers",
        "units of the dense layers, as in 128,64",
        unit="units",
        unset="the network's own",
    )
    dropout: float | None = _pixels(
        None,
        "Dropout",
        "share of units dropped after the first dense layer",
        unit="share",
        limits=(0.0, 0.95),
        unset="the network's own",
    )
    dense_normalization: bool | None = _pixels(
        None,
        "Dense normalization",
        "batch normalization after the first dense layer",
        unset="the network's own",
    )
    own: OwnNetwork | None = _pixels(  # noqa: RUF009 - frozen, as the others
        None,
        "Network of your own",
        "Python file whose function adds the layers; its code is run on this machine",
        unset="none",
        option="network-file",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range("Number of dense layers", len(self.dense or ()), (0, LIMITS.dense_layers))
        for units in self.dense or ():
            check_range("Units of a dense layer", units, (1, 4096))


def parse_units(text: str) -> tuple[int, ...]:
    """Return the units of dense layers in a text: "128, 64".

    Raises:
        ConfigError: a part of it is not a whole number.
    """
    words = [word.strip() for word in text.split(",") if word.strip()]
    units = tuple(number for word in words if (number := whole_number(word)) is not None)
    if len(units) < len(words):
        raise ConfigError(
            f"Dense layers are whole numbers, as in 128,64; received {short(text)!r}."
        )
    return units


def network_name(architecture: str, options: NetworkOptions) -> str:
    """Return a network's name for people: the architecture, or the file of one's own."""
    return str(options.own) if options.own else architecture
