"""The checkers of chapter 7: the solution passes, typical wrong answers fail, and the likely mistake is named."""

import checkers
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from companion.checks import resnet as checks
from companion.models.resnet import Bottleneck, PaddedIdentity


def right_block(x, w1, w2):
    """The same with modules."""
    layers = nn.Sequential(*(nn.Conv2d(len(w1), len(w1), 3, padding=1, bias=False) for _ in range(2))).double()
    with torch.no_grad():
        layers[0].weight.copy_(w1)
        layers[1].weight.copy_(w2)
        return F.relu(layers[1](F.relu(layers[0](x))) + x)


def right_shortcut(x, out_channels, stride):
    y = x.new_zeros(len(x), out_channels, -(-x.shape[2] // stride), -(-x.shape[3] // stride))
    y[:, : x.shape[1]] = x[:, :, ::stride, ::stride]
    return y


def right_fold(weight, gamma, beta, mean, variance, eps):
    """Read off: the new bias is what a picture of zeros gives, the new weight what single pixels add to it."""

    def both(x):
        return F.batch_norm(F.conv2d(x, weight), mean, variance, gamma, beta, eps=eps)

    channels, size = weight.shape[1], weight.shape[2]
    bias = both(weight.new_zeros(1, channels, size, size))[0, :, 0, 0]
    pixels = torch.eye(channels * size * size).to(weight).view(-1, channels, size, size)
    return (both(pixels)[:, :, 0, 0] - bias).T.reshape(weight.shape).contiguous(), bias


def right_count(channels, reduction):
    """Of a real block, on the meta device."""
    with torch.device("meta"):
        width = channels // reduction
        layers = nn.Conv2d(channels, width, 1), nn.Conv2d(width, width, 3), nn.Conv2d(width, channels, 1)
    return sum(layer.weight.numel() for layer in layers)


SOLUTIONS = {
    "residual_block": right_block,
    "padded_shortcut": right_shortcut,
    "folded": right_fold,
    "bottleneck_weights": right_count,
}


def conv(x, w):
    return F.conv2d(x, w, padding=1)


def scaled(weight, gamma, variance, eps):
    return weight * (gamma / (variance + eps).sqrt())[:, None, None, None]


# checker: wrong answer and a word that its verdict must contain
WRONG = [
    ("residual_block", lambda x, w1, w2: torch.zeros_like(x), "expected"),
    ("residual_block", lambda x, w1, w2: x.relu(), "expected"),
    ("residual_block", lambda x, w1, w2: conv(conv(x, w1).relu(), w2).relu(), "plain block"),
    ("residual_block", lambda x, w1, w2: conv(conv(x, w1).relu(), w2) + x, "after the addition"),
    ("residual_block", lambda x, w1, w2: conv(conv(x, w1).relu(), w2).relu() + x, "before the addition"),
    ("residual_block", lambda x, w1, w2: (conv(conv(x, w1).relu(), w2).relu() + x).relu(), "and one after"),
    ("residual_block", lambda x, w1, w2: (conv(conv(x, w1), w2) + x).relu(), "between"),
    ("residual_block", lambda x, w1, w2: right_block(x, w2, w1), "exchanged"),
    ("residual_block", lambda x, w1, w2: right_block(x, w1, w2).transpose(2, 3), "expected"),
    ("residual_block", lambda x, w1, w2: (F.conv2d(F.conv2d(x, w1).relu(), w2) + x).relu(), "stopped"),
    ("padded_shortcut", lambda x, k, s: torch.zeros_like(right_shortcut(x, k, s)), "expected"),
    ("padded_shortcut", lambda x, k, s: x[:, :, ::s, ::s], "no new channels"),
    ("padded_shortcut", lambda x, k, s: right_shortcut(x, k, s).flip(1), "expected"),
    ("padded_shortcut", lambda x, k, s: right_shortcut(x.flip(1), k, s).flip(1), "before the old"),
    ("padded_shortcut", lambda x, k, s: right_shortcut(x, k, 1), "no stride"),
    ("padded_shortcut", lambda x, k, s: right_shortcut(F.avg_pool2d(x, s), k, 1), "mean"),
    ("padded_shortcut", lambda x, k, s: right_shortcut(x[:, :, s - 1 :, s - 1 :], k, s), "last pixel"),
    ("padded_shortcut", lambda x, k, s: right_shortcut(x[:, :, 1:, 1:], k, s), "expected"),
    ("padded_shortcut", lambda x, k, s: right_shortcut(x, k, s).transpose(2, 3), "expected"),
    ("padded_shortcut", lambda x, k, s: torch.cat([right_shortcut(x, x.shape[1], s)] * 3, 1)[:, :k], "once more"),
    ("folded", lambda w, g, b, m, v, e: (torch.zeros_like(w), torch.zeros_like(b)), "expected"),
    ("folded", lambda w, g, b, m, v, e: (scaled(w, g, v, e), b), "beta as the bias"),
    ("folded", lambda w, g, b, m, v, e: (scaled(w, g, v, e), b - m), "as it is"),
    ("folded", lambda w, g, b, m, v, e: right_fold(w, g, b, m, v, 0.0), "no eps"),
    ("folded", lambda w, g, b, m, v, e: right_fold(w, torch.ones_like(g), b, m, v, e), "no gamma"),
    ("folded", lambda w, g, b, m, v, e: right_fold(w, g, b, m, (v + e) ** 2, 0.0), "variance instead"),
    ("folded", lambda w, g, b, m, v, e: right_fold(w, g, b, -m, v, e), "added"),
    ("folded", lambda w, g, b, m, v, e: (scaled(w.transpose(0, 1), g, v, e).transpose(0, 1),
     right_fold(w, g, b, m, v, e)[1]), "input channels"),
    ("folded", lambda w, g, b, m, v, e: scaled(w, g, v, e), "two tensors"),
    ("folded", lambda w, g, b, m, v, e: right_fold(w, g, b, m, v, e)[::-1], "must be"),
    ("bottleneck_weights", lambda c, r: 0, "expected"),
    ("bottleneck_weights", lambda c, r: 18 * c * c, "basic"),
    ("bottleneck_weights", lambda c, r: c * (c // r) + 9 * (c // r) ** 2, "one 1×1"),
    ("bottleneck_weights", lambda c, r: 2 * c * (c // r) + (c // r) ** 2, "nine"),
    ("bottleneck_weights", lambda c, r: 2 * c * (c // r) + 9 * c * c, "full width"),
    ("bottleneck_weights", lambda c, r: right_count(c, r) + 1, "expected"),
]  # fmt: skip

TestCheckers = checkers.rules(checks, SOLUTIONS, WRONG)


def test_the_shortcut_is_the_models():
    x = torch.randn(2, 3, 8, 6, dtype=torch.float64)
    assert torch.equal(PaddedIdentity(new_channels=5, stride=2)(x), right_shortcut(x, 8, 2))


@pytest.mark.parametrize("seed", range(30))
def test_block_question(seed):
    question = checks.block_question(seed)
    c, r, size = question.channels, question.reduction, question.size
    basic, narrow = 18 * c * c, right_count(c, r)
    places = narrow * size * size
    assert question.check(basic, narrow, places)
    assert repr(question) == repr(checks.block_question(seed))
    for wrong in (0, 9 * c * c, basic + 1, basic - 1, None, ..., True):
        assert not question.check(wrong, narrow, places)
    for wrong in (0, c * c // r, narrow + 1, None):
        assert not question.check(basic, wrong, places)
    for wrong in (0, narrow, narrow * size, 2 * places, None):
        assert not question.check(basic, narrow, wrong)


def test_block_question_names_the_mistake():
    question = checks.block_question(0)
    c, width = question.channels, question.channels // question.reduction
    narrow = right_count(c, question.reduction)
    assert "two convolutions" in question.check(9 * c * c, narrow, 0).message
    assert "second 1×1" in question.check(18 * c * c, c * width + 9 * width**2, 0).message
    assert "the places" in question.check(18 * c * c, narrow, narrow).message


def test_seeds_ask_different_questions():
    assert len({checks.block_question(seed) for seed in range(20)}) > 12


def test_the_count_is_that_of_resnet50s_block():
    block = Bottleneck(256, 64)
    assert right_count(256, 4) == sum(layer.weight.numel() for layer in (block.conv1, block.conv2, block.conv3))
