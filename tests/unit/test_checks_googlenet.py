"""The checkers of chapter 6: the solution passes, typical wrong answers fail, and the likely mistake is named."""

import checkers
import pytest
import torch
import torch.nn.functional as F

from companion.checks import googlenet as checks
from companion.models.googlenet import Inception
from companion.trace import trace


def right_module(x, ones, reduce3, threes, reduce5, fives, pooled):
    first = F.conv2d(x, ones)
    second = F.conv2d(F.conv2d(x, reduce3).clamp(min=0), threes, padding=1)
    third = F.conv2d(F.conv2d(x, reduce5).clamp(min=0), fives, padding=2)
    fourth = F.conv2d(F.max_pool2d(x, 3, stride=1, padding=1), pooled)
    return torch.cat([first, second, third, fourth], dim=1).clamp(min=0)


def right_kernel(ones, threes, fives, pooled):
    a, b, c = len(ones), len(ones) + len(threes), len(ones) + len(threes) + len(fives)
    joined = fives.new_zeros(c + len(pooled), ones.shape[1], 5, 5)
    joined[:a, :, 2:3, 2:3] = ones
    joined[a:b, :, 1:4, 1:4] = threes
    joined[b:c] = fives
    joined[c:, :, 1:4, 1:4] = pooled / 9
    return joined


def right_reduction(c, k, f):
    return max((r for r in range(1, 600) if c * r + r * k * f**2 < c * k * f**2), default=0)


def right_loss(logits, aux1, aux2, labels):
    def loss(scores):
        return -scores.log_softmax(dim=1)[range(len(labels)), labels].mean()

    return loss(logits) + 0.3 * (loss(aux1) + loss(aux2))


def right_map(maps, weight, bias):
    return torch.einsum("kc,nchw->nkhw", weight, maps) + bias[:, None, None]


SOLUTIONS = {
    "inception": right_module,
    "joined_kernel": right_kernel,
    "widest_reduction": right_reduction,
    "training_loss": right_loss,
    "score_map": right_map,
}


def no_relu_inside(x, ones, reduce3, threes, reduce5, fives, pooled):
    branches = [F.conv2d(x, ones), F.conv2d(F.conv2d(x, reduce3), threes, padding=1),
                F.conv2d(F.conv2d(x, reduce5), fives, padding=2),
                F.conv2d(F.max_pool2d(x, 3, 1, 1), pooled)]  # fmt: skip
    return torch.cat(branches, dim=1).relu()


def ce(scores, labels):
    return F.cross_entropy(scores, labels)


