"""AlexNet, VGG and GoogLeNet against torchvision's, the papers' tables, torchinfo, and sums written out by hand.

That `trace` agrees with torchinfo layer by layer on torchvision's networks is asked in test_trace. Here our networks
have the same rows.
"""

import copy
from functools import cache, partial

import pytest
import torch
import torchinfo
import torchvision
from torch import nn

from companion.models import _sizes
from companion.models.alexnet import AlexNet, AlexNetOneTower, AlexNetTwoTowers
from companion.models.googlenet import GoogLeNet, GoogLeNetOutputs, Inception
from companion.models.vgg import CONFIGURATIONS, VGG, initialise, stages, vgg11, vgg13, vgg16, vgg19
from companion.trace import trace

VGGS = {"vgg11": vgg11, "vgg13": vgg13, "vgg16": vgg16, "vgg19": vgg19}
LIKE_TORCHVISION = {
    "alexnet": AlexNet,
    **VGGS,
    **{f"{name}_bn": partial(network, batch_norm=True) for name, network in VGGS.items()},
    "googlenet": partial(GoogLeNet, five_by_five=3),
}
PAPERS = {"two towers": AlexNetTwoTowers, "one tower": AlexNetOneTower, "googlenet": GoogLeNet}
ALL = {**LIKE_TORCHVISION, **{f"{name}, paper": network for name, network in PAPERS.items()}}


def on_meta(network, *args, **options):
    """Shapes only: nothing here but bit-identity needs the weights, and VGG has half a gigabyte of them."""
    with torch.device("meta"):
        return network(*args, **options).eval()


def torchvisions(name, **options):
    if name == "googlenet":
        options |= {"init_weights": False, "aux_logits": True}
    return on_meta(torchvision.models.get_model, name, weights=None, **options)


def images(height, width=None, n=1):
    return torch.empty(n, 3, height, width or height, device="meta")


def shapes(model):
    return [(key, tuple(tensor.shape), tensor.dtype) for key, tensor in model.state_dict().items()]


@pytest.fixture(scope="module")
def random_state():
    """A state for a model. Tensors of the same name and shape are drawn once: the VGGs share their dense layers."""

    @cache
    def draw(key, shape):
        if key.endswith("num_batches_tracked"):
            return torch.tensor(7)
        numbers = torch.rand(shape)
        if len(shape) > 1:
            return numbers.sub_(0.5).mul_((24 / shape[1:].numel()) ** 0.5)  # variance 2 / fan_in: nothing dies out
        one = key.endswith("running_var") or not key.endswith(("bias", "running_mean"))  # a scale: about 1
        return numbers.add_(0.5) if one else numbers.sub_(0.5).mul_(0.2)

    torch.manual_seed(0)
    return lambda model: {key: draw(key, tensor.shape) for key, tensor in model.state_dict().items()}


# torchvision's networks.


@pytest.mark.parametrize("name", LIKE_TORCHVISION)
def test_keys_shapes_and_outputs_are_torchvisions(name, random_state):
    size = 64 if name == "alexnet" else 32
    ours, theirs, again = on_meta(LIKE_TORCHVISION[name]), torchvisions(name), torchvisions(name)
    assert shapes(ours) == shapes(theirs)
    theirs.load_state_dict(random_state(theirs), strict=True, assign=True)
    ours.load_state_dict(theirs.state_dict(), strict=True, assign=True)
    again.load_state_dict(ours.state_dict(), strict=True, assign=True)
    x = torch.randn(2, 3, size, size + 5)
    with torch.inference_mode():
        scores = ours(x)
        assert torch.equal(scores, theirs(x)) and torch.equal(scores, again(x))
        if name in ("alexnet", "googlenet"):  # and at the size for which it was made
            picture = torch.randn(1, 3, 224, 224)
            assert torch.equal(ours(picture), theirs(picture))
    assert scores.shape == (2, 1000) and scores.isfinite().all() and (scores[0] - scores[1]).std() > 1e-3


@pytest.mark.parametrize("name", LIKE_TORCHVISION)
def test_the_trace_is_torchvisions_and_its_totals_are_the_metadatas(name):
    model = on_meta(LIKE_TORCHVISION[name])
    ours = trace(model, (3, 224, 224))
    theirs = trace(torchvisions(name), (3, 224, 224))
    assert ours.rows == theirs.rows and ours.unused == theirs.unused
    meta = torchvision.models.get_model_weights(name).DEFAULT.meta
    assert ours.parameters == meta["num_params"]
    assert round(ours.multiply_adds / 1e9, 3) == meta["_ops"]
    assert ours.state_bytes / 2**20 == pytest.approx(meta["_file_size"], rel=0.01)
    assert meta["min_size"] == (model.smallest_input, model.smallest_input)


