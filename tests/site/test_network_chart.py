"""The network chart as a reader meets it: on a page without a kernel, in Chromium; and its traits.

Most tests share one page, which a link brings back to its start.
"""

import itertools
import math
import random
import re
import statistics

import pytest
import torchvision
import traitlets
from accessibility import violations
from reader import Reader, fixture, shared_fixture

from companion.figures.network_chart import (
    BOOK,
    FAMILIES,
    PRESETS,
    QUANTITIES,
    NetworkChart,
    front,
    keep,
    published,
    shown,
)

START = "network=resnet50"
NETWORKS = {one["id"]: one for one in published()}


class ChartReader(Reader):
    drawn = ".lf .nc-ring"
    figure = staticmethod(NetworkChart)

    def listed(self):
        """The networks shown: what the list offers."""
        return self.page.locator(".nc-walk option").evaluate_all("options => options.map((one) => one.value)")

    def selected(self):
        return self.page.locator(".nc-walk select").input_value()

    def place(self):
        """The centre of the ring, in pixels of the plot."""
        ring = self.page.locator(".nc-ring")
        return [float(ring.get_attribute(name)) for name in ("cx", "cy")]

    def choose(self, name, which=0):
        self.page.locator(".lf select").nth(which).select_option(name)

    def says(self, *words):
        sentence = self.sentence()
        assert all(one in sentence for one in words), sentence


reader = fixture(ChartReader)
shared = shared_fixture(ChartReader)


@pytest.fixture
def one(shared):
    shared.page.mouse.move(1, 1)
    return shared.follow(START)


# ---- The numbers, and what is computed from them


def test_the_numbers_are_those_of_torchvisions_weights():
    assert len(NETWORKS) == len(published())
    names = torchvision.models.list_models(module=torchvision.models)
    assert {one["network"] for one in published()} == set(names), "no network is left out"
    assert sum(one["default"] for one in published()) == len(names)
    for name in names:
        for weights in torchvision.models.get_model_weights(name):
            one = NETWORKS.get(f"{name}.{weights.name}")
            if one is None:
                assert math.isnan(weights.meta["_metrics"]["ImageNet-1K"]["acc@1"])
                continue
            assert (one["parameters"], one["multiply_adds"]) == (weights.meta["num_params"], weights.meta["_ops"])
            assert one["top1"] == weights.meta["_metrics"]["ImageNet-1K"]["acc@1"]
            assert one["megabytes"] == weights.meta["_file_size"]
    assert "Other" not in {one["family"] for one in published()}
    assert NETWORKS["vgg16.IMAGENET1K_V1"]["parameters"] == 138_357_544
    assert NETWORKS["wide_resnet50_2.IMAGENET1K_V1"]["family"] == "ResNet"


def beaten(one, others, x):
    """By the definition, one pair at a time."""
    return any(
        other[x] <= one[x]
        and other["top1"] >= one["top1"]
        and (other[x], other["top1"]) != (one[x], one["top1"])
        for other in others
    )  # fmt: skip


def test_the_front_is_what_none_beats():
    made_up = [
        {"id": name, "parameters": size, "top1": top1, "default": True, "family": "ResNet"}
        for name, size, top1 in (("a", 1, 50), ("b", 2, 60), ("twin of b", 2, 60), ("c", 2, 55), ("d", 3, 60),
                                 ("e", 4, 59), ("f", 5, 61))
    ]  # fmt: skip
    assert front(made_up, "parameters") == ["a", "b", "twin of b", "f"]
    assert front([], "parameters") == []
    for x, all_weights in itertools.product(QUANTITIES, (False, True)):
        now = shown(published(), x, all_weights)
        assert front(now, x) == [one["id"] for one in now if not beaten(one, now, x)]
        assert len(front(now, x)) >= 8


