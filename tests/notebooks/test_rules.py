"""Each rule can fail: a chapter that keeps them all is broken in one place, and the rule says where."""

import pytest
import rules_code
import rules_exercises
import rules_markdown
import rules_numbers
import rules_outputs
from good_chapter import code, good_chapter, markdown, shown, stdout
from rules import RULES

ADDRESS = "https://github.com/someone/convnets"
SETUP, TITLE, PRINTS, ABOVE_FIGURE, DRAWS, TRAINS, ASSERTS, EXERCISE, SOLUTION = 0, 1, 2, 3, 4, 6, 7, 9, 10
BROKEN, KEPT = [], []


def breaks(rule, says):
    """Register a change of the good chapter that `rule` must report, in a sentence that contains `says`."""
    return lambda change: BROKEN.append((rule, says, change))


def keeps(rule):
    """Register a change of the good chapter that `rule` must accept."""
    return lambda change: KEPT.append((rule, change))


def writes(rule, says, cell, *sources):
    """Register that replacing the source of `cell` by each of `sources` breaks `rule`."""
    for source in sources:
        breaks(rule, says)(lambda chapter, source=source: set_source(chapter, cell, source))


def accepts(rule, cell, *sources):
    for source in sources:
        keeps(rule)(lambda chapter, source=source: set_source(chapter, cell, source))


def set_source(chapter, cell, source):
    chapter.notebook.cells[cell].source = source


def replace(chapter, cell, old, new):
    source = chapter.notebook.cells[cell].source
    assert old in source
    chapter.notebook.cells[cell].source = source.replace(old, new)


@pytest.fixture
def chapter(tmp_path):
    return good_chapter(tmp_path, ADDRESS)


@pytest.mark.parametrize("repository", [None, ADDRESS])
@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_good_chapter_keeps_it(rule, repository, tmp_path):
    assert rule(good_chapter(tmp_path, repository)) == []


def test_every_rule_is_shown_to_fail():
    assert {rule for rule, _, _ in BROKEN} == set(RULES)


# What is stored

OUTPUTS = rules_outputs.only_text_is_stored


@breaks(OUTPUTS, "image/png")
def _(chapter):
    chapter.notebook.cells[DRAWS].outputs = [shown("<Figure>", image_png="iVBORw0KGgo=")]


@breaks(OUTPUTS, "application/vnd.jupyter.widget-view+json")
def _(chapter):
    output = shown("Explorer()")
    output.data["application/vnd.jupyter.widget-view+json"] = {"model_id": "1"}
    chapter.notebook.cells[DRAWS].outputs = [output]


@breaks(OUTPUTS, "a picture inside text/html")
def _(chapter):
    chapter.notebook.cells[DRAWS].outputs = [shown("x", text_html='<img src="data:image/png;base64,AA">')]


@breaks(OUTPUTS, "the state of widgets")
def _(chapter):
    chapter.notebook.metadata["widgets"] = {"application/vnd.jupyter.widget-state+json": {}}


@breaks(OUTPUTS, "an error: ValueError")
def _(chapter):
    error = {"output_type": "error", "ename": "ValueError", "evalue": "", "traceback": []}
    chapter.notebook.cells[PRINTS].outputs = [type(chapter.notebook)(error)]


@breaks(OUTPUTS, "stderr: 'UserWarning")
def _(chapter):
    output = stdout("UserWarning: old\n")
    output.name = "stderr"
    chapter.notebook.cells[PRINTS].outputs.append(output)


@breaks(OUTPUTS, "a pasted picture")
def _(chapter):
    chapter.notebook.cells[TITLE]["attachments"] = {"a.png": {"image/png": "AA"}}


@keeps(OUTPUTS)
def _(chapter):
    chapter.notebook.cells[DRAWS].outputs = [shown("Table", text_html="<table></table>", text_latex="$x$")]


# Executed

EXECUTED = rules_outputs.is_executed


@breaks(EXECUTED, "has count None, not 2")
def _(chapter):
    chapter.notebook.cells[PRINTS].execution_count = None


@breaks(EXECUTED, "has count 7, not 2")
def _(chapter):
    chapter.notebook.cells[PRINTS].execution_count = 7


@breaks(EXECUTED, "stores no output, though it prints")
def _(chapter):
    chapter.notebook.cells[PRINTS].outputs = []


@breaks(EXECUTED, "stores no output, though it ends in a value")
def _(chapter):
    chapter.notebook.cells[ASSERTS].source = "accuracy"


