"""Films whose file ends too early: how many rows may be missing, and the sentence about them."""

from fracture_core.errors import FilmError

LAST = "last {} rows"  # place of what is missing, with room for a number


def check(
    name: str, missing: int, height: int, percent: float, *, partial: int = 0, place: str = LAST
) -> None:
    """Refuse a film that misses too much.

    Args:
        name: of the film.
        missing: rows of which nothing is there.
        height: of the whole film, in rows.
        percent: most rows that may be missing, of 100; 0 for none.
        partial: rows beside them that are there in part.
        place: of what is missing.

    Raises:
        FilmError: more is missing.
    """
    incomplete = missing + partial
    if 100 * missing <= percent * height and (percent or not incomplete):
        return
    words = f"its {counted(place, incomplete)} of {height:,} are missing"
    if partial:
        words += f", {partial:,} of them in part"
    limit = f"at most {percent:g} % may be" if percent else "none may be"
    share = f"({incomplete / height:.0%}; {limit})"
    reason = f"is cut short: {words} {share}. Copy it again from where it came from."
    raise FilmError(name, reason)


def note(missing: int, partial: int = 0, place: str = LAST) -> str:
    """Return the sentence on what is missing of a film that was cut short; see `check`."""
    if not missing and not partial:
        return "Its last bytes are missing; every row is there."
    words = f"Its {counted(place, missing or partial)} {'is' if missing + partial == 1 else 'are'}"
    if not missing:
        return f"{words} missing in part."
    return f"{words} missing{f', and the {partial:,} beside them in part' if partial else ''}."


def counted(place: str, count: int) -> str:
    """Return "last 12 rows", or "last row"."""
    return place.replace(" {}", "").removesuffix("s") if count == 1 else place.format(f"{count:,}")
