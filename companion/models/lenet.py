"""LeNet-5 as published in 1998, and two rewrites that carry its name today.

Source of `LeNet5`: Y. LeCun, L. Bottou, Y. Bengio and P. Haffner, "Gradient-Based Learning Applied to Document
Recognition", Proceedings of the IEEE 86(11), 1998: section II.B (layers), section II.C (losses), appendix A
(squashing function, initialisation). Layers carry the paper's names: Cx is a convolution, Sx a sub-sampling, Fx
a full connection, x the layer's number.
"""

import torch
import torch.nn.functional as F
from torch import nn

from companion.shapes import conv_output_size, pool_output_size

# Table I: the maps of S2 that each of the 16 maps of C3 sees. The six triples and the first six quadruples are
# contiguous, with map 0 following on map 5.
CONNECTIONS = (
    (0, 1, 2), (1, 2, 3), (2, 3, 4), (3, 4, 5), (4, 5, 0), (5, 0, 1),
    (0, 1, 2, 3), (1, 2, 3, 4), (2, 3, 4, 5), (3, 4, 5, 0), (4, 5, 0, 1), (5, 0, 1, 2),
    (0, 1, 3, 4), (1, 2, 4, 5), (0, 2, 3, 5),
    (0, 1, 2, 3, 4, 5),
)  # fmt: skip

# What F6 should show for each digit, 7 wide and 12 high: # is +1, . is -1. The paper prints its own bitmaps as a
# picture (figure 3), not as numbers, so these ten were drawn for this book.
BITMAPS = """
.......  .......  .......  .......  .......  .......  .......  .......  .......  .......
..###..  ...#...  ..###..  .#####.  ....##.  #######  ...###.  #######  .#####.  ..###..
.##.##.  ..##...  .##.##.  ##...##  ...###.  ##.....  ..##...  #.....#  ##...##  .##.##.
##...##  .###...  ##...##  .....##  ..####.  ##.....  .##....  .....##  ##...##  ##...##
##...##  ...#...  .....##  .....##  .##.##.  ##.....  ##.....  ....##.  .##.##.  ##...##
##...##  ...#...  ....##.  ..####.  ##..##.  ######.  ##.###.  ....##.  ..###..  .##..##
##...##  ...#...  ...##..  .....##  #######  .....##  ###..##  ...##..  .##.##.  ..###.#
##...##  ...#...  ..##...  .....##  ....##.  .....##  ##...##  ...##..  ##...##  .....##
##...##  ...#...  .##....  .....##  ....##.  .....##  ##...##  ..##...  ##...##  ....##.
.##.##.  ...#...  ##.....  ##...##  ....##.  ##...##  .##.##.  ..##...  ##...##  ...##..
..###..  .#####.  #######  .#####.  ....##.  .#####.  ..###..  ..##...  .#####.  .###...
.......  .......  .......  .......  .......  .......  .......  .......  .......  .......
"""


def digit_codes() -> torch.Tensor:
    """The ten bitmaps as vectors (10, 84) of +1 and -1, each bitmap read row by row."""
    rows = [line.split() for line in BITMAPS.split("\n") if line]  # 12 rows of 10 pieces of 7
    bitmaps = ["".join(row[digit] for row in rows) for digit in range(10)]  # 10 texts of 84
    return torch.tensor([[1.0 if dot == "#" else -1.0 for dot in bitmap] for bitmap in bitmaps])


class ScaledTanh(nn.Module):
    """f(a) = 1.7159 tanh(2a/3): equation 6, with f(1) = 1 and f(-1) = -1 as appendix A has it."""

    def forward(self, a):
        return 1.7159 * torch.tanh(2 / 3 * a)


class Subsampling(nn.AvgPool2d):
    """The sum of each 2×2 window, times one trainable coefficient per map, plus one trainable bias per map."""

    def __init__(self, channels: int):
        super().__init__(kernel_size=2, divisor_override=1)  # divided by 1: the sum instead of the mean
        self.weight = nn.Parameter(torch.empty(channels))
        self.bias = nn.Parameter(torch.empty(channels))

    def forward(self, x):  # (N, C, H, W)
        total = super().forward(x)  # (N, C, H/2, W/2)
        return total * self.weight[:, None, None] + self.bias[:, None, None]