@pytest.mark.parametrize("name", ["alexnet", "vgg13_bn", "googlenet"])
def test_num_classes_changes_the_last_layers_only(name):
    network = LIKE_TORCHVISION[name]
    assert shapes(on_meta(network, num_classes=7)) == shapes(torchvisions(name, num_classes=7))
    changed = set(shapes(on_meta(network))) - set(shapes(on_meta(network, num_classes=7)))
    assert {key.rpartition(".")[0] for key, _, _ in changed} == {
        "alexnet": {"classifier.6"},
        "vgg13_bn": {"classifier.6"},
        "googlenet": {"fc", "aux1.fc2", "aux2.fc2"},
    }[name]


def dropouts(model):
    return [(name, module.p) for name, module in model.named_modules() if isinstance(module, nn.Dropout)]


def test_dropout_is_torchvisions_and_the_papers():
    for name in LIKE_TORCHVISION:
        if name != "googlenet":
            assert dropouts(on_meta(LIKE_TORCHVISION[name])) == dropouts(torchvisions(name)) != [], name
    # Section 4.2 of AlexNet's paper; section 5 of GoogLeNet's, whose 40 % torchvision has made 20 %.
    assert dropouts(on_meta(AlexNetTwoTowers)) == dropouts(on_meta(AlexNetOneTower)) == [("dropout", 0.5)]
    heads = [("aux1.dropout", 0.7), ("aux2.dropout", 0.7)]
    for model in (on_meta(GoogLeNet), on_meta(GoogLeNet, five_by_five=3)):
        assert dropouts(model) == [*heads, ("dropout", 0.4)]
    assert dropouts(torchvisions("googlenet")) == [*heads, ("dropout", 0.2)]


def test_settings_that_torchvision_has_under_other_names():
    model, same = on_meta(AlexNet, dropout=0.2), torchvisions("alexnet", dropout=0.2)
    assert [layer.p for layer in model.classifier if isinstance(layer, nn.Dropout)] == [0.2, 0.2]
    assert [layer.p for layer in same.classifier if isinstance(layer, nn.Dropout)] == [0.2, 0.2]
    bare = on_meta(torchvision.models.GoogLeNet, aux_logits=False, init_weights=False)
    assert shapes(on_meta(GoogLeNet, aux_heads=False, five_by_five=3)) == shapes(bare)


# Parameters and the papers' tables.


@pytest.mark.parametrize(
    "network, parameters",
    [
        (AlexNet, 61_100_840), (AlexNetTwoTowers, 60_965_224), (AlexNetOneTower, 62_378_344),
        (vgg11, 132_863_336), (vgg13, 133_047_848), (vgg16, 138_357_544), (vgg19, 143_667_240),
        (partial(vgg11, batch_norm=True), 132_863_336 + 5_504), (partial(vgg13, batch_norm=True), 133_047_848 + 5_888),
        (partial(vgg16, batch_norm=True), 138_357_544 + 8_448), (partial(vgg19, batch_norm=True), 143_667_240 + 11_008),
        (GoogLeNet, 7_005_832 + 6_379_984), (partial(GoogLeNet, aux_heads=False), 7_005_832),
        (partial(GoogLeNet, five_by_five=3, aux_heads=False), 6_624_904),
    ],
)  # fmt: skip
def test_parameters_are_as_the_docstrings_say(network, parameters):
    assert sum(p.numel() for p in on_meta(network).parameters()) == parameters


