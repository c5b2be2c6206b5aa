"""Numbers in prose are printed by a cell: nobody types a number that nothing checks.

Every decimal, every percentage and every whole number of four or more digits in a chapter's Markdown (running
text, maths, code in text, alt texts) must occur in the chapter's stored outputs, or as a number in its code.
Comments and strings in code are no evidence, nor are outputs that nbval does not compare: a trained result is
quoted as a bound, and the bound is in the assertion. Other exceptions are in exempt_numbers.toml, with reasons.
"""

import ast
import re
from dataclasses import dataclass, field
from decimal import Decimal
from html import unescape

from chapter import ALT, name, parse, texts
from rules_outputs import is_ignored

NUMBER = re.compile(
    r"(?<![A-Za-z_\d.])"  # not inside a name: conv1, v1.5
    r"(?P<whole>\d{1,3}(?:[,_\u00a0\u2009\u202f]\d{3})+(?!\d)|\d+)(?P<fraction>\.\d+)?"
    r"(?P<percent>\s?(?:%|％|per ?cent\b|퍼센트))?"
)
NOT_QUANTITIES = re.compile(
    r"https?://\S+"
    r"|(?i:arxiv)[:\s]*\d{4}\.\d{4,5}(?:v\d+)?"
    r"|\b10\.\d{4,}/\S+"  # a DOI
    r"|\d+(?:\.\d+){2,}"  # a version
    r"|\d{4}-\d\d-\d\d"  # a date
    r"|(?:\bpp?\.|\b\d+\(\d+\)[,:])\s*\d+(?:\s*[–-]\s*\d+)?"  # pages: "pp. 1–9", "86(11), 1–9"
    # where in a source
    r"|(?:\b(?i:sections?|sec\.|figures?|fig\.|tables?|equations?|eq\.|chapters?)|§+)\s*\(?\d+(?:\.\d+)*"
)
YEAR = re.compile(r"(?:19|20)\d\d")
LATEX = {r"{,}": ",", r"\,": "\u2009", r"\%": "%"}


@dataclass
class Number:
    """A number: as written (a percentage as 97.5%), its value, its kind: integer, decimal or percent."""

    text: str
    value: Decimal
    kind: str


@dataclass
class Evidence:
    integers: set = field(default_factory=set)
    decimals: set = field(default_factory=set)
    percents: set = field(default_factory=set)

    def add(self, kind, value):
        {"integer": self.integers, "decimal": self.decimals, "percent": self.percents}[kind].add(value)

    def supports(self, number):
        """97.5 % may stand for 97.5%, 97.5 or 0.975; 97 % not for a mere 97, which could be anything."""
        value = number.value
        if number.kind == "integer":
            return value in self.integers | self.decimals
        if number.kind == "decimal":
            return value in self.decimals or value * 100 in self.percents
        return (
            value in self.percents
            or value / 100 in self.decimals
            or ("." in number.text and value in self.decimals)
        )


def numbers(text):
    """Every number in a text."""
    for found in NUMBER.finditer(text):
        whole, fraction, percent = found.group("whole", "fraction", "percent")
        digits = re.sub(r"\D", "", whole)
        kind = "percent" if percent else "decimal" if fraction else "integer"
        text = whole + (fraction or "") + ("%" if percent else "")
        yield Number(text, Decimal(digits + (fraction or "")), kind)


def prose(source):
    """The running text of a Markdown cell: without link targets and tags, with maths, code and alt texts."""
    pieces = []
    for token in parse(source):
        if token.type == "inline":
            pieces.append("".join(spoken(child) for child in token.children))
        elif token.type in ("fence", "code_block", "math_block", "math_block_label", "html_block"):
            pieces.append(spoken(token))
    return "\n".join(pieces)


def spoken(token):
    if token.type in ("softbreak", "hardbreak"):
        return "\n"
    if token.type.startswith("html_"):
        return re.sub(r"<[^>]*>", " ", ALT.sub(r" \1 ", token.content))
    if token.type.startswith("math"):
        text = token.content
        for latex, plain in LATEX.items():
            text = text.replace(latex, plain)
        return re.sub(r"\\[A-Za-z]+", " ", text)
    return token.content


def evidence(chapter):
    """What the chapter computes: numbers in compared outputs and numeric literals of its code."""
    found = Evidence()
    for _, cell in chapter.cells("code"):
        for output in [] if is_ignored(cell) else cell.outputs:
            for kind, text in texts(output).items():
                if kind == "text/html":
                    text = unescape(re.sub(r"<[^>]*>", " ", text))
                for number in numbers(text):
                    found.add(number.kind, number.value)
        for value in literals(cell.source):
            if isinstance(value, int) or value == int(value):
                found.add("integer", Decimal(int(value)))
            if isinstance(value, float):
                found.add("decimal", Decimal(repr(value)))
    return found


def literals(source):
    try:
        nodes = list(ast.walk(ast.parse(source)))
    except SyntaxError:
        return []
    constants = [node.value for node in nodes if isinstance(node, ast.Constant)]
    return [value for value in constants if type(value) in (int, float) and abs(value) < float("inf")]


def is_quantity(number):
    """Whether the rule asks for evidence: a decimal, a percentage, or four digits that are no year."""
    if number.kind != "integer":
        return True
    return len(re.sub(r"\D", "", number.text)) >= 4 and not YEAR.fullmatch(number.text)


def numbers_are_computed(chapter):
    """Every quantity of the prose is printed by a cell, or is in the code, or is exempt with a reason."""
    known = evidence(chapter)
    exempt = {re.sub(r"\s", "", text): reason for text, reason in chapter.exempt.items()}
    problems = [f"exempt number {text} has no reason" for text, reason in exempt.items() if not reason.strip()]
    used = set()
    for index, cell in chapter.cells("markdown"):
        for number in numbers(NOT_QUANTITIES.sub(" ", prose(cell.source))):
            if not is_quantity(number) or known.supports(number):
                continue
            if number.text in exempt:
                used.add(number.text)
            else:
                problems.append(f"{name(index, cell)}: no cell computes {number.text}")
    problems += [f"exempt number {text} is not needed: remove it" for text in exempt if text not in used]
    return problems


RULES = [numbers_are_computed]
