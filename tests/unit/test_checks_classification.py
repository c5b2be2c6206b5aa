"""The checkers of chapter 1: the solution passes, typical wrong answers fail, and the likely mistake is named."""

import math
from fractions import Fraction

import checkers
import pytest
import torch
from torch import nn

from companion import checks


def right_cross_entropy(logits, labels):
    shifted = logits - logits.amax(1, keepdim=True)
    return shifted.exp().sum(1).log() - shifted[torch.arange(len(labels)), labels]


def right_multilabel_loss(logits, targets):
    return (logits.clamp(min=0) - logits * targets + torch.log1p((-logits.abs()).exp())).sum(1)


def right_f1(predicted, target):
    hits = (predicted * target).sum(0)
    mistakes = (predicted != target).sum(0)
    return 2 * hits / (2 * hits + mistakes).clamp(min=1)


SOLUTIONS = {
    "cross_entropy": right_cross_entropy,
    "multilabel_loss": right_multilabel_loss,
    "f1_per_class": right_f1,
}


def naive_cross_entropy(logits, labels):
    powers = logits.exp()
    return -(powers[torch.arange(len(labels)), labels] / powers.sum(1)).log()


def naive_multilabel_loss(logits, targets):
    p = 1 / (1 + (-logits).exp())
    return -(targets * p.log() + (1 - targets) * (1 - p).log()).sum(1)


# checker: wrong answer and a word that its verdict must contain
WRONG = [
    ("cross_entropy", lambda z, y: torch.zeros(len(y)), "expected"),
    ("cross_entropy", lambda z, y: right_cross_entropy(z, y) + 1e-4, "expected"),
    ("cross_entropy", lambda z, y: right_cross_entropy(z, y).roll(1), "expected"),
    ("cross_entropy", lambda z, y: right_cross_entropy(z, (y - 1) % z.shape[1]), "expected"),
    ("cross_entropy", lambda z, y: right_cross_entropy(z, y).mean(), "mean"),
    ("cross_entropy", lambda z, y: right_cross_entropy(z.softmax(1), y), "softmax of the softmax"),
    ("cross_entropy", lambda z, y: -right_cross_entropy(z, y), "minus"),
    ("cross_entropy", lambda z, y: nn.CrossEntropyLoss(reduction="none")(z.T[:, :1].T, y[:1]), "expected"),
    ("cross_entropy", lambda z, y: -z.log_softmax(0)[torch.arange(len(y)), y], "dim=0"),
    ("cross_entropy", lambda z, y: right_multilabel_loss(z, torch.eye(z.shape[1]).double()[y]), "sigmoids"),
    ("cross_entropy", lambda z, y: z.logsumexp(1), "alone"),
    ("cross_entropy", lambda z, y: -z.log_softmax(1), "all classes"),
    ("cross_entropy", naive_cross_entropy, "overflow"),
    ("multilabel_loss", lambda z, y: torch.zeros(len(y)), "expected"),
    ("multilabel_loss", lambda z, y: right_multilabel_loss(z, y) + 1e-4, "expected"),
    ("multilabel_loss", lambda z, y: right_multilabel_loss(z, y.roll(1, 1)), "expected"),
    ("multilabel_loss", lambda z, y: right_multilabel_loss(z, y) / z.shape[1], "mean over the classes"),
    ("multilabel_loss", lambda z, y: right_multilabel_loss(z.T, y.T), "over the pictures"),
    ("multilabel_loss", lambda z, y: nn.BCEWithLogitsLoss()(z, y), "mean over everything"),
    ("multilabel_loss", lambda z, y: -(y * nn.functional.logsigmoid(z)).sum(1), "are there"),
    ("multilabel_loss", lambda z, y: -(y * z.log_softmax(1)).sum(1), "softmax"),
    ("multilabel_loss", lambda z, y: right_multilabel_loss(z, 1 - y), "exchanged"),
    ("multilabel_loss", lambda z, y: right_multilabel_loss(z.sigmoid(), y), "sigmoid of the sigmoid"),
    ("multilabel_loss", lambda z, y: nn.BCEWithLogitsLoss(reduction="none")(z, y), "before they are summed"),
    ("multilabel_loss", naive_multilabel_loss, "overflow"),
    ("f1_per_class", lambda p, y: torch.zeros(p.shape[1]), "expected"),
    ("f1_per_class", lambda p, y: right_f1(p, y).roll(1), "expected"),
    ("f1_per_class", lambda p, y: right_f1(p[1:], y[1:]), "expected"),
    ("f1_per_class", lambda p, y: (p * y).sum(0) / p.sum(0).clamp(min=1), "precision"),
    ("f1_per_class", lambda p, y: (p * y).sum(0) / y.sum(0).clamp(min=1), "recall"),
    ("f1_per_class", lambda p, y: (p == y).double().mean(0), "accuracy"),
    ("f1_per_class", lambda p, y: right_f1(p.T, y.T), "picture"),
    ("f1_per_class", lambda p, y: right_f1(p, y).mean(), "macro"),
    ("f1_per_class", lambda p, y: right_f1(p.flatten()[:, None], y.flatten()[:, None])[0], "micro"),
    ("f1_per_class", lambda p, y: (p * y).sum(0) / ((p + y) > 0).sum(0).clamp(min=1), "Jaccard"),
    ("f1_per_class", lambda p, y: 2 * (p * y).sum(0) / (p.sum(0) + y.sum(0)), "0/0"),
    (
        "f1_per_class",
        lambda p, y: ((p * y).sum(0) / p.sum(0).clamp(min=1) + (p * y).sum(0) / y.sum(0).clamp(min=1)) / 2,
        "harmonic",
    ),
]


