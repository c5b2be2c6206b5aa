"""The Grad-CAM explorer of chapter 10: choose picture, network, layer, class and method, and see the map.

It is made of ordinary ipywidgets, because a live kernel computes what it shows. Where there is none, on the book's
site, the picture of its state is shown in place of the controls: the output holds both (`_ipython_display_`).
"""

import base64
import difflib
import html
import io
import warnings
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlparse

import ipywidgets as widgets
import torch
from PIL import Image, ImageOps
from torch import Tensor, nn
from torchvision.models import get_model_weights

from companion import cam, plot
from companion.data import PHOTOGRAPHS, photograph
from companion.weights import Pretrained, pretrained, visible

METHODS = {
    "Grad-CAM": cam.grad_cam,
    "HiResCAM": cam.hires_cam,
    "LayerCAM": cam.layer_cam,
    "Grad-CAM++": cam.grad_cam_pp,
    "XGrad-CAM": cam.x_grad_cam,
    "counterfactual": cam.counterfactual,
}
TITLES = {
    "efficientnet_lite0": "EfficientNet-Lite0",
    "resnet50": "ResNet-50",
    "vgg16": "VGG-16",
    "googlenet": "GoogLeNet",
}
UPLOAD = "upload"
MOST_BYTES, MOST_PIXELS, MOST_TIMES_LONGER = 20_000_000, 50_000_000, 8  # of an uploaded picture
NEEDS_FILE = "choose a file with the button first"


class Network(NamedTuple):
    """A network that has been loaded.

    labels: the names of its classes, each once.
    layers: {name: (C, h, w)}, those to choose from.
    """

    model: nn.Module
    preprocess: Callable[[Image.Image], Tensor]
    labels: list[str]
    layers: dict[str, tuple[int, int, int]]


def _setting(name: str) -> property:
    return property(lambda self: self._settings[name], lambda self, value: self._change(**{name: value}))


