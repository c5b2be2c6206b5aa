"""The shipped results of chapter 6: whole, and what the code says they are."""

import pytest
import torch

from companion import several_sizes
from companion.history import History
from companion.models.googlenet import Inception
from companion.several_sizes import BRANCHES, NETWORKS, SEEDS, NaiveInception, measure, recorded, silenced, untrained
from companion.trace import trace


@pytest.fixture(scope="module")
def runs():
    return recorded()


def test_all_runs_are_there(runs):
    assert list(runs) == list(NETWORKS)
    for name, by_seed in runs.items():
        assert tuple(by_seed) == SEEDS
        for run in by_seed.values():
            history = run["history"]
            assert isinstance(history, History) and history["epoch"] == list(range(1, several_sizes.EPOCHS + 1))
            assert history["train_loss"][-1] < history["train_loss"][0]
            assert 0.5 < run["held_out_accuracy"] < 1 and 0.5 < run["train_accuracy"] < 1
            assert ("silenced" in run) == (name == "Inception")
    for run in runs["Inception"].values():
        assert list(run["silenced"]) == list(BRANCHES)
        assert all(accuracy < run["held_out_accuracy"] for accuracy in run["silenced"].values())


def test_the_seeds_are_different_runs(runs):
    losses = {run["history"]["train_loss"][-1] for by_seed in runs.values() for run in by_seed.values()}
    assert len(losses) == len(NETWORKS) * len(SEEDS)


@pytest.mark.parametrize("name", NETWORKS)
def test_networks_score_clothes_of_14_by_14(name):
    before = torch.get_rng_state()
    model = untrained(name, 3)
    assert torch.equal(torch.get_rng_state(), before)
    assert model.eval()(torch.zeros(2, 1, 14, 14)).shape == (2, 10)
    same, other = untrained(name, 3), untrained(name, 4)
    assert torch.equal(model[0].conv.weight, same[0].conv.weight)
    assert not torch.equal(model[0].conv.weight, other[0].conv.weight)


def test_networks_of_one_size_do_the_work_of_the_inception_modules():
    work = {name: trace(untrained(name, 0), (1, 14, 14)).multiply_adds for name in NETWORKS}
    for name in ("3×3 only", "5×5 only", "3×3 reduced"):
        assert abs(work[name] / work["Inception"] - 1) < 0.01
    assert work["naive"] > 3 * work["Inception"]
    twins = [untrained(name, 0) for name in ("Inception", "3×3 reduced")]
    x = torch.zeros(1, 24, 14, 14)
    assert twins[0].eval()[1](x).shape == twins[1].eval()[1](x).shape
    assert twins[0][-1].weight.shape == twins[1][-1].weight.shape


def test_naive_module_is_figure_2a():
    module = NaiveInception(3, 4, 5, 6).eval()
    x = torch.randn(2, 3, 8, 7)
    out = module(x)
    assert out.shape == (2, 4 + 5 + 6 + 3, 8, 7)
    assert torch.equal(out[:, -3:], torch.nn.functional.max_pool2d(x, 3, 1, 1))


@pytest.mark.parametrize("branch, channels", list(zip(BRANCHES, ((0, 16), (16, 40), (40, 48), (48, 56)), strict=True)))
def test_a_silenced_branch_gives_zeros_and_nothing_else_changes(branch, channels):
    model = untrained("Inception", 0).eval()
    x = model[0](torch.randn(2, 1, 14, 14))
    whole, quiet = model[1](x), silenced(model, branch)[1](x)
    first, last = channels
    assert (quiet[:, first:last] == 0).all() and (whole[:, first:last] != 0).any()
    for part in (slice(0, first), slice(last, None)):
        assert torch.equal(quiet[:, part], whole[:, part])
    assert isinstance(model[1], Inception) and torch.equal(model[1](x), whole)  # the model itself is as it was


@pytest.fixture
def few(monkeypatch):
    """A small share of the pictures, so that a test need not wait."""
    data = several_sizes.pictures(train=False)
    assert data.images.shape == (2000, 1, 14, 14)
    data.images, data.labels = data.images[:320], data.labels[:320]
    monkeypatch.setattr(several_sizes, "pictures", lambda train=True: data)


@pytest.mark.parametrize("name", ["Inception", "5×5 only"])
def test_a_run_learns_and_can_be_repeated(name, few):
    model, history = several_sizes.train(name, seed=1, epochs=2)
    _, again = several_sizes.train(name, seed=1, epochs=2)
    assert not model.training and history["train_loss"] == again["train_loss"]
    assert history["train_loss"][1] < history["train_loss"][0]
    found = measure(model)
    assert 0 < found["held_out_accuracy"] == found["train_accuracy"] <= 1  # the same pictures here
    assert ("silenced" in found) == (name == "Inception")


def test_bad_names_are_refused():
    with pytest.raises(ValueError, match="7×7 only"):
        untrained("7×7 only", 0)
    with pytest.raises(ValueError, match="branch5"):
        silenced(untrained("Inception", 0), "branch5")
    with pytest.raises(ValueError, match="Inception module"):
        silenced(untrained("naive", 0), "branch1")
