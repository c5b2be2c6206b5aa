"""A chapter as the rules see it: its notebook, where it lies, and its Markdown taken apart."""

import re
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import nbformat
from markdown_it import MarkdownIt
from mdit_py_plugins.dollarmath import dollarmath_plugin

# CommonMark, tables and dollar maths: what the site, JupyterLab and Colab all show alike.
MARKDOWN = MarkdownIt("commonmark").enable(["table", "strikethrough"]).use(dollarmath_plugin)
ALT = re.compile(r"<!--\s*alt:\s*(.*?)\s*-->", re.DOTALL)
UNSAFE_IN_SLUG = re.compile(r"[^\w\u4e00-\u9fff\- ]")


@dataclass
class Chapter:
    """What a rule is given.

    `path`: the notebook's file (links are resolved from its folder). `repository`: the address that must be
    stamped, or None. `exempt`: numbers of the prose that need no output, each with its reason.
    """

    path: Path
    notebook: nbformat.NotebookNode
    repository: str | None = None
    exempt: dict = field(default_factory=dict)

    def cells(self, kind):
        """The (index, cell) pairs of one cell type, "code" or "markdown"."""
        return [(index, cell) for index, cell in enumerate(self.notebook.cells) if cell.cell_type == kind]


def read_chapter(path, repository=None, exempt=None):
    return Chapter(Path(path), nbformat.read(path, as_version=4), repository, exempt or {})


def name(index, cell):
    """How a problem names a cell: its number, counted from 1 over all cells, and its first line."""
    lines = cell.source.strip().splitlines()
    return f"cell {index + 1} ({lines[0][:60] if lines else 'empty'})"


def tags(cell):
    return cell.metadata.get("tags", [])


@cache
def parse(source):
    """The Markdown tokens of a cell. A `<!-- comment -->` or `<details>` is one token of type html_*."""
    return MARKDOWN.parse(source)


def inline(source):
    """Every inline token of a Markdown cell: text, code_inline, link_open, image, math_inline, html_inline …"""
    return [child for token in parse(source) for child in (token.children or [])]


def headings(source):
    """The (level, text) pairs of a cell's headings."""
    tokens = parse(source)
    return [
        (int(token.tag[1]), "".join(child.content for child in tokens[position + 1].children))
        for position, token in enumerate(tokens)
        if token.type == "heading_open"
    ]


def slugs(notebook_or_text):
    """The fragments that links can name: one for each heading, as GitHub and MyST form them."""
    if isinstance(notebook_or_text, str):
        sources = [notebook_or_text]
    else:
        sources = [cell.source for cell in notebook_or_text.cells if cell.cell_type == "markdown"]
    found = []
    for _, text in [heading for source in sources for heading in headings(source)]:
        slug = unique = UNSAFE_IN_SLUG.sub("", text.lower().replace(" ", "-"))
        suffix = 1
        while unique in found:
            unique, suffix = f"{slug}-{suffix}", suffix + 1
        found.append(unique)
    return found


def texts(output):
    """The texts of one stored output by MIME type; a stream is under its own name, stdout or stderr."""
    if output.output_type == "stream":
        return {output.name: output.text}
    return dict(output.get("data", {}))
