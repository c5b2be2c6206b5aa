"""`make book` on a machine where something is missing: one sentence, and nothing half-made left behind."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "tools" / "setup_venv.py"


def write_project(root):
    """A project that needs no package at all, so that setting it up takes seconds and no network."""
    (root / "tools").mkdir(parents=True)
    shutil.copy(SCRIPT, root / "tools")
    (root / "requirements.txt").write_text("")
    (root / "pyproject.toml").write_text('[project]\nname = "x"\n')
    return root


@pytest.fixture
def project(tmp_path):
    return write_project(tmp_path / "book")


@pytest.fixture(scope="module")
def ready(tmp_path_factory):
    """A project that has been set up, for tests that leave it in working order."""
    root = write_project(tmp_path_factory.mktemp("ready") / "book")
    code, text = set_up(root)
    assert code == 0, text
    return root


def set_up(project, *replacements, **environment):
    """Run the script, with each (old, new) put in first; return its exit code and what it printed."""
    script = project / "tools" / "setup_venv.py"
    text = SCRIPT.read_text("utf8")
    for old, new in replacements:
        assert old in text
        text = text.replace(old, new)
    script.write_text(text, "utf8")
    settings = {key: value for key, value in os.environ.items() if not key.startswith("PIP_")} | environment
    result = subprocess.run([sys.executable, script], env=settings, capture_output=True, text=True, timeout=600)
    return result.returncode, result.stdout + result.stderr


@pytest.fixture
def quickly(ready):
    """A replacement for `set_up`: the environment is a copy of the ready one, since `venv` takes longer."""
    return '[python, "-m", "venv", "--clear", VENV]', f'["cp", "-a", {str(ready / ".venv")!r}, VENV]'


def refused(project, output):
    """The last line is the one sentence, there is no traceback, and no environment is left."""
    code, text = output
    assert code != 0
    assert "Traceback" not in text
    assert not (project / ".venv").exists()
    return text.strip().split("\n")[-1]


def test_makes_the_environment_once(ready):
    assert (ready / ".venv/bin/python").exists()
    assert set_up(ready) == (0, "")


def test_a_changed_requirement_is_installed_and_a_stamped_address_is_not(ready):
    (ready / "pyproject.toml").write_text('[project]\nname = "x"\n[project.urls]\nRepository = "https://a.b/c/d"\n')
    assert set_up(ready) == (0, "")
    (ready / "requirements.txt").write_text("# one more\n")
    assert "up to date" in set_up(ready)[1]
    assert set_up(ready) == (0, "")


def test_an_update_that_fails_keeps_the_environment_and_is_tried_again(ready):
    (ready / "requirements.txt").write_text("./no-such-folder\n")
    for _ in range(2):
        assert set_up(ready)[0] != 0
        assert subprocess.call([ready / ".venv/bin/python", "-c", ""]) == 0
    (ready / "requirements.txt").write_text("")
    assert set_up(ready)[0] == 0


def test_a_moved_folder_gets_a_new_environment(project, quickly):
    assert set_up(project, quickly)[0] == 0
    moved = project.rename(project.with_name("moved"))
    code, text = set_up(moved)
    assert code == 0 and "Installing" in text
    assert str(moved) in (moved / ".venv/bin/activate").read_text()


def test_a_half_made_environment_is_made_anew(project, quickly):
    assert set_up(project, quickly)[0] == 0
    (project / ".venv/.complete").unlink()  # as after a kill
    (project / ".venv/bin/python").unlink()
    code, text = set_up(project)
    assert code == 0 and "Installing" in text
    assert subprocess.call([project / ".venv/bin/python", "-c", ""]) == 0


def test_python_too_old(project):
    sentence = refused(project, set_up(project, ("OLDEST = (3, 11)", "OLDEST = (4, 0)"), PATH=""))
    assert "needs Python 4.0 or newer" in sentence and "PYTHON=" in sentence


def test_no_venv_module(project, tmp_path):
    (tmp_path / "ensurepip.py").write_text("raise ImportError('left out, as Debian does')")
    sentence = refused(project, set_up(project, PYTHONPATH=str(tmp_path)))
    assert "venv module" in sentence and "python3-venv" in sentence


def test_no_room_before_it_starts(project):
    sentence = refused(project, set_up(project, ("ROOM_GB = 8 ", "ROOM_GB = 10**9 ")))
    assert "No room on the disk" in sentence


def test_no_room_while_installing(project, quickly):
    full = "raise SystemExit('ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device')"
    replaced = ('command = [PYTHON, "-m", "pip", "install",', f"command = [PYTHON, '-c', {full!r},")
    sentence = refused(project, set_up(project, quickly, replaced))
    assert "disk is full" in sentence


def test_no_network(project, quickly):
    (project / "requirements.txt").write_text("tqdm==4.70.1\n")
    nowhere = {"PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_NO_CACHE_DIR": "1", "PIP_CONFIG_FILE": os.devnull}
    sentence = refused(project, set_up(project, quickly, **nowhere))
    assert "No network" in sentence


def test_no_such_package_is_not_blamed_on_the_network(project, quickly):
    (project / "requirements.txt").write_text("./no-such-folder\n")
    sentence = refused(project, set_up(project, quickly))
    assert "network" not in sentence and "requirements.txt" in sentence
