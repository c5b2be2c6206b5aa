"""Read a data file that came with this package, and never a damaged one."""

import hashlib
from pathlib import Path


def read_packaged(path: Path, sha256: str) -> bytes:
    """The content of one of this package's files, once its checksum has been found right.

    Raises OSError if the file is missing or damaged.
    """
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != sha256:
        raise OSError(f"{path} is damaged (its SHA-256 is not {sha256}): install `companion` again.")
    return content