@breaks(EXECUTED, "no cell was executed")
def _(chapter):
    for _, cell in chapter.cells("code"):
        cell.execution_count = None


@breaks(EXECUTED, "an empty code cell")
def _(chapter):
    chapter.notebook.cells[ASSERTS].source = "\n"


@breaks(EXECUTED, "no cell of the chapter stores an output")
def _(chapter):
    for cell in chapter.notebook.cells:
        cell.pop("outputs", None) if cell.cell_type == "markdown" else cell.update(outputs=[], source="x = 1")


# As refresh leaves it

REFRESHED = rules_outputs.is_as_refresh_leaves_it


@breaks(REFRESHED, "the notebook's metadata are not the normal ones")
def _(chapter):
    chapter.notebook.metadata.kernelspec.name = "my-environment"


@breaks(REFRESHED, "would change its metadata")
def _(chapter):
    chapter.notebook.cells[PRINTS].metadata["scrolled"] = True


@breaks(REFRESHED, "would change its metadata")
def _(chapter):
    chapter.notebook.cells[SOLUTION].metadata.pop("jupyter")  # a solution that JupyterLab shows at once


@breaks(REFRESHED, "would change its id")
def _(chapter):
    chapter.notebook.cells[PRINTS].id = chapter.notebook.cells[DRAWS].id


@breaks(REFRESHED, "would change its outputs")
def _(chapter):
    chapter.notebook.cells[PRINTS].outputs = [stdout("617"), stdout("06\n")]


@breaks(REFRESHED, "not a valid notebook")
def _(chapter):
    chapter.notebook.cells[TITLE].id = "not allowed: spaces"


# The first cell

FIRST = rules_outputs.begins_with_the_setup_cell


@breaks(FIRST, "not the setup cell")
def _(chapter):
    chapter.notebook.cells.pop(0)


@breaks(FIRST, "not the setup cell for repository https://github.com/someone/else")
def _(chapter):
    chapter.repository = "https://github.com/someone/else"


@breaks(FIRST, "not the setup cell")
def _(chapter):
    chapter.notebook.cells[0].source += "\n%pip install torchinfo"


@breaks(FIRST, "has tags ['setup']")
def _(chapter):
    chapter.notebook.cells[0].metadata.tags = ["setup"]


@breaks(FIRST, "a second setup cell")
def _(chapter):
    chapter.notebook.cells.append(chapter.notebook.cells[0])


@breaks(FIRST, "the notebook is empty")
def _(chapter):
    chapter.notebook.cells = []


# Memory addresses

MEMORY = rules_outputs.no_memory_address
writes(MEMORY, "in the code", PRINTS, "x = 0x7f3a10b2c0")


@breaks(MEMORY, "memory address 0x7f12ab34 in text/plain")
def _(chapter):
    chapter.notebook.cells[DRAWS].outputs = [shown("<Line2D object at 0x7f12ab34>")]


accepts(MEMORY, PRINTS, "mask = 0xff")

# nbval's tags

KNOWN = rules_outputs.tags_are_known


@breaks(KNOWN, "tag 'nbval-skip' is not one of ours")
def _(chapter):
    chapter.notebook.cells[PRINTS].metadata["tags"] = ["nbval-skip"]


@breaks(KNOWN, "tag 'raises-exception' is not one of ours")
def _(chapter):
    chapter.notebook.cells[PRINTS].metadata["tags"] = ["raises-exception"]


@breaks(KNOWN, "'solution' and 'hide-cell' go together")
def _(chapter):
    chapter.notebook.cells[SOLUTION].metadata["tags"] = ["solution"]


@breaks(KNOWN, "'setup' and 'remove-cell' go together")
def _(chapter):
    chapter.notebook.cells[PRINTS].metadata["tags"] = ["remove-cell"]


@breaks(KNOWN, "a Markdown cell has no tags")
def _(chapter):
    chapter.notebook.cells[TITLE].metadata["tags"] = ["hide-cell"]


writes(KNOWN, "in place of # NBVAL_SKIP", PRINTS, "# NBVAL_SKIP\nprint(1)", "x = 1\n#NBVAL_SKIP")
writes(KNOWN, "in place of # NBVAL_IGNORE_OUTPUT", PRINTS, "# NBVAL_IGNORE_OUTPUT\nprint(1)")

