"""`make refresh`: run every chapter, keep its text outputs, stamp the repository's address.

    python tools/notebooks.py refresh [--repository https://github.com/ORG/REPO] [--no-execute] [paths …]

A stored chapter holds what a reader can read in a diff: source, tags, and outputs as text. Pictures and the
state of live figures are left out: the site executes the chapters for itself, and so does a reader.
What is kept must still satisfy nbval, which runs every cell and compares. Found with nbval 0.11.0:

- An output whose PNG or JPEG was stripped but whose text/plain is kept passes: nbval compares an output type by
  type and skips image/png, image/jpeg and the widget view. A matplotlib figure leaves
  `<Figure size 640x480 with 1 Axes>`, which is compared, and by which the tests know that the cell draws.
- A bare live figure passes likewise on its text/plain, if its repr has no memory address.
- image/svg+xml is not skipped. A cell that shows SVG fails once it is stripped: draw PNG.
- stderr is compared. A progress bar is dropped here, so its cell must be tagged `nbval-ignore-output`; any other
  stderr is kept, and a test complains.
- A cell without an execution count is not compared at all if it has no stored output, and is an error if it
  has. So every cell that ran is numbered, in order, and a test demands it.

The address is written in one place, `Repository` under `[project.urls]` in pyproject.toml; absent, this copy has
none. From there it goes into the first cell of each chapter, and the Sphinx extension reads it for the launch
buttons.
"""

import argparse
import hashlib
import os
import re
import sys
import tempfile
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

ROOT = Path(__file__).resolve().parent.parent
TIMEOUT = 300  # seconds for one cell; a whole chapter is meant to take under 60
TEXT_TYPES = ("text/plain", "text/html", "text/latex", "text/markdown")

# Fixed, so that the Python that last ran a chapter leaves no trace (kernelspec is in the execution cache's key).
METADATA = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"file_extension": ".py", "name": "python", "pygments_lexer": "ipython3"},
}
# Metadata that folds a cell: Colab reads `cellView`, JupyterLab reads `jupyter`; the site goes by the tag.
FOLDED = {
    "setup": {"cellView": "form"},
    "solution": {"cellView": "form", "jupyter": {"outputs_hidden": True, "source_hidden": True}},
}

SETUP_CELL = '''\
# @title Setup: on Colab this installs the book's package; elsewhere it does nothing
import importlib.util
import sys

REPOSITORY = {repository}
if "google.colab" in sys.modules and importlib.util.find_spec("companion") is None:
    if REPOSITORY is None:
        raise RuntimeError(
            "This copy of the book does not know its repository: upload the book's folder "
            "and run  %pip install ./the-folder  in a cell above this one."
        )
    %pip install --quiet git+{{REPOSITORY}}
    importlib.invalidate_caches()
    importlib.import_module("companion")  # an install that failed stops here, under pip's own words'''
SETUP_TAGS = ["setup", "remove-cell"]

ADDRESS = re.compile(r"https://github\.com/[\w.-]+/[\w.-]+")
URLS_TABLE = re.compile(r"^\[project\.urls\][ \t]*\n(?:(?!\[).*\n?)*", re.MULTILINE)
URLS_ENTRY = re.compile(r'^Repository\s*=\s*"([^"]*)"[ \t]*\n?', re.MULTILINE)
OVERWRITTEN = re.compile(r"^.*\r(?=[^\n])", re.MULTILINE)  # what a carriage return hides; nbval's own pattern
PROGRESS = re.compile(r"\d+%\|.*\|.*\[.*\]|\d+\S*(?:it|[A-Z]?B|ex)? \[\d+:\d\d.*\]")


class RefreshError(Exception):
    """A chapter that can't be refreshed; the message says which, where and why. Its file is untouched."""


def check_address(repository):
    """Return `repository` without a trailing slash or `.git`; ValueError if it is no GitHub address.

    GitHub only, because Colab opens notebooks from nowhere else.
    """
    address = repository.strip().rstrip("/").removesuffix(".git")
    if not ADDRESS.fullmatch(address):
        raise ValueError(f"repository is {repository!r}; it should read https://github.com/ORG/REPO")
    return address


def read_repository(root=ROOT):
    """The repository's address in `root`/pyproject.toml, or None where this copy has none."""
    table = URLS_TABLE.search((Path(root) / "pyproject.toml").read_text(encoding="utf-8"))
    entry = table and URLS_ENTRY.search(table.group())
    return check_address(entry.group(1)) if entry else None


def write_repository(repository, root=ROOT):
    """Write the address into `root`/pyproject.toml, replacing the one that is there."""
    line = f'Repository = "{check_address(repository)}"\n'
    path = Path(root) / "pyproject.toml"
    text = path.read_text(encoding="utf-8")
    if table := URLS_TABLE.search(text):
        heading, entries = table.group().split("\n", 1)
        section = f"{heading}\n{line}{URLS_ENTRY.sub('', entries)}"
        text = text[: table.start()] + section + text[table.end() :]
    else:
        text = f"{text.rstrip()}\n\n[project.urls]\n{line}"
    write_atomically(path, text)


def setup_cell(repository):
    """The source of a chapter's first cell; `repository` is an address, or None where it is unknown."""
    return SETUP_CELL.format(repository=f'"{repository}"' if repository else None)


def chapter_paths(root=ROOT):
    """The chapters of every edition under `root`, in order."""
    folders = [Path(root) / "chapters", Path(root) / "ko" / "chapters"]
    return [path for folder in folders for path in sorted(folder.glob("*.ipynb"))]