class SparseConv2d(nn.Conv2d):
    """A convolution in which each output map sees only the input maps listed for it.

    It has one kernel per listed connection and no parameter for the others. To convolve, it lays its kernels into
    a full one that is 0 elsewhere: the same sums as sixteen small convolutions, more than ten times faster.
    """

    def __init__(self, in_channels: int, connections: tuple[tuple[int, ...], ...], kernel_size: int):
        super().__init__(in_channels, len(connections), kernel_size)
        self.outputs = [o for o, inputs in enumerate(connections) for _ in inputs]
        self.inputs = [i for inputs in connections for i in inputs]
        self.weight = nn.Parameter(torch.empty(len(self.inputs), kernel_size, kernel_size))

    def forward(self, x):  # (N, 6, 14, 14)
        kernel = self.weight.new_zeros(self.out_channels, self.in_channels, *self.kernel_size)  # (16, 6, 5, 5)
        kernel[self.outputs, self.inputs] = self.weight  # 60 of its 96 places
        return F.conv2d(x, kernel, self.bias)  # (N, 16, 10, 10)


class EuclideanRBF(nn.Module):
    """Scores -y_i, where y_i = Σ_j (x_j - w_ij)² (equation 7) is the squared distance to the code w_i."""

    def __init__(self, codes: torch.Tensor):
        super().__init__()
        self.register_buffer("codes", codes)  # not a parameter: chosen by hand and kept fixed (II.B)

    def forward(self, x):  # (N, 84)
        return -((x[:, None, :] - self.codes) ** 2).sum(dim=2)  # (N, 10, 84) -> (N, 10)


class LeNet5(nn.Module):
    """The network of the paper, for ten digits. 60,000 trainable parameters.

    Input: images (N, 1, 32, 32). The paper's pixels are -0.1 where there is no ink and 1.175 where there is, so
    that their mean is about 0 and their variance about 1; from pixels p between 0 and 1, that is 1.275 p - 0.1.
    Output: scores (N, 10), which are *minus* the paper's penalties y, so that the largest score is the answer.

    It trains with ordinary code; the paper's own losses are `mle_loss` and `map_loss`.
    """

    def __init__(self):
        super().__init__()
        self.c1 = nn.Conv2d(1, 6, kernel_size=5)  # 156 parameters
        self.s2 = Subsampling(6)  # 12
        self.c3 = SparseConv2d(6, CONNECTIONS, kernel_size=5)  # 1,516
        self.s4 = Subsampling(16)  # 32
        self.c5 = nn.Conv2d(16, 120, kernel_size=5)  # 48,120
        self.f6 = nn.Linear(120, 84)  # 10,164
        self.output = EuclideanRBF(digit_codes())  # 840 numbers, none trained
        self.squash = ScaledTanh()
        self.reset_parameters()

    @torch.no_grad()
    def reset_parameters(self):
        """Draw uniformly from ±2.4/F, F the number of inputs of the unit (appendix A); biases likewise."""
        for layer, inputs in ((self.c1, 25), (self.s2, 4), (self.s4, 4), (self.c5, 400), (self.f6, 120)):
            layer.weight.uniform_(-2.4 / inputs, 2.4 / inputs)
            layer.bias.uniform_(-2.4 / inputs, 2.4 / inputs)
        inputs = torch.tensor([25.0 * len(maps) for maps in CONNECTIONS])  # (16,): 75, 100 or 150
        self.c3.weight.uniform_(-2.4, 2.4).div_(inputs[self.c3.outputs, None, None])
        self.c3.bias.uniform_(-2.4, 2.4).div_(inputs)

    def forward(self, x):  # (N, 1, 32, 32)
        # "Units in layers up to F6" pass their weighted sum through the squashing function (II.B, before
        # equation 5): the C and S layers and F6.
        x = self.squash(self.c1(x))  # (N, 6, 28, 28)
        x = self.squash(self.s2(x))  # (N, 6, 14, 14)
        x = self.squash(self.c3(x))  # (N, 16, 10, 10)
        x = self.squash(self.s4(x))  # (N, 16, 5, 5)
        x = self.squash(self.c5(x))  # (N, 120, 1, 1)
        x = self.squash(self.f6(x.flatten(1)))  # (N, 84)
        return self.output(x)  # (N, 10)


