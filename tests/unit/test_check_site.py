"""The guard after the build can fail: a small sound site is broken one way at a time, and the guard says where."""

import sys
from pathlib import Path

import nbformat
import pytest

from tools import check_site

TOC = """\
format: jb-book
root: book/index
parts:
  - caption: "Part I"
    chapters:
      - file: chapters/03-lenet5
        sections:
          - file: book/notation.md
"""
PAGE = """\
<!DOCTYPE html>
<html><head>
<link rel="stylesheet" href="{up}_static/book.css?v=1">
<link rel="canonical" href="https://example.org/elsewhere">
<link rel="next" href="{up}chapters/03-lenet5.html">
<script src="{up}_static/page.js"></script>
{head}</head><body style="background: url(data:image/png;base64,AA)">
<a href="#main">Skip</a><a href="#">Top</a><a href="https://example.org">Out</a><a href="mailto:a@example.org">Mail</a>
<a href="{up}book/index.html">Home</a><a href="{up}book/notation.html#symbols">Symbols</a>
<div id="main">{body}</div></body></html>
"""
HEAD = """\
<script type="application/vnd.jupyter.widget-state+json">{"state": {
 "m1": {"model_name": "AnyModel", "state": {"_esm": "export default {}"}},
 "l1": {"model_name": "LayoutModel", "state": {}}}}</script>
<script defer="defer" src="../_static/widget-host.js?v=2"></script>
"""
BODY = """\
<div class="cell docutils container"><div class="cell_input">print(1)</div>
<div class="cell_output"><div class="output stream"><pre>1</pre></div></div></div>
<div class="cell docutils container"><div class="cell_input">plot</div>
<div class="cell_output">
<img alt="A line from 1 up to 2." src="../_images/a1.png" srcset="../_images/a1.png 2x"></div></div>
<div class="cell docutils container"><div class="cell_input">Explorer()</div>
<div class="cell_output"><div class="live-figure"><noscript><table><tr><td>3</td></tr></table></noscript>
<script type="application/vnd.jupyter.widget-view+json">{"model_id": "m1"}</script></div></div></div>
<div class="cell tag_hide-cell docutils container"><details><summary>Show</summary>
<div class="cell_output"><div class="output text_html"><table><tr><td>2</td></tr></table></div></div></details></div>
<div class="cell docutils container"><div class="cell_input">x = 1</div></div>
<a href="#fig=w:32">Preset</a>
"""
CHAPTER = "chapters/03-lenet5.html"


@pytest.fixture
def book(tmp_path):
    """A source folder and the site built from it."""
    files = {
        "_toc.yml": TOC,
        "companion/figures/__init__.py": '__all__ = ["Explorer"]\n',
        "site/index.html": '<meta http-equiv="refresh" content="0; url=book/index.html">',
        "site/search.html": PAGE.format(up="", head="", body=""),
        "site/genindex.html": PAGE.format(up="", head="", body=""),
        "site/book/index.html": PAGE.format(up="../", head="", body='<a href="../chapters/">no page, a folder</a>'),
        "site/book/notation.html": PAGE.format(up="../", head="", body='<h1 id="symbols">Symbols</h1>'),
        f"site/{CHAPTER}": PAGE.format(up="../", head=HEAD, body=BODY),
        "site/chapters/index.html": "",
        "site/_images/a1.png": "",
        "site/_static/book.css": '/* url(https://example.org/no) */ @import "more.css"; a { b: url("font.woff2?v=1") }',
        "site/_static/more.css": "a { b: url(#gradient); c: url( 'data:image/svg+xml;utf8,<svg/>' ) }",
        "site/_static/font.woff2": "",
        "site/_static/page.js": "",
        "site/_static/widget-host.js": "",
        "site/_static/template.html": '<img src="no page of the book">',
    }
    files["_toc.yml"] += "      - file: chapters/index\n"
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    new = nbformat.v4
    shown = [new.new_output("display_data", data={"text/plain": text}) for text in (
        "<Figure size 640x480 with 1 Axes>", "Explorer(W=7)", "Table",
    )]  # fmt: skip
    cells = [
        new.new_code_cell("setup", metadata={"tags": ["setup", "remove-cell"]}),
        new.new_markdown_cell("# LeNet-5"),
        new.new_code_cell("print(1)", outputs=[new.new_output("stream", name="stdout", text="1\n")]),
        new.new_code_cell("plot", outputs=shown[:1]),
        new.new_code_cell("Explorer()", outputs=shown[1:2]),
        new.new_code_cell("table", outputs=shown[2:], metadata={"tags": ["solution", "hide-cell"]}),
        new.new_code_cell("x = 1"),
    ]
    (tmp_path / "chapters").mkdir()
    nbformat.write(new.new_notebook(cells=cells), tmp_path / "chapters" / "03-lenet5.ipynb")
    return tmp_path


