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
        self.errors, self.requests = [], []
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", lambda line: line.type in ("error", "warning") and self.errors.append(line.text))
        self.page.on("request", lambda request: self.requests.append(request.url))

    def open(self, *figures):
        path = write_page(self.folder, *(figures or [self.figure()]), lang=self.lang, theme=self.theme)
        self.page.goto(path.as_uri() + self.hash)
        self.page.wait_for_selector(self.drawn, state="attached")
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

    def sentence(self):
        return self.page.locator(".lf-sentence").first.inner_text()


def fixture(kind: type[Reader]):
    """The fixture `reader`: reader(**options) makes one. Fails the test on any error in the console or request."""

    @pytest.fixture
    def reader(browser, tmp_path):
        made = []

        def make(**options):
            made.append(kind(browser, tmp_path, **options))
            return made[-1]

        yield make
        for one in made:
            one.context.close()
            assert one.errors == []
            assert [url for url in one.requests if not url.startswith(("file:", "blob:", "data:"))] == []

    return reader