FEW = rules_outputs.ignored_outputs_are_few


def ignore(chapter, how_many, comment=False):
    """Leave `how_many` of the chapter's 11 code cells uncompared."""
    cells = [cell for cell in chapter.notebook.cells if cell.cell_type == "code"]
    assert len(cells) == 11
    for cell in cells:
        cell.metadata["tags"] = []
    for cell in cells[:how_many]:
        if comment:
            cell.source = f"# NBVAL_IGNORE_OUTPUT\n{cell.source}"
        else:
            cell.metadata["tags"] = ["nbval-ignore-output"]


breaks(FEW, "3 of 11 code cells")(lambda chapter: ignore(chapter, 3))
breaks(FEW, "3 of 11 code cells")(lambda chapter: ignore(chapter, 3, comment=True))
keeps(FEW)(lambda chapter: ignore(chapter, 2))

ASSERTED = rules_outputs.ignored_outputs_are_asserted
writes(
    ASSERTED,
    "(accuracy = fit()) is not compared",
    ASSERTS,
    "x = 1",
    "assert True",
    "assert 1 < 2",
    "assert accuracy",
    "assert accuracy == accuracy",
    "assert (accuracy > 0.975, 'low')",
    "# assert accuracy > 0.975",
    "'assert accuracy > 0.975'",
    "def check():\n    assert accuracy > 0.975",
    "assert accuracy >",
)
accepts(
    ASSERTED,
    ASSERTS,
    "for a in [accuracy]:\n    assert a > 0.975",
    "assert all(a > 0.975 for a in [accuracy]), 'low'",
    "assert torch.allclose(a, b)",
    "assert 0.975 <= accuracy <= 1",
)


@keeps(ASSERTED)
def _(chapter):
    set_source(chapter, TRAINS, "accuracy = fit()\nassert accuracy > 0.975")
    set_source(chapter, ASSERTS, "x = 1")


@breaks(ASSERTED, "(# NBVAL_IGNORE_OUTPUT) is not compared")
def _(chapter):
    set_source(chapter, PRINTS, "# NBVAL_IGNORE_OUTPUT\nprint(1)")


@breaks(ASSERTED, "is not compared")  # the last cell, which no other follows
def _(chapter):
    chapter.notebook.cells.append(code("print(1)", tags=["nbval-ignore-output"]))


# Code

SHORT = rules_code.cells_are_short
writes(SHORT, "has 26 lines", PRINTS, "\n".join(["x = 1"] * 26))
writes(SHORT, "has 26 lines", TITLE, "\n\n".join(["One sentence."] * 26))
accepts(SHORT, PRINTS, "\n".join(["x = 1"] * 25))
accepts(SHORT, TITLE, "\n\n".join(["One sentence."] * 25))

FITS = rules_code.code_fits_the_page
writes(FITS, "line 2 has 101 characters", PRINTS, "x = 1\n" + "y".ljust(101, "y"))
accepts(FITS, PRINTS, "x = 1\n" + "y".ljust(100, "y"))

PLAIN = rules_code.code_is_plain_python
writes(PLAIN, "is not plain Python", PRINTS, "print(", "%timeit 1", "!ls", "print?")
writes(PLAIN, "ends in `;`", PRINTS, "plt.plot([1, 2]);\n")
accepts(PLAIN, PRINTS, "x = 1; y = 2")

PUBLIC = rules_code.imports_are_public
writes(PUBLIC, "imports torchinfo", PRINTS, "import torchinfo", "if True:\n    from torchinfo import summary")
writes(PUBLIC, "imports tools.notebooks", PRINTS, "from tools.notebooks import clean")
writes(PUBLIC, "imports .notebooks", PRINTS, "from .notebooks import clean")
accepts(PUBLIC, PRINTS, "import math, torch.nn\nfrom companion.shapes import unread\nfrom PIL import Image")

# Markdown

