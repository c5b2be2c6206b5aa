"""The checkers of chapter 2: the solution passes, typical wrong answers fail, and the likely mistake is named."""

import checkers
import pytest
import torch
import torch.nn.functional as F

from companion import checks
from companion.shapes import conv_output_size, receptive_field, unread


def right_size(size, kernel, stride, padding, dilation):
    last = size + 2 * padding - dilation * (kernel - 1) - 1
    return len(range(0, last + 1, stride))


def right_correlation(x, k, stride):
    F_, rows = len(k), range(0, x.shape[0] - len(k) + 1, stride)
    columns = range(0, x.shape[1] - len(k) + 1, stride)
    return torch.stack([torch.stack([(x[i : i + F_, j : j + F_] * k).sum() for j in columns]) for i in rows])


def right_pool(row, outputs):
    W = len(row)
    return torch.stack([row[i * W // outputs : -(-(i + 1) * W // outputs)].mean() for i in range(outputs)])


def right_norm(x, weight, bias, eps):
    flat = x.transpose(0, 1).flatten(1)
    mean, variance = flat.mean(1), flat.var(1, correction=0)
    scale = weight / (variance + eps).sqrt()
    return x * scale[:, None, None] + (bias - mean * scale)[:, None, None]


SOLUTIONS = {
    "output_size": right_size,
    "correlate": right_correlation,
    "adaptive_pool": right_pool,
    "batch_norm": right_norm,
}

# checker: wrong answer and a word that its verdict must contain
WRONG = [
    ("output_size", lambda *a: 0, "expected"),
    ("output_size", lambda *a: right_size(*a) + 1, "expected"),
    ("output_size", lambda w, f, s, p, d: right_size(w, f, s, p, 1), "without dilation"),
    ("output_size", lambda w, f, s, p, d: max((w + 2 * p - d * (f - 1) - 1) / s + 1, 0), "floor"),
    ("output_size", lambda *a: max(right_size(*a) - 1, 0), "+ 1"),
    ("output_size", lambda w, f, s, p, d: max(-((d * (f - 1) + 1 - w - 2 * p) // s) + 1, 0), "rounding up"),
    ("output_size", lambda w, f, s, p, d: (w + 2 * p - d * (f - 1) - 1) // s + 1, "below 1"),
    ("output_size", lambda w, f, s, p, d: max((w + p - d * (f - 1) - 1) // s + 1, 0), "counted once"),
    ("output_size", lambda w, f, s, p, d: max((w + 2 * p - d * f) // s + 1, 0), "spans"),
    ("correlate", lambda x, k, s: torch.zeros_like(right_correlation(x, k, s)), "expected"),
    ("correlate", lambda x, k, s: right_correlation(x, k.flip(0).flip(1), s), "turned over"),
    ("correlate", lambda x, k, s: right_correlation(x, k, 1), "stride of 1"),
    ("correlate", lambda x, k, s: right_correlation(x, k, 1)[::s], "rows only"),
    ("correlate", lambda x, k, s: right_correlation(x, k.T, s), "transposed"),
    ("correlate", lambda x, k, s: right_correlation(F.pad(x, [len(k) // 2] * 4), k, s), "padding"),
    ("correlate", lambda x, k, s: right_correlation(x, k, s) / k.numel(), "mean"),
    ("correlate", lambda x, k, s: right_correlation(x, k, s)[1:], "expected"),
    ("correlate", lambda x, k, s: right_correlation(x, k, s).T, "expected"),
    ("adaptive_pool", lambda x, n: torch.zeros(n), "expected"),
    ("adaptive_pool", lambda x, n: F.adaptive_max_pool1d(x[None], n)[0], "largest"),
    ("adaptive_pool", lambda x, n: x[: len(x) // n * n].view(n, -1).mean(1), "unread"),
    ("adaptive_pool", lambda x, n: torch.stack([x[i * len(x) // n : (i + 1) * len(x) // n].mean() for i in range(n)]),
     "rounded down"),
    ("adaptive_pool", lambda x, n: right_pool(x, n).roll(1), "expected"),
    ("adaptive_pool", lambda x, n: right_pool(x.flip(0), n), "expected"),
    ("batch_norm", lambda x, w, b, eps: torch.zeros_like(x), "expected"),
    ("batch_norm", lambda x, w, b, eps: F.instance_norm(x, weight=w, bias=b, eps=eps), "instance norm"),
    ("batch_norm", lambda x, w, b, eps: F.layer_norm(x, x.shape[1:], eps=eps) * w.view(-1, 1, 1) + b.view(-1, 1, 1),
     "layer norm"),
    ("batch_norm", lambda x, w, b, eps: right_norm(x, torch.ones_like(w), torch.zeros_like(b), eps), "weight and bias"),
    ("batch_norm", lambda x, w, b, eps: right_norm(x, w, b, 0.0), "expected"),
    ("batch_norm", lambda x, w, b, eps: (x - x.mean((0, 2, 3), keepdim=True))
     / (x.var((0, 2, 3), keepdim=True) + eps).sqrt() * w[:, None, None] + b[:, None, None], "unbiased"),
    ("batch_norm", lambda x, w, b, eps: right_norm(x, w, b, eps).flip(1), "expected"),
]  # fmt: skip


TestCheckers = checkers.rules(checks, SOLUTIONS, WRONG)


@pytest.mark.parametrize("seed", range(50))
def test_window_question(seed):
    question = checks.window_question(seed)
    w, f, s, p, d = question.size, question.kernel, question.stride, question.padding, question.dilation
    span, output, dropped = d * (f - 1) + 1, conv_output_size(w, f, s, p, d), len(unread(w, f, s, p, d))
    assert dropped > 0
    assert question.check(span, output, dropped)
    assert repr(question) == repr(checks.window_question(seed))
    for wrong in (0, span + 1, span - 1, None, ..., True):
        assert not question.check(wrong, output, dropped)
    for wrong in (0, output + 1, output - 1, None):
        assert not question.check(span, wrong, dropped)
    for wrong in (0, dropped + 1, None):
        assert not question.check(span, output, wrong)


def test_window_question_names_the_mistake():
    question = next(q for q in map(checks.window_question, range(50)) if q.dilation == 2)
    span = 2 * (question.kernel - 1) + 1
    output = conv_output_size(question.size, question.kernel, question.stride, question.padding, 2)
    assert "dilation" in question.check(question.kernel, output, 1).message
    assert "+ 1" in question.check(span, output - 1, 1).message
    assert "behind the last" in question.check(span, output, 0).message


@pytest.mark.parametrize("seed", range(50))
def test_field_question(seed):
    question = checks.field_question(seed)
    size, jump, _ = receptive_field(question.layers)
    assert question.check(size, jump)
    assert repr(question) == repr(checks.field_question(seed))
    for wrong in (0, 1, size + 1, size - 1, sum(kernel for kernel, _ in question.layers), None, ...):
        assert not question.check(wrong, jump)
    for wrong in (0, jump + 1, None, 3 * jump):
        assert not question.check(size, wrong)


def test_field_question_names_the_mistake():
    question = next(q for q in map(checks.field_question, range(50)) if q.layers[0][1] == 2)
    size, jump, _ = receptive_field(question.layers)
    flat = 1 + sum(kernel - 1 for kernel, _ in question.layers)
    assert "several pixels" in question.check(flat, jump).message
    assert "pixel sees itself" in question.check(size - 1, jump).message
    assert "multiply" in question.check(size, sum(stride for _, stride in question.layers)).message


@pytest.mark.parametrize("ask", [checks.window_question, checks.field_question])
def test_seeds_ask_different_questions(ask):
    assert len({ask(seed) for seed in range(20)}) > 15
