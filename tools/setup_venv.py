"""Make `.venv` with what requirements.txt lists, or say in one sentence why that is not possible.

Runs on any Python since 3.6 (so that a too old one can be told so) and uses the standard library alone. A marker file
is written last: an environment without it is half-made and is made anew, so that an interrupted run never breaks the
next.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
VENV = os.path.join(ROOT, ".venv")
PYTHON = os.path.join(VENV, "bin", "python")
MARKER = os.path.join(VENV, ".complete")
OLDEST = (3, 11)
ROOM_GB = 8  # the finished environment is 6.3 GB on Linux, where torch brings its GPU libraries

# What pip prints when the cause lies outside the book, and the sentence to say instead of its traceback.
CAUSES = (
    (r"No space left on device|Errno 28\b",
     f"The disk is full: the book's packages need about {ROOM_GB} GB in {ROOT}"
     " and a few more in the temporary folder (TMPDIR) while they unpack."),
    (r"NewConnectionError|NameResolutionError|ConnectTimeout|ReadTimeout|ProxyError|Network is unreachable"
     r"|name resolution|Connection (refused|reset)|SSLError",
     "No network: the first `make book` downloads the packages of requirements.txt with pip;"
     " connect and run it again (later runs need no network)."),
    (r"Requires-Python|requires a different Python",
     "A package has no version for this Python ({}.{}): use 3.11, 3.12 or 3.13".format(*sys.version_info[:2])
     + " (make book PYTHON=python3.12)."),
)


def stop(sentence):
    sys.exit("make: " + sentence)


def find_python():
    """This Python, or a newer one on the PATH if this one is too old."""
    if sys.version_info[:2] >= OLDEST:
        return sys.executable
    for minor in (13, 12, 11):
        newer = shutil.which(f"python3.{minor}")
        if newer:
            return newer
    return stop(
        "The book needs Python {}.{} or newer, and this is {}.{}: install one,".format(*OLDEST, *sys.version_info[:2])
        + " or name it (make book PYTHON=/path/to/python3.12)."
    )


def fingerprint():
    """What the environment was made from: a changed requirement makes it stale."""
    digest = hashlib.sha256()
    for name in ("requirements.txt", "pyproject.toml"):
        with open(os.path.join(ROOT, name), "rb") as file:
            text = file.read()
        if name == "pyproject.toml":  # the stamped address of the repository is no reason to install again
            text = re.sub(rb"(?m)^(\[project\.urls\]|Repository\s*=.*)\n", b"", text)
        digest.update(text)
    return digest.hexdigest() + " " + ROOT  # a moved folder breaks the scripts inside


def made_from():
    """The fingerprint of the environment that is there; None if there is none, or only half of one."""
    try:
        with open(MARKER) as file:
            text = file.read()
        return text if subprocess.call([PYTHON, "-c", ""]) == 0 else None
    except OSError:
        return None


def check_room():
    free = shutil.disk_usage(ROOT).free / 1e9
    if free < ROOM_GB:
        stop(f"No room on the disk: the book's packages need about {ROOM_GB} GB, and {ROOT} has {free:.1f} GB free.")


def create(python):
    if subprocess.call([python, "-c", "import venv, ensurepip"], stderr=subprocess.DEVNULL):
        stop("This Python has no venv module: install it (Debian and Ubuntu: apt install python3-venv)"
             " and run the command again.")
    if subprocess.call([python, "-m", "venv", "--clear", VENV]):
        stop(f"The environment {VENV} could not be made: see the lines above.")


def install():
    """pip's own lines are shown as they come, and read for the causes we know."""
    command = [PYTHON, "-m", "pip", "install", "--disable-pip-version-check", "--retries", "2"]
    command += ["--no-compile", "-r", "requirements.txt"]  # most of the packages' modules are never imported
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    printed = []
    for line in iter(process.stdout.readline, b""):
        line = line.decode("utf8", "replace").rstrip()
        printed.append(line)
        if not line.lstrip().startswith("Requirement already satisfied"):
            print("  " + line[:120], flush=True)
    if process.wait():
        output = "\n".join(printed)
        for pattern, sentence in CAUSES:
            if re.search(pattern, output):
                stop(sentence)
        stop("pip could not install requirements.txt: its last lines above say why.")


def main():
    python = find_python()
    wanted, present = fingerprint(), made_from()
    if present == wanted:
        return
    # An environment for other requirements is brought up to date, and kept if that fails: its old marker stays, so
    # that the next run tries again. One made in another place is of no use: its scripts name that place.
    usable = present is not None and present.split(" ", 1)[-1] == ROOT
    finished = False
    try:
        if usable:
            print("Bringing .venv up to date with requirements.txt ...", flush=True)
        else:
            check_room()
            print("Installing the book's packages into .venv (about 6 GB; a few minutes, once) ...", flush=True)
            create(python)
        install()
        with open(MARKER, "w") as file:
            file.write(wanted)
        finished = True
    except KeyboardInterrupt:
        stop("Interrupted: run the command again to finish.")
    finally:
        if not finished and not usable:
            shutil.rmtree(VENV, ignore_errors=True)


if __name__ == "__main__":
    main()
