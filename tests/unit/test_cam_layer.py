"""`companion.cam_layer`: A and G in awkward situations, against plain autograd on an out-of-place float64 network."""

import copy
from itertools import product

import pytest
import torch
import torch.nn.functional as F
import torchvision
from torch import nn
from torch.autograd.graph import saved_tensors_hooks

from companion.cam import heatmaps
from companion.cam_layer import activations_and_gradients

EXACT = {"rtol": 1e-9, "atol": 1e-9}


def by_the_book(model, layer, images, classes):
    """Scores, A and G by a full graph: nothing in place, parameters and pictures in it, one hook that only looks.

    The last run of the layer counts.
    """
    kept = []

    def keep(module, inputs, output):
        kept.append(output)
        return output.clone()  # an addition in place, written into the model's forward, changes the copy

    with torch.inference_mode(False), torch.enable_grad():
        model = copy.deepcopy(model).requires_grad_()
        for module in model.modules():
            if hasattr(module, "inplace"):
                module.inplace = False
        model.get_submodule(layer).register_forward_hook(keep)
        scores = model(images.detach().clone().requires_grad_())
        chosen = torch.stack([row[c] for row, c in zip(scores, map(int, classes), strict=True)]).sum()
        return scores.detach(), kept[-1].detach(), torch.autograd.grad(chosen, kept[-1])[0]


def assert_by_the_book(model, layer, images, classes, reference=None, **tolerance):
    expected = by_the_book(reference or model, layer, images, classes)
    got = activations_and_gradients(model, layer, images, classes)
    for name, ours, theirs in zip(("scores", "A", "G"), got, expected, strict=True):
        torch.testing.assert_close(ours, theirs, **(tolerance or EXACT), msg=lambda text, name=name: f"{name}: {text}")
    assert got[2].abs().max() > 0


class Plain(nn.Module):
    """VGG in tiny, in-place ReLUs and all. A dense head: the gradient differs from place to place."""

    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 5, 3, padding=1),
            nn.BatchNorm2d(5),
            nn.ReLU(inplace=True),
            nn.Conv2d(5, 7, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(2),
        )
        self.classifier = nn.Sequential(
            nn.Flatten(), nn.LazyLinear(11), nn.ReLU(inplace=True), nn.Dropout(), nn.Linear(11, 6)
        )

    def forward(self, x):
        return self.classifier(self.features(x))


@pytest.fixture
def images():
    torch.manual_seed(0)
    return torch.randn(3, 3, 8, 12, dtype=torch.float64)  # higher than wide would do as well: not square


def ready(model, images):
    """In float64 and evaluation mode, with running statistics that are not the initial ones."""
    torch.manual_seed(1)
    model = model.double().train()
    with torch.no_grad():
        model(images)
    return model.eval()


@pytest.fixture
def plain(images):
    return ready(Plain(), images)


# Right where it is easy to be wrong.


@pytest.mark.parametrize("layer", [f"features.{i}" for i in range(6)] + ["features"])
def test_what_runs_in_place_after_or_in_the_layer_does_not_matter(plain, images, layer):
    assert_by_the_book(plain, layer, images, [0, 5, 2])


@pytest.mark.parametrize("layer", ["maxpool", "layer4.0.bn2", "layer4.1.relu"])
def test_resnet18_with_its_addition_in_place(layer):
    torch.manual_seed(0)
    model = torchvision.models.resnet18().double().eval()
    assert_by_the_book(model, layer, torch.randn(2, 3, 40, 64, dtype=torch.float64), [3, 999])


class Shared(nn.Module):
    """One ReLU for everything; its last run is the one before the head."""

    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 3, padding=1)
        self.relu, self.head = nn.ReLU(inplace=True), nn.Linear(4, 6)

    def forward(self, x):
        x = self.relu(self.conv1(x))
        x = self.relu(self.conv2(x)) + x
        return self.head((self.relu(self.conv2(x)) * x.sigmoid()).mean((2, 3)))


