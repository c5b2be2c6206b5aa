"""Rules on code cells: short, plain Python, runnable wherever the book is."""

import ast
import sys

from chapter import name, tags

LONGEST = 25  # lines: what a reader takes in without scrolling; longer code lives in `companion`
WIDEST = 100  # characters: what a page of 1280 pixels shows of a line without scrolling sideways
# What Colab has installed and `companion` brings. Anything else would stop a reader there at the import.
PUBLIC = {
    "IPython", "PIL", "anywidget", "companion", "ipywidgets", "matplotlib", "numpy", "scipy", "sklearn", "torch",
    "torchvision", "tqdm",
}  # fmt: skip


def cells_are_short(chapter):
    """At most 25 lines; in Markdown, where blank lines are syntax, they do not count."""
    problems = []
    for index, cell in enumerate(chapter.notebook.cells):
        lines = cell.source.splitlines()
        if cell.cell_type == "markdown":
            lines = [line for line in lines if line.strip()]
        if len(lines) > LONGEST:
            problems.append(f"{name(index, cell)} has {len(lines)} lines; {LONGEST} are the most")
    return problems


def code_fits_the_page(chapter):
    """No line of code is longer than what the page shows; the setup cell is not shown."""
    return [
        f"{name(index, cell)} line {number} has {len(line)} characters; {WIDEST} are the most"
        for index, cell in chapter.cells("code")
        if "setup" not in tags(cell)
        for number, line in enumerate(cell.source.splitlines(), start=1)
        if len(line) > WIDEST
    ]


def code_is_plain_python(chapter):
    """It compiles without IPython's magic (the setup cell apart), and no line ends in `;`.

    A trailing `;` hides a value in a notebook but not from nbval: assign the value to `_`.
    """
    problems = []
    for index, cell in chapter.cells("code"):
        if "setup" in tags(cell):
            continue
        try:
            compile(cell.source, "cell", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        except SyntaxError as error:
            problems.append(f"{name(index, cell)} line {error.lineno} is not plain Python: {error.msg}")
        if cell.source.rstrip().endswith(";"):
            problems.append(f"{name(index, cell)} ends in `;`: write `_ = …`")
    return problems


def imports_are_public(chapter):
    """A chapter imports the standard library, `companion` and what Colab has: nothing of the book's own tools."""
    problems = []
    for index, cell in chapter.cells("code"):
        for module in imported(cell.source):
            if module.split(".")[0] not in PUBLIC | sys.stdlib_module_names:
                problems.append(f"{name(index, cell)} imports {module}, which a reader on Colab has not")
    return problems


def imported(source):
    try:
        nodes = list(ast.walk(ast.parse(source)))
    except SyntaxError:
        return []
    modules = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    return modules + [
        "." * node.level + (node.module or "") for node in nodes if isinstance(node, ast.ImportFrom)
    ]


RULES = [cells_are_short, code_fits_the_page, code_is_plain_python, imports_are_public]
