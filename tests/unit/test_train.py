"""The loop, its account, and above all: a run killed at any moment ends with the bits of one that was not."""

import io
import multiprocessing
import os
import random
import signal
import time

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import Dataset, Subset, TensorDataset

from companion.data import mnist
from companion.evaluate import Evaluation, evaluate, predict
from companion.history import History
from companion.models.lenet import LeNet5Modern
from companion.train import fit, one_cycle, pick_device, set_seed

CPU = {"device": "cpu", "progress": False}


@pytest.fixture(autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # sums in the same order here and in the processes that are killed
    yield
    torch.set_num_threads(threads)


# A network with everything a resumed run can get wrong: dropout (the random stream) and batch norm (buffers).


def network():
    torch.manual_seed(3)
    return nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Dropout(0.5), nn.Linear(144, 3)
    )


def data(count, seed):
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(3, (count,), generator=generator)
    return TensorDataset(torch.randn(count, 1, 8, 8, generator=generator) + labels.view(-1, 1, 1, 1), labels)


SETTINGS = {"epochs": 4, "batch_size": 16, "lr": 0.01, "seed": 7, "device": "cpu", "progress": False}


def run(checkpoint=None, network=network, **changes):
    model = network()
    return model, fit(model, data(70, 0), data(30, 1), checkpoint=checkpoint, **{**SETTINGS, **changes})


def outcome(model, history):
    """All that must agree: every bit of every weight and buffer, and every number of the history but the time."""
    rows = [{key: value for key, value in row.items() if key != "seconds"} for row in history.rows]
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}, rows


def same(a, b):
    return a[1] == b[1] and a[0].keys() == b[0].keys() and all(torch.equal(a[0][k], b[0][k]) for k in a[0])


@pytest.fixture(scope="module")
def uninterrupted():
    torch.set_num_threads(1)
    return outcome(*run())


@pytest.fixture(scope="module")
def best_weights(tmp_path_factory):
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("best")
    run(folder)
    return torch.load(folder / "best.pt", weights_only=True)


# Learning.


def test_learns_digits():
    torch.manual_seed(0)
    model = LeNet5Modern(image_size=28, padding=2)
    held_out = mnist(train=False)
    history = fit(model, mnist(), held_out, epochs=2, **CPU)
    assert history["validation_accuracy"][-1] > 0.95
    result = evaluate(model, held_out)
    assert result.accuracy == history["validation_accuracy"][-1]
    assert result.loss == history["validation_loss"][-1]


def test_first_step_is_gradient_descent():
    """One step of plain SGD on the whole set: w - lr · gradient."""
    torch.manual_seed(0)
    model, images, labels = nn.Linear(4, 3), torch.randn(6, 4), torch.tensor([0, 1, 2, 0, 1, 2])
    before = model.weight.detach().clone()
    (gradient,) = torch.autograd.grad(F.cross_entropy(model(images), labels), model.weight)
    fit(
        model, TensorDataset(images, labels), epochs=1, batch_size=6, lr=0.5, optimizer=torch.optim.SGD,
        schedule=None, **CPU
    )  # fmt: skip
    assert torch.allclose(model.weight, before - 0.5 * gradient, atol=1e-6)


def test_every_image_is_used_once_per_epoch_in_a_new_order():
    seen = []

    class Watched(Dataset):
        def __len__(self):
            return 10

        def __getitem__(self, index):
            seen.append(index)
            return torch.zeros(4), 0

    fit(nn.Linear(4, 2), Watched(), epochs=3, batch_size=4, **CPU)
    epochs = [seen[:10], seen[10:20], seen[20:]]
    assert all(sorted(epoch) == list(range(10)) for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) == 3


def test_train_loss_is_the_mean_over_images_even_if_the_last_batch_is_small():
    torch.manual_seed(0)
    model, pairs = nn.Linear(4, 3), TensorDataset(torch.randn(10, 4) * 5, torch.randint(3, (10,)))
    history = fit(model, pairs, epochs=1, batch_size=4, lr=1e-30, schedule=None, **CPU)
    result = evaluate(model, pairs)  # the weights have not moved
    assert history["train_loss"][0] == pytest.approx(result.loss, rel=1e-6)
    assert history["train_accuracy"][0] == result.accuracy


