"""`companion.cam`: each formula on a network that can be done on paper, CAM's identities, and random networks."""

import copy

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from companion.cam import (
    activations_and_gradients,
    class_maps,
    counterfactual,
    grad_cam,
    grad_cam_pp,
    heatmaps,
    hires_cam,
    layer_cam,
    overlay,
    to_image,
    x_grad_cam,
)

METHODS = [grad_cam, counterfactual, hires_cam, layer_cam, x_grad_cam, grad_cam_pp]
EXACT = {"rtol": 1e-9, "atol": 1e-9}


def exact(rows):
    return torch.tensor(rows, dtype=torch.float64)


def on_paper():
    """A layer that hands on a picture of two channels, and a dense head: G is the head's weights, whatever the picture.

    A₁ = 1 2   A₂ = 2  0      for class 0:  G₁ = 1 0   G₂ = −1 1     for class 1:  G₁ = 0 1   G₂ = 0  0
         0 3        1 −1                         2 1         0 2                        0 0         0 −4
    """
    layer = nn.Conv2d(2, 2, 1, bias=False)
    model = nn.Sequential(layer, nn.Flatten(), nn.Linear(8, 2)).double().eval()
    with torch.no_grad():
        layer.weight.copy_(torch.eye(2)[:, :, None, None])
        model[2].weight.copy_(exact([[1, 0, 2, 1, -1, 1, 0, 2], [0, 1, 0, 0, 0, 0, 0, -4]]))
        model[2].bias.copy_(exact([5, -3]))
    return model, exact([[[[1, 2], [0, 3]], [[2, 0], [1, -1]]]])


# Class 0.
# Grad-CAM: the means of G are 4/4 = 1 and 2/4; A₁ + A₂/2.
# HiResCAM: G₁A₁ = 1 0 / 0 3 and G₂A₂ = −2 0 / 0 −2; their sum.
# LayerCAM: without the −1 in G₂, its part is 0 0 / 0 −2.
# XGrad-CAM: Σ G₁A₁ / Σ A₁ = 4/6 and Σ G₂A₂ / Σ A₂ = −4/2; 2/3 A₁ − 2 A₂.
# Grad-CAM++: channel 1, Σ A = 6: α = G²/(2G² + 6G³) = 1/8 where G = 1, 4/56 = 1/14 where G = 2;
#     its weight is 1/8·1 + 1/14·2 + 1/8·1 = 11/28. Channel 2, Σ A = 2: 1/(2 + 2) where G = 1, 4/(8 + 16) = 1/6 where
#     G = 2; 1/4 + 2/6 = 7/12 (relu removes −1). 11/28 A₁ + 7/12 A₂ in 84ths: 33 A₁ + 49 A₂.
ON_PAPER = [
    (grad_cam, [[2, 2], [1 / 2, 5 / 2]]),
    (counterfactual, [[-2, -2], [-1 / 2, -5 / 2]]),
    (hires_cam, [[-1, 0], [0, 1]]),
    (layer_cam, [[1, 0], [0, 1]]),
    (x_grad_cam, [[-10 / 3, 4 / 3], [-2, 4]]),
    (grad_cam_pp, [[131 / 84, 66 / 84], [49 / 84, 50 / 84]]),
]


@pytest.mark.parametrize(("method", "expected"), ON_PAPER)
def test_every_method_on_paper(method, expected):
    model, images = on_paper()
    scores, A, G = activations_and_gradients(model, "0", images, 0)
    # 1·1 + 0·2 + 2·0 + 1·3 − 1·2 + 1·0 + 0·1 − 2·1 + 5 = 5 and 2 + 4 − 3 = 3
    torch.testing.assert_close(scores, exact([[5, 3]]), **EXACT)
    torch.testing.assert_close(A, images, **EXACT)
    torch.testing.assert_close(G, exact([[[[1, 0], [2, 1]], [[-1, 1], [0, 2]]]]), **EXACT)
    torch.testing.assert_close(method(A, G), exact([expected]), **EXACT)
    several = activations_and_gradients(model, "0", images, [[1, 0]])[2]
    torch.testing.assert_close(method(A[:, None], several)[:, 1], exact([expected]), **EXACT)