class Branches(nn.Module):
    """The layer's output, changed in place, goes two ways; on one of them it meets the picture again."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Conv2d(3, 4, 3, padding=1)
        self.left, self.right = nn.Conv2d(4, 4, 3, padding=1), nn.Conv2d(4, 4, 1)
        self.side, self.head = nn.Conv2d(3, 4, 1), nn.Linear(4, 6)

    def forward(self, x):
        y = self.layer(x)
        y += 1
        left, right = self.left(y), self.right(torch.tanh(y))
        left += self.side(x)
        return self.head((left * right).mean((2, 3)))


class Preactivated(nn.Module):
    """A residual block whose ReLU, in place, changes what the shortcut carries: a common slip, but so the model is.

    Merely setting `inplace=False` would make another network of it; this is the same one without in-place operations.
    """

    def __init__(self, inplace):
        super().__init__()
        self.conv1, self.relu, self.conv2 = nn.Conv2d(3, 4, 3), nn.ReLU(inplace), nn.Conv2d(4, 4, 3, padding=1)
        self.head = nn.Linear(4, 6)

    def forward(self, x):
        x = self.conv1(x)
        y = self.relu(x)
        shortcut = x if self.relu.inplace else y
        return self.head((self.conv2(y) * shortcut).mean((2, 3)))


class InputChanged(nn.Module):
    """The layer's input is written over after the layer has run."""

    def __init__(self, inplace):
        super().__init__()
        self.conv1, self.layer, self.conv2 = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 3, padding=1), nn.Conv2d(4, 4, 1)
        self.inplace, self.head = inplace, nn.Linear(4, 6)

    def forward(self, x):
        x = self.conv1(x)
        y = self.layer(x)
        if self.inplace:
            x += self.conv2(y)
        else:
            x = x + self.conv2(y)
        return self.head((x * y).mean((2, 3)))


@pytest.mark.parametrize("kind, layer", [(Shared, "relu"), (Shared, "conv2"), (Branches, "layer"), (Branches, "left")])
def test_shared_modules_and_branches(images, kind, layer):
    assert_by_the_book(ready(kind(), images), layer, images, [4, 0, 1])


@pytest.mark.parametrize(("kind", "layer"), [(Preactivated, "relu"), (Preactivated, "conv1"), (InputChanged, "layer")])
def test_a_layer_whose_input_is_used_again(images, kind, layer):
    model, reference = ready(kind(True), images), kind(False).double().eval()
    reference.load_state_dict(model.state_dict())
    assert_by_the_book(model, layer, images, [2, 2, 5], reference=reference)


def test_the_picture_itself_can_be_the_layer(images):
    model = ready(nn.Sequential(nn.Identity(), Plain()), images)
    version = images._version
    assert_by_the_book(model, "0", images, [1, 2, 3])
    assert images._version == version and not images.requires_grad


def test_all_parameters_frozen(plain, images):
    assert_by_the_book(plain.requires_grad_(False), "features.3", images, [0, 1, 2])


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode, torch.enable_grad])
@pytest.mark.parametrize("kind", [Plain, Branches])
def test_within_any_grad_mode(images, mode, kind):
    model = ready(kind(), images)
    layer = "features.0" if kind is Plain else "layer"
    with mode():
        assert_by_the_book(model, layer, images, [0, 1, 2])
        assert_by_the_book(model, layer, images.clone(), torch.tensor([0, 1, 2]))  # made here, in this mode
        assert heatmaps(model, layer, images.clone(), [[0, 1]] * 3).shape == (3, 2, 8, 12)


def test_pictures_and_classes_made_in_inference_mode_are_fine_outside_of_it(images):
    model = ready(Branches(), images)  # its second branch meets the picture above the layer
    with torch.inference_mode():
        made, classes = images.clone(), torch.tensor([5, 0, 3])
    assert made.is_inference() and classes.is_inference()
    assert_by_the_book(model, "layer", made, classes)
    assert_by_the_book(model, "left", made, classes)


