"""`companion.cam_scores`: the measures of a map, on cases that can be counted by hand."""

import pytest
import torch
from torch import nn

from companion.cam import energy_in_box, insertion_deletion, pointing_game


def one_bright(places, size=(4, 6)):
    """Maps with 1 at one (row, column) each."""
    maps = torch.zeros(len(places), *size)
    for n, (row, column) in enumerate(places):
        maps[n, row, column] = 1
    return maps


# Boxes: left, top, right, bottom; right and bottom exclusive. This one holds columns 1 to 3, rows 2 and 3.
BOX = torch.tensor([1, 2, 4, 4])


def test_the_highest_place_lies_in_the_box_or_not():
    inside = [(2, 1), (2, 3), (3, 1), (3, 3)]
    outside = [(1, 1), (2, 0), (2, 4), (1, 3), (0, 0), (3, 5)]
    maps = one_bright(inside + outside)
    assert pointing_game(maps, BOX.expand(10, 4)).tolist() == [True] * 4 + [False] * 6
    assert pointing_game(maps + 0.9 * (maps == 0), BOX.expand(10, 4)).tolist() == [True] * 4 + [False] * 6


def test_each_map_has_its_own_box():
    maps = one_bright([(0, 0), (0, 0), (3, 5)])
    boxes = torch.tensor([[0, 0, 1, 1], [1, 1, 6, 4], [5, 3, 6, 4]])
    assert pointing_game(maps, boxes).tolist() == [True, False, True]
    assert torch.equal(energy_in_box(maps, boxes), torch.tensor([1.0, 0.0, 1.0]))


def test_energy_is_the_share_of_the_sum():
    maps = torch.ones(1, 4, 6)  # 24 places, 6 of them in the box
    assert energy_in_box(maps, BOX[None]).tolist() == [6 / 24]
    maps[0, 3, 3] = 7  # in the box: 12 of 30
    assert energy_in_box(maps, BOX[None]).item() == pytest.approx(12 / 30)
    assert energy_in_box(5 * maps, BOX[None]).item() == pytest.approx(12 / 30)


def test_an_empty_map_misses_and_has_no_energy():
    boxes = torch.tensor([[0, 0, 6, 4]])
    assert pointing_game(torch.zeros(1, 4, 6), boxes).tolist() == [False]
    assert energy_in_box(torch.zeros(1, 4, 6), boxes).tolist() == [0]


def test_a_random_place_wins_as_often_as_the_box_is_large():
    maps = one_bright([(row, column) for row in range(4) for column in range(6)])
    assert pointing_game(maps, BOX.expand(24, 4)).float().mean().item() == pytest.approx(6 / 24)


@pytest.mark.parametrize("score", [pointing_game, energy_in_box])
def test_shapes_and_signs_are_checked(score):
    with pytest.raises(ValueError, match=r"maps must be \(N, H, W\) and boxes \(N, 4\), got \(4, 6\) and \(1, 4\)"):
        score(torch.zeros(4, 6), BOX[None])
    with pytest.raises(ValueError, match=r"got \(2, 4, 6\) and \(1, 4\)"):
        score(torch.zeros(2, 4, 6), BOX[None])
    with pytest.raises(ValueError, match="maps must not be negative"):
        score(-torch.ones(1, 4, 6), BOX[None])


