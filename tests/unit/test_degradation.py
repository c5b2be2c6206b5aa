"""The shipped histories and networks of chapter 7: whole, what README.md says they are, and what the code says too."""

import pytest
import torch
from safetensors.torch import load
from torch import nn

from companion import degradation
from companion.degradation import (
    CHECKSUMS,
    FOLDER,
    NETWORKS,
    SEEDS,
    pack,
    places,
    recorded,
    recorded_rates,
    trained,
    unpack,
    untrained,
    without_block,
)
from companion.evaluate import evaluate
from companion.history import History

MARGIN = 0.05  # the packaged weights are the measured ones in 8 bits


@pytest.fixture(scope="module")
def runs():
    return recorded()


def test_all_runs_are_there(runs):
    assert list(runs) == list(NETWORKS)
    for name, by_seed in runs.items():
        assert tuple(by_seed) == SEEDS
        for run in by_seed.values():
            history = run["history"]
            assert isinstance(history, History) and history["epoch"] == list(range(1, degradation.EPOCHS + 1))
            assert history["train_loss"][-1] < history["train_loss"][0]
            assert 0.3 < run["held_out_accuracy"] < run["train_accuracy"] < 1
            assert ("without_block" in run) == name.endswith("32")


def test_the_seeds_are_different_runs(runs):
    assert len({run["history"]["train_loss"][-1] for by_seed in runs.values() for run in by_seed.values()}) == 12


def test_smaller_rates_are_other_runs_of_the_same_network(runs):
    rates = recorded_rates()
    assert tuple(rates) == degradation.OTHER_RATES
    for rate, run in rates.items():
        history = run["history"]
        assert history["epoch"] == list(range(1, degradation.EPOCHS + 1))
        assert rate / 2 < max(history["lr"]) <= rate < degradation.LEARNING_RATE
        assert 0.3 < run["held_out_accuracy"] < run["train_accuracy"] < 1 and "without_block" not in run
    losses = {run["history"]["train_loss"][-1] for run in (runs["plain-32"][0], *rates.values())}
    assert len(losses) == 1 + len(rates)


@pytest.mark.parametrize("name", CHECKSUMS)
def test_packaged_networks_are_those_of_seed_0(name, runs):
    model = trained(name)
    assert not model.training and len(places(model)) == 13
    held_out = degradation.pictures(train=False)
    assert abs(evaluate(model, held_out).accuracy - runs[name][0]["held_out_accuracy"]) < MARGIN
    place = places(model)[0]
    stored = runs[name][0]["without_block"]
    assert list(stored) == places(model)
    assert abs(evaluate(without_block(model, place), held_out).accuracy - stored[place]) < MARGIN


@pytest.mark.parametrize("name", CHECKSUMS)
def test_packaged_weights_are_small_and_have_the_right_tensors(name):
    content = (FOLDER / f"degradation-{name}.safetensors").read_bytes()
    state, expected = unpack(load(content)), untrained(name, 0).state_dict()
    assert {key: v.shape for key, v in state.items()} == {key: v.shape for key, v in expected.items()}
    assert all(v.isfinite().all() for v in state.values()) and len(content) < 600_000


def test_packing_rounds_by_half_a_scale_at_most():
    state = untrained("plain-8", 5).state_dict()
    packed = pack(state)
    back = unpack(packed)
    assert list(back) == list(state)
    for key, tensor in state.items():
        scale = packed.get(f"{key}.scale", torch.zeros(()))
        assert back[key].dtype == tensor.dtype
        assert ((back[key] - tensor).abs() <= 0.501 * scale).all()
        assert (tensor.ndim == 4) == (f"{key}.scale" in packed)


def test_twins_begin_alike_and_leave_the_random_generator_alone():
    torch.manual_seed(0)
    before = torch.get_rng_state()
    plain, residual = (untrained(f"{kind}-8", 1).state_dict() for kind in ("plain", "residual"))
    assert torch.equal(torch.get_rng_state(), before)
    assert all(torch.equal(plain[key], residual[key]) for key in plain)
    assert not torch.equal(plain["conv1.weight"], untrained("plain-8", 2).state_dict()["conv1.weight"])


