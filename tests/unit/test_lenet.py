"""LeNet-5 against the numbers the paper prints and against computations written out by hand."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from companion.models.lenet import (
    CONNECTIONS,
    LeNet5,
    LeNet5Modern,
    LeNetTwoClass,
    ScaledTanh,
    SparseConv2d,
    Subsampling,
    digit_codes,
    map_loss,
    mle_loss,
)


def count(module):
    return sum(p.numel() for p in module.parameters())


@pytest.fixture
def net():
    torch.manual_seed(0)
    return LeNet5()


def test_parameters_per_layer_are_the_papers(net):
    found = {name: count(layer) for name, layer in net.named_children() if count(layer)}
    assert found == {"c1": 156, "s2": 12, "c3": 1516, "s4": 32, "c5": 48120, "f6": 10164}
    assert count(net) == 60_000
    assert [name for name, _ in net.named_buffers()] == ["output.codes"]


def test_connections_per_layer_are_the_papers(net):
    """A parameter makes one connection per unit that uses it; S2 and S4 have 2×2 inputs and a bias per unit."""
    found = {
        "c1": 28 * 28 * count(net.c1),
        "s2": 6 * 14 * 14 * (2 * 2 + 1),
        "c3": 10 * 10 * count(net.c3),
        "s4": 16 * 5 * 5 * (2 * 2 + 1),
        "c5": count(net.c5),
        "f6": count(net.f6),
        "output": net.output.codes.numel(),
    }
    assert [found[name] for name in ("c1", "s2", "c3", "s4")] == [122_304, 5_880, 151_600, 2_000]
    assert sum(found.values()) == 340_908


def test_shapes(net):
    shapes = {}
    for name, layer in net.named_children():
        layer.register_forward_hook(lambda _, __, out, name=name: shapes.update({name: tuple(out.shape)}))
    net(torch.rand(2, 1, 32, 32))
    assert shapes["c1"] == (2, 6, 28, 28)
    assert shapes["s2"] == (2, 6, 14, 14)
    assert shapes["c3"] == (2, 16, 10, 10)
    assert shapes["s4"] == (2, 16, 5, 5)
    assert shapes["c5"] == (2, 120, 1, 1)
    assert shapes["f6"] == (2, 84)
    assert shapes["output"] == (2, 10)


def test_table_one():
    """Section II.B: six contiguous triples, six contiguous quadruples, three others, all six maps."""
    circle = [set(range(start, start + width)) for width in (3, 4) for start in range(6)]
    contiguous = [{i % 6 for i in subset} for subset in circle]
    assert [set(maps) for maps in CONNECTIONS[:12]] == contiguous
    assert all(len(set(maps)) == 4 and set(maps) not in contiguous for maps in CONNECTIONS[12:15])
    assert set(CONNECTIONS[15]) == set(range(6))
    assert len({frozenset(maps) for maps in CONNECTIONS}) == 16
    assert sum(len(maps) for maps in CONNECTIONS) == 60
    assert [sum(i in maps for maps in CONNECTIONS) for i in range(6)] == [10] * 6  # every map is seen ten times


def test_c3_is_sixteen_convolutions(net):
    c3 = net.c3.double()
    x = torch.randn(3, 6, 14, 14, dtype=torch.float64, requires_grad=True)
    kernels = iter(c3.weight)
    expected = torch.stack(
        [
            sum(F.conv2d(x[:, i : i + 1], next(kernels)[None, None])[:, 0] for i in maps) + c3.bias[o]
            for o, maps in enumerate(CONNECTIONS)
        ],
        dim=1,
    )
    assert torch.allclose(c3(x), expected, rtol=0, atol=1e-12)


def test_c3_is_a_masked_dense_convolution(net):
    c3 = net.c3.double()
    dense = nn.Conv2d(6, 16, kernel_size=5).double()
    mask = torch.tensor([[i in maps for i in range(6)] for maps in CONNECTIONS])
    with torch.no_grad():
        dense.weight.masked_fill_(~mask[..., None, None], 0)
        c3.weight.copy_(dense.weight[mask])  # row by row, as the connections are listed in ascending order
        c3.bias.copy_(dense.bias)
    x = torch.randn(2, 6, 14, 14, dtype=torch.float64)
    ascending = SparseConv2d(6, tuple(tuple(sorted(maps)) for maps in CONNECTIONS), 5).double()
    ascending.load_state_dict(c3.state_dict())
    assert torch.allclose(ascending(x), dense(x), rtol=0, atol=1e-12)
    ascending(x).square().sum().backward()
    dense(x).square().sum().backward()
    assert torch.allclose(ascending.weight.grad, dense.weight.grad[mask], rtol=0, atol=1e-9)


def test_subsampling_by_hand():
    layer = Subsampling(2).double()
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([0.5, -1.0]))
        layer.bias.copy_(torch.tensor([10.0, 0.25]))
    x = torch.tensor([[[[1, 2, 0, 1], [3, 4, 1, 0]], [[1, 1, 2, 2], [1, 1, 2, 3]]]], dtype=torch.float64)
    # sums 10 and 2, then 4 and 9
    assert layer(x).tolist() == [[[[15.0, 11.0]], [[-3.75, -8.75]]]]


def test_squashing():
    f = ScaledTanh()
    assert f(torch.tensor([-1.0, 0.0, 1.0], dtype=torch.float64)).tolist() == pytest.approx([-1, 0, 1], abs=1e-5)
    assert f(torch.tensor(100.0)).item() == pytest.approx(1.7159)


def test_codes_are_ten_different_bitmaps():
    codes = digit_codes()
    assert codes.shape == (10, 84)
    assert set(codes.flatten().tolist()) == {-1.0, 1.0}
    differ = (codes[:, None] != codes).sum(dim=2)
    assert (differ + 84 * torch.eye(10)).min() >= 14
    # the 1 is symmetric but for its flag and its foot is five wide: the picture is read in the right direction
    one = codes[1].view(12, 7)
    assert one[10].tolist() == [-1, 1, 1, 1, 1, 1, -1]
    assert one[:, 3].tolist() == [-1] + [1] * 10 + [-1]


def test_whole_network_written_out(net):
    net.double()
    x = torch.randn(4, 1, 32, 32, dtype=torch.float64)

    def f(a):
        return 1.7159 * torch.tanh(a * 2 / 3)

    def subsample(layer, a):
        total = a[..., ::2, ::2] + a[..., 1::2, ::2] + a[..., ::2, 1::2] + a[..., 1::2, 1::2]
        return total * layer.weight.view(-1, 1, 1) + layer.bias.view(-1, 1, 1)

    a = f(subsample(net.s2, f(F.conv2d(x, net.c1.weight, net.c1.bias))))
    a = f(subsample(net.s4, f(net.c3(a))))
    a = f(a.flatten(1) @ net.c5.weight.flatten(1).T + net.c5.bias)
    a = f(a @ net.f6.weight.T + net.f6.bias)
    penalties = [[sum((a[n] - digit_codes()[i]) ** 2).item() for i in range(10)] for n in range(4)]
    assert torch.allclose(net(x), -torch.tensor(penalties, dtype=torch.float64), rtol=0, atol=1e-10)


def test_losses_of_the_paper(net):
    """Equations 8 and 9 as printed, against the functions; and without rubbish, equation 9 is cross-entropy."""
    net.double()
    scores = net(torch.randn(7, 1, 32, 32, dtype=torch.float64)) / 50  # so that all classes matter
    labels = torch.tensor([3, 1, 4, 1, 5, 9, 2])
    y, j = (-scores).tolist(), 0.7
    right = [y[n][d] for n, d in enumerate(labels)]
    competitors = [sum(math.exp(-penalty) for penalty in row) for row in y]
    eq8 = sum(right) / 7
    eq9 = sum(r + math.log(math.exp(-j) + c) for r, c in zip(right, competitors, strict=True)) / 7
    without = sum(r + math.log(c) for r, c in zip(right, competitors, strict=True)) / 7
    assert mle_loss(scores, labels).item() == pytest.approx(eq8, abs=1e-12)
    assert map_loss(scores, labels, j).item() == pytest.approx(eq9, abs=1e-12)
    assert F.cross_entropy(scores, labels).item() == pytest.approx(without, abs=1e-12)
    assert eq9 > without + 0.01 > 0.01


def test_rubbish_spares_what_is_far_away():
    """The gradient on a wrong digit's score is its posterior: with rubbish, far digits get next to none."""
    scores = torch.full((1, 10), -90.0)
    scores[0, 3], label = -89.0, torch.tensor([3])
    gradients = []
    for loss in (F.cross_entropy, lambda s, y: map_loss(s, y, j=20.0)):
        leaf = scores.clone().requires_grad_()
        loss(leaf, label).backward()
        gradients.append(leaf.grad[0, 0].item())
    assert gradients[0] > 0.05 and gradients[1] < 1e-20