class LogSum(nn.Module):
    """Class 0 has the probability Σ x / 16 of a picture of 16 pixels from 0 to 1: what is shown can be read off."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def forward(self, x):
        self.seen.append(x)
        share = x.sum((1, 2, 3)) / 16
        return torch.stack([share, 1 - share], 1).clamp_min(1e-12).log()


def test_insertion_and_deletion_on_paper():
    """Two white pixels of 16, at reading order 3 and 9. The map ranks pixel 9 first and pixel 3 last."""
    images = torch.zeros(1, 1, 4, 4, dtype=torch.float64)
    images.view(-1)[[3, 9]] = 1
    maps = torch.ones(1, 4, 4)
    maps.view(-1)[9], maps.view(-1)[3] = 2, 0
    model = LogSum().eval()
    insertion, deletion = insertion_deletion(model, images, maps, torch.tensor([0]), blank=0.0, steps=4)
    expected = torch.tensor([[0, 1, 1, 1, 2]], dtype=torch.float64) / 16
    torch.testing.assert_close(insertion, expected, rtol=0, atol=1e-9)
    torch.testing.assert_close(deletion, torch.flip(torch.tensor([[0, 1, 1, 1, 2]]), [1]) / 16.0, rtol=0, atol=1e-9,
                               check_dtype=False)  # fmt: skip
    assert len(model.seen) == 10
    for step in range(5):  # each step shows four more pixels, or takes four more away
        shown, left = model.seen[2 * step], model.seen[2 * step + 1]
        assert torch.equal(shown + left, images)


def test_the_other_class_and_another_blank():
    images = torch.zeros(2, 1, 4, 4)
    maps, classes = torch.rand(2, 4, 4), torch.tensor([0, 1])
    white = insertion_deletion(LogSum().eval(), images, maps, classes, blank=1.0, steps=2)
    torch.testing.assert_close(white.insertion, torch.tensor([[1, 0.5, 0], [0, 0.5, 1]]), rtol=0, atol=1e-6)
    torch.testing.assert_close(white.deletion, white.insertion.flip(1), rtol=0, atol=1e-6)
    same = insertion_deletion(LogSum().eval(), images, maps, classes, blank=torch.ones_like(images), steps=2)
    assert all(map(torch.equal, white, same))


def test_steps_need_not_divide_and_equal_ranks_go_in_reading_order():
    model = LogSum().eval()
    insertion_deletion(model, torch.ones(1, 3, 4, 4), torch.zeros(1, 4, 4), torch.tensor([0]), blank=0.0, steps=3)
    counts = [int(x[0, 0].sum()) for x in model.seen[::2]]
    assert counts == [0, 6, 11, 16]  # all pixels whose rank is below step · 16/3
    assert torch.equal(model.seen[2][0, 0].flatten(), (torch.arange(16) < 6).float())
    assert torch.equal(model.seen[2][0, 0], model.seen[2][0, 2])  # a pixel is shown in all its channels


def test_no_graph_is_built_and_nothing_is_changed():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(16, 3)).eval()
    images, maps = torch.rand(2, 1, 4, 4, requires_grad=True), torch.rand(2, 4, 4)
    kept = maps.clone()
    curves = insertion_deletion(model, images, maps, torch.tensor([0, 2]), blank=0.5)
    assert curves.insertion.shape == curves.deletion.shape == (2, 17)
    assert not curves.insertion.requires_grad and torch.equal(maps, kept)
    whole = model(images).softmax(1)[[0, 1], [0, 2]].detach()
    torch.testing.assert_close(curves.insertion[:, -1], whole)
    torch.testing.assert_close(curves.deletion[:, 0], whole)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"maps": torch.zeros(2, 4, 5)}, r"maps must be \(N, H, W\) and classes \(N,\) for images \(2, 1, 4, 4\)"),
        ({"classes": torch.tensor([0])}, r"got \(2, 4, 4\) and \(1,\)"),
        ({"steps": 0}, "steps must be at least 1, got 0"),
        ({"model": LogSum()}, r"model is in training mode: call model.eval\(\) first"),
    ],
)
def test_arguments_are_checked(change, message):
    arguments = {
        "model": LogSum().eval(),
        "images": torch.zeros(2, 1, 4, 4),
        "maps": torch.zeros(2, 4, 4),
        "classes": torch.tensor([0, 1]),
        "blank": 0.0,
    }
    with pytest.raises(ValueError, match=message):
        insertion_deletion(**arguments | change)