def test_learning_rate():
    pairs = TensorDataset(torch.randn(40, 4), torch.randint(3, (40,)))
    constant = fit(nn.Linear(4, 3), pairs, epochs=2, batch_size=4, lr=0.01, schedule=None, **CPU)
    assert constant["lr"] == [0.01, 0.01]
    cycle = fit(nn.Linear(4, 3), pairs, epochs=4, batch_size=4, lr=0.01, **CPU)["lr"]
    assert cycle[0] == pytest.approx(0.01, rel=0.1) and cycle[0] > cycle[1] > cycle[2] > cycle[3]
    assert cycle[3] < 1e-6
    optimizer = torch.optim.SGD([{"params": [torch.zeros(1)]}, {"params": [torch.zeros(1)], "lr": 3.0}], lr=1.0)
    scheduler, rates = one_cycle(optimizer, 100), []
    for _ in range(100):
        rates.append([group["lr"] for group in optimizer.param_groups])
        optimizer.step()
        scheduler.step() if len(rates) < 100 else None
    assert [max(group) for group in zip(*rates, strict=True)] == pytest.approx([1.0, 3.0])


def test_other_loss():
    model, pairs = nn.Linear(4, 3), TensorDataset(torch.randn(10, 4), torch.randint(3, (10,)))
    smooth = nn.CrossEntropyLoss(label_smoothing=0.1)
    history = fit(model, pairs, pairs, epochs=1, loss=smooth, **CPU)
    assert history["validation_loss"][0] == pytest.approx(smooth(model(pairs.tensors[0]), pairs.tensors[1]).item())


def test_same_seed_same_bits_whatever_was_drawn_before(uninterrupted):
    torch.rand(1000)
    assert same(uninterrupted, outcome(*run()))
    assert not same(uninterrupted, outcome(*run(seed=8)))


def test_validation_changes_nothing(uninterrupted):
    model = network()
    fit(model, data(70, 0), epochs=4, batch_size=16, lr=0.01, seed=7, **CPU)
    assert all(torch.equal(uninterrupted[0][k], v) for k, v in model.state_dict().items())


def test_without_validation_there_is_neither_column_nor_best(tmp_path):
    model = network()
    history = fit(model, data(70, 0), epochs=1, checkpoint=tmp_path, **CPU)
    assert history.columns == ["epoch", "train_loss", "train_accuracy", "lr", "seconds"]
    assert [file.name for file in tmp_path.iterdir()] == ["last.pt"]


def test_prints_device_on_stdout_and_bar_on_stderr(capsys):
    pairs = TensorDataset(torch.randn(40, 4), torch.randint(3, (40,)))
    fit(nn.Linear(4, 3), pairs, pairs, epochs=2, device="cpu")
    out, err = capsys.readouterr()
    assert out == "Training Linear with 15 parameters on 40 images, device: cpu\n"
    assert "epoch 1/2" in err and "epoch 2/2, validation accuracy" in err
    fit(nn.Linear(4, 3), pairs, epochs=1, **CPU)
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"epochs": 0}, "epochs must be an integer of at least 1, got 0"),
        ({"epochs": 1.5}, "epochs must be an integer of at least 1, got 1.5"),
        ({"batch_size": 0}, "batch_size must be an integer of at least 1, got 0"),
        ({"lr": 0}, "lr must be above 0, got 0"),
        ({"lr": float("nan")}, "lr must be above 0, got nan"),
    ],
)
def test_refuses(arguments, message):
    with pytest.raises(ValueError, match=message):
        run(**arguments)


def test_refuses_an_empty_data_set():
    with pytest.raises(ValueError, match=r"len\(train\) must be an integer of at least 1, got 0"):
        fit(network(), data(0, 0), epochs=1, **CPU)


def test_lost_loss_is_an_error(tmp_path):
    with pytest.raises(FloatingPointError, match=r"the loss became nan in epoch \d: lower lr=1e\+30"):
        run(lr=1e30, checkpoint=tmp_path)
    state = torch.load(tmp_path / "last.pt", weights_only=True)
    assert all(v.isfinite().all() for v in state["model"].values())  # the lost epoch was not written