def test_pure_functions_equal_their_python_twins(one):
    chance = random.Random(1)
    choices = [()] + [(family,) for family in FAMILIES if family != "Other"]
    choices += [tuple(chance.sample(list(FAMILIES), chance.randint(2, 6))) for _ in range(100)]
    states = list(itertools.product(QUANTITIES, (False, True), choices))
    ids = list(NETWORKS)
    wanted = [chance.choice(ids) for _ in states]
    numbers = [10 ** chance.uniform(-3, 10) for _ in range(2000)]
    made_up = [
        [
            {"id": str(i), "x": chance.randint(1, 9), "top1": chance.randint(50, 59)}
            for i in range(chance.randint(0, 15))
        ]
        for _ in range(500)
    ]
    for group in made_up:
        group.sort(key=lambda each: (each["x"], -each["top1"], each["id"]))
    got = one.call(
        """async (source, networks, states, wanted, numbers, madeUp) => {
          const all = await import(URL.createObjectURL(new Blob([source], { type: "text/javascript" })));
          const ids = (list) => list.map(({ id }) => id);
          return {
            states: states.map(([x, allWeights, families], i) => {
              const shown = all.shownNetworks(networks, x, allWeights, families);
              return [ids(shown), ids(all.paretoFront(shown, x)), all.keepSelected(wanted[i], shown)];
            }),
            madeUp: madeUp.map((group) => [
              ids(all.paretoFront(group, "x")),
              ids(group.filter((one) => !group.some((other) => all.beats(other, one, "x")))),
            ]),
            positions: numbers.map((number) => all.logPosition(number, [1e-3, 1e10])),
            ticks: [[0.03, 1500], [8.8e5, 9e8], [1, 1]].map((range) => all.logTicks(range, false)),
            sparse: all.logTicks([0.03, 1500], true),
            ranges: [all.logRange([2, 70, 7]), all.fivesRange([56.5, 88.6]), all.fivesRange([60, 85])],
            middle: all.linearPosition(75, [70, 90]),
          };
        }""",
        str(NetworkChart._esm),
        published(),
        states,
        wanted,
        numbers,
        made_up,
    )
    for (x, all_weights, families), selected, answer in zip(states, wanted, got["states"], strict=True):
        now = shown(published(), x, all_weights, families)
        assert answer == [[each["id"] for each in now], front(now, x), keep(selected, now)], (x, all_weights, families)
    for group, (fast, slow) in zip(made_up, got["madeUp"], strict=True):
        right = [each["id"] for each in group if not beaten(each, group, "x")]
        assert fast == slow == right, group
    assert got["positions"] == pytest.approx([math.log10(number * 1e3) / 13 for number in numbers], abs=1e-12)
    digits = [digit * 10.0**power for power in range(-3, 10) for digit in (1, 2, 5)]
    expected = [
        [tick for tick in digits if least <= tick <= most] for least, most in ((0.03, 1500), (8.8e5, 9e8), (1, 1))
    ]
    assert [len(ticks) for ticks in got["ticks"]] == [len(ticks) for ticks in expected] == [14, 9, 1]
    for mine, right in zip(got["ticks"], expected, strict=True):
        assert mine == pytest.approx(right)
    assert got["sparse"] == [0.1, 1, 10, 100, 1000]
    assert got["ranges"] == [[pytest.approx(2 / 1.4), pytest.approx(98)], [55, 90], [60, 85]]
    assert got["middle"] == 0.25


# ---- In Python


