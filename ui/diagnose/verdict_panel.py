"""The verdict on a study: warnings in one box, one large sentence, and a line about it."""

from dataclasses import dataclass, field, replace

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from fracture_core.models.model import Model
from fracture_core.prediction import caveats
from fracture_core.study_sorting import uploads
from fracture_core.verdicts import verdict_words
from fracture_core.words import plural, short
from ui.cache import study_cache
from ui.diagnose import answer, doubts
from ui.diagnose.intake import StudyInput
from ui.diagnose.reading import Reading
from ui.shared import theme
from ui.shell import state


@dataclass(frozen=True, kw_only=True)
class Head:
    """The places from the top to the films; what is filled in later moves nothing below.

    They are containers, whose content stays until it is replaced: `st.empty` is empty when a
    drawing begins, and the films would jump.

    Args:
        study: of the choice of one of several studies.
        warnings: of the box.
        headline: of the sentence, and of progress before it.
        films: of the viewer.
        caveats: sentences against the model.
        replaceable: the content of `warnings` and `headline`, once progress was shown there.
    """

    study: DeltaGenerator
    warnings: DeltaGenerator
    headline: DeltaGenerator
    films: DeltaGenerator
    caveats: tuple[str, ...]
    replaceable: list[DeltaGenerator] = field(default_factory=list)

    def write(self, sentence: str, line: str, warnings: tuple[str, ...] = ()) -> None:
        """Write the sentence and the line below it, under the caveats and more warnings."""
        box, place = self.replaceable or (self.warnings, self.headline)
        self._warn(box, warnings)
        with place.container():
            st.title(sentence, anchor=False)
            st.markdown(line)

    def progress(self, share: float, words: str, left: str) -> None:
        """Show the share of the films that are done in the place of the sentence."""
        if not self.replaceable:
            self.replaceable.extend([self.warnings.empty(), self.headline.empty()])
            self._warn(self.replaceable[0])
        place = self.replaceable[1].container()
        place.title(words, anchor=False)
        place.progress(share, left)

    def _warn(self, box: DeltaGenerator, more: tuple[str, ...] = ()) -> None:
        if sentences := [*map(theme.plain, self.caveats), *more]:
            lines = "  \n".join(f":small[{sentence}]" for sentence in sentences)
            box.warning(lines, icon=":material/warning:")


def head(model: Model, threshold: float, study: StudyInput) -> Head:
    """Reserve the places above the films of a study."""
    place = st.container()
    with st.container(gap=None):
        warnings, headline = st.container(), st.container()
    return Head(
        study=place,
        warnings=warnings,
        headline=headline,
        films=st.container(),
        caveats=caveats.warnings(model, threshold, study.real),
    )


def threshold_slider(model: Model) -> float:
    """Draw the threshold slider, in the address; by default the card's own threshold."""
    own = float(model.card.threshold)
    in_address = st.query_params.get(state.THRESHOLD)
    if in_address is not None and not _is_share(in_address):
        st.warning(
            f"A threshold is a number from 0 to 1; received {theme.plain(short(in_address))}. "
            f"Using the model's own, {own:.2f}."
        )
    return st.slider(
        "Threshold",
        0.0,
        1.0,
        own,
        0.01,
        key=state.THRESHOLD,
        bind="query-params",
        help=f"A film is positive when its score is greater. This model's own is {own:.2f}, "
        f"{theme.plain(model.card.threshold_origin)}.",
    )


def _is_share(text: str) -> bool:
    try:
        return 0.0 <= float(text) <= 1.0
    except ValueError:
        return False


def show(reading: Reading, head: Head) -> None:
    """Show the verdict in one large sentence, and in a line what it rests on."""
    if not reading.prediction.films:  # no verdict, nothing to be careful about
        head = replace(head, caveats=())
    head.write(_sentence(reading), _line(reading), doubts.warnings(reading))


def _sentence(reading: Reading) -> str:
    """The headline: "▲ The model finds a fracture (2 of 3 films)"."""
    prediction, verdict = reading.prediction, reading.verdict
    if verdict is None:
        return doubts.no_verdict(prediction)
    mark = f":orange[{theme.FRACTURE}]" if verdict else f":blue[{theme.NO_FRACTURE}]"
    positive = len(prediction.deciding(reading.threshold))
    return f"{mark} {verdict_words.headline(verdict, positive, len(prediction.probabilities))}"


def _line(reading: Reading) -> str:
    """The study, the OR rule on its films, films that do not count, and the data's label."""
    study, prediction = reading.study, reading.prediction
    words = [_name(study)]
    if reading.verdict is not None:
        names = [theme.plain(name) for name in prediction.deciding(reading.threshold)]
        words.append(verdict_words.or_rule(verdict_words.first(names), reading.threshold))
    if prediction.films:
        words.append(doubts.uncounted(prediction))
    if reading.verdict is not None:
        words.append(answer.line(reading))
    if prediction.films and reading.verdict is None:
        words.append("Include films below for a verdict all the same.")
    if prediction.altered:
        count = len(prediction.altered)
        were = "was" if count == 1 else "were"
        words.append(f"**{plural(count, 'film')} {were} altered by hand.**")
    if study.label is not None and reading.verdict is not None:
        mark, right = theme.mark(bool(study.label)), reading.verdict == bool(study.label)
        words.append(verdict_words.beside_label(mark, right, bool(prediction.altered)))
        if overlap := study_cache.training_overlap(reading.reference, study.patient).words:
            words.append(f"**{overlap}**")
    return " ".join(filter(None, words))


def _name(study: StudyInput) -> str:
    """The study's name, with its badge; "" for films that were dropped without a folder."""
    badge = f" {theme.synthetic_badge()}" if study.key and not study.real else ""
    if study.patient:
        return f"**{theme.plain(study.study)} of {theme.plain(study.patient)}**{badge} ·"
    return "" if study.study == uploads.ALONE else f"**{theme.plain(study.study)}** ·"