PORTABLE = rules_markdown.markdown_is_portable
writes(PORTABLE, "the directive {note}", TITLE, "# A\n\n```{note}\nHello\n```")
writes(PORTABLE, "a `:::` block", TITLE, "# A\n\n:::{note}\nHello\n:::", "# A\n\n> :::\n> Hello")
writes(PORTABLE, "the role {ref}`label`", TITLE, "# A\n\nSee {ref}`label`.", "# A\n\n| a |\n|---|\n| {ref}`label` |")
writes(PORTABLE, "the role {math}`x`", TITLE, "| a | b |\n|---|---|\n| | {math}`x` |")  # an empty table cell
writes(PORTABLE, "a MyST target", TITLE, "(label)=\n# A")
writes(PORTABLE, "a MyST comment", TITLE, "# A\n\n% not shown")
writes(PORTABLE, "a substitution", TITLE, "# A\n\n{{ version }}")
writes(PORTABLE, "a footnote", TITLE, "# A\n\nHello[^1]")
writes(PORTABLE, "outside $$", TITLE, "# A\n\n\\begin{align}\na &= b\n\\end{align}")
writes(PORTABLE, "a label on a formula", TITLE, "# A\n\n$$\na = b\n$$ (label)")
writes(PORTABLE, "<img>", TITLE, '# A\n\n<img src="a.png" alt="a picture">', 'A <img src="a.png"> inside')
writes(PORTABLE, "<div>", TITLE, "# A\n\n<div>\n\nHello\n\n</div>")
writes(PORTABLE, "a comment that is no", TITLE, "# A\n\n<!-- later -->")
accepts(
    PORTABLE,
    TITLE,
    "# A\n\n<details>\n<summary>Hint</summary>\n\nH<sub>2</sub>O<br>\n\n</details>",
    "# A\n\n$$\n\\begin{aligned} a &< b_{{i}} \\tag{1} \\end{aligned}\n$$\n\nand $a<b$, 5 % of `{x}` `:::`",
    "# A\n\n```python\n{ref}`x` :::\n```",
)

HEADINGS = rules_markdown.headings_are_nested
writes(HEADINGS, "2 h1 headings", TITLE, "# A\n\n# B", "A\n=\n\nB\n=")
writes(HEADINGS, "cell 2 does not begin with the h1", TITLE, "No heading", "## A\n\n# B")
writes(HEADINGS, "h4 'Deep' follows h2", ABOVE_FIGURE, "## A\n\n#### Deep")
accepts(HEADINGS, TITLE, "# A\n\n```python\n# B\n```\n\n## C\n\n### D")


@breaks(HEADINGS, "cell 2 does not begin with the h1")
def _(chapter):
    chapter.notebook.cells.insert(1, code("x = 1"))


LINKS = rules_markdown.links_resolve
writes(LINKS, "no such file", TITLE, "# A\n\n[b](02-convolutions.ipynb)", "[b](02-convolution.html)", "[b](../book)")
writes(LINKS, "no such heading", TITLE, "# A\n\n[b](02-convolution.ipynb#size)", "# A\n\n[b](#B)")
writes(LINKS, "no such heading", TITLE, "# A\n\n[b](../book/notation.md#symbol)", "[b][1]\n\n[1]: #b")
writes(LINKS, "not relative", TITLE, "# A\n\n[b](/chapters/02-convolution.ipynb)", "# A\n\n[b](//example.org/x)")
accepts(
    LINKS,
    TITLE,
    "# A\n\n[b](02-convolution.ipynb)",
    "# A b: c!\n\n## A b: c!\n\n[b](#a-b-c-1) [c](#fig=w:32) [d](https://arxiv.org/abs/1512.03385)",
    "# 합성곱 층\n\n[b](#합성곱-층)",
)

PICTURES = rules_markdown.pictures_are_local
writes(PICTURES, "is not local", TITLE, "![A tower](https://example.org/a.png)", "![A b](//example.org/a.png)")
writes(PICTURES, "is not local", TITLE, "![A b][1]\n\n[1]: https://example.org/a.png")
writes(PICTURES, "no such file", TITLE, "![A tower of blocks](tower.png)")
writes(PICTURES, "has no alt text", TITLE, "![](lenet.png)", "![lenet.png](lenet.png)", "![my fig.png](lenet.png)")

ALTS = rules_markdown.figures_have_alt_texts
writes(ALTS, "draws 1 pictures; the cell before has 0", ABOVE_FIGURE, "## Drawn")
writes(ALTS, "has 2 alt texts", ABOVE_FIGURE, "## Drawn\n\n<!-- alt: A line. -->\n<!-- alt: A curve. -->")
writes(ALTS, "says nothing", ABOVE_FIGURE, "## Drawn\n\n<!-- alt: -->", "<!-- alt: figure -->", "<!-- alt: a b.png -->")
writes(ALTS, "go at the end", ABOVE_FIGURE, "<!-- alt: A line. -->\n\n## Drawn", "It <!-- alt: A line. -->")
writes(ALTS, "draws 0 pictures; the cell before has 1", TITLE, "# A\n\n<!-- alt: A line. -->")


