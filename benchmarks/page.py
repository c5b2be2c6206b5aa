"""What a chapter's page costs a reader: bytes by kind, and key press to changed figure, as ratios to its budget.

    make book && .venv/bin/python benchmarks/page.py
"""

import collections
import functools
import http.server
import statistics
import sys
import threading
from pathlib import Path

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "site"))
from conftest import ARGUMENTS, find_chromium  # noqa: E402 - how the tests find and start the browser
from test_book import LARGEST, LIVE, SITE, WATCH, Quiet  # noqa: E402

FRAME = 16  # milliseconds from a key press to the changed figure
PRESSES = 100


def main():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=SITE))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_address[1]}"
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=find_chromium(), args=ARGUMENTS)
        for path in LIVE:
            page = browser.new_page()
            sizes = collections.Counter()
            page.on(
                "requestfinished",
                lambda request, sizes=sizes: sizes.update({request.resource_type: request.sizes()["responseBodySize"]}),
            )
            page.goto(f"{address}/{path}")
            page.wait_for_selector(".live-figure input")
            page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
            page.wait_for_load_state("networkidle")
            total = sum(sizes.values())
            print(f"{path}: {total / 1e6:.2f} MB, {total / LARGEST[path]:.2f} of its budget")
            print("  " + ", ".join(f"{kind} {size / 1e6:.2f}" for kind, size in sizes.most_common()))
            for number in range(page.locator(".live-figure").count()):
                figure = page.locator(".live-figure").nth(number)
                presets = figure.locator("select").first
                for preset in presets.locator("option").all_text_contents()[1:]:
                    presets.select_option(label=preset)
                    figure.locator("input[type=range]:enabled").first.focus()
                    times = []
                    for press in range(PRESSES):
                        page.evaluate(WATCH, number)
                        page.keyboard.press("ArrowLeft" if press % 2 == 0 else "ArrowRight")
                        times.append(page.evaluate("window.answered"))
                    median, worst = statistics.median(times), max(times)
                    print(f"  {preset:38} median {median:4.1f} ms, {median / FRAME:.2f} of a frame, worst {worst:.0f}")
            page.close()
        browser.close()
    server.shutdown()


if __name__ == "__main__":
    main()
