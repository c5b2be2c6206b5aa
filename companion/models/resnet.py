"""Residual networks of 18 to 152 layers for photographs, small ones for pictures of 28×28, and their plain twins.

Source: K. He, X. Zhang, S. Ren and J. Sun, "Deep Residual Learning for Image Recognition", CVPR 2016,
arXiv:1512.03385: figure 5 (the two blocks), table 1 (`ResNet`), section 3.3 (shortcuts) and section 4.2
(`SmallResNet`). Names of layers are torchvision's, so that its weights can be loaded.
"""

import torch.nn.functional as F
from torch import nn

from companion.models._sizes import SaysWhichSizes, check_at_least_1, check_blocks

SHORTCUTS = ("projection", "identity", "none")
VERSIONS = ("v1.5", "v1")


class BasicBlock(nn.Module):
    """Two 3×3 convolutions, and the input added to the result: relu(x + F(x)), figure 5, left.

    in_channels: C, of the input.
    channels: K, of the output.
    stride: s, of the first convolution; 2 halves height and width.
    shortcut: see `make_shortcut`; "none" leaves the addition out.
    """

    expansion = 1  # output channels, as a multiple of `channels`

    def __init__(self, in_channels: int, channels: int, stride: int = 1, shortcut: str = "projection"):
        super().__init__()
        self.conv1 = conv(in_channels, channels, 3, stride)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = conv(channels, channels, 3)
        self.bn2 = nn.BatchNorm2d(channels)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = make_shortcut(in_channels, channels, stride, shortcut)
        self.residual = shortcut != "none"

    def forward(self, x):  # (N, C, H, W)
        identity = x if self.downsample is None else self.downsample(x)  # (N, K, H/s, W/s)

        out = self.relu(self.bn1(self.conv1(x)))  # (N, K, H/s, W/s)

        out = self.bn2(self.conv2(out))  # (N, K, H/s, W/s)
        if self.residual:
            out += identity
        return self.relu(out)


class Bottleneck(nn.Module):
    """Narrow with 1×1, look around with 3×3, widen with 1×1, and add the input: figure 5, right.

    in_channels: C, of the input.
    channels: K, of the narrow part; the output has 4·K.
    stride: s, of one of the three convolutions; 2 halves height and width.
    shortcut: see `make_shortcut`; "none" leaves the addition out.
    version: which of the three. "v1" is the first 1×1, as in the authors' own models of 2016, where it never looks
        at three quarters of its input. "v1.5" is the 3×3, as in torchvision. The paper does not say which.
    """

    expansion = 4  # output channels, as a multiple of `channels`

    def __init__(
        self,
        in_channels: int,
        channels: int,
        stride: int = 1,
        shortcut: str = "projection",
        version: str = "v1.5",
    ):
        super().__init__()
        check_choice("version", version, VERSIONS)
        # v1: github.com/KaimingHe/deep-residual-networks. v1.5: github.com/facebookarchive/fb.resnet.torch, under
        # "Strided convolution", and torchvision after it; the name is NVIDIA's.
        first, second = (stride, 1) if version == "v1" else (1, stride)
        self.conv1 = conv(in_channels, channels, 1, first)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = conv(channels, channels, 3, second)
        self.bn2 = nn.BatchNorm2d(channels)
        self.conv3 = conv(channels, 4 * channels, 1)
        self.bn3 = nn.BatchNorm2d(4 * channels)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = make_shortcut(in_channels, 4 * channels, stride, shortcut)
        self.residual = shortcut != "none"

    def forward(self, x):  # (N, C, H, W)
        identity = x if self.downsample is None else self.downsample(x)  # (N, 4K, H/s, W/s)

        out = self.relu(self.bn1(self.conv1(x)))  # (N, K, H, W); v1: (N, K, H/s, W/s)
        out = self.relu(self.bn2(self.conv2(out)))  # (N, K, H/s, W/s)

        out = self.bn3(self.conv3(out))  # (N, 4K, H/s, W/s)
        if self.residual:
            out += identity
        return self.relu(out)


