"""`companion.trace` against torchinfo, torchvision's metadata, real runs of the models, and gradients."""

import copy
import html.parser
import subprocess
import sys
import threading
from collections import namedtuple
from math import prod
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
import torchinfo
import torchvision
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from companion.models.lenet import LeNet5, LeNet5Modern
from companion.shapes import conv_multiply_adds, receptive_field
from companion.trace import trace

ROOT = Path(__file__).resolve().parents[2]
TORCHVISION = ["alexnet", "vgg16", "googlenet", "resnet18", "resnet50", "densenet121", "mobilenet_v2"]


def torchvision_model(name):
    """On the meta device: nothing here needs the weights, and VGG-16 has half a gigabyte of them."""
    options = {"init_weights": False} if name in ("googlenet", "inception_v3") else {}
    with torch.device("meta"):
        return torchvision.models.get_model(name, weights=None, **options)


def network(name):
    if name in TORCHVISION:
        return torchvision_model(name), (3, 224, 224)
    return {"LeNet5": LeNet5, "LeNet5Modern": LeNet5Modern}[name](), (1, 32, 32)


# Peers.


@pytest.mark.parametrize("name", ["LeNet5", "LeNet5Modern", *TORCHVISION])
def test_every_layer_agrees_with_torchinfo(name):
    model, size = network(name)
    device = next(model.parameters()).device
    picture = torch.empty(1, *size, device=device)
    info = torchinfo.summary(model.eval(), input_data=picture, device=device, depth=20, verbose=0)
    leaves = [leaf for leaf in info.summary_list if leaf.is_leaf_layer and leaf.executed]
    table = trace(model, size)
    rows = [row for row in table.rows if "(functional)" not in row.kind]
    modules = dict(model.named_modules())

    assert [leaf.class_name for leaf in leaves] == [row.kind for row in rows]
    assert [tuple(leaf.output_size) for leaf in leaves] == [row.output_shape for row in rows]
    assert [leaf.num_params for leaf in leaves] == [row.parameters for row in rows]
    assert info.total_params == table.parameters + table.unused
    for leaf, row in zip(leaves, rows, strict=True):
        module = modules[row.name]
        if type(module) in (nn.Conv2d, nn.Linear):
            # torchinfo counts the addition of the bias as well, once per output number; torchvision does not.
            biases = 0 if module.bias is None else prod(row.output_shape)
            assert leaf.macs - biases == row.multiply_adds > 0, row.name
        elif name == "LeNet5" and row.name == "c3":
            # 1,500 weights at 100 positions by torchinfo's rule (parameters times positions). Carried out is a
            # dense convolution, with zeros for the 36 connections that C3 lacks.
            assert leaf.macs == 1516 * 100
            assert row.multiply_adds == conv_multiply_adds(6, 16, 5, 10)
        else:
            # Elementwise work (batch norm, subsampling's coefficients), for which torchinfo counts the parameters.
            assert row.multiply_adds == 0 and leaf.macs == leaf.num_params, row.name


@pytest.mark.parametrize("name", [*TORCHVISION, "vit_b_16", "convnext_tiny", "efficientnet_b0", "swin_t"])
def test_totals_are_those_of_torchvisions_metadata(name):
    weights = torchvision.models.get_model_weights(name).DEFAULT
    crop = weights.transforms().crop_size[0]
    table = trace(torchvision_model(name), (3, crop, crop))
    assert table.parameters == weights.meta["num_params"]
    assert round(table.multiply_adds / 1e9, 3) == weights.meta["_ops"]
    assert table.state_bytes / 2**20 == pytest.approx(weights.meta["_file_size"], rel=0.01)


def test_state_bytes_are_those_of_the_state_dict_with_shared_tensors_once():
    model = nn.Sequential(nn.Conv2d(2, 3, 1), nn.BatchNorm2d(3), nn.Conv2d(3, 3, 1), nn.Conv2d(3, 3, 1))
    model.register_buffer("kept", torch.zeros(5, dtype=torch.uint8))
    model.register_buffer("not_kept", torch.zeros(1000), persistent=False)
    numbers = (6 + 3) + 4 * 3 + 2 * (9 + 3)  # convolution, batch norm, two convolutions
    assert trace(model, (2, 4, 4)).state_bytes == 4 * numbers + 8 + 5  # and a counter of 8 bytes, and `kept`
    assert trace(model.double(), (2, 4, 4)).state_bytes == 4 * numbers + 8 + 5  # in float32, as everything here
    model[3].weight = model[2].weight
    assert trace(model, (2, 4, 4)).state_bytes == 4 * (numbers - 9) + 8 + 5
    assert "bytes" in str(trace(model, (2, 4, 4))) and "state" not in str(trace(model, (2, 4, 4)))


