"""The Grad-CAM explorer: every control, set as a front end sets it, and every way to fail."""

import datetime
import html
import io
import re
import struct
import zlib
from functools import partial

import pytest
import torch
from ipywidgets import Widget
from PIL import Image
from torch import nn
from torchvision.transforms._presets import ImageClassification
from traitlets import Bunch

from companion import cam, explorer
from companion.data import PHOTOGRAPHS, photograph
from companion.explorer import METHODS, GradCamExplorer, has_weights, map_layers, read_upload
from companion.weights import Pretrained

CLASSES = ("tench", "goldfish", "crane", "lesser panda", "giant panda", "tabby", "tiger cat", "lynx", "crane", "<ox>",
           "bus", "cab", "car")  # fmt: skip
PREPROCESS = ImageClassification(crop_size=32, resize_size=32, mean=(0.5,) * 3, std=(0.5,) * 3)


def tiny(seed: int, classes: tuple[str, ...] = CLASSES) -> Pretrained:
    torch.manual_seed(seed)
    blocks = [nn.Sequential(nn.Conv2d(3, 6, 3, stride=2, padding=1), nn.ReLU(inplace=True))]  # (N, 6, 16, 16)
    blocks += [nn.Sequential(nn.Conv2d(6, 8, 3, stride=4, padding=1), nn.ReLU(inplace=True))]  # (N, 8, 4, 4)
    model = nn.Sequential()
    model.features = nn.Sequential(*blocks)
    model.avgpool, model.flatten, model.classifier = nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, len(classes))
    model.runs = 0
    model.classifier.register_forward_hook(partial(count, model))
    return Pretrained(model.eval(), PREPROCESS, classes)


def count(model, *_):
    model.runs += 1


@pytest.fixture(autouse=True)
def draws(request, monkeypatch):
    """Drawing takes longer than all else: where a test does not look at the picture, a text stands for it."""
    if "drawn" not in request.fixturenames:
        monkeypatch.setattr(GradCamExplorer, "_draw", lambda self: f"{self!r}: {self.maps.tolist()}".encode())


@pytest.fixture
def drawn():
    """For a test that looks at the picture."""


@pytest.fixture
def networks():
    return {"one": tiny(1), "two": tiny(2), "few": tiny(3, CLASSES[:4])}


@pytest.fixture
def explorer_(networks):
    return GradCamExplorer(network="one", networks=networks)


def control(explorer_, name):
    return explorer_._controls[name]


def choose(explorer_, name, value):
    """As a front end does: it sends the position in the list."""
    values = [option[1] if isinstance(option, tuple) else option for option in control(explorer_, name).options]
    control(explorer_, name).set_state({"index": values.index(value)})


def type_class(explorer_, text):
    explorer_._other.set_state({"value": text})


def status(explorer_):
    return html.unescape(re.fullmatch(r'<p role="status">(.*)</p>', explorer_._status.value)[1])


def state(explorer_):
    """All that a change could change."""
    controls = [(widget.value, widget.options) for widget in explorer_._controls.values()]
    return repr(explorer_), explorer_.maps.tolist(), explorer_.scores.tolist(), explorer_._jpeg, controls


def expected(explorer_, networks, image=None):
    """Scores and map of the explorer's settings, straight from `companion.cam`."""
    model, preprocess, classes = networks[explorer_.network]
    index = int(re.search(r"\((\d+)\)|$", explorer_.classes)[1] or classes.index(explorer_.classes))
    images = preprocess(image or photograph(explorer_.picture))[None]
    scores, A, G = cam.activations_and_gradients(model, explorer_.layer, images, index)
    return scores, METHODS[explorer_.method](A, G)


def agrees(explorer_, networks, image=None):
    scores, maps = expected(explorer_, networks, image)
    drawn = re.fullmatch(r'<img src="data:image/jpeg;base64,.*" alt="(.*)" style=".*">', explorer_._image.value)
    shown = {name: widget.value for name, widget in explorer_._controls.items()}
    assert shown == {name: getattr(explorer_, name) for name in shown}
    assert html.unescape(drawn[1]) == status(explorer_) == explorer_.words
    return torch.equal(explorer_.scores, scores) and torch.equal(explorer_.maps, maps)