class GradCamExplorer:
    """Controls for a class activation map, and the picture of it; end a cell with it.

        explorer = GradCamExplorer("panda")
        explorer.layer = "features.4"  # as if chosen by hand; so may picture, network, classes and method be set

    A change that fails (a file that is no picture, weights that cannot be had) changes nothing. Made by hand it is
    explained below the picture, from Python it raises. A new picture starts with its best class and a new network
    with its last layer; all else stays.

    Args and attributes:
        picture: a name in `companion.data.PHOTOGRAPHS`, or "upload" for the file that was uploaded.
        network: one of `networks`.
        layer: the dotted name of a module that gives (1, C, h, w) with h·w > 1. The control lists the network's outer
            ones (at most one dot); any other can be set from Python. None: the last in the list.
        classes: the class that is explained: its name, or its index. None: the class with the highest score.
        method: a key of `METHODS`.

    Further args:
        networks: the names to choose from, as for `companion.weights.pretrained`, which loads them when they are
            chosen; or {name: Pretrained}, networks of your own. None: of "efficientnet_lite0", "resnet50", "vgg16"
            and "googlenet" those whose weights are on this machine.
        download: offer all four; the weights are downloaded when they are first needed.

    Attributes:
        scores: (1, K), as the network gives them.
        maps: (1, h, w), signed, as the method gives them.
        words: what there is to see, as a sentence.

    Raises:
        ValueError: a setting is not one of the possible; the message says what is.
        OSError: the weights of the network cannot be had.
    """

    def __init__(
        self,
        picture: str = "panda",
        network: str = "efficientnet_lite0",
        layer: str | None = None,
        classes: str | int | None = None,
        method: str = "Grad-CAM",
        networks: Iterable[str] | Mapping[str, Pretrained] | None = None,
        download: bool = False,
    ):
        if networks is None:
            networks = [name for name in TITLES if download or has_weights(name)]
        self._known = networks if isinstance(networks, Mapping) else dict.fromkeys(networks)
        self._loaded: dict[str, Network] = {}
        self._uploaded = None
        self._settings = {}
        self._make_controls()
        self._change(picture=picture, network=network, layer=layer, classes=classes, method=method)

    def __repr__(self) -> str:
        return f"GradCamExplorer({', '.join(f'{name}={value!r}' for name, value in self._settings.items())})"

    def _ipython_display_(self) -> None:
        """A live notebook prefers the widgets; the site, `make refresh` and nbval take of this what they can use."""
        from IPython.display import display  # here, because only a notebook has it

        view = {"version_major": 2, "version_minor": 0, "model_id": self._box.model_id}
        bundle = {"application/vnd.jupyter.widget-view+json": view, "image/jpeg": self._jpeg, "text/plain": repr(self)}
        display(bundle, raw=True)

    picture, network, layer = _setting("picture"), _setting("network"), _setting("layer")
    classes, method = _setting("classes"), _setting("method")

    # ---- From the settings to the map

    def _change(self, upload: Image.Image | None = None, **wanted) -> None:
        """Go to other settings and show them, or raise and change nothing. upload: the picture for "upload"."""
        settings = {**self._settings, **wanted}
        _check("picture", settings["picture"], [*PHOTOGRAPHS, UPLOAD])
        _check("network", settings["network"], self._known)
        _check("method", settings["method"], METHODS)
        if wanted.keys() == {"method"}:
            scores, A, G = self._pass
        else:
            uploaded = upload or self._uploaded
            if settings["picture"] == UPLOAD and uploaded is None:
                raise ValueError(f'picture is "upload": {NEEDS_FILE}')
            image = uploaded if settings["picture"] == UPLOAD else photograph(settings["picture"])
            network = self._load(settings["network"], image)
            images = network.preprocess(image)[None]  # (1, 3, H, W)
            if "network" in wanted and "layer" not in wanted or settings["layer"] is None:
                settings["layer"] = list(network.layers)[-1]
            if "classes" not in wanted and ("picture" in wanted or settings["classes"] not in network.labels):
                settings["classes"] = None
            index = _class_index(settings["classes"], network.labels)
            scores, A, G = cam.activations_and_gradients(network.model, settings["layer"], images, index)
            index = scores.argmax().item() if index is None else int(index)
            settings["classes"] = network.labels[index]
            # from here on nothing can fail
            self._loaded[settings["network"]], self._uploaded = network, uploaded
            self._pass, self._index = (scores, A, G), index
            self._visible = visible(images, network.preprocess)
        self._settings = settings
        self.scores = scores
        self.maps = METHODS[settings["method"]](A, G)
        self._show()

    def _load(self, name: str, image: Image.Image) -> Network:
        if name in self._loaded:
            return self._loaded[name]
        self._say(f"Loading {TITLES.get(name, name)} …")
        model, preprocess, classes = self._known[name] or pretrained(name)
        counts = {label: classes.count(label) for label in classes}
        labels = [label if counts[label] == 1 else f"{label} ({index})" for index, label in enumerate(classes)]
        return Network(model, preprocess, labels, map_layers(model, preprocess(image)[None]))

    # ---- What is seen and read

    @property
    def words(self) -> str:
        height, width = self.maps.shape[-2:]
        row, column = divmod(self.maps.argmax().item(), width)
        nothing = (self.maps <= 0).float().mean().item()
        seen = f"strongest at row {row + 1}, column {column + 1} of {height}×{width};"
        seen += f" {100 * nothing:.0f} % of the map is zero"
        if nothing == 1:
            seen = f"no place of {height}×{width} is above zero"
        network = TITLES.get(self.network, self.network)
        return f"{self.method} of {self.classes} at {self.layer} in {network}: {seen}."

    def _draw(self) -> bytes:
        """The picture, as a JPEG."""
        height, width = self.maps.shape[-2:]
        most = self.maps.abs().max().item() or 1
        heat = cam.to_image(self.maps, self._visible.shape[-2:])
        probability = self.scores.softmax(1)[0, self._index].item()
        places = {"left": 0.01, "right": 0.99, "bottom": 0.14, "top": 0.78, "wspace": 0.06}
        figure, axes = plot.subplots(1, 3, figsize=(7, 3.1), gridspec_kw=places)
        figure.set_layout_engine("none")  # quicker, and the panels stay where they are
        figure.suptitle(
            f"{TITLES.get(self.network, self.network)}: {self.classes}, score {self.scores[0, self._index]:.2f},"
            f" probability {probability:.2f}\n{self.method} at {self.layer}",
            fontsize=10,
        )
        axes[0].imshow(self._visible[0].movedim(0, -1))
        axes[0].set_title("what the network sees", fontsize=9)
        drawn = axes[1].imshow(self.maps[0], cmap="RdBu_r", vmin=-most, vmax=most, interpolation="nearest")
        axes[1].set_title(f"{height}×{width}: red above zero, blue below", fontsize=9)
        scale = figure.colorbar(drawn, cax=figure.add_axes((0.36, 0.1, 0.28, 0.03)), orientation="horizontal")
        scale.ax.tick_params(labelsize=8)
        axes[2].imshow(cam.overlay(self._visible, heat)[0].movedim(0, -1))
        axes[2].set_title("what is above zero, laid over it", fontsize=9)
        for axis in axes:
            axis.set_xticks([])
            axis.set_yticks([])
            axis.spines[:].set_visible(False)
        content = io.BytesIO()
        figure.savefig(content, format="jpeg", pil_kwargs={"quality": 82, "optimize": True})
        return content.getvalue()

    def _show(self) -> None:
        self._jpeg = self._draw()
        source = f"data:image/jpeg;base64,{base64.b64encode(self._jpeg).decode()}"
        self._image.value = f'<img src="{source}" alt="{html.escape(self.words)}" style="max-width: 100%">'
        self._say(self.words)
        self._set_controls()
        self._other.value = ""  # so that the same name can be typed again

    def _say(self, text: str) -> None:
        self._status.value = f'<p role="status">{html.escape(text)}</p>'

    # ---- The controls

    def _make_controls(self) -> None:
        wide, wrap = {"description_width": "5em"}, widgets.Layout(flex_flow="row wrap")
        self._controls = {
            name: widgets.Dropdown(description={"classes": "class"}.get(name, name), style=wide)
            for name in ("picture", "network", "layer", "classes", "method")
        }
        self._controls["picture"].options = [*PHOTOGRAPHS, UPLOAD]
        self._controls["network"].options = [(TITLES.get(name, name), name) for name in self._known]
        self._controls["method"].options = list(METHODS)
        self._file = widgets.FileUpload(accept="image/*", multiple=False, description="Upload a picture")
        self._other = widgets.Combobox(
            description="or any", placeholder="a class's name", continuous_update=False, style=wide
        )
        self._image, self._status = widgets.HTML(), widgets.HTML()
        picture, network, layer, classes, method = self._controls.values()
        rows = [(picture, self._file), (network, layer), (classes, self._other), (method,)]
        self._box = widgets.VBox([*(widgets.HBox(row, layout=wrap) for row in rows), self._image, self._status])
        self._setting_controls = False
        for name, control in self._controls.items():
            control.observe(lambda change, name=name: self._by_hand(lambda: {name: change["new"]}), "value")
        self._other.observe(lambda change: change["new"] and self._by_hand(lambda: {"classes": change["new"]}), "value")
        self._file.observe(
            lambda change: change["new"]
            and self._by_hand(lambda: {"picture": UPLOAD, "upload": read_upload(change["new"])}),
            "value",
        )

    def _by_hand(self, wanted: Callable[[], dict]) -> None:
        if self._setting_controls:
            return
        try:
            self._change(**wanted())
        except (ValueError, OSError) as error:
            self._say(str(error))
            self._set_controls()

    def _set_controls(self) -> None:
        """Let the controls show the settings, without taking that for a choice."""
        network = self._loaded[self.network]
        sizes = {**network.layers, self.layer: self._pass[1].shape[1:]}
        shares = self.scores.softmax(1)[0]
        best = self.scores[0].topk(min(10, len(network.labels))).indices.tolist()
        options = {
            "layer": [(f"{name} · {C}×{h}×{w}", name) for name, (C, h, w) in sizes.items()],
            "classes": [
                (f"{network.labels[i]} · {shares[i]:.2f} (score {self.scores[0, i]:.1f})", network.labels[i])
                for i in dict.fromkeys([*best, self._index])
            ],
        }
        self._setting_controls = True
        try:
            for name, control in self._controls.items():
                with control.hold_sync():
                    control.options = options.get(name, control.options)
                    control.value = self._settings[name]
            self._other.options = network.labels
        finally:
            self._setting_controls = False