def test_set_seed_and_device():
    draws = []
    for _ in range(2):
        set_seed(4)
        draws.append((random.random(), np.random.rand(), torch.rand(1).item()))  # noqa: NPY002
    assert draws[0] == draws[1]
    assert pick_device("cpu") == torch.device("cpu")
    assert pick_device().type == (
        "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    )


# Testing.


@pytest.fixture
def result():
    scores = torch.tensor([[3.0, 1, 2], [0, 1, 5], [0, 9, 1], [7, 8, 1], [1, 2, 3]])
    return Evaluation(0.5, 0.6, scores, torch.tensor([0, 1, 1, 0, 2]), scores.argmax(dim=1))


def test_evaluation(result):
    assert result.predictions.tolist() == [0, 2, 1, 1, 2]
    assert result.mistakes.tolist() == [1, 3]
    assert result.confusion.tolist() == [[1, 1, 0], [0, 1, 1], [0, 0, 1]]
    assert repr(result) == "Evaluation(loss=0.5, accuracy=0.6)"


def test_evaluate_by_hand():
    model = network()
    pairs = data(31, 2)
    model.train()
    result = evaluate(model, pairs, batch_size=7)
    assert model.training
    model.eval()
    with torch.no_grad():
        scores = model(pairs.tensors[0])
    assert torch.allclose(result.scores, scores, atol=1e-6)
    assert result.labels.tolist() == pairs.tensors[1].tolist()
    assert result.loss == pytest.approx(F.cross_entropy(scores, pairs.tensors[1]).item(), abs=1e-6)
    right = sum(int(s.argmax()) == int(y) for s, y in zip(scores, pairs.tensors[1], strict=True))
    assert result.accuracy == right / 31
    assert result.confusion.sum() == 31 and result.confusion.trace() == right
    assert len(result.mistakes) == 31 - right


def test_evaluate_and_predict_leave_the_model_and_the_random_stream_alone():
    model, pairs = network(), data(31, 2)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    torch.manual_seed(0)
    expected = torch.rand(1)
    torch.manual_seed(0)
    for mode in (True, False):
        model.train(mode)
        result = evaluate(model, pairs)
        scores = predict(model, pairs.tensors[0])
        assert model.training is mode
        assert torch.equal(scores, result.scores) and not scores.requires_grad
    assert torch.equal(torch.rand(1), expected)
    assert all(torch.equal(before[k], v) for k, v in model.state_dict().items())


# The history.


ROWS = [
    {"epoch": 1, "train_loss": 0.5, "train_accuracy": 0.8, "validation_loss": 0.4, "validation_accuracy": 0.9,
     "lr": 0.005, "seconds": 2.04},
    {"epoch": 2, "train_loss": 0.25, "train_accuracy": 0.9, "validation_loss": 0.3, "validation_accuracy": 0.9,
     "lr": 2e-8, "seconds": 12},
]  # fmt: skip


def test_history_is_a_table():
    history = History(ROWS)
    assert repr(history) == (
        "epoch  train loss  train accuracy  validation loss  validation accuracy  learning rate  seconds\n"
        "    1      0.5000          80.00%           0.4000               90.00%          0.005      2.0\n"
        "    2      0.2500          90.00%           0.3000               90.00%          2e-08     12.0"
    )
    html = history._repr_html_()
    assert html.count("<tr>") == 3 and html.count('<th scope="col">') == 7 and "<td>90.00%</td>" in html
    assert history["train_loss"] == [0.5, 0.25] and len(history) == 2
    with pytest.raises(ValueError, match="column must be one of epoch, train_loss, .*got 'loss'"):
        history["loss"]


@pytest.mark.parametrize(
    ("accuracies", "losses", "best"),
    [([0.9, 0.8], [1, 0], 1), ([0.8, 0.9], [0, 1], 2), ([0.9, 0.9], [0.4, 0.3], 2), ([0.9, 0.9], [0.3, 0.3], 1)],
)
def test_best_epoch(accuracies, losses, best):
    pairs = zip(accuracies, losses, strict=True)
    rows = [
        {"epoch": i, "validation_accuracy": a, "validation_loss": loss} for i, (a, loss) in enumerate(pairs, 1)
    ]
    assert History(rows).best == best


# Checkpoints.


def test_checkpoint_changes_nothing(tmp_path, uninterrupted):
    assert same(uninterrupted, outcome(*run(tmp_path)))
    assert sorted(file.name for file in tmp_path.iterdir()) == ["best.pt", "last.pt"]


def test_best_is_the_best_epochs_weights(tmp_path):
    # trained too fast, so that the last epoch is not the best
    for seed in range(20):
        folder = tmp_path / str(seed)
        _, history = run(folder, seed=seed, lr=0.5, schedule=None)
        if history.best < len(history):
            break
    assert history.best < len(history)
    model = network()
    model.load_state_dict(torch.load(folder / "best.pt", weights_only=True))
    result = evaluate(model, data(30, 1))
    assert result.accuracy == history["validation_accuracy"][history.best - 1]
    assert result.loss == history["validation_loss"][history.best - 1]


def test_finished_run_returns_at_once(tmp_path, uninterrupted):
    run(tmp_path)
    stamp = (tmp_path / "last.pt").stat().st_mtime_ns

    class NeverRead(Dataset):
        def __len__(self):
            return 70

    model = network()
    with torch.no_grad():
        model[0].weight.zero_()  # whatever it has learned or forgotten since
    history = fit(model, NeverRead(), data(30, 1), checkpoint=tmp_path, **SETTINGS)
    assert same(uninterrupted, outcome(model, history))
    assert (tmp_path / "last.pt").stat().st_mtime_ns == stamp


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"epochs": 5}, "epochs was 4, now 5"),
        ({"lr": 0.02}, "lr was 0.01, now 0.02"),
        ({"seed": 8}, "seed was 7, now 8"),
        ({"batch_size": 8}, "batch_size was 16, now 8"),
        ({"schedule": None}, "schedule was one_cycle, now NoneType"),
        ({"optimizer": torch.optim.SGD}, "optimizer was Adam .*, now SGD"),
        ({"optimizer": lambda p, lr: torch.optim.Adam(p, lr=lr, weight_decay=0.1)}, "'weight_decay': 0.1"),
        ({"loss": nn.CrossEntropyLoss()}, "loss was cross_entropy, now CrossEntropyLoss"),
        ({"network": lambda: nn.Sequential(nn.Flatten(), nn.Linear(64, 3))}, "now Sequential with 195 parameters"),
    ],
)
def test_other_settings_are_refused(tmp_path, changes, message):
    run(tmp_path)
    content = (tmp_path / "last.pt").read_bytes()
    with pytest.raises(ValueError, match=message) as caught:
        run(tmp_path, **changes)
    assert str(tmp_path) in str(caught.value)
    assert (tmp_path / "last.pt").read_bytes() == content


