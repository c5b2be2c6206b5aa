"""axe-core's verdict on a page: the rules of WCAG 2.2, levels A and AA."""

import importlib.util
from pathlib import Path

AXE = Path(importlib.util.find_spec("axe_playwright_python").origin).with_name("axe.min.js")
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
COLOURS = ["color-contrast", "link-in-text-block"]  # the rules whose verdict depends on the theme

# Most of a chapter's elements are the coloured words of its code and the parts of its formulas, and axe looks at each
# one's contrast. One of a look is enough: of the others only a text stays.
FORGET_REPEATED = """() => {
    const seen = new Set();
    for (const token of document.querySelectorAll("pre span[class]")) {
        const block = token.closest("div[class*=highlight]")?.parentElement.className;
        const look = `${token.className} ${block}`;
        if (seen.has(look)) token.replaceWith(...token.childNodes);
        seen.add(look);
    }
    for (const formula of document.querySelectorAll("mjx-container")) {
        const box = formula.closest("blockquote, details, table")?.className;
        const look = `${formula.getAttribute("display")} in ${box}`;
        if (seen.has(look)) formula.replaceWith("x");
        seen.add(look);
    }
}"""


def violations(page, colours_only=False) -> list[tuple[str, list]]:
    """The rules that the page breaks as it is now, each with the elements that break it. Simplifies the page's code.

    colours_only: for a page that has passed in another theme.
    """
    if not page.evaluate("Boolean(window.axe)"):
        page.evaluate(AXE.read_text("utf8"))
    page.evaluate(FORGET_REPEATED)
    rules = COLOURS if colours_only else WCAG
    found = page.evaluate("(rules) => axe.run(document, { runOnly: rules, resultTypes: ['violations'] })", rules)
    looked_at = len(found["passes"]) + len(found["violations"])
    assert looked_at > (0 if colours_only else 10), "axe has looked at hardly anything"
    return [(rule["id"], [node["target"] for node in rule["nodes"]]) for rule in found["violations"]]
