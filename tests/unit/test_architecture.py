"""`companion.architectures`: the file is what the networks say, and its shapes are those of `companion.trace`."""

import json
from hashlib import sha256

import pytest

from companion.architectures import (
    FILE,
    SHA256,
    architecture,
    content,
    memory,
    multiply_adds,
    run,
    smallest_size,
)
from companion.trace import trace
from tools.make_architectures import NETWORKS, pack, write

# Recomputed here: every kind of block and of rule is among them, and the large ones are their small ones repeated.
RECOMPUTED = (
    "lenet5", "alexnet", "alexnet_tower", "vgg11", "googlenet", "resnet50", "plain18", "small_resnet8",
    "efficientnet_lite0", "vit_b_16", "lenet5_modern", "scene_plain", "scene_residual",
)  # fmt: skip


@pytest.fixture(scope="module")
def models():
    return {key: network.make() for key, network in NETWORKS.items()}


def test_the_file_is_whole_and_its_networks_are_those_of_the_script():
    stored = FILE.read_bytes()
    assert sha256(stored).hexdigest() == SHA256
    assert write(json.loads(stored)) == stored
    assert list(content()["networks"]) == list(NETWORKS)
    assert len(stored) < 100_000


@pytest.mark.parametrize("key", RECOMPUTED)
def test_a_network_recomputed_is_the_one_stored(key):
    shapes = []
    packed = pack(NETWORKS[key], NETWORKS[key].make(), shapes, {})
    stored = content()["networks"][key]
    assert {**packed, "blocks": None} == {**stored, "blocks": None}
    assert [(name, shapes[number]) for name, number in packed["blocks"]] == [
        (name, content()["blocks"][number]) for name, number in stored["blocks"]
    ]


def test_shapes_and_costs_are_the_traces_at_the_networks_own_size(models):
    for key, model in models.items():
        network = architecture(key)
        traced = trace(model, (network.channels, network.size, network.size))
        result = run(key, network.size)
        assert result.broken is None
        layers = network.layers
        assert [layer.name for layer in layers] == [row.name for row in traced.rows]
        assert [layer.kind for layer in layers] == [row.kind.removesuffix(" (functional)") for row in traced.rows]
        assert [layer.parameters for layer in layers] == [row.parameters for row in traced.rows]
        assert list(result.shapes) == [row.output_shape[1:] for row in traced.rows]
        pairs = list(zip(layers, result.shapes, strict=True))
        assert [multiply_adds(*pair) for pair in pairs] == [row.multiply_adds for row in traced.rows]
        assert [memory(shape) for shape in result.shapes] == [row.memory for row in traced.rows]
        assert sum(layer.parameters for layer in layers) == traced.parameters
        assert network.unused == traced.unused


# Odd, small and large sizes; those that break a network do it in a layer of its own.
OTHERS = [
    ("lenet5", 16), ("lenet5", 35), ("lenet5", 36), ("alexnet", 62), ("alexnet", 63), ("alexnet", 30),
    ("alexnet_towers", 226), ("alexnet_towers", 258), ("alexnet_towers", 259), ("alexnet_towers", 40),
    ("vgg11", 31), ("vgg16", 244), ("vgg16", 17), ("vgg19", 33), ("googlenet", 14), ("googlenet", 15),
    ("googlenet", 97), ("resnet18", 1), ("resnet50", 33), ("densenet121", 28), ("densenet121", 29), ("densenet121", 5),
    ("mobilenet_v2", 3), ("efficientnet_b0", 97), ("efficientnet_lite0", 131), ("vit_b_16", 225), ("vit_b_16", 448),
    ("alexnet_tower", 226), ("alexnet_tower", 240), ("vgg16_bn", 31), ("googlenet_3", 14), ("resnet50_v1", 33),
    ("plain34", 45), ("small_resnet8", 14), ("small_resnet32", 13),
    ("lenet5_modern", 31), ("scene_plain", 63), ("scene_plain", 70), ("scene_residual", 7),
]  # fmt: skip


def test_other_sizes_give_the_traces_shapes_or_break_where_the_trace_does(models):
    broken = 0
    for key, size in OTHERS:
        network, result = architecture(key), run(key, size)
        try:
            traced = trace(models[key], (network.channels, size, size))
        except ValueError as error:
            broken += 1
            message = str(error)
            layer, _, got, needs = result.broken
            if layer < 0:
                assert message.startswith("the model") and (got, needs) == (size, network.size)
                continue
            own = network.layers[layer]
            assert message.startswith(f"{own.name} ({own.kind}) got"), (key, size, message)
            if own.rule[0] == "linear":
                assert f"{got:,} features" in message and f"in_features = {needs:,}" in message
            else:
                assert f"size={got} is too small" in message and f"size must be at least {needs}" in message
            assert set(result.shapes[layer:]) == {None}
            assert None not in result.shapes[:layer]
            continue
        assert result.broken is None, (key, size)
        assert list(result.shapes) == [row.output_shape[1:] for row in traced.rows], (key, size)
        costs = [multiply_adds(*pair) for pair in zip(network.layers, result.shapes, strict=True)]
        assert sum(costs) == traced.multiply_adds
    assert broken >= 10