@breaks(ALTS, "draws 1 pictures; the cell before has 0")
def _(chapter):
    chapter.notebook.cells.insert(DRAWS, code("x = 1"))


@breaks(ALTS, "draws 2 pictures; the cell before has 1")
def _(chapter):
    kinds = ("<PageFigure size 1008x403.2 with 2 Axes>", "<PIL.Image.Image image mode=RGB size=4x4>")
    chapter.notebook.cells[DRAWS].outputs = [shown(text) for text in kinds]


@breaks(ALTS, "no code cell follows")
def _(chapter):
    chapter.notebook.cells.insert(DRAWS, markdown("Between."))


@keeps(ALTS)
def _(chapter):
    chapter.notebook.cells[DRAWS].outputs *= 2
    set_source(chapter, ABOVE_FIGURE, "## Drawn\n\n<!-- alt: A line. -->\n<!-- alt: A curve,\non two lines. -->\n")


# Numbers

NUMBERS = rules_numbers.numbers_are_computed
writes(NUMBERS, "no cell computes 61,707", TITLE, "# A\n\n61,707 parameters", "# A\n\n$61{,}707$", "# A\n\n**61,707**")
writes(NUMBERS, "no cell computes 61707", TITLE, "# A\n\n`61707`", "| a |\n|---|\n| 61707 |", "> 61707개", "## 61707")
writes(NUMBERS, "no cell computes 61707", TITLE, "```python\nx = 61707\n```", "$$\n61707\n$$")
writes(NUMBERS, "no cell computes 61707", TITLE, "<details>61707</details>", "<details>\n\n61707\n\n</details>")
writes(NUMBERS, "no cell computes 61707", ABOVE_FIGURE, "<!-- alt: A line up to 61707. -->", "- [61707](#drawn)")
writes(NUMBERS, "no cell computes 98.5%", TITLE, "98.5%", "98.5 %", "98.5\u2009%", "$98.5$ %")
writes(NUMBERS, "no cell computes 98.5%", TITLE, "$98.5\\,\\%$", "98.5 percent", "98.5％", "98.5 퍼센트")
writes(NUMBERS, "no cell computes 28%", TITLE, "28 % is no 28")
writes(NUMBERS, "no cell computes 0.25", TITLE, "0.25", "$\\frac{1}{0.25}$", "$2\\cdot0.25$", "×0.25.")
writes(NUMBERS, "no cell computes 0.9812", TITLE, "It reached 0.9812")  # printed, but by a cell that is not compared
writes(NUMBERS, "no cell computes 1998.5", TITLE, "1998.5")
accepts(
    NUMBERS,
    TITLE,
    "61,706, 61706, 61_706, 61\u202f706, $61{,}706$ and $61\\,706$; 784 and 785 and C3",
    "at least 97.5 %, that is 0.975 or 0.9750 or 97.50\u2009%",
    "In 1998 and 2012 [LeCun](https://example.org/12345) (arXiv:1512.03385, doi 10.1109/5.726791, pp. 2278–2324)",
    "Proceedings of the IEEE 86(11), 2278–2324, or 86(11):2278-2324",
    "Section 3.14, Fig. 2.7, Python 3.11.7, on 2026-11-22, conv1024, https://example.org/1234",
    "[x](02-convolution.ipynb#a-12345) and <https://example.org/9999>",
)


@breaks(NUMBERS, "no cell computes 61,706")  # neither a comment nor a string is evidence
def _(chapter):
    set_source(chapter, PRINTS, "# 61706\nn = 'or 61706'\nprint(f'61706 and {n}')")
    chapter.notebook.cells[PRINTS].outputs = []


@breaks(NUMBERS, "no cell computes 61,706")  # an attribute of a table is none either
def _(chapter):
    set_source(chapter, PRINTS, "show()")
    chapter.notebook.cells[PRINTS].outputs = [shown("Table", text_html='<td width="61706">1</td>')]


@keeps(NUMBERS)
def _(chapter):
    set_source(chapter, PRINTS, "show()")
    chapter.notebook.cells[PRINTS].outputs = [shown("Table", text_html="<td>61,706</td><td>98.5%</td>")]
    set_source(chapter, TITLE, "61706 and 98.5 % and 0.985")


