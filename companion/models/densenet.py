"""DenseNet: every layer sees the maps of all layers before it, side by side, and adds a few of its own.

Source: G. Huang, Z. Liu, L. van der Maaten and K. Q. Weinberger, "Densely Connected Convolutional Networks", CVPR
2017, arXiv:1608.06993: section 3 and table 1; this is its variant BC, with bottlenecks (B) and compression (C).
Names of layers are torchvision's, so that its weights can be loaded.
"""

import re
from collections import OrderedDict

import torch
from torch import nn

from companion.models._sizes import SaysWhichSizes, check_at_least_1, check_blocks


class DenseLayer(nn.Module):
    """x -> [x, H(x)]: equation 2. H makes k new maps; a 1×1 convolution to 4k maps spares the 3×3 the rest.

    in_channels: C, of the input: all maps made so far in the block.
    growth_rate: k, how many new ones. Batch norm and ReLU come *before* each convolution, so that every layer
        scales the maps that it reads for itself.
    """

    def __init__(self, in_channels: int, growth_rate: int):
        super().__init__()
        self.norm1 = nn.BatchNorm2d(in_channels)
        self.relu1 = nn.ReLU(inplace=True)
        self.conv1 = nn.Conv2d(in_channels, 4 * growth_rate, kernel_size=1, bias=False)
        self.norm2 = nn.BatchNorm2d(4 * growth_rate)
        self.relu2 = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(4 * growth_rate, growth_rate, kernel_size=3, padding=1, bias=False)

    def forward(self, x):  # (N, C, H, W)
        new = self.conv1(self.relu1(self.norm1(x)))  # (N, 4k, H, W)
        new = self.conv2(self.relu2(self.norm2(new)))  # (N, k, H, W)
        return torch.cat([x, new], dim=1)  # (N, C + k, H, W)


class DenseBlock(nn.Sequential):
    """`layers` dense layers: (N, C, H, W) -> (N, C + layers·k, H, W)."""

    def __init__(self, layers: int, in_channels: int, growth_rate: int):
        channels = range(in_channels, in_channels + layers * growth_rate, growth_rate)
        super().__init__(
            OrderedDict((f"denselayer{i}", DenseLayer(c, growth_rate)) for i, c in enumerate(channels, start=1))
        )


class Transition(nn.Sequential):
    """Between blocks: half as many maps, of half the height and width. (N, C, H, W) -> (N, C/2, H/2, W/2)."""

    def __init__(self, in_channels: int):
        super().__init__()
        self.norm = nn.BatchNorm2d(in_channels)
        self.relu = nn.ReLU(inplace=True)
        self.conv = nn.Conv2d(in_channels, in_channels // 2, kernel_size=1, bias=False)
        self.pool = nn.AvgPool2d(kernel_size=2, stride=2)


class DenseNet(SaysWhichSizes):
    """A column of table 1: a stem, dense blocks with transitions between them, the mean, one linear layer.

    blocks: how many layers in each dense block.
    growth_rate: k, the maps that each layer adds.
    num_classes: how many scores.

    Input: images (N, 3, H, W) of at least 2^(B + 1) - 3 pixels for B blocks, 29×29 for four: below that, the last
        transition has a single position to pool.
    Output: scores (N, num_classes). Shapes in the comments are DenseNet-121's at 224×224.
    Raises ValueError if the input is something else, or if an argument is out of range.
    """

    def __init__(self, blocks: tuple[int, ...], growth_rate: int = 32, num_classes: int = 1000):
        super().__init__()
        check_blocks(blocks)
        check_at_least_1("growth_rate", growth_rate)
        check_at_least_1("num_classes", num_classes)
        # Halved and rounded up by conv0 and pool0, halved and rounded down by B - 1 transitions, at least 1 is left.
        self.smallest_input = 2 ** (len(blocks) + 1) - 3
        self.network_name = f"DenseNet-{1 + 2 * sum(blocks) + len(blocks)}"  # layers with weights
        channels = 2 * growth_rate  # as many as two layers make (section 3, "Implementation Details")
        self.features = nn.Sequential()
        self.features.conv0 = nn.Conv2d(3, channels, kernel_size=7, stride=2, padding=3, bias=False)
        self.features.norm0 = nn.BatchNorm2d(channels)  # (N, 64, 112, 112)
        self.features.relu0 = nn.ReLU(inplace=True)
        self.features.pool0 = nn.MaxPool2d(kernel_size=3, stride=2, padding=1)  # (N, 64, 56, 56)
        for i, layers in enumerate(blocks, start=1):  # channels: 256, 512, 1024, 1024
            self.features.add_module(f"denseblock{i}", DenseBlock(layers, channels, growth_rate))
            channels += layers * growth_rate
            if i < len(blocks):  # (N, 128, 28, 28), (N, 256, 14, 14), (N, 512, 7, 7)
                self.features.add_module(f"transition{i}", Transition(channels))
                channels //= 2
        self.features.norm5 = nn.BatchNorm2d(channels)  # (N, 1024, 7, 7)
        self.relu = nn.ReLU(inplace=True)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(channels, num_classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight)
        nn.init.zeros_(self.classifier.bias)

    def forward(self, x):  # (N, 3, 224, 224)
        x = self.relu(self.features(x))  # (N, 1024, 7, 7)
        x = self.avgpool(x).flatten(1)  # (N, 1024)
        return self.classifier(x)  # (N, 1000)


def densenet121(num_classes: int = 1000) -> DenseNet:
    """7,978,856 parameters. 121 = 1 + 2·(6 + 12 + 24 + 16) + 3 + 1 layers with weights (not counting batch norm)."""
    return DenseNet((6, 12, 24, 16), num_classes=num_classes)


def rename_keys(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The same tensors under the names they have here: "denselayer1.norm1.weight" for "denselayer1.norm.1.weight".

    torchvision's file is older than PyTorch's rule that no dot may stand in a module's name. Any other key stays.
    """
    return {re.sub(r"(denselayer\d+\.(?:norm|conv))\.([12]\.)", r"\1\2", key): value for key, value in state.items()}