def test_gradient_reaches_every_parameter_and_no_code(net):
    images = torch.rand(8, 1, 32, 32) * 1.275 - 0.1
    F.cross_entropy(net(images), torch.arange(8)).backward()
    for name, parameter in net.named_parameters():
        assert parameter.grad.isfinite().all() and (parameter.grad != 0).all(), name
    assert not net.output.codes.requires_grad


def test_initialisation_fills_the_papers_range(net):
    for layer, inputs in ((net.c1, 25), (net.c5, 400), (net.f6, 120)):
        assert 0.95 < layer.weight.abs().max() / (2.4 / inputs) <= 1
        assert layer.bias.abs().max() <= 2.4 / inputs
    for layer in (net.s2, net.s4):
        assert 0.4 < layer.weight.abs().max() / 0.6 <= 1
    kernels = net.c3.weight.split([len(maps) for maps in CONNECTIONS])
    for maps, kernel, bias in zip(CONNECTIONS, kernels, net.c3.bias, strict=True):
        assert 0.9 < kernel.abs().max() / (2.4 / (25 * len(maps))) <= 1
        assert bias.abs() <= 2.4 / (25 * len(maps))


def test_same_seed_same_network():
    states = []
    for seed in (5, 5, 6):
        torch.manual_seed(seed)
        states.append(LeNet5().state_dict())
    assert all(torch.equal(states[0][k], states[1][k]) for k in states[0])
    assert not torch.equal(states[0]["c3.weight"], states[2]["c3.weight"])


