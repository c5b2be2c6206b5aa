"""EfficientNet-B0, the network that the whole family is scaled up from: MobileNetV2's block with a gate per channel.

Sources: M. Tan and Q. V. Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks", ICML 2019,
arXiv:1905.11946: section 4 and table 1. The gate: J. Hu, L. Shen and G. Sun, "Squeeze-and-Excitation Networks", CVPR
2018, arXiv:1709.01507, section 3. Names of layers are torchvision's, so that its weights can be loaded.

Table 1 is in `companion.models.efficientnet`, which has the same plan without gates.
"""

from math import sqrt

import torch
from torch import nn

from companion.models._sizes import SaysWhichSizes, check_at_least_1
from companion.models.efficientnet import HEAD_CHANNELS, STAGES, STEM_CHANNELS
from companion.models.mobilenet import conv_norm


class SqueezeExcitation(nn.Module):
    """A factor between 0 and 1 for every channel, made of the means of all channels (Hu et al., figure 2).

    channels: C, of the input.
    squeezed: how many numbers the C means are squeezed into.

    The two fully connected layers are 1×1 convolutions of a map with one position, which is the same.
    """

    def __init__(self, channels: int, squeezed: int):
        super().__init__()
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc1 = nn.Conv2d(channels, squeezed, kernel_size=1)
        self.fc2 = nn.Conv2d(squeezed, channels, kernel_size=1)
        self.activation = nn.SiLU(inplace=True)
        self.scale_activation = nn.Sigmoid()

    def forward(self, x):  # (N, C, H, W)
        scale = self.activation(self.fc1(self.avgpool(x)))  # (N, squeezed, 1, 1)
        scale = self.scale_activation(self.fc2(scale))  # (N, C, 1, 1)
        return scale * x  # (N, C, H, W)


class StochasticDepth(nn.Module):
    """In training, each picture's map is set to zero with probability p, and else divided by 1 - p.

    Added to a shortcut, the zeros skip a whole block: G. Huang et al., "Deep Networks with Stochastic Depth", ECCV
    2016, arXiv:1603.09382, section 3.
    """

    def __init__(self, p: float):
        super().__init__()
        self.p = p

    def forward(self, x):  # (N, C, H, W)
        if not self.training or self.p == 0:
            return x
        kept = torch.rand(x.shape[0], 1, 1, 1, device=x.device) >= self.p  # (N, 1, 1, 1)
        return x * kept / (1 - self.p)


class MBConv(nn.Module):
    """Widen with 1×1, look around with one kernel per channel, weigh the channels, narrow with 1×1.

    in_channels: C, of the input. out_channels: K, of the output.
    expansion: t; between the two ends there are t·C channels. With t = 1 nothing is widened.
    kernel_size, stride: of the depthwise convolution; s is the stride.
    skipped: the probability with which training leaves the block out, where it has a shortcut.

    The gate squeezes t·C channels to C/4: a quarter of the narrow end's, not of its own.
    """

    def __init__(
        self, in_channels: int, out_channels: int, expansion: int, kernel_size: int, stride: int, skipped: float
    ):
        super().__init__()
        width = expansion * in_channels
        widen = [conv_norm(in_channels, width, 1, activation=nn.SiLU)] if expansion != 1 else []
        self.block = nn.Sequential(
            *widen,  # (N, t·C, H, W)
            conv_norm(width, width, kernel_size, stride, groups=width, activation=nn.SiLU),  # (N, t·C, H/s, W/s)
            SqueezeExcitation(width, in_channels // 4),  # (N, t·C, H/s, W/s)
            conv_norm(width, out_channels, 1)[:2],  # linear, no activation: (N, K, H/s, W/s)
        )
        self.stochastic_depth = StochasticDepth(skipped)
        self.residual = stride == 1 and in_channels == out_channels

    def forward(self, x):  # (N, C, H, W)
        out = self.block(x)  # (N, K, H/s, W/s)
        return x + self.stochastic_depth(out) if self.residual else out


class EfficientNetB0(SaysWhichSizes):
    """Table 1: a stem, seven stages of blocks, a head, the mean over positions, one linear layer.

    num_classes: how many scores.

    Input: images (N, 3, H, W) of any size from 1×1. Output: scores (N, num_classes). `features[i]` is stage i + 1.
    Raises ValueError if the input is something else, or if num_classes is out of range.
    """

    smallest_input, network_name = 1, "EfficientNet-B0"

    def __init__(self, num_classes: int = 1000):
        super().__init__()
        check_at_least_1("num_classes", num_classes)
        total = sum(stage.blocks for stage in STAGES)  # 16
        channels, stages, done = STEM_CHANNELS, [], 0
        for stage in STAGES:
            blocks = []
            for i in range(stage.blocks):
                stride = stage.stride if i == 0 else 1
                skipped = 0.2 * done / total  # rises from block to block to about 0.2 (section 5.2)
                blocks.append(MBConv(channels, stage.channels, stage.expansion, stage.kernel_size, stride, skipped))
                channels, done = stage.channels, done + 1
            stages.append(nn.Sequential(*blocks))
        stem = conv_norm(3, STEM_CHANNELS, 3, stride=2, activation=nn.SiLU)  # (N, 32, 112, 112)
        head = conv_norm(channels, HEAD_CHANNELS, 1, activation=nn.SiLU)  # (N, 1280, 7, 7)
        self.features = nn.Sequential(stem, *stages, head)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Sequential(nn.Dropout(0.2), nn.Linear(HEAD_CHANNELS, num_classes))
        self._initialise()

    def _initialise(self):
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out")
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
            elif isinstance(module, nn.Linear):
                bound = 1 / sqrt(module.out_features)
                nn.init.uniform_(module.weight, -bound, bound)
                nn.init.zeros_(module.bias)

    def forward(self, x):  # (N, 3, 224, 224)
        x = self.features(x)  # (N, 1280, 7, 7)
        x = self.avgpool(x).flatten(1)  # (N, 1280)
        return self.classifier(x)  # (N, 1000)


def efficientnet_b0(num_classes: int = 1000) -> EfficientNetB0:
    """5,288,548 parameters."""
    return EfficientNetB0(num_classes)