def conv(in_channels: int, out_channels: int, kernel_size: int, stride: int = 1) -> nn.Conv2d:
    """A convolution that keeps the size at stride 1, without bias: the batch norm after it would subtract it again."""
    return nn.Conv2d(in_channels, out_channels, kernel_size, stride, padding=kernel_size // 2, bias=False)


def make_shortcut(in_channels: int, out_channels: int, stride: int, shortcut: str) -> nn.Module | None:
    """What brings a block's input to the shape of its output; None if nothing must, or if there is no shortcut.

    shortcut: "projection" is option B of section 3.3: where the shape changes, a 1×1 convolution with the block's
        stride, and batch norm (equation 2). "identity" is option A: no parameters at all. "none": a plain block.
    """
    check_choice("shortcut", shortcut, SHORTCUTS)
    if shortcut == "none" or (stride == 1 and in_channels == out_channels):
        return None
    if shortcut == "identity":
        if out_channels < in_channels:
            raise ValueError(f'shortcut="identity" cannot bring {in_channels} channels to {out_channels}: it only adds')
        return PaddedIdentity(out_channels - in_channels, stride)
    return nn.Sequential(conv(in_channels, out_channels, 1, stride), nn.BatchNorm2d(out_channels))


class PaddedIdentity(nn.Module):
    """Every `stride`-th row and column of the input, and `new_channels` channels of zeros behind its own."""

    def __init__(self, new_channels: int, stride: int):
        super().__init__()
        self.new_channels, self.stride = new_channels, stride

    def forward(self, x):  # (N, C, H, W)
        x = F.avg_pool2d(x, kernel_size=1, stride=self.stride)  # the "average" of one pixel: (N, C, H/s, W/s)
        return F.pad(x, (0, 0, 0, 0, 0, self.new_channels))  # (N, C + new_channels, H/s, W/s)


class ResNet(SaysWhichSizes):
    """A column of table 1: a stem, four stages of blocks, the mean over positions, one linear layer.

    block: BasicBlock or Bottleneck.
    blocks: how many in each stage. Every block but the first of a stage keeps the shape.
    num_classes: how many scores.
    options: passed on to every block: `shortcut`, and `version` for bottlenecks.

    Input: images (N, 3, H, W) of any size from 1×1. Output: scores (N, num_classes). Shapes in the comments are
    those at 224×224, with K = block.expansion.
    Raises ValueError if the input is something else, or if an argument is out of range.
    """

    smallest_input = 1

    def __init__(self, block: type, blocks: tuple[int, int, int, int], num_classes: int = 1000, **options):
        super().__init__()
        check_blocks(blocks, stages=4)
        check_at_least_1("num_classes", num_classes)
        depth = 2 + (2 if block.expansion == 1 else 3) * sum(blocks)  # layers with weights
        self.network_name = f"{'plain' if options.get('shortcut') == 'none' else 'ResNet'}-{depth}"
        self.conv1 = conv(3, 64, 7, stride=2)  # (N, 64, 112, 112)
        self.bn1 = nn.BatchNorm2d(64)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(kernel_size=3, stride=2, padding=1)  # (N, 64, 56, 56)
        self.layer1 = stage(block, 64, 64, blocks[0], 1, **options)  # conv2_x in the paper: (N, 64·K, 56, 56)
        self.layer2 = stage(block, 64 * block.expansion, 128, blocks[1], 2, **options)  # (N, 128·K, 28, 28)
        self.layer3 = stage(block, 128 * block.expansion, 256, blocks[2], 2, **options)  # (N, 256·K, 14, 14)
        self.layer4 = stage(block, 256 * block.expansion, 512, blocks[3], 2, **options)  # (N, 512·K, 7, 7)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(512 * block.expansion, num_classes)
        initialise(self)

    def forward(self, x):  # (N, 3, 224, 224)
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))  # (N, 64, 56, 56)
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))  # (N, 512·K, 7, 7)
        x = self.avgpool(x).flatten(1)  # (N, 512·K)
        return self.fc(x)  # (N, 1000)


def stage(block: type, in_channels: int, channels: int, blocks: int, stride: int, **options) -> nn.Sequential:
    """`blocks` blocks, the first of which has the stride and the change of channels.

    Raises ValueError if `blocks` is no integer from 1.
    """
    check_at_least_1("blocks", blocks)
    out_channels = channels * block.expansion
    return nn.Sequential(
        block(in_channels, channels, stride, **options),
        *(block(out_channels, channels, **options) for _ in range(blocks - 1)),
    )


def initialise(model: nn.Module) -> None:
    """Normal weights of variance 2 / (kernel area · output channels), after K. He et al., "Delving Deep into
    Rectifiers", ICCV 2015, equation 14. Batch norm begins as PyTorch makes it: scale 1, shift 0.
    """
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")


def check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, choices))}, got {value!r}")


# The columns of table 1. A ResNet-18 or -34 has no bottlenecks: both versions are the same network.


def resnet18(num_classes: int = 1000, version: str = "v1.5", shortcut: str = "projection") -> ResNet:
    """11,689,512 parameters. Arguments: see `ResNet` and `make_shortcut`."""
    check_choice("version", version, VERSIONS)
    return ResNet(BasicBlock, (2, 2, 2, 2), num_classes, shortcut=shortcut)


