"""Everything that keeps the book honest, in one run: style, build, code, chapters, site. Ends in one line of counts."""

import subprocess
import sys
import time
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parent.parent
REPORTS = ROOT / "_build" / "reports"

# Files run whole in one worker ("loadfile"): their tests share what takes long. In this order, the slow ones first.
PARALLEL = ["-n", "2", "--dist", "loadfile", "--no-loadscope-reorder"]
SLOW = [f"tests/unit/test_{name}.py" for name in ("train", "setup_venv", "shapes", "scenes", "packaging", "plot")]
CHAPTERS = [folder for folder in ("chapters", "ko/chapters") if (ROOT / folder).is_dir()]
GROUPS = {
    "code and text": [*SLOW, "tests/unit", "tests/notebooks", *PARALLEL],
    "chapters": [*CHAPTERS, "--nbval", "--nbval-current-env", "-p", "tests.notebooks.executed",
                 "--nbval-sanitize-with", "tests/notebooks/sanitize.cfg"],
    "site": ["tests/site", "-m", "not alone", "-n", "2", "--dist", "worksteal"],
    "alone": ["tests/site", "-m", "alone"],
}  # fmt: skip


def run_pytest(name, arguments):
    """Return the numbers of passed, failed and skipped tests; a group in which nothing ran counts as failed."""
    report = REPORTS / f"{name.replace(' ', '-')}.xml"
    report.unlink(missing_ok=True)
    print(f"\n== {name}", flush=True)
    code = subprocess.call([sys.executable, "-m", "pytest", "-q", f"--junit-xml={report}", *arguments], cwd=ROOT)
    if not report.exists():
        return 0, 1, 0
    suite = ElementTree.parse(report).getroot().find("testsuite")
    total, skipped = int(suite.get("tests")), int(suite.get("skipped"))
    failed = int(suite.get("failures")) + int(suite.get("errors"))
    return total - failed - skipped, max(failed, int(code != 0)), skipped


def main():
    start = time.perf_counter()
    REPORTS.mkdir(parents=True, exist_ok=True)
    print("== style", flush=True)
    style = subprocess.call([sys.executable, "-m", "ruff", "check", "--quiet", "."], cwd=ROOT)
    print("\n== build", flush=True)
    built = subprocess.call([sys.executable, "tools/build.py"], cwd=ROOT)
    if built:
        sys.exit("make: the tests were not run, because the site was not built.")
    counts = {name: run_pytest(name, arguments) for name, arguments in GROUPS.items()}

    print(f"\n{'':15}{'passed':>8}{'failed':>8}{'skipped':>9}")
    for name, (passed, failed, skipped) in counts.items():
        print(f"{name:15}{passed:8}{failed:8}{skipped:9}")
    passed, failed, skipped = (sum(column) for column in zip(*counts.values(), strict=True))
    if style:
        print("style: see the lines of `ruff check` above")
    print(f"in {(time.perf_counter() - start) / 60:.1f} minutes")
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    sys.exit(1 if failed or style else 0)


if __name__ == "__main__":
    main()
