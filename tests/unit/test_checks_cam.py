"""The checkers of chapter 9: the solution passes, typical wrong answers fail, and the likely mistake is named."""

import checkers
import pytest
import torch
import torch.nn.functional as F

from companion import checks


def right_class_map(A, weights):
    return torch.einsum("c,chw->hw", weights, A)


def right_upsample(cells, factor):
    h, w = cells.shape
    return cells[:, None, :, None].expand(h, factor, w, factor).reshape(h * factor, w * factor)


SOLUTIONS = {"class_map": right_class_map, "upsample_nearest": right_upsample}

# checker: wrong answer and a word that its verdict must contain
WRONG = [
    ("class_map", lambda A, w: torch.zeros(A.shape[1:]), "expected"),
    ("class_map", lambda A, w: right_class_map(A, w).T, "exchanged"),
    ("class_map", lambda A, w: right_class_map(A, w).roll(1, 0), "expected"),
    ("class_map", lambda A, w: right_class_map(A[1:], w[1:]), "expected"),
    ("class_map", lambda A, w: right_class_map(A, w) + 1e-4, "expected"),
    ("class_map", lambda A, w: right_class_map(A, w).relu(), "ReLU"),
    ("class_map", lambda A, w: right_class_map(A, w).mean(), "score"),
    ("class_map", lambda A, w: (A * w[:, None, None]).mean(0), "mean over the channels"),
    ("class_map", lambda A, w: A.sum(0), "without the weights"),
    ("class_map", lambda A, w: A * w.view(-1, 1, 1), "before they are summed"),
    ("class_map", lambda A, w: right_class_map(A, w) / (A.shape[1] * A.shape[2]), "Grad-CAM"),
    ("upsample_nearest", lambda cells, f: torch.zeros(f * len(cells), f * cells.shape[1]), "expected"),
    ("upsample_nearest", lambda cells, f: right_upsample(cells, f).T, "exchanged"),
    ("upsample_nearest", lambda cells, f: right_upsample(cells, f)[1:], "expected"),
    ("upsample_nearest", lambda cells, f: right_upsample(cells, f).roll(1, 1), "expected"),
    ("upsample_nearest", lambda cells, f: cells.tile(f, f), "side by side"),
    ("upsample_nearest", lambda cells, f: cells.repeat_interleave(f, 0), "columns"),
    ("upsample_nearest", lambda cells, f: cells.repeat_interleave(f, 1), "rows"),
    ("upsample_nearest", lambda cells, f: F.interpolate(cells[None, None], scale_factor=f, mode="bilinear")[0, 0],
     "bilinear"),
]  # fmt: skip


TestCheckers = checkers.rules(checks, SOLUTIONS, WRONG)


def solved(question):
    """Map, score and strongest cell of a question, by tensors."""
    cells = right_class_map(torch.tensor(question.maps), torch.tensor(question.weights))
    return cells, cells.double().mean().item() + question.bias, divmod(cells.argmax().item(), 2)


@pytest.mark.parametrize("seed", range(50))
def test_cam_question(seed):
    question = checks.cam_question(seed)
    cells, score, strongest = solved(question)
    assert question.check(cells, score, strongest)
    assert question.check(cells.tolist(), score, list(strongest))
    assert repr(question) == repr(checks.cam_question(seed))
    for wrong in (torch.zeros(2, 2), cells.T, cells + 1, cells.flatten(), None, ...):
        assert not question.check(wrong, score, strongest)
    for wrong in (0.0 if score else 1.0, score + 1, score * 4 + 1, score - question.bias, None):
        assert not question.check(cells, wrong, strongest)
    for wrong in ((1 - strongest[0], strongest[1]), (strongest[0], strongest[1] + 1), 0, None):
        assert not question.check(cells, score, wrong)


@pytest.mark.parametrize("seed", range(10))
def test_cam_question_names_the_mistake(seed):
    question = checks.cam_question(seed)
    cells, score, strongest = solved(question)
    assert "ReLU" in question.check(cells.relu(), score, strongest).message
    assert "exchanged" in question.check(cells.T, score, strongest).message
    assert "bias" in question.check(cells + question.bias, score, strongest).message
    assert "missing" in question.check(cells, score - question.bias, strongest).message
    assert "sum" in question.check(cells, cells.sum().item() + question.bias, strongest).message
    against = cells.relu().double().mean().item() + question.bias
    assert "against" in question.check(cells, against, strongest).message
    assert "counted from 0" in question.check(cells, score, (strongest[0] + 1, strongest[1] + 1)).message


def test_seeds_ask_different_questions():
    assert len({repr(checks.cam_question(seed)) for seed in range(20)}) > 15
