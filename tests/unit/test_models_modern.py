"""ResNet, DenseNet, MobileNetV2, EfficientNet-B0 and ViT: torchvision and its metadata, torchinfo, the papers."""

import functools
import re
from functools import partial
from math import prod, sqrt

import pytest
import torch
import torchinfo
import torchvision
from torch import nn

from companion.models.densenet import DenseNet, densenet121
from companion.models.efficientnet_b0 import SqueezeExcitation, StochasticDepth, efficientnet_b0
from companion.models.mobilenet import mobilenet_v2
from companion.models.resnet import (
    BasicBlock,
    Bottleneck,
    PaddedIdentity,
    ResNet,
    make_shortcut,
    plain18,
    plain34,
    resnet18,
    resnet34,
    resnet50,
    resnet101,
    resnet152,
    small_resnet,
    stage,
)
from companion.models.vit import EncoderBlock, VisionTransformer, vit_b_16
from companion.trace import trace

RESNETS = [resnet18, resnet34, resnet50, resnet101, resnet152]
MODELS = [*RESNETS, densenet121, mobilenet_v2, efficientnet_b0, vit_b_16]
SMALLEST = {densenet121: 29, vit_b_16: 224}  # the others take any size


def on_meta(make, *args, **kwargs):
    """Most of this file asks for shapes and counts only."""
    with torch.device("meta"):
        return make(*args, **kwargs).eval()


@functools.cache
def network(make, **options):
    return on_meta(make, **options)


@functools.cache
def table_of(make, **options):
    return trace(network(make, **options), (3, 224, 224))


def stated(make):
    """The number of parameters in the docstring."""
    return int(re.search(r"([\d,]{7,}) parameters", make.__doc__)[1].replace(",", ""))


def torchvisions(make):
    return on_meta(torchvision.models.get_model, make.__name__, weights=None)


def drawn_state(model):
    """A state for `model` in which nothing is 0 or 1 by default, and the signal neither dies nor explodes."""
    generator, state = torch.Generator().manual_seed(0), {}
    for name, like in model.state_dict().items():
        low, high = -0.1, 0.1  # biases, means
        if not like.is_floating_point():
            state[name] = torch.tensor(7)
            continue
        if like.ndim > 1:
            high = sqrt(3 / like[0].numel())  # variance 1 / (number of inputs)
            low = -high
        elif name.endswith("running_var") or (name.endswith("weight")):
            low, high = 0.5, 1.5
        state[name] = torch.empty(like.shape).uniform_(low, high, generator=generator)
    return state


# torchvision.


