"""The Grad-CAM explorer on a page: its picture with its words, and nothing of the widgets that need a kernel."""

import base64
import io
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
import yaml
from PIL import Image

from tools import check_site

ROOT = Path(__file__).resolve().parents[2]
VIEW, STATE = check_site.VIEW, check_site.STATE
BULK = "data:image/jpeg;base64," + "A" * 300_000
MODELS = {
    "box": {"model_name": "VBoxModel", "state": {"children": ["IPY_MODEL_picture"]}},
    "picture": {"model_name": "HTMLModel", "state": {"value": BULK}},
    "live": {"model_name": "AnyModel", "model_module": "anywidget", "state": {
        "_esm": "export default {} // </script>", "layout": "IPY_MODEL_layout", "name": "live", "min_height": "1em",
        "fallback": {"en": "<table></table>"},
    }},
    "layout": {"model_name": "LayoutModel", "state": {}},
    "older": {"model_name": "LayoutModel", "state": {}},
}  # fmt: skip


def chapter(*models: str) -> nbformat.NotebookNode:
    """A chapter as the site's build executes it, each cell showing one widget."""
    new, picture = nbformat.v4, io.BytesIO()
    Image.new("RGB", (8, 8)).save(picture, "jpeg")
    cells = [new.new_markdown_cell("# A chapter")]
    for model in models:
        data = {VIEW: {"model_id": model, "version_major": 2, "version_minor": 0}, "text/plain": f"{model}()"}
        if model == "box":
            data |= {"image/jpeg": base64.b64encode(picture.getvalue()).decode(), "text/plain": "GradCamExplorer()"}
            cells.append(new.new_markdown_cell("It shows:\n\n<!-- alt: A panda and its map. -->"))
        cells.append(new.new_code_cell("explorer", outputs=[new.new_output("display_data", data=data)]))
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    state = {"state": MODELS, "version_major": 2, "version_minor": 0}
    return new.new_notebook(cells=cells, metadata={"kernelspec": kernel, "widgets": {STATE: state}})


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A book with the settings and the extension of this one, built."""
    source = tmp_path_factory.mktemp("book")
    settings = yaml.safe_load((ROOT / "_config.yml").read_text("utf8"))
    settings["execute"]["execute_notebooks"] = "off"
    (source / "_config.yml").write_text(yaml.safe_dump(settings), "utf8")
    (source / "_toc.yml").write_text("format: jb-book\nroot: picture\nchapters: [{file: both}]\n", "utf8")
    for name in ("pyproject.toml", "requirements.txt"):
        shutil.copy(ROOT / name, source)
    for folder in ("_ext", "_static", "_templates"):
        shutil.copytree(ROOT / "book" / folder, source / "book" / folder)
    nbformat.write(chapter("box"), source / "picture.ipynb")
    nbformat.write(chapter("box", "live"), source / "both.ipynb")
    command = [str(Path(sys.executable).with_name("jupyter-book")), "build", "-W", "--quiet", str(source)]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr
    return check_site.Site(source / "_build" / "html", source)


def test_the_site_is_sound(site):
    assert check_site.check(site.folder, site.source) == []


@pytest.mark.parametrize("name", ["picture", "both"])
def test_a_page_shows_the_picture_with_its_words(site, name):
    page = site.page(site.folder / f"{name}.html")
    (image,) = page.soup.select(".cell_output img")
    assert image["src"].endswith(".jpg") and image["alt"] == "A panda and its map."
    assert "GradCamExplorer()" not in page.soup.select_one(".cell_output").get_text()


def test_a_page_holds_the_state_of_the_widgets_that_it_shows(site):
    page = site.page(site.folder / "both.html")
    assert [view["model_id"] for view in page.scripts(VIEW)] == ["live"]
    (saved,) = page.scripts(STATE)
    assert saved["state"] == {name: MODELS[name] for name in ("live", "layout")}
    assert page.path.stat().st_size < 100_000
    assert page.soup.select_one(f"script[src*='{check_site.HOST_SCRIPT}']")
    assert page.soup.select_one(".live-figure script")["type"] == VIEW


def test_a_page_without_widgets_loads_nothing_for_them(site):
    page = site.page(site.folder / "picture.html")
    assert page.scripts(VIEW) == page.scripts(STATE) == []
    assert not page.soup.select_one(f"script[src*='{check_site.HOST_SCRIPT}']")
