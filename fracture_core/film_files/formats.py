"""Rules for films of every format: marks, names, size limits, values as grey."""

import numpy as np

from fracture_core.config.limits import LIMITS

_MARKS = {  # first bytes of a file -> format
    b"\x89PNG\r\n\x1a\n": "PNG",
    b"\xff\xd8\xff": "JPEG",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
    b"II+\0": "TIFF",  # BigTIFF
    b"MM\0+": "TIFF",
    b"GIF8": "GIF",
    b"BM": "BMP",
    b"\xff\x4f\xff\x51": "JPEG 2000",
    b"\0\0\0\x0cjP  \r\n\x87\n": "JPEG 2000",
    b"\xff\x0a": "JPEG XL",
    b"\0\0\0\x0cJXL \r\n\x87\n": "JPEG XL",
    b"%PDF": "PDF",
    b"PK\x03\x04": "zip",
    b"8BPS": "Photoshop",
    b"v/1\x01": "OpenEXR",
    b"#?RADIANCE": "Radiance HDR",
    b"II\xbc\x01": "JPEG XR",
    b"AT&TFORM": "DjVu",
    b"SIMPLE  =": "FITS",
    b"NRRD000": "NRRD",
    b"\x89HDF": "HDF5",
    b"Rar!": "RAR",
    b"7z\xbc\xaf": "7-Zip",
    b"\x1f\x8b": "gzip",
    b"\0\0\x01\0": "Windows icon",
    b"<svg": "SVG",
    b"{\\rtf": "RTF",
    b"\x1a\x45\xdf\xa3": "Matroska video",
    **{b"P%d%c" % (n, end): "PNM" for n in range(1, 8) for end in b"\n \r\t"},
    b"\x0a\x05\x01": "PCX",
    b"qoif": "QOI",
    b"DDS ": "DirectDraw",
    b"%!PS": "PostScript",
    b"\x8bJNG": "JNG",
    b"FLIF": "FLIF",
    b"BPG\xfb": "BPG",
    b"icns": "Apple icon",
    b"gimp xcf": "GIMP",
    b"\x01\xda\0\x01": "SGI",
    b"<?xml": "XML",
    b"<!DOCTYPE": "HTML",
    b"MZ": "Windows program",
    b"\x7fELF": "Linux program",
}
_BRANDS = {  # of an ISO base media file -> format
    b"avif": "AVIF",
    b"avis": "AVIF",
    **dict.fromkeys((b"heic", b"heix", b"heim", b"heis", b"hevc", b"mif1", b"msf1"), "HEIF"),
    **dict.fromkeys((b"isom", b"iso2", b"mp41", b"mp42", b"M4V ", b"qt  "), "MP4 video"),
}
READ = (  # formats beside DICOM
    *("PNG", "JPEG", "WebP", "TIFF", "GIF", "BMP"),
    *("JPEG 2000", "JPEG-LS", "JPEG XL", "AVIF", "HEIF"),
)
SPELLED = ("HDF5", "HTML", "MP4 video", "NRRD", "RTF", "SGI", "SVG", "XML")  # an HDF5 file
SUFFIXES = (  # of their files, lower case
    *(".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".tif", ".tiff", ".gif", ".bmp", ".dib"),
    *(".jp2", ".j2k", ".jpx", ".j2c", ".jls", ".jxl", ".avif", ".heic", ".heif", ".hif"),
)


def kind(data: bytes) -> str | None:
    """Return a file's format by its first bytes: one of `READ`, another one's name, or `None`."""
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WebP"
    if data[4:8] == b"ftyp":
        return _boxed(data)
    name = next((kind for mark, kind in _MARKS.items() if data.startswith(mark)), None)
    frame = jpeg_frame(data) if name == "JPEG" else None
    return "JPEG-LS" if frame and frame[0] == 0xF7 else name


def _boxed(data: bytes) -> str | None:
    """Return the format of an ISO base media file by its brands; AVIF and HEIF share some."""
    end = min(int.from_bytes(data[:4], "big"), len(data), 256)
    brands = [data[place : place + 4] for place in (8, *range(16, end, 4))]
    names = [_BRANDS[brand] for brand in brands if brand in _BRANDS]
    return "AVIF" if "AVIF" in names else next(iter(names), None)


def jpeg_frame(data: bytes) -> tuple[int, bytes] | None:
    """Return the marker of a JPEG's frame header and what follows its length; `None` without one.

    Of JPEG-LS (ISO 14495-1, C.2) the marker is 0xF7, of others 0xC0 to 0xCF (ISO 10918-1, B.2.2).
    """
    place = 2 if data[:2] == b"\xff\xd8" else len(data)
    while place + 4 <= len(data) and data[place] == 0xFF:
        marker, length = data[place + 1], int.from_bytes(data[place + 2 : place + 4], "big")
        if marker == 0xF7 or (0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC)):
            return marker, data[place + 4 : place + 2 + length]
        place += 1 if marker == 0xFF else 2 + length
    return None


