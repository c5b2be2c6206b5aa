"""Live figures in JupyterLab, with a live kernel: Python follows the sliders and the sliders Python."""

import json
import os
import re
import secrets
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

playwright = pytest.importorskip("playwright.sync_api")

ROOT = Path(__file__).parents[2]
CELLS = [
    "from companion.figures import OutputSizeExplorer\nfig = OutputSizeExplorer()\nfig",
    "print('Python sees', fig.W, fig.H, fig.step, fig.out)",
    "fig.P = 2; fig.mode = 'max_pool'\nprint('Python set', fig.P_h, fig.out)",
    "fig.F = 5; fig.step = 3\nprint('Python set', fig.F_h, fig.out)",
]
# One after the other, in the same cells. (The map mixer is made from a network's maps: chapter 9.)
FIGURES = ["LogitsExplorer", "ConvolutionPlayground", "ReceptiveFieldExplorer", "ArchitectureExplorer", "BlockBudget",
           "NetworkChart"]  # fmt: skip
TURNS = [
    f"""from companion import figures
names = iter({FIGURES})
def state():
    fixed = {{"presets", "ranges", "fallback", "min_height", "networks", "images", "architectures", "published"}}
    return {{n: getattr(fig, n) for n in fig.trait_names(sync=True) if n[0] != "_" and n not in fixed}}""",
    "fig = getattr(figures, next(names))()\nbefore = state()\nfig",
    "changed = [n for n, value in state().items() if value != before[n]]\nprint(type(fig).__name__, changed)",
    "for n in changed:\n    setattr(fig, n, before[n])\nprint(state() == before)",
]