def test_the_callers_pictures_may_require_a_gradient(plain, images):
    images.requires_grad_()
    activations_and_gradients(plain, "features.0", images, 1)
    made = images * 2  # not a leaf
    scores, A, G = activations_and_gradients(plain, "features.0", made, 1)
    assert images.grad is None and images.requires_grad
    assert not (scores.requires_grad or A.requires_grad or G.requires_grad)
    made.sum().backward()  # the caller's own graph is whole
    assert torch.equal(images.grad, torch.full_like(images, 2))


def test_batches_are_single_pictures_side_by_side(plain, images):
    whole = activations_and_gradients(plain, "features.3", images, [5, 0, 3])
    singles = [activations_and_gradients(plain, "features.3", images[n : n + 1], c) for n, c in enumerate([5, 0, 3])]
    for together, apart in zip(whole, zip(*singles, strict=True), strict=True):
        torch.testing.assert_close(together, torch.cat(apart), **EXACT)


def test_classes_one_for_all_and_the_highest(plain, images):
    scores, _, G = activations_and_gradients(plain, "features.3", images)
    assert torch.equal(G, activations_and_gradients(plain, "features.3", images, scores.argmax(1))[2])
    assert torch.equal(
        activations_and_gradients(plain, "features.3", images, 4)[2],
        activations_and_gradients(plain, "features.3", images, torch.tensor([4, 4, 4], dtype=torch.uint8))[2],
    )


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_dtypes_and_channels_last(plain, images, dtype):
    digits = {torch.float32: 1e-4, torch.float64: 1e-9, torch.bfloat16: 0.06}[dtype]
    expected = by_the_book(plain, "features.3", images, [0, 1, 2])
    for layout in (torch.contiguous_format, torch.channels_last):
        model = copy.deepcopy(plain).to(dtype=dtype, memory_format=layout)
        got = activations_and_gradients(model, "features.3", images.to(dtype).to(memory_format=layout), [0, 1, 2])
        for ours, exact in zip(got, expected, strict=True):
            assert ours.dtype == dtype
            assert (ours.double() - exact).abs().max() <= digits * exact.abs().max()


def test_autocast_and_training_afterwards(plain, images):
    """Autocast keeps its copies of the weights; copies made here, without a graph, would rob training of gradients."""
    model, images = plain.float(), images.float()
    expected = by_the_book(model, "features.3", images, [0, 1, 2])
    with torch.autocast("cpu", torch.bfloat16):
        got = activations_and_gradients(model, "features.3", images, [0, 1, 2])
        for ours, exact in zip(got, expected, strict=True):
            assert (ours.float() - exact).abs().max() <= 0.06 * exact.abs().max()
        model(images).float().square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().max() > 0 for p in model.parameters())
    with torch.autocast("cpu", torch.bfloat16):
        with torch.inference_mode():
            model(images)  # autocast may now hold weights that autograd must not use
        activations_and_gradients(model, "features.3", images, [0, 1, 2])


# Several classes of each picture.