def test_the_other_class_on_paper():
    """The means of G are 1/4 and −1: A₁/4 − A₂ = −7/4 1/2 / −1 7/4. As a picture of 2×2: 0 2/7 / 0 1."""
    model, images = on_paper()
    expected = exact([[[0, 2 / 7], [0, 1]]])
    torch.testing.assert_close(heatmaps(model, "0", images, 1), expected, **EXACT)
    torch.testing.assert_close(heatmaps(model, "0", images, [[1, 0]])[:, 0], expected, **EXACT)


def test_grad_cam_pp_is_the_papers_equation_before_g_squared_is_cancelled():
    torch.manual_seed(0)
    A, G = torch.randn(2, 5, 3, 4, 6, dtype=torch.float64)
    alpha = G**2 / (2 * G**2 + G**3 * A.sum((2, 3), keepdim=True))
    expected = ((alpha * G.relu()).sum((2, 3), keepdim=True) * A).sum(1)
    torch.testing.assert_close(grad_cam_pp(A, G), expected, **EXACT)


def test_what_would_divide_by_zero_has_the_weight_zero():
    A = exact([[[[1, -1], [0, 0]], [[1, 0], [0, 1]]]])  # sums: 0 and 2
    G = exact([[[[1, 2], [3, 4]], [[1, 1], [1, 1]]]])
    torch.testing.assert_close(x_grad_cam(A, G), A[:, 1], **EXACT)  # 2/2 A₂
    A = exact([[[[-2, 0], [0, 0]]]])
    G = exact([[[[1, 0], [-5, 3]]]])  # 2 + G ΣA = 0, 2, 12, −4
    torch.testing.assert_close(grad_cam_pp(A, G), -3 / 4 * A[:, 0], **EXACT)
    zero = torch.zeros(1, 2, 3, 3)
    for method in METHODS:
        assert torch.equal(method(zero, torch.ones_like(zero)), zero[:, 0])
        assert torch.equal(method(torch.ones_like(zero), zero), zero[:, 0])


# CAM.


def gap_network(classes=7):
    torch.manual_seed(0)
    features = nn.Sequential(nn.Conv2d(3, 6, 3), nn.Tanh(), nn.Conv2d(6, 5, 3), nn.ReLU(inplace=True))
    return nn.Sequential(features, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(5, classes)).double().eval()


def test_cam_on_paper():
    _, A = on_paper()
    linear = nn.Linear(2, 2).double()
    with torch.no_grad():
        linear.weight.copy_(exact([[1, -2], [3, 0]]))
        linear.bias.copy_(exact([1, 2]))
    maps = class_maps(A, linear)
    torch.testing.assert_close(maps, exact([[[[-3, 2], [-2, 5]], [[3, 6], [0, 9]]]]), **EXACT)
    # means 1/2 and 9/2, plus the biases: the scores of the means of A, 3/2 and 1/2
    torch.testing.assert_close(maps.mean((2, 3)) + linear.bias, linear(exact([[3 / 2, 1 / 2]])), **EXACT)


@pytest.mark.parametrize("size", [(10, 10), (9, 14)])
def test_grad_cam_is_cam_over_z_and_hirescam_too(size):
    model, images = gap_network(), torch.randn(4, 3, *size, dtype=torch.float64)
    every = torch.arange(7).expand(4, 7)
    scores, A, G = activations_and_gradients(model, "0", images, every)
    maps = class_maps(A, model[3])
    z = maps.shape[-2] * maps.shape[-1]
    torch.testing.assert_close(maps.mean((2, 3)) + model[3].bias, scores, **EXACT)
    torch.testing.assert_close(G, (model[3].weight / z)[None, :, :, None, None].expand_as(G), **EXACT)
    torch.testing.assert_close(grad_cam(A[:, None], G), maps / z, **EXACT)
    torch.testing.assert_close(hires_cam(A[:, None], G), maps / z, **EXACT)
    torch.testing.assert_close(x_grad_cam(A[:, None], G), maps / z, **EXACT)
    torch.testing.assert_close(to_image(maps, size), heatmaps(model, "0", images, every), **EXACT)


def test_with_a_dense_head_they_differ():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(4 * 6 * 6, 3)).double().eval()
    images = torch.randn(1, 3, 8, 8, dtype=torch.float64)
    assert (heatmaps(model, "0", images, 0) - heatmaps(model, "0", images, 0, hires_cam)).abs().max() > 0.1