def problems(book):
    return check_site.check(book / "site", book)


def edit(path, old, new):
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_a_sound_site_has_no_problems(book, capsys):
    assert problems(book) == []
    assert check_site.main([str(book / "site"), str(book)]) == 0
    assert "nothing wrong" in capsys.readouterr().out


def test_problems_are_listed_and_the_exit_code_says_so(book, capsys):
    (book / "site/_images/a1.png").unlink()
    (book / "site/search.html").unlink()
    assert check_site.main([str(book / "site"), str(book)]) == 1
    assert len(capsys.readouterr().out.splitlines()) == 2


def test_a_missing_site_is_reported(book):
    assert "there is no site" in check_site.check(book / "nowhere", book)[0]


FILES = {
    "a chapter not built": (CHAPTER, None, f"{CHAPTER}: in the table of contents, but not built"),
    "no search": ("search.html", None, "search.html: not built"),
    "a left-over page": ("chapters/04-alexnet.html", "", "chapters/04-alexnet.html: not in the table of contents"),
    "no picture": ("_images/a1.png", None, "loads ../_images/a1.png, which does not exist"),
    "no script": ("_static/page.js", None, "loads ../_static/page.js, which does not exist"),
    "no style": ("_static/book.css", None, "loads ../_static/book.css?v=1, which does not exist"),
    "no font": ("_static/font.woff2", None, "_static/book.css: loads font.woff2?v=1, which does not exist"),
    "no imported style": ("_static/more.css", None, "_static/book.css: loads more.css, which does not exist"),
    "no linked page": ("book/notation.html", None, "link ../book/notation.html#symbols: no such file"),
    "font elsewhere": ("_static/more.css", "a{b:url(//example.org/f)}", "more.css: loads //example.org/f from"),
    "style elsewhere": ("_static/more.css", "@import 'https://example.org/a.css'", "more.css: loads https://example.org/a"),
    "style by url()": ("_static/more.css", "@import url(http://example.org/a)", "more.css: loads http://example.org/a"),
    "the kernel's folder": ("_static/page.js", "/tmp/ipykernel_12/3.py", "page.js: names /ipykernel_12"),
    "the environment": ("_static/page.js", f"at {sys.prefix}/lib", f"page.js: names {sys.prefix}"),
    "the home folder": ("_sources/a.ipynb", f"{Path.home()}/book", f"_sources/a.ipynb: names {Path.home()}"),
}


@pytest.mark.parametrize("case", FILES)
def test_a_file_missing_or_wrong_is_reported(book, case):
    name, text, says = FILES[case]
    path = book / "site" / name
    if text is None:
        path.unlink()
    else:
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    found = problems(book)
    assert any(says in problem for problem in found), found


