"""The checkers themselves: the solution passes, typical wrong answers fail, and the likely mistake is named."""

import checkers
import pytest
import torch
import torch.nn.functional as F

from companion import checks
from companion.shapes import conv_multiply_adds, conv_output_size, conv_parameters, pool_output_size


def right_subsample(x, weight, bias):
    windows = x[:, :, 0::2, 0::2] + x[:, :, 0::2, 1::2] + x[:, :, 1::2, 0::2] + x[:, :, 1::2, 1::2]
    return windows * weight.view(-1, 1, 1) + bias.view(-1, 1, 1)


def right_rbf(x, codes):
    return ((x[:, None] - codes) ** 2).sum(2)


def right_flattened(image_size, padding):
    first = pool_output_size(conv_output_size(image_size, 5, padding=padding), 2)
    return 16 * pool_output_size(conv_output_size(first, 5), 2) ** 2


SOLUTIONS = {"subsample": right_subsample, "rbf": right_rbf, "flattened_features": right_flattened}

# checker: wrong answer and a word that its verdict must contain
WRONG = [
    ("subsample", lambda x, w, b: torch.zeros_like(right_subsample(x, w, b)), "expected"),
    ("subsample", lambda x, w, b: right_subsample(x, w, b).mT, "exchanged"),
    ("subsample", lambda x, w, b: right_subsample(x, w, b)[:, :, 1:], "expected"),
    ("subsample", lambda x, w, b: right_subsample(x, w, b) + 1e-4, "expected"),
    ("subsample", lambda x, w, b: F.avg_pool2d(x, 2) * w.view(-1, 1, 1) + b.view(-1, 1, 1), "mean"),
    ("subsample", lambda x, w, b: right_subsample(x, w, b * w), "before"),
    ("subsample", lambda x, w, b: right_subsample(x, w, b).tolist(), "expected"),
    ("rbf", lambda x, codes: torch.zeros(len(x), len(codes)), "expected"),
    ("rbf", lambda x, codes: right_rbf(x, codes).T, "(K, N)"),
    ("rbf", lambda x, codes: right_rbf(x[:, 1:], codes[:, 1:]), "expected"),
    ("rbf", lambda x, codes: right_rbf(x, codes).sqrt(), "squared"),
    ("rbf", lambda x, codes: right_rbf(x, codes).roll(1, 1), "expected"),
    ("flattened_features", lambda n, p: 0, "expected"),
    ("flattened_features", lambda n, p: right_flattened(n, p) + 1, "expected"),
    ("flattened_features", lambda n, p: right_flattened(n, 0), "no padding"),
    ("flattened_features", lambda n, p: right_flattened(n, p) // 16, "16"),
    ("flattened_features", lambda n, p: 400, "expected"),
]


TestCheckers = checkers.rules(checks, SOLUTIONS, WRONG)


@pytest.mark.parametrize("seed", range(50))
def test_layer_question(seed):
    question = checks.layer_question(seed)
    size = conv_output_size(question.size, question.kernel, question.stride, question.padding)
    parameters = conv_parameters(question.in_channels, question.out_channels, question.kernel)
    work = conv_multiply_adds(question.in_channels, question.out_channels, question.kernel, size)
    assert question.check(size, parameters, work)
    assert repr(question) == repr(checks.layer_question(seed))
    for wrong in (0, size + 1, size - 1, None, ...):
        assert not question.check(wrong, parameters, work)
    for wrong in (0, parameters + 1, parameters - question.out_channels, None):
        assert not question.check(size, wrong, work)
    for wrong in (0, work + 1, work // size, None):
        assert not question.check(size, parameters, wrong)


def test_layer_question_names_the_mistake():
    question = checks.layer_question(1)
    size = conv_output_size(question.size, question.kernel, question.stride, question.padding)
    assert "+ 1" in question.check(size - 1, 0, 0).message
    weights = question.out_channels * question.in_channels * question.kernel**2
    assert "biases" in question.check(size, weights, 0).message


def test_seeds_ask_different_questions():
    assert len({checks.layer_question(seed) for seed in range(20)}) > 15