def test_it_starts_with_the_best_class_and_the_last_layer(explorer_, networks):
    assert explorer_.classes.split(" (")[0] == CLASSES[explorer_.scores.argmax()]
    assert explorer_.layer == "features.1"
    assert explorer_.maps.shape == (1, 4, 4)
    assert agrees(explorer_, networks)


@pytest.mark.parametrize("method", METHODS)
def test_each_method_is_the_one_of_companion_cam(networks, method):
    assert agrees(GradCamExplorer("coffee", "two", "features.0", "lynx", method, networks), networks)


CHANGES = [
    ("picture", "koala"), ("network", "two"), ("layer", "features.0"), ("classes", "tabby"),
    ("classes", "crane (8)"), ("method", "LayerCAM"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value"), CHANGES)
def test_a_control_and_python_do_the_same(networks, name, value):
    by_hand, by_python = (GradCamExplorer(network="one", networks=networks) for _ in range(2))
    before = by_hand.maps, by_hand._image.value
    choose(by_hand, name, value)
    setattr(by_python, name, value)
    assert getattr(by_hand, name) == value
    assert not torch.equal(by_hand.maps, before[0]) and by_hand._image.value != before[1]
    assert agrees(by_hand, networks)
    assert state(by_hand) == state(by_python)


def test_the_class_control_lists_the_ten_best_and_the_chosen_one(explorer_):
    probabilities = explorer_.scores.softmax(1)[0]
    ranking = explorer_.scores[0].argsort(descending=True).tolist()
    listed = control(explorer_, "classes").options
    labels = [label.replace("crane", f"crane ({i})") for i, label in enumerate(CLASSES)]
    assert [label for _, label in listed] == [labels[i] for i in ranking[:10]]
    assert listed[0][0] == f"{labels[ranking[0]]} · {probabilities.max():.2f} (score {explorer_.scores.max():.1f})"
    explorer_.classes = ranking[-1]
    assert explorer_.classes == labels[ranking[-1]]
    listed = control(explorer_, "classes").options
    assert [label for _, label in listed] == [labels[i] for i in [*ranking[:10], ranking[-1]]]


def test_any_class_can_be_typed(explorer_, networks):
    type_class(explorer_, " Giant PANDA ")
    assert explorer_.classes == "giant panda"
    assert explorer_._other.value == "", "so that the same name can be typed again"
    assert agrees(explorer_, networks)
    assert set(explorer_._other.options) >= {"giant panda", "crane (2)", "crane (8)"}
    type_class(explorer_, "lynx")
    assert explorer_.classes == "lynx"


def test_an_unknown_class_gets_near_names(explorer_):
    before = state(explorer_)
    type_class(explorer_, "panda")
    assert status(explorer_).endswith("got 'panda'; near it are 'lesser panda', 'giant panda'")
    type_class(explorer_, "goldfsh")
    assert status(explorer_).endswith("near it are 'goldfish'")
    type_class(explorer_, "crane")
    assert status(explorer_).endswith("near it are 'crane (2)', 'crane (8)'")
    assert state(explorer_) == before
    assert explorer_._other.value == "crane", "what was typed stays, to be corrected"


def test_what_stays_and_what_starts_anew(explorer_, networks):
    explorer_.layer, explorer_.method, explorer_.classes = "features.0", "HiResCAM", "lynx"
    explorer_.network = "two"
    assert (explorer_.layer, explorer_.method, explorer_.classes) == ("features.1", "HiResCAM", "lynx")
    explorer_.layer = "features.0"
    explorer_.picture = "macaw"
    assert (explorer_.layer, explorer_.method) == ("features.0", "HiResCAM")
    assert explorer_.scores.argmax() == explorer_._index
    explorer_.classes = "lynx"
    explorer_.network = "few"  # which has no lynx
    assert explorer_.scores.argmax() == explorer_._index
    assert len(control(explorer_, "classes").options) == 4
    assert agrees(explorer_, networks)


def test_the_network_runs_no_more_than_needed(explorer_, networks):
    model, other = networks["one"].model, networks["two"].model
    assert model.runs == 2, "once to find its layers"
    for method in METHODS:
        explorer_.method = method
    assert model.runs == 2
    explorer_.classes = "lynx"
    assert model.runs == 3
    explorer_.network = "two"
    assert (model.runs, other.runs) == (3, 2)
    explorer_.network = "one"
    explorer_.network = "two"
    assert (model.runs, other.runs) == (4, 3)


def test_nothing_is_left_on_the_network(explorer_, networks):
    for method in METHODS:
        explorer_.method = method
    explorer_.layer, explorer_.classes = "features.0", "bus"
    for name, module in networks["one"].model.named_modules():
        assert len(module._forward_hooks) == (name == "classifier"), name  # the counter of this test
        assert not module._backward_hooks and not module._forward_pre_hooks and not module.training
    assert all(parameter.grad is None for parameter in networks["one"].model.parameters())


# ---- Uploads


def file_of(image: Image.Image, kind: str = "png", **options) -> bytes:
    content = io.BytesIO()
    image.save(content, kind, **options)
    return content.getvalue()


def value_8(content: bytes, name: str = "mine.png") -> tuple:
    file = {"name": name, "type": "image/png", "size": len(content), "content": memoryview(content)}
    return ({**file, "last_modified": datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)},)


def value_7(content: bytes, name: str = "mine.png") -> dict:
    return {name: {"metadata": {"name": name, "type": "image/png", "size": len(content)}, "content": content}}


def upload(explorer_, content: bytes, version: int = 8):
    if version == 8:
        explorer_._file.value = value_8(content)
    else:  # as ipywidgets 7 would tell; here it would refuse the value
        new = value_7(content)
        explorer_._file.notify_change(Bunch(name="value", old=(), new=new, owner=explorer_._file, type="change"))


@pytest.mark.parametrize("version", [7, 8])
def test_an_uploaded_picture_is_shown(explorer_, networks, version):
    image = photograph("lemur")
    upload(explorer_, file_of(image), version)
    assert explorer_.picture == "upload"
    assert agrees(explorer_, networks, image)
    upload(explorer_, file_of(photograph("rocket")), version)  # a second one in its place
    assert agrees(explorer_, networks, photograph("rocket"))
    explorer_.picture = "koala"
    assert agrees(explorer_, networks)
    explorer_.picture = "upload"  # it is kept
    assert agrees(explorer_, networks, photograph("rocket"))


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "CMYK", "1"])
def test_pictures_of_other_kinds_become_rgb(mode):
    content = file_of(photograph("panda").convert(mode), "tiff" if mode == "CMYK" else "png")
    assert read_upload(value_8(content)).mode == "RGB"


