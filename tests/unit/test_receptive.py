"""`companion.receptive`: what gradients say equals what the recurrence says, and what lies behind the figure's maps."""

from collections import Counter
from hashlib import sha256
from itertools import pairwise

import numpy as np
import pytest
import torch
import torchvision
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn

from companion.figures.receptive_field import FILE, SHA256, layers_of
from companion.models.lenet import LeNet5, LeNet5Modern
from companion.receptive import THRESHOLD, Reach, effective_receptive_field, effective_width, measured_receptive_field
from companion.shapes import conv_output_size, receptive_field, seen
from companion.trace import trace
from tools.make_receptive_fields import SIDE, measure, pack, place


def recurrence(layers, size, position):
    """What `companion.shapes` says: the box of the pixels read, or None."""
    axes = seen(
        [tuple((entry, entry) if isinstance(entry, int) else entry for entry in row) for row in layers], size, position
    )
    reads = [axis[0].read for axis in axes]
    return Reach(*((read[0], read[-1] + 1) for read in reads)) if all(reads) else None


def windows(model, input_shape):
    """(name, receptive field, kernel, stride, padding, dilation) of the layers along the main path, from the trace."""
    return [
        (row.name, row.receptive_field, (row.kernel, row.stride, row.padding, row.dilation))
        for row in trace(model, input_shape).rows
        if row.kernel is not None and "downsample" not in row.name
    ]


class Stack(nn.Sequential):
    """Convolutions and poolings with ReLU and batch norm between them; `layers`: (kind, kernel, stride, …)."""

    def __init__(self, layers):
        modules = []
        for kind, *window in layers:
            if kind == "conv":
                modules.append(nn.Sequential(nn.Conv2d(2, 2, *window), nn.BatchNorm2d(2), nn.ReLU(inplace=True)))
            else:
                modules.append(nn.MaxPool2d(*window))
        super().__init__(*modules)


