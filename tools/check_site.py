"""The guard after the build: Jupyter Book exits 0 on too much.

    python tools/check_site.py [SITE [SOURCE]]

Reads every page of the built site and says what is wrong with it: a page missing or left over, a code cell without
its output, a live figure without its script or state, a picture without words, a link or fragment that leads
nowhere, anything loaded from another host, a path of the machine that built it. Exit code 1 if there is anything.
"""

import argparse
import ast
import json
import os
import re
import sys
from functools import cached_property
from pathlib import Path
from urllib.parse import unquote, urlsplit

import nbformat
import yaml
from bs4 import BeautifulSoup

ROOT = Path(__file__).resolve().parent.parent
GENERATED = {"search.html", "genindex.html", "index.html"}  # index.html leads on to the root of the contents
VIEW = "application/vnd.jupyter.widget-view+json"
STATE = "application/vnd.jupyter.widget-state+json"
HOST_SCRIPT = "widget-host.js"
FIGURE = re.compile(r"<\w*Figure size |GradCamExplorer\(")  # the text that is stored beside a picture
PICTURE_FILE = re.compile(r"\.(png|jpe?g|svg|gif|webp)$", re.IGNORECASE)
# <link rel=…> that a reader follows; a browser loads, or opens a connection for, the others.
FOLLOWED = {"alternate", "author", "canonical", "copyright", "help", "index", "license", "next", "prev", "search"}
LOADED = {
    "audio": ["src"], "embed": ["src"], "iframe": ["src"], "image": ["href", "xlink:href"], "img": ["src"],
    "input": ["src"], "object": ["data"], "script": ["src"], "source": ["src"], "track": ["src"],
    "use": ["href", "xlink:href"], "video": ["src", "poster"],
}  # fmt: skip
CSS_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
CSS_LOADED = re.compile(r"""url\(\s*(?P<quote>["']?)(?P<url>.*?)(?P=quote)\s*\)|@import\s+["'](?P<import>.*?)["']""")
TEXT_FILES = {".html", ".js", ".css", ".json", ".ipynb", ".md", ".txt", ".svg", ".xml"}


class Page:
    """One HTML file of the site, parsed once."""

    def __init__(self, path):
        self.path = path

    @cached_property
    def soup(self):
        return BeautifulSoup(self.path.read_text(encoding="utf-8"), "html.parser")

    @cached_property
    def fragments(self):
        """What a link to this page may name after its #."""
        return {tag.get("id") or tag.get("name") for tag in self.soup.find_all(id=True) + self.soup.select("a[name]")}

    def scripts(self, kind):
        """The JSON of the page's scripts of one type."""
        return [json.loads(script.string) for script in self.soup.find_all("script", type=kind)]


class Site:
    """A built edition in `folder`, made from `source`, which holds _toc.yml.

    The Korean edition lies in the folder ko/ of the English one, and the two link to each other.
    """

    def __init__(self, folder, source):
        self.folder, self.source = Path(folder).resolve(), Path(source).resolve()
        self.outermost = self.folder.parent if self.folder.name == "ko" else self.folder
        self.pages = {}

    def page(self, path):
        return self.pages.setdefault(path, Page(path))

    def name(self, path):
        return path.relative_to(self.outermost).as_posix()

    def files(self, *suffixes):
        """The edition's own files, in order; not those of an edition inside it."""
        inner = self.folder / "ko" if (self.source / "ko" / "_toc.yml").is_file() else None
        found = [path for path in sorted(self.folder.rglob("*")) if path.is_file() and path.suffix in suffixes]
        return [path for path in found if inner not in path.parents]

    def own_pages(self):
        """Every page but the theme's templates in _static/."""
        static = self.folder / "_static"
        return [self.page(path) for path in self.files(".html") if static not in path.parents]

    def resolve(self, page, url):
        """The file that a relative address on `page` names."""
        path = unquote(urlsplit(url).path)
        target = Path(os.path.normpath(page.parent / path)) if path else page
        return target / "index.html" if target.is_dir() else target


def documents(source):
    """The documents of the table of contents in order, without suffix: "chapters/03-lenet5"."""
    contents = yaml.safe_load((source / "_toc.yml").read_text(encoding="utf-8"))

    def walk(entry):
        if isinstance(entry, list):
            for part in entry:
                yield from walk(part)
        elif isinstance(entry, dict):
            for key, value in entry.items():
                if key in ("root", "file"):
                    yield re.sub(r"\.(ipynb|md)$", "", value)
                else:
                    yield from walk(value)

    return list(walk(contents))


