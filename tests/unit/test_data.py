"""The embedded images are what README.md says; the full set arrives whole over a bad network, or not at all."""

import gzip
import hashlib
import threading
import tomllib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import torch
import torchvision
from torch.utils.data import DataLoader

import companion.data
from companion.data import (
    FASHION_FILE,
    FASHION_SHA256,
    MNIST_FILE,
    MNIST_SHA256,
    LabelledImages,
    fashion_mnist,
    mnist,
)
from companion.data.download import fetch

# The 10,000 digits by class, as the source package has them.
SOURCE_COUNTS = [1001, 1127, 991, 1032, 980, 863, 1014, 1070, 944, 978]


@pytest.fixture(scope="module")
def parts():
    return mnist(), mnist(train=False)


def test_shapes_types_and_range(parts):
    for part, count in zip(parts, (8000, 2000), strict=True):
        assert part.images.shape == (count, 1, 28, 28) and part.images.dtype == torch.float32
        assert part.labels.shape == (count,) and part.labels.dtype == torch.int64
        assert part.images.min() == 0 and part.images.max() == 1
        assert torch.equal((part.images * 255).round() / 255, part.images)  # bytes, and nothing lost
        assert part.classes == tuple("0123456789")
        assert len(part) == count


def test_no_digit_is_in_both_parts_or_twice(parts):
    digits = torch.cat([part.images for part in parts]).flatten(1).numpy()
    assert len(np.unique(digits, axis=0)) == 10_000


def test_every_class_is_split_four_to_one(parts):
    train, test = (torch.bincount(part.labels).tolist() for part in parts)
    assert [a + b for a, b in zip(train, test, strict=True)] == SOURCE_COUNTS
    assert all(abs(b - n / 5) < 1 for b, n in zip(test, SOURCE_COUNTS, strict=True))


def test_classes_are_shuffled(parts):
    for part in parts:
        assert len(part.labels[:50].unique()) >= 8


def test_labels_belong_to_the_images(parts):
    """The nearest of the ten mean images is the right one for most digits: labels shuffled apart give 10 %."""
    train, test = parts
    means = torch.stack([train.images[train.labels == digit].mean(dim=0).flatten() for digit in range(10)])
    nearest = torch.cdist(test.images.flatten(1), means).argmin(dim=1)
    assert (nearest == test.labels).float().mean() > 0.75


@pytest.fixture(scope="module")
def fashion():
    return fashion_mnist(), fashion_mnist(train=False)


