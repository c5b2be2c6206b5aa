"""The checkers of chapter 5: the solution passes, typical wrong answers fail, and the likely mistake is named."""

import checkers
import pytest
import torch
from torch import nn

from companion.checks import vgg as checks
from companion.models.vgg import CHANNELS, CONFIGURATIONS, VGG


def right_merge(first, second):
    merged = torch.zeros(5, 5, dtype=first.dtype)
    for row in range(3):
        for column in range(3):
            merged[row : row + 3, column : column + 3] += second[row, column] * first
    return merged


def right_parameters(convolutions, num_classes):
    in_channels, total = 3, 0
    for count, channels in zip(convolutions, CHANNELS, strict=True):
        for _ in range(count):
            total += channels * (9 * in_channels + 1)
            in_channels = channels
    return total + 4096 * (512 * 49 + 1) + 4096 * (4096 + 1) + num_classes * (4096 + 1)


def right_std(shape):
    return (2 / torch.Size(shape[1:]).numel()) ** 0.5


def right_weights(weight, side):
    return weight.reshape(len(weight), -1, side, side).clone()


SOLUTIONS = {
    "merge_kernels": right_merge,
    "vgg_parameters": right_parameters,
    "he_std": right_std,
    "as_convolution": right_weights,
}

# checker: wrong answer and a word that its verdict must contain
WRONG = [
    ("merge_kernels", lambda a, b: torch.zeros(5, 5), "expected"),
    ("merge_kernels", lambda a, b: right_merge(a.flip(0, 1), b), "not turned over"),
    ("merge_kernels", lambda a, b: right_merge(a.flip(0, 1), b.flip(0, 1)), "merged kernel"),
    ("merge_kernels", lambda a, b: right_merge(a, b).T, "exchanged"),
    ("merge_kernels", lambda a, b: right_merge(a, b)[1:4, 1:4], "5×5"),
    ("merge_kernels", lambda a, b: a @ b, "matrices"),
    ("merge_kernels", lambda a, b: nn.functional.pad(a + b, [1] * 4), "one after the other"),
    ("merge_kernels", lambda a, b: right_merge(a, b).roll(1, 0), "expected"),
    ("vgg_parameters", lambda s, k: 0, "expected"),
    ("vgg_parameters", lambda s, k: right_parameters(s, k) + 1, "expected"),
    ("vgg_parameters", lambda s, k: right_parameters(s, 1000), "1,000"),
    ("vgg_parameters", lambda s, k: right_parameters(s, k) - 4096 * 512 * 48, "7×7"),
    ("vgg_parameters", lambda s, k: right_parameters(s, k) + 4096 * 512 * 147, "14×14"),
    ("vgg_parameters", lambda s, k: right_parameters(s, k) - right_parameters((0,) * 5, k), "convolutions only"),
    ("vgg_parameters", lambda s, k: right_parameters((0,) * 5, k), "dense layers only"),
    ("vgg_parameters", lambda s, k: right_parameters(s, k) - sum(n * c for n, c in zip(s, CHANNELS, strict=True))
     - 8192 - k, "without biases"),
    ("vgg_parameters", lambda s, k: right_parameters((0,) * 5, k) + sum(
        n * c * (9 * i + 1) for n, c, i in zip(s, CHANNELS, (3, *CHANNELS), strict=False)), "as its first"),
    ("vgg_parameters", lambda s, k: right_parameters((0,) * 5, k) + sum(
        n * c * (9 * c + 1) for n, c in zip(s, CHANNELS, strict=True)), "puts out"),
    ("he_std", lambda shape: 0.0, "expected"),
    ("he_std", lambda shape: 0.01, "expected"),
    ("he_std", lambda shape: right_std(shape) ** 2, "variance"),
    ("he_std", lambda shape: right_std((shape[1], shape[0], *shape[2:])), "fan out"),
    ("he_std", lambda shape: right_std(shape[:2]), "window's"),
    ("he_std", lambda shape: right_std(shape[:3]), "one side"),
    ("he_std", lambda shape: right_std(shape) / 2**0.5, "halves"),
    ("he_std", lambda shape: right_std((1, shape[0] + shape[1], *shape[2:])), "Glorot"),
    ("he_std", lambda shape: right_std((1, *shape)), "all the weights"),
    ("as_convolution", lambda w, s: torch.zeros_like(right_weights(w, s)), "expected"),
    ("as_convolution", lambda w, s: right_weights(w, s).mT, "exchanged"),
    ("as_convolution", lambda w, s: w.reshape(len(w), s, s, -1).permute(0, 3, 1, 2), "channels last"),
    ("as_convolution", lambda w, s: right_weights(w, s).transpose(0, 1), "inputs and outputs"),
    ("as_convolution", lambda w, s: right_weights(w, s).flip(2).flip(3), "turned over"),
    ("as_convolution", lambda w, s: right_weights(w, s)[:, :, :1, :1], "one position"),
    ("as_convolution", lambda w, s: w, "expected"),
]  # fmt: skip