def test_traits():
    figure = NetworkChart()
    assert figure.selected == "resnet50.IMAGENET1K_V2"
    assert len(figure.shown) == sum(one["default"] for one in published())
    figure.all_weights = True
    figure.selected = "resnet50.IMAGENET1K_V1"
    figure.all_weights = False
    assert figure.selected == "resnet50.IMAGENET1K_V2", "the same network, with the weights that are shown"
    figure.families = ["VGG", "AlexNet"]
    assert figure.families == ("AlexNet", "VGG")
    assert figure.selected == "alexnet.IMAGENET1K_V1", "the smallest shown"
    figure.set_state({"families": [], "selected": "densenet121.IMAGENET1K_V1", "x": "multiply_adds", "front": True})
    assert (figure.families, figure.selected) == ((), "densenet121.IMAGENET1K_V1")
    assert figure.pareto_front == front(figure.shown, "multiply_adds")
    assert repr(figure) == (
        "NetworkChart(x='multiply_adds', all_weights=False, front=True, selected='densenet121.IMAGENET1K_V1')"
    )
    for name, value, message in (
        ("selected", "resnet51", "such as .*, got 'resnet51', which torchvision does not have"),
        ("selected", "resnet50.IMAGENET1K_V1", "got 'resnet50.IMAGENET1K_V1', which is not shown now"),
        ("families", ["LeNet"], r"families must be some of 'AlexNet', .*, got \['LeNet'\]"),
        ("x", "accuracy", "x must be one of 'parameters', 'multiply_adds', got 'accuracy'"),
    ):
        with pytest.raises(traitlets.TraitError, match=message):
            setattr(figure, name, value)
        with pytest.raises(ValueError, match=message):
            NetworkChart(**{name: value})
    for preset in PRESETS:
        figure = NetworkChart(preset=preset["name"])
        assert figure.selected.startswith(preset["state"]["selected"] + ".")
        assert list(figure.families) == preset["state"]["families"]
    with pytest.raises(ValueError, match="preset must be one of 'by parameters'"):
        NetworkChart(preset="best")
    for language in ("en", "ko"):
        table = NetworkChart().fallback[language]
        assert all(f'<th scope="row">{name}</th>' in table for name in BOOK)
        assert "<td>138,357,544</td><td>15.470</td><td>71.592</td><td>527.8</td><td>224</td><td></td>" in table
        assert 15 <= table.count("<tr>") <= 40


# ---- What is shown


def test_presets_points_and_words(one):
    for preset in one.page.evaluate("[...document.querySelector('.lf select').options].map((one) => one.value)")[1:]:
        one.choose(preset)
        figure = NetworkChart(preset=preset)
        assert one.page.locator(".lf select").first.input_value() == preset
        assert sorted(one.listed()) == sorted(each["id"] for each in figure.shown)
        assert one.selected() == figure.selected
        assert one.page.locator(".nc-plot > g > .nc-mark").count() == len(figure.shown) + 1, "and the selected one"
        corners = one.page.locator(".nc-front").get_attribute("d").count("H")
        assert corners == (len(figure.pareto_front) if figure.front else 0)
    one.choose("by parameters")
    one.says(
        "resnet50: 25,557,032 parameters, 4.089 billion multiply–adds, 80.858 % right (95.434 % among its first five) "
        "at 224×224 pixels, 97.8 MB."
    )
    figure = NetworkChart()
    mine = NETWORKS["resnet50.IMAGENET1K_V2"]
    better = [each for each in figure.shown if beaten(mine, [each], "parameters")]
    best = max(better, key=lambda each: each["top1"])
    one.says(f"{len(better)} shown beat it, no larger and no less accurate: best {best['network']}, {best['top1']:.3f}")
    assert one.page.locator(".lf-code code").inner_text() == 'models.resnet50(weights="IMAGENET1K_V2")'
    one.follow("network=vit_h_14")
    one.says("None shown beats it: none is both smaller and better.")
    one.page.wait_for_function(
        "[words, seen] = [document.querySelector('.lf [role=status]'), document.querySelector('.lf-sentence')],"
        " words.textContent === seen.textContent"
    )
    shapes = one.page.locator(".nc-family path").evaluate_all(
        "paths => paths.map((path) => [path.getAttribute('d'), getComputedStyle(path).stroke])"
    )
    assert len({shape for shape, _ in shapes}) == len(shapes) == 12, "a shape each"
    assert len({colour for _, colour in shapes}) == 6


def test_points_stand_where_their_numbers_say(one):
    box = one.page.locator(".nc-plot").bounding_box()
    ids = ("alexnet", "vgg16", "resnet50", "vit_h_14", "shufflenet_v2_x0_5")
    for x in QUANTITIES:
        places = []
        for name in ids:
            one.follow(f"network={name}&x={x}")
            entry = NETWORKS[one.selected()]
            places.append((math.log(entry[x]), entry["top1"], *one.place()))
        across, up, px, py = zip(*places, strict=True)
        # Two points fix a scale; the others must lie on it.
        lines = ((across, px), (up, py))
        for values, pixels in lines:
            slope = (pixels[3] - pixels[0]) / (values[3] - values[0])
            right = [pixels[0] + slope * (value - values[0]) for value in values]
            assert pixels == pytest.approx(right, abs=0.1)
        assert 0 < min(px) < max(px) < box["width"]
        assert 0 < min(py) < max(py) < box["height"]


