"""`companion.cam` against a plain forward pass and the Grad-CAM of `grad-cam`, `captum` and `torchcam`.

Same network (random weights), layer, pictures and classes for all; each makes finished maps: ReLU, the pictures' size,
from 0 to 1. They take turns in one process with one thread, and each round gives a ratio. What is measured is the time
that the processor spends on it: with one thread that is the time it takes, and it does not grow when others want the
processor. A peer that is not installed is named, and left out.
"""

import importlib
import subprocess
import sys
import time
from functools import partial
from operator import truediv
from pathlib import Path
from resource import RUSAGE_SELF, getrusage
from statistics import median

import torch

from companion.cam import heatmaps, to_image
from companion.models.by_name import BY_NAME

PEERS = {"grad-cam": "pytorch_grad_cam", "captum": "captum.attr", "torchcam": "torchcam.methods"}
FOLDER = Path(__file__).resolve().parents[1] / "_build" / "peers"
INSTALL = ".venv/bin/pip install --no-deps --target _build/peers -r benchmarks/requirements.txt"
NETWORKS = {  # with the last layer that gives maps
    "ResNet-18": (BY_NAME["resnet18"], "layer4"),
    "ResNet-50": (BY_NAME["resnet50"], "layer4"),
    "VGG-16": (BY_NAME["vgg16"], "features.29"),
    "GoogLeNet": (BY_NAME["googlenet"], "inception5b"),
}
SECONDS = {1: 8, 16: 16}  # for the rounds of one network, by batch; at least three rounds


# Each tool: (model, layer's name, pictures, classes) → maps (N, H, W)


def forward(model, layer, images, classes):
    with torch.inference_mode():
        return model(images)


def grad_cam(model, layer, images, classes):
    targets = [target(c) for c in classes.tolist()]
    with peers["grad-cam"].GradCAM(model=model, target_layers=[model.get_submodule(layer)]) as cam:
        return cam(input_tensor=images, targets=targets)


def captum(model, layer, images, classes):
    maps = peers["captum"].LayerGradCam(model, model.get_submodule(layer)).attribute(images, target=classes)
    return to_image(maps.detach()[:, 0], images.shape[-2:])


def torchcam(model, layer, images, classes):
    with peers["torchcam"].GradCAM(model, target_layer=layer) as cam:
        maps = cam(classes.tolist(), model(images))[0]
    return to_image(maps, images.shape[-2:])


def one_by_one(tool, model, layer, images, classes):
    """What a tool that knows one class per picture is asked for several (N, M)."""
    return torch.stack([torch.as_tensor(tool(model, layer, images, column)) for column in classes.T], dim=1)


def network(name: str):
    torch.manual_seed(0)
    make, layer = NETWORKS[name]
    return make().eval(), layer


def measured(tools: dict, model, layer: str, images, seconds: float) -> dict[str, list[float]]:
    """How long each took, in each round, at least three. tools: name → (function, classes)."""
    for function, classes in tools.values():
        function(model, layer, images[:1], classes[:1])  # for warming up
    times, end = {tool: [] for tool in tools}, time.perf_counter() + seconds
    while len(times["ours"]) < 3 or time.perf_counter() < end:
        for tool in sorted(tools, reverse=len(times["ours"]) % 2 == 1):  # nobody always goes first
            function, classes = tools[tool]
            start = time.process_time()
            function(model, layer, images, classes)
            times[tool].append(time.process_time() - start)
            model.zero_grad()  # grad-cam leaves a gradient in every parameter
    return times


def print_times(tools: dict) -> None:
    print("\ntime of a plain forward pass (s); how many times as long ours takes, compared with it and with each peer")
    headings = "".join(f"{'÷ ' + tool:>12}" for tool in tools if tool != "ours")
    print(f"{'network, batch':16}{'forward':>9}{headings}  rounds")
    for name in NETWORKS:
        model, layer = network(name)
        for batch, seconds in SECONDS.items():
            images, classes = torch.randn(batch, 3, 224, 224), torch.arange(batch)
            times = measured({t: (run, classes) for t, run in tools.items()}, model, layer, images, seconds)
            line = f"{f'{name}, {batch}':16}{median(times['forward']):9.3f}"
            for tool in times:
                if tool != "ours":
                    line += f"{median(map(truediv, times['ours'], times[tool])):11.2f}×"
            print(line + f"{len(times['ours']):8}", flush=True)


def print_five(tools: dict) -> None:
    print("\nmaps of five classes of one picture: how many times as long as ours for one class")
    print(f"{'network':16}" + "".join(f"{name:>12}" for name in list(tools)[1:]) + "  rounds")
    for name in NETWORKS:
        model, layer = network(name)
        classes = torch.arange(5)[None]
        runs = {"ours": (heatmaps, classes), "one": (heatmaps, classes[:, 0])}
        runs |= {tool: (partial(one_by_one, tools[tool]), classes) for tool in list(tools)[2:]}
        times = measured(runs, model, layer, torch.randn(1, 3, 224, 224), SECONDS[1])
        ratios = (median(map(truediv, times[tool], times["one"])) for tool in runs if tool != "one")
        print(f"{name:16}" + "".join(f"{ratio:11.2f}×" for ratio in ratios) + f"{len(times['one']):8}", flush=True)


def print_memory(tool: str) -> None:
    """By how many bytes the process's peak grows, ResNet-50, 16 pictures."""
    tools[tool](*network("ResNet-18"), torch.randn(1, 3, 64, 64), torch.tensor([0]))  # now the code has been read
    model, layer = network("ResNet-50")
    images = torch.randn(16, 3, 224, 224)
    _ballast = bytearray(100_000_000)  # so that no earlier peak hides what comes now
    before = getrusage(RUSAGE_SELF).ru_maxrss
    tools[tool](model, layer, images, torch.arange(16))
    print((getrusage(RUSAGE_SELF).ru_maxrss - before) * (1 if sys.platform == "darwin" else 1024))


if __name__ == "__main__":
    torch.set_num_threads(1)
    sys.path.append(str(FOLDER))
    peers = {}
    for peer, module in PEERS.items():
        try:
            peers[peer] = importlib.import_module(module)
        except ImportError as error:
            print(f"without {peer} ({error}); to install the peers: {INSTALL}", file=sys.stderr)
    if "grad-cam" in peers:
        target = importlib.import_module("pytorch_grad_cam.utils.model_targets").ClassifierOutputTarget
    tools = {"forward": forward, "ours": heatmaps}
    tools |= {name: run for name, run in {"grad-cam": grad_cam, "captum": captum, "torchcam": torchcam}.items()
              if name in peers}  # fmt: skip
    if len(sys.argv) > 1:
        sys.exit(print_memory(sys.argv[1]))
    # Memory first: on Linux a process starts with the peak that its parent has reached.
    print("memory (MB), ResNet-50, 16 pictures: growth of the peak of a fresh process")
    for tool in tools:
        run = subprocess.run([sys.executable, __file__, tool], stdout=subprocess.PIPE, text=True, check=True)
        print(f"{tool:10}{int(run.stdout.split()[-1]) / 1e6:9.0f}", flush=True)
    print_times(tools)
    print_five(tools)