def live_figures(source):
    """The class names of the live figures: `__all__` of companion.figures."""
    for folder in (source, source.parent):  # an edition's own folder has no package of its own
        package = folder / "companion" / "figures" / "__init__.py"
        if package.is_file():
            for node in ast.parse(package.read_text(encoding="utf-8")).body:
                if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
                    return ast.literal_eval(node.value)
    return []


def check_pages(site):
    """Pages and table of contents are the same set."""
    wanted = {f"{document}.html" for document in documents(site.source)}
    found = {page.path.relative_to(site.folder).as_posix() for page in site.own_pages()}
    problems = [f"{name}: in the table of contents, but not built" for name in sorted(wanted - found)]
    problems += [f"{name}: not built" for name in sorted(GENERATED - found)]
    return problems + [f"{name}: not in the table of contents" for name in sorted(found - wanted - GENERATED)]


def check_outputs(site):
    """Every code cell shows on the site what its notebook stores, and every figure is drawn."""
    problems = []
    figures = tuple(f"{figure}(" for figure in live_figures(site.source))
    for document in documents(site.source):
        notebook, page = site.source / f"{document}.ipynb", site.folder / f"{document}.html"
        if not notebook.is_file() or not page.is_file():
            continue
        cells = [
            (number, cell)
            for number, cell in enumerate(nbformat.read(notebook, as_version=4).cells, start=1)
            if cell.cell_type == "code" and "remove-cell" not in cell.metadata.get("tags", [])
        ]
        built = site.page(page).soup.select("div.cell")
        if len(built) != len(cells):
            problems.append(f"{document}.html: {len(built)} code cells; its notebook has {len(cells)}")
            continue
        for (number, cell), shown in zip(cells, built, strict=True):
            problems += [f"{document}.html: cell {number} {wrong}" for wrong in missing(cell, shown, figures)]
    return problems


def missing(cell, shown, figures):
    """What of the stored outputs of `cell` is not in `shown`, its element on the page."""
    plain = [output.get("data", {}).get("text/plain", "") for output in cell.outputs]
    outputs = [child for part in shown.select(".cell_output") for child in part.find_all(recursive=False)]
    if shown.select(".traceback, .output.error"):
        yield "shows an error"
    if len(outputs) < len(cell.outputs):
        yield f"shows {len(outputs)} outputs; its notebook stores {len(cell.outputs)}"
    if any(is_empty(output) for output in outputs):
        yield "shows an empty output"
    drawn, wanted = len(shown.select(".cell_output img")), sum(bool(FIGURE.match(text)) for text in plain)
    if drawn < wanted:
        yield f"shows {drawn} pictures; it draws {wanted}"
    alive = len(shown.find_all("script", type=VIEW))
    wanted = sum(text.startswith(figures) for text in plain)
    if alive < wanted:
        yield f"shows {alive} live figures; there should be {wanted}"


def is_empty(output):
    media = ["img", "script", "svg", "table"]
    return not output.get_text(strip=True) and output.name not in media and not output.find(media)


def check_live_figures(site):
    """A page with live figures has their state, their code and the script that revives them."""
    problems = []
    for page in site.own_pages():
        views = page.scripts(VIEW)
        if not views:
            continue
        name = site.name(page.path)
        models = {key: model for state in page.scripts(STATE) for key, model in state["state"].items()}
        for view in views:
            model = models.get(view["model_id"])
            if model is None:
                problems.append(f"{name}: live figure {view['model_id']} has no state")
            elif model["model_name"] == "AnyModel" and not model["state"].get("_esm"):
                problems.append(f"{name}: live figure {view['model_id']} has no code")
        sources = [urlsplit(script["src"]).path for script in page.soup.find_all("script", src=True)]
        if not any(source.rsplit("/", 1)[-1] == HOST_SCRIPT for source in sources):
            problems.append(f"{name}: live figures, but no {HOST_SCRIPT}")
    return problems


def check_images(site):
    """Every picture has an alt text that is not merely its file's name."""
    problems = []
    for page in site.own_pages():
        for image in page.soup.find_all("img"):
            alt = (image.get("alt") or "").strip()
            if not alt or PICTURE_FILE.search(alt):
                problems.append(f"{site.name(page.path)}: picture {image.get('src')} has alt text {alt!r}")
    return problems