def mle_loss(scores: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Equation 8: the mean over the images of y_D, the penalty of the correct digit D.

    scores: (N, 10), minus the penalties. labels: (N,). Without fixed codes it would have a useless minimum: all
    codes equal, and F6 constant (II.C).
    """
    return -scores.gather(1, labels[:, None]).mean()


def map_loss(scores: torch.Tensor, labels: torch.Tensor, j: float) -> torch.Tensor:
    """Equation 9: the mean over the images of y_D + log(e^-j + Σ_i e^-y_i), D the correct digit.

    scores: (N, 10), minus the penalties y. labels: (N,). j: the penalty of "rubbish"; wrong digits whose penalty
    is well above it are not pushed away further. The paper calls it a positive constant and gives no value.

    Without the rubbish it would be y_D + log Σ_i e^-y_i = -log(e^-y_D / Σ_i e^-y_i), the cross-entropy of the
    scores. With it, it is the cross-entropy with one class more, whose score is always -j.
    """
    return F.cross_entropy(F.pad(scores, (0, 1), value=-j), labels)  # (N, 11)


class LeNet5Modern(nn.Module):
    """LeNet-5 as it is usually rewritten: full C3, plain pooling, linear output. By default 61,706 parameters.

    num_classes: how many scores.
    in_channels: 1 for grey images, 3 for colour.
    activation: a class such as nn.ReLU, nn.Tanh or nn.Sigmoid; it is made without arguments.
    pooling: nn.MaxPool2d or nn.AvgPool2d.
    image_size: height and width of the images in pixels; it decides how many values reach `fc1`.
    padding: zeros on each side of the image in `conv1`; 2 gives images of 28×28 the sizes that 32×32 has.

    Input: images (N, in_channels, image_size, image_size). Output: scores (N, num_classes).
    Raises ValueError if an argument is out of range. Shapes and counts in the comments are the default's.
    """

    def __init__(
        self, num_classes=10, in_channels=1, activation=nn.ReLU, pooling=nn.MaxPool2d, image_size=32, padding=0
    ):
        super().__init__()
        if not (isinstance(activation, type) and issubclass(activation, nn.Module)):
            raise ValueError(f"activation must be a class such as nn.ReLU, without brackets, got {activation!r}")
        if pooling not in (nn.MaxPool2d, nn.AvgPool2d):
            raise ValueError(f"pooling must be nn.MaxPool2d or nn.AvgPool2d, got {pooling!r}")
        if image_size + 2 * padding < 16:  # 16 -> 12 -> 6 -> 2 -> 1
            raise ValueError(
                f"image_size must be at least {16 - 2 * padding} with padding={padding}, got {image_size}"
            )
        size = pool_output_size(conv_output_size(image_size, kernel=5, padding=padding), kernel=2)  # 14
        size = pool_output_size(conv_output_size(size, kernel=5), kernel=2)  # 5
        self.conv1 = nn.Conv2d(in_channels, 6, kernel_size=5, padding=padding)  # 156 parameters
        self.pool1 = pooling(kernel_size=2)
        self.conv2 = nn.Conv2d(6, 16, kernel_size=5)  # 2,416: each map sees all six
        self.pool2 = pooling(kernel_size=2)
        self.fc1 = nn.Linear(16 * size * size, 120)  # 48,120
        self.fc2 = nn.Linear(120, 84)  # 10,164
        self.fc3 = nn.Linear(84, num_classes)  # 850
        self.activation = activation()

    def forward(self, x):  # (N, 1, 32, 32)
        x = self.pool1(self.activation(self.conv1(x)))  # (N, 6, 28, 28) -> (N, 6, 14, 14)
        x = self.pool2(self.activation(self.conv2(x)))  # (N, 16, 10, 10) -> (N, 16, 5, 5)
        x = self.activation(self.fc1(x.flatten(1)))  # (N, 400) -> (N, 120)
        x = self.activation(self.fc2(x))  # (N, 84)
        return self.fc3(x)  # (N, 10)


class LeNetTwoClass(nn.Module):
    """A rewrite found in course notes, for two classes of 224×224 colour photographs. 46,038,242 parameters.

    It has 16 and 32 maps instead of 6 and 16, and one hidden dense layer, of 512, instead of two. What is left of
    LeNet is two 5×5 convolutions, each with 2×2 pooling. 99.97 % of the parameters are in `fc1`.

    Input: images (N, 3, 224, 224). Output: scores (N, 2).
    """

    def __init__(self):
        super().__init__()
        size = pool_output_size(conv_output_size(224, kernel=5), kernel=2)  # 110
        size = pool_output_size(conv_output_size(size, kernel=5), kernel=2)  # 53
        self.conv1 = nn.Conv2d(3, 16, kernel_size=5)  # 1,216 parameters
        self.pool1 = nn.MaxPool2d(kernel_size=2)
        self.conv2 = nn.Conv2d(16, 32, kernel_size=5)  # 12,832
        self.pool2 = nn.MaxPool2d(kernel_size=2)
        self.fc1 = nn.Linear(32 * size * size, 512)  # 46,023,168: in_features = 89,888
        self.fc2 = nn.Linear(512, 2)  # 1,026
        self.activation = nn.ReLU()

    def forward(self, x):  # (N, 3, 224, 224)
        x = self.pool1(self.activation(self.conv1(x)))  # (N, 16, 220, 220) -> (N, 16, 110, 110)
        x = self.pool2(self.activation(self.conv2(x)))  # (N, 32, 106, 106) -> (N, 32, 53, 53)
        x = self.activation(self.fc1(x.flatten(1)))  # (N, 89888) -> (N, 512)
        return self.fc2(x)  # (N, 2)