TestCheckers = checkers.rules(checks, SOLUTIONS, WRONG)


def solved_heads(question):
    """The four answers of a head question, by tensors."""
    odds = [float(Fraction(weight)) for weight in question.weights]  # "1/4" → 0.25
    z = torch.tensor(odds, dtype=torch.float64).log()
    choice = z.argmax().item()
    chosen = (z.sigmoid() >= question.threshold).nonzero().flatten().tolist()
    return choice, z.softmax(0)[choice].item(), z.sigmoid()[choice].item(), chosen


@pytest.mark.parametrize("seed", range(30))
def test_head_question(seed):
    question = checks.head_question(seed)
    right = solved_heads(question)
    assert question.check(*right)
    assert question.check(right[0], round(right[1], 3), round(right[2], 3), set(right[3]))
    assert repr(question) == repr(checks.head_question(seed))
    wrong = [
        ((right[0] + 1) % 4, None, ..., True),
        (right[2], 0.0, right[1] + 0.01, None),
        (right[1], 0.0, right[2] + 0.01, None),
        ([right[0]], right[3][1:], [], range(4), None),
    ]
    for place, answers in enumerate(wrong):
        for answer in answers:
            assert not question.check(*right[:place], answer, *right[place + 1 :])


def test_head_question_names_the_mistake():
    question = checks.head_question(1)
    choice, probability, sigmoid, chosen = solved_heads(question)
    assert "from 0" in question.check(choice + 1, probability, sigmoid, chosen).message
    assert "compete" in question.check(choice, sigmoid, sigmoid, chosen).message
    assert "stands alone" in question.check(choice, probability, probability, chosen).message
    assert "more than one" in question.check(choice, probability, sigmoid, [choice]).message
    above = [k for k, p in enumerate(question.sigmoids) if p >= 0.5]
    assert "0.5" in question.check(choice, probability, sigmoid, above).message


@pytest.mark.parametrize("seed", range(30))
def test_metrics_question(seed):
    question = checks.metrics_question(seed)
    hits, alarms = question.true_positives, question.false_positives
    missed, rest = question.false_negatives, question.true_negatives
    precision, recall = hits / (hits + alarms), hits / (hits + missed)
    harmonic = 2 / (1 / precision + 1 / recall)
    right = ((hits + rest) / (hits + alarms + missed + rest), precision, recall, harmonic)
    assert question.check(*right)
    assert question.check(*(round(value, 3) for value in right))
    assert repr(question) == repr(checks.metrics_question(seed))
    for place, value in enumerate(right):
        for wrong in (0, 100 * value, value + 0.01, None, ..., True, math.nan):
            assert not question.check(*right[:place], wrong, *right[place + 1 :])
    assert "recall" in question.check(right[0], recall, recall, harmonic).message
    assert "per cent" in question.check(100 * right[0], recall, recall, harmonic).message
    arithmetic = (precision + recall) / 2
    if arithmetic - harmonic > 0.001:
        assert "harmonic" in question.check(*right[:3], arithmetic).message


def test_seeds_ask_different_questions():
    assert len({repr(checks.head_question(seed)) for seed in range(20)}) > 15
    assert len({repr(checks.metrics_question(seed)) for seed in range(20)}) > 15