@pytest.mark.parametrize("make", MODELS)
def test_keys_shapes_and_outputs_are_torchvisions(make):
    ours, theirs = on_meta(make), torchvisions(make)
    shapes = [[(key, tensor.shape, tensor.dtype) for key, tensor in m.state_dict().items()] for m in (ours, theirs)]
    assert shapes[0] == shapes[1]

    theirs.load_state_dict(drawn_state(theirs), strict=True, assign=True)  # `assign`: the tensors are not copied
    ours.load_state_dict(theirs.state_dict(), strict=True, assign=True)
    theirs.load_state_dict(ours.state_dict(), strict=True, assign=True)

    size = (1, 3, 224, 224) if make is vit_b_16 else (2, 3, 65, 98)
    x = torch.randn(size, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        y = ours(x)
        assert torch.equal(y, theirs(x))
        if make in (resnet18, densenet121, mobilenet_v2, efficientnet_b0):
            larger = torch.randn(1, 3, 224, 224, generator=torch.Generator().manual_seed(1))
            assert torch.equal(ours(larger), theirs(larger))
        if make in (resnet18, mobilenet_v2):  # in training: by the batch's statistics, with the same dropout
            scores = []
            for model in (ours, theirs):
                model.load_state_dict(drawn_state(model), assign=True)  # running means of its own
                torch.manual_seed(2)
                scores.append(model.train()(x))
            assert torch.equal(*scores) and not torch.equal(scores[0], y)
            assert all(torch.equal(a, b) for a, b in zip(ours.buffers(), theirs.buffers(), strict=True))
    assert y.isfinite().all() and y.std() > 0.01


@pytest.mark.parametrize("make", [mobilenet_v2, efficientnet_b0, resnet18, densenet121])
def test_initial_weights_are_those_of_torchvision_from_the_same_seed(make):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        ours = make().state_dict()
        torch.manual_seed(3)
        theirs = torchvision.models.get_model(make.__name__, weights=None).state_dict()
    assert [key for key in theirs if not torch.equal(ours[key], theirs[key])] == []


@pytest.mark.parametrize("make", MODELS)
def test_parameters_operations_and_file_size_are_those_of_the_metadata(make):
    meta = next(
        weights.meta
        for weights in torchvision.models.get_model_weights(make.__name__)
        if weights.transforms().crop_size == [224]
    )
    table = table_of(make)
    assert table.parameters == meta["num_params"] == stated(make) and table.unused == 0
    assert round(table.multiply_adds / 1e9, 3) == meta["_ops"]
    assert table.state_bytes / 2**20 == pytest.approx(meta["_file_size"], rel=0.01)


@pytest.mark.parametrize("make", MODELS)
def test_totals_are_those_of_torchinfo(make):
    model, table = network(make), table_of(make)
    picture = torch.empty(1, 3, 224, 224, device="meta")
    info = torchinfo.summary(model, input_data=picture, device="meta", depth=20, verbose=0)
    assert info.total_params == info.trainable_params == table.parameters

    modules = dict(model.named_modules())
    rows = [row for row in table.rows if type(modules.get(row.name)) in (nn.Conv2d, nn.Linear)]
    leaves = [leaf for leaf in info.summary_list if leaf.class_name in ("Conv2d", "Linear") and leaf.executed]
    assert len(rows) == len(leaves) > 20
    # torchinfo counts the addition of a bias as well, once per output number of a convolution; see test_trace.py.
    biases = sum(
        prod(row.output_shape[1:]) if row.kind == "Conv2d" else modules[row.name].out_features
        for row in rows
        if modules[row.name].bias is not None
    )
    macs = sum(leaf.macs for leaf in leaves)
    memory = sum(4 * prod(leaf.output_size) for leaf in info.summary_list if leaf.is_leaf_layer and leaf.executed)
    if make is vit_b_16:
        # It takes a dense layer's work for one token's (197 go through), and gives attention none.
        counted = sum(row.multiply_adds // (197 if ".mlp." in row.name else 1) for row in rows)
        assert macs == counted + biases
        attention = sum(row.multiply_adds for row in table.rows if row.kind == "MultiheadAttention")
        # Twelve layers: four projections of 197 tokens, scores and weighted sums over all pairs.
        assert attention == 12 * (4 * 197 * 768**2 + 2 * 197**2 * 768)
        assert sum(row.multiply_adds for row in rows) + attention == table.multiply_adds
    else:
        assert macs - biases == table.multiply_adds
        assert memory == table.memory


# The papers.


def sizes(table, depth=1):
    """(channels, height) of what every part gives; a part is a module's name cut after `depth` levels."""
    found = {}
    for row in table.rows:
        found[".".join(row.name.split(".")[:depth])] = row.output_shape[1:3]
    return found


@pytest.mark.parametrize("make", RESNETS)
@pytest.mark.parametrize("options", [{}, {"version": "v1"}])
def test_resnets_have_the_sizes_of_table_1(make, options):
    k = 1 if make in (resnet18, resnet34) else 4
    assert sizes(table_of(make, **options)) == {
        "conv1": (64, 112), "bn1": (64, 112), "relu": (64, 112), "maxpool": (64, 56), "layer1": (64 * k, 56),
        "layer2": (128 * k, 28), "layer3": (256 * k, 14), "layer4": (512 * k, 7), "avgpool": (512 * k, 1),
        "fc": (1000,),
    }  # fmt: skip


@pytest.mark.parametrize("make, depth", list(zip(RESNETS, [18, 34, 50, 101, 152], strict=True)))
def test_resnets_depth_counts_the_layers_with_weights(make, depth):
    kinds = [row for row in table_of(make).rows if row.kind in ("Conv2d", "Linear")]
    assert len([row for row in kinds if "downsample" not in row.name]) == depth
    assert [row.kernel for row in kinds if "downsample" in row.name] == [1] * (3 if depth < 50 else 4)


def test_operations_of_table_1_are_those_of_v1():
    """Table 1 counts 1.8, 3.6, 3.8, 7.6 and 11.3 billion. ResNet-50 would be rounded to 3.9; v1.5 has 4.1."""
    found = [table_of(make, version="v1").multiply_adds for make in RESNETS]
    assert found == [1_814_073_344, 3_663_761_408, 3_857_973_248, 7_570_194_432, 11_282_415_616]
    for ours, published in zip(found, [1.8, 3.6, 3.8, 7.6, 11.3], strict=True):
        assert abs(ours / 1e9 - published) < 0.07
    for make, published in zip(RESNETS[2:], [3.8, 7.6, 11.3], strict=True):
        assert table_of(make).multiply_adds / 1e9 - published > 0.2


@pytest.mark.parametrize(
    "depth, published", [(20, "0.27"), (32, "0.46"), (44, "0.66"), (56, "0.85"), (110, "1.73"), (8, None), (14, None)]
)
def test_small_resnets_are_those_of_section_4_2(depth, published):
    """Table 6 gives the parameters in millions (for 110 layers 1.7), for colour pictures of 32×32."""
    residual, plain = (on_meta(small_resnet, depth, residual=r, in_channels=3) for r in (True, False))
    table = trace(residual, (3, 32, 32))
    assert table.parameters == sum(p.numel() for p in plain.parameters())
    assert published in (None, f"{table.parameters / 1e6:.2f}")
    assert sum(row.kind in ("Conv2d", "Linear") for row in table.rows) == depth
    found = sizes(table)
    assert [found[f"layer{i}"] for i in (1, 2, 3)] == [(16, 32), (32, 16), (64, 8)]
    assert residual.state_dict().keys() == plain.state_dict().keys()


def test_densenet_has_the_sizes_of_table_1():
    found = sizes(table_of(densenet121), depth=2)
    assert [found[f"features.{name}"] for name in ("conv0", "pool0")] == [(64, 112), (64, 56)]
    transitions = [found[f"features.transition{i}"] for i in (1, 2, 3)]
    assert transitions == [(128, 28), (256, 14), (512, 7)]
    x, blocks = torch.empty(1, 3, 224, 224, device="meta"), []
    for name, part in network(densenet121).features.named_children():
        x = part(x)
        if "denseblock" in name:
            blocks.append((x.shape[1], x.shape[2], len(part)))
    assert blocks == [(256, 56, 6), (512, 28, 12), (1024, 14, 24), (1024, 7, 16)]
    layers = [row for row in table_of(densenet121).rows if row.kind in ("Conv2d", "Linear")]
    assert len(layers) == 121


def test_mobilenet_has_the_sizes_of_table_2():
    model = network(mobilenet_v2)
    x, found = torch.empty(1, 3, 224, 224, device="meta"), []
    for part in model.features:
        x = part(x)
        found.append((x.shape[1], x.shape[2]))
    assert found == [
        (32, 112), (16, 112), *[(24, 56)] * 2, *[(32, 28)] * 3, *[(64, 14)] * 4, *[(96, 14)] * 3, *[(160, 7)] * 3,
        (320, 7), (1280, 7),
    ]  # fmt: skip
    residual = [part.residual for part in model.features[1:-1]]
    assert residual == [n > 0 for blocks in (1, 2, 3, 4, 3, 3, 1) for n in range(blocks)]


def test_efficientnet_has_the_sizes_of_table_1():
    model = network(efficientnet_b0)
    x, found = torch.empty(1, 3, 224, 224, device="meta"), []
    for part in model.features:
        size, x = x.shape[-1], part(x)
        found.append((size, x.shape[1], len(part)))
    assert found[1:-1] == [
        (112, 16, 1), (112, 24, 2), (56, 40, 2), (28, 80, 3), (14, 112, 3), (14, 192, 4), (7, 320, 1),
    ]  # fmt: skip
    assert [(size, channels) for size, channels, _ in (found[0], found[-1])] == [(224, 32), (7, 1280)]
    theirs = [m.p for m in torchvisions(efficientnet_b0).modules() if type(m) is torchvision.ops.StochasticDepth]
    assert [m.p for m in model.modules() if type(m) is StochasticDepth] == theirs and len(theirs) == 16


@pytest.mark.parametrize("make, p", [(mobilenet_v2, 0.2), (efficientnet_b0, 0.2), (vit_b_16, 0.0), (resnet18, None)])
def test_dropout_is_torchvisions(make, p):
    ours, theirs = (
        {module.p for module in model.modules() if isinstance(module, nn.Dropout)}
        for model in (network(make), torchvisions(make))
    )
    assert ours == theirs == ({p} - {None})
    if make is not vit_b_16:  # whose dropouts torchvision has in more places
        return
    for block in network(make).encoder.layers:
        assert [type(part) for part in block.mlp] == [nn.Linear, nn.GELU, nn.Dropout, nn.Linear, nn.Dropout]
        assert block.self_attention.dropout == 0.0


def test_vit_base_is_table_1s():
    """12 layers, width 768, 12 heads, 3072 in the MLP, 86 million parameters; 14·14 patches and the class token."""
    model = network(vit_b_16)
    blocks = list(model.encoder.layers)
    assert len(blocks) == 12 and model.encoder.pos_embedding.shape == (1, 197, 768)
    assert {(b.self_attention.num_heads, b.mlp[0].out_features) for b in blocks} == {(12, 3072)}
    rows = {row.name: row for row in table_of(vit_b_16).rows}
    assert rows["conv_proj"].output_shape == (1, 768, 14, 14) and rows["encoder.ln"].output_shape == (1, 197, 768)
    assert model.heads.head.weight.shape == (1000, 768)


# Blocks, by hand.


def doubled(module, seed=0):
    """In float64, with every parameter and running mean drawn, in evaluation mode."""
    module = module.double().eval()
    module.load_state_dict({key: t.double() for key, t in drawn_state(module).items()})
    torch.manual_seed(seed)
    return module


@pytest.mark.parametrize("block", [BasicBlock, Bottleneck])
@pytest.mark.parametrize("stride, channels", [(1, None), (2, 8)])
def test_a_residual_block_is_its_plain_twin_plus_the_input(block, stride, channels):
    """Before the last ReLU, which is made to do nothing here by adding a constant after the last batch norm."""
    channels = channels or 8 // block.expansion
    residual, plain = (doubled(block(8, channels, stride, s)) for s in ("identity", "none"))
    assert residual.state_dict().keys() == plain.state_dict().keys()
    last = "bn2.bias" if block is BasicBlock else "bn3.bias"
    state = residual.state_dict()
    state[last] = state[last] + 1000
    residual.load_state_dict(state)
    plain.load_state_dict(state)
    x = torch.randn(2, 8, 6, 5, dtype=torch.float64)
    wanted = torch.zeros_like(plain(x))
    wanted[:, :8] = x[:, :, ::stride, ::stride]
    torch.testing.assert_close(residual(x) - plain(x), wanted, rtol=0, atol=1e-9)


def test_the_padded_identity_copies_and_adds_zeros():
    x = torch.randn(2, 3, 5, 4)
    y = PaddedIdentity(4, stride=2)(x)
    assert torch.equal(y[:, :3], x[:, :, ::2, ::2]) and y.shape == (2, 7, 3, 2) and not y[:, 3:].any()


def test_a_projection_is_there_where_the_shape_changes():
    assert make_shortcut(8, 8, 1, "projection") is None and make_shortcut(8, 8, 1, "identity") is None
    conv, norm = make_shortcut(8, 16, 2, "projection")
    assert (conv.weight.shape, conv.stride, conv.bias) == ((16, 8, 1, 1), (2, 2), None)
    assert isinstance(norm, nn.BatchNorm2d)
    assert isinstance(make_shortcut(8, 16, 1, "identity"), PaddedIdentity)
    assert make_shortcut(8, 16, 2, "none") is None


@pytest.mark.parametrize("version, share", [("v1", 0.25), ("v1.5", 1.0)])
def test_v1_never_looks_at_three_quarters_of_its_input(version, share):
    block = doubled(Bottleneck(8, 4, stride=2, shortcut="none", version=version))
    x = torch.randn(1, 8, 8, 8, dtype=torch.float64, requires_grad=True)
    block.bn3(block.conv3(block.bn2(block.conv2(block.bn1(block.conv1(x)))))).square().sum().backward()
    assert (x.grad != 0).any(dim=1).double().mean() == share


@pytest.mark.parametrize("make, twin, depth", [(resnet18, plain18, 18), (resnet34, plain34, 34)])
def test_plain_networks_have_the_layers_and_the_parameters_of_the_residual_ones(make, twin, depth):
    assert network(twin).state_dict().keys() == network(make, shortcut="identity").state_dict().keys()
    table = table_of(twin)
    assert table.parameters == table_of(make, shortcut="identity").parameters == stated(twin)
    assert sum(row.kind in ("Conv2d", "Linear") for row in table.rows) == depth
    assert table_of(make, version="v1").rows == table_of(make).rows


def test_small_resnets_have_the_parameters_of_their_docstring():
    numbers = [int(n.replace(",", "")) for n in re.findall(r"\d+,\d+", small_resnet.__doc__)]
    assert numbers == [trace(on_meta(small_resnet, depth), (1, 28, 28)).parameters for depth in (8, 20, 32)]


def test_attention_by_hand():
    block = doubled(EncoderBlock(width=6, heads=2, mlp_width=10))
    z = torch.randn(2, 5, 6, dtype=torch.float64)
    y, parts = block.ln_1(z), block.self_attention
    queries, keys, values = (y @ parts.in_proj_weight.T + parts.in_proj_bias).reshape(2, 5, 3, 2, 3).unbind(2)
    scores = torch.einsum("nqhd,nkhd->nhqk", queries, keys) / sqrt(3)
    attended = torch.einsum("nhqk,nkhd->nqhd", scores.softmax(-1), values).reshape(2, 5, 6)
    wanted = z + parts.out_proj(attended)
    hidden = nn.functional.gelu(block.ln_2(wanted) @ block.mlp[0].weight.T + block.mlp[0].bias)
    wanted = wanted + hidden @ block.mlp[3].weight.T + block.mlp[3].bias
    torch.testing.assert_close(block(z), wanted, rtol=0, atol=1e-12)


def test_squeeze_and_excitation_by_hand():
    gate = doubled(SqueezeExcitation(4, 2))
    x = torch.randn(3, 4, 5, 6, dtype=torch.float64)
    squeezed = x.mean((2, 3)) @ gate.fc1.weight[:, :, 0, 0].T + gate.fc1.bias
    squeezed = squeezed * squeezed.sigmoid()  # SiLU
    scale = (squeezed @ gate.fc2.weight[:, :, 0, 0].T + gate.fc2.bias).sigmoid()
    torch.testing.assert_close(gate(x), x * scale[:, :, None, None], rtol=0, atol=1e-12)


def test_stochastic_depth_drops_whole_pictures_and_keeps_the_mean():
    layer, x = StochasticDepth(0.25), torch.ones(4000, 2, 1, 3)
    assert layer.eval()(x) is x
    torch.manual_seed(0)
    y = layer.train()(x)
    assert set(y.flatten().tolist()) == {0.0, torch.tensor(4 / 3).item()}
    assert torch.equal(y, y[:, :1, :, :1].expand_as(y))
    assert y.mean().item() == pytest.approx(1, abs=4 * sqrt(0.25 / 0.75 / 4000))  # four standard errors


# Arguments and inputs.


@pytest.mark.parametrize("make", [*MODELS, plain18, plain34, small_resnet])
def test_num_classes(make):
    channels = 1 if make is small_resnet else 3
    size = SMALLEST.get(make, 1)
    picture = torch.empty(2, channels, size, size, device="meta")
    assert on_meta(make, num_classes=7)(picture).shape == (2, 7)
    for bad in (0, -1, 2.0, "7", True):
        with pytest.raises(ValueError, match="num_classes must be an integer of at least 1, got "):
            on_meta(make, num_classes=bad)


@pytest.mark.parametrize(
    "make, size, layer, reason",
    [
        (resnet18, (1, 1, 64, 64), "conv1 (Conv2d)", "it has 1 channels, but in_channels = 3"),
        (resnet50, (3, 64, 64), "ResNet-50", "takes images (N, C, H, W) from 1×1 pixels, got (3, 64, 64): it has 3"),
        (small_resnet, (1, 3, 28, 28), "conv1 (Conv2d)", "it has 3 channels, but in_channels = 1"),
        (densenet121, (1, 3, 28, 40), "features.transition3.pool (AvgPool2d)", "size must be at least 2"),
        (densenet121, (1, 3, 40, 28), "features.transition3.pool (AvgPool2d)", "size must be at least 2"),
        (mobilenet_v2, (1, 4, 32, 32), "features.0.0 (Conv2d)", "it has 4 channels, but in_channels = 3"),
        (efficientnet_b0, (1, 2, 32, 32), "features.0.0 (Conv2d)", "it has 2 channels, but in_channels = 3"),
        (vit_b_16, (1, 3, 192, 192), "encoder.pos_embedding", "has 14·14 + 1 positions, for images of 224×224"),
        (vit_b_16, (1, 3, 112, 448), "encoder.pos_embedding", "for images of 224×224; resize the image to that"),
        (vit_b_16, (1, 1, 224, 224), "conv_proj (Conv2d)", "it has 1 channels, but in_channels = 3"),
    ],
)
def test_an_illegal_input_names_the_layer_and_what_would_be_right(make, size, layer, reason):
    model, least = network(make), SMALLEST.get(make, 1)
    for training in [False] if make is densenet121 else [True, False]:  # whose refusal takes half a second
        with pytest.raises(ValueError) as of_call:
            model.train(training)(torch.empty(size, device="meta"))
        assert layer in str(of_call.value) and reason in str(of_call.value)
    assert re.search(rf"takes images \(N, C, H, W\) (from|of) {least}×{least} pixels, got ", str(of_call.value))
    if len(size) == 4:
        with pytest.raises(ValueError) as of_trace:
            trace(model, size)
        assert layer in str(of_trace.value) and reason in str(of_trace.value)


def test_a_refusal_says_which_network():
    expected = {
        resnet18: "ResNet-18", resnet34: "ResNet-34", resnet50: "ResNet-50", resnet101: "ResNet-101",
        resnet152: "ResNet-152", plain18: "plain-18", plain34: "plain-34", densenet121: "DenseNet-121",
        mobilenet_v2: "MobileNetV2", efficientnet_b0: "EfficientNet-B0", vit_b_16: "ViT-B/16",
        small_resnet: "residual-8",
    }  # fmt: skip
    for make, called in expected.items():
        with pytest.raises(ValueError, match=rf"^{called} takes images \(N, C, H, W\) "):
            network(make)(torch.empty(3, 64, 64, device="meta"))
    with pytest.raises(ValueError, match="^plain-14 takes"):
        on_meta(small_resnet, 14, residual=False)(torch.empty(28, 28))


@pytest.mark.parametrize("blocks", [1, 2, 3, 4, 5])
def test_densenets_least_size_goes_with_its_blocks(blocks):
    model = on_meta(DenseNet, (1,) * blocks, growth_rate=2, num_classes=3)
    least = model.smallest_input
    assert least == {1: 1, 2: 5, 3: 13, 4: 29, 5: 61}[blocks]
    for size in ((least, least), (least, 70), (70, least)):
        assert model(torch.empty(1, 3, *size, device="meta")).shape == (1, 3)
    if least > 1:
        for size in ((least - 1, 70), (70, least - 1)):
            with pytest.raises(ValueError, match=rf"from {least}×{least} pixels, got .*transition{blocks - 1}\.pool "):
                model(torch.empty(1, 3, *size, device="meta"))


@pytest.mark.parametrize("make, size", [(resnet18, 32), (mobilenet_v2, 32)])
def test_one_picture_in_training_at_a_size_that_leaves_one_position_names_the_batch_norm(make, size):
    model = make(num_classes=2).train()
    with pytest.raises(ValueError, match=r"\(BatchNorm2d\) got \(1, \d+, 1, 1\), one value per channel"):
        model(torch.zeros(1, 3, size, size))
    with pytest.raises(ValueError, match=r"takes images of float32, got uint8: .*Conv2d.* x\.float\(\) / 255$"):
        model(torch.zeros(2, 3, size, size, dtype=torch.uint8))


@pytest.mark.parametrize(
    "make, arguments, message",
    [
        (ResNet, {"block": BasicBlock, "blocks": (0, -3, 2, 2)}, r"blocks must be 4 integers .* got \(0, -3, 2, 2\)"),
        (ResNet, {"block": BasicBlock, "blocks": (2, 2, 2)}, r"blocks must be 4 integers .* got \(2, 2, 2\)"),
        (ResNet, {"block": BasicBlock, "blocks": 2}, "blocks must be 4 integers .* got 2"),
        (partial(stage, BasicBlock, 8, 8), {"blocks": 0, "stride": 1}, "blocks must be an integer of at least 1, got"),
        (DenseNet, {"blocks": ()}, r"blocks must be one or more integers of at least 1, .* got \(\)"),
        (DenseNet, {"blocks": (2, -1)}, r"blocks must be one or more integers of at least 1, .* got \(2, -1\)"),
        (DenseNet, {"blocks": (2, 2.0)}, r"blocks must be one or more integers of at least 1, .* got \(2, 2.0\)"),
        (DenseNet, {"blocks": (2, 2), "growth_rate": 0}, "growth_rate must be an integer of at least 1, got 0"),
        (DenseNet, {"blocks": (2, 2), "growth_rate": 1.5}, "growth_rate must be an integer of at least 1, got 1.5"),
        (resnet18, {"version": "v2"}, "version must be one of 'v1.5', 'v1', got 'v2'"),
        (resnet152, {"version": 1}, "version must be one of 'v1.5', 'v1', got 1"),
        (resnet34, {"shortcut": None}, "shortcut must be one of 'projection', 'identity', 'none', got None"),
        (small_resnet, {"depth": 10}, r"depth must be 6n \+ 2 .* got 10"),
        (small_resnet, {"depth": 2}, r"depth must be 6n \+ 2 .* got 2"),
        (small_resnet, {"depth": 8.0}, r"depth must be 6n \+ 2 .* got 8.0"),
        (small_resnet, {"in_channels": 0}, "in_channels must be an integer of at least 1, got 0"),
        (VisionTransformer, {"patch_size": 15}, "patch_size must divide image_size=224, got 15"),
        (VisionTransformer, {"heads": 7}, "heads must divide width=768, got 7"),
        (VisionTransformer, {"layers": 0}, "layers must be an integer of at least 1, got 0"),
    ],
)
def test_arguments_are_checked(make, arguments, message):
    with pytest.raises(ValueError, match=message):
        on_meta(make, **arguments)


def test_an_identity_cannot_drop_channels():
    with pytest.raises(ValueError, match='shortcut="identity" cannot bring 16 channels to 8'):
        BasicBlock(16, 8, shortcut="identity")


@pytest.mark.parametrize("residual", [True, False])
def test_a_small_resnet_can_be_trained(residual):
    torch.manual_seed(0)
    model = small_resnet(8, residual).train()
    model(torch.randn(4, 1, 28, 28)).square().sum().backward()
    assert all(p.grad.isfinite().all() and p.grad.any() for p in model.parameters())


def test_a_small_vit_can_be_trained():
    torch.manual_seed(0)
    model = VisionTransformer(image_size=16, patch_size=8, layers=2, width=12, heads=2, mlp_width=20, num_classes=3)
    assert not model(torch.randn(2, 3, 16, 16)).any()  # the head begins at zero
    assert model.conv_proj.weight.std().item() == pytest.approx(sqrt(1 / 192), rel=0.1)
    for block in model.encoder.layers:  # Glorot's: uniform up to ±√(6 / (inputs + outputs)), here 12 and 20
        for layer in (block.mlp[0], block.mlp[3]):
            bound = sqrt(6 / 32)
            assert 0.9 * bound < layer.weight.abs().max() <= bound
            assert layer.weight.std().item() == pytest.approx(bound / sqrt(3), rel=0.15)
            assert 0 < layer.bias.abs().max() < 1e-5
    nn.init.normal_(model.heads.head.weight)
    model.train()(torch.randn(2, 3, 16, 16)).square().sum().backward()
    assert all(p.grad.isfinite().all() and p.grad.any() for p in model.parameters())