def test_fashion_shapes_types_and_range(fashion):
    for part, count in zip(fashion, (12_000, 2000), strict=True):
        assert part.images.shape == (count, 1, 28, 28) and part.images.dtype == torch.float32
        assert part.labels.shape == (count,) and part.labels.dtype == torch.int64
        assert part.images.min() == 0 and part.images.max() == 1
        assert torch.equal((part.images * 255).round() / 255, part.images)
        assert torch.bincount(part.labels).tolist() == [count // 10] * 10
        assert len(part.labels[:50].unique()) >= 8  # shuffled


def test_no_fashion_item_is_in_both_parts_or_twice(fashion):
    items = torch.cat([part.images for part in fashion]).flatten(1).numpy()
    assert len(np.unique(items, axis=0)) == 14_000


def test_fashion_labels_belong_to_the_images(fashion):
    """The nearest of the ten mean images is the right one for two in three; shuffled apart, for one in ten."""
    train, test = fashion
    means = torch.stack([train.images[train.labels == label].mean(dim=0).flatten() for label in range(10)])
    nearest = torch.cdist(test.images.flatten(1), means).argmin(dim=1)
    assert (nearest == test.labels).float().mean() > 0.6


def test_fashion_class_names_are_in_order(fashion):
    """What can be seen of a class in its mean image: trousers are narrow, shoes are low, and so on."""
    data = fashion[0]
    assert data.classes == (
        *("T-shirt", "trouser", "pullover", "dress", "coat"),
        *("sandal", "shirt", "sneaker", "bag", "ankle boot"),
    )
    assert repr(data) == "Fashion-MNIST, the book's training part: 12,000 images 1×28×28, 10 classes"
    means = {name: data.images[data.labels == label].mean(dim=(0, 1)) for label, name in enumerate(data.classes)}
    ink = {name: mean.sum().item() for name, mean in means.items()}
    top = {name: mean[:7].sum().item() / ink[name] for name, mean in means.items()}
    sides = {name: (mean[:, :7].sum() + mean[:, -7:].sum()).item() / ink[name] for name, mean in means.items()}
    assert set(sorted(ink, key=ink.get)[:2]) == {"sandal", "sneaker"}  # little of them
    assert set(sorted(top, key=top.get)[:3]) == {"sandal", "sneaker", "bag"}  # low on the field
    assert set(sorted(sides, key=sides.get)[:2]) == {"trouser", "dress"}  # narrow
    sleeves = {name: means[name][14:, :7].sum() for name in ("T-shirt", "pullover", "coat", "shirt")}
    assert min(sleeves, key=sleeves.get) == "T-shirt"  # no sleeves beside the body


FILES = pytest.mark.parametrize(
    "load, file, sha256, constant, size",
    [
        (mnist, MNIST_FILE, MNIST_SHA256, "MNIST_FILE", 2_500_000),
        (fashion_mnist, FASHION_FILE, FASHION_SHA256, "FASHION_FILE", 6_500_000),
    ],
    ids=["mnist", "fashion"],
)


@FILES
def test_file_is_small_and_has_the_checksum_written_in_the_readme(load, file, sha256, constant, size):
    content = file.read_bytes()
    readme = file.with_name("README.md").read_text(encoding="utf-8")
    assert hashlib.sha256(content).hexdigest() == sha256
    assert sha256 in readme and f"{len(content):,} bytes" in readme
    assert len(content) < size


def test_wheel_takes_every_data_file_along():
    root = MNIST_FILE.parents[2]
    project = tomllib.loads((root / "pyproject.toml").read_text("utf8"))
    patterns = project["tool"]["setuptools"]["package-data"]["companion"]
    taken = {path for pattern in patterns for path in (root / "companion").glob(pattern)}
    folder = MNIST_FILE.parent
    data = {path for path in folder.rglob("*") if path.is_file() and path.suffix not in (".py", ".pyc")}
    assert {FASHION_FILE, MNIST_FILE, folder / "pictures" / "panda.jpg"} <= data <= taken


@FILES
@pytest.mark.parametrize("damage", ["truncated", "one bit", "empty"])
def test_damaged_file_is_refused(tmp_path, monkeypatch, load, file, sha256, constant, size, damage):
    content = bytearray(file.read_bytes())
    if damage == "one bit":
        content[800_000] ^= 1
    else:
        del content[0 if damage == "empty" else 1_000_000 :]
    damaged = tmp_path / file.name
    damaged.write_bytes(content)
    monkeypatch.setattr(companion.data, constant, damaged)
    with pytest.raises(OSError, match=rf"{file.stem}\.npz is damaged .* install `companion` again"):
        load()


def test_is_a_data_set(parts):
    test = parts[1]
    image, label = test[7]
    assert torch.equal(image, test.images[7]) and label == test.labels[7] and isinstance(label, int)
    images, labels = next(iter(DataLoader(test, batch_size=32)))
    assert torch.equal(images, test.images[:32]) and torch.equal(labels, test.labels[:32])


def test_repr(parts):
    assert repr(parts[0]) == "MNIST, the book's training part: 8,000 images 1×28×28, 10 classes"
    assert repr(parts[1]) == "MNIST, the book's held-out part: 2,000 images 1×28×28, 10 classes"


def test_refuses_bad_arguments():
    with pytest.raises(ValueError, match='source must be "companion" or "torchvision", got \'keras\''):
        mnist(source="keras")
    with pytest.raises(ValueError, match='source must be "companion" or "torchvision", got None'):
        fashion_mnist(source=None)
    with pytest.raises(ValueError, match="labels must have one entry per image: 3, got 2"):
        LabelledImages(np.zeros((3, 1, 2, 2), np.uint8), np.zeros(2, np.uint8), ("a",), "wrong")


# The full set: idx files made here, from a server of our own that fails as told.


class Server(ThreadingHTTPServer):
    """Serves `files`, name: bytes. `cut`: close the connection after so many bytes, once per file."""

    def __init__(self, files):
        super().__init__(("127.0.0.1", 0), Handler)
        self.files, self.cut, self.ranges, self.requests = files, {}, True, []
        self.url = f"http://127.0.0.1:{self.server_port}/"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        name, server = self.path[1:], self.server
        asked = self.headers.get("Range")
        server.requests.append((name, asked))
        if name not in server.files:
            self.send_error(404)
            return
        body, start = server.files[name], 0
        if asked and server.ranges:
            start = int(asked.removeprefix("bytes=").removesuffix("-"))
            if start >= len(body):
                self.send_error(416)
                return
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(body) - start))
        self.end_headers()
        self.wfile.write(body[start : server.cut.pop(name, None)])

    def log_message(self, *_):
        pass