def test_a_photograph_stands_as_its_camera_says():
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by a quarter
    assert read_upload(value_8(file_of(Image.new("RGB", (40, 20)), "jpeg", exif=exif))).size == (20, 40)


def png_that_claims(width: int, height: int) -> bytes:
    chunks = [b"IHDR" + struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0), b"IDAT"]
    chunks = [struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk)) for chunk in chunks]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


BAD = {
    "no picture": (b"%PDF-1.7 and so on", "mine.png cannot be read as a picture: choose a JPEG or PNG file"),
    "empty": (b"", "cannot be read"),
    "damaged": (file_of(Image.radial_gradient("L"))[:300], "cannot be read"),
    "heavy": (bytes(20_000_001), "mine.png has 20,000,001 bytes: choose a picture of at most 20,000,000"),
    "huge": (png_that_claims(10_000, 5_001), "mine.png has 10000×5001 pixels: choose a picture of at most"),
    "vast": (png_that_claims(10_000, 10_000), "mine.png has over 50,000,000 pixels: choose a smaller picture"),
    "a bomb": (png_that_claims(20_000, 20_000), "mine.png has over 50,000,000 pixels"),
    "long": (png_that_claims(9, 1), "has 9×1 pixels"),
}


@pytest.mark.parametrize("version", [7, 8])
@pytest.mark.parametrize("case", BAD)
def test_a_bad_upload_is_explained_and_changes_nothing(explorer_, case, version):
    before = state(explorer_)
    content, says = BAD[case]
    upload(explorer_, content, version)
    assert says in status(explorer_)
    assert state(explorer_) == before


def test_upload_without_a_file(explorer_):
    before = state(explorer_)
    choose(explorer_, "picture", "upload")
    assert "choose a file with the button first" in status(explorer_)
    assert state(explorer_) == before


