"""The checkers of chapter 8: the solution passes, typical wrong answers fail, and the likely mistake is named."""

import math

import checkers
import pytest
import torch
import torch.nn.functional as F

from companion.checks import after_resnet as checks


def right_channels(start, growth, layers):
    channels = [start]
    for _ in range(layers):
        channels.append(channels[-1] + growth)
    return channels


def right_separable(x, depthwise, pointwise):
    each = [F.conv2d(x[:, c : c + 1], depthwise[c : c + 1], padding=1) for c in range(x.shape[1])]
    return torch.einsum("kc,nchw->nkhw", pointwise[:, :, 0, 0], torch.cat(each, dim=1))


def right_patches(images, size):
    return F.unfold(images, size, stride=size).transpose(1, 2)


right_attention = F.scaled_dot_product_attention

SOLUTIONS = {
    "dense_channels": right_channels,
    "separable": right_separable,
    "patches": right_patches,
    "attention": right_attention,
}

# checker: wrong answer and a word that its verdict must contain
WRONG = [
    ("dense_channels", lambda s, k, n: [0] * (n + 1), "expected"),
    ("dense_channels", lambda s, k, n: right_channels(s, k, n)[::-1], "expected"),
    ("dense_channels", lambda s, k, n: right_channels(s, k, n)[:-1], "last entry"),
    ("dense_channels", lambda s, k, n: right_channels(s, k, n)[1:], "first one"),
    ("dense_channels", lambda s, k, n: [s] * (n + 1), "concatenation"),
    ("dense_channels", lambda s, k, n: right_channels(0, k, n), "new channels"),
    ("dense_channels", lambda s, k, n: [s << i for i in range(n + 1)], "double"),
    ("dense_channels", lambda s, k, n: s + n * k, "alone"),
    ("dense_channels", lambda s, k, n: right_channels(s, 4 * k, n), "bottleneck"),
    ("separable", lambda x, d, p: torch.zeros(x.shape[0], p.shape[0], *x.shape[2:]), "expected"),
    ("separable", lambda x, d, p: right_separable(x, d, p) + 1e-4, "expected"),
    ("separable", lambda x, d, p: right_separable(x, d, p)[:, :, 1:-1, 1:-1], "padding"),
    ("separable", lambda x, d, p: F.conv2d(x, d, padding=1, groups=len(d)), "depthwise part alone"),
    ("separable", lambda x, d, p: F.conv2d(x, p), "pointwise part alone"),
    ("separable", lambda x, d, p: right_separable(x, d[[0] * len(d)], p), "one kernel"),
    ("separable", lambda x, d, p: right_separable(x, d.flip(2).flip(3), p), "half a turn"),
    ("separable", lambda x, d, p: F.conv2d(F.conv2d(x, d, padding=1, groups=len(d)).clamp(min=0), p), "ReLU"),
    ("separable", lambda x, d, p: F.conv2d(F.conv2d(x, d[:, 0][None], padding=1), p.sum(1, True)), "added up"),
    ("patches", lambda x, size: torch.zeros_like(right_patches(x, size)), "expected"),
    ("patches", lambda x, size: right_patches(x, size).roll(1, 1), "expected"),
    ("patches", lambda x, size: right_patches(x.transpose(2, 3), size), "expected"),
    ("patches", lambda x, size: x.reshape(len(x), -1, x.shape[1] * size**2), "runs of pixels"),
    ("patches", lambda x, size: F.unfold(x, size, stride=size), "transpose"),
    ("patches", lambda x, size: F.unfold(x, size).transpose(1, 2), "overlap"),
    (
        "patches",
        lambda x, size: right_patches(x, size).unflatten(2, (x.shape[1], -1)).transpose(2, 3).flatten(2),
        "channels last",
    ),
    (
        "patches",
        lambda x, size: right_patches(x, size).unflatten(2, (-1, size, size)).transpose(3, 4).flatten(2),
        "each patch transposed",
    ),
    (
        "patches",
        lambda x, size: right_patches(x, size).unflatten(1, (-1, x.shape[3] // size)).transpose(1, 2).flatten(1, 2),
        "column by column",
    ),
    ("attention", lambda q, k, v: torch.zeros_like(v), "expected"),
    ("attention", lambda q, k, v: v.mean(1, keepdim=True).expand_as(v), "expected"),
    ("attention", lambda q, k, v: right_attention(q, k, v) + 1e-4, "expected"),
    ("attention", lambda q, k, v: right_attention(q, k, v, scale=1.0), "without the division"),
    ("attention", lambda q, k, v: right_attention(q, k, v, scale=1 / q.shape[2]), "by d instead"),
    ("attention", lambda q, k, v: right_attention(q, k, v, scale=q.shape[1] ** -0.5), "root of T"),
    ("attention", lambda q, k, v: (q @ k.mT / q.shape[2] ** 0.5).softmax(1) @ v, "over the queries"),
    ("attention", lambda q, k, v: (q @ k.mT / q.shape[2] ** 0.5).softmax(0) @ v, "over the heads"),
    ("attention", lambda q, k, v: q @ k.mT / q.shape[2] ** 0.5 @ v, "without a softmax"),
    ("attention", lambda q, k, v: right_attention(k, q, v), "exchanged"),
    ("attention", lambda q, k, v: (q @ k.mT / q.shape[2] ** 0.5).softmax(2), "not yet multiplied"),
]

TestCheckers = checkers.rules(checks, SOLUTIONS, WRONG)


def solved(question):
    """The three answers, counted on real layers: each weight once per place."""
    c, k, f = question.in_channels, question.out_channels, question.kernel
    full = torch.nn.Conv2d(c, k, f, bias=False).weight.numel() * question.size**2
    parts = torch.nn.Conv2d(c, c, f, groups=c, bias=False), torch.nn.Conv2d(c, k, 1, bias=False)
    separable = sum(part.weight.numel() for part in parts) * question.size**2
    return full, separable, separable / full


@pytest.mark.parametrize("seed", range(20))
def test_separable_question(seed):
    question = checks.separable_question(seed)
    right = solved(question)
    assert question.check(*right)
    assert question.check(right[0], right[1], round(right[2], 3))
    assert repr(question) == repr(checks.separable_question(seed))
    for place, value in enumerate(right):
        for wrong in (0, value * 2, value + 0.01, None, ..., True, math.nan, "12"):
            assert not question.check(*right[:place], wrong, *right[place + 1 :])


def test_separable_question_names_the_mistake():
    question = checks.SeparableQuestion(in_channels=8, out_channels=16, kernel=3, size=10)
    full, separable, share = 115_200, 20_000, 20 / 115.2
    assert question.check(full, separable, share)
    assert "every place" in question.check(1152, separable, share).message
    assert "every input map" in question.check(7200, separable, share).message
    assert "every place" in question.check(full, 200, share).message
    assert "depthwise part alone" in question.check(full, 7200, share).message
    assert "pointwise part alone" in question.check(full, 12_800, share).message
    assert "input maps" in question.check(full, 27_200, share).message
    assert "add" in question.check(full, 7200 * 12_800, share).message
    assert "other way round" in question.check(full, separable, 1 / share).message
    assert "output" in question.check(full, separable, 1 / 8 + 1 / 9).message
    assert "depthwise part's" in question.check(full, separable, 1 / 16).message
    assert "pointwise part's" in question.check(full, separable, 1 / 9).message


def test_seeds_ask_different_questions():
    assert len({repr(checks.separable_question(seed)) for seed in range(20)}) > 15
