"""CLAIM's items for a paper about a model, filled from the model's card.

The Checklist for Artificial Intelligence in Medical Imaging: Mongan, Moy and Kahn, Radiology:
Artificial Intelligence 2020, 2(2):e200029; 42 items, here in our own words. An item that a card
answers names the fields of the card that the answer comes from, and is empty without one of them.
Everything else is for the authors to say.
"""

import io
from collections.abc import Callable, Iterator, Mapping
from csv import DictWriter
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from fracture_core.models.model_card import Card
from fracture_core.networks import network_size
from fracture_core.reports import claim_answers
from fracture_core.words import cell


class State(StrEnum):
    """State of an item: who answers it."""

    FILLED = "filled"
    AUTHORS = "you must say"
    NOT_APPLICABLE = "not applicable"


@dataclass(frozen=True, kw_only=True)
class Item:
    """One item of the checklist.

    Args:
        number: of CLAIM 2020, from 1 to 42.
        section: of the paper.
        asks: what the item asks for.
        state: who answers it.
        answer: the card's answer, or the part of it that the card knows; "" without one.
        fields: of the card that the answer comes from, as "card.training.images".
    """

    number: int
    section: str
    asks: str
    state: State
    answer: str = ""
    fields: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class _Rule:
    """Source of one item's answer.

    Args:
        asks: what the item asks for.
        fields: of the card, without "card."; all must be there for an answer.
        answer: makes the answer's words; `None` where only the authors know.
        is_partial: whether the authors must add to the answer.
        is_of_people: whether it asks about patients, readers or sites, which synthetic films lack.
    """

    asks: str
    fields: tuple[str, ...] = ()
    answer: Callable[[Card], str] | None = None
    is_partial: bool = False
    is_of_people: bool = False


def items(card: Mapping[str, Any]) -> list[Item]:
    """Return the checklist of a model, 42 items in order.

    Args:
        card: of the model, as `Card.to_dict` gives it; fields may be missing.

    Raises:
        ConfigError: a field of the card has the wrong type or is out of range.
    """
    # A card needs both; where one is missing, no answer is made of it.
    known = Card.from_dict({"name": "", "architecture": next(iter(network_size.SHAPES)), **card})
    return [
        _item(number, section, rule, card, known)
        for number, (section, rule) in enumerate(_numbered(), 1)
    ]


def _item(number: int, section: str, rule: _Rule, card: Mapping[str, Any], known: Card) -> Item:
    fields: tuple[str, ...]
    if rule.is_of_people and known.synthetic:
        words = "The films are synthetic: there are no patients, readers or sites."
        answer, fields, state = words, ("training.synthetic",), State.NOT_APPLICABLE
    elif number == ENSEMBLING and not known.members and _is_there(card, "architecture"):
        answer, fields, state = "A single network.", ("members",), State.NOT_APPLICABLE
    elif rule.answer and all(_is_there(card, field) for field in rule.fields):
        answer, fields = rule.answer(known), rule.fields
        state = State.AUTHORS if rule.is_partial else State.FILLED
    else:
        answer, fields, state = "", (), State.AUTHORS
    return Item(
        number=number,
        section=section,
        asks=rule.asks,
        state=state,
        answer=answer,
        fields=tuple(f"card.{field}" for field in fields),
    )


def _is_there(card: Mapping[str, Any], field: str) -> bool:
    """Return whether a field, named with dots, is there and not empty; 0 and False are values."""
    value: Any = card
    for key in field.split("."):
        if not isinstance(value, Mapping) or key not in value:
            return False
        value = value[key]
    return value is not None and value != "" and value != {}


def markdown(model: str, listed: list[Item]) -> str:
    """Return the checklist as a Markdown document, with a table a section.

    Args:
        model: the model's name.
        listed: of `items`.
    """
    lines = [f"# CLAIM checklist of {_escaped(model)}", "", SOURCE, ""]
    for section in dict.fromkeys(item.section for item in listed):
        lines += [f"## {section}", "", "| Item | Asks for | State | Answer | From |"]
        lines += ["|---|---|---|---|---|"]
        for item in (item for item in listed if item.section == section):
            words = (item.asks, str(item.state), item.answer, ", ".join(item.fields))
            lines.append(f"| {item.number} | {' | '.join(map(_escaped, words))} |")
        lines.append("")
    return "\n".join(lines)


def rows(listed: list[Item]) -> list[dict[str, object]]:
    """Return a row of cells per item, for a table or CSV file; see `words.cell`."""
    return [
        {
            "item": item.number,
            "section": item.section,
            "asks for": item.asks,
            "state": str(item.state),
            "answer": cell(item.answer),
            "from": cell(", ".join(item.fields)),
        }
        for item in listed
    ]


