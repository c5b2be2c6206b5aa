import pytest
import torch
import torch.nn.functional as F
from PIL import Image, ImageDraw
from torchvision.transforms.functional import pil_to_tensor

from companion.data import mnist
from companion.data.handwriting import mnist_style


def photograph(digit, top, left, ink=0.65, paper=0.8):
    page = torch.full((120, 160), paper)
    page[top : top + 64, left : left + 64] -= ink * F.interpolate(digit[None], size=(64, 64), mode="bilinear")[0, 0]
    return Image.fromarray((page * 255).byte().numpy())


def test_mnist_has_the_form_that_the_docstring_says():
    images = mnist(train=True).images[:, 0]
    longer = torch.stack([(images > 0).any(dim=axis).sum(dim=1) for axis in (1, 2)]).amax(dim=0)
    assert (longer == 20).float().mean() > 0.99
    for axis in (1, 2):
        profile = images.sum(dim=axis)
        centre = (torch.arange(28) * profile).sum(dim=1) / profile.sum(dim=1)
        assert ((centre - 14).abs() < 0.51).all()


def test_real_digits_come_back():
    """Photographed and brought back, digits of MNIST are nearly what they were; merely shrunk, they are not."""
    digits = mnist(train=False).images[:200]
    pages = [photograph(digit, top=12, left=80) for digit in digits]
    back = torch.stack([mnist_style(page) for page in pages])
    shrunk = torch.stack([pil_to_tensor(page.resize((28, 28))) / 255 for page in pages])
    assert back.shape == digits.shape
    alike = likeness(digits, back)
    assert alike.median() > 0.9
    assert alike.quantile(0.05) > 0.75  # a thin stroke that lands one pixel aside is hardly alike, and still right
    assert likeness(digits, shrunk).max() < 0.3


def likeness(digits, others):
    """The correlation of each pair of pictures, -1 to 1."""
    pairs = zip(digits.flatten(1), others.flatten(1), strict=True)
    return torch.stack([torch.corrcoef(torch.stack(pair))[0, 1] for pair in pairs])


def test_place_size_and_paper_do_not_matter():
    digit = mnist(train=False).images[0]
    first = mnist_style(photograph(digit, top=0, left=0))
    assert torch.equal(first, mnist_style(photograph(digit, top=40, left=90)))
    assert (first - mnist_style(photograph(digit, top=40, left=90, ink=0.3, paper=0.5))).abs().mean() < 0.02
    colour = photograph(digit, top=0, left=0).convert("RGB")
    assert (first - mnist_style(colour)).abs().max() < 0.02


@pytest.mark.parametrize("box, size", [((10, 10, 14, 109), (20, 1)), ((10, 10, 109, 14), (1, 20))])
def test_thin_strokes_keep_their_proportions(box, size):
    image = Image.new("L", (120, 120), 255)
    ImageDraw.Draw(image).rectangle(box, fill=0)
    rows, columns = ((mnist_style(image)[0] > 0.2).any(dim=1 - axis).sum().item() for axis in (0, 1))
    assert (rows, columns) == size


def test_the_centre_of_mass_is_on_pixel_14():
    field = mnist_style(photograph(mnist(train=False).images[5], top=3, left=7))[0]
    for axis in (0, 1):
        profile = field.sum(dim=1 - axis)
        assert abs((torch.arange(28) * profile).sum() / profile.sum() - 14) <= 0.5 + 1e-4


@pytest.mark.parametrize("grey", [0, 128, 255])
def test_an_empty_page_is_refused(grey):
    with pytest.raises(ValueError, match="dark ink on light paper"):
        mnist_style(Image.new("L", (50, 40), grey))