def test_families_filter_and_the_front_follows(one):
    button = lambda family: one.page.locator(f'.nc-family[data-family="{family}"]')  # noqa: E731
    button("VGG").click()
    assert {NETWORKS[each]["family"] for each in one.listed()} == {"VGG"}
    assert one.selected() == "vgg11.IMAGENET1K_V1", "the smallest shown"
    assert button("VGG").get_attribute("aria-pressed") == "true"
    one.page.get_by_role("checkbox", name="Pareto front").check()
    button("ResNet").focus()
    one.page.keyboard.press("Enter")
    now = shown(published(), "parameters", families=("VGG", "ResNet"))
    assert sorted(one.listed()) == sorted(each["id"] for each in now)
    assert one.page.locator(".nc-front").get_attribute("d").count("H") == len(front(now, "parameters"))
    one.page.get_by_role("checkbox", name="all weights").check()
    assert len(one.listed()) > len(now)
    one.choose("resnet50.IMAGENET1K_V1", which=2)
    one.says("resnet50 IMAGENET1K_V1: 25,557,032 parameters", "76.130 % right")
    one.page.get_by_role("checkbox", name="all weights").uncheck()
    assert one.selected() == "resnet50.IMAGENET1K_V2"
    button("").click()
    assert len(one.listed()) == sum(each["default"] for each in published())


# ---- By keyboard, mouse and finger


def test_everything_can_be_reached_and_used_by_keyboard(one):
    one.page.locator("h1").click()
    reached = []
    for _ in range(40):
        one.page.keyboard.press("Tab")
        name, outline, suppressed = one.page.evaluate(
            """() => {
              const now = document.activeElement;
              const name = now === document.body ? "" : now.dataset.trait || now.dataset.family || now.tagName;
              return [name, parseFloat(getComputedStyle(now).outlineWidth), now.dataset.lmSuppressShortcuts];
            }"""
        )
        if not name:
            break
        assert outline >= 2, f"no visible focus on {name}"
        assert suppressed == "true", f"{name} would lose its keys in JupyterLab"
        reached.append(name)
    assert {"selected", "VGG", "Transformer", "SELECT", "INPUT", "BUTTON"} <= set(reached)
    assert one.page.evaluate(
        "[...document.querySelectorAll('.lf :is(input, select)')].every((one) => one.labels.length || one.ariaLabel)"
    )
    order = [each["id"] for each in shown(published(), "parameters")]
    place = order.index("resnet50.IMAGENET1K_V2")
    one.press("selected", "ArrowRight")
    assert one.selected() == order[place + 1]
    one.press("selected", "ArrowLeft", 2)
    assert one.selected() == order[place - 1]
    entry = NETWORKS[order[place - 1]]
    assert one.slider("selected").get_attribute("aria-valuetext") == (
        f"{entry['network']}, {entry['parameters']:,} parameters, {entry['multiply_adds']:.3f} billion multiply–adds, "
        f"{entry['top1']:.3f} per cent"
    )
    one.press("selected", "Home")
    assert one.selected() == order[0]
    one.press("selected", "End")
    assert one.selected() == order[-1]


def test_pointing_names_a_network(one, reader):
    targets = {}
    for name in ("alexnet", "vgg19_bn", "googlenet"):
        one.follow(f"network={name}")
        targets[one.selected()] = one.place()
    one.follow(START)
    plot = one.page.locator(".nc-plot")
    plot.scroll_into_view_if_needed()
    box = plot.bounding_box()
    for name, (x, y) in targets.items():
        one.page.mouse.move(box["x"] + x + 3, box["y"] + y - 2)
        assert one.selected() == name
    one.follow(f"{START}&predict=1")
    x, y = targets["alexnet.IMAGENET1K_V1"]
    one.page.mouse.move(box["x"] + x, box["y"] + y)
    assert one.selected() == "resnet50.IMAGENET1K_V2", "a mouse that passes by asks nothing"
    one.page.mouse.down()
    one.page.mouse.up()
    assert one.selected() == "alexnet.IMAGENET1K_V1"
    touch = reader(has_touch=True, viewport={"width": 360, "height": 1600}).open()
    touch.follow("network=alexnet")
    x, y = touch.place()
    touch.follow(START)
    box = touch.page.locator(".nc-plot").bounding_box()
    touch.page.touchscreen.tap(box["x"] + x + 10, box["y"] + y - 10)
    assert touch.selected() == "alexnet.IMAGENET1K_V1"
    small = touch.page.evaluate(
        """[...document.querySelectorAll(".lf :is(button, select, input[type=range], .lf-check)")]
             .filter((node) => node.checkVisibility() && node.getBoundingClientRect().height < 24)
             .map((node) => node.outerHTML)"""
    )
    assert small == []