def resnet34(num_classes: int = 1000, version: str = "v1.5", shortcut: str = "projection") -> ResNet:
    """21,797,672 parameters. Arguments: see `ResNet` and `make_shortcut`."""
    check_choice("version", version, VERSIONS)
    return ResNet(BasicBlock, (3, 4, 6, 3), num_classes, shortcut=shortcut)


def resnet50(num_classes: int = 1000, version: str = "v1.5", shortcut: str = "projection") -> ResNet:
    """25,557,032 parameters. Arguments: see `ResNet`, `Bottleneck` and `make_shortcut`."""
    return ResNet(Bottleneck, (3, 4, 6, 3), num_classes, shortcut=shortcut, version=version)


def resnet101(num_classes: int = 1000, version: str = "v1.5", shortcut: str = "projection") -> ResNet:
    """44,549,160 parameters. Arguments: see `ResNet`, `Bottleneck` and `make_shortcut`."""
    return ResNet(Bottleneck, (3, 4, 23, 3), num_classes, shortcut=shortcut, version=version)


def resnet152(num_classes: int = 1000, version: str = "v1.5", shortcut: str = "projection") -> ResNet:
    """60,192,808 parameters. Arguments: see `ResNet`, `Bottleneck` and `make_shortcut`."""
    return ResNet(Bottleneck, (3, 8, 36, 3), num_classes, shortcut=shortcut, version=version)


def plain18(num_classes: int = 1000) -> ResNet:
    """ResNet-18 without its shortcuts (figure 4, left): the same layers, so 11,515,688 parameters."""
    return resnet18(num_classes, shortcut="none")


def plain34(num_classes: int = 1000) -> ResNet:
    """ResNet-34 without its shortcuts (figure 3, middle): the same layers, so 21,623,848 parameters."""
    return resnet34(num_classes, shortcut="none")


class SmallResNet(SaysWhichSizes):
    """The networks of section 4.2: one 3×3 convolution, three stages of n basic blocks, the mean, a linear layer.

    depth: 6n + 2 layers with weights: 2n convolutions in each stage, one before them, and the linear layer.
        The paper has 20, 32, 44, 56 and 110.
    residual: False leaves the shortcuts out. They are identities (option A), so the parameters stay the same.
    in_channels: 1 for grey pictures, 3 for colour.
    num_classes: how many scores.

    Input: pictures (N, in_channels, H, W) of any size from 1×1. Output: scores (N, num_classes). Shapes in the
    comments are those at 28×28; the paper's pictures have 32×32.
    Raises ValueError if the input is something else, or if an argument is out of range.
    """

    smallest_input = 1

    def __init__(self, depth: int, residual: bool = True, in_channels: int = 1, num_classes: int = 10):
        super().__init__()
        check_at_least_1("in_channels", in_channels)
        check_at_least_1("num_classes", num_classes)
        if type(depth) is not int or depth < 8 or depth % 6 != 2:
            raise ValueError(f"depth must be 6n + 2 with n from 1, such as 8, 14, 20, 26 or 32, got {depth!r}")
        n = (depth - 2) // 6
        self.network_name = f"{'residual' if residual else 'plain'}-{depth}"
        shortcut = "identity" if residual else "none"
        self.conv1 = conv(in_channels, 16, 3)  # (N, 16, 28, 28)
        self.bn1 = nn.BatchNorm2d(16)
        self.relu = nn.ReLU(inplace=True)
        self.layer1 = stage(BasicBlock, 16, 16, n, 1, shortcut=shortcut)  # (N, 16, 28, 28)
        self.layer2 = stage(BasicBlock, 16, 32, n, 2, shortcut=shortcut)  # (N, 32, 14, 14)
        self.layer3 = stage(BasicBlock, 32, 64, n, 2, shortcut=shortcut)  # (N, 64, 7, 7)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(64, num_classes)
        initialise(self)

    def forward(self, x):  # (N, 1, 28, 28)
        x = self.relu(self.bn1(self.conv1(x)))  # (N, 16, 28, 28)
        x = self.layer3(self.layer2(self.layer1(x)))  # (N, 64, 7, 7)
        x = self.avgpool(x).flatten(1)  # (N, 64)
        return self.fc(x)  # (N, 10)


def small_resnet(depth: int = 8, residual: bool = True, in_channels: int = 1, num_classes: int = 10) -> SmallResNet:
    """75,002 parameters at depth 8, 269,434 at depth 20 and 463,866 at depth 32. Arguments: see `SmallResNet`."""
    return SmallResNet(depth, residual, in_channels, num_classes)
