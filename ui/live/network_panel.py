"""The network's first filters, and each block's maps of a film."""

import io

import numpy as np
import streamlit as st
from PIL import Image

from fracture_core.epochs import feature_maps
from fracture_core.epochs.feature_maps import FeatureMaps
from fracture_core.runs.run_folders import Run
from ui.cache import run_cache
from ui.shared import pictures, theme
from ui.shell import state

TILE, GAP = 64, 4  # px of a map or filter, and between two
ROW = 16  # tiles of a row
ABOVE, BELOW = (167, 155, 255), (92, 214, 182)  # of weights; no colour of a label


def show(run: Run, epoch: int, opened: bool = False) -> None:
    """Draw the panel at the last kept epoch up to the one shown; costs nothing while closed.

    Args:
        run: the run shown.
        epoch: the epoch shown.
        opened: whether it is drawn without its switch.
    """
    st.header("What it has learned", anchor=False)
    if not opened and not st.toggle("Filters and feature maps", key=state.LEARNED):
        return
    kept = feature_maps.latest(run.folder, epoch)
    films = run_cache.trajectories(run.folder).films
    if kept is None or kept[1].film >= len(films):
        st.caption("This run has kept no feature maps of an epoch up to this one.")
        return
    at, learned = kept
    film = films.iloc[learned.film]
    left, right = st.columns([1, 4], gap="medium")
    with left:
        st.image(
            pictures.network_picture(learned.pixels),
            width=180,
            alt="the film as the network sees it",
        )
        whose = theme.plain(f"{film['part']} {film['patient']}, {film['role']}")
        st.caption(
            f"{whose}, label {theme.mark(bool(film['label']))}, as the network sees it; epoch {at}."
        )
    with right:
        _rows(learned)


def _rows(learned: FeatureMaps) -> None:
    count = learned.kernels.shape[-1]
    side = learned.kernels.shape[0]
    st.image(filters(learned.kernels), alt=f"{count} filters of the first convolution")
    st.caption(
        f"The {count} filters of the first convolution, {side} × {side} weights each: violet above "
        "0, green below. A filter that looks like an edge responds to edges."
    )
    for number, (maps, peaks) in enumerate(zip(learned.maps, learned.peaks, strict=True), 1):
        dead = int((peaks == 0).sum())
        st.image(tiles(list(maps)), alt=f"maps of block {number}")
        st.caption(
            f"Block {number}: {len(maps)} maps of {maps.shape[1]} × {maps.shape[2]}, each from "
            "black to its own greatest value"
            + (f"; {dead} of them silent on this film." if dead else ".")
        )


def filters(kernels: np.ndarray) -> bytes:
    """Draw filters as tiles, PNG: violet where a weight is above 0, green where below."""
    strongest = float(np.abs(kernels).max()) or 1.0
    shade = np.abs(kernels)[..., None] / strongest
    above, below = (np.array(colour) for colour in (ABOVE, BELOW))
    colours = np.where(kernels[..., None] > 0, above, below) * shade
    return tiles([colours[:, :, number].astype(np.uint8) for number in range(kernels.shape[-1])])


def tiles(pieces: list[np.ndarray]) -> bytes:
    """Enlarge small pictures without blur, in rows of `ROW`, as PNG.

    Args:
        pieces: uint8 (h, w) or (h, w, 3), all alike.
    """
    rows = -(-len(pieces) // ROW)
    sheet = Image.new("RGB", (ROW * (TILE + GAP) - GAP, rows * (TILE + GAP) - GAP), "#030405")
    for number, piece in enumerate(pieces):
        tile = Image.fromarray(piece).resize((TILE, TILE), Image.Resampling.NEAREST)
        row, column = divmod(number, ROW)
        sheet.paste(tile, (column * (TILE + GAP), row * (TILE + GAP)))
    content = io.BytesIO()
    sheet.save(content, "PNG", compress_level=1)
    return content.getvalue()