@pytest.mark.parametrize("name", PAPERS)
def test_the_papers_networks_agree_with_torchinfo(name):
    size = 224 if name == "googlenet" else 227
    model = on_meta(PAPERS[name])
    info = torchinfo.summary(model, input_data=images(size), device="meta", depth=20, verbose=0)
    table = trace(model, (3, size, size))
    assert info.total_params == table.parameters + table.unused
    leaves = [leaf for leaf in info.summary_list if leaf.is_leaf_layer and leaf.executed]
    assert [tuple(leaf.output_size) for leaf in leaves] == [
        row.output_shape for row in table.rows if "(functional)" not in row.kind
    ]
    assert sum(4 * torch.Size(leaf.output_size).numel() for leaf in leaves) == table.memory
    counted = [leaf for leaf in leaves if isinstance(leaf.module, (nn.Conv2d, nn.Linear))]
    # torchinfo counts the addition of a bias too, once per output number.
    biases = sum(torch.Size(leaf.output_size).numel() for leaf in counted if leaf.module.bias is not None)
    assert sum(leaf.macs for leaf in counted) - biases == table.multiply_adds


@pytest.mark.parametrize("network", [AlexNetTwoTowers, AlexNetOneTower])
@pytest.mark.parametrize("size", [227, 224])
def test_alexnets_layers_have_the_sizes_of_figure_2(network, size):
    table = trace(on_meta(network, input_size=size), (3, size, size))
    found = {row.name: row.output_shape[1:] for row in table.rows if row.name[0] in "cf"}
    assert found == {
        "conv1": (96, 55, 55), "conv2": (256, 27, 27), "conv3": (384, 13, 13), "conv4": (384, 13, 13),
        "conv5": (256, 13, 13), "fc6": (4096,), "fc7": (4096,), "fc8": (1000,),
    }  # fmt: skip
    # The neurons that the caption counts, but for the first layer, where it has 253,440 and not 55·55·96.
    assert [torch.Size(shape).numel() for shape in found.values()][1:] == [
        186_624, 64_896, 64_896, 43_264, 4096, 4096, 1000,
    ]  # fmt: skip
    assert [row.output_shape[1:] for row in table.rows if row.name == "pool"] == [
        (96, 27, 27), (256, 13, 13), (256, 6, 6),
    ]  # fmt: skip
    # The order of section 3: ReLU, normalisation, overlapping pooling.
    kinds = [row.kind for row in table.rows]
    assert kinds[:4] == kinds[4:8] == ["Conv2d", "ReLU", "LocalResponseNorm", "MaxPool2d"]
    assert kinds[8:] == ["Conv2d", "ReLU"] * 3 + ["MaxPool2d"] + ["Linear", "ReLU", "Dropout"] * 2 + ["Linear"]
    assert {(row.kernel, row.stride) for row in table.rows if row.kind == "MaxPool2d"} == {(3, 2)}


def test_towers_see_only_their_own_maps():
    two, one = on_meta(AlexNetTwoTowers), on_meta(AlexNetOneTower)
    assert [layer.groups for layer in (two.conv1, two.conv2, two.conv3, two.conv4, two.conv5)] == [1, 2, 1, 2, 2]
    assert {layer.groups for layer in one.modules() if isinstance(layer, nn.Conv2d)} == {1}
    conv2 = two.conv2.to_empty(device="cpu")
    nn.init.ones_(conv2.weight)
    x = torch.rand(1, 96, 5, 5, requires_grad=True)
    conv2(x)[0, :128].sum().backward()  # the first tower's half of the outputs
    assert (x.grad[0, :48] > 0).all() and (x.grad[0, 48:] == 0).all()


def test_normalisation_is_the_equation_of_section_3_3():
    norm = on_meta(AlexNetTwoTowers).norm
    a = 30 * torch.rand(2, 7, 3, 3, dtype=torch.float64)
    for i in range(7):
        near = a[:, max(0, i - 2) : min(6, i + 2) + 1]
        expected = a[:, i] / (2 + 1e-4 * (near**2).sum(1)) ** 0.75
        assert torch.allclose(norm(a)[:, i], expected, rtol=1e-12, atol=0)


def test_alexnets_initialisation_is_that_of_section_5():
    model = on_meta(AlexNetOneTower)
    convolutions = [model.conv1, model.conv2, model.conv3, model.conv4, model.conv5]
    model.fc6, model.fc7, model.fc8 = nn.Linear(8, 400), nn.Linear(400, 100), nn.Linear(100, 10)  # in small
    for layer in convolutions:
        layer.to_empty(device="cpu")
    torch.manual_seed(0)
    model.reset_parameters()
    dense = [model.fc6, model.fc7, model.fc8]
    assert [layer.bias.unique().tolist() for layer in dense] == [[1], [1], [0]]
    for layer in dense:  # four deviations of the estimate
        assert layer.weight.std().item() == pytest.approx(0.01, rel=4 / (2 * layer.weight.numel()) ** 0.5)
    for layer in convolutions:  # of 34,848 weights and more, the deviation is known to 0.4 %
        assert layer.weight.std().item() == pytest.approx(0.01, rel=0.02)
    assert [layer.bias.unique().tolist() for layer in convolutions] == [[0], [1], [0], [1], [1]]


