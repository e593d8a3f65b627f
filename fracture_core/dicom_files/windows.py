"""Windows of a DICOM film, as its file or its functional groups state them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from fracture_core.dicom_files import elements
from fracture_core.film_files.film_depth import FUNCTIONS, Window

if TYPE_CHECKING:
    from pydicom.dataset import Dataset


def read(levels: Sequence["Dataset"], notes: list[str]) -> tuple[Window, ...]:
    """Return a film's windows that can be used, in the order of the file.

    Args:
        levels: data sets that may hold windows; the first that holds one that can be used counts.
        notes: takes a sentence on what is odd.
    """
    for level in levels:
        if windows := _windows(level, notes):
            return windows
    return ()


def _windows(level: "Dataset", notes: list[str]) -> tuple[Window, ...]:
    centers, widths = (elements.numbers(level, f"Window{each}") for each in ("Center", "Width"))
    if centers is None and widths is None:
        return ()
    function = _function(level, notes)
    windows = []
    explanations = elements.words(level, "WindowCenterWidthExplanation")
    for number, (center, width) in enumerate(zip(centers or (), widths or (), strict=False)):
        if center is None or width is None or not _is_wide_enough(width, function):
            continue
        explanation = explanations[number] if number < len(explanations) else ""
        windows.append(
            Window(center=center, width=width, function=function, explanation=explanation)
        )
    if len(windows) < max(len(centers or ()), len(widths or ()), 1):
        notes.append(_oddity(centers, widths))
    return tuple(windows)


def _is_wide_enough(width: float, function: str) -> bool:
    return width >= 1 if function == "LINEAR" else width > 0


def _oddity(centers: list[float | None] | None, widths: list[float | None] | None) -> str:
    """Return the note on a window that cannot be used."""
    for keyword, values in (("WindowCenter", centers), ("WindowWidth", widths)):
        if not values:
            return f"Its window ({keyword}) is {'absent' if values is None else 'empty'}."
        if None in values:
            return f"Its window ({keyword}) is no number and was ignored."
    return "Its window (WindowWidth) is narrower than the standard allows and was ignored."


def _function(level: "Dataset", notes: list[str]) -> str:
    """Return how a window is applied; linear where the file says nothing that is known."""
    stated = elements.text(level, "VOILUTFunction").replace(" ", "_")
    if stated in FUNCTIONS:
        return stated
    if "VOILUTFunction" in level:
        elements.assume(level, "VOILUTFunction", FUNCTIONS[0], notes)
    return FUNCTIONS[0]
