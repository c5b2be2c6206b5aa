"""EfficientNet-Lite0 against its weight file, TensorFlow's padding rule, and sums written out by hand."""

import pytest
import torch
from torch import nn

from companion.models.efficientnet import STAGES, EfficientNetLite0, conv_norm, rename_keys, same_padding
from companion.weights import weights_file


@pytest.fixture(scope="module")
def shapes_only():
    """The network without weights: what it gives has a shape and no numbers."""
    with torch.device("meta"):
        return EfficientNetLite0().eval()


@pytest.fixture(scope="module")
def file():
    return torch.load(weights_file("efficientnet_lite0"), weights_only=True)


def image(height, width, n=1):
    return torch.empty(n, 3, height, width, device="meta")


def test_parameters(shapes_only):
    assert sum(p.numel() for p in shapes_only.parameters()) == 4_652_008


def test_the_plan_is_table_1(shapes_only):
    """Channels, layers and the size at which a stage begins, as in table 1 of the paper."""
    x, found = image(224, 224), []
    for stage in shapes_only.features:
        size, x = x.shape[-1], stage(x)
        blocks = len(stage) if 0 < len(found) < 8 else 1
        found.append((size, x.shape[1], blocks))
    assert found == [
        (224, 32, 1), (112, 16, 1), (112, 24, 2), (56, 40, 2), (28, 80, 3), (14, 112, 3), (14, 192, 4), (7, 320, 1),
        (7, 1280, 1),
    ]  # fmt: skip
    assert [(stage.expansion, stage.kernel_size) for stage in STAGES] == [
        (1, 3), (6, 3), (6, 5), (6, 3), (6, 5), (6, 5), (6, 3),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "size, expected",
    [((224, 224), (7, 7)), ((240, 240), (8, 8)), ((448, 224), (14, 7)), ((225, 193), (8, 7)), ((1, 32), (1, 1))],
)
def test_any_size(shapes_only, size, expected):
    assert shapes_only.features(image(*size, n=2)).shape == (2, 1280, *expected)
    assert shapes_only(image(*size, n=2)).shape == (2, 1000)


def test_normalisation_and_activation_as_in_tensorflow(shapes_only):
    layers = [module for module in shapes_only.modules() if not list(module.children())]
    norms = [layer for layer in layers if isinstance(layer, nn.BatchNorm2d)]
    assert len(norms) == 1 + 3 * 16 - 1 + 1  # stem, three in each block, the first of which does not widen; head
    assert {(norm.eps, round(norm.momentum, 12)) for norm in norms} == {(1e-3, 0.01)}
    assert sum(isinstance(layer, nn.ReLU6) for layer in layers) == 1 + 2 * 16 - 1 + 1
    assert all(layer.bias is None for layer in layers if isinstance(layer, nn.Conv2d))
    assert isinstance(shapes_only.features[-1][-1], nn.ReLU6)
    shortcuts = [block.shortcut for stage in shapes_only.features[1:8] for block in stage]
    assert shortcuts == [i > 0 for stage in STAGES for i in range(stage.blocks)]


@pytest.mark.parametrize(
    "arguments, expected",
    [((224, 3, 2), (0, 1)), ((225, 3, 2), (1, 1)), ((224, 5, 2), (1, 2)), ((7, 5, 2), (2, 2)), ((7, 5, 1), (2, 2)),
     ((8, 1, 1), (0, 0)), ((8, 1, 2), (0, 0)), ((1, 3, 2), (1, 1)), ((2, 5, 3), (1, 2))],
)  # fmt: skip
def test_same_padding_in_known_cases(arguments, expected):
    assert same_padding(*arguments) == expected


def test_same_padding_is_the_rule_in_tensorflows_documentation():
    """There it reads: kernel - stride if the stride divides the size, else kernel - size % stride; the odd one last."""
    for size in range(1, 40):
        for kernel_size in range(1, 8):
            for stride in range(1, 5):
                rest = size % stride or stride
                total = max(kernel_size - rest, 0)
                assert same_padding(size, kernel_size, stride) == (total // 2, total - total // 2)


@pytest.mark.parametrize("height, width", [(8, 8), (8, 7), (7, 8), (7, 7), (2, 1)])
@pytest.mark.parametrize("kernel_size, stride", [(3, 1), (3, 2), (5, 1), (5, 2)])
def test_convolution_by_hand(height, width, kernel_size, stride):
    """Each output as a sum over the pixels that its window has in the image; the window's place from the rule."""
    torch.manual_seed(height + 10 * width + kernel_size)
    conv = conv_norm(1, 1, kernel_size, stride)[0].double()
    x = torch.randn(height, width, dtype=torch.float64)
    top, left = (max(kernel_size - (n % stride or stride), 0) // 2 for n in (height, width))
    expected = torch.zeros(-(-height // stride), -(-width // stride), dtype=torch.float64)
    for i in range(expected.shape[0]):
        for j in range(expected.shape[1]):
            for row in range(height):
                for column in range(width):
                    u, v = row - (i * stride - top), column - (j * stride - left)
                    if 0 <= u < kernel_size and 0 <= v < kernel_size:
                        expected[i, j] += conv.weight[0, 0, u, v].item() * x[row, column]
    torch.testing.assert_close(conv(x[None, None])[0, 0], expected, rtol=0, atol=1e-12)


def test_weights_are_the_files_bit_for_bit(file):
    """Both list their tensors in the order of computation; so names play no part in this comparison."""
    model = EfficientNetLite0()
    model.load_state_dict(rename_keys(file), strict=True)
    for theirs, (name, ours) in zip(file.values(), model.state_dict().items(), strict=True):
        assert torch.equal(theirs, ours), name
    filled = {name for name, _ in [*model.named_parameters(), *model.named_buffers()]}
    assert len(filled) == len(file) == 296
    assert filled == set(rename_keys(file))


def test_renaming_refuses_other_weights(file):
    with pytest.raises(ValueError, match="state must have the keys of .*, got 'layer4.weight'"):
        rename_keys(file | {"layer4.weight": torch.zeros(1)})


def test_the_classifier_may_be_applied_at_each_position():
    """The scores are the mean over positions of what it gives there: the identity behind class activation maps."""
    torch.manual_seed(0)
    model = EfficientNetLite0(num_classes=5).double().eval()
    x = torch.randn(2, 3, 96, 64, dtype=torch.float64)
    with torch.inference_mode():
        maps = model.classifier(model.features(x).movedim(1, -1))  # (2, 3, 2, 5)
        assert maps.shape == (2, 3, 2, 5)
        torch.testing.assert_close(maps.mean(dim=(1, 2)), model(x), rtol=0, atol=1e-12)


def test_it_can_be_trained():
    torch.manual_seed(0)
    model = EfficientNetLite0(num_classes=3).train()
    model(torch.randn(4, 3, 64, 64)).sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())
    assert model.features[0][1].num_batches_tracked == 1
    model.features.eval()
    with torch.no_grad():
        x = torch.randn(1, 3, 64, 64)
        assert not torch.equal(model(x), model(x))  # dropout