def test_vgg_is_table_1():
    layers = {}
    for name, network in VGGS.items():
        table = trace(on_meta(network), (3, 224, 224))
        weighted = [row for row in table.rows if row.parameters]
        layers[name] = len(weighted)
        assert {(row.kernel, row.stride, row.padding) for row in weighted if row.kind == "Conv2d"} == {(3, 1, 1)}
        pools = [row.output_shape[1:] for row in table.rows if row.kind == "MaxPool2d"]
        assert pools == [(64, 112, 112), (128, 56, 56), (256, 28, 28), (512, 14, 14), (512, 7, 7)]
    assert layers == {"vgg11": 11, "vgg13": 13, "vgg16": 16, "vgg19": 19}
    # Table 2, in millions of parameters.
    millions = [sum(p.numel() for p in on_meta(VGG, name).parameters()) / 1e6 for name in CONFIGURATIONS]
    assert [round(n) for n in millions] == [133, 133, 138, 144]
    for value in ("C", ["A"], None):
        with pytest.raises(ValueError, match="configuration must be one of A, B, D, E, got "):
            stages(value)


def test_vggs_initialisation_is_torchvisions():
    """Draw for draw, on one layer; VGG applies the same to every layer, which the deviations show."""
    ours, theirs = nn.Conv2d(64, 128, 3), nn.Conv2d(64, 128, 3)
    torch.manual_seed(0)
    initialise(ours)
    torch.manual_seed(0)
    nn.init.kaiming_normal_(theirs.weight, mode="fan_out", nonlinearity="relu")
    assert torch.equal(ours.weight, theirs.weight) and (ours.bias == 0).all()
    assert ours.weight.std().item() == pytest.approx((2 / (9 * 128)) ** 0.5, rel=0.02)

    called = []
    with torch.device("meta"), pytest.MonkeyPatch.context() as patch:
        patch.setattr(nn.init, "kaiming_normal_", lambda weight, **how: called.append((tuple(weight.shape), how)))
        patch.setattr(nn.init, "normal_", lambda weight, **how: called.append((tuple(weight.shape), how)))
        vgg11()
    he = {"mode": "fan_out", "nonlinearity": "relu"}
    assert [how for _, how in called] == [he] * 8 + [{"std": 0.01}] * 3


@pytest.mark.parametrize("five_by_five", [5, 3])
def test_googlenets_layers_have_the_sizes_of_table_1(five_by_five):
    model, found, x = on_meta(GoogLeNet, five_by_five=five_by_five), [], images(224)
    for name, layer in model.named_children():
        if name not in ("aux1", "aux2", "fc"):
            x = layer(x)
            found.append((name, *x.shape[1:]))
    assert found == [
        ("conv1", 64, 112, 112), ("maxpool1", 64, 56, 56),
        ("conv2", 64, 56, 56), ("conv3", 192, 56, 56), ("maxpool2", 192, 28, 28),
        ("inception3a", 256, 28, 28), ("inception3b", 480, 28, 28), ("maxpool3", 480, 14, 14),
        ("inception4a", 512, 14, 14), ("inception4b", 512, 14, 14), ("inception4c", 512, 14, 14),
        ("inception4d", 528, 14, 14), ("inception4e", 832, 14, 14), ("maxpool4", 832, 7, 7),
        ("inception5a", 832, 7, 7), ("inception5b", 1024, 7, 7), ("avgpool", 1024, 1, 1), ("dropout", 1024, 1, 1),
    ]  # fmt: skip
    branches = [module.branch3[1].conv for module in model.modules() if isinstance(module, Inception)]
    assert [conv.kernel_size for conv in branches] == [(five_by_five, five_by_five)] * 9


def test_the_slip_costs_16_weights_of_25_in_nine_branches():
    table_1 = [(16, 32), (32, 96), (16, 48), (24, 64), (24, 64), (32, 64), (32, 128), (32, 128), (48, 128)]
    missing = sum((25 - 9) * reduced * fives for reduced, fives in table_1)
    paper, slip = (trace(on_meta(GoogLeNet, five_by_five=n), (3, 224, 224)) for n in (5, 3))
    assert paper.parameters - slip.parameters == missing == 380_928
    assert paper.multiply_adds > slip.multiply_adds and paper.unused == slip.unused == 6_379_984