def test_other_data_are_refused(tmp_path):
    run(tmp_path)
    settings = {**SETTINGS, "checkpoint": tmp_path}
    with pytest.raises(ValueError, match="train was 70 images, now 69 images"):
        fit(network(), Subset(data(70, 0), range(69)), data(30, 1), **settings)
    with pytest.raises(ValueError, match="validation was 30 images, now 0 images"):
        fit(network(), data(70, 0), **settings)


@pytest.mark.parametrize("keep", [0, 100, 5000])
def test_damaged_checkpoint_is_named(tmp_path, keep):
    run(tmp_path)
    file = tmp_path / "last.pt"
    file.write_bytes(file.read_bytes()[:keep])
    with pytest.raises(OSError, match=r"last\.pt cannot be read, perhaps damaged: delete it to begin anew"):
        run(tmp_path)


class Interrupted(Exception):
    pass


@pytest.mark.parametrize("images", [0, 40, 69, 70, 75, 275])
def test_interrupted_in_a_notebook(tmp_path, uninterrupted, images):
    """The model of the first call, half trained, is handed to the second."""
    model, train, seen = network(), data(70, 0), []

    class Stopping(Dataset):
        def __len__(self):
            return 70

        def __getitem__(self, index):
            if len(seen) == images:
                raise Interrupted
            seen.append(index)
            return train[index]

    settings = {**SETTINGS, "checkpoint": tmp_path}
    with pytest.raises(Interrupted):
        fit(model, Stopping(), data(30, 1), **settings)
    history = fit(model, train, data(30, 1), **settings)
    assert same(uninterrupted, outcome(model, history))


