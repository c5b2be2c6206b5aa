"""The packaged networks are whole, load strictly, and classify held-out scenes about as well as README.md says."""

import re
from pathlib import Path

import pytest
import torch
from safetensors.torch import load
from torch import nn

import companion.models.scene
from companion.data.scenes import plant, scenes
from companion.evaluate import evaluate
from companion.models.scene import CHECKSUMS, FOLDER, KINDS, Block, PlainNet, ResidualNet, scene_network

README = (FOLDER / "README.md").read_text(encoding="utf-8")
MARGIN = 0.07  # over three standard deviations of an accuracy of 0.6 measured on 500 scenes, 0.022


def path_of(network):
    return FOLDER / f"scene-{'-'.join(map(str, network))}.safetensors"


def stated_accuracy(network):
    """What README.md states for 2,000 held-out scenes."""
    row = re.search(rf"^\| `{path_of(network).name}` \|.*?(\d\.\d{{4}})", README, re.MULTILINE)
    return float(row[1])


@pytest.mark.parametrize("network", CHECKSUMS, ids=str)
def test_accuracy_on_held_out_scenes_is_the_stated_one(network):
    kind, items, seed = network
    model = scene_network(*network)
    assert isinstance(model, KINDS[kind]) and not model.training
    held_out = scenes(train=False, count=500, seed=1)
    accuracy = evaluate(model, plant(held_out, "shirt") if items == "marked" else held_out).accuracy
    assert abs(accuracy - stated_accuracy(network)) < MARGIN


@pytest.mark.parametrize("network", CHECKSUMS, ids=str)
def test_checkpoint_is_listed_with_its_size_and_checksum_and_has_the_right_tensors(network):
    content = path_of(network).read_bytes()
    row = next(line for line in README.splitlines() if line.startswith(f"| `{path_of(network).name}`"))
    assert f"{len(content):,}" in row and CHECKSUMS[network] in row
    state, expected = load(content), KINDS[network[0]]().state_dict()
    assert {name: v.shape for name, v in state.items()} == {name: v.shape for name, v in expected.items()}
    assert all(v.isfinite().all() for v in state.values())


def test_the_files_are_small_and_all_of_them_are_listed():
    files = sorted(FOLDER.glob("scene-*.safetensors"))
    assert files == sorted(map(path_of, CHECKSUMS))
    assert sum(file.stat().st_size for file in files) < 3_000_000


@pytest.mark.parametrize("damage", ["truncated", "one bit"])
def test_a_damaged_file_is_refused(tmp_path, monkeypatch, damage):
    network = next(iter(CHECKSUMS))
    content = bytearray(path_of(network).read_bytes())
    if damage == "one bit":
        content[-1000] ^= 1
    else:
        del content[-1000:]
    (tmp_path / path_of(network).name).write_bytes(content)
    monkeypatch.setattr(companion.models.scene, "FOLDER", Path(tmp_path))
    with pytest.raises(OSError, match=r"scene-.*\.safetensors is damaged .* install `companion` again"):
        scene_network(*network)


def test_a_checkpoint_of_another_network_is_refused(monkeypatch, tmp_path):
    """`load_state_dict` is strict: a residual network's file does not fill a plain one."""
    plain, residual = ("plain", "fashion", 0), ("residual", "fashion", 0)
    (tmp_path / path_of(plain).name).write_bytes(path_of(residual).read_bytes())
    monkeypatch.setattr(companion.models.scene, "FOLDER", Path(tmp_path))
    monkeypatch.setitem(CHECKSUMS, plain, CHECKSUMS[residual])
    with pytest.raises(RuntimeError, match="Missing key"):
        scene_network(*plain)


@pytest.mark.parametrize("kind", KINDS)
def test_the_untrained_twin_depends_on_the_seed_alone(kind):
    torch.manual_seed(123)
    state = torch.get_rng_state()
    one, same, other = (scene_network(kind, seed=seed, trained=False) for seed in (5, 5, 6))
    assert torch.equal(torch.get_rng_state(), state)  # the caller's random numbers are not disturbed
    torch.manual_seed(5)
    by_hand = KINDS[kind]()
    assert not one.training
    x = torch.rand(2, 1, 64, 64)
    with torch.no_grad():
        assert torch.equal(one(x), same(x)) and torch.equal(one(x), by_hand.eval()(x))
        assert not torch.equal(one(x), other(x))


def test_untrained_networks_know_nothing():
    held_out = scenes(train=False, count=500, seed=1)
    for kind in KINDS:
        assert evaluate(scene_network(kind, trained=False), held_out).accuracy < 0.2


@pytest.mark.parametrize("kind", KINDS)
def test_shapes_and_the_parameters_in_the_docstring(kind):
    model = KINDS[kind]().eval()
    count = sum(parameter.numel() for parameter in model.parameters())
    assert f"{count:,} parameters" in KINDS[kind].__doc__
    x = torch.rand(3, 1, 64, 64)
    assert model.features(x).shape[2:] == (8, 8) and model(x).shape == (3, 10)


def test_only_the_residual_network_averages_its_last_map():
    """With a linear head behind the average, moving the map's content changes nothing; behind dense layers it does."""
    torch.manual_seed(0)
    x = torch.rand(2, 1, 64, 64)
    with torch.no_grad():
        for kind, same in (("residual", True), ("plain", False)):
            model = scene_network(kind, trained=False)
            maps = model.features(x)
            head = model.classifier if kind == "plain" else nn.Sequential(model.avgpool, nn.Flatten(), model.classifier)
            scores, moved = (head(a.flatten(1) if kind == "plain" else a) for a in (maps, maps.roll(3, dims=3)))
            assert torch.allclose(scores, model(x))
            assert torch.allclose(scores, moved, atol=1e-6) == same


def test_every_relu_writes_over_its_input():
    for model in (PlainNet(), ResidualNet()):
        relus = [module for module in model.modules() if isinstance(module, nn.ReLU)]
        assert len(relus) >= 4 and all(relu.inplace for relu in relus)


def test_a_block_with_its_convolutions_at_zero_passes_its_input_on():
    """F(x) = 0 leaves relu(x), the identity for what comes out of a ReLU: He et al., section 3.1."""
    block = Block(4, 4).eval()
    nn.init.zeros_(block.bn2.weight)
    x = torch.rand(2, 4, 8, 8)
    assert torch.equal(block(x), x)
    assert Block(4, 8, stride=2).eval()(x).shape == (2, 8, 4, 4)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("vgg",), "kind must be one of 'plain', 'residual', got 'vgg'"),
        (("plain", "cifar"), r"must be one of \('residual', 'fashion', 0\), .*, got \('plain', 'cifar', 0\)"),
        (("residual", "fashion", 7), r"must be one of .*\('plain', 'fashion', 0\).*, got \('residual', 'fashion', 7\)"),
    ],
)
def test_unknown_names_are_refused_with_what_there_is(arguments, message):
    with pytest.raises(ValueError, match=message):
        scene_network(*arguments)
