"""What the site needs and Jupyter Book's settings cannot express.

The built site asks nothing of any other host: MathJax is taken from a Python package, live figures are revived by
`widget-host.js` instead of RequireJS and html-manager, and what names a content network is taken out.
Jupyter Book adds every script and style under a `_static/` folder to every page, so vendor files are staged below
`_build/` and joined to `html_static_path` after that scan.
"""

import hashlib
import html
import importlib.util
import json
import logging
import re
import shutil
import sys
import tomllib
from pathlib import Path

from docutils import nodes
from fontTools import subset
from jupyter_cache import get_cache
from jupyter_cache.executors import load_executor
from sphinx.errors import ExtensionError
from sphinx.transforms import SphinxTransform

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
STATE, VIEW = "application/vnd.jupyter.widget-state+json", "application/vnd.jupyter.widget-view+json"

# What a page loads of MathJax (a third less than its ready-made bundle, which brings a menu). There is no MathML
# input: the formulas inside live figures are MathML and stay the browser's own.
MATHJAX = (
    "startup.js", "core.js", "input/tex.js", "input/tex/extensions", "output/chtml.js", "output/chtml/fonts",
    "a11y/assistive-mml.js",
)  # fmt: skip

ALT = re.compile(r"<!--\s*alt:\s*(.*?)\s*-->", re.DOTALL)

# In the theme's style sheet: .fa-search:before,.fa-magnifying-glass:before{content:"\\f002"}
ICON = re.compile(r"\bfa-[a-z0-9-]+")
ICON_RULE = re.compile(r'(?P<names>(?:\.fa-[a-z0-9-]+:before,?)+)\{content:"\\(?P<code>[0-9a-f]+)"\}')

WIDGET_HOST = "vendor/widget-host.js"
VIEW_SCRIPT = re.compile(rf'<script type="{re.escape(VIEW)}">(?P<view>.*?)</script>', re.DOTALL)

# A blockquote that opens with one of these words in bold is a box of that kind (in either language).
BOXES = {
    "predict": ("predict", "예측"),
    "disagree": ("sources disagree", "출처마다 다른 점"),
    "mistake": ("common mistake", "흔한 실수"),
    "claim": ("claim", "주장"),
    "key": ("key idea", "핵심"),
}


