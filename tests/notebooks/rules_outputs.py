"""Rules on what is stored below the cells, and on the cells whose outputs nbval does not compare."""

import ast
import copy
import re
from itertools import zip_longest

import nbformat
from chapter import name, tags, texts

from tools.notebooks import TEXT_TYPES, clean, setup_cell, stamp

# Four cells in five are compared with what is stored on every run: a chapter whose results are mostly not
# reproducible would be a chapter nobody checks.
MOST_IGNORED = 0.20
TAGS = {"setup", "remove-cell", "solution", "hide-cell", "nbval-ignore-output"}
MARKERS = {"NBVAL_IGNORE_OUTPUT", "NBVAL_CHECK_OUTPUT", "NBVAL_RAISES_EXCEPTION", "NBVAL_SKIP"}
ADDRESS = re.compile(r"0x[0-9a-f]{6,}", re.IGNORECASE)


def only_text_is_stored(chapter):
    """No picture, no widget, no error, no stderr: text that a diff can show."""
    problems = []
    if "widgets" in chapter.notebook.metadata:
        problems.append("the notebook's metadata hold the state of widgets")
    for index, cell in chapter.cells("code"):
        for output in cell.outputs:
            where = f"{name(index, cell)} stores"
            if output.output_type == "error":
                problems.append(f"{where} an error: {output.ename}")
            for kind, text in texts(output).items():
                if kind == "stderr":
                    problems.append(f"{where} stderr: {text.strip()[:80]!r}")
                elif kind != "stdout" and kind not in TEXT_TYPES:
                    problems.append(f"{where} {kind}")
                elif "data:image" in text:
                    problems.append(f"{where} a picture inside {kind}")
    for index, cell in chapter.cells("markdown"):
        if cell.get("attachments"):
            problems.append(f"{name(index, cell)} has a pasted picture; save it as a file")
    return problems


def is_executed(chapter):
    """Every code cell ran, in order, from a fresh kernel, and what prints has printed."""
    problems = []
    cells = chapter.cells("code")
    if all(cell.execution_count is None for _, cell in cells):
        return ["no cell was executed: run `make refresh`"]
    for ordinal, (index, cell) in enumerate(cells, start=1):
        if not cell.source.strip():
            problems.append(f"{name(index, cell)}: an empty code cell")
        elif cell.execution_count != ordinal:
            problems.append(f"{name(index, cell)} has count {cell.execution_count}, not {ordinal}: run `make refresh`")
        elif not cell.outputs and (shows := what_shows(cell.source)):
            problems.append(f"{name(index, cell)} stores no output, though it {shows}")
    if not any(cell.outputs for _, cell in cells):
        problems.append("no cell of the chapter stores an output")
    return problems


def what_shows(source):
    """Why a cell surely shows something, or None where only running it can tell."""
    try:
        body = ast.parse(source).body
    except SyntaxError:
        return None
    for statement in body:
        if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
            function = statement.value.func
            if isinstance(function, ast.Name) and function.id == "print":
                return "prints"
    if body and isinstance(body[-1], ast.Expr) and not isinstance(body[-1].value, ast.Call | ast.Constant | ast.Await):
        return "ends in a value"
    return None


def is_as_refresh_leaves_it(chapter):
    """Metadata, cell ids and outputs are what tools/notebooks.py writes: nothing by hand, nothing from an editor."""
    cleaned = copy.deepcopy(chapter.notebook)
    clean(cleaned)
    problems = []
    if cleaned.metadata != chapter.notebook.metadata:
        problems.append("the notebook's metadata are not the normal ones: run `make refresh`")
    for index, (cell, wanted) in enumerate(zip(chapter.notebook.cells, cleaned.cells, strict=True)):
        changed = sorted(key for key in {*cell, *wanted} if cell.get(key) != wanted.get(key))
        if changed:
            problems.append(f"{name(index, cell)}: `make refresh` would change its {', '.join(changed)}")
    try:
        nbformat.validate(cleaned)
    except nbformat.ValidationError as error:
        problems.append(f"not a valid notebook: {error.message}")
    return problems


