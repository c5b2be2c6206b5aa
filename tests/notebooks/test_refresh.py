"""What `make refresh` keeps and drops, where the address goes, and what the first cell does on Colab."""

import copy
import stat
import sys
import types

import nbformat
import pytest
from good_chapter import code, markdown, shown, stdout
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from tools import notebooks
from tools.notebooks import RefreshError, clean, read_repository, refresh, setup_cell, stamp, write_repository

ADDRESS = "https://github.com/someone/convnets"
PYPROJECT = '[build-system]\nrequires = []\n\n[project]\nname = "book"\n\n[tool.ruff]\nline-length = 120\n'


def stderr(text):
    return nbformat.v4.new_output("stream", name="stderr", text=text)


def cleaned(*outputs):
    notebook = nbformat.v4.new_notebook(cells=[code("x", *outputs)])
    clean(notebook)
    return notebook.cells[0].outputs


@pytest.mark.parametrize("kind", ["image/png", "image/svg+xml", "application/vnd.jupyter.widget-view+json"])
def test_pictures_and_widget_views_are_dropped_and_text_is_kept(kind):
    output = nbformat.v4.new_output("display_data", data={"text/plain": "<Figure>", kind: "AA"}, metadata={kind: {}})
    assert cleaned(output) == [shown("<Figure>")]


def test_html_latex_and_markdown_are_kept():
    output = shown("Table", text_html="<table>", text_latex="$x$", text_markdown="**x**")
    assert cleaned(output) == [output]


def test_an_output_of_a_picture_alone_is_dropped():
    assert cleaned(nbformat.v4.new_output("display_data", data={"image/png": "AA"})) == []


BARS = [
    "  0%|          | 0/3 [00:00<?, ?it/s]\r100%|██████████| 3/3 [00:00<00:00, 9000.00it/s]\n",
    "epoch 1: 100%|██████████| 4/4 [00:02<00:00,  1.93 batches/s, loss=0.123]\n",
    "0it [00:00, ?it/s]\r3it [00:00, 23696.63it/s]\n",
    "3.00kB [00:00, 9.1MB/s]\n",
    "\n",
]


@pytest.mark.parametrize("bar", BARS)
def test_progress_bars_are_dropped(bar):
    assert cleaned(stderr(bar)) == []


@pytest.mark.parametrize("bar", BARS)
def test_a_warning_among_progress_bars_is_kept(bar):
    assert "UserWarning" in cleaned(stderr(bar), stderr("UserWarning: old\n"))[0].text


def test_streams_sent_in_pieces_are_joined_even_around_a_progress_bar():
    assert cleaned(stdout("a\n"), stdout("b\n"), stderr(BARS[0]), stdout("c\n")) == [stdout("a\nb\nc\n")]
    assert cleaned(stdout("a"), shown("x"), stdout("b")) == [stdout("a"), shown("x"), stdout("b")]


def test_what_a_carriage_return_hides_is_dropped():
    assert cleaned(stdout("1\r2\rdone\nnext\r\n")) == [stdout("done\nnext\r\n")]


def test_metadata_of_editors_go_and_those_that_fold_come_from_the_tags():
    notebook = nbformat.v4.new_notebook(
        metadata={"widgets": {}, "colab": {"name": "x"}, "kernelspec": {"name": "mine", "display_name": "Mine"}},
        cells=[
            nbformat.v4.new_code_cell("x", metadata={"scrolled": True, "collapsed": False, "tags": []}),
            nbformat.v4.new_code_cell("x", metadata={"tags": ["solution", "hide-cell"], "execution": {"start": "1"}}),
            nbformat.v4.new_markdown_cell("x", metadata={"id": "3"}),
        ],
    )
    clean(notebook)
    assert notebook.metadata == notebooks.METADATA
    assert notebook.cells[0].metadata == {}
    assert notebook.cells[1].metadata == {
        "tags": ["solution", "hide-cell"],
        "cellView": "form",
        "jupyter": {"outputs_hidden": True, "source_hidden": True},
    }
    assert notebook.cells[2].metadata == {}


def test_executed_cells_are_numbered_in_order_and_others_stay_unnumbered():
    """nbval does not compare a cell without a number, so only a run may give it one."""
    value = nbformat.v4.new_output("execute_result", data={"text/plain": "3"}, execution_count=41)
    notebook = nbformat.v4.new_notebook(cells=[code("x"), markdown("y"), code("3", value), code("z")])
    notebook.cells[0].execution_count = None
    clean(notebook)
    assert [cell.get("execution_count") for cell in notebook.cells] == [None, None, 2, 3]
    assert notebook.cells[2].outputs[0].execution_count == 2


