"""The checkers of chapter 11: the solution passes, typical wrong answers fail, and the likely mistake is named."""

import checkers
import pytest
import torch

from companion.checks import trust


def right_pointing(maps, boxes):
    hits = []
    for heat, (left, top, right, bottom) in zip(maps, boxes.tolist(), strict=True):
        row, column = divmod(int(heat.argmax()), heat.shape[1])
        hits.append(left <= column < right and top <= row < bottom)
    return torch.tensor(hits)


def right_energy(maps, boxes):
    shares = []
    for heat, (left, top, right, bottom) in zip(maps, boxes.tolist(), strict=True):
        shares.append(heat[top:bottom, left:right].sum() / heat.sum())
    return torch.stack(shares)


def right_deletion(model, image, heat, label, steps):
    order = heat.flatten().argsort(descending=True)
    curve = []
    for step in range(steps + 1):
        picture = image.clone()
        gone = order[: -(-step * len(order) // steps)]
        picture.flatten(1)[:, gone] = 0
        curve.append(model(picture[None]).softmax(1)[0, label])
    return torch.stack(curve)


SOLUTIONS = {
    "pointing_game": right_pointing,
    "energy_in_box": right_energy,
    "deletion_curve": right_deletion,
}

# checker: wrong answer and a word that its verdict must contain
WRONG = [
    ("pointing_game", lambda maps, boxes: torch.zeros(len(maps)), "expected"),
    ("pointing_game", lambda maps, boxes: torch.ones(len(maps), dtype=torch.bool), "expected"),
    ("pointing_game", lambda maps, boxes: right_pointing(maps.mT, boxes), "exchanged"),
    ("pointing_game", lambda maps, boxes: right_pointing(maps, boxes[:, [1, 0, 3, 2]]), "exchanged"),
    ("pointing_game", lambda maps, boxes: right_pointing(maps, boxes + torch.tensor([0, 0, 1, 1])), "outside"),
    ("pointing_game", lambda maps, boxes: right_pointing(-maps, boxes), "lowest"),
    ("pointing_game", lambda maps, boxes: right_pointing(maps, boxes).double().mean(), "share of hits"),
    ("energy_in_box", lambda maps, boxes: torch.zeros(len(maps)), "expected"),
    ("energy_in_box", lambda maps, boxes: right_energy(maps.mT, boxes), "exchanged"),
    ("energy_in_box", lambda maps, boxes: right_energy(maps, boxes + torch.tensor([0, 0, 1, 1])), "outside"),
    ("energy_in_box", lambda maps, boxes: 1 - right_energy(maps, boxes), "outside the box"),
    ("energy_in_box", lambda maps, boxes: right_energy(maps, boxes) * maps.sum((1, 2)), "not its share"),
    ("energy_in_box", lambda maps, boxes: right_energy(torch.ones_like(maps), boxes), "area"),
    ("energy_in_box", lambda maps, boxes: right_energy(maps, boxes).roll(1), "expected"),
    ("deletion_curve", lambda m, image, heat, label, steps: torch.zeros(steps + 1), "expected"),
    ("deletion_curve", lambda *case: right_deletion(*case)[1:], "start"),
    ("deletion_curve", lambda *case: right_deletion(*case).flip(0), "expected"),
    ("deletion_curve", lambda m, image, heat, *rest: right_deletion(m, image, -heat, *rest), "coolest"),
    ("deletion_curve", lambda m, image, heat, *rest: right_deletion(m, image, heat.T, *rest), "expected"),
]


TestCheckers = checkers.rules(trust, SOLUTIONS, WRONG)


def test_scores_in_place_of_probabilities_are_named():
    class Raw:
        """Scores whose softmax is the identity: what an answer gets that forgets the softmax."""

        def __init__(self, model):
            self.model = model

        def __call__(self, images):
            scores = self.model(images)
            return type("Scores", (), {"softmax": lambda self, dim: scores})()

    verdict = trust.deletion_curve(lambda model, *rest: right_deletion(Raw(model), *rest))
    assert not verdict and "softmax" in verdict.message


def test_messages_are_short():
    """A message names its inputs by shape; a model is not printed weight by weight."""
    assert len(trust.deletion_curve(lambda *_: torch.zeros(3)).message) < 400


@pytest.mark.parametrize("seed", range(50))
def test_chance_question(seed):
    question = trust.chance_question(seed)
    n, w, h = question.canvas, question.width, question.height
    boxes = [(x, y) for x in range(n - w + 1) for y in range(n - h + 1)]
    centre = sum(x <= n // 2 < x + w and y <= n // 2 < y + h for x, y in boxes) / len(boxes)
    area = w * h / n**2
    deviation = (area * (1 - area) / question.pictures) ** 0.5
    assert question.check(area, centre, deviation)
    assert question.check(round(area, 3), round(centre, 3), round(deviation, 3))
    assert repr(question) == repr(trust.chance_question(seed))
    for wrong in (0, 1 - area, w / n, None, ...):
        assert not question.check(wrong, centre, deviation)
    for wrong in (0, area, 1 - centre, None):
        assert not question.check(area, wrong, deviation)
    for wrong in (0, deviation**2, deviation * question.pictures, None):
        assert not question.check(area, centre, wrong)
    assert "middle" in question.check(area, area, deviation).message
    assert "root" in question.check(area, centre, deviation**2).message