def begins_with_the_setup_cell(chapter):
    """The first cell is the one that `make refresh` stamps, with the repository's address."""
    if not chapter.notebook.cells:
        return ["the notebook is empty"]
    first = chapter.notebook.cells[0]
    wanted = nbformat.v4.new_notebook()
    stamp(wanted, chapter.repository)
    problems = []
    if first.cell_type != "code" or first.source != setup_cell(chapter.repository):
        problems.append(f"cell 1 is not the setup cell for repository {chapter.repository}: run `make refresh`")
    elif tags(first) != tags(wanted.cells[0]):
        problems.append(f"cell 1 has tags {tags(first)}, not {tags(wanted.cells[0])}")
    for index, cell in enumerate(chapter.notebook.cells[1:], start=1):
        if "setup" in tags(cell):
            problems.append(f"{name(index, cell)}: a second setup cell")
    return problems


def no_memory_address(chapter):
    """No `<object at 0x7f…>`: it differs on every run."""
    problems = []
    for index, cell in chapter.cells("code"):
        if ADDRESS.search(cell.source):
            problems.append(f"{name(index, cell)}: a memory address in the code")
        for output in cell.outputs:
            for kind, text in texts(output).items():
                if found := ADDRESS.search(str(text)):
                    problems.append(f"{name(index, cell)}: memory address {found.group()} in {kind}")
    return problems


def markers(cell):
    """nbval's `# NBVAL_…` comments, which count like its tags."""
    lines = [line.lstrip("#").strip() for line in cell.source.splitlines() if line.startswith("#")]
    return [line for line in lines if line in MARKERS]


def is_ignored(cell):
    return "nbval-ignore-output" in tags(cell) or "NBVAL_IGNORE_OUTPUT" in markers(cell)


def tags_are_known(chapter):
    """Only the book's tags; nothing that skips a cell or lets it fail."""
    problems = []
    for index, cell in enumerate(chapter.notebook.cells):
        problems += [f"{name(index, cell)}: tag {tag!r} is not one of ours" for tag in tags(cell) if tag not in TAGS]
        if cell.cell_type != "code":
            problems += [f"{name(index, cell)}: a Markdown cell has no tags"] if tags(cell) else []
            continue
        problems += [f"{name(index, cell)}: use the tag in place of # {marker}" for marker in markers(cell)]
        for fold, owner in (("remove-cell", "setup"), ("hide-cell", "solution")):
            if (fold in tags(cell)) != (owner in tags(cell)):
                problems.append(f"{name(index, cell)}: tags {owner!r} and {fold!r} go together")
    return problems


def ignored_outputs_are_few(chapter):
    """At most a fifth of the code cells is not compared."""
    cells = [cell for _, cell in chapter.cells("code")]
    ignored = sum(map(is_ignored, cells))
    if ignored > MOST_IGNORED * len(cells):
        return [f"{ignored} of {len(cells)} code cells are not compared; at most {MOST_IGNORED:.0%} may be so"]
    return []


def ignored_outputs_are_asserted(chapter):
    """A cell that is not compared asserts its bounds, or the next code cell does."""
    cells = chapter.cells("code")
    return [
        f"{name(index, cell)} is not compared, and neither it nor the next code cell asserts anything"
        for (index, cell), after in zip_longest(cells, cells[1:])
        if is_ignored(cell) and not asserts(cell) and not (after and asserts(after[1]))
    ]


def asserts(cell):
    """Whether a cell, when run, asserts something that could be false: a comparison or a call on a variable."""
    try:
        pending = list(ast.parse(cell.source).body)
    except SyntaxError:
        return False
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Assert) and could_be_false(node.test):
            return True
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            pending.extend(ast.iter_child_nodes(node))  # a function's body may never run
    return False


def could_be_false(test):
    if isinstance(test, ast.Tuple):  # assert (x > 1, "message") is always true
        return False
    nodes = list(ast.walk(test))
    if isinstance(test, ast.Compare) and len({ast.dump(side) for side in [test.left, *test.comparators]}) == 1:
        return False  # assert x == x
    return any(isinstance(node, ast.Name) for node in nodes) and any(
        isinstance(node, ast.Compare | ast.Call) for node in nodes
    )


RULES = [
    only_text_is_stored,
    is_executed,
    is_as_refresh_leaves_it,
    begins_with_the_setup_cell,
    no_memory_address,
    tags_are_known,
    ignored_outputs_are_few,
    ignored_outputs_are_asserted,
]
