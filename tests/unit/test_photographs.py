"""Every photograph is whole, small, and has what must be known of it to pass it on; README.md says the same."""

import dataclasses
import hashlib

import pytest
import torch
from PIL import Image
from torchvision.transforms.functional import pil_to_tensor

import companion.data.photographs
from companion.data import PHOTOGRAPHS, photograph
from companion.data.photographs import FOLDER, Photograph

NAMES = ["chelsea", "coffee", "rocket", "astronaut", "panda", "polar_bear", "macaw", "koala", "lemur"]
EACH = pytest.mark.parametrize("name", NAMES)


def test_these_nine_and_no_other_file():
    assert list(PHOTOGRAPHS) == NAMES
    assert sorted(path.name for path in FOLDER.iterdir()) == sorted(f"{name}.jpg" for name in NAMES)


@EACH
def test_is_a_small_rgb_image(name):
    image = photograph(name)
    assert isinstance(image, Image.Image) and image.mode == "RGB"
    assert min(image.size) == (300 if name == "chelsea" else 360)
    assert max(image.size) <= 2 * min(image.size)
    assert 20_000 < (FOLDER / f"{name}.jpg").stat().st_size < 70_000
    pixels = pil_to_tensor(image).float()
    assert pixels.std() > 30 and not torch.equal(pixels[0], pixels[2])  # a picture, and in colour


@EACH
def test_file_holds_pixels_only(name):
    """No camera's or maker's metadata, and no colour profile without which the colours would be wrong."""
    with Image.open(FOLDER / f"{name}.jpg") as file:
        assert file.format == "JPEG" and not file.getexif()
        assert not {"icc_profile", "comment", "xmp", "photoshop"} & set(file.info)


@EACH
def test_attribution_is_complete_and_the_readme_says_the_same(name):
    about = PHOTOGRAPHS[name]
    assert all(dataclasses.asdict(about).values())
    assert about.licence in ("CC0-1.0", "public domain")
    assert about.source.startswith("https://")
    assert "recompressed" in about.changes and ("resized" in about.changes) == (name != "chelsea")
    readme = FOLDER.with_name("README.md").read_text(encoding="utf-8")
    facts = (f"`{name}.jpg`", about.title, about.author, about.licence, f"<{about.source}>", about.changes)
    assert f"| {' | '.join(facts)} |\n" in readme
    content = (FOLDER / f"{name}.jpg").read_bytes()
    width, height = photograph(name).size
    row = f"| `{name}.jpg` | {width}×{height} | {len(content):,} bytes | `{hashlib.sha256(content).hexdigest()}` |\n"
    assert row in readme and about.sha256 in row


def test_attribution_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        PHOTOGRAPHS["panda"].author = "me"
    assert isinstance(PHOTOGRAPHS["panda"], Photograph)


@pytest.mark.parametrize("name", ["cat", "Panda", "../mnist", "", None])
def test_unknown_name(name):
    with pytest.raises(ValueError) as caught:
        photograph(name)
    assert str(caught.value) == f"name must be one of {', '.join(NAMES)}; got {name!r}"


@pytest.mark.parametrize("damage", ["truncated", "one bit", "empty"])
def test_damaged_file_is_refused(tmp_path, monkeypatch, damage):
    content = bytearray((FOLDER / "panda.jpg").read_bytes())
    if damage == "one bit":
        content[20_000] ^= 1
    else:
        del content[0 if damage == "empty" else 20_000 :]
    (tmp_path / "panda.jpg").write_bytes(content)
    monkeypatch.setattr(companion.data.photographs, "FOLDER", tmp_path)
    with pytest.raises(OSError, match=r"panda\.jpg is damaged .* install `companion` again"):
        photograph("panda")


def test_missing_file_is_an_os_error(tmp_path, monkeypatch):
    monkeypatch.setattr(companion.data.photographs, "FOLDER", tmp_path)
    with pytest.raises(OSError, match="panda"):
        photograph("panda")