@pytest.mark.alone
def test_a_key_press_changes_the_page_within_16_ms(reader):
    one = reader().open(NetworkChart(all_weights=True, front=True))
    times = one.key_times("selected")
    assert statistics.median(times) <= 16, times


# ---- Predictions and links


def test_predict_first_hides_then_judges(one):
    form = one.page.locator(".lf-predict")
    one.follow("network=vgg16&predict=1&front=1")
    assert form.is_visible()
    assert one.page.locator(".nc-ring").get_attribute("r") == "0"
    assert one.page.locator(".nc-plot > g > .nc-mark[visibility=hidden]").count() == 1
    assert not one.page.locator(".nc-front").is_visible()
    assert "per cent" not in one.slider("selected").get_attribute("aria-valuetext")
    one.says("What is the top-1 accuracy of vgg16? Enter takes you to the answer.")
    one.slider("selected").focus()
    one.page.keyboard.press("Enter")
    one.page.keyboard.type("73")
    one.page.keyboard.press("Enter")
    assert not form.is_visible()
    one.says("Right, to within 2: vgg16 has 71.592 %.")
    assert one.page.evaluate("document.activeElement.dataset.trait") == "selected"
    one.page.keyboard.press("ArrowRight")
    assert form.is_visible()
    one.page.keyboard.press("Enter")
    one.page.keyboard.type("90")
    one.page.keyboard.press("Enter")
    one.says("You said 90 %; vgg16_bn has 73.360 %.")
    one.page.get_by_role("checkbox", name="all weights").check()
    assert not form.is_visible(), "the same network is no new question"
    one.press("selected", "ArrowRight")
    one.page.keyboard.press("Escape")
    assert not form.is_visible()
    one.press("selected", "ArrowRight")
    one.page.get_by_role("button", name="Skip").click()
    assert not form.is_visible()


def test_links_set_the_figure_and_the_figure_writes_them(one):
    given = "network=resnet50.IMAGENET1K_V1&x=multiply_adds&all=1&front=1&families=VGG_ResNet"
    one.follow(given)
    assert one.selected() == "resnet50.IMAGENET1K_V1"
    assert {NETWORKS[each]["family"] for each in one.listed()} == {"VGG", "ResNet"}
    one.page.get_by_role("checkbox", name="Pareto front").uncheck()
    written = f"#fig=network-chart&{given}".replace("&front=1", "")
    one.page.wait_for_function("hash => location.hash === hash", arg=written)
    one.follow("preset=small networks&families=MobileNet&front=0")
    assert {NETWORKS[each]["family"] for each in one.listed()} == {"MobileNet"}
    assert one.page.locator(".nc-front").get_attribute("d") == ""
    one.follow("predict=1")
    assert one.page.locator(".lf-predict").is_visible()
    assert one.selected() == "mobilenet_v2.IMAGENET1K_V2", "it may only turn prediction on"
    everything = sorted(each["id"] for each in published() if each["default"])
    for bad in ("network=resnet51", "x=accuracy", "all=yes", "front=2", "families=LeNet", "families=VGG_LeNet",
                "preset=best", "network=resnet50.IMAGENET1K_V9"):  # fmt: skip
        one.follow(START)
        one.follow(bad)
        assert (sorted(one.listed()), one.selected()) == (everything, "resnet50.IMAGENET1K_V2"), bad


# ---- Languages, looks, accessibility

DARKEN = """() => {
  document.documentElement.dataset.theme = "dark";
  Object.assign(document.body.style, { background: "#14181e", color: "#fff" });
}"""
EXTREMES = [
    "all=1&network=vit_l_16.IMAGENET1K_SWAG_LINEAR_V1&front=1",
    "all=1&x=multiply_adds&network=regnet_y_128gf.IMAGENET1K_SWAG_LINEAR_V1",
    "network=alexnet&x=multiply_adds",
]


