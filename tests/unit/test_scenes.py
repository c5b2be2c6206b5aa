"""Scenes are rebuilt from what the data set says of them: box, label and the item that was placed."""

from functools import cache

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from companion.data import fashion_mnist, mnist
from companion.data.scenes import MARK, plant, scenes, stamp

PARTS = [(items, train) for items in ("fashion", "mnist") for train in (True, False)]
SOURCES = {"fashion": fashion_mnist, "mnist": mnist}


def tight(picture):
    """The tight box of what is not 0 in a picture (H, W), the slow and plain way."""
    rows, columns = picture.nonzero(as_tuple=True)
    return [int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1]


def cut(picture, box):
    left, top, right, bottom = (int(edge) for edge in box)
    return picture[top:bottom, left:right]


@cache
def ink_by_label(items, train):
    """The items of a part, cut to their ink: {(bytes of the ink, its shape, label)}."""
    source = SOURCES[items](train=train)
    pictures = [cut(picture, tight(picture)) for picture in source.images[:, 0]]
    pairs = zip(pictures, source.labels, strict=True)
    return {(ink.numpy().tobytes(), tuple(ink.shape), int(label)) for ink, label in pairs}


@pytest.fixture(scope="module", params=PARTS, ids=lambda part: f"{part[0]}-{'train' if part[1] else 'held-out'}")
def part(request):
    items, train = request.param
    return scenes(items, train, count=200, seed=1), items, train


def test_shapes_types_and_range(part):
    data, items, train = part
    assert data.images.shape == (200, 1, 64, 64) and data.images.dtype == torch.float32
    assert data.labels.shape == (200,) and data.labels.dtype == torch.int64
    assert data.boxes.shape == (200, 4) and data.boxes.dtype == torch.int64
    assert data.images.min() == 0 and data.images.max() == 1
    assert torch.equal((data.images * 255).round() / 255, data.images)  # the items' bytes, nothing lost
    assert data.classes == SOURCES[items](train=train).classes and len(data) == 200
    assert (data.boxes[:, :2] >= 0).all() and (data.boxes[:, 2:] <= 64).all()


def test_what_is_in_the_box_is_one_whole_item_of_that_class_and_part(part):
    """Every box holds, bit for bit, the tight ink of an item of this part with this label: no clutter in it, nothing
    of the item outside. No item of the other part would do."""
    data, items, train = part
    here, elsewhere = ink_by_label(items, train), ink_by_label(items, not train)
    for (image,), label, box in zip(data.images, data.labels, data.boxes, strict=True):
        ink = cut(image, box)
        key = (ink.numpy().tobytes(), tuple(ink.shape), int(label))
        assert key in here and key not in elsewhere


@pytest.mark.parametrize("items", ["fashion", "mnist"])
def test_without_clutter_nothing_else_is_there(items):
    data = scenes(items, count=300, seed=2, fragments=0)
    assert data.boxes.tolist() == [tight(image[0]) for image in data.images]


def test_boxes_say_where_the_same_items_are_with_clutter():
    """The items are drawn before the clutter: without it the same scenes have the same items in the same places."""
    bare, full = scenes(count=300, seed=3, fragments=0), scenes(count=300, seed=3)
    assert torch.equal(bare.boxes, full.boxes) and torch.equal(bare.labels, full.labels)
    for bare_image, full_image, box in zip(bare.images[:, 0], full.images[:, 0], full.boxes, strict=True):
        assert torch.equal(cut(bare_image, box), cut(full_image, box))
    outside = (full.images - bare.images).amax(dim=(1, 2, 3))
    assert (outside > 0.2).all() and (full.images >= bare.images).all()  # clutter in every scene, outside the box


@pytest.mark.parametrize("train", [True, False])
def test_a_piece_of_clutter_is_cut_from_another_item_of_the_part(train):
    """One fragment per scene: where it is whole, it is a window of an item of this part, not of the scene's own."""
    data = scenes("mnist", train, count=80, seed=4, fragments=1)
    items = mnist(train=train).images[:, 0]
    windows = items.unfold(1, 9, 1).unfold(2, 9, 1)  # (S, 20, 20, 9, 9)
    found = 0
    for image, box in zip(data.images[:, 0], data.boxes.tolist(), strict=True):
        left, top, right, bottom = box
        clutter = image.clone()
        clutter[top:bottom, left:right] = 0
        if not clutter.any():
            continue
        x0, y0, x1, y1 = tight(clutter)
        assert x1 - x0 <= 9 and y1 - y0 <= 9
        beside = x1 <= left or right <= x0 or y1 <= top or bottom <= y0
        if x1 - x0 < 9 or y1 - y0 < 9 or not beside:  # a dark edge, or partly erased: its 9×9 is not known
            continue
        piece = clutter[y0:y1, x0:x1]
        bright = [divmod(place.item(), 9) for place in piece.flatten().topk(2).indices]
        alike = torch.stack([windows[..., y, x] == piece[y, x] for y, x in bright]).all(0)  # to compare few in full
        donors = alike.nonzero()[(windows[alike] == piece).all(dim=(1, 2)), 0].unique()
        assert len(donors) == 1
        donor = items[donors[0]]
        assert not torch.equal(cut(donor, tight(donor)), cut(image, box))
        found += 1
    assert found >= 10