TestCheckers = checkers.rules(checks, SOLUTIONS, WRONG)


def test_the_right_kernel_does_what_the_two_do():
    first, second, picture = (torch.randint(-3, 4, (1, 1, n, n)).double() for n in (3, 3, 9))
    apart = nn.functional.conv2d(nn.functional.conv2d(picture, first), second)
    merged = right_merge(first[0, 0], second[0, 0])[None, None]
    assert torch.equal(nn.functional.conv2d(picture, merged), apart)


@pytest.mark.parametrize("configuration", CONFIGURATIONS)
def test_the_right_count_is_that_of_the_network(configuration):
    with torch.device("meta"):
        network = VGG(configuration, num_classes=12)
    counted = sum(parameter.numel() for parameter in network.parameters())
    assert right_parameters(CONFIGURATIONS[configuration], 12) == counted


@pytest.mark.parametrize("seed", range(50))
def test_stack_question(seed):
    question = checks.stack_question(seed)
    n, side = question.convolutions, 2 * question.convolutions + 1
    with torch.device("meta"):
        inputs = [question.in_channels] + [question.channels] * (n - 1)
        layers = [nn.Conv2d(i, question.channels, 3, padding=1) for i in inputs]
        single = nn.Conv2d(question.in_channels, question.channels, side)
        x, numbers = torch.empty(1, question.in_channels, question.side, question.side), 0
        for layer in layers:
            x = layer(x)
            numbers += x.numel()
    stack = sum(parameter.numel() for layer in layers for parameter in layer.parameters())
    answers = [side, stack, sum(parameter.numel() for parameter in single.parameters()), numbers]
    assert question.check(*answers)
    assert repr(question) == repr(checks.stack_question(seed))
    for place in range(4):
        for wrong in (0, answers[place] + 1, answers[place] - 1, None, ..., True):
            assert not question.check(*answers[:place], wrong, *answers[place + 1 :])


def test_stack_question_names_the_mistake():
    question = checks.StackQuestion(in_channels=3, channels=8, convolutions=3, side=10)
    assert "overlap" in question.check(9, 0, 0, 0).message
    assert "sees itself" in question.check(6, 0, 0, 0).message
    assert "biases" in question.check(7, 9 * 8 * (3 + 16), 0, 0).message
    assert "reads 3 channels" in question.check(7, 3 * 8 * (9 * 8 + 1), 0, 0).message
    stack = 8 * 28 + 2 * 8 * 73
    assert "two sides" in question.check(7, stack, 8 * (3 * 7 + 1), 0).message
    assert "every convolution" in question.check(7, stack, 8 * (3 * 49 + 1), 800).message
    assert "padding" in question.check(7, stack, 8 * (3 * 49 + 1), 8 * (64 + 36 + 16)).message


def test_seeds_ask_different_questions():
    assert len({checks.stack_question(seed) for seed in range(20)}) > 15