def test_auxiliary_heads_are_left_out_and_said_to_be():
    table = trace(torchvision_model("googlenet"), (3, 224, 224))
    assert table.parameters == 6_624_904
    assert table.unused == sum(p.numel() for n, p in torchvision_model("googlenet").named_parameters() if "aux" in n)
    assert table.state_bytes > 4 * (table.parameters + table.unused)  # the means and variances of batch norm too
    assert "6,379,984 parameters of the model are not used in a prediction" in str(table)


@pytest.mark.parametrize("name", ["LeNet5", "LeNet5Modern"])
def test_output_shapes_are_those_of_a_real_run(name):
    model, size = network(name)
    shapes = []
    for module in model.modules():
        if not list(module.children()):
            module.register_forward_hook(lambda module, inputs, output: shapes.append(tuple(output.shape)))
    model(torch.randn(5, *size))
    assert [row.output_shape for row in trace(model, (5, *size)).rows] == shapes


def test_known_totals_of_lenet():
    table = trace(LeNet5Modern(), (1, 32, 32))
    assert table.parameters == 61_706 and table.multiply_adds == 416_520
    assert table.memory == 4 * (2 * 4704 + 1176 + 2 * 1600 + 400 + 2 * 120 + 2 * 84 + 10)
    assert [row.receptive_field for row in table.rows] == [5, 5, 6, 14, 14, 16, 32, 32, 32, 32, 32]
    assert trace(LeNet5(), (1, 32, 32)).parameters == 60_000


def test_a_batch_multiplies_work_and_memory_but_not_parameters():
    one, three = trace(LeNet5Modern(), (1, 32, 32)), trace(LeNet5Modern(), (3, 1, 32, 32))
    assert three.rows[0].output_shape == (3, 6, 28, 28)
    assert three.multiply_adds == 3 * one.multiply_adds and three.memory == 3 * one.memory
    assert three.parameters == one.parameters
    assert [row.receptive_field for row in three.rows] == [row.receptive_field for row in one.rows]


# Cost, and leaving the caller's model alone.


MEASURE = """
import resource, time, tracemalloc, torch, torchvision
from companion.trace import trace

trace(torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.ReLU(True), torch.nn.MaxPool2d(2), torch.nn.Flatten(),
    torch.nn.Dropout(), torch.nn.Linear(36, 2)), (3, 8, 8))  # now the code has been read from disk
with torch.device("meta"):
    model = torchvision.models.vgg16(weights=None)
model.to_empty(device="cpu")  # half a gigabyte, which the system hands out when it is first written to
ballast = bytearray(100_000_000)  # so that no earlier peak hides what comes now

def peak():
    try:  # of this process: Linux lets ru_maxrss begin at the peak of the parent
        return next(1024 * int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM"))
    except FileNotFoundError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

before, seconds = peak(), []
for _ in range(5):
    start = time.perf_counter()
    table = trace(model, (3, 224, 224))
    seconds.append(time.perf_counter() - start)
grown = peak() - before
tracemalloc.start()
trace(model, (3, 224, 224))
print(table.parameters, min(seconds), grown, tracemalloc.get_traced_memory()[1])
"""


def test_vgg16_takes_under_a_fifth_of_a_second_and_five_megabytes():
    """In a process of its own, so that its peak is the tracing's; the best of five times is the tracing's, too."""
    run = subprocess.run([sys.executable, "-c", MEASURE], cwd=ROOT, capture_output=True, text=True, check=True)
    parameters, seconds, grown, of_python = map(float, run.stdout.split())
    assert parameters == 138_357_544
    assert seconds < 0.2
    assert grown < 5e6 and of_python < 5e6


def test_an_assertion_in_the_model_is_reported_as_its_layers_error():
    class Picky(nn.Module):
        def forward(self, x):
            torch._assert(x.shape[2] == 224, "Wrong image height!")
            return x

    with pytest.raises(ValueError, match=r"1 \(Picky\) got \(1, 1, 6, 6\): Wrong image height!"):
        trace(nn.Sequential(nn.Conv2d(1, 1, 3), Picky()), (1, 8, 8))


