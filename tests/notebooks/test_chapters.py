"""Every rule on every chapter of every edition."""

import tomllib
from pathlib import Path

import pytest
from chapter import read_chapter
from rules import RULES

from tools.notebooks import ROOT, chapter_paths, read_repository

EXEMPT = tomllib.loads((Path(__file__).parent / "exempt_numbers.toml").read_text(encoding="utf-8"))
CHAPTERS = chapter_paths()


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_chapter_keeps_the_rule(path, rule):
    problems = rule(read_chapter(path, read_repository(), EXEMPT.get(path.stem)))
    assert not problems, "\n" + "\n".join(problems)


def test_there_are_chapters_and_every_exemption_belongs_to_one():
    assert CHAPTERS
    assert set(EXEMPT) <= {path.stem for path in CHAPTERS}