IMAGE = '<img alt="A line from 1 up to 2." src="../_images/a1.png" srcset="../_images/a1.png 2x">'
VIEW = '<script type="application/vnd.jupyter.widget-view+json">{"model_id": "m1"}</script>'
STREAM = '<div class="cell_output"><div class="output stream"><pre>1</pre></div></div>'
TABLE = "<table><tr><td>2</td></tr></table>"
PAGES = {
    "an output gone": (STREAM, "", "cell 3 shows 0 outputs; its notebook stores 1"),
    "an output empty": ("<pre>1</pre>", "<pre> </pre>", "cell 3 shows an empty output"),
    "a table gone": (TABLE, "", "cell 6 shows an empty output"),
    "an error": ('class="output stream"', 'class="output traceback"', "cell 3 shows an error"),
    "a figure gone": (IMAGE, "<p>&lt;Figure size 640x480&gt;</p>", "cell 4 shows 0 pictures; it draws 1"),
    "a live figure as text": (VIEW, "<p>Explorer(W=7)</p>", "cell 5 shows 0 live figures; there should be 1"),
    "a cell gone": ('<div class="cell docutils container"><div class="cell_input">x = 1', "<div><div>", "4 code cells"),
    "no state": ('"m1": {"model_name"', '"m2": {"model_name"', "live figure m1 has no state"),
    "no code": ("export default {}", "", "live figure m1 has no code"),
    "no host script": ("widget-host.js", "page.js", "live figures, but no widget-host.js"),
    "no alt text": ('alt="A line from 1 up to 2."', "", "has alt text ''"),
    "an empty alt text": ("A line from 1 up to 2.", " ", "has alt text ''"),
    "a path as alt text": ("A line from 1 up to 2.", "../_images/a1.png", "has alt text '../_images/a1.png'"),
    "a fragment wrong": ("notation.html#symbols", "notation.html#symbol", "#symbol: no such place on the page"),
    "a fragment of the page wrong": ('href="#main"', 'href="#mein"', "link #mein: no such place on the page"),
    "a link wrong": ('<a href="../book/index.html"', '<a href="../book/start.html"', "start.html: no such file"),
    "a link out of the site": ('<a href="../book/index.html"', '<a href="../../_toc.yml"', "_toc.yml: no such file"),
    "an absolute link": ('<a href="../book/index.html"', '<a href="/book/index.html"', "link /book/index.html: abs"),
    "a rel link wrong": ('rel="next" href="../chapters', 'rel="next" href="../ch', "ch/03-lenet5.html: no such file"),
    "a script link": ('href="mailto:a@example.org"', 'href="javascript:go()"', "javascript:go(): not a web address"),
    "a script elsewhere": ('src="../_static/page.js"', 'src="https://example.org/a.js"', "loads https://example.org/a.js"),
    "a script without scheme": ('src="../_static/page.js"', 'src="//example.org/a.js"', "loads //example.org/a.js"),
    "a style elsewhere": ("../_static/book.css", "https://example.org/a.css", "loads https://example.org/a.css"),
    "a connection elsewhere": ('rel="canonical"', 'rel="preconnect"', "loads https://example.org/elsewhere"),
    "a picture elsewhere": ('"../_images/a1.png"', '"https://example.org/a"', "loads https://example.org/a"),
    "a larger one elsewhere": ("../_images/a1.png 2x", "https://example.org/b 2x", "loads https://example.org/b"),
    "a frame elsewhere": (VIEW, f'{VIEW}<iframe src="https://example.org/f"></iframe>', "loads https://example.org/f"),
    "an inline style elsewhere": ("data:image/png;base64,AA", "http://example.org/c.png", "loads http://example.org/c"),
    "a style element elsewhere": (VIEW, f"{VIEW}<style>a{{b:url('//example.org/d')}}</style>", "loads //example.org/d"),
    "an absolute asset": ('src="../_static/page.js"', 'src="/_static/page.js"', "page.js, an absolute path"),
}


@pytest.mark.parametrize("case", PAGES)
def test_a_page_broken_in_one_place_is_reported(book, case):
    old, new, says = PAGES[case]
    edit(book / "site" / CHAPTER, old, new)
    found = problems(book)
    assert any(problem.startswith(CHAPTER) and says in problem for problem in found), found


def test_the_source_folder_must_not_be_named(book):
    edit(book / "site" / CHAPTER, "print(1)", f"{book}/chapters/a.py")
    assert any(f"{CHAPTER}: names {book}" in problem for problem in problems(book))


def test_a_live_figures_state_cannot_be_linked_where_there_is_none(book):
    edit(book / "site/book/index.html", "notation.html#symbols", "notation.html#fig=w:32")
    assert any("no live figure there" in problem for problem in problems(book))
    edit(book / "site/book/index.html", "../book/notation.html#fig=w:32", f"../{CHAPTER}#fig=w:32")
    assert problems(book) == []


def test_editions_are_checked_apart_and_may_link_to_each_other(book):
    """ko/ inside the site is another edition, with its own contents; without them its pages are left over."""
    korean = book / "site/ko"
    for name in ("index.html", "search.html", "genindex.html"):
        (korean / name).parent.mkdir(exist_ok=True)
        (korean / name).write_text(f'<a href="../{CHAPTER}#fig=w:1">English</a><img alt="">', encoding="utf-8")
    edit(book / "site/book/index.html", "../book/notation.html#symbols", "../ko/index.html")
    assert any("ko/search.html: not in the table of contents" in problem for problem in problems(book))
    (book / "ko").mkdir()
    (book / "ko/_toc.yml").write_text("format: jb-book\nroot: index\n", encoding="utf-8")
    assert problems(book) == []
    assert len(check_site.check(korean, book / "ko")) == 3  # its three pictures without words


def test_the_contents_are_read_whole(book):
    assert check_site.documents(book) == ["book/index", "chapters/03-lenet5", "book/notation", "chapters/index"]
