"""The built site as its readers have it: served and from the disk, light and dark, wide and narrow, no network."""

import functools
import http.server
import re
import statistics
import threading
from pathlib import Path

import pytest
from accessibility import violations
from fontTools.ttLib import TTFont

SITE = Path(__file__).resolve().parents[2] / "_build" / "html"
FOLDERS = ("book", "chapters", "ko")
PAGES = sorted(path.relative_to(SITE).as_posix() for folder in FOLDERS for path in SITE.glob(f"{folder}/**/*.html"))
PAGES += ["search.html", "genindex.html"]
CHAPTERS = [page for page in PAGES if "chapters/" in page]
LIVE = [page for page in CHAPTERS if 'class="live-figure"' in (SITE / page).read_text("utf8")]
# Bytes that a page may transfer, uncompressed. Chapter 3 has no photographs; those that have may take more.
LARGEST = {page: 2_300_000 if "03-lenet5" in page else 2_500_000 for page in PAGES}
# Promises, as window.answered, the milliseconds from the next key press to the first change of a live figure.
WATCH = """(number) => {
    const frame = document.querySelectorAll('.live-figure')[number];
    window.answered = new Promise((resolve) => {
        let start;
        const stop = (event) => { start = performance.now(); };
        addEventListener('keydown', stop, { capture: true, once: true });
        const observer = new MutationObserver(() => {
            if (start === undefined) return;
            observer.disconnect();
            resolve(performance.now() - start);
        });
        const all = { subtree: true, childList: true, characterData: true, attributes: true };
        observer.observe(frame, all);
    });
}"""


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture(scope="session")
def address():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=SITE))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()


@pytest.fixture
def open_page(browser):
    """open_page(url, **context settings) → a settled page that remembers its requests, bytes and complaints."""
    contexts = []

    def open_page(url, **settings):
        context = browser.new_context(**settings)
        context.set_default_timeout(120_000)
        contexts.append(context)
        page = context.new_page()
        page.requests_made, page.complaints, page.bytes_read = [], [], []
        page.on("request", lambda request: page.requests_made.append(request.url))
        page.on("requestfinished", lambda request: page.bytes_read.append(request.sizes()["responseBodySize"]))
        page.on("requestfailed", lambda request: page.complaints.append(f"failed: {request.url}"))
        page.on("pageerror", lambda error: page.complaints.append(str(error)))
        page.on("console", lambda message: page.complaints.append(message.text) if message.type == "error" else None)
        page.goto(url)
        if settings.get("java_script_enabled", True):
            page.wait_for_function("!window.MathJax || MathJax.startup?.promise?.then(() => true)")
            page.wait_for_function(
                "[...document.querySelectorAll('.live-figure')].every((frame) => frame.querySelector('input'))"
            )
        return page

    yield open_page
    for context in contexts:
        context.close()


def width_needed(page):
    return page.evaluate("document.documentElement.scrollWidth")


WIDE_FORMULAS = """[...document.querySelectorAll('mjx-container[display="true"]')]
    .filter((formula) => formula.scrollWidth > formula.clientWidth)"""


# A chapter takes seconds to open, so whatever one visit can show is asked in one visit.


@pytest.mark.parametrize("path", PAGES)
def test_served_page(open_page, address, path):
    """Self-contained, not too heavy, typeset, accessible in light and dark, and no wider than a screen."""
    page = open_page(f"{address}/{path}", color_scheme="light", viewport={"width": 1280, "height": 800})
    assert width_needed(page) <= 1280
    formulas = page.locator(".math").count()
    assert page.locator("mjx-container").count() == formulas
    assert formulas > 0 or path not in CHAPTERS
    assert page.locator("mjx-merror, [data-mjx-error]").count() == 0
    assert page.evaluate(f"{WIDE_FORMULAS}.map((formula) => formula.closest('section').id)") == []

    page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
    page.wait_for_load_state("networkidle")
    assert sum(page.bytes_read) <= LARGEST[path]
    assert [url for url in page.requests_made if not url.startswith((address, "blob:", "data:"))] == []
    assert page.complaints == []  # before axe, which asks for style sheets by other addresses

    page.evaluate("document.querySelectorAll('details').forEach((details) => { details.open = true; })")
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        page.wait_for_function("(scheme) => document.documentElement.dataset.theme === scheme", arg=scheme)
        page.evaluate("document.getAnimations().forEach((animation) => animation.finish())")  # what unfolds, fades in
        assert violations(page, colours_only=scheme == "dark") == [], scheme


# Texts in live figures that do not show whole: wider than a box that clips or scrolls, or outside the figure. Then
# elements that the theme has rules of its own for, which would win over the figure's.
SPOILT = """[...document.querySelectorAll(".live-figure .lf")].flatMap((figure) => {
    const { left, right } = figure.getBoundingClientRect();
    const dressed = figure.querySelectorAll("table, dl, ul, ol, blockquote, pre, h1, h2, h3, h4");
    const found = [...dressed].map((one) => one.tagName);
    const texts = document.createTreeWalker(figure, NodeFilter.SHOW_TEXT);
    const range = document.createRange();
    for (let text = texts.nextNode(); text; text = texts.nextNode()) {
        const own = text.parentElement;
        if (!text.data.trim() || own.closest(".lf-hidden, option, defs, mo") || !own.checkVisibility()) continue;
        range.selectNodeContents(text);
        const box = range.getBoundingClientRect();
        let cut = box.left < left - 1 || box.right > right + 1;
        for (let node = own; node !== figure && !cut; node = node.parentElement) {
            const clips = node instanceof HTMLElement && getComputedStyle(node).overflowX !== "visible";
            cut = clips && node.scrollWidth > node.clientWidth + 1;
        }
        if (cut) found.push(`${figure.closest("[data-figure]").dataset.figure}, ${own.className}: ${text.data}`);
    }
    return found;
})"""