def test_cell_ids_are_kept_and_doubles_get_the_same_new_one_each_time():
    notebook = nbformat.v4.new_notebook(cells=[code("x"), code("y"), code("z")])
    notebook.cells[0].id = notebook.cells[2].id = "twice"
    twin = copy.deepcopy(notebook)
    kept = notebook.cells[1].id
    clean(notebook)
    clean(twin)
    ids = [cell.id for cell in notebook.cells]
    assert ids[:2] == ["twice", kept] and len(set(ids)) == 3
    assert ids == [cell.id for cell in twin.cells]


def test_the_setup_cell_is_inserted_once_and_keeps_its_id():
    notebook = nbformat.v4.new_notebook(cells=[markdown("# A")])
    stamp(notebook, None)
    notebook.cells[0].id = "mine"
    stamp(notebook, ADDRESS)
    assert [cell.cell_type for cell in notebook.cells] == ["code", "markdown"]
    assert (notebook.cells[0].id, notebook.cells[0].source) == ("mine", setup_cell(ADDRESS))


def test_the_two_setup_cells_differ_in_the_address_line_only():
    unset, stamped = setup_cell(None).splitlines(), setup_cell(ADDRESS).splitlines()
    assert [(a, b) for a, b in zip(unset, stamped, strict=True) if a != b] == [
        ("REPOSITORY = None", f'REPOSITORY = "{ADDRESS}"')
    ]


# The first cell, run by IPython


def run_setup_cell(repository, monkeypatch, colab, installed, pip_works=True):
    """The arguments that `%pip` was called with, and the error that the cell raised, if any."""
    calls = []
    shell = InteractiveShell(config=Config({"HistoryManager": {"enabled": False}}))

    def pip(line):
        calls.append(line)
        if pip_works:
            monkeypatch.setitem(sys.modules, "companion", module)

    shell.register_magic_function(pip, magic_kind="line", magic_name="pip")
    module = types.ModuleType("companion")
    module.__spec__ = types.SimpleNamespace(name="companion")
    monkeypatch.delitem(sys.modules, "companion", raising=False)
    monkeypatch.setattr(sys, "path", [path for path in sys.path if "site-packages" in path or "python3" in path])
    monkeypatch.setattr(sys, "meta_path", [finder for finder in sys.meta_path if "editable" not in repr(finder)])
    if installed:
        monkeypatch.setitem(sys.modules, "companion", module)
    if colab:
        monkeypatch.setitem(sys.modules, "google.colab", types.ModuleType("google.colab"))
    result = shell.run_cell(setup_cell(repository))
    return calls, result.error_in_exec or result.error_before_exec


@pytest.mark.parametrize("repository", [None, ADDRESS])
@pytest.mark.parametrize(("colab", "installed"), [(False, False), (False, True), (True, True)])
def test_the_setup_cell_does_nothing_where_nothing_is_needed(repository, colab, installed, monkeypatch):
    assert run_setup_cell(repository, monkeypatch, colab, installed) == ([], None)


def test_on_colab_the_setup_cell_installs_the_package_and_nothing_else(monkeypatch):
    assert run_setup_cell(ADDRESS, monkeypatch, True, False) == ([f"install --quiet git+{ADDRESS}"], None)


def test_on_colab_without_an_address_it_says_what_to_do(monkeypatch):
    calls, error = run_setup_cell(None, monkeypatch, True, False)
    assert calls == [] and isinstance(error, RuntimeError)
    assert "does not know its repository" in str(error) and "%pip install ./the-folder" in str(error)


def test_an_install_that_failed_stops_at_the_setup_cell(monkeypatch):
    calls, error = run_setup_cell(ADDRESS, monkeypatch, True, False, pip_works=False)
    assert len(calls) == 1 and isinstance(error, ImportError)


# The address


def test_the_address_is_written_once_and_read_back(tmp_path):
    path = tmp_path / "pyproject.toml"
    path.write_text(PYPROJECT, encoding="utf-8")
    assert read_repository(tmp_path) is None
    write_repository("https://github.com/someone/else.git", tmp_path)
    write_repository(f"{ADDRESS}/", tmp_path)
    assert read_repository(tmp_path) == ADDRESS
    text = path.read_text(encoding="utf-8")
    assert text.startswith(PYPROJECT.rstrip()) and text.count("Repository") == text.count("[project.urls]") == 1


