"""Compressed DICOM films that three decoders read: ours, gdcm's and pylibjpeg's.

    python benchmarks/dicom_codings.py

Films of every coding that can be made here, and the compressed ones that come with pydicom (and
with the package `pydicom-data`, where it is installed). For each coding it prints how many films
each decoder reads, and of how many films made here it gives the values back: the very same of a
lossless coding, else within 16 of them. A decoder that is not installed reads none.
"""

import io
import sys
import warnings
from collections import defaultdict
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import pydicom

from tests.core import coded_films

DECODERS = ("imagecodecs", "gdcm", "pylibjpeg")


def main() -> int:
    """Decode and print; gives the exit status."""
    warnings.simplefilter("ignore")
    lines: dict[str, list[dict[str, bool]]] = defaultdict(list)
    for name, data, values, exact in coded_films.made():
        results = {each: _gives_back(data, each, values, exact) for each in DECODERS}
        lines[f"made: {name}"].append(results)
    for _, data in coded_films.packaged():
        coding = pydicom.dcmread(
            io.BytesIO(data), specific_tags=[]
        ).file_meta.TransferSyntaxUID.name
        lines[f"packaged: {coding}"].append({each: _reads(data, each) for each in DECODERS})
    print(f"{'films':76}{'number':>7}", *(f"{each:>12}" for each in DECODERS))
    for coding, films in lines.items():
        counts = [sum(film[each] for film in films) for each in DECODERS]
        print(f"{coding[:75]:76}{len(films):7}", *(f"{count:12}" for count in counts))
    return 0


def _decoded(data: bytes, decoder: str) -> np.ndarray | None:
    try:
        return (
            coded_films.ours(data) if decoder == DECODERS[0] else coded_films.theirs(data, decoder)
        )
    except Exception:  # not installed, not supported or damaged
        return None


def _reads(data: bytes, decoder: str) -> bool:
    return _decoded(data, decoder) is not None


def _gives_back(data: bytes, decoder: str, values: np.ndarray, exact: bool) -> bool:
    decoded = _decoded(data, decoder)
    return decoded is not None and bool(
        np.abs(decoded.astype(int) - values).max() <= (0 if exact else 16)
    )


if __name__ == "__main__":
    sys.exit(main())
