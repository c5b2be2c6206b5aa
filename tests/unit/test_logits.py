"""`companion.figures.logits`: its arithmetic against PyTorch in float64, and the figure's traits."""

import math
import random

import pytest
import torch
import traitlets
from torch.nn import functional as F

from companion.figures import LogitsExplorer
from companion.figures.logits import CLASSES, KOREAN, PRESETS, heads, sigmoid, softplus

LOGITS = [
    (0.0, 0.0),
    (2.0, 1.0, 0.1, -1.0),
    (30.0, -30.0, 0.0),
    (-30.0, -30.0, -29.9, 30.0, 30.0),
    (1000.0, -1000.0),
]


def close(mine, theirs: torch.Tensor) -> bool:
    """Within 1e-14 of PyTorch, relative to the size of the number where that is above 1."""
    mine = torch.tensor(mine, dtype=torch.float64)
    return mine.shape == theirs.shape and bool(((mine - theirs).abs() <= 1e-14 * theirs.abs().clamp(min=1)).all())


def random_states(count: int) -> list[dict]:
    chance = random.Random(1)
    states = []
    for number in range(count):
        size = chance.randint(2, 5)
        logits = LOGITS[number] if number < len(LOGITS) else [chance.uniform(-30, 30) for _ in range(size)]
        size = len(logits)
        states.append(
            {
                "logits": logits,
                "temperature": (0.1, 1.0, 10.0, chance.uniform(0.1, 10))[number % 4],
                "asked": chance.randrange(size),
                "asked_target": chance.random() < 0.5,
                "threshold": chance.random(),
                "label": chance.randrange(size),
                "present": [float(chance.random() < 0.5) for _ in range(size)],
                "thresholds": [chance.random() for _ in range(size)],
            }
        )
    return states


def test_the_heads_are_pytorchs():
    for state in random_states(400):
        got = heads(**state)
        z = torch.tensor(state["logits"], dtype=torch.float64)
        y = torch.tensor(state["present"], dtype=torch.float64)
        scaled = z / state["temperature"]
        asked, target = z[state["asked"]], torch.tensor(float(state["asked_target"]), dtype=torch.float64)
        assert close(got["sigmoids"], z.sigmoid())
        assert close(got["softmax"], scaled.softmax(0))
        assert close(got["log_sum_exp"], scaled.logsumexp(0))
        assert close(got["cross_entropy"], F.cross_entropy(scaled, torch.tensor(state["label"])))
        assert close(got["bce"], F.binary_cross_entropy_with_logits(asked, target))
        assert close(got["bces"], F.binary_cross_entropy_with_logits(z, y, reduction="none"))
        assert close(got["bce_sum"], F.binary_cross_entropy_with_logits(z, y, reduction="sum"))
        assert got["choice"] == z.argmax().item()
        assert got["yes"] == (asked.sigmoid() >= state["threshold"]).item()
        passes = z.sigmoid() >= torch.tensor(state["thresholds"], dtype=torch.float64)
        assert got["chosen"] == passes.nonzero().flatten().tolist()


def test_small_losses_keep_their_digits():
    assert softplus(-30) == pytest.approx(math.exp(-30), rel=1e-12)
    assert sigmoid(-700) == pytest.approx(math.exp(-700), rel=1e-12)
    assert heads((30, -30))["cross_entropy"] == pytest.approx(math.exp(-60), rel=1e-12)


def test_what_the_figure_is_for():
    z = (2.0, 1.0, 0.1, -1.0)
    start, shifted = heads(z), heads([x + 3 for x in z])
    assert shifted["softmax"] == pytest.approx(start["softmax"], abs=1e-15)
    assert min(b - a for a, b in zip(start["sigmoids"], shifted["sigmoids"], strict=True)) > 0.05
    one_more = heads((2.5, *z[1:]))
    assert one_more["sigmoids"][1:] == start["sigmoids"][1:]
    assert all(a > b for a, b in zip(start["softmax"][1:], one_more["softmax"][1:], strict=True))
    for a, b in ((2, 1), (-3, 4.5), (0, 0)):
        assert heads((a, b))["softmax"][0] == pytest.approx(sigmoid(a - b), abs=1e-15)
    states = {preset["name"]: preset["state"] for preset in PRESETS}
    two = heads(**states["two things in the picture"])
    assert (two["chosen"], two["choice"]) == ([0, 1], 0)
    assert heads(**states["nothing we know"])["chosen"] == []
    assert states["all shifted by 3"]["logits"] == [x + 3 for x in z]
    assert heads(**states["sure and wrong"])["cross_entropy"] > 5
    assert heads(**states["T = 0.25, sharper"])["softmax"][0] > start["softmax"][0]
    assert max(heads(**states["T = 5, flatter"])["softmax"]) < start["softmax"][0]


# ---- The traits


def test_what_the_page_sends_reaches_the_traits_and_back():
    figure = LogitsExplorer()
    sent = {"logits": [3, 1], "asked": 1, "label": 1, "present": [1, 1], "thresholds": [0.25, 0.75], "temperature": 2}
    figure.set_state(sent)
    assert figure.logits == (3.0, 1.0)
    assert (figure.asked, figure.label, figure.present, figure.thresholds) == (1, 1, (1.0, 1.0), (0.25, 0.75))
    assert figure.heads["cross_entropy"] == pytest.approx(math.log(1 + math.e))
    figure.set_state({"asked_target": False, "threshold": 0.9})
    assert figure.heads["yes"] is False
    figure.logits = torch.tensor([1.0, 2.0, 3.0])
    assert figure.get_state("logits")["logits"] == (1.0, 2.0, 3.0)