def fingerprint(model):
    """Everything a caller could see changed, tensors by identity, version and content."""
    return [
        (
            name,
            module.training,
            {
                key: (id(t), t._version, t.device, t.requires_grad)
                for key, t in module._parameters.items()
                if t is not None
            },
            {key: (id(t), t._version) for key, t in module._buffers.items() if t is not None},
            dict(module._forward_hooks),
            dict(module._forward_pre_hooks),
            sorted(vars(module)),
        )
        for name, module in model.named_modules()
    ]


class Awkward(nn.Module):
    """Batch norm and dropout in training mode, both ways of writing them, an in-place operation, a plain tensor."""

    def __init__(self, fails=False):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.norm = nn.BatchNorm2d(4)
        self.drop = nn.Dropout(0.5)
        self.table = torch.arange(4.0)
        self.fails = fails

    def forward(self, x):
        x = F.dropout(self.drop(self.norm(self.conv(x))), 0.5, training=True)
        x *= self.table[:, None, None] + torch.rand(4, 1, 1)
        x.relu_()
        if self.fails:
            raise RuntimeError("on purpose")
        return x.mean((2, 3))


@pytest.mark.parametrize("fails", [False, True])
def test_the_model_and_the_random_numbers_are_left_as_they_were(fails):
    model = Awkward(fails).train()
    seen = []
    model.conv.register_forward_hook(lambda *arguments: seen.append("after"))
    model.norm.register_forward_pre_hook(lambda *arguments: seen.append("before"))
    model.conv.weight.requires_grad_(False)
    before, state = fingerprint(model), copy.deepcopy(model.state_dict())
    random, gradients = torch.get_rng_state(), torch.is_grad_enabled()
    if fails:
        with pytest.raises(ValueError, match="on purpose"):
            trace(model, (3, 8, 8))
    else:
        assert trace(model, (3, 8, 8)).parameters == 3 * 4 * 9 + 4 + 8
    assert fingerprint(model) == before
    assert all(torch.equal(state[key], tensor) for key, tensor in model.state_dict().items())
    assert torch.equal(random, torch.get_rng_state()) and torch.is_grad_enabled() == gradients
    assert torch.empty(1).device.type == "cpu"
    assert seen == []
    assert torch.equal(model.table, torch.arange(4.0))


class Devices(TorchDispatchMode):
    """Notes the device of every tensor that PyTorch makes. (`detach` makes none: it looks at one again.)"""

    def __init__(self):
        super().__init__()
        self.seen = set()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        tensors = result if isinstance(result, (tuple, list)) else [result]
        if func is not torch.ops.aten.detach.default:
            self.seen |= {tensor.device.type for tensor in tensors if isinstance(tensor, torch.Tensor)}
        return result


