"""A pytest plugin that gives nbval the outputs of the build's execution in place of a kernel of its own.

The build executes every chapter and keeps what it computed in jupyter-cache. nbval would execute them all a second
time, the longest part of a test run, only to compare. With `-p tests.notebooks.executed` its comparison is the same,
output by output, but what it compares with the stored outputs is what stands on the site. Without the plugin,
`pytest --nbval chapters` executes for itself.
"""

import sys
from pathlib import Path
from queue import Empty

import nbformat
from jupyter_cache import get_cache
from nbval.plugin import IPyNbFile

ROOT = Path(__file__).resolve().parents[2]


def pytest_addoption(parser):
    parser.addoption("--executed-cache", help="folder of the jupyter-cache with the executed notebooks")


def built_cache():
    sys.path.insert(0, str(ROOT / "book" / "_ext"))
    from book_site import execution_key

    return ROOT / "_build" / ".jupyter_cache" / execution_key()


class Executed:
    """Of nbval's RunningKernel, what its cells ask for: each cell that is run gets the messages of its execution."""

    def __init__(self, path, cache):
        notebook = nbformat.read(path, as_version=4)
        if not Path(cache).is_dir():
            raise RuntimeError(f"{cache} does not exist: build the site first")
        try:
            _, executed = get_cache(cache).merge_match_into_notebook(notebook)
        except KeyError:
            raise RuntimeError(f"{path} has not been executed as it is now: build the site first") from None
        self.cells = [cell for cell in executed.cells if cell.cell_type == "code"]
        self.ran = 0
        self.messages = []

    def execute_cell_input(self, source, allow_stdin=None):
        number = next((n for n in range(self.ran, len(self.cells)) if self.cells[n].source == source), None)
        if number is None:
            raise RuntimeError(f"the build executed no such cell: {source[:60]!r}")
        self.ran = number + 1
        for output in self.cells[number].outputs:
            content = {key: value for key, value in output.items() if key != "output_type"}
            self._send(number, output.output_type, content)
        self._send(number, "status", {"execution_state": "idle"})
        return number

    def _send(self, number, kind, content):
        content = nbformat.from_dict(content)  # a copy: nbval changes what it gets
        self.messages.append({"msg_type": kind, "content": content, "parent_header": {"msg_id": number}})

    def get_message(self, stream, timeout=None):
        if not self.messages:
            raise Empty
        return self.messages.pop(0)

    def await_reply(self, msg_id, timeout=None):
        pass

    def await_idle(self, msg_id, timeout=None):
        self.messages.clear()

    def is_alive(self):
        return True

    def stop(self):
        pass


def setup(file):
    file.kernel = Executed(file.path, file.config.getoption("--executed-cache") or built_cache())
    file.setup_sanitize_files()


def pytest_configure(config):
    IPyNbFile.setup = setup
