"""axe-core's verdict on a page: the rules of WCAG 2.2, levels A and AA."""

import importlib.util
from pathlib import Path

AXE = Path(importlib.util.find_spec("axe_playwright_python").origin).with_name("axe.min.js")
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


def violations(page) -> list[tuple[str, list]]:
    """The rules that the page breaks as it is now, each with the elements that break it."""
    if not page.evaluate("Boolean(window.axe)"):
        page.evaluate(AXE.read_text("utf8"))
    found = page.evaluate("(tags) => axe.run(document, { runOnly: tags })", WCAG)
    assert len(found["passes"]) > 10, "axe has looked at hardly anything"
    return [(rule["id"], [node["target"] for node in rule["nodes"]]) for rule in found["violations"]]