@pytest.fixture
def serve():
    servers = []

    def start(files):
        server = Server(files)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return server

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def idx(array):
    header = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">i4").tobytes()
    return gzip.compress(header + array.tobytes())


@pytest.fixture(params=["MNIST"])
def full_set(request, serve, monkeypatch):
    """A small data set on a server, and torchvision's list of the files of `request.param` changed to it."""
    theirs = getattr(torchvision.datasets, request.param)
    rng = np.random.default_rng(0)
    arrays, files, resources = {}, {}, []
    for part, count in (("train", 60), ("t10k", 10)):
        images = rng.integers(0, 256, (count, 28, 28), dtype=np.uint8)
        labels = rng.integers(0, 10, count, dtype=np.uint8)
        arrays[part] = images, labels
        for name, array in ((f"{part}-images-idx3-ubyte.gz", images), (f"{part}-labels-idx1-ubyte.gz", labels)):
            files[name] = idx(array)
            resources.append((name, hashlib.md5(files[name]).hexdigest()))
    server = serve(files)
    monkeypatch.setattr(theirs, "mirrors", [server.url])
    monkeypatch.setattr(theirs, "resources", resources)
    server.arrays = arrays
    return server


def assert_is(data, arrays):
    assert torch.equal(data.images, torch.from_numpy(arrays[0])[:, None].float() / 255)
    assert data.labels.tolist() == arrays[1].tolist()


def test_full_set(full_set, tmp_path):
    assert_is(mnist(source="torchvision", root=tmp_path), full_set.arrays["train"])
    assert_is(mnist(train=False, source="torchvision", root=tmp_path), full_set.arrays["t10k"])
    assert len(full_set.requests) == 4
    again = mnist(source="torchvision", root=tmp_path)
    assert repr(again) == "MNIST, the full training set: 60 images 1×28×28, 10 classes"
    assert len(full_set.requests) == 4  # nothing asked for twice


def test_full_set_lies_where_torchvision_finds_it(full_set, tmp_path):
    for train in (True, False):
        mnist(train=train, source="torchvision", root=tmp_path)
    full_set.shutdown()  # from here on there is no network
    theirs = torchvision.datasets.MNIST(tmp_path, train=True, download=True)
    assert theirs.data.tolist() == full_set.arrays["train"][0].tolist()


@pytest.mark.parametrize("full_set", ["FashionMNIST"], indirect=True)
def test_full_fashion_set(full_set, tmp_path):
    data = fashion_mnist(source="torchvision", root=tmp_path)
    assert_is(data, full_set.arrays["train"])
    assert_is(fashion_mnist(train=False, source="torchvision", root=tmp_path), full_set.arrays["t10k"])
    assert repr(data) == "Fashion-MNIST, the full training set: 60 images 1×28×28, 10 classes"
    assert data.classes[9] == "ankle boot"
    assert len(full_set.requests) == 4
    full_set.shutdown()  # torchvision finds the files where they lie, without a network
    theirs = torchvision.datasets.FashionMNIST(tmp_path, train=False, download=True)
    assert theirs.data.tolist() == full_set.arrays["t10k"][0].tolist()