# GoogLeNet in training.


@pytest.fixture(scope="module")
def googlenets(random_state):
    """Ours and torchvision's with the same weights, each with its own."""
    pair = on_meta(GoogLeNet, five_by_five=3), torchvisions("googlenet")
    for model in pair:
        model.to_empty(device="cpu").load_state_dict(random_state(model), strict=True)
        for module in model.modules():
            if isinstance(module, nn.Dropout):
                module.p = 0.0
    return pair


def test_in_training_the_auxiliary_heads_answer_too(googlenets):
    ours, theirs = (model.train() for model in googlenets)
    x = torch.randn(2, 3, 32, 32)
    found, expected = ours(x), theirs(x)
    assert isinstance(found, GoogLeNetOutputs) and found._fields == expected._fields
    assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))
    assert all(torch.equal(a, b) for a, b in zip(ours.buffers(), theirs.buffers(), strict=True))

    # The first head's gradient reaches module 4a and what is before it, the second's also 4d.
    def reached(logits):
        names = {name: p for name, p in ours.named_parameters() if name.endswith("branch1.conv.weight")}
        gradients = torch.autograd.grad(logits.sum(), names.values(), retain_graph=True, allow_unused=True)
        return [name[9:11] for name, gradient in zip(names, gradients, strict=True) if gradient is not None]

    assert reached(found.aux_logits1) == ["3a", "3b", "4a"]
    assert reached(found.aux_logits2) == ["3a", "3b", "4a", "4b", "4c", "4d"]
    assert len(reached(found.logits)) == 9

    with torch.no_grad():
        assert isinstance(ours.eval()(x), torch.Tensor)
    bare = on_meta(GoogLeNet, aux_heads=False).train()
    assert bare(images(32, n=2)).shape == (2, 1000)


def test_googlenets_initialisation():
    torch.manual_seed(0)
    weights = [module.weight for module in GoogLeNet(2).modules() if isinstance(module, (nn.Conv2d, nn.Linear))]
    assert all(abs(w.std().item() / 0.01 - 1) < 4 / (2 * w.numel()) ** 0.5 for w in weights)  # four deviations


# What is refused, and how.

LIMITS = {  # layer that fails one pixel below the least size
    "alexnet": ("features.12 (MaxPool2d)", "from 63×63 pixels", 63, None),
    "vgg11": ("features.20 (MaxPool2d)", "from 32×32 pixels", 32, None),
    "vgg16_bn": ("features.43 (MaxPool2d)", "from 32×32 pixels", 32, None),
    "googlenet, paper": ("maxpool3 (MaxPool2d)", "from 15×15 pixels", 15, None),
    "two towers, paper": ("fc6 (Linear)", "from 227×227 to 258×258 pixels", 227, 258),
}


def refusal(model, x):
    with pytest.raises(ValueError) as caught:
        model(x)
    assert isinstance(caught.value.__cause__, (RuntimeError, ValueError, AssertionError))
    return str(caught.value)


@pytest.mark.parametrize("name", LIMITS)
def test_the_least_size_passes_and_a_pixel_less_names_the_layer(name):
    layer, sizes, least, most = LIMITS[name]
    model = on_meta(ALL[name])
    for size in [(least, least), (least, most or 100), (most or 100, least)]:
        assert model(images(*size, n=2)).shape == (2, 1000)
    beyond = [(least - 1, least - 1), (least + 9, least - 1), (1, 1)]
    for size in beyond + ([(most + 1, least)] if most else []):
        message = refusal(model, images(*size))
        assert f"takes images (N, C, H, W) {sizes}, got (1, 3, {size[0]}, {size[1]}): " in message
        square = most is None or size[0] == size[1]
        assert size == (1, 1) or (f": {layer} got (1, " if square else f": {layer} takes maps of 6×6, got ") in message
    with pytest.raises(ValueError, match=f"^1.{layer.partition(' ')[0]} "):  # `trace` says it in its own words
        trace(nn.Sequential(nn.Identity(), model), (3, least - 1, least - 1))


