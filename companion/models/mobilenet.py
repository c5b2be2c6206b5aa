"""MobileNetV2: a convolution in two parts, one kernel per channel and then 1×1, in blocks that are narrow at the ends.

Source: M. Sandler, A. Howard, M. Zhu, A. Zhmoginov and L.-C. Chen, "MobileNetV2: Inverted Residuals and Linear
Bottlenecks", CVPR 2018, arXiv:1801.04381: section 3 and table 2. Names of layers are torchvision's, so that its
weights can be loaded.
"""

from typing import NamedTuple

from torch import nn

from companion.models._sizes import SaysWhichSizes, check_at_least_1


class Stage(NamedTuple):
    """A row of table 2: `blocks` blocks of `channels` output channels; the first block has the stride."""

    expansion: int  # t in the paper
    channels: int  # c
    blocks: int  # n
    stride: int  # s


STAGES = (
    Stage(expansion=1, channels=16, blocks=1, stride=1),  # at 224: (N, 16, 112, 112)
    Stage(expansion=6, channels=24, blocks=2, stride=2),  # (N, 24, 56, 56)
    Stage(expansion=6, channels=32, blocks=3, stride=2),  # (N, 32, 28, 28)
    Stage(expansion=6, channels=64, blocks=4, stride=2),  # (N, 64, 14, 14)
    Stage(expansion=6, channels=96, blocks=3, stride=1),  # (N, 96, 14, 14)
    Stage(expansion=6, channels=160, blocks=3, stride=2),  # (N, 160, 7, 7)
    Stage(expansion=6, channels=320, blocks=1, stride=1),  # (N, 320, 7, 7)
)


def conv_norm(
    in_channels: int, out_channels: int, kernel_size: int, stride: int = 1, groups: int = 1, activation: type = nn.ReLU6
) -> nn.Sequential:
    """Convolution, batch norm (which makes a bias superfluous), activation; at stride 1 it keeps the size.

    ReLU6 is min(max(x, 0), 6), chosen for its robustness when numbers have low precision (section 4).
    """
    conv = nn.Conv2d(
        in_channels, out_channels, kernel_size, stride, padding=kernel_size // 2, groups=groups, bias=False
    )
    return nn.Sequential(conv, nn.BatchNorm2d(out_channels), activation(inplace=True))


class InvertedResidual(nn.Module):
    """Widen with 1×1, look around with one kernel per channel, narrow with 1×1; add the input where shapes agree.

    in_channels: C, of the input. out_channels: K, of the output.
    stride: s, of the 3×3 convolution.
    expansion: t; between the two ends there are t·C channels. With t = 1 nothing is widened.

    Nothing follows the narrowing: a ReLU there would lose information ("linear bottleneck", section 3.2).
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int, expansion: int):
        super().__init__()
        width = expansion * in_channels
        widen = [conv_norm(in_channels, width, 1)] if expansion != 1 else []
        self.conv = nn.Sequential(
            *widen,  # (N, t·C, H, W)
            conv_norm(width, width, 3, stride, groups=width),  # depthwise: (N, t·C, H/s, W/s)
            nn.Conv2d(width, out_channels, kernel_size=1, bias=False),  # pointwise: (N, K, H/s, W/s)
            nn.BatchNorm2d(out_channels),
        )
        self.residual = stride == 1 and in_channels == out_channels

    def forward(self, x):  # (N, C, H, W)
        return x + self.conv(x) if self.residual else self.conv(x)  # (N, K, H/s, W/s)


class MobileNetV2(SaysWhichSizes):
    """Table 2: a stem, seventeen blocks, a 1×1 convolution, the mean over positions, one linear layer.

    num_classes: how many scores.

    Input: images (N, 3, H, W) of any size from 1×1. Output: scores (N, num_classes).
    Raises ValueError if the input is something else, or if num_classes is out of range.
    """

    smallest_input = 1

    def __init__(self, num_classes: int = 1000):
        super().__init__()
        check_at_least_1("num_classes", num_classes)
        channels, blocks = 32, []
        for stage in STAGES:
            for i in range(stage.blocks):
                stride = stage.stride if i == 0 else 1
                blocks.append(InvertedResidual(channels, stage.channels, stride, stage.expansion))
                channels = stage.channels
        self.features = nn.Sequential(conv_norm(3, 32, 3, stride=2), *blocks, conv_norm(channels, 1280, 1))
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Sequential(nn.Dropout(0.2), nn.Linear(1280, num_classes))
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out")
            elif isinstance(module, nn.Linear):
                nn.init.normal_(module.weight, std=0.01)
                nn.init.zeros_(module.bias)

    def forward(self, x):  # (N, 3, 224, 224)
        x = self.features(x)  # (N, 1280, 7, 7)
        x = self.avgpool(x).flatten(1)  # (N, 1280)
        return self.classifier(x)  # (N, 1000)


def mobilenet_v2(num_classes: int = 1000) -> MobileNetV2:
    """3,504,872 parameters."""
    return MobileNetV2(num_classes)
