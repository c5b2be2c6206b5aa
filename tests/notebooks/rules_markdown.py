"""Rules on the Markdown: what every reader of notebooks shows alike, links that lead somewhere, pictures in words."""

import re
from itertools import zip_longest
from urllib.parse import unquote, urlsplit

import nbformat
from chapter import ALT, headings, inline, name, parse, slugs, texts

HTML = {"details", "summary", "br", "sub", "sup", "kbd"}
TAG = re.compile(r"</?([A-Za-z][\w-]*)")
# Line by line, in running text. Colab and JupyterLab would show all of these raw.
MYST_LINES = {
    r":::": "a `:::` block",
    r"\([\w:.-]+\)=\s*$": "a MyST target",
    r"%": "a MyST comment",
    r"\+\+\+": "a MyST block break",
}
MYST_TEXT = {r"\{\{.*\}\}": "a substitution", r"\[\^[^\]]+\]": "a footnote", r"\\begin\{": "\\begin{…} outside $$"}
ROLE = re.compile(r"\{[A-Za-z][\w:.+-]*\}$")
# text/plain beside a picture
FIGURE = re.compile(r"<\w*Figure size |GradCamExplorer\(|<PIL\.|<IPython\.core\.display\.(Image|SVG)")
PATH = re.compile(r"\.(png|jpe?g|svg|gif|webp)$", re.IGNORECASE)


def markdown_is_portable(chapter):
    """CommonMark, tables, dollar maths, <details>: no directive, no role, no other HTML."""
    problems = []
    for index, cell in chapter.cells("markdown"):
        found = myst(cell.source) + html(cell.source)
        problems += [f"{name(index, cell)}: {thing}" for thing in dict.fromkeys(found)]
    return problems


def myst(source):
    found = []
    for token in parse(source):
        if token.type == "fence" and token.info.strip().startswith("{"):
            found.append(f"the directive {token.info.strip()}")
        if token.type == "math_block_label":
            found.append(f"a label on a formula ({token.info}): use \\tag{{}}")
        if token.type != "inline":
            continue
        for line in token.content.splitlines():
            found += [what for pattern, what in MYST_LINES.items() if re.match(pattern, line)]
        for child, after in zip_longest(token.children, token.children[1:]):
            if child.type != "text":
                continue
            found += [what for pattern, what in MYST_TEXT.items() if re.search(pattern, child.content)]
            if after and after.type == "code_inline" and (role := ROLE.search(child.content)):
                found.append(f"the role {role.group()}`{after.content}`")
    return found


def html(source):
    found = []
    for token in [*parse(source), *inline(source)]:
        if not token.type.startswith("html_"):
            continue
        rest = ALT.sub("", token.content)
        found += [f"<{tag}>" for tag in TAG.findall(rest) if tag.lower() not in HTML]
        if "<!--" in rest:
            found.append("a comment that is no `<!-- alt: … -->`")
    return found


def headings_are_nested(chapter):
    """One h1, in the first Markdown cell, and no level skipped."""
    found = [(index, cell, *heading) for index, cell in chapter.cells("markdown") for heading in headings(cell.source)]
    problems = []
    if (ones := [text for *_, level, text in found if level == 1]) and len(ones) > 1:
        problems.append(f"{len(ones)} h1 headings: {', '.join(ones)}")
    second = chapter.notebook.cells[1:2]
    if not second or second[0].cell_type != "markdown" or parse(second[0].source)[0].tag != "h1":
        problems.append("cell 2 does not begin with the h1")
    for (*_, above, _), (index, cell, level, text) in zip(found, found[1:], strict=False):
        if level > above + 1:
            problems.append(f"{name(index, cell)}: h{level} {text!r} follows h{above}")
    return problems


def links_resolve(chapter):
    """Relative links name a file that exists, and fragments a heading in it. (The web is not asked.)"""
    problems = []
    for index, cell in chapter.cells("markdown"):
        for token in inline(cell.source):
            if token.type == "link_open" and (wrong := broken(token.attrs["href"], chapter)):
                problems.append(f"{name(index, cell)}: link {token.attrs['href']}: {wrong}")
    return problems


def broken(href, chapter):
    """What is wrong with a link, or None."""
    parts = urlsplit(href)
    if parts.scheme:
        return None if parts.scheme in ("https", "http", "mailto") else f"the scheme {parts.scheme}"
    if parts.netloc or parts.path.startswith("/"):
        return "not relative"
    target = chapter.path.parent / unquote(parts.path) if parts.path else chapter.path
    if target != chapter.path and not target.is_file():
        return "no such file"
    fragment = unquote(parts.fragment)
    if not fragment or fragment.startswith("fig="):  # the state of a live figure
        return None
    if target == chapter.path:
        known = slugs(chapter.notebook)
    elif target.suffix == ".ipynb":
        known = slugs(nbformat.read(target, as_version=4))
    else:
        known = slugs(target.read_text(encoding="utf-8"))
    return None if fragment in known else "no such heading"


def pictures_are_local(chapter):
    """`![…](…)` names a file of this repository and says in words what it shows."""
    problems = []
    for index, cell in chapter.cells("markdown"):
        for token in inline(cell.source):
            if token.type != "image":
                continue
            source = token.attrs["src"]
            where = f"{name(index, cell)}: picture {source[:60]}"
            if urlsplit(source).scheme or source.startswith("//"):
                problems.append(f"{where} is not local")
            elif not (chapter.path.parent / unquote(source)).is_file():
                problems.append(f"{where}: no such file")
            if not is_description(token.content):
                problems.append(f"{where} has no alt text")
    return problems


def figures_have_alt_texts(chapter):
    """A cell that draws n pictures follows a Markdown cell that ends in n lines `<!-- alt: what it shows -->`."""
    problems = []
    cells = chapter.notebook.cells
    for index, cell in enumerate(cells):
        if cell.cell_type == "code":
            plain = [texts(output).get("text/plain", "") for output in cell.outputs]
            drawn = sum(1 for text in plain if FIGURE.match(text))
            before = cells[index - 1] if index else None
            given = len(ALT.findall(before.source)) if before and before.cell_type == "markdown" else 0
            if drawn != given:
                problems.append(f"{name(index, cell)} draws {drawn} pictures; the cell before has {given} alt texts")
            continue
        alts = ALT.findall(cell.source)
        problems += [f"{name(index, cell)}: alt text {alt!r} says nothing" for alt in alts if not is_description(alt)]
        if alts and not re.search(rf"(?:^|\n)(?:{ALT.pattern}\s*)+$", cell.source, re.DOTALL):
            problems.append(f"{name(index, cell)}: alt texts go at the end, each on a line of its own")
        if alts and (index + 1 == len(cells) or cells[index + 1].cell_type != "code"):
            problems.append(f"{name(index, cell)}: no code cell follows its alt text")
    return problems


def is_description(text):
    """An alt text in words, not empty and not a file's name."""
    return len(text.split()) > 1 and not PATH.search(text.strip())


RULES = [markdown_is_portable, headings_are_nested, links_resolve, pictures_are_local, figures_have_alt_texts]
