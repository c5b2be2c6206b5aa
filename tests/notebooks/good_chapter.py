"""The smallest chapter that keeps every rule, and its neighbours on disk; test_rules.py breaks it one way at a time."""

import nbformat
from chapter import Chapter

from tools.notebooks import clean, stamp

TITLE = """\
# How does a digit become ten scores?

The network has 61,706 parameters and reaches 97.5 % ([before](02-convolution.ipynb#the-output-size), in
[words](../book/notation.md#symbols), from [here](#drawn)).

![A digit on the left, ten scores on the right](lenet.png)

| layer | $H \\times W$ |
|---|---|
| C1 | $28 \\times 28$ |

> **Predict** Write the number down first.
"""
EXERCISE = """\
### Exercise {number}: Count the outputs

*easy · 5 minutes*

How many outputs has a layer of $28 \\times 28$?

<details>
<summary>Hint</summary>

Multiply $H$ by $W$.

</details>"""


def code(source, *outputs, tags=()):
    metadata = {"tags": list(tags)} if tags else {}
    return nbformat.v4.new_code_cell(source, metadata=metadata, outputs=list(outputs), execution_count=1)


def markdown(source):
    return nbformat.v4.new_markdown_cell(source)


def stdout(text):
    return nbformat.v4.new_output("stream", name="stdout", text=text)


def shown(text, **data):
    """A displayed value; `data` are further types, with _ for / as in image_png."""
    others = {kind.replace("_", "/", 1): value for kind, value in data.items()}
    return nbformat.v4.new_output("display_data", data={"text/plain": text, **others})


def good_chapter(folder, repository=None):
    """A chapter under `folder`/chapters, in memory only; what it links to is written to disk."""
    (folder / "chapters").mkdir()
    (folder / "book").mkdir()
    (folder / "chapters" / "lenet.png").write_bytes(b"")
    (folder / "book" / "notation.md").write_text("# Notation\n\n## Symbols\n", encoding="utf-8")
    neighbour = nbformat.v4.new_notebook(cells=[markdown("# Convolution\n\n## The output *size*")])
    nbformat.write(neighbour, folder / "chapters" / "02-convolution.ipynb")
    cells = [
        markdown(TITLE),
        code("import torch\n\nprint(torch.zeros(61706).numel())", stdout("61706\n")),
        markdown("## Drawn\n\nIt rises.\n\n<!-- alt: A line from 1 up to 2. -->"),
        code("import matplotlib.pyplot as plt\n\n_ = plt.plot([1, 2])", shown("<Figure size 640x480 with 1 Axes>")),
        markdown("## Trained"),
        code("accuracy = fit()\nprint(accuracy)", stdout("0.9812\n"), tags=["nbval-ignore-output"]),
        code("assert accuracy >= 0.975"),
        markdown("## Exercises"),
    ]
    for number in range(1, 7):
        cells.append(markdown(EXERCISE.format(number=number)))
        cells.append(code("# @title Solution\nprint(28 * 28)", stdout("784\n"), tags=["solution", "hide-cell"]))
    notebook = nbformat.v4.new_notebook(cells=cells)
    stamp(notebook, repository)
    notebook.cells[0].execution_count = 1
    clean(notebook)
    return Chapter(folder / "chapters" / "03-lenet5.ipynb", notebook, repository)