def test_runs_under_autocast(net):
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert net(torch.rand(1, 1, 32, 32)).shape == (1, 10)


def test_modern_parameters_and_shapes():
    net = LeNet5Modern()
    found = {name: count(layer) for name, layer in net.named_children() if count(layer)}
    assert found == {"conv1": 156, "conv2": 2416, "fc1": 48120, "fc2": 10164, "fc3": 850}
    assert count(net) == 61_706
    assert net(torch.rand(3, 1, 32, 32)).shape == (3, 10)


@pytest.mark.parametrize(
    ("image_size", "padding", "features"), [(32, 0, 400), (28, 2, 400), (28, 0, 256), (16, 0, 16), (224, 0, 44944)]
)
def test_modern_image_sizes(image_size, padding, features):
    with torch.device("meta"):
        net = LeNet5Modern(image_size=image_size, padding=padding)
        assert net.fc1.in_features == features
        assert net(torch.empty(1, 1, image_size, image_size)).shape == (1, 10)


def test_modern_padding_gives_the_sizes_of_32():
    torch.manual_seed(0)
    small = LeNet5Modern(image_size=28, padding=2).double()
    large = LeNet5Modern().double()
    large.load_state_dict(small.state_dict())
    x = torch.rand(2, 1, 28, 28, dtype=torch.float64)
    assert torch.allclose(small(x), large(F.pad(x, (2, 2, 2, 2))), rtol=0, atol=1e-12)


@pytest.mark.parametrize("activation", [nn.ReLU, nn.Tanh, nn.Sigmoid, ScaledTanh])
@pytest.mark.parametrize("pooling", [nn.MaxPool2d, nn.AvgPool2d])
def test_modern_variants(activation, pooling):
    torch.manual_seed(0)
    net = LeNet5Modern(activation=activation, pooling=pooling).double()
    x = torch.randn(2, 1, 32, 32, dtype=torch.float64)
    f, pool = activation(), pooling(2)
    a = pool(f(net.conv2(pool(f(net.conv1(x)))))).flatten(1)
    expected = net.fc3(f(net.fc2(f(net.fc1(a)))))
    assert torch.equal(net(x), expected)
    net(x).sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in net.parameters())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"activation": nn.ReLU()}, r"activation must be a class such as nn.ReLU.*got ReLU\(\)"),
        ({"activation": torch.relu}, "activation must be a class"),
        ({"pooling": "max"}, "pooling must be nn.MaxPool2d or nn.AvgPool2d, got 'max'"),
        ({"pooling": nn.MaxPool2d(2)}, "pooling must be"),
        ({"image_size": 15}, "image_size must be at least 16 with padding=0, got 15"),
        ({"image_size": 11, "padding": 2}, "image_size must be at least 12 with padding=2, got 11"),
    ],
)
def test_modern_refuses(arguments, message):
    with pytest.raises(ValueError, match=message):
        LeNet5Modern(**arguments)


def test_two_class_rewrite():
    with torch.device("meta"):
        net = LeNetTwoClass()
        assert net(torch.empty(2, 3, 224, 224)).shape == (2, 2)
    assert net.fc1.in_features == 89_888 == 32 * 53 * 53
    assert count(net) == 46_038_242
    assert f"{count(net.fc1) / count(net):.2%}" == "99.97%"
    assert round(count(net) / 61_706) == 746
