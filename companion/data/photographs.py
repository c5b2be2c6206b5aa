"""Nine photographs to look at through a network, small, and free to use, change and pass on.

They are as their makers published them, but resized and recompressed; README.md beside this file says where each was
taken from, and how. Seven show what ImageNet has a class for (the lemurs' is called "Madagascar cat"); the rocket and
the astronaut are there to see what a network says when no answer is right.
"""

import io
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from companion.data.packaged import read_packaged

FOLDER = Path(__file__).with_name("pictures")
COMMONS = "https://commons.wikimedia.org/wiki/File:"
SKIMAGE = "https://scikit-image.org/docs/stable/api/skimage.data.html#skimage.data."
SMALLER = "resized, recompressed as JPEG"


@dataclass(frozen=True)
class Photograph:
    """What must be known of a photograph to show it elsewhere.

    title: what it shows.
    author: who took it, or published it.
    licence: "CC0-1.0" (all rights waived) or "public domain".
    source: the address at which it was published.
    changes: what was done to it.
    sha256: of the file in this package.
    """

    title: str
    author: str
    licence: str
    source: str
    changes: str
    sha256: str


PHOTOGRAPHS = {
    "chelsea": Photograph(
        title="Chelsea the cat",
        author="Stefan van der Walt",
        licence="CC0-1.0",
        source=SKIMAGE + "chelsea",
        changes="recompressed as JPEG",
        sha256="fc898c685c70f36d349c985193d1121103966bad43aa69cb3d7114cb0430150f",
    ),
    "coffee": Photograph(
        title="Coffee cup",
        author="Rachel Michetti, courtesy of Pikolo Espresso Bar",
        licence="CC0-1.0",
        source=SKIMAGE + "coffee",
        changes=SMALLER,
        sha256="0960045f011565e5379130eb45977b8eb84eb1015e0bb0776c38c8e0541ad5d7",
    ),
    "rocket": Photograph(
        title="Falcon 9 with DSCOVR at Space Launch Complex 40",
        author="SpaceX",
        licence="public domain",
        source="https://www.flickr.com/photos/spacexphotos/16511594820/",
        changes="colours converted from Adobe RGB to sRGB, " + SMALLER,
        sha256="cee5a7b30fa8d130aa16f6cc4112f63b21d1059a64101d4be6151103903258d6",
    ),
    "astronaut": Photograph(
        title="The astronaut Eileen Collins",
        author="NASA",
        licence="public domain",
        source="https://flic.kr/p/r9qvLn",
        changes=SMALLER,
        sha256="56e6f5e10909754b963757ccdef49ba2fdf4835a3cab529ef92e9b48a3e3c588",
    ),
    "panda": Photograph(
        title="Giant panda",
        author="Jeff Kubina",
        licence="public domain",
        source=COMMONS + "Giant_Panda_2004-03-2.jpg",
        changes=SMALLER,
        sha256="10a0fa12b13bfce5c89727acf1010ab07b2523ac2ec6d1c93705f96d603e216d",
    ),
    "polar_bear": Photograph(
        title="Polar bear in the Churchill Wildlife Management Area",
        author="anonymous",
        licence="public domain",
        source=COMMONS + "Churchill_Wildlife_Management_Area_polar_bear30.JPG",
        changes=SMALLER,
        sha256="4e68fa89d9f2a7e6297a39a0daa23b230a39d8e08693c0b0a085d0d576d8d001",
    ),
    "macaw": Photograph(
        title="Scarlet macaw at Cougar Mountain Zoological Park",
        author="Dcoetzee",
        licence="CC0-1.0",
        source=COMMONS + "Scarlet_macaw_at_Cougar_Mountain_Zoological_Park.jpg",
        changes=SMALLER,
        sha256="14acc60e7f665379aa964c358f93ecc568f2fbcf9defc54f286d189769be7e53",
    ),
    "koala": Photograph(
        title="Koala, Perth Zoo",
        author="BurningWell",
        licence="public domain",
        source=COMMONS + "Koala_Perth_Zoo.jpg",
        changes=SMALLER,
        sha256="b299acf7fa23c84305cb3821ca0d7e8aa966ec4d4d67a48c17f33bea98dbad77",
    ),
    "lemur": Photograph(
        title="Two ring-tailed lemurs",
        author="Mathias Appel",
        licence="CC0-1.0",
        source=COMMONS + "Lemur_(37122852696).jpg",
        changes=SMALLER,
        sha256="1f23620c55ff537433634b126888538ef816ee10031088b15e9d100c8d486603",
    ),
}


def photograph(name: str) -> Image.Image:
    """One of the photographs in `PHOTOGRAPHS`, where its author and licence are.

    Returns:
        an RGB image; its shorter side has 360 pixels (300 in "chelsea", which was never larger).

    Raises:
        ValueError: there is none of this name.
        OSError: the package's file is damaged.
    """
    if name not in PHOTOGRAPHS:
        raise ValueError(f"name must be one of {', '.join(PHOTOGRAPHS)}; got {name!r}")
    content = read_packaged(FOLDER / f"{name}.jpg", PHOTOGRAPHS[name].sha256)
    return Image.open(io.BytesIO(content)).convert("RGB")