def test_with_padding_4_pixels_less_will_do():
    model = on_meta(AlexNetOneTower, input_size=224)
    assert model(images(223)).shape == model(images(254)).shape == (1, 1000)
    assert "from 223×223 to 254×254 pixels, got (1, 3, 222, 222): fc6 (Linear) got (1, 6400)" in refusal(
        model, images(222)
    )
    assert "fc6 (Linear) got (1, 12544)" in refusal(model, images(255))


@pytest.mark.parametrize(
    "input_size, height, width, positions",
    [(227, 170, 330, "4×9"), (227, 330, 170, "9×4"), (227, 67, 1200, "1×36"), (224, 163, 325, "4×9")],
)
def test_as_many_positions_as_6_by_6_will_not_do(input_size, height, width, positions):
    """fc6 would take them: 256·4·9 = 256·6·6. But each of its weights belongs to one place."""
    for network in (AlexNetTwoTowers, AlexNetOneTower):
        model = on_meta(network, input_size=input_size)
        for x in (images(height, width), images(height, width, n=3)):
            message = refusal(model.train(), x)
            assert f"got {tuple(x.shape)}: " in message
            assert f"fc6 (Linear) takes maps of 6×6, got {positions}" in message
        with pytest.raises(ValueError, match=rf"fc6 \(Linear\) takes maps of 6×6, got {positions}$"):
            trace(model, (3, height, width))


@pytest.mark.parametrize(
    "shape, why",
    [
        ((1, 1, 64, 64), "features.0 (Conv2d) got (1, 1, 64, 64): it has 1 channels, but in_channels = 3"),
        ((3, 64, 64), "got (3, 64, 64): it has 3 axes, not 4"),
        ((2, 3, 0, 64), "got (2, 3, 0, 64): an axis of length 0"),
    ],
)
def test_other_shapes_are_refused_too(shape, why):
    model = on_meta(AlexNet)
    for x in (torch.empty(shape, device="meta"), torch.empty(shape, device="meta", dtype=torch.uint8)):
        assert why in refusal(model, x) and why in refusal(model.train(), x)
        model.eval()


@pytest.mark.parametrize(
    "of_model, of_images, message",
    [
        (torch.float32, torch.uint8, "float32, got uint8: 0 (Conv2d) has weights of float32; convert it, from 0 … 255 "
                                     "to 0 … 1: x.float() / 255"),
        (torch.bfloat16, torch.uint8, "bfloat16, got uint8: .*: x.bfloat16() / 255"),
        (torch.float32, torch.int64, "float32, got int64: .*convert it: x.float()"),
        (torch.float32, torch.bool, "float32, got bool: .*convert it: x.float()"),
        (torch.float32, torch.float64, "float32, got float64: .*convert it, x.float(), or the network, model.double()"),
        (torch.float64, torch.float32, "float64, got float32: .*convert it, x.double(), or the network, model.float()"),
        (torch.bfloat16, torch.float32, "got float32: .*convert it, x.bfloat16(), or the network, model.float()"),
        (torch.float32, torch.float16, "got float16: .*convert it, x.float(), or the network, model.half()"),
    ],
)  # fmt: skip
def test_numbers_of_another_type_are_refused_with_what_to_do(of_model, of_images, message):
    model = Tiny().to(of_model)
    for mode in (model.eval(), model.train()):
        found = refusal(mode, torch.ones(2, 3, 8, 8, dtype=of_images))
        assert found.startswith("Tiny-1 takes images of ")
        rest = found
        for part in message.split(".*"):
            assert part in rest, found
            rest = rest.partition(part)[2]
        assert not rest  # the message ends there
        assert model(torch.ones(2, 3, 8, 8, dtype=of_model)).dtype == of_model
    # What autocast converts itself stays legal, and what it does not is refused.
    with torch.autocast("cpu", dtype=torch.bfloat16):
        if of_model == torch.float32:
            assert model(torch.ones(2, 3, 8, 8, dtype=torch.bfloat16)).shape == (2, 4, 1, 1)
            assert "got uint8" in refusal(model, torch.ones(2, 3, 8, 8, dtype=torch.uint8))