def has_weights(name: str) -> bool:
    """Whether a network's weights are on this machine; those of EfficientNet-Lite0 come with a Python package."""
    if name == "efficientnet_lite0":
        return True
    url = next(iter(get_model_weights(name))).url
    return Path(torch.hub.get_dir(), "checkpoints", Path(urlparse(url).path).name).exists()


def map_layers(model: nn.Module, images: Tensor) -> dict[str, tuple[int, int, int]]:
    """{name: (C, h, w)} of the modules with at most one dot in their name that give maps of more than one place.

    In the order in which they end, and without an outermost `nn.Sequential`, whose map is its last module's.

    Args:
        images: (1, 3, H, W), as the model takes them.
    """
    sizes = {}

    def note(name: str):
        def hook(_module, _inputs, output):
            if isinstance(output, Tensor) and output.ndim == 4 and output.shape[-2:].numel() > 1:
                sizes.pop(name, None)  # if it runs again, its last run counts
                sizes[name] = tuple(output.shape[1:])

        return hook

    handles = [
        module.register_forward_hook(note(name))
        for name, module in model.named_modules()
        if name.count(".") == 1 or (name and "." not in name and not isinstance(module, nn.Sequential))
    ]
    try:
        with torch.no_grad():
            model(images)
    finally:
        for handle in handles:
            handle.remove()
    if not sizes:
        kind = type(model).__name__
        raise ValueError(f"network must have a layer that gives (1, C, h, w) with h·w > 1, {kind} has none")
    return sizes