def test_a_stack_has_the_field_of_the_recurrence_whatever_its_stride_padding_dilation_and_pooling():
    counted = Counter()
    window = st.tuples(st.integers(1, 4), st.integers(1, 3), st.integers(0, 2), st.integers(1, 2))
    layer = st.tuples(st.sampled_from(["conv", "conv", "pool"]), window)

    @settings(max_examples=150, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(layer, min_size=1, max_size=4), st.integers(6, 26), st.integers(6, 26), st.data())
    def agree(stack, height, width, data):
        layers = [(f, s, min(p, f // 2) if kind == "pool" else p, d) for kind, (f, s, p, d) in stack]
        sizes = [(height, width)]
        try:
            for f, s, p, d in layers:
                sizes.append(conv_output_size(sizes[-1], f, s, p, d))
        except ValueError:
            return
        position = tuple(data.draw(st.integers(0, n - 1), label="position") for n in sizes[-1])
        model = Stack([(kind, *one) for (kind, _), one in zip(stack, layers, strict=True)])
        measured = measured_receptive_field(model, str(len(layers) - 1), (2, height, width), position)
        assert measured == recurrence(layers, (height, width), position)
        field = receptive_field(layers)
        whole = [field.start + i * field.jump for i in position]
        if measured and all(a >= 0 and a + field.size <= n for a, n in zip(whole, (height, width), strict=True)):
            assert measured == tuple((a, a + field.size) for a in whole), "no padding in sight: the whole field"
            counted["whole"] += 1
        counted["compared"] += 1
        counted["pooled"] += any(kind == "pool" for kind, _ in stack)

    agree()
    assert counted["compared"] >= 80 and counted["pooled"] >= 40 and counted["whole"] >= 30


# Pictures as narrow as the networks allow, so that both an edge and the middle are cheap to ask. Nothing is thinned.
NETWORKS = {
    "LeNet-5, 1998": (LeNet5, (1, 32, 32), "c1 s2 c3 s4 c5"),
    "LeNet-5, modern": (LeNet5Modern, (1, 32, 32), "conv1 pool1 conv2 pool2"),
    "AlexNet": (lambda: torchvision.models.alexnet().features, (3, 224, 63), "0 2 5 10 12"),
    "VGG-16": (lambda: torchvision.models.vgg16().features, (3, 224, 32), "0 4 16 28 30"),
    "ResNet-18": (
        torchvision.models.resnet18,
        (3, 448, 32),
        "conv1 maxpool layer2.0.conv2 layer3.1.conv2 layer4.1.conv2",
    ),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_has_the_field_of_the_recurrence(name):
    make, input_shape, asked = NETWORKS[name]
    with torch.device("cpu" if name == "LeNet-5, 1998" else "meta"):  # weights would be replaced; LeNet has its codes
        model = make()
    layers = windows(model, input_shape)
    assert [receptive_field(w for _, _, w in layers[: i + 1]).size for i in range(len(layers))] == [
        field for _, field, _ in layers
    ], "the trace's and the recurrence's"
    names = [name for name, _, _ in layers]
    compared = set()
    for layer in asked.split():
        stack = [window for _, _, window in layers[: names.index(layer) + 1]]
        size = input_shape[1:]
        for window in stack:
            size = conv_output_size(size, *window)
        for position in {(size[0] // 2, size[1] // 2), (0, size[1] - 1)}:
            if layer == names[-1] or position[0]:
                measured = measured_receptive_field(model, layer, input_shape, position)
                assert measured == recurrence(stack, input_shape[1:], position), (layer, position)
                compared.add((measured.rows[1] - measured.rows[0], receptive_field(stack).size))
    assert any(rows == size for rows, size in compared), "at least one field lies whole inside the picture"


def test_functions_written_out_in_a_forward_are_measured_like_layers():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(-torch.ones(1, 1, 3, 3))
            self.end = nn.Identity()

        def forward(self, x):
            x = torch.relu(nn.functional.conv2d(x, self.weight, padding=1))  # with these weights always 0
            x = nn.functional.max_pool2d(x, 3, 2, ceil_mode=True)
            return self.end(torch.max_pool2d(x, (2, 1), dilation=(2, 1)))

    model = Net()
    layers = [(3, 1, 1), (3, 2), ((2, 1), (2, 1), 0, (2, 1))]
    assert measured_receptive_field(model, "end", (1, 12, 11), (0, 1)) == recurrence(layers, (12, 11), (0, 1))
    # ceil_mode: 12 → 6 windows, the last of which hangs over the edge and reads what is left.
    last = measured_receptive_field(model, "end", (1, 12, 12), (0, 5))
    assert last.columns == (9, 12)
    assert not effective_receptive_field(model.eval(), "end", torch.ones(1, 1, 12, 12)).any(), "the real ReLU is closed"


def test_a_shortcut_adds_nothing_to_what_the_main_path_sees():
    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.long = nn.Sequential(nn.Conv2d(1, 1, 3, 2, 1), nn.Conv2d(1, 1, 3, 1, 1))
            self.short = nn.Conv2d(1, 1, 1, 2)
            self.sum = nn.ReLU()

        def forward(self, x):
            return self.sum(self.long(x) + self.short(x))

    for position in ((0, 0), (3, 2), (7, 7)):
        assert measured_receptive_field(Block(), "sum", (1, 16, 16), position) == measured_receptive_field(
            Block(), "long", (1, 16, 16), position
        )


def test_a_sum_that_grows_from_block_to_block_reaches_no_activations_limit():
    """A ReLU6 has the slope 0 above 6: where every block doubles its input, ten of them would be far beyond."""

    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.relu = nn.Conv2d(1, 1, 3, padding=1), nn.ReLU6()

        def forward(self, x):
            return self.relu(x + self.conv(x))

    model = nn.Sequential(*(Block() for _ in range(10)))
    assert measured_receptive_field(model, "9", (1, 41, 41)) == Reach((10, 31), (10, 31))


def test_the_model_is_left_as_it_was():
    model = Stack([("conv", 3), ("pool", 2)]).train()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    measured_receptive_field(model, "1", (2, 9, 9))
    assert model.training and all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())
    model.eval()
    effective_receptive_field(model, "0.0", torch.randn(1, 2, 9, 9))
    assert not any(module._forward_hooks for module in model.modules())
    assert all(parameter.grad is None for parameter in model.parameters())


# ---- The effective field


def test_one_linear_convolution_has_its_kernel_for_an_effective_field():
    model = nn.Sequential(nn.Conv2d(2, 3, 3)).eval()
    field = effective_receptive_field(model, "0", torch.randn(4, 2, 7, 7), position=(1, 2))
    kernel = model[0].weight.detach().sum(0).abs().mean(0)  # the same for every picture
    assert torch.allclose(field[1:4, 2:5], kernel)
    assert field.count_nonzero() == 9


def test_the_images_are_averaged():
    torch.manual_seed(3)
    model = Stack([("conv", 3), ("pool", 2), ("conv", 3)]).eval()
    images = torch.randn(5, 2, 12, 12)
    each = [effective_receptive_field(model, "2.0", image[None]) for image in images]
    assert torch.allclose(effective_receptive_field(model, "2.0", images), torch.stack(each).mean(0), atol=1e-7)
    assert not torch.allclose(each[0], each[1])


def test_the_effective_field_grows_like_the_root_of_the_depth_and_the_theoretical_one_like_the_depth():
    """Luo et al. 2016, section 2: of n convolutions with equal weights the field is a Gaussian of width ∝ √n."""
    widths = []
    for depth in (4, 16, 64):
        model = nn.Sequential(*(nn.Conv2d(1, 1, 3, padding=1, bias=False) for _ in range(depth))).double().eval()
        for layer in model:
            nn.init.constant_(layer.weight, 1 / 9)
        side = 2 * depth + 1
        field = effective_receptive_field(model, str(depth - 1), torch.zeros(1, 1, side, side, dtype=torch.float64))
        assert field.sum().item() == pytest.approx(1)
        # Each of n steps along an axis is −1, 0 or 1: variance 2/3. Above 4.55 % of the peak lies a disc of radius
        # σ √(−2 ln 0.0455), and the root of its area is the width.
        sigma = (2 * depth / 3) ** 0.5
        radius = sigma * (-2 * torch.log(torch.tensor(THRESHOLD))).sqrt().item()
        assert effective_width(field) == pytest.approx(torch.pi**0.5 * radius, rel=0.06)
        widths.append(effective_width(field))
        assert widths[-1] < side
    for narrow, wide in pairwise(widths):
        assert wide / narrow == pytest.approx(2, rel=0.06)


def test_width_counts_what_is_above_the_threshold():
    field = torch.zeros(9, 9)
    field[4, 4], field[4, 5], field[4, 6] = 1.0, 0.0456, 0.0454
    assert effective_width(field) == 2**0.5
    assert effective_width(torch.ones(5, 5)) == 5


@pytest.mark.parametrize(
    ("network", "name"), [("lenet5", "s4"), ("alexnet", "features.0"), ("resnet18", "layer1.0.conv1")]
)
def test_the_stored_maps_are_what_measuring_again_gives(network, name):
    with np.load(FILE) as stored:
        cells, width = stored[f"{network}/{name}"].astype(int), stored[f"{network}/{name}/width"]
    number = [layer.name for layer in layers_of(network)].index(name)
    field = measure(network, number)
    assert len(field) == receptive_field(layer.window for layer in layers_of(network)[: number + 1]).size
    # Another machine rounds its sums in another order.
    assert np.abs(pack(field).astype(int) - cells).max() <= 2
    assert effective_width(field) == pytest.approx(float(width), abs=0.1)
    assert len(np.unique(cells)) > 50, "a map, and not a flat one"


def test_the_stored_file_has_every_layer_and_its_checksum():
    assert sha256(FILE.read_bytes()).hexdigest() == SHA256
    with np.load(FILE) as stored:
        for network in ("lenet5", "alexnet", "vgg16", "resnet18"):
            layers = layers_of(network)
            for number, layer in enumerate(layers):
                windows = [one.window for one in layers[: number + 1]]
                size, middle, first = place(windows)
                field = receptive_field(windows)
                side, width = field.size, float(stored[f"{network}/{layer.name}/width"])
                assert stored[f"{network}/{layer.name}"].shape == (min(side, SIDE),) * 2
                assert first == field.start + middle * field.jump >= 0 and first + side <= size, "no padding in sight"
                assert 0 < width <= side
            if network != "lenet5":  # what the figure is there to show: of a deep field only a part counts
                assert width < 0.85 * side, network


# ---- What is refused


NET = nn.Sequential(nn.Conv2d(1, 2, 3), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(8, 2))


class Different(nn.Module):
    def __init__(self):
        super().__init__()
        self.end = nn.Identity()

    def forward(self, x):
        return self.end(x[:, :, 1:] - x[:, :, :-1])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: measured_receptive_field(NET, "conv", (1, 6, 6)), "layer 'conv' is not in the model; near it are '0'"),
        (lambda: measured_receptive_field(NET, "2", (1, 6, 6)), r"layer must put out maps \(N, C, h, w\), got .*8"),
        (lambda: measured_receptive_field(NET, "1", (1, 6, 6), (0, 2)), r"position must be in 0 to 1 .* got \(0, 2\)"),
        (lambda: measured_receptive_field(NET, "1", (1, 6, 2)), "too small in width"),
        (lambda: measured_receptive_field(NET, "1", (3, 6, 6)), "3 channels, but in_channels = 1"),
        (lambda: measured_receptive_field(Different(), "end", (1, 6, 6)), "subtracts"),
        (lambda: effective_receptive_field(Stack([("conv", 3)]), "0", torch.ones(1, 2, 6, 6)), "model.eval"),
        (lambda: effective_receptive_field(nn.Identity().eval(), "", torch.ones(1, 6, 6)), r"images must be a batch"),
    ],
)
def test_bad_input_is_refused_in_words(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_a_layer_that_does_not_run():
    model = nn.Module()
    model.conv, model.spare = nn.Conv2d(1, 1, 3), nn.Conv2d(1, 1, 3)
    model.forward = model.conv.forward
    with pytest.raises(ValueError, match="layer 'spare' did not run"):
        measured_receptive_field(model, "spare", (1, 6, 6))