class Cube(torch.autograd.Function):
    """Looks at its gradient, and so cannot be led back for several classes at a time (`torch.vmap`)."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    def backward(ctx, gradient):
        return 3 * ctx.saved_tensors[0] ** 2 * gradient if gradient.any() else gradient


class Cubed(Plain):
    def forward(self, x):
        return self.classifier(Cube.apply(self.features(x)))


@pytest.mark.parametrize("kind", [Plain, Cubed])
def test_several_classes_are_as_many_calls_but_one_forward_pass(images, kind):
    model = ready(kind(), images)
    classes = torch.tensor([[0, 5, 2], [1, 1, 3], [4, 2, 0]])
    runs = []
    model.register_forward_pre_hook(lambda *_: runs.append(1))
    scores, A, G = activations_and_gradients(model, "features.1", images, classes)
    assert len(runs) == 1 and G.shape == (3, 3, *A.shape[1:])
    for m in range(3):
        torch.testing.assert_close(
            (scores, A, G[:, m]), activations_and_gradients(model, "features.1", images, classes[:, m]), **EXACT
        )
    one = activations_and_gradients(model, "features.1", images, classes[:, :1])[2]
    torch.testing.assert_close(one, G[:, :1], **EXACT)


# Nothing of the model or of the caller is changed.


def state(model):
    """All that a caller could see changed; tensors by identity, version and content."""
    tensors = [*model.named_parameters(), *model.named_buffers()]
    return (
        [(name, id(t), t._version, t.requires_grad, t.is_leaf, t.sum().item()) for name, t in tensors],
        [(id(p.grad), None if p.grad is None else p.grad._version) for p in model.parameters()],
        [
            (name, module.training, *(list(hooks) for key, hooks in sorted(vars(module).items()) if "hooks" in key))
            for name, module in model.named_modules()
        ],
        torch.is_grad_enabled(),
        torch.is_inference_mode_enabled(),
        torch.is_autocast_enabled("cpu"),
        torch.is_autocast_cache_enabled(),
        torch.get_rng_state().tolist(),
    )


class Interrupted(Plain):
    """Raises above the layer."""

    error = None

    def forward(self, x):
        x = self.features(x)
        if self.error:
            raise self.error
        return self.classifier(x)


@pytest.mark.parametrize("error", [None, RuntimeError("on purpose"), KeyboardInterrupt()])
@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode, torch.enable_grad])
def test_everything_is_left_as_it_was(images, error, mode):
    model = ready(Interrupted(), images)
    model.features[0].weight.requires_grad_(False)
    seen = []
    model.features[3].register_forward_hook(lambda *_: seen.append("forward"))
    model.classifier[4].register_full_backward_hook(lambda *_: seen.append("backward"))
    model(images).sum().backward()  # the caller's own gradients
    model.error = error
    seen.clear()
    with mode():
        before = state(model)
        if error is None:
            activations_and_gradients(model, "features.1", images, [[0, 1], [2, 3], [4, 5]])
        else:
            with pytest.raises(type(error)):
                activations_and_gradients(model, "features.1", images, 0)
        assert state(model) == before
    assert seen[0] == "forward"


@pytest.mark.parametrize("layer", ["classifier", "features.9"])
def test_a_refusal_leaves_everything_as_it_was(plain, images, layer):
    before = state(plain)
    for classes in (0, 6):
        with pytest.raises(ValueError):
            activations_and_gradients(plain, layer, images, classes)
    assert state(plain) == before


def test_a_hook_of_the_caller_that_changes_the_output_is_heard(plain, images):
    plain.features[3].register_forward_hook(lambda module, inputs, output: output * 2)
    _, A, _ = activations_and_gradients(plain, "features.3", images, 0)
    torch.testing.assert_close(A, plain.features[:4](images).detach(), **EXACT)


# No work below the layer.


def graph(scores):
    """The variables at the ends of the graph of scores, and all its nodes."""
    nodes, todo = set(), [scores.grad_fn]
    while todo:
        node = todo.pop()
        if node is not None and node not in nodes:
            nodes.add(node)
            todo += [below for below, _ in node.next_functions]
    return [node.variable for node in nodes if hasattr(node, "variable")], nodes


def test_the_graph_begins_at_the_layer(plain, images):
    tops = []
    plain.register_forward_hook(lambda module, inputs, output: tops.append(graph(output)))
    _, A, _ = activations_and_gradients(plain, "features.3", images, 0)
    (leaves, nodes), = tops
    assert {id(leaf) for leaf in leaves if leaf.shape != A.shape} == {id(p) for p in plain.classifier.parameters()}
    assert [leaf for leaf in leaves if leaf.shape == A.shape][0].grad is None
    assert not any("Convolution" in node.name() or "BatchNorm" in node.name() for node in nodes)


def test_below_the_layer_nothing_is_kept_and_nothing_led_back(plain, images):
    kept, ran = [], []
    for module in [*plain.features[:4], plain.features[5]]:
        module.register_full_backward_hook(lambda module, *_: ran.append(module))

    def pack(tensor):
        kept.append(tensor.shape)
        return tensor

    with saved_tensors_hooks(pack, lambda tensor: tensor):
        activations_and_gradients(plain, "features.4", images, 0)
    assert ran == [plain.features[5]]  # the pooling, the one module between the layer and the dense head
    assert not any(shape[1:2] in [(3,), (5,)] for shape in kept if len(shape) == 4), kept  # pictures, first maps
    assert kept  # those of the head are


def test_no_parameter_gets_a_gradient(plain, images):
    made = []
    for parameter in plain.parameters():
        parameter.register_hook(lambda gradient: made.append(gradient.shape))
    activations_and_gradients(plain, "features.0", images, [[0, 1]] * 3)
    assert made == [] and all(parameter.grad is None for parameter in plain.parameters())


# Refusals.


def refusal(*arguments):
    with pytest.raises(ValueError) as caught:
        activations_and_gradients(*arguments)
    return str(caught.value)


def test_a_model_in_training_mode_is_refused(plain, images):
    plain.features[1].train()
    assert refusal(plain, "features.0", images) == "features.1 is in training mode: call model.eval() first"
    assert refusal(plain.train(), "features.0", images).startswith("model is in training mode")


def test_wrappers_are_refused(plain, images):
    parallel = nn.DataParallel(plain).eval()
    distributed = nn.parallel.DistributedDataParallel.__new__(nn.parallel.DistributedDataParallel)
    nn.Module.__init__(distributed)
    distributed.module = plain
    for wrapped, name in [(parallel, "DataParallel"), (distributed, "DistributedDataParallel")]:
        assert refusal(wrapped, "features.0", images) == (
            f"model is wrapped in {name}: give the network inside, model.module"
        )
    compiled = nn.Module()  # as torch.compile wraps it; the compiler itself takes many seconds to load
    compiled._orig_mod = plain
    assert refusal(compiled, "features.0", images).endswith("give the network inside, model._orig_mod")


def test_what_is_not_a_model_or_not_pictures_is_refused(plain, images):
    assert refusal(F.relu, "features.0", images) == "model must be an nn.Module, got function"
    assert refusal(plain, "features.0", images[0]) == "images must be a tensor (N, channels, H, W), got (3, 8, 12)"
    assert refusal(plain, "features.0", images.numpy()).endswith("got ndarray")


def test_a_layer_that_is_not_there_is_refused_and_near_names_suggested(plain, images):
    assert refusal(plain, "feature.3", images).startswith(
        "layer 'feature.3' is not in the model; near it are 'features.3', 'features."
    )
    assert "'features', 'features.0', 'features.1'" in refusal(plain, "zzz", images)
    assert refusal(plain, nn.ReLU(), images) == "layer must be a module of this model or its dotted name, got ReLU"
    assert refusal(plain, 3, images).endswith("got int")


class Lazy(Plain):
    def __init__(self):
        super().__init__()
        self.spare = nn.Conv2d(3, 3, 1)


class Tuple(nn.Module):
    def forward(self, x):
        return x, x


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        ("spare", "layer spare did not run: choose one that forward() calls as a module"),
        ("classifier.1", "layer must give (N, C, h, w) with h·w > 1, it gives (3, 11)"),
        ("", "layer must give (N, C, h, w) with h·w > 1, it gives (3, 6)"),
    ],
)
def test_a_layer_without_maps_is_refused(images, layer, message):
    assert refusal(ready(Lazy(), images), layer, images) == message


def test_a_layer_of_one_place_or_of_several_tensors_is_refused(images):
    pooled = nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 6)).double().eval()
    assert refusal(pooled, "1", images) == "layer must give (N, C, h, w) with h·w > 1, it gives (3, 4, 1, 1)"
    pair = nn.Sequential(Tuple()).eval()
    assert refusal(pair, "0", images).endswith("it gives tuple")


@pytest.mark.parametrize("classes", [6, -1, [0, 1], [0, 1, 6], [[0], [1]], [[]] * 3, 1.0, True, [[[0]]] * 3])
def test_classes_are_checked(plain, images, classes):
    message = refusal(plain, "features.3", images, classes)
    assert message == (
        f"classes must be an integer from 0 to 5, 3 of them (one a picture) or (3, M), got {classes!r}"
    )


class Head(nn.Module):
    """Any function after one convolution."""

    def __init__(self, function):
        super().__init__()
        self.conv, self.linear, self.function = nn.Conv2d(3, 6, 3), nn.Linear(6, 6), function

    def forward(self, x):
        return self.function(self, self.conv(x))


def blocked(context):
    def function(model, x):
        with context():
            x = x.mean((2, 3))
        return model.linear(x)

    return function


@pytest.mark.parametrize(
    "function",
    [
        lambda model, x: model.linear(x.detach().mean((2, 3))),
        lambda model, x: F.one_hot(x.mean((2, 3)).argmax(1), 6),  # integers
        lambda model, x: model.linear(F.one_hot(x.mean((2, 3)).argmax(1), 6).double()),  # on to weights, not to A
        lambda model, x: model.linear(x.mean((2, 3))).argsort(1),
        lambda model, x: torch.from_numpy(x.detach().numpy().mean((2, 3))),
        blocked(torch.no_grad),
    ],
)
def test_a_path_that_cannot_be_differentiated_is_refused(images, function):
    message = refusal(Head(function).double().eval(), "conv", images, 0)
    assert "the scores do not depend on layer" in message or "the scores cannot be differentiated" in message


def test_no_grad_below_the_layer_is_fine_and_around_it_is_refused(images):
    class Backbone(nn.Module):
        def __init__(self):
            super().__init__()
            self.below, self.layer = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 3)
            self.head = nn.Linear(4, 6)

        def forward(self, x):
            with torch.no_grad():
                x = self.below(x)
            return self.head(self.layer(x).square().mean((2, 3)))

    model = Backbone().double().eval()
    assert_by_the_book(model, "layer", images, [0, 1, 2])
    assert "no_grad" in refusal(model, "below", images)


@pytest.mark.parametrize(
    ("function", "shape"),
    [
        (lambda model, x: x, "(3, 6, 6, 10)"),
        (lambda model, x: x.mean((1, 2, 3)), "(3,)"),
        (lambda model, x: {"scores": x.mean((2, 3))}, "dict"),
        (lambda model, x: x.mean((2, 3))[:2], "(2, 6)"),
    ],
)
def test_scores_that_are_not_n_by_k_are_refused(images, function, shape):
    assert refusal(Head(function).double().eval(), "conv", images).startswith(
        f"model must give scores (N, K) and layer (N, C, h, w) with N = 3, got {shape} and (3, 6, 6, 10)"
    )


def test_a_layer_that_cuts_pictures_into_pieces_is_refused(images):
    class Pieces(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 6, 3)

        def forward(self, x):
            return self.conv(torch.cat(x.chunk(2, 3))).mean((2, 3)).view(2, 3, 6).sum(0)

    assert "with N = 3, got (3, 6) and (6, 6, 6, 4)" in refusal(Pieces().double().eval(), "conv", images)


@pytest.mark.parametrize(("height", "width"), list(product([8, 9], [12, 5])))
def test_sizes_that_are_not_square(height, width):
    model = Shared().double().eval()
    assert_by_the_book(model, "conv1", torch.randn(2, 3, height, width, dtype=torch.float64), [0, 1])
    assert heatmaps(model, "conv1", torch.randn(2, 3, height, width, dtype=torch.float64)).shape == (2, height, width)
