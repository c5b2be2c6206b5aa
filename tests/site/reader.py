"""What a reader does to live figures on a page of their own; each figure's tests make a class of this for it."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from figure_page import write_page

from companion.figures._base import LiveFigure


class Reader:
    """One page with figures, and what a reader does to it. A subclass names the figure and when it is drawn."""

    drawn = ".lf"  # an element that is there once the figure is

    figure: Callable[[], LiveFigure]  # a subclass's: makes the one shown where a test asks for none in particular

    def __init__(self, browser, folder: Path, *, lang="en", theme="light", hash="", **options):
        self.folder, self.lang, self.theme, self.hash = folder, lang, theme, hash
        self.context = browser.new_context(**{"viewport": {"width": 900, "height": 1000}} | options)
        self.page = self.context.new_page()
        self.page.set_default_timeout(120_000)  # milliseconds, on a slow machine
        self.errors, self.requests = [], []
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", lambda line: line.type in ("error", "warning") and self.errors.append(line.text))
        self.page.on("request", lambda request: self.requests.append(request.url))

    def open(self, *figures):
        path = write_page(self.folder, *(figures or [self.figure()]), lang=self.lang, theme=self.theme)
        self.page.goto(path.as_uri() + self.hash)
        self.page.wait_for_selector(self.drawn, state="attached")
        return self

    def close(self):
        """Fails the test on any error in the console and on any request to another place."""
        self.context.close()
        assert self.errors == []
        assert [url for url in self.requests if not url.startswith(("file:", "blob:", "data:"))] == []

    def follow(self, link):
        """What a link to a state of the first figure does to it."""
        self.page.evaluate(
            """async (link) => {
              const hash = `#fig=${document.querySelector(".live-figure").dataset.figure}&${link}`;
              if (location.hash === hash) return dispatchEvent(new HashChangeEvent("hashchange"));
              const followed = new Promise((done) => addEventListener("hashchange", done, { once: true }));
              location.hash = hash;
              await followed;
            }""",
            link,
        )
        return self

    def slider(self, trait):
        return self.page.locator(f'input[type=range][data-trait="{trait}"]').first

    def press(self, trait, key, times=1):
        self.slider(trait).focus()
        for _ in range(times):
            self.page.keyboard.press(key)

    def call(self, function, *arguments):
        """What a function in JavaScript answers. Both ways as one text: Playwright passes a table number by number."""
        script = f"async (text) => JSON.stringify(await ({function})(...JSON.parse(text)))"
        return json.loads(self.page.evaluate(script, json.dumps(arguments)))

    def key_times(self, *controls, keys=("ArrowRight", "ArrowLeft"), presses=40):
        """Milliseconds from a key press to the figure's first change, to and fro on each slider (or other element)."""
        self.page.evaluate(
            """() => {
              window.times = [];
              addEventListener("keydown", () => { window.pressed = performance.now(); }, true);
              new MutationObserver(() => {
                if (window.pressed) window.times.push(performance.now() - window.pressed);
                window.pressed = 0;
              }).observe(document.querySelector(".lf"),
                { subtree: true, childList: true, characterData: true, attributes: true });
            }"""
        )
        for control in controls:
            (self.slider(control) if isinstance(control, str) else control).focus()
            for press in range(presses):
                self.page.keyboard.press(keys[press % 2])
                self.page.wait_for_timeout(15)
        times = self.page.evaluate("window.times")
        assert len(times) >= 0.75 * presses * len(controls), "most presses change something"
        return times

    def watch_shifts(self):
        """From the next page on, add up how far the layout moves by itself; `shift` has the sum."""
        self.page.add_init_script(
            """window.shift = 0;
            new PerformanceObserver((list) => { for (const one of list.getEntries()) window.shift += one.value; })
              .observe({ type: "layout-shift", buffered: true });"""
        )

    def shift(self):
        """The browser's layout shift so far, once the page has been drawn."""
        self.page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        self.page.wait_for_timeout(100)  # the observer is told after the frame
        return self.page.evaluate("window.shift")

    def heights(self):
        """Of the figure, and of the place that the page reserves for it."""
        return tuple(self.page.locator(name).bounding_box()["height"] for name in (".lf", ".live-figure"))

    def sentence(self):
        return self.page.locator(".lf-sentence").first.inner_text()


def fixture(kind: type[Reader]):
    """The fixture `reader`: reader(**options) makes one, on a page of its own."""

    @pytest.fixture
    def reader(browser, tmp_path):
        made = []

        def make(**options):
            made.append(kind(browser, tmp_path, **options))
            return made[-1]

        yield make
        for one in made:
            one.close()

    return reader


def shared_fixture(kind: type[Reader], **options):
    """The fixture `shared`: one reader, its figure open, for all tests of a file that can begin by following a link."""

    @pytest.fixture(scope="module")
    def shared(browser, tmp_path_factory):
        one = kind(browser, tmp_path_factory.mktemp("shared"), **options).open()
        yield one
        one.close()

    return shared
