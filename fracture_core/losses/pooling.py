"""Pooling of a study's films into one probability, in logarithms, for a loss per study.

A study is a bag of films with one label (multiple-instance learning, Dietterich et al. 1997). From
logits all terms stay finite for any finite logit: no probability is rounded to 0 or 1 before its
logarithm is taken. Sums run over a table of studies times films, since sums over segments depend
on the order of threads on some devices.
"""

from collections.abc import Sequence

import keras
import tensorflow as tf

ABSENT = -1e9  # logit of a film in the row of another study
SMALL = -15.0  # logit below which log softplus(z) is z in float32
UNITS = 32  # of the attention's two hidden layers: half of the narrowest network's features

Logs = tuple[tf.Tensor, tf.Tensor]  # log P and log(1 - P) of each study, float32 (studies,)


class Attention:
    """Gated attention of a film among those of its study (Ilse et al. 2018, equation 9).

    It weighs films while a network learns and is not part of it: a film's probability stays the
    network's own, and nothing that predicts needs the weights.

    Args:
        features: values that the network's output layer receives of a film.
        seed: of the initial weights.
    """

    def __init__(self, features: int, seed: int) -> None:
        def weights(name: str, rows: int, columns: int, number: int) -> keras.Variable:
            initial = keras.initializers.GlorotUniform(seed=seed + number)
            return keras.Variable(initial((rows, columns)), name=f"attention_{name}")

        self._content = weights("content", features, UNITS, 0)
        self._gate = weights("gate", features, UNITS, 1)
        self._score = weights("score", UNITS, 1, 2)

    @property
    def variables(self) -> Sequence[keras.Variable]:
        """Variables of the attention, in the order of a checkpoint."""
        return self._content, self._gate, self._score

    def scores(self, features: tf.Tensor) -> tf.Tensor:
        """Return scores, float32 (n,), of float32 (n, d) features; softmax makes them weights."""
        content = tf.tanh(features @ tf.convert_to_tensor(self._content))
        gate = tf.sigmoid(features @ tf.convert_to_tensor(self._gate))
        return ((content * gate) @ tf.convert_to_tensor(self._score))[:, 0]


def pooled(
    logits: tf.Tensor, members: tf.Tensor, pooling: str, scores: tf.Tensor | None = None
) -> Logs:
    """Return log P and log(1 - P) of each study.

    Args:
        logits: float32 (n,) of films.
        members: bool (studies, n), which films are a study's; one or more in each row.
        pooling: "maximum"; "mean"; "noisy_or", 1 - the product of (1 - p); or "attention", the mean
            weighted by the softmax of the scores within the study.
        scores: float32 (n,), for attention.
    """
    if pooling == "maximum":
        greatest = tf.reduce_max(tf.where(members, logits[None], ABSENT), axis=1)
        return tf.math.log_sigmoid(greatest), tf.math.log_sigmoid(-greatest)
    if pooling == "noisy_or":
        return _noisy_or(logits, members)
    values = tf.zeros_like(logits) if scores is None else scores  # the same weights: the mean
    weights = tf.nn.log_softmax(tf.where(members, values[None], ABSENT), axis=1)
    positive, negative = (
        tf.reduce_logsumexp(weights + tf.math.log_sigmoid(sign * logits)[None], axis=1)
        for sign in (1.0, -1.0)
    )
    return positive, negative


def _noisy_or(logits: tf.Tensor, members: tf.Tensor) -> Logs:
    """Return both logarithms by the sum h of softplus(z): log(1 - P) = -h, P = 1 - exp(-h).

    Where every film is certainly negative, h is too small for a float32, and its logarithm is
    summed instead; each `where` keeps the other branch's argument in its range, so that no gradient
    is a product of 0 and infinity.
    """
    summed = tf.reduce_sum(tf.where(members, tf.nn.softplus(logits)[None], 0.0), axis=1)
    low = logits < SMALL
    logs = tf.where(low, logits, tf.math.log(tf.nn.softplus(tf.where(low, SMALL, logits))))
    log_summed = tf.reduce_logsumexp(tf.where(members, logs[None], ABSENT), axis=1)
    tiny = summed < 1e-3  # log(1 - exp(-h)) = log h - h / 2 + h^2 / 24 - ...
    positive = tf.where(
        tiny,
        log_summed - summed / 2,
        tf.math.log(-tf.math.expm1(-tf.where(tiny, 1.0, summed))),
    )
    return positive, -summed


def smoothed(labels: tf.Tensor, smoothing: float) -> tf.Tensor:
    """Return labels of which a share is replaced by one half (Szegedy et al. 2016, section 7).

    Args:
        labels: float32, 0 to 1.
        smoothing: that share, 0 to 1; 0 changes no bit.
    """
    return labels * (1 - smoothing) + smoothing / 2 if smoothing else labels


def cross_entropies(labels: tf.Tensor, logs: Logs, smoothing: float = 0.0) -> tf.Tensor:
    """Return the binary cross-entropy of each study in nats, float32 (studies,).

    Args:
        labels: float32 (studies,), 0 or 1.
        logs: of `pooled`.
        smoothing: as in `smoothed`.
    """
    if not smoothing:
        return tf.where(labels > 0.5, -logs[0], -logs[1])
    targets = smoothed(labels, smoothing)
    return -(targets * logs[0] + (1 - targets) * logs[1])


class StudyLoss:
    """Loss per study of a network, with what is learned beside the network.

    Args:
        model: of `architectures.build`; its last layer is the dense one of the probability.
        pooling: as in `pooled`.
        seed: of the attention's initial weights.
        smoothing: share of each study's label replaced by one half.
    """

    mixes = False  # a mixed film has no study

    def __init__(self, model: keras.Model, pooling: str, seed: int, smoothing: float = 0.0) -> None:
        self._head = model.layers[-1]
        self._body = keras.Model(model.input, self._head.input)
        self._pooling, self._smoothing = pooling, smoothing
        width = self._head.kernel.shape[0]
        self._attention = Attention(width, seed) if pooling == "attention" else None

    @property
    def variables(self) -> Sequence[keras.Variable]:
        """Variables that are learned beside the network."""
        return self._attention.variables if self._attention else ()

    def __call__(
        self,
        films: tf.Tensor,
        labels: tf.Tensor,
        studies: tf.Tensor,
        class_weights: tuple[float, float] = (1.0, 1.0),
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Return the films' probabilities, the losses of their studies, and these weighted.

        Args:
            films: float32 (n, size, size, 1), 0 to 255.
            labels: float32 (n,), 0 or 1, of each film's study.
            studies: int32 (n,), the number of each film's study, from 0 without gaps.
            class_weights: of a negative and of a positive study.

        Returns:
            float32 (n,), and twice float32 (studies,).
        """
        features = self._body(films, training=True)
        kernel, bias = (tf.convert_to_tensor(each) for each in (self._head.kernel, self._head.bias))
        logits = (features @ kernel + bias)[:, 0]
        members = tf.equal(studies[None], tf.range(tf.reduce_max(studies) + 1)[:, None])
        scores = self._attention.scores(features) if self._attention else None
        own = tf.reduce_max(tf.where(members, labels[None], 0.0), axis=1)
        logs = pooled(logits, members, self._pooling, scores)
        losses, (negative, positive) = cross_entropies(own, logs, self._smoothing), class_weights
        return tf.sigmoid(logits), losses, losses * tf.where(own > 0.5, positive, negative)