def repository_url():
    """The address stamped by `make refresh REPOSITORY=…`; None until then."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf8"))
    return settings["project"].get("urls", {}).get("Repository")


def execution_key():
    """jupyter-cache's key is the code cells, their metadata and the kernel: this adds what they import, our package and
    the versions of the others."""
    digest = hashlib.sha256(sys.version.encode() + (ROOT / "requirements.txt").read_bytes())
    package = ROOT / "companion"
    for file in sorted(package.rglob("*")):
        if file.is_file() and "__pycache__" not in file.parts:
            digest.update(file.relative_to(package).as_posix().encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()[:16]


def stage_static_files(app):
    stage = Path(app.outdir).parent / "static"
    shutil.rmtree(stage, ignore_errors=True)
    mathjax = Path(importlib.util.find_spec("sphinx-mathjax-offline").submodule_search_locations[0], "static/mathjax")
    for part in MATHJAX:
        target = stage / "vendor/mathjax" / part
        target.parent.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if (mathjax / part).is_dir() else shutil.copy)(mathjax / part, target)
    shutil.copy(HERE / "widget-host.js", stage / "vendor")
    shutil.copytree(HERE.parent / "_static", stage, dirs_exist_ok=True)
    return stage


def configure(app, config):
    config.html_static_path = [*config.html_static_path, str(stage_static_files(app))]
    config.html_css_files = [*config.html_css_files, "book.css"]
    config.html_js_files = [*config.html_js_files, ("formulas.js", {"defer": "defer"})]
    config.mathjax_path = "vendor/mathjax/startup.js"
    config.nb_ipywidgets_js = {WIDGET_HOST: {"defer": "defer"}}  # only on pages that hold widget state
    config.nb_execution_cache_path = str(Path(app.outdir).parent / ".jupyter_cache" / execution_key())
    options = config.html_theme_options
    url = repository_url()
    if url:
        options.update(repository_url=url, repository_branch="main", use_repository_button=True)
        options["launch_buttons"] = {"colab_url": "https://colab.research.google.com"}
    else:  # Jupyter Book's default address is its own repository's
        options.update(repository_url="", launch_buttons={})


def execute_chapters(app, env, names):
    """Execute the chapters that the cache does not hold yet side by side; MyST-NB, which would do it one after the
    other, then finds them there."""
    if app.config.nb_execution_mode != "cache":
        return
    paths = [Path(env.doc2path(name)) for name in names]
    cache = get_cache(app.config.nb_execution_cache_path)
    chapters = [cache.add_nb_to_project(str(path)).uri for path in paths if path.suffix == ".ipynb"]
    if not chapters:
        return
    logger = logging.getLogger(__name__)
    logger.setLevel(logging.WARNING)  # else each process of the pool says hello and goodbye
    executor = load_executor("local-parallel", cache, logger)
    result = executor.run_and_cache(filter_uris=chapters, timeout=app.config.nb_execution_timeout)
    failed = [*result.excepted, *result.errored]
    if failed:
        reasons = {uri: cache.get_project_record(uri).traceback or "The lines above say why." for uri in failed}
        raise ExtensionError("\n\n".join(f"{uri} stopped.\n{reason}" for uri, reason in reasons.items()))


class Boxes(SphinxTransform):
    """Give blockquotes that open with a known bold word their class; the text stays plain Markdown."""

    default_priority = 400

    def apply(self):
        for quote in self.document.findall(nodes.block_quote):
            strong = next(iter(quote.findall(nodes.strong)), None)
            if strong is None or quote.astext().strip()[: len(strong.astext())] != strong.astext():
                continue
            word = strong.astext().strip(" .:").lower()
            for kind, openings in BOXES.items():
                if word.startswith(openings):
                    quote["classes"] += ["box", f"box-{kind}"]


def set_alternative_texts(app, doctree):
    """The n-th picture of a code cell gets the n-th `<!-- alt: … -->` of the Markdown just above the cell."""
    waiting = []
    for node in list(doctree.findall()):
        if isinstance(node, nodes.raw) and ALT.search(node.astext()):
            waiting += ALT.findall(node.astext())
            node.parent.remove(node)
        elif isinstance(node, nodes.container) and "cell" in node["classes"]:
            bundles = [part for part in node.findall(nodes.container) if part.get("nb_element") == "mime_bundle"]
            drawn = [images for images in (list(bundle.findall(nodes.image)) for bundle in bundles) if images]
            for images, text in zip(drawn, waiting, strict=False):
                for image in images:  # one picture, perhaps in several formats
                    image["alt"] = " ".join(text.split())
            waiting.clear()


UNUSED = ("thebe", "sphinx-design", "design-tabs")


def drop_unused(context):
    """Jupyter Book always loads sphinx-thebe, whose inline script names a content network, twice (a JavaScript
    error), and sphinx-design, whose directives portable Markdown does not have."""

    def wanted(file):
        name = str(getattr(file, "filename", "")).lower()
        body = getattr(file, "attributes", {}).get("body") or ""
        return not any(part in name for part in UNUSED) and "THEBE_JS_URL" not in body

    for key in ("script_files", "css_files"):
        context[key] = [file for file in context.get(key, []) if wanted(file)]


def keep_shown_widgets(context):
    """Take from a page the state of widgets that it does not show; return the rest, {model id: model}.

    A kernel's whole state is saved. Of an explorer, which a page shows as a picture, it has the controls, and the
    picture once more.
    """
    scripts = context.get("script_files", [])
    holder = next((file for file in scripts if getattr(file, "attributes", {}).get("type") == STATE), None)
    if holder is None:
        return {}
    saved = json.loads(holder.attributes["body"])
    waiting = [json.loads(view)["model_id"] for view in VIEW_SCRIPT.findall(context["body"])]
    shown = {}
    while waiting:
        model_id = waiting.pop()
        if model_id in saved["state"] and model_id not in shown:
            shown[model_id] = saved["state"][model_id]
            waiting += re.findall(r"IPY_MODEL_(\w+)", json.dumps(shown[model_id]))  # the models that it names
    if shown:
        holder.attributes["body"] = json.dumps({**saved, "state": shown}).replace("</script>", r"<\/script>")
    else:
        unneeded = [file for file in scripts if file is holder or WIDGET_HOST in str(getattr(file, "filename", ""))]
        context["script_files"] = [file for file in scripts if file not in unneeded]
    return shown


def frame_live_figures(app, context):
    """Wrap each widget view in a frame that reserves its height and holds a table for readers without JavaScript."""
    states = keep_shown_widgets(context)

    def frame(match):
        state = states[json.loads(match["view"])["model_id"]]["state"]
        if "fallback" not in state:
            return match[0]
        # A figure reckons its height from a page with a margin of 8 pixels; here, from the column that it stands in.
        height = state["min_height"].replace("100vw", "(100cqw + 16px)").replace("vw", "cqw")
        return (
            f'<div class="live-figure" data-figure="{html.escape(state["name"])}"'
            f' style="--live-figure-height: {html.escape(height)}">'
            f'<noscript>{state["fallback"][app.config.language]}</noscript>{match[0]}</div>'
        )

    context["body"] = VIEW_SCRIPT.sub(frame, context["body"])


def adapt_page(app, pagename, templatename, context, doctree):
    drop_unused(context)
    if "body" in context:
        frame_live_figures(app, context)


def slim(app, exception):
    """Of the icon font and its rules only the icons stay that pages and styles name, and the 1.5 MB script that would
    draw them a second time goes."""
    site = Path(app.outdir)
    fonts = site / "_static/vendor/fontawesome/webfonts"
    if exception is not None or not fonts.exists():
        return
    (site / "_static/scripts/fontawesome.js").write_text("/* not needed: icons come from the icon font */\n")
    sheets = {file: file.read_text("utf8") for file in site.glob("_static/**/*.css")}
    styles = "".join(sheets.values())
    code = {name: rule["code"] for rule in ICON_RULE.finditer(styles) for name in ICON.findall(rule["names"])}
    sources = [*site.glob("**/*.html"), *site.glob("_static/**/*.js")]  # a script may add an icon
    named = {name for file in sources for name in ICON.findall(file.read_text("utf8"))}
    codes = {code[name] for name in named if name in code}
    codes |= set(re.findall(r"\\([ef][0-9a-f]{3})\b", ICON_RULE.sub("", styles)))  # those that a style adds
    characters = {chr(int(number, 16)) for number in codes} | set(re.findall("[\ue000-\uf8ff]", styles))
    for file, style in sheets.items():
        kept = ICON_RULE.sub(lambda rule: rule[0] if named & set(ICON.findall(rule["names"])) else "", style)
        if kept != style:
            file.write_text(kept, "utf8")
    options = subset.Options(flavor="woff2")
    for font in fonts.glob("*.woff2"):
        with subset.load_font(font, options) as icons:
            subsetter = subset.Subsetter(options)
            subsetter.populate(text="".join(characters))
            subsetter.subset(icons)
            subset.save_font(icons, font, options)


def setup(app):
    app.connect("config-inited", configure, priority=100)
    app.connect("env-before-read-docs", execute_chapters)
    app.connect("doctree-read", set_alternative_texts)
    app.connect("html-page-context", adapt_page, priority=950)
    app.connect("build-finished", slim)
    app.add_transform(Boxes)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