def csv(listed: list[Item]) -> str:
    """Return the checklist as CSV; see `rows`."""
    lines = rows(listed)
    content = io.StringIO()
    writer = DictWriter(content, lines[0].keys(), lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    return content.getvalue()


SOURCE = (
    "After CLAIM 2020 (Mongan, Moy and Kahn, Radiology: Artificial Intelligence 2(2):e200029), in "
    "our own words. Answers come from the model's card; check each before you publish it."
)


def _escaped(text: str) -> str:
    """Return text for a cell of a Markdown table: on one line, and without markup."""
    marked = "".join(f"\\{sign}" if sign in "\\`*_[]<>|#!$~" else sign for sign in text)
    return " ".join(marked.split())


# --- the items ----------------------------------------------------------------------------------

ENSEMBLING = 27  # number of the item about ensembles
_COUNTS = ("training.images", "training.studies")
SECTIONS: Mapping[str, tuple[_Rule, ...]] = {
    "Title and abstract": (
        _Rule(asks="A title that names the kind of artificial intelligence"),
        _Rule(asks="A structured abstract: design, methods, results, conclusions"),
    ),
    "Introduction": (
        _Rule(asks="Scientific and clinical background, intended use and clinical role"),
        _Rule(asks="Objectives and hypotheses"),
    ),
    "Methods: design and data": (
        _Rule(asks="Prospective or retrospective", is_of_people=True),
        _Rule(asks="Goal of the study, such as a model, a feasibility study or a comparison"),
        _Rule(
            asks="Sources of the data",
            fields=("training.root", "training.kind", "training.hash", "training.images"),
            answer=claim_answers.sources,
        ),
        _Rule(asks="Eligibility: how, where and when patients were chosen", is_of_people=True),
        _Rule(
            asks="Preprocessing of the images",
            fields=("recipe",),
            answer=claim_answers.preprocessing,
        ),
        _Rule(
            asks="Selection of subsets of the data",
            fields=("parts", "training.images"),
            answer=claim_answers.subsets,
        ),
        _Rule(
            asks="Definition of the data elements",
            fields=("label_meaning",),
            answer=lambda card: card.label_meaning,
        ),
        _Rule(asks="De-identification", is_of_people=True),
        _Rule(
            asks="Handling of missing data",
            fields=("recipe.missing_rows_percent",),
            answer=claim_answers.missing_data,
        ),
    ),
    "Methods: reference standard": (
        _Rule(
            asks="Definition of the reference standard",
            fields=("label_meaning",),
            answer=lambda card: card.label_meaning,
            is_partial=True,
        ),
        _Rule(asks="Reason for this reference standard"),
        _Rule(asks="Who annotated, with which qualifications", is_of_people=True),
        _Rule(asks="Tools of annotation", is_of_people=True),
        _Rule(asks="Variability between and within readers", is_of_people=True),
    ),
    "Methods: partitions": (
        _Rule(
            asks="Intended sample size, and how it was determined",
            fields=_COUNTS,
            answer=claim_answers.sizes,
            is_partial=True,
        ),
        _Rule(asks="Assignment of data to partitions", fields=_COUNTS, answer=claim_answers.sizes),
        _Rule(
            asks="Level at which partitions are disjoint",
            fields=(*_COUNTS, "training.kind"),
            answer=claim_answers.partitions,
        ),
    ),
    "Methods: model and training": (
        _Rule(
            asks="The model: inputs, outputs, layers",
            fields=("architecture", "options", "recipe.size"),
            answer=claim_answers.network,
        ),
        _Rule(
            asks="Software and its versions", fields=("versions",), answer=claim_answers.software
        ),
        _Rule(
            asks="Initial values of the parameters",
            fields=("command",),
            answer=claim_answers.initialization,
        ),
        _Rule(asks="Details of training", fields=("command",), answer=claim_answers.training),
        _Rule(
            asks="Selection of the final model",
            fields=("epoch", "metrics"),
            answer=claim_answers.selection,
        ),
        _Rule(
            asks="Ensembling",
            fields=("members", "architecture"),
            answer=lambda card: f"{card.network}.",
        ),
    ),
    "Methods: evaluation": (
        _Rule(
            asks="Measures of performance",
            fields=("metrics", "threshold", "threshold_origin"),
            answer=claim_answers.measures,
        ),
        _Rule(
            asks="Measures of uncertainty", fields=("metrics",), answer=claim_answers.uncertainty
        ),
        _Rule(asks="Robustness or sensitivity analysis"),
        _Rule(asks="Methods of explanation, and whether they were validated"),
        _Rule(asks="Test on external data"),
    ),
    "Results": (
        _Rule(
            asks="Flow of cases, with those left out",
            fields=(*_COUNTS, "parts"),
            answer=lambda card: f"{claim_answers.sizes(card)} {claim_answers.subsets(card)}",
        ),
        _Rule(asks="Demographic and clinical facts of each partition", is_of_people=True),
        _Rule(
            asks="Performance on all partitions",
            fields=("metrics",),
            answer=claim_answers.performance,
        ),
        _Rule(
            asks="Diagnostic accuracy and its precision",
            fields=("metrics",),
            answer=claim_answers.accuracy,
        ),
        _Rule(
            asks="Analysis of wrong predictions",
            fields=("metrics",),
            answer=claim_answers.failures,
            is_partial=True,
        ),
    ),
    "Discussion": (
        _Rule(
            asks="Limitations",
            fields=("label_meaning",),
            answer=claim_answers.limitations,
            is_partial=True,
        ),
        _Rule(asks="Implications for practice, intended use"),
    ),
    "Other information": (
        _Rule(asks="Registration number and registry", is_of_people=True),
        _Rule(
            asks="Where protocol, data and code can be found",
            fields=("command",),
            answer=lambda card: f"The model is trained again by: {card.command}",
            is_partial=True,
        ),
        _Rule(asks="Funding, and the role of funders"),
    ),
}


def _numbered() -> Iterator[tuple[str, _Rule]]:
    for section, rules in SECTIONS.items():
        for rule in rules:
            yield section, rule