def die():
    os.kill(os.getpid(), signal.SIGKILL)


def die_at(moment, name, epoch):
    """Arrange this process's death: in the last `step` but one of an epoch, or while a file of that epoch is
    half written ("cut"), whole but not yet renamed ("written"), or has its name ("renamed")."""
    save, replace, step = torch.save, os.replace, torch.optim.Adam.step
    saved, steps = {"epoch": 0}, 0

    def dying_step(self, *args):
        nonlocal steps
        steps += 1
        if moment == "step" and steps == 5 * epoch - 1:  # 70 images in batches of 16: 5 steps
            die()
        return step(self, *args)

    def dying_save(state, file):
        saved["name"] = os.path.basename(file.name).removesuffix(".part")
        # best.pt has no history: it is written before the last.pt of its epoch
        saved["epoch"] = len(state["history"]) if "history" in state else saved["epoch"] + 1
        if (moment, name, epoch) == ("cut", saved["name"], saved["epoch"]):
            whole = io.BytesIO()
            save(state, whole)
            file.write(whole.getvalue()[: whole.tell() // 2])
            file.flush()
            die()
        save(state, file)

    def dying_replace(source, target):
        now = (name, epoch) == (saved["name"], saved["epoch"])
        if now and moment == "written":
            die()
        replace(source, target)
        if now and moment == "renamed":
            die()

    torch.save, os.replace, torch.optim.Adam.step = dying_save, dying_replace, dying_step


LONGER = {"epochs": 40, "batch_size": 4}

# The processes that get killed are forked from one that has torch at hand, and what its optimisers import at their
# first step: to import it takes longer than to train.
FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["pytest", "torch", "torch._dynamo", "torchvision", "companion.train"])


def main(steps, folder, moment=None, name="", epoch=0):
    """What the processes that get killed do. `steps` is told of each step."""
    torch.set_num_threads(1)
    if moment:
        die_at(moment, name, epoch)
        run(folder)
    else:
        step = torch.optim.Adam.step

        def reporting_step(self, *args):
            steps.send("step")
            return step(self, *args)

        torch.optim.Adam.step = reporting_step
        run(folder, **LONGER)


def start(*arguments):
    """A process that runs `main`, and the end of a pipe where its steps arrive."""
    receiver, sender = FORKS.Pipe(duplex=False)
    process = FORKS.Process(target=main, args=(sender, *arguments))
    process.start()
    sender.close()
    return process, receiver


@pytest.mark.parametrize(
    ("moment", "name", "epoch"),
    [
        ("cut", "last.pt", 0),
        ("step", "", 1),
        ("cut", "best.pt", 1),
        ("renamed", "best.pt", 1),
        ("cut", "last.pt", 2),
        ("written", "last.pt", 2),
        ("renamed", "last.pt", 2),
        ("step", "", 3),
        ("written", "last.pt", 4),
    ],
)
def test_killed_at_a_moment(tmp_path, uninterrupted, best_weights, moment, name, epoch):
    process, _ = start(tmp_path, moment, name, epoch)
    process.join()
    assert process.exitcode == -signal.SIGKILL
    if moment == "cut":
        assert (tmp_path / f"{name}.part").exists()
    assert same(uninterrupted, outcome(*run(tmp_path)))
    best = torch.load(tmp_path / "best.pt", weights_only=True)
    assert all(torch.equal(best[key], value) for key, value in best_weights.items())


def test_killed_at_any_moment(tmp_path):
    """Kill, at moments nobody chose, process after process, each of which continues the one before."""
    expected = outcome(*run(**LONGER))
    moments, epochs = random.Random(0), []
    for _ in range(4):
        process, steps = start(tmp_path)
        for _ in range(moments.randint(20, 60)):  # of 40 · 18 steps
            assert steps.recv() == "step"
        time.sleep(moments.uniform(0, 0.01))
        process.kill()
        process.join()
        epochs.append(len(torch.load(tmp_path / "last.pt", weights_only=True)["history"]))
    assert epochs == sorted(epochs) and 0 < epochs[0] < epochs[-1] < 40  # each went on, none finished
    assert same(expected, outcome(*run(tmp_path, **LONGER)))