def test_other_addresses_beside_it_stay(tmp_path):
    path = tmp_path / "pyproject.toml"
    urls = '[project.urls]\nDocumentation = "https://example.org"\nRepository = "https://github.com/a/b"\n\n'
    path.write_text(PYPROJECT.replace("[tool.ruff]", f"{urls}[tool.ruff]"), encoding="utf-8")
    write_repository(ADDRESS, tmp_path)
    text = path.read_text(encoding="utf-8")
    assert read_repository(tmp_path) == ADDRESS
    assert 'Documentation = "https://example.org"\n' in text and "github.com/a/b" not in text
    assert text.endswith("\n\n[tool.ruff]\nline-length = 120\n")


@pytest.mark.parametrize("wrong", ["", "someone/convnets", "https://github.com/someone", "https://example.org/a/b"])
def test_what_is_no_address_is_refused(wrong, tmp_path):
    (tmp_path / "pyproject.toml").write_text(PYPROJECT, encoding="utf-8")
    with pytest.raises(ValueError, match="should read https://github.com/ORG/REPO"):
        write_repository(wrong, tmp_path)
    assert (tmp_path / "pyproject.toml").read_text(encoding="utf-8") == PYPROJECT


# A whole chapter, with a kernel

DRAWS = "import matplotlib.pyplot as plt\n\n_ = plt.plot([1, 2])"
WIDGET = """\
import ipywidgets


class Slider(ipywidgets.IntSlider):
    def __repr__(self):
        return "Slider()"


Slider()"""
BAR = "from tqdm import tqdm\n\nfor _ in tqdm(range(3)):\n    print('here', flush=True)"
WHERE = "from pathlib import Path\n\nPath.cwd().name"


@pytest.fixture
def chapter(tmp_path):
    """Writes a chapter of the given code cells, and returns its path."""

    def write(*sources):
        path = tmp_path / "chapters" / "03-lenet5.ipynb"
        path.parent.mkdir(exist_ok=True)
        nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources]), path)
        return path

    return write


def test_refresh_executes_in_the_chapters_folder_and_stores_text(chapter):
    path = chapter(DRAWS, WIDGET, BAR, WHERE)
    path.chmod(0o640)
    assert refresh(path, ADDRESS) is True
    notebook = nbformat.read(path, as_version=4)
    data = [[output.get("data", output.get("text")) for output in cell.outputs] for cell in notebook.cells]
    assert data == [
        [],
        [{"text/plain": "<Figure size 640x480 with 1 Axes>"}],
        [{"text/plain": "Slider()"}],
        ["here\nhere\nhere\n"],
        [{"text/plain": "'chapters'"}],
    ]
    assert notebook.cells[0].source == setup_cell(ADDRESS)
    text = path.read_text(encoding="utf-8")
    assert text.endswith("}\n") and "image/png" not in text and "widget" not in text.replace("ipywidgets", "")
    assert stat.S_IMODE(path.stat().st_mode) == 0o640

    before = path.stat()
    assert refresh(path, ADDRESS) is False
    after = path.stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)


def test_a_failing_cell_is_named_and_the_file_stays(chapter):
    path = chapter("x = 1", "print('so far')\n1 / 0")
    before = path.read_bytes()
    with pytest.raises(RefreshError, match=r"(?s)03-lenet5.ipynb: cell 3: ZeroDivisionError: .*1 / 0.*so far"):
        refresh(path, None)
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_a_cell_that_hangs_is_named(chapter):
    path = chapter("import time\n\ntime.sleep(60)")
    with pytest.raises(RefreshError, match="cell 2 ran for over 1 s"):
        refresh(path, None, timeout=1)


def test_without_execution_only_text_is_kept_and_the_address_stamped(chapter):
    path = chapter("print(1)")
    assert refresh(path, ADDRESS, run=False) is True
    notebook = nbformat.read(path, as_version=4)
    assert notebook.cells[0].source == setup_cell(ADDRESS)
    assert notebook.cells[1].execution_count is None
    assert refresh(path, ADDRESS, run=False) is False


def test_the_command_writes_the_address_then_stamps_it(chapter, monkeypatch, capsys, tmp_path):
    (tmp_path / "pyproject.toml").write_text(PYPROJECT, encoding="utf-8")
    for function in (notebooks.read_repository, notebooks.write_repository, notebooks.chapter_paths):
        monkeypatch.setattr(function, "__defaults__", (tmp_path,))
    path = chapter("print(1)")
    assert notebooks.main(["refresh", "--no-execute", "--repository", ADDRESS]) == 0
    assert ADDRESS in path.read_text(encoding="utf-8")
    assert "03-lenet5.ipynb: written" in capsys.readouterr().out
    assert notebooks.main(["refresh", "--no-execute", "--repository", "github"]) == 1
    assert "should read https://github.com/ORG/REPO" in capsys.readouterr().err
    assert notebooks.main(["refresh", "--no-execute", str(tmp_path / "nowhere.ipynb")]) == 1