def too_many_bytes(size: int) -> str:
    """Return the refusal of a file of this many bytes, as a clause that follows its name."""
    limit = f"at most {LIMITS.file_bytes / 2**20:g} MB are read"
    return f"has {size / 2**20:.0f} MB; {limit}. Save a smaller copy."


def wrong_size(width: int, height: int) -> str | None:
    """Return the refusal of a film of this size in px, as such a clause; `None` if allowed."""
    if width * height > LIMITS.film_pixels:
        rule = f"at most {LIMITS.film_pixels / 1e6:g} million pixels are read. Save a smaller copy."
    elif min(width, height) < LIMITS.film_side_px:
        rule = f"a film has at least {LIMITS.film_side_px} px per side. Give the whole film."
    else:
        return None
    return f"has {width} x {height} px; {rule}"


NO_MEMORY = "needs more memory than is free. Close other programs, or give a smaller copy."


OUTLIERS = 1e-4  # share of a film's pixels, and one at least, that may be extreme at either end
FAR = 4.0  # times as wide as without them is the range of a film whose extreme pixels are clipped
CLIPPED = "A few pixels with extreme values were read as black or white."
_SAMPLE = 4096  # pixels that show whether a film may have extreme ones


def limits(values: np.ndarray, counts: np.ndarray | None = None) -> tuple[float, float, bool]:
    """Return the values that become black and white, and whether others lie beyond them.

    They are the lowest and the highest one, but for a film in which a few hot or dead pixels make
    the range `FAR` times as wide: at either end one pixel, or one in 10,000 of a larger film.

    Args:
        values: (n,), or (n, channels) of a film of colours; finite numbers.
        counts: how many pixels have each of (n,) values; `None` for one.
    """
    low, high = float(values.min()), float(values.max())
    total = len(values) if counts is None else int(counts.sum())
    few = max(1, int(OUTLIERS * total))
    dark, bright = (values.min(axis=1), values.max(axis=1)) if values.ndim == 2 else (values,) * 2
    if total <= 2 * few or (counts is None and not _is_narrow(dark, bright)):
        return low, high, False
    if counts is None:
        near = float(np.partition(dark, few)[few])
        far = float(np.partition(bright, total - 1 - few)[-1 - few])
    else:
        order = np.argsort(values)
        places = np.searchsorted(np.cumsum(counts[order]), (few, total - 1 - few), side="right")
        near, far = (float(values[order[place]]) for place in places)
    if near < far and high - low > FAR * (far - near):
        return near, far, True
    return low, high, False


def _is_narrow(dark: np.ndarray, bright: np.ndarray) -> bool:
    """Return whether a sample of the pixels takes so little of their range that it may be a few
    extreme ones that make it wide; of each the lowest and the highest value is given."""
    low, high = (np.sort(each[:: max(1, len(each) // _SAMPLE)]) for each in (dark, bright))
    rim = max(1, len(low) // 100)
    return bool(FAR * (high[-1 - rim] - low[rim]) < bright.max() - dark.min())


def stretched(
    values: np.ndarray, padding: np.ndarray | None = None, counts: np.ndarray | None = None
) -> np.ndarray:
    """Scale values of more than 8 bits to grey: the lowest becomes 0, the highest 255.

    A few extreme ones are clipped, see `limits`.

    Args:
        values: of any number type: (n,), (rows, columns), or (rows, columns, channels).
        padding: bool, (n,) or (rows, columns): pixels outside the film, which do not count; `None`
            for none.
        counts: (n,): how many pixels have each of (n,) values; `None` for one.

    Returns:
        uint8, all 0 where there is only one value.

    Raises:
        ValueError: a value is not a finite number.
    """
    values = values.astype(np.float64)
    pixels = values.reshape(-1, values.shape[2]) if values.ndim == 3 else values.ravel()
    inside = slice(None) if padding is None or padding.all() else ~padding.ravel()
    among = pixels[inside]
    if not np.isfinite(among.max() - among.min()):
        raise ValueError("it holds values that are no numbers")
    low, high, _ = limits(among, None if counts is None else counts[inside])
    scale = 255.0 / (high - low) if high > low else 0.0
    grey: np.ndarray = np.clip(np.rint((values - low) * scale), 0, 255).astype(np.uint8)
    return grey
