"""A page that holds one or more live figures and nothing else, made from the widgets' real state as the site would."""

import json
from pathlib import Path

HOST = Path(__file__).parents[2] / "book" / "_ext" / "widget-host.js"

PAGE = """<!doctype html>
<html lang="{lang}"{theme}>
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Live figure</title>
<link rel="icon" href="data:,">
<style>body {{ margin: 0 auto; padding: 8px; max-width: 60rem; font-family: sans-serif; {colours} }}</style>
<script defer src="widget-host.js"></script></head>
<body><main><h1 style="font-size: 1rem">Live figure</h1>
{figures}
<p id="after">after the figures</p></main>
<script type="application/vnd.jupyter.widget-state+json">{state}</script>
</body></html>
"""
FIGURE = """<div class="live-figure" data-figure="{name}" style="min-height: {min_height}">
<script type="application/vnd.jupyter.widget-view+json">{view}</script></div>"""


def write_page(folder: Path, *figures, lang: str = "en", theme: str = "light") -> Path:
    """Writes page.html, and the host beside it, into `folder`; returns the page's path."""
    state = {
        figure.model_id: {
            "model_name": figure._model_name,
            "model_module": figure._model_module,
            "model_module_version": figure._model_module_version,
            "state": figure.get_state(drop_defaults=False),
        }
        for figure in figures
    }
    for saved in state.values():
        saved["state"].pop("layout", None)
    views = [
        FIGURE.format(
            name=figure.name, min_height=figure.min_height, view=json.dumps({"model_id": figure.model_id})
        )
        for figure in figures
    ]
    page = PAGE.format(
        lang=lang,
        theme=f' data-theme="{theme}"' if theme else "",
        colours="background: #14181e; color: #fff" if theme == "dark" else "background: #fff; color: #000",
        figures="\n".join(views),
        state=json.dumps({"version_major": 2, "version_minor": 0, "state": state}, default=str).replace("</", "<\\/"),
    )
    (folder / "widget-host.js").write_text(HOST.read_text(encoding="utf-8"), encoding="utf-8")
    (folder / "page.html").write_text(page, encoding="utf-8")
    return folder / "page.html"
