"""Make companion/data/pictures: nine photographs, at most 360 pixels high or wide on their shorter side.

    pip download --no-deps --only-binary :all: --python-version 3.11 --platform manylinux_2_28_x86_64 \\
        scikit-image==0.26.0
    apt-get download gcompris-qt-data
    python tools/make_photographs.py scikit_image-0.26.0-*.whl gcompris-qt-data_3.1-2_all.deb

Four come from scikit-image's wheel, five from Debian's package of the children's program GCompris. None is cropped.
Colours that are not sRGB are converted, since a network and most viewers take them for sRGB; nothing but the pixels
is kept. Prints each file's size and SHA-256, which belong into companion/data/photographs.py and README.md.
Another Pillow than 13.0.0, with another JPEG library inside, may write other bytes.
"""

import argparse
import hashlib
import io
import struct
import zipfile
from collections.abc import Iterator
from pathlib import Path

from make_fashion import open_deb
from make_mnist import require
from PIL import Image, ImageCms

SKIMAGE_SHA256 = "74aa5518ccea28121f57a95374581d3b979839adc25bb03f289b1bc9b99c58af"
GCOMPRIS_SHA256 = "e9cf06ab2105529068df73085784e835d2ff03f870d2a8091f09125d40abac9f"
SKIMAGE_FILES = {
    "chelsea": "chelsea.png",
    "coffee": "coffee.png",
    "rocket": "rocket.jpg",
    "astronaut": "astronaut.png",
}
GCOMPRIS_FILES = {
    "panda": "panda.webp",
    "polar_bear": "polar_bear.webp",
    "macaw": "scarlet_macaw.webp",
    "koala": "koala.webp",
    "lemur": "lemur.webp",
}
TARGET = Path(__file__).resolve().parents[1] / "companion" / "data" / "pictures"
SHORTER_SIDE = 360  # pixels
QUALITY = 88


def read_rcc(archive: bytes) -> Iterator[tuple[str, bytes]]:
    """Name and content of every uncompressed file in a Qt resource archive, which is how images lie in one.

    After the header come, each at its offset, a tree of 22-byte entries with the root first, their names, and the
    files; all numbers are big-endian. Source: Qt, qtbase/src/tools/rcc/rcc.cpp (format version 3).
    """
    magic, version, tree, data, names = struct.unpack_from(">4s4I", archive)
    if (magic, version) != (b"qres", 3):
        raise SystemExit(f"not a Qt resource archive of version 3: it begins with {archive[:8]!r}")

    def walk(index: int) -> Iterator[tuple[str, bytes]]:
        entry = tree + 22 * index
        name, flags = struct.unpack_from(">IH", archive, entry)
        if flags & 2:  # a folder: how many entries it has, and the first of them
            count, first = struct.unpack_from(">II", archive, entry + 6)
            for child in range(first, first + count):
                yield from walk(child)
        elif not flags:  # a file, neither zlib (1) nor zstd (4); after its language comes where it is
            start = data + struct.unpack_from(">I", archive, entry + 10)[0] + 4
            length = struct.unpack_from(">I", archive, start - 4)[0]
            letters = struct.unpack_from(">H", archive, names + name)[0]
            text = names + name + 6  # after its length and its hash
            yield archive[text : text + 2 * letters].decode("utf-16-be"), archive[start : start + length]

    return walk(0)


def shrink(content: bytes) -> bytes:
    """The photograph as a small JPEG in sRGB, without what the file said beside the pixels."""
    image = Image.open(io.BytesIO(content))
    if profile := image.info.get("icc_profile"):
        image = ImageCms.profileToProfile(image, io.BytesIO(profile), ImageCms.createProfile("sRGB"))
    scale = min(1, SHORTER_SIDE / min(image.size))
    image = image.resize([round(side * scale) for side in image.size], Image.Resampling.LANCZOS)
    output = io.BytesIO()
    image.save(output, "JPEG", quality=QUALITY, optimize=True, comment=b"")
    return output.getvalue()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("wheel", type=Path, help="scikit-image's, as `pip download` leaves it")
    parser.add_argument("package", type=Path, help="gcompris-qt-data's .deb, as `apt-get download` leaves it")
    parser.add_argument("--output", type=Path, default=TARGET)
    arguments = parser.parse_args()
    require(arguments.wheel, SKIMAGE_SHA256)
    with zipfile.ZipFile(arguments.wheel) as wheel:
        originals = {name: wheel.read(f"skimage/data/{file}") for name, file in SKIMAGE_FILES.items()}
    with open_deb(arguments.package, GCOMPRIS_SHA256) as files:
        archive = files.extractfile("./usr/share/gcompris-qt/rcc/explore_world_animals.rcc").read()
    animals = dict(read_rcc(archive))
    originals |= {name: animals[file] for name, file in GCOMPRIS_FILES.items()}
    for name, original in originals.items():
        content = shrink(original)
        (arguments.output / f"{name}.jpg").write_bytes(content)
        width, height = Image.open(io.BytesIO(content)).size
        print(f"{name}.jpg {width}×{height}, {len(content):,} bytes, {hashlib.sha256(content).hexdigest()}")


if __name__ == "__main__":
    main()
