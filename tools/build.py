"""Build the English edition into `_build/html` and check it: the build must not pass because nobody looked.

Sphinx repeats a page's warnings only when it reads the page again, so a failed build would pass when run twice: after a
failure, and after a change of anything but the pages, the next build starts anew (executed chapters are cached apart).
"""

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

from check_site import check

ROOT = Path(__file__).resolve().parent.parent
BUILD, SITE = ROOT / "_build", ROOT / "_build" / "html"
MARKER = BUILD / ".built-from"


def fingerprint():
    """A hash of what decides the look of every page: settings, contents, extension, templates, styles, package."""
    files = [ROOT / name for name in ("_config.yml", "_toc.yml", "requirements.txt", "pyproject.toml")]
    for folder in ("book/_ext", "book/_static", "book/_templates", "companion"):
        files += sorted((ROOT / folder).rglob("*"))
    digest = hashlib.sha256()
    for file in files:
        if file.is_file() and "__pycache__" not in file.parts:
            digest.update(file.relative_to(ROOT).as_posix().encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()


def build():
    wanted = fingerprint()
    if not MARKER.exists() or MARKER.read_text() != wanted:
        for folder in (SITE, BUILD / ".doctrees"):
            shutil.rmtree(folder, ignore_errors=True)
    MARKER.unlink(missing_ok=True)
    command = [str(Path(sys.executable).with_name("jupyter-book")), "build", "-W", "--keep-going", "--quiet", str(ROOT)]
    if subprocess.call(command, cwd=ROOT):
        sys.exit("make: the site was not built: see the warnings or the failing cell above.")
    problems = check(SITE, ROOT)
    if problems:
        print("\n".join(problems))
        sys.exit(f"make: the site was built, but {len(problems)} things in it are wrong (listed above).")
    MARKER.write_text(wanted)
    print(f"The book is in {SITE.relative_to(ROOT)}: open {SITE / 'index.html'}")


if __name__ == "__main__":
    build()
