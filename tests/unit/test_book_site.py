"""The site's extension, where it can be tested without building a site: chapters are executed side by side."""

import sys
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pytest
from jupyter_cache import get_cache
from sphinx.errors import ExtensionError

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "book" / "_ext"))
from book_site import execute_chapters  # noqa: E402


@pytest.fixture
def execute(tmp_path):
    """execute(mode, name=source, …): what the extension does before Sphinx reads these chapters."""

    def execute(mode="cache", **sources):
        for name, source in sources.items():
            book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)])
            book.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
            nbformat.write(book, tmp_path / f"{name}.ipynb")
        config = SimpleNamespace(
            nb_execution_mode=mode, nb_execution_cache_path=str(tmp_path / "cache"), nb_execution_timeout=300
        )
        env = SimpleNamespace(doc2path=lambda name: str(tmp_path / f"{name}.ipynb"))
        execute_chapters(SimpleNamespace(config=config), env, list(sources))

    return execute


def printed(folder, name):
    _, book = get_cache(folder / "cache").merge_match_into_notebook(nbformat.read(folder / f"{name}.ipynb", 4))
    return book.cells[0].outputs[0].text


def test_chapters_are_executed_once_and_kept(execute, tmp_path):
    sources = {"one": f"print(open({str(tmp_path / 'ran')!r}, 'a').write('one '))", "two": "print(1 + 1)"}
    for _ in range(2):
        execute(**sources)
    assert (tmp_path / "ran").read_text() == "one "
    assert printed(tmp_path, "two") == "2\n"
    execute(mode="off", three="1 / 0")  # asked not to execute, it does not


def test_a_chapter_that_fails_or_dies_stops_the_build_and_is_named(execute, tmp_path, capfd):
    with pytest.raises(ExtensionError) as caught:
        execute(sound="print(3)", wrong="1 / 0", dead="import os; os.kill(os.getpid(), 9)")
    words = str(caught.value)
    assert "wrong.ipynb stopped." in words and "ZeroDivisionError" in words
    assert "dead.ipynb stopped." in words and "DeadKernelError" in capfd.readouterr().err
    assert "sound.ipynb" not in words and printed(tmp_path, "sound") == "3\n"