def test_what_goes_with_the_logits_follows_their_number():
    figure = LogitsExplorer(logits=(1, 2, 3, 4, 5), label=4, asked=3, thresholds=(0.1, 0.2, 0.3, 0.4, 0.5))
    assert figure.present == (0, 0, 0, 0, 1), "the label alone is in the picture"
    figure.logits = (1, 2, 3)
    assert (figure.asked, figure.label, figure.present, figure.thresholds) == (2, 2, (0, 0, 0), (0.1, 0.2, 0.3))
    figure.logits = (1, 2, 3, 4)
    assert (figure.present, figure.thresholds) == ((0, 0, 0, 0), (0.1, 0.2, 0.3, 0.5))


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset["name"])
def test_a_preset_is_the_state_it_names_and_arguments_go_before_it(preset):
    figure = LogitsExplorer(preset=preset["name"])
    for trait, value in preset["state"].items():
        given = getattr(figure, trait)
        assert (list(given) if isinstance(value, list) else given) == value
    assert LogitsExplorer(preset=preset["name"], temperature=3).temperature == 3
    assert LogitsExplorer(preset=preset["name"], logits=(1, 2, 3)).logits == (1, 2, 3)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"logits": (1,)}, r"logits must be 2 to 5 numbers from -30 to 30, got \(1\)"),
        ({"logits": (1,) * 6}, "logits must be 2 to 5 numbers"),
        ({"logits": (1, 31)}, r"logits must be 2 to 5 numbers from -30 to 30, got \(1, 31\)"),
        ({"logits": (1, math.nan)}, "logits must be a sequence of finite numbers"),
        ({"logits": "12"}, "logits must be a sequence of finite numbers, got '12'"),
        ({"logits": (1, 2, 3), "classes": ["a", "b"]}, "logits must be 2 to 2 numbers"),
        ({"temperature": 0}, "temperature must be a number from 0.1 to 10, got 0"),
        ({"temperature": "hot"}, "temperature must be a number from 0.1 to 10, got 'hot'"),
        ({"asked": 4}, "asked must be a whole number from 0 to 3, got 4"),
        ({"label": 1.5}, "label must be a whole number from 0 to 4, got 1.5"),
        ({"label": 2, "logits": (1, 2)}, "label must be a whole number from 0 to 1, got 2"),
        ({"asked_target": "yes"}, "asked_target"),
        ({"threshold": 1.5}, "threshold must be a number from 0 to 1, got 1.5"),
        ({"present": (1, 0)}, r"present must be 4 times 0 or 1, one per logit, got \(1, 0\)"),
        ({"present": (1, 0, 0.5, 0)}, "present must be 4 times 0 or 1"),
        ({"thresholds": (0.5, 0.5, 0.5, 2)}, "thresholds must be 4 numbers from 0 to 1, one per logit"),
        ({"preset": "certain"}, "preset must be one of 'start', 'all shifted by 3'"),
    ],
)
def test_illegal_values_are_refused_in_words(options, message):
    with pytest.raises((traitlets.TraitError, ValueError), match=message):
        LogitsExplorer(**options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"classes": ["a"]}, r"classes must be 2 to 5 names, got \['a'\]"),
        ({"classes": ["a", "a"]}, "classes must be 2 different names"),
        ({"classes": ["a", "b"], "names": {"ko": ["가"]}}, r"names\['ko'\] must be 2 different names, got \['가'\]"),
    ],
)
def test_illegal_names_are_refused_in_words(options, message):
    with pytest.raises(ValueError, match=message):
        LogitsExplorer(**options)


def test_an_illegal_value_leaves_the_trait_as_it_was():
    figure = LogitsExplorer()
    bad = {"logits": (1, 99), "present": (1, 0), "thresholds": (2,) * 4, "label": 4, "temperature": 0, "threshold": -1}
    for trait, value in bad.items():
        before = getattr(figure, trait)
        with pytest.raises(traitlets.TraitError, match=f"{trait} must be"):
            setattr(figure, trait, value)
        assert getattr(figure, trait) == before


def test_few_classes_have_the_presets_that_fit_and_their_own_names():
    figure = LogitsExplorer(classes=["lesion", "healthy"], names={"ko": ["병변", "정상"]})
    assert figure.logits == (2.0, 1.0)
    assert [preset["name"] for preset in figure.presets] == ["two classes"]
    assert figure.names == {"ko": ["병변", "정상"]}
    assert LogitsExplorer().names == {"ko": KOREAN}


def test_text_form():
    assert repr(LogitsExplorer(temperature=2)) == "LogitsExplorer(logits=(2, 1, 0.1, -1), temperature=2)"


def test_fallback_table_has_the_presets_in_both_languages():
    figure = LogitsExplorer()
    assert set(figure.fallback) == {"en", "ko"}
    for names, table in zip((CLASSES, KOREAN), figure.fallback.values(), strict=True):
        assert table.count("<tr>") == 1 + len(PRESETS)
        assert f"<td>{names[0]}, {names[1]}, {names[2]}</td>" in table
    row = next(row for row in figure.fallback["en"].split("<tr>") if ">nothing we know<" in row)
    assert "<td>none</td>" in row
    assert f"<td>{sigmoid(-2):.3f}, " in row
