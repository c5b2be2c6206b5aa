"""Fetch a file over a network that may fail at any moment.

What is promised: the file under its own name is whole and has the expected checksum. Bytes on their way lie beside
it in `<name>.part`, and the next attempt, in this process or a later one, asks the server only for the rest.
(torchvision's own download begins anew each time, waits without limit, and does not notice that a file was cut off
while it was unpacked.)
"""

import hashlib
import os
from collections.abc import Iterable
from http.client import HTTPException
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

CHUNK = 1 << 16  # bytes
ATTEMPTS = 2  # per address: the second goes on where the first broke off, or begins anew if its bytes were wrong


def fetch(urls: Iterable[str], path: str | Path, md5: str, timeout: float = 10) -> Path:
    """Make sure that `path` is the file with this checksum, and download it only if it is not.

    Args:
        urls: addresses of the same file, tried in this order.
        path: where to keep it; its folder is made if need be.
        md5: the file's MD5 checksum in hexadecimal digits; it finds damage, not forgery.
        timeout: seconds to wait for an answer, or for more bytes, before an attempt has failed.

    Returns:
        `path`.

    Raises:
        ConnectionError: no address gave the file; the message says what was tried and what to do.
    """
    path = Path(path)
    if path.is_file() and _md5(path) == md5:
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    failures = {}
    for url in urls:
        for _ in range(ATTEMPTS):
            try:
                _download_rest(url, part, timeout)
                if _md5(part) == md5:
                    os.replace(part, path)  # atomic: never half a file under its own name
                    return path
                part.unlink()
                failures[url] = "the file it sent has the wrong checksum"
            except (OSError, HTTPException) as error:
                failures[url] = str(error) or type(error).__name__
    tried = "; ".join(f"{url}: {reason}" for url, reason in failures.items())
    raise ConnectionError(
        f"Could not download {path.name} (tried {tried}): connect to the internet and run this again, which goes "
        f"on where it stopped, or put the file into {path.parent} yourself."
    )


def _download_rest(url: str, part: Path, timeout: float) -> None:
    """Add to `part` what it lacks of the file at `url`; raise OSError if the connection ends too early."""
    have = part.stat().st_size if part.exists() else 0
    headers = {"User-Agent": "convnets-computed", **({"Range": f"bytes={have}-"} if have else {})}
    try:
        response = urlopen(Request(url, headers=headers), timeout=timeout)
    except HTTPError as error:
        if error.code == 416 and have:  # "range not satisfiable": there is nothing beyond what `part` has
            return
        raise
    with response:
        if response.status != 206:  # not "partial content": the server sends everything, whatever was asked
            have = 0
        total = have + int(response.headers.get("Content-Length", 0))
        with open(part, "ab" if have else "wb") as file:
            while chunk := response.read(CHUNK):
                file.write(chunk)
                have += len(chunk)
    if have < total:
        raise OSError(f"the connection ended after {have:,} of {total:,} bytes")


def _md5(path: Path) -> str:
    return hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()