# ---- Errors


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("picture", "pandas", "picture must be one of 'chelsea', .* got 'pandas'"),
        ("picture", "upload", "choose a file"),
        ("network", "resnet50", "network must be one of 'one', 'two', 'few', got 'resnet50'"),
        ("layer", "features.7", "layer 'features.7' is not in the model; near it are 'features.1'"),
        ("layer", "avgpool", "h·w > 1"),
        ("classes", "pandas", "near it are .*'giant panda'"),
        ("classes", 13, "classes must be an integer from 0 to 12"),
        ("classes", -1, "classes must be an integer from 0 to 12"),
        ("method", "SmoothGrad", "method must be one of 'Grad-CAM', .* got 'SmoothGrad'"),
    ],
)
def test_a_wrong_value_from_python_raises_and_changes_nothing(explorer_, networks, name, value, says):
    before = state(explorer_)
    with pytest.raises(ValueError, match=says):
        setattr(explorer_, name, value)
    assert state(explorer_) == before
    with pytest.raises(ValueError, match=says):
        GradCamExplorer(**{"network": "one", "networks": networks, name: value})


def test_a_network_that_cannot_be_had(monkeypatch):
    def pretrained(name):
        if name == "vgg16":
            raise ConnectionError("The weights of vgg16 could not be downloaded")
        return tiny(1)

    monkeypatch.setattr(explorer, "pretrained", pretrained)
    shown = GradCamExplorer(networks=["efficientnet_lite0", "vgg16"])
    before = state(shown)
    said = []
    shown._status.observe(lambda change: said.append(change["new"]), "value")
    choose(shown, "network", "vgg16")
    assert said == [f'<p role="status">{text}</p>' for text in (
        "Loading VGG-16 …", "The weights of vgg16 could not be downloaded",
    )]  # fmt: skip
    assert state(shown) == before
    with pytest.raises(ConnectionError, match="vgg16"):
        shown.network = "vgg16"
    assert state(shown) == before


def test_a_network_without_maps_is_refused(networks):
    model = nn.Sequential(nn.Flatten(), nn.Linear(3 * 32 * 32, 13)).eval()
    with pytest.raises(ValueError, match="Sequential has none"):
        GradCamExplorer(network="dense", networks={"dense": Pretrained(model, PREPROCESS, CLASSES)})


def test_networks_whose_weights_are_here_are_offered(monkeypatch, tmp_path):
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    monkeypatch.setattr(explorer, "pretrained", lambda name: tiny(1))
    assert not has_weights("resnet50")
    assert control(GradCamExplorer(), "network").options == (("EfficientNet-Lite0", "efficientnet_lite0"),)
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "resnet50-0676ba61.pth").touch()
    offered = [name for _, name in control(GradCamExplorer(), "network").options]
    assert offered == ["efficientnet_lite0", "resnet50"]
    offered = [name for _, name in control(GradCamExplorer(download=True), "network").options]
    assert offered == ["efficientnet_lite0", "resnet50", "vgg16", "googlenet"]


# ---- Layers, words and what is displayed