@keeps(NUMBERS)
def _(chapter):
    set_source(chapter, TITLE, "99.2 % in the paper and 60,000 digits")
    chapter.exempt = {"99.2 %": "the paper's own result", "60,000": "the paper's own count"}


@breaks(NUMBERS, "exempt number 99.2% is not needed")
def _(chapter):
    chapter.exempt = {"99.2 %": "the paper's own result"}


@breaks(NUMBERS, "exempt number 97.5% is not needed")  # a cell computes it
def _(chapter):
    chapter.exempt = {"97.5 %": "the paper's own result"}


@breaks(NUMBERS, "exempt number 99.2% has no reason")
def _(chapter):
    set_source(chapter, TITLE, "99.2 %")
    chapter.exempt = {"99.2%": " "}


# Exercises

EXERCISES = rules_exercises.exercises_are_complete


@breaks(EXERCISES, "5 exercises")
def _(chapter):
    del chapter.notebook.cells[-2:]


@breaks(EXERCISES, "11 exercises")
def _(chapter):
    chapter.notebook.cells += chapter.notebook.cells[-2:] * 5


@breaks(EXERCISES, "0 exercises")
def _(chapter):
    replace(chapter, EXERCISE - 1, "Exercises", "Further reading")


def rewrites(says, old, new):
    breaks(EXERCISES, says)(lambda chapter: replace(chapter, EXERCISE, old, new))


rewrites("its heading should read `### Exercise 1: …`", "Exercise 1", "Exercise 2")
rewrites("its heading should read `### Exercise 1: …`", "Exercise 1:", "Exercise 1")
rewrites("it should begin a Markdown cell of its own", "### Ex", "First:\n\n### Ex")
rewrites("its first paragraph should read", "easy", "simple")
rewrites("its first paragraph should read", "5 minutes", "5 minutes · closed")
rewrites("its first paragraph should read", " · 5 minutes", "")
rewrites("its first paragraph should read", "*easy · 5 minutes*\n\n", "")
rewrites("it has no folded hint", "<summary>Hint</summary>", "**Hint**")
rewrites("it has no folded hint", "Multiply $H$ by $W$.", "")
rewrites("it has no folded hint", "</summary>\n\n", "</summary>\n")
rewrites("a <details> is open", "<details>", "<details open>")
rewrites("a <details> is open", "Multiply", "<details>\n\nMultiply")
writes(EXERCISES, "whose first line is `# @title Solution`", SOLUTION, "print(28 * 28)")


@breaks(EXERCISES, "should end in a code cell tagged solution")
def _(chapter):
    chapter.notebook.cells[SOLUTION].metadata.tags = []


@breaks(EXERCISES, "should end in a code cell tagged solution")
def _(chapter):
    chapter.notebook.cells.insert(SOLUTION + 1, markdown("And so on."))


@breaks(EXERCISES, "the solution was not executed")
def _(chapter):
    chapter.notebook.cells[SOLUTION].execution_count = None


@keeps(EXERCISES)
def _(chapter):
    chapter.notebook.cells[SOLUTION:SOLUTION] = [
        code("answer = None"),
        markdown("<details>\n<summary>Solution</summary>\n\nIn words.\n\n</details>"),
    ]
    chapter.notebook.cells.append(markdown("## References\n\n### Read on"))


@keeps(EXERCISES)
def _(chapter):
    replace(chapter, EXERCISE, "*easy · 5 minutes*", "*hard · 30 minutes · open*")


@keeps(EXERCISES)  # the Korean edition
def _(chapter):
    for cell in chapter.notebook.cells[EXERCISE - 1 :]:
        if cell.cell_type == "markdown":
            korean = cell.source.replace("## Exercises", "## 연습문제").replace("Exercise ", "연습문제 ")
            cell.source = korean.replace("*easy · 5 minutes*", "*쉬움 · 5분*").replace(">Hint<", ">힌트<")


@pytest.mark.parametrize(("rule", "says", "change"), BROKEN, ids=lambda case: getattr(case, "__name__", case))
def test_broken_chapter_is_reported(rule, says, change, chapter):
    change(chapter)
    problems = rule(chapter)
    assert any(says in problem for problem in problems), problems


@pytest.mark.parametrize(("rule", "change"), KEPT, ids=lambda case: case.__name__)
def test_sound_chapter_is_accepted(rule, change, chapter):
    change(chapter)
    assert rule(chapter) == []