def check_links(site):
    """Every link within the site leads to a file that exists, and its fragment to a place in it."""
    problems = []
    for page in site.own_pages():
        links = [tag["href"] for tag in page.soup.find_all(["a", "area"], href=True)]
        links += [tag["href"] for tag in page.soup.find_all("link", href=True) if FOLLOWED & set(tag.get("rel", []))]
        for link in dict.fromkeys(links):
            if wrong := broken(site, page.path, link):
                problems.append(f"{site.name(page.path)}: link {link}: {wrong}")
    return problems


def broken(site, page, link):
    """What is wrong with a link on `page`, or None."""
    parts = urlsplit(link)
    if parts.scheme or parts.netloc:
        return None if parts.scheme in ("http", "https", "mailto") else "not a web address"
    if parts.path.startswith("/"):
        return "absolute, so it fails where the book is not at the root of its host"
    target = site.resolve(page, link)
    if site.outermost not in target.parents or not target.is_file():
        return "no such file"
    fragment = unquote(parts.fragment)
    if not fragment or target.suffix != ".html":
        return None
    if fragment.startswith("fig="):  # the state of a live figure
        return None if site.page(target).scripts(VIEW) else "no live figure there"
    return None if fragment in site.page(target).fragments else "no such place on the page"


def check_loaded(site):
    """Nothing is loaded from another host, and what is loaded exists."""
    problems = []
    for page in site.own_pages():
        urls = []
        for tag in page.soup.find_all(list(LOADED)):
            urls += [tag[attribute] for attribute in LOADED[tag.name] if tag.get(attribute)]
        for tag in page.soup.find_all(srcset=True):
            urls += [candidate.split()[0] for candidate in tag["srcset"].split(",") if candidate.strip()]
        for tag in page.soup.find_all("link", href=True):
            urls += [] if FOLLOWED & set(tag.get("rel", [])) else [tag["href"]]
        styles = [tag.get_text() for tag in page.soup.find_all("style")]
        styles += [tag["style"] for tag in page.soup.find_all(style=True)]
        urls += css_urls("\n".join(styles))
        problems += unloadable(site, page.path, urls)
    for path in site.files(".css"):
        problems += unloadable(site, path, css_urls(path.read_text(encoding="utf-8")))
    return problems


def css_urls(style):
    found = CSS_LOADED.finditer(CSS_COMMENT.sub("", style))
    return [match["url"] if match["import"] is None else match["import"] for match in found]


def unloadable(site, path, urls):
    for url in dict.fromkeys(urls):
        parts = urlsplit(url)
        if parts.netloc or parts.scheme not in ("", "data", "blob"):
            yield f"{site.name(path)}: loads {url} from another host"
        elif parts.path.startswith("/") and not parts.scheme:
            yield f"{site.name(path)}: loads {url}, an absolute path"
        elif not parts.scheme and not site.resolve(path, url).is_file():
            yield f"{site.name(path)}: loads {url}, which does not exist"


def check_paths(site):
    """No file of the site names a folder of the machine that built it."""
    folders = {str(site.source), sys.prefix, f"{Path.home()}{os.sep}"}
    machine = re.compile("|".join([re.escape(folder) for folder in folders if len(folder) > 2] + [r"/ipykernel_\d+"]))
    problems = []
    for path in site.files(*TEXT_FILES):
        if found := machine.search(path.read_text(encoding="utf-8", errors="replace")):
            problems.append(f"{site.name(path)}: names {found.group()}, a path of this machine")
    return problems


CHECKS = [check_pages, check_outputs, check_live_figures, check_images, check_links, check_loaded, check_paths]


def check(folder, source):
    """What is wrong with the site in `folder`, built from `source` (which holds _toc.yml): a list of sentences."""
    site = Site(folder, source)
    if not site.folder.is_dir():
        return [f"there is no site in {site.folder}"]
    return [problem for check_one in CHECKS for problem in check_one(site)]


def main(arguments=None):
    parser = argparse.ArgumentParser(description="Check the built site.")
    parser.add_argument("site", nargs="?", type=Path, default=ROOT / "_build" / "html")
    parser.add_argument("source", nargs="?", type=Path, default=ROOT)
    options = parser.parse_args(arguments)
    problems = check(options.site, options.source)
    print("\n".join(problems) if problems else f"{options.site}: nothing wrong")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
