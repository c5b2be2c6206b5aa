"""AlexNet: the network of 2012, on its two towers and on one, and the narrower one that carries its name today.

Source of `AlexNetTwoTowers` and `AlexNetOneTower`: A. Krizhevsky, I. Sutskever and G. E. Hinton, "ImageNet
Classification with Deep Convolutional Neural Networks", NIPS 2012: section 3 (layers, figure 2), section 4.2
(dropout), section 5 (initialisation). Layers carry the number that they have in figure 2.

Source of `AlexNet`: A. Krizhevsky, "One weird trick for parallelizing convolutional neural networks",
arXiv:1404.5997, 2014, which has the network on one tower with other widths; torchvision's follows it.
"""

import torch
from torch import nn

from companion.models._sizes import SaysWhichSizes, check_at_least_1


class PaperAlexNet(SaysWhichSizes):
    """The paper's network, with every layer of figure 2: what `AlexNetTwoTowers` and `AlexNetOneTower` share.

    groups: how many towers. With two, conv2, conv4 and conv5 see only the maps of their own tower, as they lay on
        two graphics cards; conv3 and the dense layers see both (section 3.5).

    num_classes: how many scores.
    input_size: 227 or 224, for which conv1 then pads 0 or 2. Figure 2 prints 224 and 55 positions after conv1; with
        a window of 11 and a stride of 4 those are floor((227 − 11) / 4) + 1, or floor((224 + 2·2 − 11) / 4) + 1. (The
        author's own library, cuda-convnet, rounds up: ceil((224 − 11) / 4) + 1.)

    Input: RGB images (N, 3, input_size, input_size), the mean of the training set subtracted (section 2). Because
    the last map is flattened as it is, without adaptive pooling, it must be 6×6: 227×227 to 258×258 pixels
    pass without padding, 223×223 to 254×254 with it, and nothing else.
    Output: scores (N, num_classes), before the softmax.

    Local response normalisation (section 3.3) divides by (k + α Σ a²)^β, the sum going over n neighbouring channels
    of one position; k = 2, n = 5, α = 10⁻⁴, β = 0.75. `nn.LocalResponseNorm` divides α by n, so it is given 5·10⁻⁴
    here; its default k is 1, not the paper's. The sum runs over all channels in their order, as the equation has
    it, so where two towers meet it reaches across.

    Dropout zeroes the outputs of fc6 and fc7 with probability 1/2 (section 4.2).
    """

    def __init__(self, groups: int, num_classes: int = 1000, input_size: int = 227):
        super().__init__()
        check_at_least_1("num_classes", num_classes)
        if type(input_size) is not int or input_size not in (224, 227):
            raise ValueError(f"input_size must be 227 or 224 (padded by 2 on each side), got {input_size!r}")
        padding = {227: 0, 224: 2}[input_size]
        self.smallest_input, self.largest_input = 227 - 2 * padding, 258 - 2 * padding
        self.relu = nn.ReLU(inplace=True)
        self.norm = nn.LocalResponseNorm(size=5, alpha=5 * 1e-4, beta=0.75, k=2.0)
        self.pool = nn.MaxPool2d(kernel_size=3, stride=2)  # overlapping: the window is wider than its step
        self.dropout = nn.Dropout(0.5)
        self.conv1 = nn.Conv2d(3, 96, kernel_size=11, stride=4, padding=padding)  # 34,944 parameters
        self.conv2 = nn.Conv2d(96, 256, kernel_size=5, padding=2, groups=groups)  # 307,456 in two towers
        self.conv3 = nn.Conv2d(256, 384, kernel_size=3, padding=1)  # 885,120
        self.conv4 = nn.Conv2d(384, 384, kernel_size=3, padding=1, groups=groups)  # 663,936 in two towers
        self.conv5 = nn.Conv2d(384, 256, kernel_size=3, padding=1, groups=groups)  # 442,624 in two towers
        self.fc6 = nn.Linear(256 * 6 * 6, 4096)  # 37,752,832
        self.fc7 = nn.Linear(4096, 4096)  # 16,781,312
        self.fc8 = nn.Linear(4096, num_classes)  # 4,097,000
        self.reset_parameters()

    @torch.no_grad()
    def reset_parameters(self):
        """Weights from N(0, 0.01²); biases 1 in conv2, conv4, conv5, fc6 and fc7, else 0 (section 5).

        The ones give the ReLUs positive inputs to begin with, so that they pass a gradient.
        """
        for layer in (self.conv1, self.conv2, self.conv3, self.conv4, self.conv5, self.fc6, self.fc7, self.fc8):
            nn.init.normal_(layer.weight, std=0.01)
            nn.init.zeros_(layer.bias)
        for layer in (self.conv2, self.conv4, self.conv5, self.fc6, self.fc7):
            nn.init.ones_(layer.bias)

    def forward(self, x):  # (N, 3, 227, 227)
        x = self.norm(self.relu(self.conv1(x)))  # (N, 96, 55, 55)
        x = self.pool(x)  # (N, 96, 27, 27)
        x = self.norm(self.relu(self.conv2(x)))  # (N, 256, 27, 27)
        x = self.pool(x)  # (N, 256, 13, 13)
        x = self.relu(self.conv3(x))  # (N, 384, 13, 13)
        x = self.relu(self.conv4(x))
        x = self.relu(self.conv5(x))  # (N, 256, 13, 13)
        x = self.pool(x)  # (N, 256, 6, 6)
        # Other squares leave fc6 another number of inputs; 4×9 positions would leave it as many as 6×6.
        torch._assert(x.shape[2] == x.shape[3], f"fc6 (Linear) takes maps of 6×6, got {x.shape[2]}×{x.shape[3]}")
        x = x.flatten(1)  # (N, 9216)
        x = self.dropout(self.relu(self.fc6(x)))  # (N, 4096)
        x = self.dropout(self.relu(self.fc7(x)))
        return self.fc8(x)  # (N, 1000)


