"""Scenes: one item somewhere on a dark canvas among clutter, so that the place of what decides is known exactly.

A photograph's label seldom says where the object is, and never which pixels a network ought to use. Here both are
known: the clutter is cut from random other items and put in random places, so it tells nothing about the class, and
everything inside the item's box is the item. A heat map can be measured against that box.
"""

import copy

import numpy as np
import torch

from companion.data import LabelledImages, fashion_mnist, mnist

ITEMS = {"fashion": fashion_mnist, "mnist": mnist}
CANVAS = 64  # height and width of a scene
ITEM = 28  # of an item
FRAGMENT = 9  # of a piece of clutter
INK = (4, 24)  # fragments come from these rows and columns of an item, the field that MNIST's digits were scaled into

CORNERS = ("top left", "top right", "bottom left", "bottom right")
MARK = (np.indices((5, 5)).sum(axis=0) % 2 == 0).astype(np.float32)  # a checkerboard with bright corners
MARGIN = 2  # pixels between the mark and the two edges of its corner


class Scenes(LabelledImages):
    """`LabelledImages` that also know where their items are.

    images: (N, 1, 64, 64) float32 from 0 to 1.
    labels: (N,) int64; with M > 1 items per scene (N, M).
    boxes: (N, 4) int64, the tight box of the item's ink in pixels, (left, top, right, bottom), where right and
        bottom are the first column and row outside; with M > 1 items (N, M, 4), in the order of the labels.
    """

    def __init__(self, images, labels, boxes, classes, name):
        super().__init__(images, labels, classes, name)
        self.boxes = torch.tensor(boxes)

    def __getitem__(self, index):
        label = self.labels[index]
        return self.images[index], int(label) if label.ndim == 0 else label


def scenes(
    items: str = "fashion",
    train: bool = True,
    count: int = 4000,
    seed: int = 0,
    items_per_scene: int = 1,
    fragments: int = 8,
) -> Scenes:
    """Make scenes of 64×64 from items of 28×28 and pieces of clutter of 9×9. The same arguments give the same bits.

    Each item is drawn, with replacement, and placed whole, both uniformly. The clutter is cut from the middle of
    other items of the same part and lies anywhere, but is erased inside the items' boxes: it neither hides an item
    nor shines through it. Where pieces cross, the brighter pixel shows.

    Args:
        items: "fashion" or "mnist", the book's own part of it.
        train: make them of training items, for items and clutter alike, or else of held-out ones.
        count: how many scenes, N.
        seed: decides everything that is drawn.
        items_per_scene: M, 1 or 2. Two items of a scene have different classes, and their boxes do not overlap.
        fragments: pieces of clutter in each scene, 0 or more.

    Returns:
        Scenes with `.images` (N, 1, 64, 64), `.labels` (N,) or (N, 2), `.boxes` (N, 4) or (N, 2, 4), `.classes`.

    Raises:
        ValueError: an argument is none of these.
    """
    if items not in ITEMS:
        raise ValueError(f"items must be one of {', '.join(map(repr, ITEMS))}, got {items!r}")
    if items_per_scene not in (1, 2):
        raise ValueError(f"items_per_scene must be 1 or 2, got {items_per_scene!r}")
    for name, value, least in (("count", count, 1), ("fragments", fragments, 0), ("seed", seed, 0)):
        if not (isinstance(value, int) and value >= least):
            raise ValueError(f"{name} must be an integer of at least {least}, got {value!r}")
    source = ITEMS[items](train=train)
    pictures = (source.images[:, 0].numpy() * 255).round().astype(np.uint8)  # (S, 28, 28)
    classes = source.labels.numpy()
    ink = _boxes(pictures)  # (S, 4)
    rng = np.random.default_rng(seed)

    chosen = np.empty((count, items_per_scene), np.int64)
    corners = np.empty((count, items_per_scene, 2), np.int64)  # left, top of each item's 28×28
    wrong = np.ones(count, bool)
    while wrong.any():  # only a pair can be: of one class, or overlapping
        redrawn = (wrong.sum(), items_per_scene)
        chosen[wrong] = rng.integers(len(pictures), size=redrawn)
        corners[wrong] = rng.integers(CANVAS - ITEM + 1, size=(*redrawn, 2))
        boxes = ink[chosen] + np.tile(corners, 2)  # (N, M, 4)
        first, last = boxes[:, 0], boxes[:, -1]
        wrong = (classes[chosen[:, 0]] == classes[chosen[:, -1]]) | _overlap(first, last)
        wrong &= items_per_scene > 1

    canvas = np.zeros((count, CANVAS, CANVAS), np.uint8)
    for _ in range(fragments):
        donor = rng.integers(len(pictures) - items_per_scene, size=count)
        for own in np.sort(chosen).T:  # skip the scene's own items, in ascending order
            donor += donor >= own
        cut = rng.integers(INK[0], INK[1] - FRAGMENT + 1, size=(count, 2))
        place = rng.integers(CANVAS - FRAGMENT + 1, size=(count, 2))
        _paste(canvas, place, pictures[_window(donor, cut, FRAGMENT)])
    for m in range(items_per_scene):
        canvas[_inside(boxes[:, m])] = 0
    for m in range(items_per_scene):
        _paste(canvas, corners[:, m], pictures[chosen[:, m]])

    labels = classes[chosen]
    if items_per_scene == 1:
        labels, boxes = labels[:, 0], boxes[:, 0]
    name = f"Scenes with {source.name}"
    return Scenes(canvas[:, None], labels, boxes, source.classes, name)


