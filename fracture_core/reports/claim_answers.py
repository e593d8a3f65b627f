"""Words of a model's card that answer an item of CLAIM."""

from collections.abc import Iterator

from fracture_core.config.setting_table import settings
from fracture_core.models.model_card import Card
from fracture_core.networks import network_size
from fracture_core.verdicts.closed_intervals import Proportion
from fracture_core.verdicts.metrics import Summary
from fracture_core.words import plural, short

ROLES = ("dev", "valid", "test")  # with figures on a card, in this order
LEVELS = ("images", "studies")


def sources(card: Card) -> str:
    """Return where the training films come from, and how many there are."""
    data = card.data
    kind = "synthetic films" if data.synthetic else "films"
    films = sum(data.images.values())
    return (
        f"{data.root} ({kind}, layout {data.kind}, {films:,} films; hash of the list of films "
        f"{data.hash})."
    )


def preprocessing(card: Card) -> str:
    """Return how a film becomes pixels."""
    recipe = card.recipe
    shape = "padded with black to a square" if recipe.fit == "pad" else "squashed into a square"
    pixels = "averaged over their area" if recipe.resample == "area" else "the nearest one kept"
    return (
        f"Each film in grey, {shape} of {recipe.size} x {recipe.size} px, pixels {pixels}, "
        "values divided by 255."
    )


def subsets(card: Card) -> str:
    """Return the parts and studies that training was limited to."""
    parts = f"Body parts: {', '.join(card.parts)}." if card.parts else "All body parts of the data."
    if chosen := card.data.selection:
        parts = f"{parts} Training only on the selection {short(chosen['name'])}."
    excluded = card.data.excluded
    if not excluded:
        return f"{parts} No film was left out by hand."
    return f"{parts} {plural(excluded['films'], 'film')} left out by hand."


def missing_data(card: Card) -> str:
    """Return what happens to films that are cut short or unreadable."""
    return (
        f"A film cut short is used up to {card.recipe.missing_rows_percent:g} % missing rows, "
        "which are black; films that cannot be read are left out and listed."
    )


def sizes(card: Card) -> str:
    """Return how many films and studies each split has."""
    data = card.data
    counts = (
        f"{role}: {plural(data.images[role], 'film')} of "
        f"{plural(data.studies.get(role, 0), 'study')}"
        for role in ("train", *ROLES)
        if role in data.images
    )
    return "; ".join(counts) + "."


def partitions(card: Card) -> str:
    """Return the sizes of the splits, and how they were drawn."""
    return f"{sizes(card)} {card.data.split_words}"


def network(card: Card) -> str:
    """Return the network and its number of parameters."""
    counts = (
        network_size.of(name, card.recipe.size, options).parameters
        for name, options in card.networks
    )
    return (
        f"{card.network}: convolutional, {sum(counts):,} parameters. Input "
        f"{card.recipe.size} x {card.recipe.size} px in grey; output the probability of a positive "
        "label per film."
    )


def software(card: Card) -> str:
    """Return the versions of the programs."""
    return ", ".join(f"{name} {version}" for name, version in card.versions.items()) + "."


def initialization(card: Card) -> str:
    """Return how the weights began."""
    words = card.command.split()
    if "--weights" in words:
        return "Weights of a file that the training command names."
    if start := card.data.start:
        fresh = ", ".join(start["fresh"]) or "none"
        return (
            f"Weights of {start['run']}@{start['epoch']} in {len(start['loaded'])} layers "
            f"({', '.join(start['loaded'])}); random in the others ({fresh})."
        )
    seed = settings()["seed"].default
    return f"Random, by the seed of the training command ({seed} unless it names one)."


def training(card: Card) -> str:
    """Return the command that trains it again."""
    pooling = card.training.get("pooling")
    loss = f" The loss is one per study, whose films are pooled by {pooling}." if pooling else ""
    own = [setting for path, setting in settings().items() if path in card.training]
    used = [
        f" {each.label}: {each.words(card.training[each.path])}."
        for each in own
        if each.group == "regularization"
    ]
    command = f"{card.command} (settings not named there have their defaults)."
    return "".join([command, loss, *used])


def selection(card: Card) -> str:
    """Return how the epoch was chosen."""
    if "dev" in card.metrics:
        return f"{card.network}. {card.dev_words}"
    return f"{card.network}. {card.no_dev_words}."


def measures(card: Card) -> str:
    """Return the figures that are given, and the threshold."""
    return (
        "Accuracy, sensitivity, specificity, Cohen's kappa and AUROC, by film and by study; a "
        f"study is positive if any of its films is. Threshold {card.threshold:g}, "
        f"{card.threshold_origin or 'of unknown origin'}."
    )


def uncertainty(card: Card) -> str:
    """Return the methods behind the intervals."""
    return (
        "95 % intervals: of proportions by Wilson, in evaluations by bootstrap over patients "
        "(2,000 resamples)."
    )


def performance(card: Card) -> str:
    """Return accuracies beside the majority guess."""
    return " ".join(
        f"{role}, {level}: accuracy {_share(each.accuracy)}; always guessing the majority "
        f"{_share(each.majority)}."
        for role, level, each in _summaries(card)
    )


def accuracy(card: Card) -> str:
    """Return sensitivities and specificities."""
    return " ".join(
        f"{role}, {level}: sensitivity {_share(each.sensitivity)}, specificity "
        f"{_share(each.specificity)}."
        for role, level, each in _summaries(card)
    )


def failures(card: Card) -> str:
    """Return how many studies were missed and how many called falsely."""
    return " ".join(
        f"{role}: of {plural(each.n, 'study')} {each.confusion.fn:,} missed and "
        f"{each.confusion.fp:,} false alarms."
        for role, level, each in _summaries(card)
        if level == "studies"
    )


def limitations(card: Card) -> str:
    """Return what is known against the model."""
    known = ["Not a medical device."]
    known += ["Trained on synthetic films only."] * card.synthetic
    known += [card.label_meaning]
    return " ".join(known)


def _summaries(card: Card) -> Iterator[tuple[str, str, Summary]]:
    """Yield (role, level, figures) of a card, in a fixed order."""
    for role in ROLES:
        for level in LEVELS:
            if values := card.metrics.get(role, {}).get(level):
                yield role, level, Summary.from_dict(values)


def _share(value: Proportion | None) -> str:
    if value is None or value.value is None:
        return "unknown"
    return f"{value.value:.3f} ({value.low:.3f} to {value.high:.3f}, n = {value.n:,})"