class AlexNetTwoTowers(PaperAlexNet):
    """The network of the paper: conv2, conv4 and conv5 in two groups. 60,965,224 parameters. See `PaperAlexNet`."""

    def __init__(self, num_classes: int = 1000, input_size: int = 227):
        super().__init__(2, num_classes, input_size)


class AlexNetOneTower(PaperAlexNet):
    """The paper's widths, but every layer sees all maps: often drawn, not in the paper. 62,378,344 parameters.

    See `PaperAlexNet`.
    """

    def __init__(self, num_classes: int = 1000, input_size: int = 227):
        super().__init__(1, num_classes, input_size)


class AlexNet(SaysWhichSizes):
    """The AlexNet of torchvision, to which its weights belong. 61,100,840 parameters.

    Unlike the paper's: one tower; 64, 192, 384, 256, 256 channels instead of 96, 256, 384, 384, 256; no LRN; conv1
    always padded by 2; dropout before a dense layer, on its inputs, so that the last map is hit as well; PyTorch's
    default initialisation; and an adaptive pooling to 6×6, without effect at 224×224, that lets other sizes pass.

    num_classes: how many scores.
    dropout: the probability with which an input of the first two dense layers is zeroed in training, 0 to 1.

    Input: RGB images (N, 3, H, W) from 63×63 pixels, each channel minus its mean on ImageNet and divided by its
    standard deviation: (0.485, 0.456, 0.406) and (0.229, 0.224, 0.225) for pixels from 0 to 1.
    Output: scores (N, num_classes).
    """

    smallest_input = 63

    def __init__(self, num_classes: int = 1000, dropout: float = 0.5):
        super().__init__()
        check_at_least_1("num_classes", num_classes)
        if not isinstance(dropout, (int, float)) or not 0 <= dropout <= 1:
            raise ValueError(f"dropout must be a probability, from 0 to 1, got {dropout!r}")
        self.features = nn.Sequential(  # at 224:
            nn.Conv2d(3, 64, kernel_size=11, stride=4, padding=2),  # (N, 64, 55, 55), 23,296 parameters
            nn.ReLU(inplace=True),
            nn.MaxPool2d(kernel_size=3, stride=2),  # (N, 64, 27, 27)
            nn.Conv2d(64, 192, kernel_size=5, padding=2),  # (N, 192, 27, 27), 307,392
            nn.ReLU(inplace=True),
            nn.MaxPool2d(kernel_size=3, stride=2),  # (N, 192, 13, 13)
            nn.Conv2d(192, 384, kernel_size=3, padding=1),  # (N, 384, 13, 13), 663,936
            nn.ReLU(inplace=True),
            nn.Conv2d(384, 256, kernel_size=3, padding=1),  # (N, 256, 13, 13), 884,992
            nn.ReLU(inplace=True),
            nn.Conv2d(256, 256, kernel_size=3, padding=1),  # (N, 256, 13, 13), 590,080
            nn.ReLU(inplace=True),
            nn.MaxPool2d(kernel_size=3, stride=2),  # (N, 256, 6, 6)
        )
        self.avgpool = nn.AdaptiveAvgPool2d((6, 6))
        self.classifier = nn.Sequential(
            nn.Dropout(dropout),
            nn.Linear(256 * 6 * 6, 4096),  # 37,752,832
            nn.ReLU(inplace=True),
            nn.Dropout(dropout),
            nn.Linear(4096, 4096),  # 16,781,312
            nn.ReLU(inplace=True),
            nn.Linear(4096, num_classes),  # 4,097,000
        )

    def forward(self, x):  # (N, 3, 224, 224)
        x = self.avgpool(self.features(x))  # (N, 256, 6, 6)
        return self.classifier(x.flatten(1))  # (N, 9216) -> (N, 1000)