def test_one_picture_that_a_batch_norm_cannot_normalise_names_the_layer():
    model = Tiny().train()
    message = refusal(model, torch.ones(1, 3, 3, 3))
    assert message.startswith("Tiny-1 takes images (N, C, H, W) from 3×3 pixels, got (1, 3, 3, 3): ")
    assert "1 (BatchNorm2d) got (1, 4, 1, 1), one value per channel" in message
    assert message.endswith("take two images or more, larger ones, or model.eval()")
    for legal in (torch.ones(2, 3, 3, 3), torch.ones(1, 3, 3, 5)):
        assert model(legal).shape == (len(legal), 4, 1, 1)
    assert model.eval()(torch.ones(1, 3, 3, 3)).shape == (1, 4, 1, 1)


class Tiny(_sizes.SaysWhichSizes):
    smallest_input, network_name = 3, "Tiny-1"

    def __init__(self):
        super().__init__()
        for name, layer in enumerate((nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.AdaptiveAvgPool2d(1))):
            self.add_module(str(name), layer)

    def forward(self, x):
        for layer in self.children():
            x = layer(x)
        return x


def test_a_refusal_says_which_network():
    expected = {
        "alexnet": "AlexNet", "vgg11": "VGG-11", "vgg13": "VGG-13", "vgg16": "VGG-16", "vgg19": "VGG-19",
        "vgg16_bn": "VGG-16 with batch norm", "googlenet": "GoogLeNet", "two towers, paper": "AlexNetTwoTowers",
    }  # fmt: skip
    for name, called in expected.items():
        assert refusal(on_meta(ALL[name]), images(64)[0]).startswith(f"{called} takes images (N, C, H, W) ")


def test_nothing_is_traced_unless_the_run_fails_and_a_refusal_changes_nothing(googlenets, monkeypatch):
    model, _ = googlenets
    model.eval()
    before = {key: tensor.clone() for key, tensor in model.state_dict().items()}
    assert "maxpool3 (MaxPool2d) got (1, 480, 1, 1)" in refusal(model, torch.randn(1, 3, 14, 14))
    assert all(torch.equal(before[key], tensor) for key, tensor in model.state_dict().items())
    assert not model.training

    traced = []
    monkeypatch.setattr(_sizes, "trace", lambda *arguments: traced.append(arguments))
    model(torch.randn(1, 3, 15, 15)).sum().backward()
    assert model.conv1.conv.weight.grad.abs().sum() > 0 and not traced
    model.zero_grad()


def test_an_error_that_is_not_the_shapes_stays_as_it_was(googlenets):
    model = copy.deepcopy(googlenets[0]).eval()  # training would move its running means

    def hook(*_):
        raise RuntimeError("on purpose")

    for part in (model, model.conv1.conv, model.conv1.bn):
        handle = part.register_forward_hook(hook)
        with pytest.raises(RuntimeError, match="^on purpose$"):
            model(torch.randn(1, 3, 15, 15))
        handle.remove()
    with pytest.raises(TypeError):
        model("picture")


def test_legal_sizes_in_words():
    class Fixed(_sizes.SaysWhichSizes):
        def __init__(self, size):
            super().__init__()
            self.smallest_input = self.largest_input = size

    assert Fixed(224).legal_sizes() == "of 224×224 pixels"
    assert on_meta(AlexNet).legal_sizes() == "from 63×63 pixels"


@pytest.mark.parametrize("network", [AlexNet, AlexNetTwoTowers, AlexNetOneTower, *VGGS.values(), GoogLeNet])
def test_num_classes_is_checked_before_anything_is_made(network):
    for value in (0, -1, 2.0, True, "10", None):
        with pytest.raises(ValueError, match=f"num_classes must be an integer of at least 1, got {value!r}"):
            network(num_classes=value)


@pytest.mark.parametrize("network", [AlexNetTwoTowers, AlexNetOneTower])
def test_alexnets_input_size_is_checked(network):
    for value in (225, 227.0, "227"):
        with pytest.raises(ValueError, match=f"input_size must be 227 or 224 .*, got {value!r}"):
            network(input_size=value)


@pytest.mark.parametrize("value", ["a", -0.1, 2, float("nan"), None])
def test_alexnets_dropout_is_checked(value):
    with pytest.raises(ValueError, match="dropout must be a probability, from 0 to 1, got "):
        AlexNet(dropout=value)


@pytest.mark.parametrize("value", [1, 4, 7, "5", 5.0])
def test_five_by_five_is_checked(value):
    with pytest.raises(ValueError, match="five_by_five must be 5 .* or 3 .*, got"):
        GoogLeNet(five_by_five=value)