class Twice(nn.Module):
    """A module that runs at two sizes, an in-place ReLU, a block, and what gives no map."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 2, stride=2)
        self.relu = nn.ReLU(inplace=True)
        self.block = nn.Sequential(nn.Sequential(nn.Conv2d(3, 5, 1)), nn.Identity())
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.unused = nn.Conv2d(3, 3, 1)

    def forward(self, x):
        return self.pool(self.block(self.relu(self.conv(self.conv(x))))).flatten(1)


def test_map_layers_lists_what_gives_maps_in_order():
    model = Twice().eval()
    sizes = {"conv": (3, 4, 6), "relu": (3, 4, 6), "block.0": (5, 4, 6), "block.1": (5, 4, 6)}
    found = map_layers(model, torch.rand(1, 3, 16, 24))
    assert list(found.items()) == list(sizes.items())
    assert not any(module._forward_hooks for module in model.modules())


def test_map_layers_leaves_no_hook_when_the_model_fails():
    model = Twice().eval()
    with pytest.raises(RuntimeError):
        map_layers(model, torch.rand(1, 4, 16, 24))
    assert not any(module._forward_hooks for module in model.modules())


def test_a_layer_deeper_than_those_listed_joins_them(explorer_, networks):
    assert control(explorer_, "layer").options == (
        ("features.0 · 6×16×16", "features.0"), ("features.1 · 8×4×4", "features.1"),
    )  # fmt: skip
    explorer_.layer = "features.1.0"
    assert control(explorer_, "layer").options[-1] == ("features.1.0 · 8×4×4", "features.1.0")
    assert agrees(explorer_, networks)


def test_the_words_say_what_the_map_shows(explorer_):
    for method in METHODS:
        for layer in ("features.0", "features.1"):
            explorer_.method, explorer_.layer = method, layer
            heat = explorer_.maps[0].relu()
            begin = f"{method} of {explorer_.classes} at {layer} in one: "
            assert explorer_.words.startswith(begin)
            words = explorer_.words[len(begin) :]
            if not heat.any():
                assert words == f"no place of {heat.shape[0]}×{heat.shape[1]} is above zero."
                continue
            row, column, height, width, zero = map(int, re.findall(r"\d+", words))
            assert (height, width) == heat.shape
            assert heat[row - 1, column - 1] == heat.max()
            assert abs(zero - 100 * (heat == 0).float().mean()) <= 0.5


def test_the_words_when_nothing_is_above_zero(drawn, explorer_):
    explorer_.maps = -torch.ones(1, 4, 4)
    explorer_._show()
    assert status(explorer_).endswith(": no place of 4×4 is above zero.")
    explorer_.maps = torch.zeros(1, 4, 4)
    explorer_._show()
    assert status(explorer_).endswith(": no place of 4×4 is above zero.")


def test_names_are_text_not_markup(explorer_):
    explorer_.classes = "<ox>"
    assert "of &lt;ox&gt; at" in explorer_._status.value and "<ox>" not in explorer_._image.value


def test_its_repr_makes_it_again(explorer_, networks):
    explorer_.classes, explorer_.method = "crane (2)", "Grad-CAM++"
    again = eval(f"{repr(explorer_)[:-1]}, networks=networks)")
    assert state(again) == state(explorer_)
    assert "0x" not in repr(explorer_)


def test_it_displays_widgets_and_picture_together(drawn, explorer_, monkeypatch):
    shown = []
    monkeypatch.setattr("IPython.display.display", lambda bundle, raw: shown.append((bundle, raw)))
    explorer_._ipython_display_()
    explorer_.picture = "koala"
    explorer_._ipython_display_()
    (first, raw), (second, _) = shown
    assert raw and set(first) == {"application/vnd.jupyter.widget-view+json", "image/jpeg", "text/plain"}
    assert first["application/vnd.jupyter.widget-view+json"]["model_id"] == explorer_._box.model_id
    assert second["text/plain"] == repr(explorer_) != first["text/plain"]
    picture = Image.open(io.BytesIO(second["image/jpeg"]))
    assert second["image/jpeg"] != first["image/jpeg"] and picture.format == "JPEG" and picture.width == 1008
    assert len(second["image/jpeg"]) < 80_000


def test_it_is_made_of_core_widgets_alone(explorer_):
    def parts(widget):
        yield widget
        for child in getattr(widget, "children", ()):
            yield from parts(child)

    found = list(parts(explorer_._box))
    assert {*explorer_._controls.values(), explorer_._file, explorer_._other, explorer_._image} < set(found)
    assert all(isinstance(widget, Widget) and widget._view_module.startswith("@jupyter-widgets/") for widget in found)


def test_with_a_real_network(drawn):
    shown = GradCamExplorer()
    assert repr(shown) == (
        "GradCamExplorer(picture='panda', network='efficientnet_lite0', layer='features.8', classes='giant panda', "
        "method='Grad-CAM')"
    )
    assert control(shown, "layer").options[-1] == ("features.8 · 1280×7×7", "features.8")
    assert set(control(shown, "picture").options) == {*PHOTOGRAPHS, "upload"}
    shown.layer, shown.method = "features.3", "HiResCAM"
    assert agrees(shown, {"efficientnet_lite0": explorer.pretrained("efficientnet_lite0")})
