"""Checkers of chapter 1, classification types."""

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction

import torch
import torch.nn.functional as F

from companion.checks._compare import Verdict, compare, normal

ROUNDED = 5e-4  # an answer may be rounded to three decimals


def cross_entropy(answer: Callable) -> Verdict:
    """Check `answer(logits, labels)`: the cross-entropy of each picture, (N, K) and (N,) int64 → (N,), stable."""

    def reference(logits, labels):
        return F.cross_entropy(logits, labels, reduction="none")

    mistakes = {
        "the mean over the pictures: here each keeps its own loss": lambda z, y: reference(z, y).mean(),
        "a softmax of the softmax": lambda z, y: reference(z.softmax(1), y),
        "the logarithm without its minus": lambda z, y: -reference(z, y),
        "the softmax over the pictures (dim=0) instead of the classes": lambda z, y: (
            -z.log_softmax(0).gather(1, y[:, None])[:, 0]
        ),
        "the loss of K sigmoids, one for each class": lambda z, y: multilabel_reference(
            z, F.one_hot(y, z.shape[1]).to(z)
        ),
        "the log-sum-exp alone: the label's own logit must be subtracted": lambda z, y: z.logsumexp(1),
        "the losses of all classes: only the label's counts": lambda z, y: -z.log_softmax(1),
    }
    generator = torch.Generator().manual_seed(11)
    cases = [
        (normal(generator, n, k) * scale, torch.randint(k, (n,), generator=generator))
        for n, k, scale in [(5, 3, 2), (2, 10, 1), (4, 7, 500)]  # e to the 500 and more is no float64
    ]
    remedy = "Large logits overflow: subtract the largest logit of each row first."
    return _finite(answer, reference, cases, mistakes, remedy)