@pytest.mark.parametrize("A", [torch.ones(1, 4, 2, 2), torch.ones(5, 2, 2)])
def test_class_maps_checks_its_features(A):
    with pytest.raises(ValueError, match=r"A must be \(N, C, h, w\), C = linear.in_features = 5, got \("):
        class_maps(A, nn.Linear(5, 2))


# Gradients by finite differences.


def test_gradients_are_finite_differences():
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(3, 2, 3), nn.Tanh(), nn.Conv2d(2, 4, 2), nn.Sigmoid(), nn.AvgPool2d(2), nn.Flatten(), nn.LazyLinear(3)
    ).double()
    images = torch.randn(2, 3, 6, 7, dtype=torch.float64)
    model.eval()(images)
    _, A, G = activations_and_gradients(model, "0", images, [2, 0])
    above, step = model[1:], 1e-5

    def score(features):
        return above(features)[torch.arange(2), torch.tensor([2, 0])].detach()

    for place in torch.cartesian_prod(*(torch.arange(side) for side in A.shape[1:])):
        change = torch.zeros_like(A)
        change[(slice(None), *place)] = step
        slope = (score(A + change) - score(A - change)) / (2 * step)
        torch.testing.assert_close(G[(slice(None), *place)], slope, rtol=0, atol=1e-9)


# Pictures.


def test_to_image_on_paper():
    """Bilinear, pixels as areas: the centres of four pixels lie at −1/4, 1/4, 3/4, 5/4 of two, held at the border."""
    maps = exact([[[-8, 4]]])
    # relu: 0 4; resized: 0, 1, 3, 4; maximum to 1
    torch.testing.assert_close(to_image(maps, (1, 4)), exact([[[0, 1 / 4, 3 / 4, 1]]]), **EXACT)
    torch.testing.assert_close(to_image(maps, (3, 4)), exact([[[0, 1 / 4, 3 / 4, 1]] * 3]), **EXACT)


def test_each_map_has_its_own_maximum_and_nothing_stays_nothing():
    maps = torch.stack([torch.zeros(3, 3), -torch.ones(3, 3), 1e-30 * torch.eye(3), 1e30 * torch.eye(3)])
    images = to_image(maps.view(2, 2, 3, 3), (6, 9))
    assert images.shape == (2, 2, 6, 9)
    assert torch.equal(images.amax((2, 3)), torch.tensor([[0.0, 0.0], [1.0, 1.0]]))
    assert images.amin() == 0 and torch.equal(images[0], torch.zeros(2, 6, 9))
    torch.testing.assert_close(images[1, 0], images[1, 1])


def test_a_class_without_positive_evidence_has_an_empty_map():
    model, images = on_paper()
    assert torch.equal(heatmaps(model, "0", -images.abs(), 0, layer_cam), torch.zeros(1, 2, 2, dtype=torch.float64))


def test_size_is_the_images_or_the_one_asked_for():
    model, images = gap_network(), torch.randn(2, 3, 9, 14, dtype=torch.float64)
    assert heatmaps(model, "0", images).shape == (2, 9, 14)
    assert heatmaps(model, "0", images, size=(5, 7)).shape == (2, 5, 7)
    assert heatmaps(model, model[0], images, [[0, 1, 2], [3, 4, 5]], size=(5, 7)).shape == (2, 3, 5, 7)


@pytest.mark.parametrize("method", METHODS)
def test_few_digits_are_added_up_in_float32(method):
    model, images = gap_network(), torch.randn(2, 3, 12, 12, dtype=torch.float64)
    few = heatmaps(copy.deepcopy(model).bfloat16(), "0", images.bfloat16(), 1, method)
    assert few.dtype == torch.float32
    assert (few - heatmaps(model, "0", images, 1, method)).abs().max() < 0.06


