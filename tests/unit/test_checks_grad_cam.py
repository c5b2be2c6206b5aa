"""The checkers of chapter 10: the solution passes, typical wrong answers fail, and the likely mistake is named."""

import checkers
import pytest
import torch

from companion import cam
from companion.checks import grad_cam as checks


def right_weights(G):
    return G.flatten(2).mean(2)


def right_map(A, G):
    maps = (right_weights(G)[:, :, None, None] * A).sum(1).clamp(min=0)
    return torch.stack([m / m.max() if m.max() > 0 else m for m in maps])


def right_softmax(scores, gradients, c):
    p = scores.softmax(0)
    return p[c] * (gradients[c] - (p[:, None, None, None] * gradients).sum(0))


SOLUTIONS = {"grad_cam_weights": right_weights, "grad_cam_map": right_map, "softmax_gradient": right_softmax}


def min_max(maps):
    low, high = maps.amin((1, 2), keepdim=True), maps.amax((1, 2), keepdim=True)
    return (maps - low) / (high - low)


def to_one(maps):
    return maps / maps.amax((1, 2), keepdim=True)


# checker, wrong answer, and a word that its verdict must contain
WRONG = [
    ("grad_cam_weights", lambda G: torch.zeros(G.shape[:2]), "expected"),
    ("grad_cam_weights", lambda G: right_weights(G).T, "expected"),
    ("grad_cam_weights", lambda G: G.sum((2, 3)), "sum"),
    ("grad_cam_weights", lambda G: G.mean((2, 3), keepdim=True), "(N, C, 1, 1)"),
    ("grad_cam_weights", lambda G: G.mean(1), "channels"),
    ("grad_cam_weights", lambda G: G.amax((2, 3)), "largest"),
    ("grad_cam_weights", lambda G: right_weights(G).roll(1, 1), "expected"),
    ("grad_cam_weights", lambda G: right_weights(G[:, :, 1:]), "expected"),
    ("grad_cam_weights", lambda G: right_weights(G).tolist(), "expected"),
    ("grad_cam_map", lambda A, G: torch.zeros_like(A[:, 0]), "expected"),
    ("grad_cam_map", lambda A, G: right_map(A, G).mT, "expected"),
    ("grad_cam_map", lambda A, G: cam.grad_cam(A, G).relu(), "scaled"),
    ("grad_cam_map", lambda A, G: to_one((right_weights(G)[..., None, None] * A).relu().sum(1)), "expected"),
    ("grad_cam_map", lambda A, G: min_max(cam.grad_cam(A, G)), "lowest to highest"),
    ("grad_cam_map", lambda A, G: right_map(A, G).flip(2), "expected"),
    ("grad_cam_map", lambda A, G: right_map(A, -G), "counterfactual"),
    ("grad_cam_map", lambda A, G: to_one(cam.grad_cam(A, G).relu()), "expected"),  # 0 / 0 where nothing is positive
    ("softmax_gradient", lambda y, G, c: torch.zeros_like(G[c]), "expected"),
    ("softmax_gradient", lambda y, G, c: G[c], "before the softmax"),
    ("softmax_gradient", lambda y, G, c: right_softmax(y, G, c).mT, "expected"),
    ("softmax_gradient", lambda y, G, c: right_softmax(y, G, c - 1), "expected"),
    ("softmax_gradient", lambda y, G, c: right_softmax(y, G, c) / y.softmax(0)[c], "without its factor"),
    ("softmax_gradient", lambda y, G, c: y.softmax(0)[c] * (1 - y.softmax(0)[c]) * G[c], "other scores"),
    ("softmax_gradient", lambda y, G, c: -right_softmax(y, G, c), "sign"),
    ("softmax_gradient", lambda y, G, c: right_softmax(y, G, c) + 1e-4, "expected"),
]


TestCheckers = checkers.rules(checks, SOLUTIONS, WRONG)


def test_relu_before_the_sum_is_named():
    def wrong(A, G):
        maps = (right_weights(G)[..., None, None] * A).relu().sum(1)
        return torch.stack([m / m.max() if m.max() > 0 else m for m in maps])

    assert "ReLU comes after" in checks.grad_cam_map(wrong).message


def right_answers(question):
    """By plain loops: the two weights and the two maps of a question."""
    weights = [sum(map(sum, G)) / 4 for G in question.G]
    places = [(i, j) for i in range(2) for j in range(2)]
    maps = [[[0.0, 0.0], [0.0, 0.0]] for _ in range(2)]
    for i, j in places:
        maps[0][i][j] = max(0, sum(w * A[i][j] for w, A in zip(weights, question.A, strict=True)))
        maps[1][i][j] = max(0, sum(G[i][j] * A[i][j] for G, A in zip(question.G, question.A, strict=True)))
    return weights, *maps


@pytest.mark.parametrize("seed", range(50))
def test_question(seed):
    question = checks.grad_cam_question(seed)
    assert repr(question) == repr(checks.grad_cam_question(seed))
    weights, grad, hires = right_answers(question)
    assert weights[0] * weights[1] < 0
    assert question.check(weights, grad, hires)
    assert question.check(tuple(weights), torch.tensor(grad), hires)
    for wrong in (None, ..., [0, 0], [4 * w for w in weights], weights[::-1], "two", [w + 1 for w in weights]):
        assert not question.check(wrong, grad, hires)
    for wrong in (None, [[0, 0], [0, 0]], [[v + 1 for v in row] for row in grad], [4 * row for row in grad]):
        assert not question.check(weights, wrong, hires)
    for wrong in (None, [[0, 0], [0, -1]], [[v + 1 for v in row] for row in hires]):
        assert not question.check(weights, grad, wrong)


def test_question_names_the_mistake():
    question = checks.grad_cam_question(1)
    weights, grad, hires = right_answers(question)
    A, G = torch.tensor(question.A).double(), torch.tensor(question.G).double()
    assert "sum of each G" in question.check([4 * w for w in weights]).message
    assert "before the ReLU" in question.check(weights, cam.grad_cam(A, G)).message
    assert "before the ReLU" in question.check(weights, grad, cam.hires_cam(A, G)).message
    assert "Grad-CAM again" in question.check(weights, grad, grad).message


def test_seeds_ask_different_questions():
    assert len({checks.grad_cam_question(seed) for seed in range(20)}) == 20