def read_upload(value: dict | tuple) -> Image.Image:
    """The picture in the value of a FileUpload, of ipywidgets 7 ({name: file}) or 8 (a tuple of files).

    Raises:
        ValueError: it is no picture, or too large or too long to be one for a network.
    """
    files = list(value.values()) if isinstance(value, dict) else value
    content = bytes(files[-1]["content"])
    name = files[-1].get("name") or files[-1]["metadata"]["name"]
    if len(content) > MOST_BYTES:
        raise ValueError(f"{name} has {len(content):,} bytes: choose a picture of at most {MOST_BYTES:,}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)  # above Pillow's own limit, a higher one
            image = Image.open(io.BytesIO(content))
        width, height = image.size
        small = width * height <= MOST_PIXELS and max(width, height) <= MOST_TIMES_LONGER * min(width, height)
        if small:
            image = ImageOps.exif_transpose(image).convert("RGB")  # decodes it
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        raise ValueError(f"{name} has over {MOST_PIXELS:,} pixels: choose a smaller picture") from None
    except Exception as error:  # a damaged file makes Pillow raise a good dozen of kinds
        raise ValueError(f"{name} cannot be read as a picture: choose a JPEG or PNG file") from error
    if not small:
        raise ValueError(
            f"{name} has {width}×{height} pixels: choose a picture of at most {MOST_PIXELS:,}, one side at most"
            f" {MOST_TIMES_LONGER} times as long as the other"
        )
    return image


def _check(name: str, value: object, possible: Iterable[str]) -> None:
    if value not in (possible := list(possible)):
        raise ValueError(f"{name} must be one of {', '.join(map(repr, possible))}, got {value!r}")


def _class_index(value: str | int | None, labels: list[str]) -> int | None:
    """The index of a class given by name, in capitals or not."""
    if not isinstance(value, str):
        return value
    wanted, small = value.strip().casefold(), [label.casefold() for label in labels]
    if wanted in small:
        return small.index(wanted)
    near = [label for label in labels if wanted and wanted in label.casefold()][:5]
    near = near or [labels[small.index(label)] for label in difflib.get_close_matches(wanted, small, cutoff=0.5)]
    near = near or labels[:3]
    raise ValueError(f"classes must be one of the network's, got {value!r}; near it are {', '.join(map(repr, near))}")
