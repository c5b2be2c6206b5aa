"""The book's networks by the names that torchvision has for them, each ready to take torchvision's weights.

`companion.weights.pretrained` looks here. The other networks of `companion.models` are the papers' own, for which
torchvision has nothing, or the small ones that the chapters train.
"""

from functools import partial

from companion.models.alexnet import AlexNet
from companion.models.densenet import densenet121
from companion.models.efficientnet_b0 import efficientnet_b0
from companion.models.googlenet import GoogLeNet
from companion.models.mobilenet import mobilenet_v2
from companion.models.resnet import resnet18, resnet34, resnet50, resnet101, resnet152
from companion.models.vgg import vgg11, vgg13, vgg16, vgg19
from companion.models.vit import vit_b_16

# To be called without arguments, or with `num_classes`.
BY_NAME = {
    "alexnet": AlexNet,
    "vgg11": vgg11,
    "vgg11_bn": partial(vgg11, batch_norm=True),
    "vgg13": vgg13,
    "vgg13_bn": partial(vgg13, batch_norm=True),
    "vgg16": vgg16,
    "vgg16_bn": partial(vgg16, batch_norm=True),
    "vgg19": vgg19,
    "vgg19_bn": partial(vgg19, batch_norm=True),
    "googlenet": partial(GoogLeNet, five_by_five=3),  # the window that torchvision's weights have
    "resnet18": resnet18,
    "resnet34": resnet34,
    "resnet50": resnet50,
    "resnet101": resnet101,
    "resnet152": resnet152,
    "densenet121": densenet121,
    "mobilenet_v2": mobilenet_v2,
    "efficientnet_b0": efficientnet_b0,
    "vit_b_16": vit_b_16,
}
