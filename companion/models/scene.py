"""Two small networks for scenes (`companion.data.scenes`), with the two kinds of head there are, and their weights.

`PlainNet` ends as VGG does: the last feature map is flattened and goes through dense layers. `ResidualNet` ends as
ResNet does: each channel is averaged over all positions, and one linear layer follows. Only the second allows CAM.
Both end in a map of 8×8, one cell to 8×8 pixels of the scene.

Sources: K. Simonyan and A. Zisserman, "Very Deep Convolutional Networks for Large-Scale Image Recognition", ICLR
2015, arXiv:1409.1556. K. He, X. Zhang, S. Ren and J. Sun, "Deep Residual Learning for Image Recognition", CVPR 2016,
arXiv:1512.03385.
"""

from pathlib import Path

import torch
from safetensors.torch import load
from torch import nn

from companion.data.packaged import read_packaged

FOLDER = Path(__file__).resolve().parents[1] / "data"

# (kind, items, seed): SHA-256 of the packaged weights; made by tools/make_scene_networks.py
CHECKSUMS = {
    ("residual", "fashion", 0): "7e6c8284cf2c8eec5e6571f947af5fb50fef01197341ce6f9aa4f1502dee8b19",
    ("residual", "fashion", 1): "638c51e0fe4847a96041a764ec553688afcd441adfa104f263fe0733ce048d2d",
    ("residual", "fashion", 2): "9593229653e52ab13885ea32c1c1fa8aed6d9d12e77a6fdb242af3bec198c1a4",
    ("plain", "fashion", 0): "9955b25b448b0347d897676b5b05783c930a86b4f29e837a0e92661de13b12cf",
    ("residual", "marked", 0): "1dc27f739f7ab81c07a7d7198f6ca804f179412f288600d7adb36ce2d79ade7f",
    ("residual", "marked", 1): "4fd9ce7cd6fa9132036925af855361c524b307dfa6b4011b3d56378e1752a41e",
    ("residual", "marked", 2): "bc286d0076413b8bad69dfa4f06a7acb250c87bff3ab6d6c8b71068529808cf2",
}


class PlainNet(nn.Module):
    """VGG in small: 3×3 convolutions, a 2×2 max-pooling after each stage, three dense layers. 151,082 parameters.

    As in VGG (table 1, and torchvision's `vgg.py`): padding 1, so that only pooling changes the size; a ReLU after
    every layer but the last, *in place*, that is, written over its input; twice as many channels after a pooling;
    two hidden dense layers with dropout. Unlike VGG-11, the smallest: four convolutions instead of eight, three
    poolings instead of five, 8 to 32 channels instead of 64 to 512, and dropout 0.2 instead of 0.5.

    Input: scenes (N, 1, 64, 64). Output: scores (N, 10).
    """

    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 8, kernel_size=3, padding=1),  # (N, 8, 64, 64)
            nn.ReLU(inplace=True),
            nn.MaxPool2d(kernel_size=2, stride=2),  # (N, 8, 32, 32)
            nn.Conv2d(8, 16, kernel_size=3, padding=1),  # (N, 16, 32, 32)
            nn.ReLU(inplace=True),
            nn.MaxPool2d(kernel_size=2, stride=2),  # (N, 16, 16, 16)
            nn.Conv2d(16, 32, kernel_size=3, padding=1),  # (N, 32, 16, 16)
            nn.ReLU(inplace=True),
            nn.Conv2d(32, 32, kernel_size=3, padding=1),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(kernel_size=2, stride=2),  # (N, 32, 8, 8)
        )
        self.classifier = nn.Sequential(
            nn.Linear(32 * 8 * 8, 64),  # 131,136 parameters: a weight for every channel at every position
            nn.ReLU(inplace=True),
            nn.Dropout(0.2),
            nn.Linear(64, 64),
            nn.ReLU(inplace=True),
            nn.Dropout(0.2),
            nn.Linear(64, 10),
        )

    def forward(self, x):  # (N, 1, 64, 64)
        x = self.features(x)  # (N, 32, 8, 8)
        return self.classifier(x.flatten(1))  # (N, 2048) -> (N, 10)


