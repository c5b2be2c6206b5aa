"""The checkers of chapter 4: the solution passes, typical wrong answers fail, and the likely mistake is named."""

import checkers
import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torchvision.transforms.functional import ten_crop

from companion.checks import alexnet as checks
from companion.trace import trace


def right_top_k(scores, labels, k):
    rank = (scores > scores.gather(1, labels[:, None])).sum(1)  # how many scores beat the label's
    return (rank >= k).double().mean().item()


def right_lrn(a, n, k, alpha, beta):
    return F.local_response_norm(a, n, alpha=n * alpha, beta=beta, k=k)


def right_dropout(x, drawn, p, training):
    return x * (drawn >= p) / (1 - p) if training else x.clone()


def right_crops(image, size):
    return torch.stack(ten_crop(image, size))


def right_smallest(layers):
    def passes(size):
        for kernel, stride, padding in layers:
            if size + 2 * padding < kernel:
                return False
            size = (size + 2 * padding - kernel) // stride + 1
        return True

    return next(size for size in range(1, 10_000) if passes(size))


SOLUTIONS = {
    "top_k_error": right_top_k,
    "local_response_norm": right_lrn,
    "dropout": right_dropout,
    "ten_crops": right_crops,
    "smallest_input": right_smallest,
}


def back_from(start, layers, padding=2, steps=-1):
    size = start
    for kernel, stride, pad in reversed(layers):
        size = max((size + steps) * stride + kernel - padding * pad, 1)
    return size