def test_the_smallest_size_is_the_one_that_the_networks_name(models):
    named = {key: model.smallest_input for key, model in models.items() if hasattr(model, "smallest_input")}
    assert len(named) >= 14
    assert {key: smallest_size(key) for key in named} == named
    towers = [size for size in range(1, 300) if run("alexnet_towers", size).broken is None]
    assert (towers[0], towers[-1]) == (models["alexnet_towers"].smallest_input, models["alexnet_towers"].largest_input)
    assert towers == list(range(towers[0], towers[-1] + 1))


def test_blocks_are_whole_and_know_their_branches():
    for key in content()["networks"]:
        blocks = architecture(key).blocks
        ends = [block.first + len(block.layers) for block in blocks]
        assert [block.first for block in blocks] == [0, *ends[:-1]]
        for block in blocks:
            assert not block.widths or sum(block.widths) == block.channels
            assert all(-1 <= layer.source < block.first + i for i, layer in enumerate(block.layers))
        # What follows flattening is not the pooling's: its maps are what a reader sees.
        pools = [block for block in blocks if block.kind == "pool"]
        assert all(block.layers[0].is_map for block in pools if block.name != "mean"), key
        assert {layer.kind for block in pools for layer in block.layers} & {"Dropout", "Linear", "ReLU"} == set(), key
        assert not any(block.name.startswith("(") for block in blocks), key
    assert [block.name for block in architecture("alexnet").blocks[-4:]] == [
        "avgpool", "classifier.1", "classifier.4", "classifier.6",
    ]  # fmt: skip
    assert architecture("alexnet").blocks[-4].layers[-1].after == 256
    assert architecture("alexnet").blocks[-3].layers[0].name == "classifier.0", "a dropout"
    kinds = {key: [block.kind for block in architecture(key).blocks] for key in content()["networks"]}
    assert kinds["googlenet"].count("inception") == 9
    assert [kinds[f"resnet{depth}"].count("residual") for depth in (18, 34, 50, 101, 152)] == [8, 16, 16, 33, 50]
    assert [kinds[f"plain{depth}"].count("plain") for depth in (18, 34)] == [8, 16]
    assert not any(block.shortcut for block in architecture("plain34").blocks)
    assert [kinds[f"small_resnet{depth}"].count("residual") for depth in (8, 32)] == [3, 15]
    assert kinds["densenet121"].count("dense") == 58
    assert kinds["vit_b_16"].count("transformer") == 12
    for key, count in (("mobilenet_v2", 17), ("efficientnet_b0", 16), ("efficientnet_lite0", 16)):
        assert kinds[key].count("inverted") == count
    inception = next(block for block in architecture("googlenet").blocks if block.name == "inception3a")
    assert inception.widths == (64, 128, 32, 32), "table 1 of the paper"
    assert all(block.shortcut for block in architecture("resnet50").blocks if block.kind == "residual")
    joined = [block.shortcut for block in architecture("mobilenet_v2").blocks if block.kind == "inverted"]
    assert joined.count(True) == 10, "one in each repetition within a stage"


def test_variants_differ_where_they_should():
    def parameters(key):
        return sum(layer.parameters for layer in architecture(key).layers)

    assert (parameters("alexnet_towers"), parameters("alexnet_tower")) == (60_965_224, 62_378_344)
    assert (parameters("googlenet"), parameters("googlenet_3")) == (7_005_832, 6_624_904)
    assert parameters("vgg16_bn") - parameters("vgg16") == 2 * (2 * 64 + 2 * 128 + 3 * 256 + 6 * 512)
    assert (parameters("small_resnet8"), parameters("small_resnet32")) == (75_002, 463_866)
    projections = 64 * 128 + 128 * 256 + 256 * 512 + 2 * (128 + 256 + 512)
    assert parameters("resnet34") - parameters("plain34") == projections, "the shortcuts with weights"
    adds = {
        key: sum(map(multiply_adds, architecture(key).layers, run(key, 224).shapes))
        for key in ("resnet50", "resnet50_v1")
    }
    assert parameters("resnet50") == parameters("resnet50_v1") and adds["resnet50_v1"] < 0.95 * adds["resnet50"]
    families = [network["family"] for network in content()["networks"].values()]
    assert families == sorted(families, key=families.index), "those of a family follow one another"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: architecture("vgg"), "network must be one of 'lenet5', 'lenet5_modern', .* got 'vgg'"),
        (lambda: run("vgg16", 0), "size must be a whole number of pixels, at least 1, got 0"),
        (lambda: run("vgg16", True), "size must be .* got True"),
        (lambda: run("vgg16", 22.4), "size must be .* got 22.4"),
    ],
)
def test_illegal_arguments_are_refused_in_words(call, message):
    with pytest.raises(ValueError, match=message):
        call()