# For the architecture explorer: long names, long shapes, formulas, and what breaks. (network, size, block)
NETWORKS = [
    ("googlenet", 224, 5), ("densenet121", 99, 20), ("vit_b_16", 224, 3), ("vit_b_16", 256, 0), ("resnet152", 224, 0),
    ("alexnet_towers", 99, 0),
]  # fmt: skip


@pytest.mark.parametrize("path", LIVE)
def test_no_text_of_a_live_figure_is_cut(open_page, path):
    page = open_page((SITE / path).as_uri(), viewport={"width": 1280, "height": 800})
    explorer = page.locator("[data-figure=architecture]")
    for width in (1280, 360):
        page.set_viewport_size({"width": width, "height": 800})
        page.evaluate("new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))")
        assert page.evaluate(SPOILT) == [], width
        for network, size, block in NETWORKS if explorer.count() else ():
            explorer.locator(f"select:has(option[value={network}])").select_option(network)
            for trait, value in (("size", size), ("block", block)):
                explorer.locator(f"input[type=range][data-trait={trait}]").fill(str(value))
            assert page.evaluate(SPOILT) == [], (width, network)


@pytest.mark.parametrize("path", PAGES)
def test_page_from_the_disk_on_a_telephone(open_page, path):
    page = open_page((SITE / path).as_uri(), viewport={"width": 360, "height": 800})
    assert [url for url in page.requests_made if not url.startswith(("file:", "blob:", "data:"))] == []
    assert page.locator("h1:visible").count() == 1
    assert width_needed(page) <= 360
    page.wait_for_function(f"{WIDE_FORMULAS}.every((formula) => formula.tabIndex === 0)")  # they scroll by keyboard
    assert page.complaints == []


@pytest.mark.alone
@pytest.mark.parametrize("path", LIVE)
def test_live_figures_answer_the_keyboard_within_a_frame(open_page, path):
    page = open_page((SITE / path).as_uri())
    for number in range(page.locator(".live-figure").count()):
        slider = page.locator(".live-figure").nth(number).locator("input[type=range]:enabled").first
        slider.focus()
        times = []
        for press in range(20):
            page.evaluate(WATCH, number)
            page.keyboard.press("ArrowRight" if press % 2 else "ArrowLeft")
            times.append(page.evaluate("window.answered"))
        assert statistics.median(times) <= 16, times


@pytest.mark.parametrize("source", ["server", "disk"])
def test_a_link_opens_the_explorer_in_its_state(open_page, address, source):
    root = address if source == "server" else SITE.as_uri()
    page = open_page(f"{root}/chapters/03-lenet5.html#fig=output-size&W=224&F=11&S=4&P=2")
    line = page.locator(".live-figure .lf-code code")
    assert line.inner_text() == "nn.Conv2d(1, 1, kernel_size=11, stride=4, padding=2)"
    page.wait_for_function("document.querySelector('.live-figure').getBoundingClientRect().top < innerHeight / 2")
    assert page.complaints == []


@pytest.mark.parametrize("path", LIVE)
def test_without_javascript_there_is_a_table(open_page, address, path):
    page = open_page(f"{address}/{path}", java_script_enabled=False)
    for number in range(page.locator(".live-figure").count()):
        assert page.locator(".live-figure").nth(number).locator("table tr").count() > 3


@pytest.mark.parametrize("source", ["server", "disk"])
def test_search_finds_the_chapter(open_page, address, source):
    root = address if source == "server" else SITE.as_uri()
    page = open_page(f"{root}/search.html?q=subsampling")
    page.wait_for_selector("#search-results li a[href*='03-lenet5']")


@pytest.mark.parametrize("path", ["chapters/03-lenet5.html", "search.html"])
def test_each_icon_is_still_in_the_font(open_page, path):
    page = open_page((SITE / path).as_uri())
    shown = page.evaluate(
        """[...document.querySelectorAll(".fa-solid, .fa-regular, .fa-brands")].map((node) =>
             getComputedStyle(node, "::before").content)"""
    )
    fonts = [TTFont(file) for file in (SITE / "_static/vendor/fontawesome/webfonts").glob("*.woff2")]
    assert len(set(shown)) >= 5 and all(re.fullmatch('"[\ue000-\uf8ff]"', text) for text in shown), shown
    assert {ord(text[1]) for text in shown} <= set().union(*(font.getBestCmap() for font in fonts))


def test_the_front_page_leads_to_the_book(open_page, address):
    page = open_page(f"{address}/index.html")
    page.wait_for_url("**/book/index.html")
    page.locator("article a[href*='chapters/03-lenet5']").first.click()
    page.wait_for_url("**/chapters/03-lenet5.html*")
    assert page.complaints == []