def multilabel_reference(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """The sum over the classes of the binary cross-entropies, (N, K) and (N, K) → (N,)."""
    return F.binary_cross_entropy_with_logits(logits, targets, reduction="none").sum(1)


def multilabel_loss(answer: Callable) -> Verdict:
    """Check `answer(logits, targets)`: K binary cross-entropies added up, (N, K) and (N, K) → (N,), stable."""

    reference = multilabel_reference
    mistakes = {
        "the mean over the classes instead of their sum": lambda z, y: reference(z, y) / z.shape[1],
        "the sum over the pictures: each keeps its own loss": lambda z, y: reference(z.T, y.T),
        "the mean over everything": lambda z, y: reference(z, y).mean() / z.shape[1],
        "only the classes that are there: those that are not cost something, too": lambda z, y: (
            F.softplus(-z) * y
        ).sum(1),
        "softmax where each class has a sigmoid of its own": lambda z, y: -(y * z.log_softmax(1)).sum(1),
        "the targets exchanged, 0 for 1": lambda z, y: reference(z, 1 - y),
        "the sigmoid of the sigmoid": lambda z, y: reference(z.sigmoid(), y),
        "the losses before they are summed over the classes": lambda z, y: F.binary_cross_entropy_with_logits(
            z, y, reduction="none"
        ),
    }
    generator = torch.Generator().manual_seed(13)
    cases = [
        (normal(generator, n, k) * scale, (normal(generator, n, k) > 0).double())
        for n, k, scale in [(4, 3, 2), (2, 10, 1), (3, 5, 500)]
    ]
    remedy = "Large logits overflow: write ln(1 + e^z) as max(z, 0) + ln(1 + e^−|z|)."
    return _finite(answer, reference, cases, mistakes, remedy)


def _finite(answer: Callable, reference: Callable, cases: Sequence[tuple], mistakes: dict, remedy: str) -> Verdict:
    """As `compare`; where the answer had a nan or an infinity in it, the verdict says what helps."""
    strayed = []

    def watched(*arguments):
        result = answer(*arguments)
        if torch.is_tensor(result) and not result.isfinite().all():
            strayed.append(result)
        return result

    verdict = compare(watched, reference, cases, mistakes)
    if verdict or not strayed:
        return verdict
    return Verdict(False, f"{verdict.message} Some of its numbers are nan or infinite. {remedy}")


def f1_per_class(answer: Callable) -> Verdict:
    """Check `answer(predicted, target)`: F1 of each class, two (N, K) of 0 and 1 → (K,); 0 where it is 0/0."""

    def counts(predicted, target, dim=0):
        hits = (predicted * target).sum(dim)
        return hits, predicted.sum(dim), target.sum(dim)

    def reference(predicted, target, dim=0):
        hits, said, there = counts(predicted, target, dim)
        return 2 * hits / (said + there).clamp(min=1)

    def precision(predicted, target):
        hits, said, _ = counts(predicted, target)
        return hits / said.clamp(min=1)

    def micro(predicted, target):
        hits, said, there = (number.sum() for number in counts(predicted, target))
        return 2 * hits / (said + there)

    mistakes = {
        "the precision": precision,
        "the recall": lambda p, y: precision(y, p),
        "the arithmetic mean of precision and recall: F1 is the harmonic one": lambda p, y: (
            (precision(p, y) + precision(y, p)) / 2
        ),
        "the accuracy of each class": lambda p, y: (p == y).double().mean(0),
        "F1 of each picture (a sum over the classes) instead of each class": lambda p, y: reference(p, y, dim=1),
        "the mean of the F1s (macro): here each class keeps its own": lambda p, y: reference(p, y).mean(),
        "one F1 of all decisions together (micro)": micro,
        "hits over hits and mistakes without the 2 (that is the Jaccard index)": lambda p, y: (
            (p * y).sum(0) / torch.maximum(p, y).sum(0).clamp(min=1)
        ),
    }
    generator = torch.Generator().manual_seed(17)
    cases = []
    for n, k in [(12, 4), (30, 10), (7, 3)]:
        target = (normal(generator, n, k) > 0.5).double()
        predicted = torch.where(normal(generator, n, k) > 0.8, 1 - target, target)
        cases.append((predicted, target))
    cases[-1][0][:, 1] = cases[-1][1][:, 1] = 0  # a class that is nowhere and is never said
    return _finite(answer, reference, cases, mistakes, "A class that is never said and never there gives 0/0.")


WEIGHTS = ("1/5", "1/4", "1/3", "1/2", "2", "3", "4", "5", "6")


@dataclass(frozen=True)
class HeadQuestion:
    """Four logits that are logarithms of simple numbers, for paper. The same seed asks the same question.

    e^z are the weights; softmax is a weight by the sum of all, and a sigmoid a/(1 + a).
    """

    weights: tuple[str, ...]
    threshold: float

    @classmethod
    def from_seed(cls, seed: int) -> "HeadQuestion":
        draw = random.Random(seed)
        while True:  # until the decisions of the two heads differ, and thresholds matter
            question = cls(tuple(draw.sample(WEIGHTS, 4)), draw.choice([0.6, 0.7, 0.78]))
            over_half = [k for k, a in enumerate(question._odds) if a > 1]
            if len(question.chosen) >= 2 and question.chosen != over_half:
                return question

    @property
    def _odds(self) -> list[Fraction]:
        return [Fraction(weight) for weight in self.weights]

    @property
    def softmax(self) -> list[float]:
        return [float(a / sum(self._odds)) for a in self._odds]

    @property
    def sigmoids(self) -> list[float]:
        return [float(a / (1 + a)) for a in self._odds]

    @property
    def chosen(self) -> list[int]:
        return [k for k, p in enumerate(self.sigmoids) if p >= self.threshold]

    def __repr__(self) -> str:
        logits = ", ".join(f"ln {weight}" for weight in self.weights)
        return f"Four logits: {logits}. Threshold of each class: {self.threshold}."

    def check(
        self, choice: int | None, probability: float | None, sigmoid: float | None, chosen: Sequence[int] | None
    ) -> Verdict:
        """Compare the argmax, its softmax, its sigmoid (both to three decimals) and the classes at or above the
        threshold, counted from 0, in this order."""
        odds = self._odds
        largest = odds.index(max(odds))
        a, total = odds[largest], sum(odds)
        over_half = [k for k, p in enumerate(self.sigmoids) if p >= 0.5]
        by_softmax = [k for k, p in enumerate(self.softmax) if p >= self.threshold]
        sigmoid_words = f"e^z/(1 + e^z) with e^z = {a}"
        questions = (
            ("choice", choice, largest, "the index of the largest logit, counted from 0", [
                (largest + 1, "counted from 0"),
            ]),
            ("probability", probability, float(a / total), f"{a} by the sum of all four weights, {total}", [
                (float(a / (1 + a)), "that is the sigmoid: here the four compete"),
                (float(a), "divide by the sum"),
                (float(a / (total - a)), "the largest belongs into the sum, too"),
            ]),
            ("sigmoid", sigmoid, float(a / (1 + a)), sigmoid_words, [
                (float(a / total), "that is the softmax: here the class stands alone"),
                (float(1 / (1 + a)), "that is the probability of no"),
            ]),
            ("chosen", chosen, self.chosen, f"the classes whose sigmoid is at least {self.threshold}", [
                (over_half, "these are at or above 0.5"),
                ([largest], "more than one may be chosen"),
                (by_softmax, "thresholds are for sigmoids, not for the softmax"),
                ([k + 1 for k in self.chosen], "counted from 0"),
            ]),
        )  # fmt: skip
        return _judge(questions, "Choice, both probabilities and the set agree.")


@dataclass(frozen=True)
class MetricsQuestion:
    """A table of hits and misses of one yes/no question, for paper. The same seed asks the same question."""

    true_positives: int
    false_positives: int
    false_negatives: int
    true_negatives: int

    @classmethod
    def from_seed(cls, seed: int) -> "MetricsQuestion":
        draw = random.Random(seed)
        while True:  # until precision and recall differ
            question = cls(draw.randint(5, 20), draw.randint(1, 15), draw.randint(1, 15), 10 * draw.randint(8, 30))
            if question.false_positives != question.false_negatives:
                return question

    def __repr__(self) -> str:
        return (
            f"{self.true_positives} pictures are it and were called it, {self.false_negatives} are and were missed,\n"
            f"{self.false_positives} are not and were called it, {self.true_negatives} are not and were not."
        )

    def check(self, accuracy: float | None, precision: float | None, recall: float | None, f1: float | None) -> Verdict:
        """Compare the four fractions, from 0 to 1 and to three decimals, in this order."""
        hits, false_alarms, missed, rest = (
            self.true_positives, self.false_positives, self.false_negatives, self.true_negatives,
        )  # fmt: skip
        total = hits + false_alarms + missed + rest
        right_precision, right_recall = hits / (hits + false_alarms), hits / (hits + missed)
        questions = (
            ("accuracy", accuracy, (hits + rest) / total, f"({hits} + {rest})/{total}", [
                (hits / total, "the right noes are right answers, too"),
                (100 * (hits + rest) / total, "as a fraction, not in per cent"),
                (1 - (hits + rest) / total, "that is the error"),
            ]),
            ("precision", precision, right_precision, f"{hits}/({hits} + {false_alarms})", [
                (right_recall, "that is the recall: divide by what was called it"),
            ]),
            ("recall", recall, right_recall, f"{hits}/({hits} + {missed})", [
                (right_precision, "that is the precision: divide by what is it"),
                (rest / (rest + false_alarms), "that is the share of the noes that were found"),
            ]),
            ("f1", f1, 2 * hits / (2 * hits + false_alarms + missed),
             f"2·{hits}/(2·{hits} + {false_alarms} + {missed})", [
                ((right_precision + right_recall) / 2, "the harmonic mean, not the arithmetic one"),
                (hits / (hits + false_alarms + missed), "the 2 is missing: that is the Jaccard index"),
                (right_precision * right_recall / (right_precision + right_recall), "the 2 is missing"),
            ]),
        )  # fmt: skip
        return _judge(questions, "All four agree.")


def _judge(questions: Sequence[tuple], praise: str) -> Verdict:
    """Compare (name, given, expected, how, mistakes) in order, and stop at the first that is wrong."""
    for name, given, expected, how, mistakes in questions:
        if given is None or given is Ellipsis:
            return Verdict(False, f"{name} has no answer yet.")
        if not _equal(given, expected):
            hint = next((f" Perhaps: {words}." for wrong, words in mistakes if _equal(given, wrong)), "")
            shown = f"{expected:.3f}" if isinstance(expected, float) else expected
            return Verdict(False, f"{name} is {how}: expected {shown}, got {given!r}.{hint}")
    return Verdict(True, praise)


def _equal(given, expected) -> bool:
    if hasattr(given, "tolist"):
        given = given.tolist()
    if isinstance(expected, list):
        return isinstance(given, (list, tuple, set)) and sorted(map(str, given)) == sorted(map(str, expected))
    if isinstance(given, bool) or not isinstance(given, (int, float)):
        return False
    return given == expected if isinstance(expected, int) else math.isclose(given, expected, rel_tol=0, abs_tol=ROUNDED)


def head_question(seed: int) -> HeadQuestion:
    """Fresh logits to work out on paper: argmax, softmax, sigmoid, the set over the threshold."""
    return HeadQuestion.from_seed(seed)


def metrics_question(seed: int) -> MetricsQuestion:
    """Fresh counts to work out on paper: accuracy, precision, recall, F1."""
    return MetricsQuestion.from_seed(seed)