def test_no_tensor_is_made_in_memory_not_even_for_what_is_not_registered():
    class Hidden(nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = [nn.Conv2d(1, 2, 3)]
            self.constants = {"scale": torch.ones(2, 1, 1)}

        def forward(self, x):
            return self.layers[0](x) * self.constants["scale"]

    model, devices = nn.Sequential(Hidden(), Awkward()), Devices()
    model[1].conv = nn.Conv2d(2, 4, 3)
    with devices:
        rows = trace(model, (1, 8, 8)).rows
    assert devices.seen == {"meta"}
    assert rows[0].output_shape == (1, 2, 6, 6) and rows[0].multiply_adds == 18 * 36


def test_works_inside_inference_mode_and_from_other_devices_and_dtypes():
    expected = trace(LeNet5Modern(), (1, 32, 32)).rows
    with torch.inference_mode():
        assert trace(LeNet5Modern(), (1, 32, 32)).rows == expected
    with torch.no_grad():
        assert trace(LeNet5Modern(), (1, 32, 32)).rows == expected
    assert trace(LeNet5Modern().half(), (1, 32, 32)).rows == expected
    assert trace(LeNet5Modern().double(), (1, 32, 32)).rows == expected
    assert trace(LeNet5Modern().to("meta"), (1, 32, 32)).rows == expected
    assert trace(LeNet5Modern().to(memory_format=torch.channels_last), (1, 32, 32)).rows == expected


# What a forward may do.


def test_functional_operations_have_rows_and_are_followed():
    class Functional(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv1, self.conv2 = nn.Conv2d(1, 2, 3, padding=1), nn.Conv2d(2, 3, (3, 5))
            self.fc = nn.Linear(3 * 4, 7)

        def forward(self, x):
            x = F.max_pool2d(F.relu(self.conv1(x)), 2)
            x = F.avg_pool2d(F.pad(x, (0, 1, 1, 0)), 3, stride=(1, 2), ceil_mode=True)
            x = torch.tanh(self.conv2(x))
            return self.fc(torch.flatten(F.adaptive_avg_pool2d(x, 2), 1)).softmax(1)

    table = trace(Functional(), (1, 32, 32))
    assert [(row.name, row.kind, row.output_shape, row.receptive_field) for row in table.rows] == [
        ("conv1", "Conv2d", (1, 2, 32, 32), 3),
        ("(in forward)", "max_pool2d (functional)", (1, 2, 16, 16), 4),
        ("(in forward)", "pad (functional)", (1, 2, 17, 17), 4),
        ("(in forward)", "avg_pool2d (functional)", (1, 2, 15, 8), 8),
        ("conv2", "Conv2d", (1, 3, 13, 4), (12, 24)),
        ("(in forward)", "adaptive_avg_pool2d (functional)", (1, 3, 2, 2), (24, 28)),
        ("fc", "Linear", (1, 7), 32),
    ]
    pool = table.rows[3]
    assert (pool.kernel, pool.stride, pool.padding, pool.dilation) == (3, (1, 2), 0, 1)
    assert table.multiply_adds == 9 * 2 * 32**2 + 15 * 2 * 3 * 13 * 4 + 12 * 7


def test_parameters_used_by_a_forward_itself_have_rows():
    class Mixed(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(1, 2, 3)
            self.scale = nn.Parameter(torch.ones(2, 1, 1))
            self.kernel = nn.Parameter(torch.ones(4, 2, 3, 3))
            self.head = nn.Parameter(torch.ones(5, 4))
            self.spare = nn.Parameter(torch.ones(11))

        def forward(self, x):
            x = F.conv2d(self.conv(x) * self.scale, self.kernel, dilation=2)
            return F.linear(x.amax((2, 3)), self.head)

    table = trace(Mixed(), (1, 16, 16))
    assert [(row.name, row.kind, row.parameters, row.multiply_adds) for row in table.rows] == [
        ("conv", "Conv2d", 20, 18 * 14 * 14),
        ("scale", "mul (functional)", 2, 0),
        ("kernel", "conv2d (functional)", 72, 72 * 10 * 10),
        ("(in forward)", "amax (functional)", 0, 0),
        ("head", "linear (functional)", 20, 20),
    ]
    assert (table.parameters, table.unused) == (114, 11)
    assert "dilation" in str(table) and "dilation" not in str(trace(LeNet5(), (1, 32, 32)))


def test_layers_used_twice_appear_twice_and_shared_parameters_count_once():
    class Tied(nn.Module):
        def __init__(self):
            super().__init__()
            self.twice = nn.Conv2d(4, 4, 3, padding=1)
            self.other = nn.Conv2d(4, 4, 3, padding=1, bias=False)
            self.other.weight = self.twice.weight

        def forward(self, x):
            return self.other(self.twice(self.twice(x)))

    table = trace(Tied(), (4, 8, 8))
    assert [(row.name, row.parameters) for row in table.rows] == [("twice", 148), ("twice", 148), ("other", 144)]
    assert table.parameters == 148 and table.unused == 0
    assert table.multiply_adds == 3 * 144 * 64
    assert [row.receptive_field for row in table.rows] == [3, 5, 7]
    assert "292 parameters" in str(table)


Outputs = namedtuple("Outputs", "first second")


def test_tuples_dictionaries_named_tuples_keywords_and_no_tensor_at_all():
    class Several(nn.Module):
        def __init__(self, kind):
            super().__init__()
            self.kind = kind

        def forward(self, x, *, factor):
            both = (x * factor, x[:, :1])
            return {"tuple": both, "dict": dict(zip("ab", both, strict=True)), "named": Outputs(*both)}[self.kind]

    class Says(nn.Module):
        def forward(self, x):
            return "nothing"

    class Outer(nn.Module):
        def __init__(self):
            super().__init__()
            self.tuple, self.dict, self.named = map(Several, ("tuple", "dict", "named"))
            self.says = Says()

        def forward(self, x):
            x = self.tuple(x, factor=2)[0]
            x = self.dict(x=x, factor=3)["a"]
            self.says(x)
            return self.named(x, factor=4)

    rows = trace(Outer(), (3, 4, 5)).rows
    assert [row.output_shape for row in rows] == [((1, 3, 4, 5), (1, 1, 4, 5))] * 2 + [(), ((1, 3, 4, 5), (1, 1, 4, 5))]
    assert [row.memory for row in rows] == [4 * 80, 4 * 80, 0, 4 * 80]


def test_unusual_layers():
    """What PyTorch itself does to a layer's weights goes on: lazy shapes, pruning, spectral norm, weight norm."""
    from torch.nn.utils import parametrizations, prune, spectral_norm

    pruned = nn.Conv2d(1, 4, 3)
    prune.l1_unstructured(pruned, "weight", 0.5)
    model = nn.Sequential(
        pruned,
        spectral_norm(nn.Conv2d(4, 4, 3)),
        parametrizations.weight_norm(nn.Conv2d(4, 4, 3)),
        nn.LazyConv2d(2, 3),
        nn.Flatten(),
        nn.LazyLinear(5),
    )
    table = trace(model, (1, 12, 12))
    assert table.multiply_adds == 36 * 100 + 144 * 64 + 144 * 36 + 72 * 16 + 32 * 5
    assert [(row.name, row.kind, row.kernel) for row in table.rows] == [
        ("0", "Conv2d", 3),
        ("1", "Conv2d", 3),
        ("2", "ParametrizedConv2d", 3),
        ("3", "Conv2d", 3),
        ("4", "Flatten", None),
        ("5", "Linear", None),
    ]
    # Weight norm has a length more for each of its four kernels.
    assert [row.parameters for row in table.rows] == [40, 148, 152, 74, 0, 165]
    (lazy,) = trace(nn.LazyConv2d(2, 3), (3, 5, 5)).rows
    assert lazy.parameters == 56
    assert isinstance(model[3], nn.LazyConv2d) and model[3].has_uninitialized_params()
    assert prune.is_pruned(model[0])


def test_attention_and_recurrence_run():
    class Sequence(nn.Module):
        def __init__(self):
            super().__init__()
            self.attention = nn.MultiheadAttention(8, 2, batch_first=True)
            self.lstm = nn.LSTM(8, 3, batch_first=True)

        def forward(self, x):
            x = x.flatten(2).transpose(1, 2)
            return self.lstm(self.attention(x, x, x)[0])[0]

    model = Sequence()
    attention, lstm = trace(model, (8, 4, 4)).rows
    assert attention.parameters == sum(p.numel() for p in model.attention.parameters())
    # Four projections of 16 tokens, and in two heads of 4: scores and weighted sums over 16 by 16 pairs.
    assert attention.multiply_adds == 4 * 16 * 8 * 8 + 2 * 2 * 16 * 16 * 4
    assert lstm.parameters == sum(p.numel() for p in model.lstm.parameters())
    assert attention.receptive_field is None and lstm.receptive_field is None


def test_transposed_and_grouped_convolutions():
    model = nn.Sequential(nn.Conv2d(4, 8, 3, groups=2), nn.ConvTranspose2d(8, 6, 2, stride=2))
    grouped, transposed = trace(model, (4, 7, 7)).rows
    assert grouped.multiply_adds == conv_multiply_adds(4, 8, 3, 5, groups=2)
    assert transposed.output_shape == (1, 6, 10, 10)
    assert transposed.multiply_adds == 8 * 6 * 4 * 25  # each weight once per *input* position
    assert transposed.receptive_field is None


def test_a_model_may_catch_an_exception_of_its_own():
    class Tries(nn.Module):
        def __init__(self):
            super().__init__()
            self.large, self.small = nn.Conv2d(1, 1, 9), nn.Conv2d(1, 1, 3)

        def forward(self, x):
            try:
                return self.large(x)
            except RuntimeError:
                return self.small(x)

    assert trace(Tries(), (1, 5, 5)).rows[-1].output_shape == (1, 1, 3, 3)


def test_traces_in_threads_do_not_mix():
    expected, tables = trace(LeNet5(), (1, 32, 32)).rows, []
    model = LeNet5()
    threads = [threading.Thread(target=lambda: tables.append(trace(model, (1, 32, 32)).rows)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert tables == [expected] * 4


# The receptive field.


def test_receptive_field_of_a_chain_is_that_of_shapes():
    generator = torch.Generator().manual_seed(0)

    def draw(low, high):
        return tuple(torch.randint(low, high + 1, (2,), generator=generator).tolist())

    for _ in range(50):
        layers = []
        for number in range(4):
            kernel, stride, dilation = draw(1, 4), draw(1, 2), draw(1, 2)
            padding = tuple(k // 2 for k in kernel)
            kind = (nn.Conv2d, nn.MaxPool2d)[number % 2]
            layers.append((kind, (kernel, stride, padding, dilation)))
        model = nn.Sequential(*(kind(*((2, 2) if kind is nn.Conv2d else ()), *window) for kind, window in layers))
        for number, row in enumerate(trace(model, (2, 64, 64)).rows, 1):
            field = receptive_field([window for _, window in layers[:number]])
            assert row.receptive_field == (field.size if len(set(field.size)) == 2 else field.size[0])


def reach(model, size, output):
    """Height and width of the input region with a gradient for one output position, by a real run."""
    for parameter in model.parameters():
        nn.init.constant_(parameter, 1.0)
    picture = torch.rand(1, *size, dtype=torch.float64, requires_grad=True)
    y = model.double()(picture)
    (y[:, :, output, output] if y.ndim == 4 else y).sum().backward()
    rows, columns = picture.grad[0].abs().sum(0).nonzero().T
    return (rows.max() - rows.min() + 1).item(), (columns.max() - columns.min() + 1).item()


class Branches(nn.Module):
    """An addition, a concatenation and a gate."""

    def __init__(self):
        super().__init__()
        self.wide = nn.Conv2d(1, 2, (1, 7), padding=(0, 3))
        self.tall = nn.Conv2d(1, 2, (5, 1), padding=(2, 0))
        self.longer = nn.Conv2d(2, 2, 3, padding=1)
        self.last = nn.Conv2d(4, 1, 3, stride=2)

    def forward(self, x):
        x = self.wide(x) + self.tall(x)
        x = torch.cat([x, self.longer(x)], 1)
        return self.last(x * torch.sigmoid(x))


def test_receptive_field_of_branches_is_where_a_gradient_arrives():
    model = Branches()
    table = trace(model, (1, 31, 31))
    assert [row.receptive_field for row in table.rows] == [(1, 7), (5, 1), (7, 9), (9, 11)]
    assert reach(model, (1, 31, 31), 7) == (9, 11)


class Shifted(nn.Module):
    """Two branches that look to opposite sides."""

    def __init__(self):
        super().__init__()
        self.left, self.right = nn.Conv2d(1, 1, 5), nn.Conv2d(1, 1, 5)

    def forward(self, x):
        return F.relu(self.left(F.pad(x, (2, 0, 3, 0))) + self.right(F.pad(x, (0, 2, 0, 3))))


class Gate(nn.Module):
    """Squeeze and excitation: a number made of the whole map scales every position."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Conv2d(1, 1, 1)

    def forward(self, x):
        return x * torch.sigmoid(self.fc(x.mean((2, 3), keepdim=True)))


def test_receptive_field_of_branches_that_look_aside():
    model = nn.Sequential(Shifted(), nn.ReLU())
    assert trace(model, (1, 20, 20)).rows[-1].receptive_field == (8, 7) == reach(model, (1, 20, 20), 9)


@pytest.mark.parametrize(
    ("head", "size"),
    [
        (nn.Sequential(nn.Conv2d(1, 1, 3), nn.AdaptiveAvgPool2d(1)), 9),
        (nn.Sequential(nn.Conv2d(1, 1, 3), nn.AdaptiveMaxPool2d(2), nn.Flatten(), nn.Linear(4, 2)), 9),
        (nn.Sequential(nn.Conv2d(1, 1, 3, stride=4), nn.Flatten(), nn.Linear(9, 2)), 14),
        (nn.Sequential(nn.Conv2d(1, 1, 3, stride=4, padding=1), nn.Flatten(), nn.Linear(4, 2)), 8),
        (nn.Sequential(nn.Conv2d(1, 1, 3, padding=1), nn.GroupNorm(1, 1)), 9),
        (nn.Sequential(nn.Conv2d(1, 1, 3, padding=1), Gate(), nn.Conv2d(1, 1, 3)), 9),
    ],
)
def test_joining_all_positions_sees_what_is_read_of_the_input(head, size):
    seen = trace(head, (1, size, size)).rows[-1].receptive_field
    assert seen <= size
    if not any(isinstance(module, nn.AdaptiveMaxPool2d) for module in head):  # one gradient per window only
        assert (seen, seen) == reach(head, (1, size, size), 0)
    else:
        assert seen == 9


def test_a_map_of_one_position_may_be_viewed_in_any_way():
    class Squeezed(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.fc = nn.Conv2d(1, 2, 5), nn.Linear(2, 3)

        def forward(self, x):
            return self.fc(self.conv(x).squeeze(3).squeeze(2))

    assert [row.receptive_field for row in trace(Squeezed(), (4, 1, 5, 5)).rows] == [5, 5]


def test_normalisation_across_channels_leaves_the_receptive_field():
    model = nn.Sequential(nn.Conv2d(1, 6, 3, stride=2), nn.LocalResponseNorm(5, k=2), nn.MaxPool2d(3, stride=2))
    assert [row.receptive_field for row in trace(model, (1, 15, 15)).rows] == [3, 3, 7]
    assert reach(model[:2], (1, 15, 15), 3) == (3, 3)
    over_places = nn.Sequential(nn.Conv2d(1, 6, 3), nn.Unflatten(1, (1, 6)), nn.AvgPool3d((1, 3, 3), stride=1))
    assert trace(over_places, (1, 15, 15)).rows[-1].receptive_field is None  # not followed


def test_published_receptive_fields():
    """Araujo, Norris & Sim, Distill 2019: AlexNet 195, VGG-16 212, Inception-v3 1311 (within a non-square branch)."""
    for name, layer, expected in [("alexnet", "features.12", 195), ("vgg16", "features.30", 212)]:
        rows = {row.name: row for row in trace(torchvision_model(name), (3, 224, 224)).rows}
        assert rows[layer].receptive_field == expected
    rows = {row.name: row for row in trace(torchvision_model("inception_v3"), (3, 299, 299)).rows}
    assert max(rows["Mixed_7c.branch3x3dbl_3b.conv"].receptive_field) == 1311


# Errors.


class LeNetLike(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.fc = nn.Conv2d(1, 6, 5), nn.Linear(6 * 14 * 14, 10)

    def forward(self, x):
        return self.fc(F.max_pool2d(self.conv(x), 2).flatten(1))


class Functional5(nn.Module):
    def forward(self, x):
        return F.avg_pool2d(x, 5)


class Conv5Pool2(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 6, 5)

    def forward(self, x):
        return F.max_pool2d(F.relu(self.conv(x)), 2)


@pytest.mark.parametrize(
    ("model", "size", "message"),
    [
        (
            lambda: torchvision_model("alexnet"),
            (3, 62, 62),
            "features.12 (MaxPool2d) got (1, 256, 2, 2): floor((2 + 2·0 − 1·(3 − 1) − 1) / 2) + 1 = 0; "
            "size=2 is too small: the 3-wide window needs 1 more than the padded input's 2 (2 + 2·0); "
            "size must be at least 3",
        ),
        (
            lambda: nn.Conv2d(1, 1, (3, 9), padding=1, dilation=2),
            (1, 12, 12),
            "the model (Conv2d) got (1, 1, 12, 12): floor((12 + 2·1 − 2·(9 − 1) − 1) / 1) + 1 = -2; "
            "size=12 is too small in width: the 17-wide window needs 3 more",
        ),
        (lambda: LeNetLike(), (3, 32, 32), "conv (Conv2d) got (1, 3, 32, 32): it has 3 channels, but in_channels = 1"),
        (
            lambda: LeNetLike(),
            (1, 28, 28),
            "fc (Linear) got (1, 864): its last axis has 864 features, but in_features = 1,176",
        ),
        (
            lambda: nn.Sequential(nn.Linear(12, 2)),
            (3, 2, 2),
            "0 (Linear) got (1, 3, 2, 2): its last axis has 2 features, but in_features = 12; "
            "flattened, (N, 12), it would fit",
        ),
        (
            lambda: nn.Sequential(Functional5()),
            (1, 4, 9),
            "0 (Functional5) got (1, 1, 4, 9): floor((4 + 2·0 − 1·(5 − 1) − 1) / 5) + 1 = 0",
        ),
        (
            lambda: nn.Sequential(Conv5Pool2()),
            (1, 5, 5),
            "max_pool2d in the forward of 0 (Conv5Pool2) got (1, 6, 1, 1): "
            "floor((1 + 2·0 − 1·(2 − 1) − 1) / 2) + 1 = 0; size=1 is too small",
        ),
        (lambda: nn.MaxPool2d(3, 2, padding=2), (1, 9, 9), "padding=2 is more than half of kernel=3"),
        (lambda: nn.MaxPool2d(4, 2, ceil_mode=True), (1, 1, 1), "ceil((1 + 2·0 − 1·(4 − 1) − 1) / 2) + 1 = 0"),
        (lambda: nn.Sequential(nn.BatchNorm1d(3)), (3, 4, 4), "0 (BatchNorm1d) got (1, 3, 4, 4): expected 2D or 3D"),
        (lambda: nn.Unflatten(1, (2, 2)), (3, 4, 4), "the model (Unflatten) got (1, 3, 4, 4): "),
    ],
)
def test_an_input_that_a_layer_cannot_take_is_explained(model, size, message):
    with pytest.raises(ValueError) as caught:
        trace(model(), size)
    assert message in str(caught.value)
    assert isinstance(caught.value.__cause__, (RuntimeError, ValueError))


def test_alexnets_smallest_input_is_63():
    assert trace(torchvision_model("alexnet"), (3, 63, 63)).rows[-1].output_shape == (1, 1000)


def test_a_fault_in_the_code_of_a_forward_is_not_dressed_up():
    class Faulty(nn.Module):
        def forward(self, x):
            return x.no_such_method()

    with pytest.raises(AttributeError):
        trace(Faulty(), (1, 4, 4))


@pytest.mark.parametrize("size", [(32, 32), 32, (1, 0, 32), (1, 2, 3, 4, 5), (1.0, 32, 32), (True, 32, 32), "332"])
def test_input_size_is_checked(size):
    with pytest.raises(ValueError, match=r"input_size must be \(C, H, W\) or \(N, C, H, W\)"):
        trace(LeNet5(), size)


@pytest.mark.parametrize("model", [LeNet5, None, F.relu])
def test_model_is_checked(model):
    with pytest.raises(ValueError, match="model must be an nn.Module"):
        trace(model, (1, 32, 32))


# The table.


class Cells(html.parser.HTMLParser):
    """The cells of a table: (tag, attributes, text)."""

    def __init__(self, source):
        super().__init__()
        self.cells, self.tags = [], []
        self.feed(source)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        if tag in ("th", "td"):
            self.cells.append([tag, dict(attributes), ""])

    def handle_data(self, data):
        if self.cells and data.strip():
            self.cells[-1][2] += data


def test_html_is_a_proper_table():
    table = trace(LeNet5Modern(), (1, 32, 32))
    parsed = Cells(table._repr_html_())
    assert [tag for tag in parsed.tags if tag not in ("th", "td", "tr", "wbr")] == [
        "table",
        "caption",
        "thead",
        "tbody",
        "tfoot",
    ]
    assert parsed.tags.count("tr") == 1 + len(table.rows) + 1
    headings = [cell for cell in parsed.cells if cell[1].get("scope") == "col"]
    assert [text for _, _, text in headings] == [
        "layer", "kind", "kernel", "stride", "padding", "output shape", "parameters", "multiply–adds",
        "receptive field", "memory (bytes)",
    ]  # fmt: skip
    assert len(parsed.cells) == len(headings) * (len(table.rows) + 2)
    names = [text for _, attributes, text in parsed.cells if attributes.get("scope") == "row"]
    assert names == [row.name for row in table.rows] + ["total"]
    by_text = {text: attributes["style"] for _, attributes, text in parsed.cells}
    assert by_text["61,706"] == by_text["parameters"] == "text-align: right"
    assert by_text["conv1"] == by_text["(1, 6, 28, 28)"] == "text-align: left"


def test_a_long_kind_may_break_in_html():
    page = trace(nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.ReLU()), (1, 4, 4))._repr_html_()
    assert ">Adaptive<wbr>Avg<wbr>Pool2d<" in page and ">ReLU<" in page
    assert [text for _, _, text in Cells(page).cells if text.startswith("Adaptive")] == ["AdaptiveAvgPool2d"]


def test_names_are_escaped_in_html():
    class Odd(nn.Module):
        def forward(self, x):
            return x

    Odd.__name__ = "<b>&"
    assert "<b>" not in trace(Odd(), (1, 2, 2))._repr_html_()


def test_plain_text_is_aligned_and_has_no_address():
    table = trace(LeNet5Modern(), (1, 32, 32))
    assert repr(table) == str(table) == repr(trace(LeNet5Modern(), (1, 32, 32)))
    caption, _, titles, rule, *lines = str(table).split("\n")
    assert caption == "LeNet5Modern, input (1, 1, 32, 32)"
    end = titles.index("parameters") + len("parameters")
    assert lines[0].startswith("conv1 ") and lines[0][:end].endswith(" 156")
    assert lines[-1].startswith("total") and lines[-1][:end].endswith(" 61,706")
    assert set(rule) == {"─"} and len(rule) == len(titles) and "0x" not in str(table)