def test_overlay_leaves_what_has_no_evidence_and_covers_the_rest_in_proportion():
    images, maps = torch.rand(2, 3, 4, 5), torch.zeros(2, 4, 5)
    assert torch.equal(overlay(images, maps), images)
    maps[0, 1, 2], maps[1, 3, 4] = 1, 0.5
    drawn = overlay(images, maps, strength=0.6, colours="gray")  # grey as bright as the map, within 1/256
    changed = (drawn != images).any(1)
    assert torch.equal(changed, maps > 0)
    torch.testing.assert_close(drawn[0, :, 1, 2], 0.4 * images[0, :, 1, 2] + 0.6)
    torch.testing.assert_close(drawn[1, :, 3, 4], 0.7 * images[1, :, 3, 4] + 0.3 * 0.5, rtol=0, atol=0.3 / 256)


def test_overlay_of_grey_pictures_is_in_colour_and_stays_between_0_and_1():
    torch.manual_seed(0)
    drawn = overlay(torch.rand(2, 1, 6, 7), torch.rand(2, 6, 7), strength=1)
    assert drawn.shape == (2, 3, 6, 7) and drawn.dtype == torch.float32
    assert drawn.min() >= 0 and drawn.max() <= 1 and (drawn[:, 0] != drawn[:, 2]).any()


@pytest.mark.parametrize(
    ("images", "maps"), [((2, 3, 4, 5), (2, 5, 4)), ((2, 4, 4, 5), (2, 4, 5)), ((3, 4, 5), (3, 4, 5))]
)
def test_overlay_checks_its_shapes(images, maps):
    with pytest.raises(ValueError, match=r"images must be \(N, 3 or 1, H, W\) and maps \(N, H, W\), got "):
        overlay(torch.zeros(images), torch.zeros(maps))


# Random networks.


@st.composite
def networks(draw):
    """Convolutions of any stride, ReLUs in place or not, batch norm or none, and either kind of head."""
    channels, height, width = draw(st.integers(1, 3)), draw(st.integers(9, 17)), draw(st.integers(9, 17))
    size, layers = (channels, height, width), []
    for _ in range(draw(st.integers(1, 3))):
        out, kernel, stride = draw(st.integers(1, 5)), draw(st.integers(1, 3)), draw(st.integers(1, 2))
        layers.append(nn.Conv2d(channels, out, kernel, stride, padding=1))
        layers += [nn.BatchNorm2d(out)] * draw(st.booleans()) + [nn.ReLU(inplace=draw(st.booleans()))]
        channels, height, width = out, (height + 2 - kernel) // stride + 1, (width + 2 - kernel) // stride + 1
    layer = str(draw(st.integers(0, len(layers) - 1)))
    if draw(st.booleans()):
        head = [nn.Flatten(), nn.Linear(channels * height * width, 4)]
    else:
        head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 4)]
    return nn.Sequential(*layers, *head), layer, size, draw(st.integers(0, 2**32 - 1))


@settings(max_examples=40, deadline=None)
@given(networks(), st.lists(st.integers(0, 3), min_size=3, max_size=3), st.sampled_from(METHODS))
def test_any_small_network(network, classes, method):
    model, layer, size, seed = network
    torch.manual_seed(seed)
    for parameter in model.double().eval().parameters():
        nn.init.normal_(parameter)
    images = torch.randn(3, *size, dtype=torch.float64)
    _, A, G = activations_and_gradients(model, layer, images, classes)
    assert G.isfinite().all() and method(A, G).isfinite().all()

    maps = heatmaps(model, layer, images, classes, method)
    assert maps.shape == (3, *size[1:]) and maps.min() >= 0 and maps.max() <= 1
    highest = maps.amax((1, 2))
    assert ((highest == 0) | (highest == 1)).all()

    singles = [method(*activations_and_gradients(model, layer, images[n : n + 1], classes[n])[1:]) for n in range(3)]
    torch.testing.assert_close(method(A, G), torch.cat(singles), rtol=1e-7, atol=1e-9)
    several = activations_and_gradients(model, layer, images, [[c, 0] for c in classes])[2]
    torch.testing.assert_close(several[:, 0], G, **EXACT)


def test_the_reference_of_bilinear_resizing_is_pytorchs():
    torch.manual_seed(0)
    maps = torch.rand(2, 5, 7)
    large = F.interpolate(maps[:, None], (20, 30), mode="bilinear", align_corners=False)[:, 0]
    torch.testing.assert_close(to_image(maps, (20, 30)), large / large.amax((1, 2), keepdim=True))