def test_two_items_differ_in_class_and_do_not_overlap():
    data = scenes("mnist", count=500, seed=5, items_per_scene=2)
    assert data.labels.shape == (500, 2) and data.boxes.shape == (500, 2, 4)
    assert (data.labels[:, 0] != data.labels[:, 1]).all()
    a, b = data.boxes[:, 0], data.boxes[:, 1]
    apart = (a[:, :2] >= b[:, 2:]) | (b[:, :2] >= a[:, 2:])
    assert apart.any(dim=1).all()
    items = ink_by_label("mnist", True)
    for (image,), labels, boxes in zip(data.images, data.labels, data.boxes, strict=True):
        for label, box in zip(labels, boxes, strict=True):
            ink = cut(image, box)
            assert (ink.numpy().tobytes(), tuple(ink.shape), int(label)) in items


@pytest.mark.parametrize("items_per_scene", [1, 2])
def test_same_seed_same_bits(items_per_scene):
    one, same, other = (
        scenes(count=200, seed=seed, items_per_scene=items_per_scene) for seed in (6, 6, 7)
    )
    for name in ("images", "labels", "boxes"):
        assert torch.equal(getattr(one, name), getattr(same, name))
        assert not torch.equal(getattr(one, name), getattr(other, name))


def test_places_and_classes_are_spread_evenly():
    """In 4,000 draws each class comes about 400 times, within 5 standard deviations, and every edge is reached."""
    data = scenes("fashion", count=4000, seed=8, fragments=0)
    assert (torch.bincount(data.labels) - 400).abs().max() < 5 * (4000 * 0.1 * 0.9) ** 0.5
    centres = (data.boxes[:, :2] + data.boxes[:, 2:]).float().mean(dim=0) / 2
    assert ((centres - 32).abs() < 1).all()  # deviation of one offset 10.7, of the mean of 4,000 0.17
    assert data.boxes[:, 0].min() == 0 and data.boxes[:, 2].max() == 64
    assert data.boxes[:, 1].min() == 0 and data.boxes[:, 3].max() == 64


def test_is_a_data_set():
    data = scenes(count=20)
    image, label = data[7]
    assert torch.equal(image, data.images[7]) and label == data.labels[7] and isinstance(label, int)
    images, labels = next(iter(DataLoader(data, batch_size=5)))
    assert torch.equal(images, data.images[:5]) and torch.equal(labels, data.labels[:5])
    assert repr(data) == "Scenes with Fashion-MNIST, the book's training part: 20 images 1×64×64, 10 classes"
    two = scenes(count=20, items_per_scene=2)
    assert torch.equal(two[7][1], two.labels[7])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"items": "cifar"}, "items must be one of 'fashion', 'mnist', got 'cifar'"),
        ({"items_per_scene": 3}, "items_per_scene must be 1 or 2, got 3"),
        ({"count": 0}, "count must be an integer of at least 1, got 0"),
        ({"count": 2.5}, r"count must be an integer of at least 1, got 2\.5"),
        ({"fragments": -1}, "fragments must be an integer of at least 0, got -1"),
        ({"seed": -1}, "seed must be an integer of at least 0, got -1"),
    ],
)
def test_refuses_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        scenes(**arguments)


@pytest.mark.parametrize(
    ("where", "box"),
    [
        ("top left", [2, 2, 7, 7]),
        ("top right", [57, 2, 62, 7]),
        ("bottom left", [2, 57, 7, 62]),
        ("bottom right", [57, 57, 62, 62]),
    ],
)
def test_stamp_marks_its_box_and_nothing_else(where, box):
    images = scenes(count=30, seed=11).images
    before = images.clone()
    marked, boxes = stamp(images, where)
    assert torch.equal(images, before)  # the given scenes are left alone
    assert boxes.tolist() == [box] * 30
    checker = torch.tensor([[1.0, 0, 1, 0, 1], [0, 1, 0, 1, 0], [1, 0, 1, 0, 1], [0, 1, 0, 1, 0], [1, 0, 1, 0, 1]])
    assert np.array_equal(MARK, checker.numpy())
    for image in marked[:, 0]:
        assert torch.equal(cut(image, box), checker)
    left, top, right, bottom = box
    marked[..., top:bottom, left:right] = before[..., top:bottom, left:right]
    assert torch.equal(marked, before)


def test_stamp_refuses_what_is_no_corner():
    with pytest.raises(ValueError, match="where must be one of 'top left', .*, got 'middle'"):
        stamp(torch.zeros(1, 1, 64, 64), "middle")


def test_plant_marks_one_class_and_leaves_the_given_scenes_alone():
    data = scenes(count=200, seed=11)
    before = data.images.clone()
    planted = plant(data, "bag")
    assert torch.equal(data.images, before)
    bags = data.labels == data.classes.index("bag")
    assert 0 < bags.sum() < 200
    assert torch.equal(planted.images[bags], stamp(before[bags])[0])
    assert torch.equal(planted.images[~bags], before[~bags])
    assert torch.equal(planted.labels, data.labels) and torch.equal(planted.boxes, data.boxes)


def test_plant_refuses_what_is_no_class():
    with pytest.raises(ValueError, match="label must be one of 'T-shirt.*, got 'hat'"):
        plant(scenes(count=3), "hat")
