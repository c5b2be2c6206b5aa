"""GoogLeNet: modules that look through windows of several sizes at once, with 1×1 convolutions to make that cheap.

Source: C. Szegedy, W. Liu, Y. Jia, P. Sermanet, S. Reed, D. Anguelov, D. Erhan, V. Vanhoucke and A. Rabinovich,
"Going Deeper with Convolutions", CVPR 2015, arXiv:1409.4842: section 4 (the module), section 5 (the network, table 1,
figure 3).

Layers carry torchvision's names, so that its weights fit. In these things torchvision's network, and hence this one,
is not the paper's:
  - Batch normalisation follows every convolution, which has no bias then. The paper has biases, and local response
    normalisation twice: after the first max-pooling and before the second. (Batch normalisation is younger: S. Ioffe
    and C. Szegedy, arXiv:1502.03167.)
  - The 5×5 convolution of every module is a 3×3 one in torchvision, a slip that its weights have made permanent.
    Here that is a choice, `five_by_five`, and the paper's is the default.
  - The last of the max-poolings between modules, `maxpool4`, has a 2×2 window; the paper's has 3×3.
  - The auxiliary heads pool to 4×4 adaptively: from 14×14 positions that takes 4×4 windows that begin at 0, 3, 7
    and 10. The paper takes 5×5 windows with stride 3, which begin at 0, 3, 6 and 9.
Its weights expect (pixel - 0.5) / 0.5, with pixels from 0 to 1. torchvision's network takes pictures normalised as for
its other networks and converts them itself (`transform_input`); this one leaves that to the preprocessing.
Dropout is the paper's: 0.4 before the last layer (torchvision: 0.2), 0.7 in the auxiliary heads.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from companion.models._sizes import SaysWhichSizes, check_at_least_1


class GoogLeNetOutputs(NamedTuple):
    """What the network gives in training mode: three times scores (N, num_classes).

    aux_logits1 is from the earlier of the two auxiliary heads, the one after module 4a, and aux_logits2 from the one
    after 4d. The paper's loss is that of `logits` plus 0.3 times that of each (section 5).
    """

    logits: Tensor
    aux_logits2: Tensor
    aux_logits1: Tensor


class ConvNorm(nn.Module):
    """Convolution, batch normalisation, ReLU."""

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int, stride: int = 1, padding: int = 0):
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, kernel_size, stride, padding, bias=False)
        self.bn = nn.BatchNorm2d(out_channels, eps=0.001)

    def forward(self, x):
        return F.relu(self.bn(self.conv(x)), inplace=True)


class Inception(nn.Module):
    """Four branches side by side, their channels joined: figure 2b of the paper.

    Arguments in the order of table 1's columns: in_channels, then the output channels of
    ones: 1×1.
    threes_reduced, threes: 1×1, and the 3×3 that follows it.
    fives_reduced, fives: 1×1, and the 5×5 that follows it.
    pooled: the 1×1 after a 3×3 max-pooling with stride 1.
    five_by_five: size of the window called 5×5: 5 in the paper, 3 in torchvision.

    Every branch keeps height and width: (N, in_channels, H, W) -> (N, ones + threes + fives + pooled, H, W).
    """

    def __init__(
        self,
        in_channels: int,
        ones: int,
        threes_reduced: int,
        threes: int,
        fives_reduced: int,
        fives: int,
        pooled: int,
        five_by_five: int = 5,
    ):
        super().__init__()
        self.branch1 = ConvNorm(in_channels, ones, 1)
        self.branch2 = nn.Sequential(
            ConvNorm(in_channels, threes_reduced, 1),
            ConvNorm(threes_reduced, threes, 3, padding=1),
        )
        self.branch3 = nn.Sequential(
            ConvNorm(in_channels, fives_reduced, 1),
            ConvNorm(fives_reduced, fives, five_by_five, padding=five_by_five // 2),
        )
        self.branch4 = nn.Sequential(
            nn.MaxPool2d(kernel_size=3, stride=1, padding=1),
            ConvNorm(in_channels, pooled, 1),
        )

    def forward(self, x):  # (N, in_channels, H, W)
        return torch.cat([self.branch1(x), self.branch2(x), self.branch3(x), self.branch4(x)], dim=1)


class AuxiliaryHead(nn.Module):
    """A classifier on the map between two modules, for training only: it brings a gradient to the middle (section 5).

    Input: (N, in_channels, 14, 14) at 224×224 pixels, or any other size. Output: scores (N, num_classes).
    """

    def __init__(self, in_channels: int, num_classes: int):
        super().__init__()
        self.conv = ConvNorm(in_channels, 128, 1)
        self.fc1 = nn.Linear(128 * 4 * 4, 1024)
        self.fc2 = nn.Linear(1024, num_classes)
        self.dropout = nn.Dropout(0.7)

    def forward(self, x):  # (N, C, 14, 14)
        x = F.adaptive_avg_pool2d(x, (4, 4))  # (N, C, 4, 4)
        x = self.conv(x).flatten(1)  # (N, 128, 4, 4) -> (N, 2048)
        x = F.relu(self.fc1(x), inplace=True)  # (N, 1024)
        return self.fc2(self.dropout(x))  # (N, 1000)


class GoogLeNet(SaysWhichSizes):
    """Table 1: three convolutions, nine modules, the mean over positions, one dense layer.

    num_classes: how many scores.
    aux_heads: have the two auxiliary heads, 6,379,984 parameters for 1000 classes, used in training mode only.
    five_by_five: 5, the paper's window, 7,005,832 parameters without the auxiliary heads; or 3, torchvision's,
        6,624,904. What else differs from the paper, this file's docstring says.

    Input: RGB images (N, 3, H, W) from 15×15 pixels, 224×224 in the paper. It subtracts the mean colour.
    Output: scores (N, num_classes); in training mode, with auxiliary heads, `GoogLeNetOutputs`.
    """

    smallest_input = 15

    def __init__(self, num_classes: int = 1000, aux_heads: bool = True, five_by_five: int = 5):
        super().__init__()
        check_at_least_1("num_classes", num_classes)
        if type(five_by_five) is not int or five_by_five not in (3, 5):
            raise ValueError(f"five_by_five must be 5 (the paper's) or 3 (torchvision's), got {five_by_five!r}")

        # Poolings round up, so that no pixel at the edge is lost.
        self.conv1 = ConvNorm(3, 64, 7, stride=2, padding=3)
        self.maxpool1 = nn.MaxPool2d(kernel_size=3, stride=2, ceil_mode=True)
        self.conv2 = ConvNorm(64, 64, 1)
        self.conv3 = ConvNorm(64, 192, 3, padding=1)
        self.maxpool2 = nn.MaxPool2d(kernel_size=3, stride=2, ceil_mode=True)

        #                               in, 1×1, (reduced, 3×3), (reduced, 5×5), pooled
        self.inception3a = Inception(192, 64, 96, 128, 16, 32, 32, five_by_five)
        self.inception3b = Inception(256, 128, 128, 192, 32, 96, 64, five_by_five)
        self.maxpool3 = nn.MaxPool2d(kernel_size=3, stride=2, ceil_mode=True)
        self.inception4a = Inception(480, 192, 96, 208, 16, 48, 64, five_by_five)
        self.inception4b = Inception(512, 160, 112, 224, 24, 64, 64, five_by_five)
        self.inception4c = Inception(512, 128, 128, 256, 24, 64, 64, five_by_five)
        self.inception4d = Inception(512, 112, 144, 288, 32, 64, 64, five_by_five)
        self.inception4e = Inception(528, 256, 160, 320, 32, 128, 128, five_by_five)
        self.maxpool4 = nn.MaxPool2d(kernel_size=2, stride=2, ceil_mode=True)
        self.inception5a = Inception(832, 256, 160, 320, 32, 128, 128, five_by_five)
        self.inception5b = Inception(832, 384, 192, 384, 48, 128, 128, five_by_five)

        self.aux1 = AuxiliaryHead(512, num_classes) if aux_heads else None
        self.aux2 = AuxiliaryHead(528, num_classes) if aux_heads else None
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.dropout = nn.Dropout(0.4)
        self.fc = nn.Linear(1024, num_classes)
        self.reset_parameters()

    def reset_parameters(self):
        """Weights from N(0, 0.01²), as torchvision draws them: the paper says nothing. Biases keep PyTorch's default.

        The scale of a convolution's weights does not matter much: batch normalisation divides it out.
        """
        for module in self.modules():
            if isinstance(module, (nn.Conv2d, nn.Linear)):
                nn.init.normal_(module.weight, std=0.01)

    def forward(self, x):  # (N, 3, 224, 224)
        x = self.maxpool1(self.conv1(x))  # (N, 64, 112, 112) -> (N, 64, 56, 56)
        x = self.maxpool2(self.conv3(self.conv2(x)))  # (N, 192, 56, 56) -> (N, 192, 28, 28)
        x = self.inception3a(x)  # (N, 256, 28, 28)
        x = self.inception3b(x)  # (N, 480, 28, 28)
        x = self.maxpool3(x)  # (N, 480, 14, 14)
        x = after_4a = self.inception4a(x)  # (N, 512, 14, 14)
        x = self.inception4b(x)
        x = self.inception4c(x)
        x = after_4d = self.inception4d(x)  # (N, 528, 14, 14)
        x = self.inception4e(x)  # (N, 832, 14, 14)
        x = self.maxpool4(x)  # (N, 832, 7, 7)
        x = self.inception5a(x)
        x = self.inception5b(x)  # (N, 1024, 7, 7)
        x = self.avgpool(x).flatten(1)  # (N, 1024)
        logits = self.fc(self.dropout(x))  # (N, 1000)
        if self.training and self.aux1 is not None:
            return GoogLeNetOutputs(logits, self.aux2(after_4d), self.aux1(after_4a))
        return logits
