"""Building twice: nothing is executed again, and it is quick; a failed build does not pass when repeated."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.alone

ROOT = Path(__file__).resolve().parents[2]


def build():
    start = time.perf_counter()
    result = subprocess.run([sys.executable, "tools/build.py"], cwd=ROOT, capture_output=True, text=True)
    return result.returncode, result.stdout + result.stderr, time.perf_counter() - start


def executions():
    """The executed chapters in the cache, each with the time at which it was executed."""
    found = {path: path.stat().st_mtime_ns for path in (ROOT / "_build" / ".jupyter_cache").rglob("base.ipynb")}
    assert found
    return found


def test_a_second_build_executes_nothing_and_takes_under_15_seconds():
    before = executions()
    code, output, seconds = build()
    assert code == 0, output
    assert "The book is in" in output
    assert executions() == before
    assert seconds < 15


def test_a_failed_build_fails_again_and_a_mended_one_passes():
    """Sphinx warns of a page only when it reads it, so a build must not trust what a failed one left behind."""
    page = ROOT / "book" / "index.md"
    sound, before = page.read_text("utf8"), executions()
    try:
        page.write_text(sound + "\n[nowhere](no-such-page.md)\n", "utf8")
        for _ in range(2):
            code, output, _ = build()
            assert code != 0
            assert "no-such-page" in output and "the site was not built" in output
    finally:
        page.write_text(sound, "utf8")
        code, output, _ = build()
    assert code == 0, output
    assert executions() == before  # a change of the text executes nothing
