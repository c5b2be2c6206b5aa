"""Build the English edition into `_build/html` and check it: the build must not pass because nobody looked.

Sphinx repeats a page's warnings only when it reads the page again, so a failed build would pass when run twice: after a
failure, and after a change of anything but the pages, the next build starts anew (executed chapters are cached apart).
When nothing at all has changed since a build that passed, there is nothing to do.
"""

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD, SITE = ROOT / "_build", ROOT / "_build" / "html"
MARKER = BUILD / ".built-from"
# What decides the look of every page: settings, contents, extension, templates, styles, package. Then the pages.
LOOK = ("_config.yml", "_toc.yml", "requirements.txt", "pyproject.toml", "companion", "tools/build.py")
LOOK += ("book/_ext", "book/_static", "book/_templates")
PAGES = ("book", "chapters", "tools/check_site.py")


def fingerprint(*names):
    """A hash of files and of whole folders, given by their names in the repository."""
    digest = hashlib.sha256()
    for name in names:
        for file in sorted([ROOT / name, *(ROOT / name).rglob("*")]):
            if file.is_file() and not {"__pycache__", ".ipynb_checkpoints"}.intersection(file.parts):
                digest.update(file.relative_to(ROOT).as_posix().encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()


def build():
    look, pages = fingerprint(*LOOK), fingerprint(*PAGES)
    built = MARKER.read_text().split() if MARKER.exists() and (SITE / "index.html").exists() else []
    if built == [look, pages]:
        print(f"Nothing has changed. {done()}")
        return
    if built[:1] != [look]:
        for folder in (SITE, BUILD / ".doctrees"):
            shutil.rmtree(folder, ignore_errors=True)
    MARKER.unlink(missing_ok=True)
    command = [str(Path(sys.executable).with_name("jupyter-book")), "build", "-W", "--keep-going", "--quiet", str(ROOT)]
    if subprocess.call(command, cwd=ROOT):
        sys.exit("make: the site was not built: see the warnings or the failing cell above.")
    from check_site import check  # here, because a build that has nothing to do should not wait for its imports

    problems = check(SITE, ROOT)
    if problems:
        print("\n".join(problems))
        sys.exit(f"make: the site was built, but {len(problems)} things in it are wrong (listed above).")
    MARKER.write_text(f"{look}\n{pages}\n")
    print(done())


def done():
    return f"The book is in {SITE.relative_to(ROOT)}: open {SITE / 'index.html'}"


if __name__ == "__main__":
    build()
