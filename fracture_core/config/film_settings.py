"""The way from a film to a network's pixels, and random changes of training films."""

from dataclasses import dataclass
from functools import partial
from typing import Literal

from fracture_core.config.limits import LIMITS
from fracture_core.config.record import Record
from fracture_core.config.setting import setting_field

_pixels = partial(setting_field, group="network and pixels", fixed=True)
_changes = partial(setting_field, group="augmentation")

_DEGREES, _PERCENT = (0.0, 180.0), (0.0, 90.0)


@dataclass(frozen=True, kw_only=True)
class PixelRecipe(Record):
    """The way from a film to a network's pixels: uint8 `(size, size)`, 0 to 255."""

    size: int = _pixels(
        32, "Input side", "side of the network's square input", unit="px", limits=LIMITS.size
    )  # the report's input
    resample: Literal["area", "nearest"] = _pixels(
        "area", "Resampling", "pixels averaged over their area, or the nearest one kept"
    )  # nearest keeps 1 px in about 256 of a MURA film
    fit: Literal["pad", "squash"] = _pixels(
        "pad", "Fit", "films padded with black to a square, or squashed into one"
    )  # angles of bones stay what they are
    missing_rows_percent: float = _pixels(
        5.0,
        "Missing rows",
        "most rows that a film cut short may lack, percent of its rows; 0 refuses such films",
        unit="%",
        limits=_PERCENT,
    )  # viewers show such films; what is missing is a strip at one side


# The 2018 report's loader: its Keras resized by nearest neighbour, to 32 x 32.
REPORT_RECIPE = PixelRecipe(size=32, resample="nearest", fit="squash")


@dataclass(frozen=True, kw_only=True)
class Augmentation(Record):
    """Random changes of a training film, drawn again each time that it is shown.

    Of a setting x, an angle, a shift or a brightness is drawn from -x to +x, and the factor of a
    zoom or a contrast from 1 - x/100 to 1 + x/100.
    """

    shear_degrees: float = _changes(
        0.0, "Shear", "largest shear angle", unit="± degrees", limits=_DEGREES
    )  # shear bends bones, which is what a fracture does
    zoom_percent: float = _changes(
        20.0, "Zoom", "largest zoom in or out of each axis", unit="± %", limits=_PERCENT
    )  # the report's 0.2
    rotation_degrees: float = _changes(
        10.0, "Rotation", "largest rotation", unit="± degrees", limits=_DEGREES
    )  # the report speaks of rotations; films lie about this askew
    shift_percent: float = _changes(
        0.0,
        "Shift",
        "largest shift along each axis, percent of the side",
        unit="± % of the side",
        limits=_PERCENT,
    )  # zoom about the middle moves the rim enough
    horizontal_flip: bool = _changes(
        True, "Mirror left and right", "mirror every second film left and right, on average"
    )  # left and right limbs are mirror images
    vertical_flip: bool = _changes(
        False, "Mirror top and bottom", "mirror every second film top and bottom, on average"
    )  # films do not hang upside down
    brightness_percent: float = _changes(
        0.0,
        "Brightness",
        "most that is added to every pixel, percent of the full range",
        unit="± % of white",
        limits=_PERCENT,
    )  # the report changed no grey values
    contrast_percent: float = _changes(
        0.0, "Contrast", "largest change of contrast about middle grey", unit="± %", limits=_PERCENT
    )


# The report's generator: shear_range = 0.2 is 0.2 degrees there, and its code has no rotation.
REPORT_AUGMENTATION = Augmentation(shear_degrees=0.2, rotation_degrees=0.0)
