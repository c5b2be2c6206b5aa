"""Headless Chromium for the tests of the site. No name but this machine's resolves in it."""

import os
import shutil

import pytest

# Without a sandbox because CI runs as root; without the network because the site must not need one.
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]
# The headless shell is the same engine without a window's furniture: a page opens in half the time.
NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")


def find_chromium() -> str | None:
    found = [os.environ.get("CHROMIUM"), *map(shutil.which, NAMES)]
    return next((path for path in found if path), None)


@pytest.fixture(scope="session")
def browser():
    path = find_chromium()
    if path is None:
        message = (
            f"no Chromium found: install one of {', '.join(NAMES)} (Debian: apt-get install chromium-headless-shell), "
            "or set CHROMIUM to its path"
        )
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()
