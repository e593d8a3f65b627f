"""The area drawn on the map of films, in the address: one more filter of the wall."""

from dataclasses import replace

import numpy as np
import pandas as pd
import streamlit as st

from fracture_core.datasets.catalog import Dataset
from fracture_core.neighbours import film_map
from fracture_core.words import whole_number
from ui.components.film_map import CORNERS, SCALE, Area, is_place
from ui.shell import state
from ui.studies import neighbour_cache
from ui.studies.facets import Filters

INSIDE = "in"  # value of the filter, and of a study with a film in the area


def corners() -> Area:
    """Return the area in the address, "100.200_300.200_300.400"; () without a valid one.

    It counts only while the map is open: no filter acts unseen.
    """
    if st.query_params.get(state.MAP) != "true":
        return ()
    points = []
    for pair in st.query_params.get(state.AREA, "").split("_"):
        x, dot, y = pair.partition(".")
        corner = (_number(x), _number(y))
        if not dot or not all(map(is_place, corner)):
            return ()
        points.append((int(corner[0] or 0), int(corner[1] or 0)))
    return tuple(points) if 3 <= len(points) <= CORNERS else ()


def _number(text: str) -> int | None:
    value = whole_number(text.removeprefix("-"))
    return -value if value is not None and text.startswith("-") else value


def put(area: Area) -> None:
    """Write an area into the address, () for none, and go to the first page of the wall."""
    state.put(state.AREA, "_".join(f"{x}.{y}" for x, y in area))
    state.put(state.PAGE, "")


def applied(data: Dataset, studies: pd.DataFrame, active: Filters) -> tuple[pd.DataFrame, Filters]:
    """Add the area of the address to the filters, if the map that it was drawn on is there.

    Args:
        data: the data set in use.
        studies: see `study_cache.studies`.
        active: the other filters.

    Returns:
        The studies, with a column for this filter, and the filters.
    """
    area = corners()
    made = neighbour_cache.neighbours(data) if area else None
    if made is None:
        return studies, active
    within = film_map.inside(made.places, [(x / SCALE, y / SCALE) for x, y in area])
    some = np.logical_or.reduceat(within, studies["first"].to_numpy())
    column = {f"facet_{state.AREA}": np.where(some, INSIDE, "out")}
    return studies.assign(**column), replace(
        active, facets={**active.facets, state.AREA: (INSIDE,)}
    )