@pytest.mark.parametrize(("lang", "width"), [("en", 900), ("ko", 360)])
def test_axe_finds_no_violation_light_or_dark_and_korean_pages_are_korean(reader, lang, width):
    one = reader(lang=lang, viewport={"width": width, "height": 1000}).open()
    if lang == "ko":
        names = {word for one in published() for word in (one["network"], one["weights"])} | set(FAMILIES)
        names |= {"ResNeXt", "GoogLeNet", "MNASNet", "MaxViT", "ViT", "Swin"}
        names |= {"torchvision", "ImageNet", "IMAGENET", "top"}
        known = "|".join(sorted(map(re.escape, names | {"Enter", "Esc", "models", "weights"}), key=len, reverse=True))
        for link in (START, *EXTREMES, f"{START}&predict=1"):
            one.follow(link)
            text = one.page.locator(".lf").inner_text() + one.page.evaluate(
                "[...document.querySelectorAll('.lf [aria-label]')].map((node) => node.ariaLabel).join(' ')"
            )
            assert "신경망" in text
            assert re.findall("[A-Za-z]{3,}", re.sub(known, "", text)) == []
    assert violations(one.page) == []
    one.page.evaluate(DARKEN)
    assert violations(one.page, colours_only=True) == []
    one.follow(f"{START}&families=VGG&predict={int(lang == 'en')}")
    assert violations(one.page, colours_only=True) == []
    # A point's outline against the page, in either theme: 3 to 1.
    contrasts = """() => {
      const rgb = (colour) => colour.match(/[\\d.]+/g).slice(0, 3).map(Number);
      const light = (colour) => rgb(colour).map((c) => c / 255)
        .map((c) => (c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
        .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
      const page = light(getComputedStyle(document.querySelector(".lf")).backgroundColor);
      return [...document.querySelectorAll(".nc-family path")].map((path) => light(getComputedStyle(path).stroke))
        .map((l) => (Math.max(l, page) + 0.05) / (Math.min(l, page) + 0.05));
    }"""
    dark = one.page.evaluate(contrasts)
    one.page.evaluate("() => { document.documentElement.dataset.theme = 'light'; }")
    light = one.page.evaluate(contrasts)
    assert min(dark + light) >= 3
    assert dark != light


@pytest.mark.parametrize(("width", "lang"), [(360, "en"), (900, "en"), (400, "ko"), (760, "ko")])
def test_nothing_shifts_and_nothing_sticks_out(reader, width, lang):
    one = reader(lang=lang, viewport={"width": width, "height": 3000})
    one.watch_shifts()
    one.open()
    assert one.shift() < 0.01
    figure, reserved = one.heights()
    assert 0 <= reserved - figure < 60, "reserves what it needs"
    places = set()

    def note():
        assert one.page.evaluate("document.documentElement.scrollWidth") == width
        places.add(
            one.page.evaluate(
                """[".nc-stage", ".nc-walk", ".nc-says", ".nc-code", ".nc-source", "#after"].map((name) =>
                     Math.round(document.querySelector(name).getBoundingClientRect().top + scrollY)).join()"""
            )
        )
        sticking = one.page.evaluate(
            """[...document.querySelectorAll(".nc-says .lf-sentence, .nc-says fieldset, .nc-plot text, .nc-code code")]
                 .filter((node) => node.checkVisibility() && node.textContent).filter((node) => {
                   const inner = node.getBoundingClientRect();
                   const outer = node.closest(".nc-says, .nc-stage, .nc-code").getBoundingClientRect();
                   return inner.left < outer.left - 1 || inner.right > outer.right + 1 ||
                     inner.bottom > outer.bottom + 1;
                 }).map((node) => node.textContent)"""
        )
        assert sticking == []

    for link in EXTREMES:
        one.follow(link)
        note()
        one.follow(f"{link}&predict=1")
        note()
        for field in one.page.locator(".lf-fields input").all():
            field.fill("100")
        one.page.keyboard.press("Enter")
        note()
    assert len(places) == 1, f"its parts keep their places: {places}"