# checker: wrong answer and a word that its verdict must contain
WRONG = [
    ("top_k_error", lambda s, y, k: 0.0, "expected"),
    ("top_k_error", lambda s, y, k: right_top_k(s, y, k) + 1e-3, "expected"),
    ("top_k_error", lambda s, y, k: right_top_k(s, y.roll(1), k), "expected"),
    ("top_k_error", lambda s, y, k: True, "expected"),
    ("top_k_error", lambda s, y, k: 1 - right_top_k(s, y, k), "accuracy"),
    ("top_k_error", lambda s, y, k: round(right_top_k(s, y, k) * len(y)), "number of pictures"),
    ("top_k_error", lambda s, y, k: 100 * right_top_k(s, y, k), "per cent"),
    ("top_k_error", lambda s, y, k: right_top_k(s, y, 1), "top-1"),
    ("top_k_error", lambda s, y, k: right_top_k(-s, y, k), "smallest"),
    ("top_k_error", lambda s, y, k: right_top_k(s, y, k + 1), "too many"),
    ("top_k_error", lambda s, y, k: right_top_k(s, y, k - 1), "too few"),
    ("top_k_error", lambda s, y, k: (s.topk(k).indices[:, -1] != y).double().mean().item(), "alone"),
    ("local_response_norm", lambda a, *_: torch.zeros_like(a), "expected"),
    ("local_response_norm", lambda a, n, k, al, be: right_lrn(a, n, k, al, be).mT, "expected"),
    ("local_response_norm", lambda a, n, k, al, be: right_lrn(a, n, k, 1.001 * al, be), "expected"),
    ("local_response_norm", lambda a, n, k, al, be: F.local_response_norm(a, n, al, be, k), "PyTorch"),
    ("local_response_norm", lambda a, n, k, al, be: a / (k + al * a**2) ** be, "alone"),
    ("local_response_norm", lambda a, n, k, al, be: a / (k + al * (a**2).sum(1, True)) ** be, "all channels"),
    ("local_response_norm", lambda a, n, k, al, be: right_lrn(a.mT.transpose(1, 2), n, k, al, be).transpose(1, 2).mT,
     "width"),
    ("local_response_norm", lambda a, n, k, al, be: right_lrn(a, 2 * n + 1, k, al, be), "each side"),
    ("local_response_norm", lambda a, n, k, al, be: right_lrn(a, n, k, al, 1.0), "beta"),
    ("local_response_norm", lambda a, n, k, al, be: right_lrn(a, n, 0.0, al, be), "constant"),
    ("local_response_norm", lambda a, n, k, al, be: a * a / right_lrn(a, n, k, al, be), "product"),
    ("local_response_norm", lambda a, n, k, al, be: right_lrn(torch.cat([a[:, -(n // 2):], a, a[:, : n // 2]], 1),
                                                              n, k, al, be)[:, n // 2 : -(n // 2)], "wrap"),
    ("local_response_norm", lambda a, n, k, al, be: right_lrn(a.abs().sqrt(), n, k, al, be)
     * a / a.abs().sqrt(), "squares"),
    ("dropout", lambda x, u, p, t: torch.zeros_like(x), "expected"),
    ("dropout", lambda x, u, p, t: right_dropout(x, u, p, t) + 1e-4, "expected"),
    ("dropout", lambda x, u, p, t: right_dropout(x, u.flip(0), p, t), "expected"),
    ("dropout", lambda x, u, p, t: F.dropout(x, p, t), "expected"),
    ("dropout", lambda x, u, p, t: right_dropout(x, u, p, True), "evaluation, too"),
    ("dropout", lambda x, u, p, t: x, "no dropout"),
    ("dropout", lambda x, u, p, t: right_dropout(x, u, p, not t), "exchanged"),
    ("dropout", lambda x, u, p, t: x * (u >= p) if t else x * (1 - p), "paper"),
    ("dropout", lambda x, u, p, t: x * (u < p) / (1 - p) if t else x, "wrong way round"),
    ("dropout", lambda x, u, p, t: x * (u < p) / p if t else x, "kept with"),
    ("dropout", lambda x, u, p, t: x * (u >= p) if t else x, "no scaling"),
    ("dropout", lambda x, u, p, t: x * (u >= p) / p if t else x, "division by p"),
    ("dropout", lambda x, u, p, t: x * (u >= p) * (1 - p) if t else x, "multiplication"),
    ("ten_crops", lambda x, n: torch.zeros(10, len(x), n, n), "expected"),
    ("ten_crops", lambda x, n: right_crops(x, n).mT, "expected"),
    ("ten_crops", lambda x, n: right_crops(x, n).roll(1, 0), "expected"),
    ("ten_crops", lambda x, n: right_crops(x, n + 1), "expected"),
    ("ten_crops", lambda x, n: right_crops(x, n)[:5], "without"),
    ("ten_crops", lambda x, n: right_crops(x, n)[:5].repeat(2, 1, 1, 1), "twice"),
    ("ten_crops", lambda x, n: torch.cat([right_crops(x, n)[:5], right_crops(x.flip(1), n)[:5]]), "upside down"),
    ("ten_crops", lambda x, n: torch.cat([right_crops(x, n)[:5], right_crops(x.flip(1, 2), n)[:5]]), "180"),
    ("ten_crops", lambda x, n: right_crops(x, n)[[0, 5, 1, 6, 2, 7, 3, 8, 4, 9]], "pairs"),
    ("ten_crops", lambda x, n: right_crops(x, n)[[0, 2, 1, 3, 4, 5, 7, 6, 8, 9]], "lower left before"),
    ("ten_crops", lambda x, n: torch.cat([(c := right_crops(x, n)[:5]), c.flip(3)]), "each of the five"),
    ("smallest_input", lambda layers: 0, "expected"),
    ("smallest_input", lambda layers: 63, "expected"),
    ("smallest_input", lambda layers: torch.tensor(right_smallest(layers)), "expected"),
    ("smallest_input", lambda layers: right_smallest(layers) - 1, "too few"),
    ("smallest_input", lambda layers: right_smallest(layers) + 1, "too many"),
    ("smallest_input", lambda layers: back_from(2, layers), "one position more"),
    ("smallest_input", lambda layers: back_from(1, layers, padding=0), "forgotten"),
    ("smallest_input", lambda layers: back_from(1, layers, padding=1), "once"),
    ("smallest_input", lambda layers: back_from(1, layers, steps=0), "steps"),
    ("smallest_input", lambda layers: right_smallest(layers[::-1]), "first to last"),
    ("smallest_input", lambda layers: max(kernel for kernel, _, _ in layers), "largest kernel"),
]  # fmt: skip


TestCheckers = checkers.rules(checks, SOLUTIONS, WRONG)


def test_smallest_input_is_torchs():
    """The definition that the tests use, against PyTorch: AlexNet's own chain at its limit and one below."""
    alexnet = [(11, 4, 2), (3, 2, 0), (5, 1, 2), (3, 2, 0), (3, 1, 1), (3, 1, 1), (3, 1, 1), (3, 2, 0)]
    chain = nn.Sequential(*[nn.Conv2d(1, 1, *window, device="meta") for window in alexnet])
    least = right_smallest(alexnet)
    assert chain(torch.empty(1, 1, least, least, device="meta")).shape[2] == 1
    with pytest.raises(RuntimeError):
        chain(torch.empty(1, 1, least - 1, least - 1, device="meta"))


def solved(question):
    """The three answers, from the layers themselves."""
    convolution = nn.Conv2d(
        question.in_channels, question.out_channels, question.kernel, padding=question.padding, groups=2
    )
    table = trace(nn.Sequential(convolution, nn.MaxPool2d(3, 2)), (question.in_channels, question.size, question.size))
    return table.parameters, table.multiply_adds, table.rows[-1].output_shape[2]


@pytest.mark.parametrize("seed", range(20))
def test_tower_question(seed):
    question = checks.tower_question(seed)
    right = solved(question)
    assert question.check(*right)
    assert repr(question) == repr(checks.tower_question(seed))
    for place, value in enumerate(right):
        for wrong in (0, value + 1, value - 1, -value, None, ..., True, "63"):
            assert not question.check(*right[:place], wrong, *right[place + 1 :])


@pytest.mark.parametrize("seed", range(20))
def test_tower_question_names_the_mistake(seed):
    q = checks.tower_question(seed)
    parameters, work, pooled = solved(q)
    weights = parameters - q.out_channels
    assert "own tower" in q.check(2 * weights + q.out_channels, work, pooled).message
    assert "two towers" in q.check(weights // 2 + q.out_channels, work, pooled).message
    assert "biases are missing" in q.check(weights, work, pooled).message
    assert "own tower" in q.check(parameters, 2 * work, pooled).message
    assert "plus one" in q.check(parameters, work, pooled - 1).message
    side = round((work / weights) ** 0.5)
    assert "added" in q.check(parameters, parameters * side**2, pooled).message
    assert "before the pooling" in q.check(parameters, work, side).message


def test_seeds_ask_different_questions():
    assert len({repr(checks.tower_question(seed)) for seed in range(20)}) > 15
