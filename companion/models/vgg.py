"""VGG: nothing but 3×3 convolutions and 2×2 poolings, in four depths from one table.

Source: K. Simonyan and A. Zisserman, "Very Deep Convolutional Networks for Large-Scale Image Recognition", ICLR 2015,
arXiv:1409.1556: section 2 and table 1 (configurations), section 3.1 (training). Batch normalisation came half a year
later (S. Ioffe and C. Szegedy, arXiv:1502.03167); the variants that have it are torchvision's.
"""

from torch import nn

from companion.models._sizes import SaysWhichSizes, check_at_least_1

# Table 1: the five stages have these channels; each ends in a pooling.
CHANNELS = (64, 128, 256, 512, 512)
# How many convolutions each stage has. The number of layers in a name also counts the three dense ones. Not here:
# A-LRN, which is A with a local response normalisation, and C, which is D with 1×1 convolutions as the last of
# stages 3 to 5.
CONFIGURATIONS = {
    "A": (1, 1, 2, 2, 2),  # VGG-11
    "B": (2, 2, 2, 2, 2),  # VGG-13
    "D": (2, 2, 3, 3, 3),  # VGG-16
    "E": (2, 2, 4, 4, 4),  # VGG-19
}


def stages(configuration: str, batch_norm: bool = False) -> nn.Sequential:
    """The convolutional part in one flat sequence: (N, 3, H, W) -> (N, 512, floor(H / 32), floor(W / 32)).

    Raises ValueError for a configuration that is not in `CONFIGURATIONS`.
    """
    if not isinstance(configuration, str) or configuration not in CONFIGURATIONS:
        raise ValueError(f"configuration must be one of {', '.join(CONFIGURATIONS)}, got {configuration!r}")
    layers, in_channels = [], 3
    for channels, convolutions in zip(CHANNELS, CONFIGURATIONS[configuration], strict=True):
        for _ in range(convolutions):
            layers.append(nn.Conv2d(in_channels, channels, kernel_size=3, padding=1))  # keeps height and width
            if batch_norm:
                layers.append(nn.BatchNorm2d(channels))
            layers.append(nn.ReLU(inplace=True))
            in_channels = channels
        layers.append(nn.MaxPool2d(kernel_size=2, stride=2))  # halves them
    return nn.Sequential(*layers)


def initialise(layer: nn.Module) -> None:
    """What torchvision draws: He's normal distribution for convolutions, N(0, 0.01²) for dense layers, biases 0.

    He's has variance 2 / fan_out, where fan_out = 9 · out_channels (K. He et al., arXiv:1502.01852, equation 14).
    It is half a year younger than VGG. Section 3.1 of the paper draws all weights with zero mean and *variance* 0.01 (a
    standard deviation of 0.1). From there the shallow configuration A was trained; its first four convolutions and
    dense layers are where the deeper ones begin.
    """
    if isinstance(layer, nn.Conv2d):
        nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
        nn.init.zeros_(layer.bias)
    elif isinstance(layer, nn.Linear):
        nn.init.normal_(layer.weight, std=0.01)
        nn.init.zeros_(layer.bias)


class VGG(SaysWhichSizes):
    """A configuration of table 1: five stages of convolutions, then three dense layers.

    configuration: "A", "B", "D" or "E".
    num_classes: how many scores.
    batch_norm: whether batch normalisation stands between each convolution and its ReLU.

    Input: RGB images (N, 3, H, W) from 32×32 pixels, 224×224 in the paper. The paper subtracts the mean colour;
    torchvision's weights expect each channel minus its mean on ImageNet and divided by its standard deviation.
    Output: scores (N, num_classes).

    `avgpool` does nothing at 224×224. It makes 7×7 positions of any others, which the paper does not (it turns the
    dense layers into convolutions instead, section 3.2).
    """

    smallest_input = 32

    def __init__(self, configuration: str, num_classes: int = 1000, batch_norm: bool = False):
        super().__init__()
        check_at_least_1("num_classes", num_classes)
        self.features = stages(configuration, batch_norm)
        self.network_name = f"VGG-{sum(CONFIGURATIONS[configuration]) + 3}{' with batch norm' if batch_norm else ''}"
        self.avgpool = nn.AdaptiveAvgPool2d((7, 7))
        self.classifier = nn.Sequential(
            nn.Linear(512 * 7 * 7, 4096),  # 102,764,544 parameters: most of the network's
            nn.ReLU(inplace=True),
            nn.Dropout(0.5),
            nn.Linear(4096, 4096),  # 16,781,312
            nn.ReLU(inplace=True),
            nn.Dropout(0.5),
            nn.Linear(4096, num_classes),  # 4,097,000
        )
        self.apply(initialise)

    def forward(self, x):  # (N, 3, 224, 224)
        x = self.features(x)  # (N, 512, 7, 7)
        x = self.avgpool(x)
        return self.classifier(x.flatten(1))  # (N, 25088) -> (N, 1000)


def vgg11(num_classes: int = 1000, batch_norm: bool = False) -> VGG:
    """Configuration A: 8 convolutions and 3 dense layers. 132,863,336 parameters, 5,504 more with batch norm."""
    return VGG("A", num_classes, batch_norm)


def vgg13(num_classes: int = 1000, batch_norm: bool = False) -> VGG:
    """Configuration B: 10 convolutions and 3 dense layers. 133,047,848 parameters, 5,888 more with batch norm."""
    return VGG("B", num_classes, batch_norm)


def vgg16(num_classes: int = 1000, batch_norm: bool = False) -> VGG:
    """Configuration D: 13 convolutions and 3 dense layers. 138,357,544 parameters, 8,448 more with batch norm."""
    return VGG("D", num_classes, batch_norm)


def vgg19(num_classes: int = 1000, batch_norm: bool = False) -> VGG:
    """Configuration E: 16 convolutions and 3 dense layers. 143,667,240 parameters, 11,008 more with batch norm."""
    return VGG("E", num_classes, batch_norm)