def notebook(sources: list[str]) -> str:
    cells = [
        {"cell_type": "code", "id": f"cell-{i}", "metadata": {}, "execution_count": None, "outputs": [], "source": cell}
        for i, cell in enumerate(sources)
    ]
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    return json.dumps({"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5})


@pytest.fixture
def lab(request, tmp_path):
    """The address of a JupyterLab of its own, that knows nothing of the user's."""
    (tmp_path / "home").mkdir()
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "live.ipynb").write_text(notebook(request.param), encoding="utf-8")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    token = secrets.token_hex(16)
    folders = ("HOME", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR")
    environment = os.environ | dict.fromkeys(folders, str(tmp_path / "home"))
    environment |= {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "JUPYTER_TOKEN": token}
    log = (tmp_path / "lab.log").open("w")
    server = subprocess.Popen(
        [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ServerApp.ip=127.0.0.1",
         f"--ServerApp.port={port}", "--ServerApp.port_retries=0", f"--ServerApp.root_dir={tmp_path / 'work'}",
         "--LabApp.news_url=", "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate"],
        env=environment, stdout=log, stderr=subprocess.STDOUT,
    )  # fmt: skip
    address = f"http://127.0.0.1:{port}"
    try:
        _wait_until_up(f"{address}/api/status?token={token}", server, tmp_path / "lab.log")
        yield f"{address}/lab/tree/live.ipynb?reset&token={token}"
    finally:
        server.terminate()
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            server.kill()
        log.close()


def _wait_until_up(url: str, server: subprocess.Popen, log: Path, seconds: int = 60) -> None:
    until = time.monotonic() + seconds
    while server.poll() is None and time.monotonic() < until:
        try:
            urllib.request.urlopen(url, timeout=5).close()
            return
        except OSError:
            time.sleep(0.3)
    pytest.fail(f"JupyterLab did not start:\n{log.read_text(encoding='utf-8')[-3000:]}")


@pytest.mark.parametrize("lab", [CELLS], indirect=True, ids=["output size"])
def test_traits_follow_both_ways(browser, lab):
    context = browser.new_context(viewport={"width": 1200, "height": 1400})
    page = context.new_page()
    errors, addresses = [], []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("request", lambda request: addresses.append(request.url))
    page.goto(lab)
    cells = page.locator(".jp-Notebook .jp-CodeCell")
    cells.nth(len(CELLS) - 1).wait_for(timeout=60_000)

    def run(number: int) -> None:
        """JupyterLab drops what is run while it connects to the kernel, though it shows it idle: run it again."""
        done = cells.nth(number).locator(".jp-InputPrompt", has_text=re.compile(r"\[\d+\]"))
        for _ in range(4):
            cells.nth(number).locator(".cm-content").click()
            page.keyboard.press("Shift+Enter")
            try:
                return done.wait_for(timeout=10_000)
            except playwright.TimeoutError:
                continue
        pytest.fail(f"cell {number} did not run")

    def printed(number: int) -> str:
        run(number)
        return cells.nth(number).locator(".jp-OutputArea-output pre").inner_text(timeout=10_000).strip()

    run(0)
    figure = page.locator(".lf")
    figure.locator(".ose-stage").wait_for(timeout=60_000)
    assert figure.bounding_box()["width"] > 600
    assert figure.get_by_role("button", name="Copy link").count() == 0, "the address is not the figure's here"

    def slider(trait: str):
        return figure.locator(f"input[type=range][data-trait={trait}]")

    selected = "[...document.querySelectorAll('.jp-Notebook .jp-Cell')].findIndex(c => c.matches('.jp-mod-selected'))"
    slider("W").focus()
    chosen, before = page.evaluate(selected), page.url
    for key in ["ArrowRight"] * 5 + ["ArrowLeft"] + ["ArrowUp", "ArrowDown"]:
        page.keyboard.press(key)
    assert slider("W").input_value() == "12"
    slider("step").focus()
    page.keyboard.press("End")
    assert page.evaluate(selected) == chosen, "an arrow key moved the notebook's selection"
    assert page.evaluate("document.activeElement.dataset.trait") == "step"
    assert len(cells.all()) == len(CELLS)
    assert printed(1) == "Python sees 12 12 24 (5, 5)"

    assert printed(2) == "Python set 2 None", "pooling takes no padding of 2 with a kernel of 3"
    figure.locator(".ose-message").wait_for()
    assert slider("P").input_value() == "2"
    assert printed(3) == "Python set 5 (6, 6)"
    figure.locator(".ose-stage").wait_for()
    assert slider("F").input_value() == "5"
    assert slider("step").input_value() == "3"
    assert figure.locator(".lf-result").all_text_contents() == ["6"]
    assert figure.locator(".lf-code code").inner_text() == "nn.MaxPool2d(kernel_size=5, stride=2, padding=2)"

    assert page.url == before
    assert errors == []
    assert {url.split("/")[2] for url in addresses if url.startswith("http")} == {lab.split("/")[2]}
    context.close()


@pytest.mark.parametrize("lab", [TURNS], indirect=True, ids=["all figures"])
def test_every_figure_lives_here(browser, lab):
    """A key moves a slider and Python sees it; Python puts the value back and the slider follows."""
    page = browser.new_context(viewport={"width": 1200, "height": 2600}).new_page()
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(lab)
    cells = page.locator(".jp-Notebook .jp-CodeCell")
    cells.nth(len(TURNS) - 1).wait_for(timeout=60_000)

    def run(number: int) -> None:
        """As above; a cell that ran before has another number afterwards."""
        prompt = cells.nth(number).locator(".jp-InputPrompt")
        old = prompt.inner_text()
        for _ in range(4):
            cells.nth(number).locator(".cm-content").click()
            page.keyboard.press("Shift+Enter")
            try:
                ran = "([one, old]) => one.innerText !== old && /\\d/.test(one.innerText)"
                page.wait_for_function(ran, arg=[prompt.element_handle(), old], timeout=20_000)
                return
            except playwright.TimeoutError:
                continue
        pytest.fail(f"cell {number} did not run")

    run(0)
    for name in FIGURES:
        run(1)
        slider = page.locator(".lf input[type=range][data-trait]:visible").first
        slider.wait_for(timeout=60_000)
        value = slider.input_value()
        slider.focus()
        page.keyboard.press("ArrowRight")
        if slider.input_value() == value:  # it was at its end
            page.keyboard.press("ArrowLeft")
        assert slider.input_value() != value, name
        run(2)
        printed = cells.nth(2).locator(".jp-OutputArea-output pre").inner_text(timeout=10_000)
        assert re.fullmatch(rf"{name} \['.+'\]\s*", printed), printed
        run(3)
        assert cells.nth(3).locator(".jp-OutputArea-output pre").inner_text(timeout=10_000).strip() == "True", name
        back = "([one, value]) => one.value === value"
        page.wait_for_function(back, arg=[slider.element_handle(), value], timeout=20_000)
    assert errors == []
    page.context.close()
