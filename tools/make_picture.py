"""Make book/_static/explorer.png, the README's picture, from the built site: `make book`, then this script."""

import io
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "site"))
from conftest import ARGUMENTS, find_chromium  # noqa: E402 - how the tests find and start the browser

PAGE = (ROOT / "_build/html/chapters/03-lenet5.html").as_uri()
STATE = "#fig=output-size&preset=AlexNet+conv1,+224,+P%3D0&step=1322"


def main():
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=find_chromium(), args=ARGUMENTS)
        page = browser.new_page(viewport={"width": 1400, "height": 1100}, device_scale_factor=1.5)
        page.goto(PAGE + STATE)
        figure = page.locator(".live-figure .lf")
        figure.locator("input").first.wait_for()
        page.wait_for_timeout(500)
        picture = Image.open(io.BytesIO(figure.screenshot()))
        browser.close()
    picture = picture.convert("RGB").quantize(96, dither=Image.Dither.NONE)
    picture.save(ROOT / "book" / "_static" / "explorer.png", optimize=True)


if __name__ == "__main__":
    main()