def stamp(images: torch.Tensor, where: str = "bottom right") -> tuple[torch.Tensor, torch.Tensor]:
    """Put the same small mark, a 5×5 checkerboard, over a corner of each image: a shortcut to plant.

    Args:
        images: (N, 1, H, W) from 0 to 1; not changed.
        where: "top left", "top right", "bottom left" or "bottom right"; the mark keeps 2 pixels off the edges.

    Returns:
        The marked images, (N, 1, H, W), and the mark's box for each, (N, 4): left, top, right, bottom.

    Raises:
        ValueError: `where` is no corner.
    """
    if where not in CORNERS:
        raise ValueError(f"where must be one of {', '.join(map(repr, CORNERS))}, got {where!r}")
    height, width = images.shape[-2:]
    size = len(MARK)
    top = MARGIN if "top" in where else height - MARGIN - size
    left = MARGIN if "left" in where else width - MARGIN - size
    marked = images.clone()
    marked[..., top : top + size, left : left + size] = torch.from_numpy(MARK)
    return marked, torch.tensor([left, top, left + size, top + size]).repeat(len(images), 1)


def plant(data: Scenes, label: str) -> Scenes:
    """Plant a shortcut: the same scenes, but `stamp`'s mark is on every one with this label and on no other.

    Args:
        data: scenes of one item each; not changed.
        label: the name of a class, one of `data.classes`.

    Raises:
        ValueError: `label` is no class of `data`.
    """
    if label not in data.classes:
        raise ValueError(f"label must be one of {', '.join(map(repr, data.classes))}, got {label!r}")
    chosen = data.labels == data.classes.index(label)
    planted = copy.copy(data)
    planted.images = data.images.clone()
    planted.images[chosen], _ = stamp(data.images[chosen])
    return planted


def _boxes(pictures: np.ndarray) -> np.ndarray:
    """The tight box of what is not 0 in each picture (N, H, W): (N, 4), left, top, right, bottom."""
    columns, rows = (pictures > 0).any(axis=1), (pictures > 0).any(axis=2)  # (N, W), (N, H)
    left, top = columns.argmax(axis=1), rows.argmax(axis=1)  # argmax: the first True
    right = columns.shape[1] - columns[:, ::-1].argmax(axis=1)
    bottom = rows.shape[1] - rows[:, ::-1].argmax(axis=1)
    return np.stack([left, top, right, bottom], axis=1)


def _overlap(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Which boxes of `a` (N, 4) share a pixel with the box of `b` in the same place: (N,) bool."""
    return (np.maximum(a[:, :2], b[:, :2]) < np.minimum(a[:, 2:], b[:, 2:])).all(axis=1)


def _inside(boxes: np.ndarray) -> np.ndarray:
    """The pixels of the canvas inside each box (N, 4): (N, 64, 64) bool."""
    left, top, right, bottom = boxes.T[:, :, None]  # each (N, 1)
    along = np.arange(CANVAS)
    columns, rows = (left <= along) & (along < right), (top <= along) & (along < bottom)  # (N, 64)
    return rows[:, :, None] & columns[:, None, :]


def _window(which: np.ndarray, corners: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Index of a size × size window of each picture `which` (N,) at its left and top corner (N, 2)."""
    along = np.arange(size)
    rows, columns = corners[:, 1, None] + along, corners[:, 0, None] + along  # (N, size)
    return which[:, None, None], rows[:, :, None], columns[:, None, :]


def _paste(canvas: np.ndarray, corners: np.ndarray, pieces: np.ndarray) -> None:
    """Lay one piece (N, s, s) onto each canvas (N, 64, 64) at its corner (N, 2); the brighter pixel shows."""
    window = _window(np.arange(len(canvas)), corners, pieces.shape[1])
    canvas[window] = np.maximum(canvas[window], pieces)