def stamp(notebook, repository):
    """Put the setup cell first, in place of an older one."""
    first = notebook.cells[0] if notebook.cells else None
    if first is None or "setup" not in first.metadata.get("tags", []):
        notebook.cells.insert(0, nbformat.v4.new_code_cell(id="setup"))
    cell = notebook.cells[0]
    cell.source = setup_cell(repository)
    cell.metadata["tags"] = list(SETUP_TAGS)


def clean_output(output):
    """The output with text only, or None if nothing of it is kept."""
    if output.output_type == "stream":
        text = OVERWRITTEN.sub("", output.text)
        if output.name == "stderr" and all(PROGRESS.search(line) for line in text.split("\n") if line.strip()):
            return None
        return nbformat.v4.new_output("stream", name=output.name, text=text)
    if output.output_type in ("display_data", "execute_result"):
        data = {kind: text for kind, text in output.data.items() if kind in TEXT_TYPES}
        return nbformat.v4.new_output(output.output_type, data=data) if data else None
    return output  # an error: kept, so that the tests see it


def clean_outputs(outputs):
    """Text outputs only, one stream where the kernel sent several pieces (how many depends on timing)."""
    kept = [output for output in map(clean_output, join_streams(outputs)) if output is not None]
    return join_streams(kept)  # a progress bar between two lines of stdout is gone


def join_streams(outputs):
    joined = []
    for output in outputs:
        last = joined[-1] if joined else None
        if last and output.output_type == last.output_type == "stream" and output.name == last.name:
            last.text += output.text
        else:
            joined.append(nbformat.from_dict(output))
    return joined


def clean(notebook):
    """Strip `notebook` of all that a run or an editor leaves behind; number its cells, fold what is folded."""
    notebook.metadata = nbformat.from_dict(METADATA)
    notebook.nbformat, notebook.nbformat_minor = 4, 5  # the first with cell ids
    ids = set()
    ordinal = 0
    for position, cell in enumerate(notebook.cells):
        if "id" not in cell or cell.id in ids:
            cell.id = hashlib.sha256(f"{position}\n{cell.source}".encode()).hexdigest()[:8]
        ids.add(cell.id)
        tags = cell.metadata.get("tags", [])
        cell.metadata = nbformat.from_dict({"tags": tags} if tags else {})
        if cell.cell_type != "code":
            continue
        for tag in tags:
            cell.metadata.update(nbformat.from_dict(FOLDED.get(tag, {})))
        ordinal += 1
        cell.outputs = clean_outputs(cell.outputs)
        if cell.execution_count is not None:
            cell.execution_count = ordinal
            for output in cell.outputs:
                if output.output_type == "execute_result":
                    output.execution_count = ordinal


def execute(notebook, folder, timeout=TIMEOUT):
    """Run every cell of `notebook` in `folder` with a new kernel; RefreshError names the cell that fails."""
    client = NotebookClient(
        notebook,
        kernel_name="python3",
        timeout=timeout,
        store_widget_state=False,
        extra_arguments=["--log-level=ERROR"],  # else each kernel warns that it listens on TCP
        resources={"metadata": {"path": str(folder)}},
    )
    with client.setup_kernel():
        for index, cell in enumerate(notebook.cells):
            try:
                client.execute_cell(cell, index)
            except CellExecutionError as error:
                message = f"cell {index + 1}: {error.ename}: {error.evalue}\n\n{cell.source}\n"
                printed = [output.text for output in clean_outputs(cell.outputs) if output.output_type == "stream"]
                raise RefreshError("\n".join([message, *printed])) from error
            except CellTimeoutError as error:
                raise RefreshError(f"cell {index + 1} ran for over {timeout} s\n\n{cell.source}") from error
            except DeadKernelError as error:
                raise RefreshError(f"cell {index + 1}: the kernel died\n\n{cell.source}") from error


def write_atomically(path, text):
    """Write `text` to `path` so that no half-written file is ever seen there."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
        os.chmod(temporary, path.stat().st_mode & 0o777)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def refresh(path, repository, run=True, timeout=TIMEOUT):
    """Stamp, run and clean the chapter at `path`; write it only if that changes it.

    Arguments: `repository` an address or None; `run=False` strips and stamps without executing, and leaves cells
    that never ran unnumbered; `timeout` in seconds for one cell.
    Returns True if the file was written. Raises RefreshError, the file unchanged, if a cell fails.
    """
    path = Path(path)
    before = path.read_text(encoding="utf-8")
    notebook = nbformat.reads(before, as_version=4)
    stamp(notebook, repository)
    try:
        if run:
            execute(notebook, path.parent, timeout)
    except RefreshError as error:
        raise RefreshError(f"{path.name}: {error}") from error
    clean(notebook)
    nbformat.validate(notebook)
    after = nbformat.writes(notebook).rstrip("\n") + "\n"
    if after == before:
        return False
    write_atomically(path, after)
    return True


def main(arguments=None):
    parser = argparse.ArgumentParser(description="Execute, strip and stamp the chapters.")
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("refresh", help="execute the chapters, keep text outputs, stamp the address")
    command.add_argument("--repository", help="the address to stamp from now on: https://github.com/ORG/REPO")
    command.add_argument("--no-execute", action="store_true", help="strip and stamp only")
    command.add_argument("paths", nargs="*", type=Path, help="chapters (all of them if none is given)")
    options = parser.parse_args(arguments)
    try:
        if options.repository:
            write_repository(options.repository)
        repository = read_repository()
        for path in options.paths or chapter_paths():
            start = time.perf_counter()
            changed = refresh(path, repository, run=not options.no_execute)
            seconds = time.perf_counter() - start
            print(f"{path.name}: {'written' if changed else 'unchanged'} ({seconds:.1f} s)", flush=True)
    except (RefreshError, ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    print(f"repository: {repository or 'not set'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
