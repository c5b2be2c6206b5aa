"""`companion.trace` against `torchinfo.summary(verbose=0)`: memory and time.

torchinfo runs the model that it is given, on its numbers; so it is also given one without any, on PyTorch's meta
device. Memory is measured in a fresh process for each tool. For the time they take turns in one process with one
thread, and each round gives a ratio, so that a machine that slows down slows all of them.
"""

import subprocess
import sys
import tracemalloc
from functools import partial
from operator import truediv
from resource import RUSAGE_SELF, getrusage
from statistics import median
from timeit import timeit

import torch
import torchinfo
from torch import nn

from companion.models.by_name import BY_NAME
from companion.models.lenet import LeNet5Modern
from companion.trace import trace

ROUNDS = 9
NETWORKS = {
    "LeNet-5 modern": LeNet5Modern,
    "AlexNet": BY_NAME["alexnet"],
    "VGG-16": BY_NAME["vgg16"],
    "ResNet-50": BY_NAME["resnet50"],
    "GoogLeNet": BY_NAME["googlenet"],
}
TOOLS = {  # each with the device of the model that it is given
    "trace": ("cpu", trace),
    "torchinfo": ("cpu", lambda model, size: torchinfo.summary(model, (1, *size), device="cpu", verbose=0)),
    "torchinfo, meta": ("meta", lambda model, size: torchinfo.summary(model, (1, *size), device="meta", verbose=0)),
}


def network(name: str, device: str) -> tuple[nn.Module, tuple]:
    """The model, and the size of its input."""
    with torch.device("meta"):
        model = NETWORKS[name]().eval()
    if device == "cpu":
        for tensor in model.to_empty(device="cpu").state_dict().values():
            tensor.zero_()  # memory is the process's only once it is written to
    return model, (1, 32, 32) if name == "LeNet-5 modern" else (3, 224, 224)


def seconds(name: str) -> dict[str, list[float]]:
    """How long each tool took, in each round."""
    networks = {device: network(name, device) for device in ("cpu", "meta")}
    times = {tool: [] for tool in TOOLS}
    for number in range(1 + ROUNDS):
        for tool in sorted(TOOLS, reverse=number % 2 == 1):  # nobody always goes first
            device, run = TOOLS[tool]
            times[tool].append(timeit(partial(run, *networks[device]), number=1))
    return {tool: rounds[1:] for tool, rounds in times.items()}  # the first one was for warming up


def print_memory(tool: str) -> None:
    device, run = TOOLS[tool]
    run(*network("LeNet-5 modern", device))  # now the code has been read from disk
    vgg16 = network("VGG-16", device)
    _ballast = bytearray(100_000_000)  # so that no earlier peak hides what comes now
    before = getrusage(RUSAGE_SELF).ru_maxrss
    run(*vgg16)
    grown = (getrusage(RUSAGE_SELF).ru_maxrss - before) * (1 if sys.platform == "darwin" else 1024)
    tracemalloc.start()
    run(*vgg16)
    print(grown, tracemalloc.get_traced_memory()[1])


if __name__ == "__main__":
    torch.set_num_threads(1)
    if len(sys.argv) > 1:
        sys.exit(print_memory(sys.argv[1]))
    # Memory first: on Linux a process starts with the peak that its parent has reached.
    print("memory on VGG-16 (MB): growth of the process's peak, and Python's own peak (tracemalloc)")
    for tool in TOOLS:
        run = subprocess.run([sys.executable, __file__, tool], stdout=subprocess.PIPE, text=True, check=True)
        print(f"{tool:16}", *(f"{int(n) / 1e6:8.2f}" for n in run.stdout.split()), flush=True)
    print(f"\ntime (ms), and how many times as long as trace: medians of {ROUNDS} rounds")
    print(" " * 16 + "".join(f"{tool:>20}" for tool in TOOLS))
    for name in NETWORKS:
        times, line = seconds(name), f"{name:16}"
        for rounds in times.values():
            line += f"{1e3 * median(rounds):12.1f}{median(map(truediv, rounds, times['trace'])):7.2f}×"
        print(line, flush=True)
