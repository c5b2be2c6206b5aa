"""Predict first in every live figure: what is no answer is refused in words, in the page's language."""

import pytest
import torch
from reader import Reader, fixture

from companion.figures import (
    ArchitectureExplorer,
    BlockBudget,
    ConvolutionPlayground,
    LogitsExplorer,
    MapMixer,
    NetworkChart,
    OutputSizeExplorer,
    ReceptiveFieldExplorer,
)

WHOLE = [ArchitectureExplorer, ConvolutionPlayground, MapMixer, OutputSizeExplorer, ReceptiveFieldExplorer]
DECIMAL = [BlockBudget, LogitsExplorer, NetworkChart]
REFUSED = {
    "en": {"": "Type a number, or skip.", "-1": "The answer is 0 or more.", "1.5": "The answer is a whole number"},
    "ko": {"": "수를 적거나 건너뛰세요.", "-1": "0 이상의 수입니다", "1.5": "0 이상의 정수입니다"},
}

reader = fixture(Reader)


def make(kind):
    if kind is MapMixer:
        torch.manual_seed(0)
        return kind(torch.rand(3, 49, 49), torch.rand(8, 7, 7), torch.randn(2, 8), ["cat", "dog"], predict=True)
    return kind(predict=True)


@pytest.mark.parametrize("lang", ["en", "ko"])
def test_what_is_no_answer_is_refused_in_words(reader, lang):
    page = reader(lang=lang).open(*map(make, WHOLE + DECIMAL)).page
    page.wait_for_function("count => document.querySelectorAll('.lf-predict').length === count", arg=8)
    for number, kind in enumerate(WHOLE + DECIMAL):
        form = page.locator(".lf-predict").nth(number)
        fields, note = form.locator("input").all(), form.locator(".lf-note")
        hint, height = note.inner_text(), form.bounding_box()["height"]
        whole = kind in WHOLE
        wrong = REFUSED[lang] | ({"-1": REFUSED[lang]["1.5"]} if whole else {})
        for given in ("", "-1", "1.5") if whole else ("", "-1"):
            for field in fields:
                field.fill("1")
            fields[-1].fill(given)
            fields[-1].press("Enter")
            assert wrong[given] in note.inner_text(), (kind, given)
            assert note.get_attribute("role") == "alert"
            assert [field.get_attribute("aria-invalid") for field in fields] == [None] * (len(fields) - 1) + ["true"]
            assert fields[-1].evaluate("node => document.getElementById(node.getAttribute('aria-describedby'))?.role")
            assert form.bounding_box()["height"] <= height + 30, "the figure below stays where it was"
        fields[-1].fill("1" if whole else "1.5")
        assert (note.inner_text(), note.get_attribute("role")) == (hint, None), "typing takes the refusal back"
        fields[-1].press("Enter")
        assert form.is_hidden(), kind
