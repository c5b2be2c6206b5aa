"""Rules on exercises: each says how hard and how long, and folds away its hint and its executed solution.

    ## Exercises
    ### Exercise 3: Which pixels are never read
    *medium · 10 minutes*
    … the task, then <details> with <summary>Hint</summary>; perhaps <details> with <summary>Solution</summary> …
    code cells for the learner, if any; then code cells tagged solution and hide-cell, titled for Colab's fold
"""

import re

from chapter import headings, name, parse, tags

FEWEST, MOST = 6, 10
SECTION = {"Exercises", "연습문제"}
TITLE = re.compile(r"(?:Exercise|연습문제) (\d+): \S")
EFFORT = re.compile(  # "open" marks the question without one answer
    r"\*(?:easy|medium|hard) · \d+ minutes?(?: · open)?\*|\*(?:쉬움|보통|어려움) · \d+분(?: · 열린 문제)?\*"
)
HINT = re.compile(r"<details>\s*<summary>(?:Hint|힌트)</summary>\n\s*\n(?P<text>.*?)</details>", re.DOTALL)
SOLUTION_TITLE = "# @title Solution"


def exercises(chapter):
    """The exercises in order: (heading's text, [(index, cell), …])."""
    found, inside = [], False
    for index, cell in enumerate(chapter.notebook.cells):
        for level, text in headings(cell.source) if cell.cell_type == "markdown" else []:
            if level == 2:
                inside = text in SECTION
            elif level == 3 and inside:
                found.append((text, []))
        if inside and found:
            found[-1][1].append((index, cell))
    return found


def exercises_are_complete(chapter):
    """Six to ten exercises, numbered from 1, each with effort, hint and executed solution."""
    found = exercises(chapter)
    problems = []
    if not FEWEST <= len(found) <= MOST:
        problems.append(f"{len(found)} exercises under `## Exercises`; there should be {FEWEST} to {MOST}")
    for number, (title, cells) in enumerate(found, start=1):
        problems += [f"exercise {number} ({title}): {wrong}" for wrong in missing(number, title, cells)]
    return problems


def missing(number, title, cells):
    match = TITLE.match(title)
    if not match or int(match.group(1)) != number:
        yield f"its heading should read `### Exercise {number}: …`"
    tokens = parse(cells[0][1].source)
    if tokens[0].type != "heading_open" or sum(token.tag == "h3" for token in tokens) != 2:
        yield "it should begin a Markdown cell of its own"
    elif len(tokens) < 5 or not EFFORT.fullmatch(tokens[4].content):
        yield "its first paragraph should read `*easy · 5 minutes*` (or medium, hard)"
    words = "\n".join(cell.source for _, cell in cells if cell.cell_type == "markdown")
    hint = HINT.search(words)
    if not hint or not hint.group("text").strip():
        yield "it has no folded hint: <details>, <summary>Hint</summary>, a blank line, the hint"
    if words.count("<details>") != words.count("</details>") or "<details open" in words:
        yield "a <details> is open"
    solutions = [(index, cell) for index, cell in cells if "solution" in tags(cell)]
    if not solutions or cells[-1] != solutions[-1]:
        yield "it should end in a code cell tagged solution and hide-cell"
    for index, cell in solutions:
        if cell.cell_type != "code" or cell.source.splitlines()[:1] != [SOLUTION_TITLE]:
            yield f"{name(index, cell)}: a solution is a code cell whose first line is `{SOLUTION_TITLE}`"
        elif cell.execution_count is None:
            yield f"{name(index, cell)}: the solution was not executed"


RULES = [exercises_are_complete]