@pytest.mark.parametrize("name", ["plain-8", "residual-32"])
def test_a_block_taken_out_lets_its_input_through(name):
    model = untrained(name, 0).eval()
    place = places(model)[0]
    shorter = without_block(model, place)
    assert isinstance(shorter.get_submodule(place), nn.Identity) and not shorter.training
    assert not isinstance(model.get_submodule(place), nn.Identity)
    x = torch.rand(2, 1, 14, 14)
    by_hand = model.relu(model.bn1(model.conv1(x)))
    for block_name, block in model.named_modules():
        if block_name.count(".") == 1 and block_name.startswith("layer") and block_name != place:
            by_hand = block(by_hand)
    assert torch.allclose(shorter(x), model.fc(by_hand.mean(dim=(2, 3))), atol=1e-5)


@pytest.mark.parametrize("name", ["plain-32", "residual-32"])
def test_blocks_can_be_taken_out_of_what_is_left(name):
    model = untrained(name, 0).train()
    before = {key: tensor.clone() for key, tensor in model.state_dict().items()}
    taken = ["layer1.0", "layer2.1", "layer1.1", "layer3.4"]
    shorter = model
    for place in taken:
        shorter = without_block(shorter, place)
        assert isinstance(shorter.get_submodule(place), nn.Identity) and shorter.training
    assert places(shorter) == [place for place in places(model) if place not in taken]
    with pytest.raises(ValueError, match=r"place must be one of layer1\.2, .*, got 'layer2\.1'"):
        without_block(shorter, "layer2.1")

    # The model is as it was, and shares its tensors with what is left; modes and parts are each one's own.
    assert not any(isinstance(module, nn.Identity) for module in model.modules())
    assert all(torch.equal(before[key], tensor) for key, tensor in model.state_dict().items())
    own = {id(tensor) for tensor in (*model.parameters(), *model.buffers())}
    assert {id(tensor) for tensor in (*shorter.parameters(), *shorter.buffers())} < own
    shorter.eval()
    assert all(module.training for module in model.modules())
    x = torch.rand(2, 1, 14, 14)
    by_hand = model.eval().relu(model.bn1(model.conv1(x)))
    for block_name, block in model.named_modules():
        if block_name.count(".") == 1 and block_name.startswith("layer") and block_name not in taken:
            by_hand = block(by_hand)
    assert torch.allclose(shorter(x), model.fc(by_hand.mean(dim=(2, 3))), atol=1e-5)


def test_a_shortened_network_can_be_measured(monkeypatch):
    few = torch.utils.data.Subset(degradation.pictures(train=False), range(20))
    monkeypatch.setattr(degradation, "pictures", lambda train=True: few)
    shorter = without_block(without_block(untrained("residual-32", 0).eval(), "layer1.0"), "layer3.2")
    assert list(degradation.measure(shorter)["without_block"]) == places(shorter)
    assert len(places(shorter)) == 11


def test_pictures_are_the_means_of_four_pixels():
    data = degradation.pictures()
    assert data.images.shape == (4000, 1, 14, 14) and len(data.labels) == 4000
    whole = degradation.fashion_mnist()
    assert torch.allclose(data.images[7, 0, 3, 5], whole.images[7, 0, 6:8, 10:12].mean())
    assert torch.equal(data.labels, whole.labels[:4000])


def test_a_short_run_learns_and_repeats(monkeypatch):
    monkeypatch.setattr(degradation, "PICTURES", 1000)
    model, history = degradation.train("residual-8", seed=3, epochs=1)
    _, again = degradation.train("residual-8", seed=3, epochs=1)
    _, slower = degradation.train("residual-8", seed=3, epochs=1, lr=0.01)
    assert slower["train_loss"] != history["train_loss"]
    assert not model.training and history["train_loss"] == again["train_loss"]
    assert history["train_accuracy"][0] > 0.15 and len(history) == 1


def test_measure_finds_what_the_file_records(monkeypatch, runs):
    monkeypatch.setattr(degradation, "places", lambda model: ["layer1.3", "layer3.2"])  # two of thirteen will do
    found = degradation.measure(trained("residual-32"))
    recorded_ = runs["residual-32"][0]
    assert abs(found["train_accuracy"] - recorded_["train_accuracy"]) < MARGIN
    for place, accuracy in found["without_block"].items():
        assert abs(accuracy - recorded_["without_block"][place]) < MARGIN
    assert list(found["without_block"]) == ["layer1.3", "layer3.2"]


def test_bad_names_are_refused():
    with pytest.raises(ValueError, match="plain-9"):
        untrained("plain-9", 0)
    with pytest.raises(ValueError, match="plain-8"):
        trained("plain-8")
    with pytest.raises(ValueError, match="layer2.0"):
        without_block(untrained("plain-8", 0), "layer2.0")
