"""The Vision Transformer: a picture as a sequence of patches, in which every patch may look at every other.

Sources: A. Dosovitskiy et al., "An Image is Worth 16x16 Words: Transformers for Image Recognition at Scale", ICLR
2021, arXiv:2010.11929: section 3.1, equations 1 to 4, and table 1. Attention: A. Vaswani et al., "Attention Is All
You Need", NIPS 2017, arXiv:1706.03762, section 3.2. Names of layers are torchvision's, so that its weights can be
loaded.
"""

from collections import OrderedDict
from math import sqrt

import torch
from torch import nn

from companion.models._sizes import SaysWhichSizes, check_at_least_1


class EncoderBlock(nn.Module):
    """Attention between the tokens, then two dense layers for each token alone: equations 2 and 3.

    width: D, the numbers in a token.
    heads: attentions beside each other, each on D / heads of the numbers.
    mlp_width: the numbers between the two dense layers.

    Both parts are residual, and both normalise their input first.
    """

    def __init__(self, width: int, heads: int, mlp_width: int):
        super().__init__()
        self.ln_1 = nn.LayerNorm(width, eps=1e-6)
        self.self_attention = nn.MultiheadAttention(width, heads, batch_first=True)
        self.ln_2 = nn.LayerNorm(width, eps=1e-6)
        self.mlp = nn.Sequential(
            nn.Linear(width, mlp_width),
            nn.GELU(),
            nn.Dropout(0.0),  # torchvision's; the paper's is 0.1 on ImageNet and ImageNet-21k, 0 on JFT-300M (table 3)
            nn.Linear(mlp_width, width),
            nn.Dropout(0.0),
        )

    def forward(self, z):  # (N, T, D)
        y = self.ln_1(z)
        attended, _ = self.self_attention(y, y, y, need_weights=False)  # queries, keys, values: (N, T, D)
        z = attended + z  # equation 2

        return z + self.mlp(self.ln_2(z))  # equation 3: (N, T, D)


class Encoder(nn.Module):
    """Where a token stands is added to what it is; then the blocks; then a last normalisation (equation 4).

    tokens: T, of a sequence. layers: how many blocks. width, heads, mlp_width: see `EncoderBlock`.
    """

    def __init__(self, tokens: int, layers: int, width: int, heads: int, mlp_width: int):
        super().__init__()
        self.pos_embedding = nn.Parameter(torch.empty(1, tokens, width).normal_(std=0.02))  # learned
        self.layers = nn.Sequential(
            OrderedDict((f"encoder_layer_{i}", EncoderBlock(width, heads, mlp_width)) for i in range(layers))
        )
        self.ln = nn.LayerNorm(width, eps=1e-6)

    def forward(self, x):  # (N, T, D)
        return self.ln(self.layers(x + self.pos_embedding))  # (N, T, D)


class VisionTransformer(SaysWhichSizes):
    """Patches to tokens, a class token before them, the encoder, and one linear layer on what the class token became.

    image_size, patch_size: height and width in pixels; patch_size divides image_size.
    layers, width, heads, mlp_width: of the encoder, a row of table 1; heads divides width.
    num_classes: how many scores.

    Input: images (N, 3, image_size, image_size): a position embedding belongs to one grid of patches.
    Output: scores (N, num_classes). Shapes in the comments are those of ViT-B/16.
    Raises ValueError if the input is something else, or if an argument is out of range.
    """

    def __init__(
        self,
        image_size: int = 224,
        patch_size: int = 16,
        layers: int = 12,
        width: int = 768,
        heads: int = 12,
        mlp_width: int = 3072,
        num_classes: int = 1000,
    ):
        super().__init__()
        sizes = {"image_size": image_size, "patch_size": patch_size, "layers": layers, "width": width}
        sizes |= {"heads": heads, "mlp_width": mlp_width, "num_classes": num_classes}
        for name, value in sizes.items():
            check_at_least_1(name, value)
        for part, whole in (("patch_size", "image_size"), ("heads", "width")):
            if sizes[whole] % sizes[part]:
                raise ValueError(f"{part} must divide {whole}={sizes[whole]}, got {sizes[part]}")
        self.smallest_input = self.largest_input = image_size
        self.grid = image_size // patch_size  # 14: patches in a row, and rows of them
        self.class_token = nn.Parameter(torch.zeros(1, 1, width))
        # A patch is 16·16·3 = 768 numbers; the same linear map of each is a convolution whose stride is its kernel.
        self.conv_proj = nn.Conv2d(3, width, kernel_size=patch_size, stride=patch_size)
        self.encoder = Encoder(self.grid**2 + 1, layers, width, heads, mlp_width)
        # "heads" is torchvision's name for the classifier, and has nothing to do with those of attention.
        self.heads = nn.Sequential(OrderedDict(head=nn.Linear(width, num_classes)))
        self._initialise()

    def _initialise(self):
        patch_numbers = self.conv_proj.weight[0].numel()  # 768
        nn.init.trunc_normal_(self.conv_proj.weight, std=sqrt(1 / patch_numbers))
        nn.init.zeros_(self.conv_proj.bias)
        for module in self.encoder.modules():
            if type(module) is nn.Linear:  # of the mlp: attention has a subclass, and initialises itself
                nn.init.xavier_uniform_(module.weight)
                nn.init.normal_(module.bias, std=1e-6)
        nn.init.zeros_(self.heads.head.weight)  # so every class begins with the same score
        nn.init.zeros_(self.heads.head.bias)

    def forward(self, x):  # (N, 3, 224, 224)
        size = self.smallest_input
        if x.shape[2:] != (size, size):
            raise ValueError(
                f"encoder.pos_embedding has {self.grid}·{self.grid} + 1 positions, for images of {size}×{size}; "
                f"resize the image to that, or the embedding by interpolation (section 3.2 of the paper)"
            )
        x = self.conv_proj(x)  # (N, 768, 14, 14)
        x = x.flatten(2).transpose(1, 2)  # (N, 196, 768): the patches row by row

        token = self.class_token.expand(x.shape[0], -1, -1)  # (N, 1, 768)
        x = torch.cat([token, x], dim=1)  # equation 1: (N, 197, 768)

        x = self.encoder(x)  # (N, 197, 768)
        return self.heads(x[:, 0])  # equation 4, and the head: (N, 768) -> (N, 1000)


def vit_b_16(num_classes: int = 1000) -> VisionTransformer:
    """ViT-B/16, "base" with patches of 16×16: 86,567,656 parameters."""
    model = VisionTransformer(num_classes=num_classes)
    model.network_name = "ViT-B/16"
    return model
