"""Bounds of files and of settings."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Bounds of files, and of settings that other modules check; a refusal names them."""

    file_bytes: int = 64 * 2**20  # a 16-bit film of 4,000 x 4,000 px takes 32 MB uncompressed
    film_pixels: int = 64_000_000  # long-bone panoramas reach about 45 million; more is a bomb
    film_side_px: int = 16  # each side; less than the smallest network's input shows no bone
    dicom_frames: int = 2_000  # of a file; the first is read, and none is unpacked before it
    upload_files: int = 200  # films in one upload; MURA's largest study holds 11
    upload_bytes: int = 400 * 2**20  # in all, unpacked: they stay in memory for the session
    zip_entries: int = 2_000  # films listed in one zip
    zip_listed: int = 20_000  # files listed in one zip, programs of a CD's viewer among them
    zip_ratio: int = 200  # unpacked bytes for each packed one; films reach about 20, bombs 1,000
    size: tuple[int, int] = (24, 512)  # network input in px; smaller shows no bone
    epochs: tuple[int, int] = (1, 10_000)
    learning_rate: tuple[float, float] = (1e-7, 10.0)
    threads: tuple[int, int] = (1, 256)
    folds: tuple[int, int] = (2, 10)  # of a cross-validation; an ensemble takes up to 16 members
    dense_layers: int = 16  # of a network, before its output; the report's deepest has two
    parameters: int = 300_000_000  # of a network: 1.2 GB; one_conv at 512 px has 266 million
    network_file: int = 32 * 2**10  # bytes of an own network's source; an ensemble's card has 16
    card_text: int = 2_000  # characters of a text in a card; its command may have ten times more


LIMITS = Limits()