def test_full_set_goes_to_torchs_cache_by_default(full_set, tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    mnist(source="torchvision")
    assert (tmp_path / "datasets" / "MNIST" / "raw" / "train-images-idx3-ubyte.gz").is_file()


@pytest.mark.parametrize("ranges", [True, False])
def test_interrupted_download_goes_on(full_set, tmp_path, ranges):
    name = "train-images-idx3-ubyte.gz"
    full_set.cut[name] = 10_000
    full_set.ranges = ranges
    assert_is(mnist(source="torchvision", root=tmp_path), full_set.arrays["train"])
    assert full_set.requests[:2] == [(name, None), (name, "bytes=10000-")]
    assert not list(tmp_path.rglob("*.part"))


def test_no_half_file_is_left_under_its_name(full_set, tmp_path):
    """A process that dies in mid-download leaves only `.part`; the next one asks for the rest."""
    name = "train-images-idx3-ubyte.gz"
    raw = tmp_path / "MNIST" / "raw"
    raw.mkdir(parents=True)
    (raw / f"{name}.part").write_bytes(full_set.files[name][:123])
    assert_is(mnist(source="torchvision", root=tmp_path), full_set.arrays["train"])
    assert full_set.requests[0] == (name, "bytes=123-")


@pytest.mark.parametrize("size", ["truncated", "whole"])
def test_damaged_file_is_fetched_again(full_set, tmp_path, size):
    mnist(source="torchvision", root=tmp_path)
    file = tmp_path / "MNIST" / "raw" / "train-images-idx3-ubyte.gz"
    content = bytearray(file.read_bytes())
    content[500] ^= 1
    file.write_bytes(content[:9000] if size == "truncated" else content)
    assert_is(mnist(source="torchvision", root=tmp_path), full_set.arrays["train"])


@pytest.mark.parametrize("part", ["wrong beginning", "complete", "complete but wrong", "too long"])
def test_any_part_file_ends_in_the_right_file(serve, tmp_path, part):
    body = bytes(range(256)) * 1000
    start = {
        "wrong beginning": b"x" * 777,
        "complete": body,
        "complete but wrong": b"x" * len(body),
        "too long": body + b"more",
    }[part]
    server = serve({"file": body})
    (tmp_path / "file.part").write_bytes(start)
    path = fetch([server.url + "file"], tmp_path / "file", hashlib.md5(body).hexdigest())
    assert path.read_bytes() == body
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_next_mirror_is_tried(serve, tmp_path):
    body = b"right" * 100
    missing, wrong, right = serve({}), serve({"file": b"a login page"}), serve({"file": body})
    urls = [server.url + "file" for server in (missing, wrong, right)]
    assert fetch(urls, tmp_path / "file", hashlib.md5(body).hexdigest()).read_bytes() == body


def test_wrong_checksum_everywhere_leaves_nothing(serve, tmp_path):
    server = serve({"file": b"a login page"})
    with pytest.raises(ConnectionError, match="the file it sent has the wrong checksum"):
        fetch([server.url + "file"], tmp_path / "file", hashlib.md5(b"right").hexdigest())
    assert list(tmp_path.iterdir()) == []


def test_silent_server_is_given_up(serve, tmp_path, monkeypatch):
    """A server that sends a part and then nothing, without closing: each attempt ends after `timeout`."""
    server = serve({"file": b"right"})
    silence = threading.Event()

    def do_GET(handler):
        handler.send_response(200)
        handler.send_header("Content-Length", "5")
        handler.end_headers()
        handler.wfile.write(b"ri")
        handler.wfile.flush()
        silence.wait(5)

    monkeypatch.setattr(Handler, "do_GET", do_GET)
    with pytest.raises(ConnectionError, match="timed out"):
        fetch([server.url + "file"], tmp_path / "file", hashlib.md5(b"right").hexdigest(), timeout=0.2)
    silence.set()
    assert [p.name for p in tmp_path.iterdir()] == ["file.part"]


def test_no_network(monkeypatch, tmp_path):
    monkeypatch.setattr(torchvision.datasets.MNIST, "mirrors", ["http://127.0.0.1:9/"])
    with pytest.raises(ConnectionError) as caught:
        mnist(source="torchvision", root=tmp_path)
    message = str(caught.value)
    assert "Could not download train-images-idx3-ubyte.gz (tried http://127.0.0.1:9/" in message
    assert "connect to the internet and run this again" in message and str(tmp_path) in message
    assert "\n" not in message
    assert not [p for p in Path(tmp_path).rglob("*") if p.is_file()]
