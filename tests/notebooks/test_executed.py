"""nbval with the build's execution in place of a kernel: what agrees passes, what differs and what is missing fails."""

import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import nbformat
import pytest
from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn

ROOT = Path(__file__).resolve().parents[2]


def notebook(*texts, source="print({})", tags=()):
    """A notebook that has run: cell n prints texts[n], or nothing."""
    cells = []
    for number, text in enumerate(texts):
        outputs = [nbformat.v4.new_output("stream", text=text)] if text else []
        cell = nbformat.v4.new_code_cell(source.format(number), outputs=outputs, execution_count=number + 1)
        cell["id"] = f"cell-{number}"
        cell.metadata["tags"] = list(tags)
        cells.append(cell)
    return nbformat.v4.new_notebook(cells=cells)


IGNORED = {"tags": ["nbval-ignore-output"]}
CASES = {  # name: (as stored, as the build executed it, how many cells then fail)
    "agrees": (notebook("0\n", "1\n"), notebook("0\n", "1\n"), 0),
    "differs": (notebook("0\n", "1\n", "2\n"), notebook("0\n", "1\n", "3\n"), 1),
    "prints-nothing": (notebook("0\n", "1\n", "2\n", "3\n"), notebook(None, "1\n", "2\n", "3\n"), 1),
    "ignored": (notebook("0\n", **IGNORED), notebook("9\n", **IGNORED), 0),
    "another-text": (notebook("0\n", source="print({}) "), notebook("0\n", source="print({})  "), 1),
    "not-built": (notebook("0\n", source="print( {})"), None, 1),
}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """{case: (failed, all)} of its cells, and what was printed."""
    folder = tmp_path_factory.mktemp("chapters")
    cache = get_cache(folder / "cache")
    for name, (stored, executed, _) in CASES.items():
        nbformat.write(stored, folder / f"{name}.ipynb")
        if executed is not None:
            bundle = CacheBundleIn(executed, str(folder / f"{name}.ipynb"))
            cache.cache_notebook_bundle(bundle, check_validity=False, overwrite=True)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "tests.notebooks.executed"]
    report = folder / "report.xml"
    command += ["--nbval", "--nbval-current-env", f"--executed-cache={folder / 'cache'}", f"--junit-xml={report}"]
    paths = [folder / f"{name}.ipynb" for name in CASES]
    printed = subprocess.run([*command, *paths], cwd=ROOT, capture_output=True, text=True).stdout
    found = {name: [] for name in CASES}
    for case in ElementTree.parse(report).iter("testcase"):
        name = next(name for name in CASES if f"{name}.ipynb" in case.get("file", "") + case.get("classname"))
        found[name].append(any(part.tag in ("failure", "error") for part in case))
    return {name: (sum(cells), len(cells)) for name, cells in found.items()}, printed


@pytest.mark.parametrize("name", CASES)
def test_a_cell_fails_where_the_build_computed_something_else_or_nothing(run, name):
    stored, _, failed = CASES[name]
    assert run[0][name] == (failed, len(stored.cells))


def test_what_has_not_been_built_is_named(run):
    assert "Cell outputs differ" in run[1]
    assert "not-built.ipynb has not been executed as it is now: build the site first" in run[1]