class Block(nn.Module):
    """A residual block of two 3×3 convolutions: relu(x + F(x)), He et al., figure 2 and equation 1.

    in_channels, out_channels: of its input and its output.
    stride: of the first convolution; 2 halves height and width.

    Where the shape changes, the shortcut is a 1×1 convolution with that stride (equation 2, option B in section
    3.3), followed by batch norm; elsewhere it is the input itself.
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int = 1):
        super().__init__()
        # no biases: the batch norm that follows would subtract them again
        self.conv1 = nn.Conv2d(in_channels, out_channels, kernel_size=3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, kernel_size=3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(out_channels)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = None
        if stride != 1 or in_channels != out_channels:
            self.downsample = nn.Sequential(
                nn.Conv2d(in_channels, out_channels, kernel_size=1, stride=stride, bias=False),
                nn.BatchNorm2d(out_channels),
            )

    def forward(self, x):  # (N, C, H, W)
        identity = x if self.downsample is None else self.downsample(x)  # (N, C', H/s, W/s)

        out = self.relu(self.bn1(self.conv1(x)))  # (N, C', H/s, W/s)
        out = self.bn2(self.conv2(out))

        out += identity
        return self.relu(out)


class ResidualNet(nn.Module):
    """ResNet in small: a stem, three residual blocks, global average pooling, one linear layer. 83,038 parameters.

    As in He et al. (table 1): batch norm after each convolution; a stage begins by halving the map and doubling the
    channels, with stride 2 and no pooling; no hidden dense layer and no dropout. Unlike their ResNet-18 for 224×224:
    the stem is 3×3 instead of 7×7 and has no max-pooling after it, three blocks instead of eight, and 12 to 48
    channels instead of 64 to 512. (Their networks for 32×32, section 4.2, have 16 to 64.)

    Input: scenes (N, 1, 64, 64). Output: scores (N, 10).
    """

    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 12, kernel_size=3, stride=2, padding=1, bias=False),  # (N, 12, 32, 32)
            nn.BatchNorm2d(12),
            nn.ReLU(inplace=True),
            Block(12, 24, stride=2),  # (N, 24, 16, 16)
            Block(24, 48, stride=2),  # (N, 48, 8, 8)
            Block(48, 48),
        )
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(48, 10)

    def forward(self, x):  # (N, 1, 64, 64)
        x = self.avgpool(self.features(x))  # (N, 48, 8, 8) -> (N, 48, 1, 1)
        return self.classifier(x.flatten(1))  # (N, 48) -> (N, 10)


KINDS = {"plain": PlainNet, "residual": ResidualNet}


def scene_network(kind: str, items: str = "fashion", seed: int = 0, trained: bool = True) -> nn.Module:
    """A network for scenes in evaluation mode, with the packaged weights or with those its training began from.

    Args:
        kind: "plain" or "residual".
        items: what the scenes show on which it was trained: "fashion", or "marked", the same with a mark on every
            shirt (`companion.data.scenes.plant`), a shortcut.
        seed: which of the trained networks; they differ in initial weights, training scenes and their order.
        trained: False gives its untrained twin: the initial weights drawn from this seed, which may then be any.
            The global random generator is left as it was.

    Returns:
        PlainNet or ResidualNet, in float32.

    Raises:
        ValueError: `kind` is neither, or there are no packaged weights for the three; the message lists what there is.
        OSError: the package's file is damaged.
    """
    if kind not in KINDS:
        raise ValueError(f"kind must be one of {', '.join(map(repr, KINDS))}, got {kind!r}")
    if trained:
        _check_packaged(kind, items, seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = KINDS[kind]()
    if trained:
        file = FOLDER / f"scene-{kind}-{items}-{seed}.safetensors"
        state = load(read_packaged(file, CHECKSUMS[kind, items, seed]))
        model.load_state_dict(state)  # stored as float16; copying makes it float32
    return model.eval()


def _check_packaged(kind, items, seed):
    if (kind, items, seed) not in CHECKSUMS:
        there = ", ".join(map(repr, CHECKSUMS))
        raise ValueError(f"(kind, items, seed) must be one of {there}, got {(kind, items, seed)!r}")