# checker: wrong answer and a word that its verdict must contain
WRONG = [
    ("inception", lambda x, *k: torch.zeros_like(right_module(x, *k)), "expected"),
    ("inception", no_relu_inside, "between"),
    ("inception", lambda x, *k: right_module(x, *k)[:, :-1], "expected"),
    ("inception", lambda x, *k: right_module(x, *k).flip(1), "expected"),
    ("inception", lambda x, a, b, c, d, e, p: torch.cat(
        [right_module(x, a, b, c, d, e, p)[:, : -len(p)], F.conv2d(x, p).relu()], dim=1), "no pooling"),
    ("inception", lambda x, a, b, c, d, e, p: torch.cat(
        [right_module(x, a, b, c, d, e, p)[:, : -len(p)], F.conv2d(F.avg_pool2d(x, 3, 1, 1), p).relu()], dim=1),
     "average pooling"),
    ("inception", lambda x, a, b, c, d, e, p: torch.cat(
        [right_module(x, a, b, c, d, e, p)[:, : -len(p)], F.conv2d(F.max_pool2d(x, 3, 1, 1), p)], dim=1),
     "pooling branch's"),
    ("joined_kernel", lambda *k: torch.zeros_like(right_kernel(*k)), "expected"),
    ("joined_kernel", lambda *k: right_kernel(*k).roll((-1, -1), (2, 3)), "expected"),
    ("joined_kernel", lambda *k: torch.cat(
        [F.pad(w, [0, 5 - w.shape[-1]] * 2) for w in (*k[:3], k[3].expand(-1, -1, 3, 3) / 9)]), "two sides"),
    ("joined_kernel", lambda a, b, c, d: right_kernel(a, b, c, d)[
        [*range(-len(d), 0), *range(len(a) + len(b), len(a) + len(b) + len(c)),
         *range(len(a), len(a) + len(b)), *range(len(a))]], "opposite order"),
    ("joined_kernel", lambda *k: torch.cat(
        [F.interpolate(w, size=5) for w in (*k[:3], k[3] / 9)]), "copies"),
    ("joined_kernel", lambda *k: right_kernel(*k).flip(0), "expected"),
    ("joined_kernel", lambda a, b, c, d: torch.cat(
        [right_kernel(a, b, c, d)[: -len(d)], F.pad(d, [2] * 4)]), "left out"),
    ("joined_kernel", lambda a, b, c, d: right_kernel(a, b, c, 9 * d), "sum over"),
    ("joined_kernel", lambda a, b, c, d: torch.cat(
        [right_kernel(a, b, c, d)[: -len(d)], d.expand(-1, -1, 5, 5) / 25]), "whole 5×5"),
    ("widest_reduction", lambda *a: 0, "expected"),
    ("widest_reduction", lambda c, k, f: c * k * f**2 // (c + k * f**2), "break-even"),
    ("widest_reduction", lambda c, k, f: c - 1, "left out"),
    ("widest_reduction", lambda c, k, f: c * k * f**2 / (c + k * f**2), "without rounding"),
    ("widest_reduction", lambda c, k, f: right_reduction(c, k, f) + 1, "rounded up"),
    ("widest_reduction", lambda c, k, f: right_reduction(c, k, f) - 1, "expected"),
    ("training_loss", lambda a, b, c, y: torch.tensor(0.0).double(), "expected"),
    ("training_loss", lambda a, b, c, y: ce(a, y), "main loss alone"),
    ("training_loss", lambda a, b, c, y: ce(a, y) + ce(b, y) + ce(c, y), "weight 1"),
    ("training_loss", lambda a, b, c, y: ce(a, y) + 0.15 * (ce(b, y) + ce(c, y)), "together"),
    ("training_loss", lambda a, b, c, y: right_loss(a, b, c, y) / 1.6, "adds"),
    ("training_loss", lambda a, b, c, y: ce(a, y) + 0.3 * ce(b, y), "first"),
    ("training_loss", lambda a, b, c, y: ce(a + 0.3 * b + 0.3 * c, y), "added scores"),
    ("score_map", lambda m, w, b: torch.zeros(len(m), len(w), *m.shape[2:]), "expected"),
    ("score_map", lambda m, w, b: m.mean((2, 3)) @ w.T + b, "averaged"),
    ("score_map", lambda m, w, b: m.permute(0, 2, 3, 1) @ w.T + b, "last axis"),
    ("score_map", lambda m, w, b: right_map(m, w, 0 * b), "no bias"),
    ("score_map", lambda m, w, b: right_map(m, w, b / m.shape[2] / m.shape[3]), "shared out"),
    ("score_map", lambda m, w, b: right_map(m / m.shape[2] / m.shape[3], w, b), "divided"),
    ("score_map", lambda m, w, b: right_map(m, w, b).flip(1), "expected"),
]  # fmt: skip


TestCheckers = checkers.rules(checks, SOLUTIONS, WRONG)


def answers(question):
    """From the network itself: (channels, weights, multiply–adds)."""
    q = question
    module = Inception(q.in_channels, q.ones, q.threes_reduced, q.threes, q.fives_reduced, q.fives, q.pooled)
    table = trace(module, (q.in_channels, q.size, q.size))
    convolutions = [row for row in table.rows if row.kind == "Conv2d"]
    with torch.no_grad():
        channels = module.eval()(torch.zeros(1, q.in_channels, q.size, q.size)).shape[1]
    return channels, sum(row.parameters for row in convolutions), table.multiply_adds


@pytest.mark.parametrize("seed", range(10))
def test_module_question(seed):
    question = checks.module_question(seed)
    channels, weights, work = answers(question)
    assert question.check(channels, weights, work)
    assert repr(question) == repr(checks.module_question(seed))
    for wrong in (0, channels + 1, None, ..., True):
        assert not question.check(wrong, weights, work)
    for wrong in (0, weights - 1, work, None):
        assert not question.check(channels, wrong, work)
    for wrong in (0, weights, 2 * work, None):
        assert not question.check(channels, weights, wrong)


def test_module_question_names_the_mistake():
    question = checks.module_question(0)
    channels, weights, work = answers(question)
    reduced = question.threes_reduced + question.fives_reduced
    naive = question.in_channels * (question.ones + 9 * question.threes + 25 * question.fives)
    assert "do not come out" in question.check(channels + reduced, weights, work).message
    assert "after the pooling" in question.check(channels - question.pooled + question.in_channels, 0, 0).message
    assert "the reductions?" in question.check(channels, naive, work).message
    assert "have weights too" in question.check(channels, weights - question.in_channels * reduced, work).message
    assert "every place" in question.check(channels, weights, weights).message


def test_the_joined_kernel_is_the_module():
    """With the right kernel one convolution equals the four branches; the pooling counts its padding."""
    generator = torch.Generator().manual_seed(0)
    k = [torch.randn(2, 3, size, size, generator=generator).double() for size in (1, 3, 5, 1)]
    x = torch.randn(1, 3, 6, 7, generator=generator).double()
    apart = [F.conv2d(x, kernel, padding=kernel.shape[-1] // 2) for kernel in k[:3]]
    apart.append(F.conv2d(F.avg_pool2d(x, 3, stride=1, padding=1), k[3]))
    assert torch.allclose(F.conv2d(x, right_kernel(*k), padding=2), torch.cat(apart, dim=1), rtol=0, atol=1e-10)


def test_a_fixed_list_is_not_called_random():
    assert "random" not in checks.widest_reduction(right_reduction).message


def test_seeds_ask_different_questions():
    assert len({checks.module_question(seed) for seed in range(20)}) > 15
