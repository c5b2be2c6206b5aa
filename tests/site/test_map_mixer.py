"""The map mixer as a reader meets it: on a page without a kernel, in Chromium."""

import json
import re
import statistics

import golden_map_mixer
import pytest
import torch
from accessibility import violations
from PIL import Image
from reader import Reader, fixture

from companion.data import photograph
from companion.figures import MapMixer
from companion.weights import pretrained, visible

CLASSES = ["giant panda", "macaw", "lynx"]
KOREAN = ["대왕판다", "금강앵무", "스라소니"]


def ingredients(columns=7, channels=40) -> dict:
    """A picture, maps with one blob each, weights of both signs and a bias."""
    chance = torch.Generator().manual_seed(1)
    y, x = torch.meshgrid(torch.arange(7), torch.arange(columns), indexing="ij")
    centre = torch.rand(channels, 2, 1, 1, generator=chance) * torch.tensor([7, columns])[:, None, None]
    maps = 5 * torch.exp(-((y - centre[:, 0]) ** 2 + (x - centre[:, 1]) ** 2) / 3)
    weights = 0.2 * torch.randn(3, channels, generator=chance) + 0.02
    image = torch.rand(3, 14, 2 * columns, generator=chance).repeat_interleave(16, 1).repeat_interleave(16, 2)
    return {"image": image, "maps": maps, "weights": weights, "classes": CLASSES, "bias": [0.3, -0.1, 0.05]}


def mixer(columns=7, **options) -> MapMixer:
    return MapMixer(**ingredients(columns) | {"names": {"ko": KOREAN}} | options)


def number(text: str) -> float:
    return float(text.replace("−", "-"))


class MixerReader(Reader):
    drawn = ".lf .mm-cell"
    figure = staticmethod(mixer)

    def typed(self, k):
        """The weight of the k-th channel, as shown beside its slider."""
        return self.page.locator(".mm-card input[type=number]").nth(k)

    def choose(self, name, which=0):
        self.page.locator(".lf select").nth(which).select_option(label=name)

    def cells(self):
        return [number(text) for text in self.page.locator(".mm-cell").all_text_contents()]

    def results(self):
        """The score, and the sum of the cell pointed at."""
        return [number(text) for text in self.page.locator(".lf-result").all_text_contents()]

    def painted(self):
        """How much the overlay covers at each pixel, row by row."""
        return self.page.evaluate(
            """() => {
              const shown = document.querySelector(".mm-overlay canvas");
              const copy = document.createElement("canvas");
              Object.assign(copy, { width: shown.width, height: shown.height });
              const context = copy.getContext("2d", { willReadFrequently: true }); // or Chromium warns
              context.drawImage(shown, 0, 0);
              const { data } = context.getImageData(0, 0, copy.width, copy.height);
              return [...data].filter((_, i) => i % 4 === 3);
            }"""
        )


reader = fixture(MixerReader)


# ---- The arithmetic


def test_pure_function_equals_pytorch_on_the_golden_table(reader):
    table = golden_map_mixer.groups()
    assert sum(len(group["weights"]) for group in table) >= 10_000
    wanted = [golden_map_mixer.expected(group) for group in table]
    tied = sum((one["cells"] == one["cells"].max(1, keepdim=True).values).sum(1).gt(1).sum() for one in wanted)
    assert tied > 1000, "ties are what goes wrong"
    sent = [{key: value.tolist() if torch.is_tensor(value) else value for key, value in g.items()} for g in table]
    got = reader().open().call(
        """async (source, table) => {
          const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
          const { mixMaps, upsample } = await import(url);
          return table.map(({ grid, size, maps, others, bias, weights, with_others, relu }) => {
            const mixed = weights.map((row, i) => mixMaps({
              maps, weights: row, others: with_others[i] ? others : null, bias: bias[i], relu: relu[i],
            }));
            const columns = ["votes", "cells", "score", "strongest", "weakest"];
            const answer = Object.fromEntries(columns.map((name) => [name, mixed.map((one) => one[name])]));
            answer.upsampled = mixed.map(({ cells }) => [...upsample(cells, grid, size)]);
            return answer;
          });
        }""",
        str(MapMixer._esm),
        sent,
    )
    for group, right, answer in zip(table, wanted, got, strict=True):
        for name, values in right.items():
            given = torch.tensor(answer[name], dtype=values.dtype)
            assert given.shape == values.shape
            largest = (given - values).abs().max().item()
            assert largest <= (1e-9 if values.is_floating_point() else 0), (name, group["grid"])


def test_with_its_own_weights_and_all_channels_a_class_has_its_map_and_score():
    given = ingredients()
    cams = torch.einsum("kc,chw->khw", given["weights"].double(), given["maps"].double())
    figure = mixer()
    for index, name in enumerate(CLASSES):
        state = figure.preset(f"real weights: {name}")
        figure.class_index, figure.mix, figure.others = state["class_index"], state["mix"], state["others"]
        assert torch.allclose(figure.cam, cams[index], atol=1e-4)
        assert figure.score == pytest.approx(cams[index].mean().item() + given["bias"][index], abs=1e-4)
        assert figure.score == pytest.approx(figure.scores[index], abs=1e-4)


def test_with_a_trained_network_the_score_is_the_networks():
    model, preprocess, names = pretrained("efficientnet_lite0")
    image = preprocess(photograph("chelsea"))
    rows = [names.index(name) for name in ("Egyptian cat", "tabby", "lynx")]
    with torch.no_grad():
        maps, scores = model.features(image[None])[0], model(image[None])[0]
    figure = MapMixer(
        visible(image, preprocess), maps, model.classifier.weight[rows], [names[row] for row in rows],
        bias=model.classifier.bias[rows], preset="real weights: tabby",
    )  # fmt: skip
    assert figure.other_count == 1280 - 8
    assert figure.scores == pytest.approx(scores[rows].tolist(), abs=1e-3)
    assert figure.score == pytest.approx(scores[rows[1]].item(), abs=1e-3)
    state = figure.get_state(drop_defaults=False)
    size = len(json.dumps({name: value for name, value in state.items() if name not in ("_esm", "_css")}, default=str))
    assert size < 60_000
    assert len(figure.photograph) <= 25_000


def test_the_channels_shown_are_those_that_matter():
    given = ingredients()
    contributions = (given["weights"] * given["maps"].mean((1, 2))).double().abs()
    figure = mixer()
    for own in contributions:
        assert set(own.topk(2).indices.tolist()) <= set(figure.channels)
    rest = [channel for channel in range(40) if channel not in figure.channels]
    obliged = set(contributions.topk(2).indices.flatten().tolist())
    free = [channel for channel in figure.channels if channel not in obliged]
    assert min(contributions.max(0).values[free]) >= max(contributions.max(0).values[rest])
    assert len(set(figure.channels)) == 8


# ---- The page


@pytest.mark.parametrize("preset", [preset["name"] for preset in mixer().presets])
def test_presets(reader, preset):
    start = mixer(relu=False)
    one = reader().open(start)
    one.choose(preset)
    figure = mixer(preset=preset)
    assert one.cells() == pytest.approx(figure.cam.flatten().tolist(), abs=0.0501)
    assert one.results() == pytest.approx([figure.score, figure.cam[3, 3].item()], abs=0.00501)
    assert one.page.locator(".lf select").first.input_value() == preset
    if preset.startswith("real"):
        assert "the sum is complete" in one.sentence()
        assert "nothing missing" in one.page.locator(".mm-network").inner_text()


def test_it_starts_empty_and_a_slider_adds_its_map(reader):
    figure = mixer()
    one = reader().open(figure)
    assert set(one.cells()) == {0}
    assert one.sentence().startswith("Every weight is 0, so the map is empty. Score 0.30")
    assert max(one.painted()) == 0
    one.press("w2", "ArrowRight", 30)
    weight = 0.3 * figure.ranges["mix"][1]
    figure.mix = [0, 0, weight, 0, 0, 0, 0, 0]
    assert number(one.typed(2).input_value()) == pytest.approx(weight)
    assert one.cells() == pytest.approx(figure.cam.flatten().tolist(), abs=0.0501)
    assert one.results()[0] == pytest.approx(figure.score, abs=0.00501)
    row, column = divmod(figure.cam.argmax().item(), 7)
    assert f"The map is strongest in row {row}, column {column} ({figure.cam.max():.2f})." in one.sentence()
    assert f"{figure.scores[0] - figure.score:.2f} is missing." in one.sentence()
    covered = one.painted()
    assert len(covered) == 224 * 224
    y, x = divmod(covered.index(max(covered)), 224)
    assert (y // 32, x // 32) == (row, column)
    one.page.get_by_label("all 32 other channels").check()
    figure.others = True
    assert one.results()[0] == pytest.approx(figure.score, abs=0.00501)


def test_switching_the_class_loads_its_weights(reader):
    figure = mixer()
    one = reader().open(figure)
    one.choose("macaw", which=1)
    shown = [number(one.typed(k).input_value()) for k in range(8)]
    assert shown == pytest.approx(figure.shown_weights[1], abs=0.00501)
    assert "the network’s for macaw" in one.sentence()


def test_negative_votes_can_be_hidden(reader):
    figure = mixer(preset="real weights: lynx")
    one = reader().open(figure)
    before, score = one.cells(), one.results()[0]
    assert min(before) < 0
    one.page.get_by_label("show negative votes").uncheck()
    assert one.cells() == [max(cell, 0) for cell in before]
    assert one.results()[0] == score, "the score counts every vote"


def test_the_sum_of_a_cell_is_typeset_with_its_numbers(reader):
    figure = mixer(preset="real weights: macaw", row=2, column=5)
    one = reader().open(figure)
    formulas = one.page.locator(".mm-cell-formula math").all_text_contents()
    text = "".join("".join(formulas).split())
    assert text.startswith("CAM[2,5]=∑kwkA[k,2,5]=")
    assert text.endswith(f"others={figure.cam[2, 5]:.2f}".replace("-", "−"))
    assert len(formulas) == 1 + 8 + 1 + 1
    terms = one.page.locator(".mm-cell-formula munder mtext").all_text_contents()
    assert terms == [*map(str, figure.channels), "others"]
    namespace = one.page.locator(".mm-cell-formula munder").first.evaluate("node => node.namespaceURI")
    assert namespace == "http://www.w3.org/1998/Math/MathML"


def test_a_cell_is_pointed_at_by_mouse_by_finger_and_by_keyboard(reader):
    one = reader(has_touch=True).open(mixer(columns=14))
    grid = one.page.locator(".mm-cell")
    grid.nth(2 * 14 + 9).click()
    place = lambda: (one.slider("row").input_value(), one.slider("column").input_value())  # noqa: E731
    assert place() == ("2", "9")
    box = one.page.locator(".mm-overlay").bounding_box()
    one.page.touchscreen.tap(box["x"] + 4.5 * box["width"] / 14, box["y"] + 6.5 * box["height"] / 7)
    assert place() == ("6", "4")
    one.press("row", "ArrowLeft")
    assert place() == ("5", "4")
    assert grid.nth(5 * 14 + 4).evaluate("node => node.classList.contains('mm-pointed')")


@pytest.mark.alone
def test_a_key_press_changes_the_page_within_16_ms(reader):
    one = reader().open(mixer(columns=14, preset="real weights: macaw"))
    times = one.key_times("w3")
    assert statistics.median(times) <= 16, times


def test_everything_can_be_reached_and_used_by_keyboard(reader):
    one = reader().open()
    one.page.locator("h1").click()
    reached = []
    for _ in range(50):
        one.page.keyboard.press("Tab")
        name = one.page.evaluate(
            """() => {
              const now = document.activeElement;
              return now === document.body ? "" : now.dataset.trait || now.textContent.trim().slice(0, 9) || now.type;
            }"""
        )
        if not name:
            break
        outline = one.page.evaluate("parseFloat(getComputedStyle(document.activeElement).outlineWidth)")
        assert outline >= 2, f"no visible focus on {name}"
        suppressed = one.page.evaluate("document.activeElement.dataset.lmSuppressShortcuts")
        assert suppressed == "true", f"{name} would lose its keys in JupyterLab"
        reached.append(name)
    assert {*(f"w{k}" for k in range(8)), "row", "column", "opacity", "Copy link", "checkbox"} <= set(reached)


def test_a_weight_can_be_typed_and_is_kept_in_range(reader):
    figure = mixer()
    one = reader().open(figure)
    for text, weight in (("-0.1234", -0.1234), ("99", figure.ranges["mix"][1])):
        one.typed(0).fill(text)
        one.typed(0).press("Enter")
        figure.mix = [weight] + [0] * 7
        assert one.results()[0] == pytest.approx(figure.score, abs=0.00501)


def test_predict_first_hides_then_judges(reader):
    figure = mixer(columns=14, preset="real weights: macaw", predict=True)
    one = reader().open(figure)
    form = one.page.locator(".lf-predict")
    assert form.is_visible()
    assert set(one.page.locator(".mm-cell").all_text_contents()) == {"?"}
    assert max(one.painted()) == 0
    assert one.page.locator(".lf-result").all_text_contents() == ["?", "?"]
    assert one.sentence().startswith("Which cell of the map will be the largest?")
    one.slider("w1").focus()
    row, column = divmod(figure.cam.argmax().item(), 14)
    one.page.keyboard.press("Enter")  # to the answer
    one.page.keyboard.type(str(row))
    one.page.keyboard.press("Tab")
    one.page.keyboard.type(str(column))
    one.page.keyboard.press("Enter")  # checks it
    assert one.sentence().startswith(f"Right, row {row}, column {column}.")
    assert one.page.evaluate("document.activeElement.dataset.trait") == "w1"
    one.page.keyboard.press("ArrowRight")
    assert form.is_visible()
    one.page.keyboard.press("Enter")
    one.page.keyboard.type("9")
    one.page.locator(".lf-fields input").nth(1).fill(str(column))
    one.page.keyboard.press("Enter")
    assert one.sentence().startswith(f"You said row 9, column {column}; it is row {row}, column {column}.")
    one.press("w1", "ArrowRight")
    one.page.keyboard.press("Escape")
    assert not form.is_visible()
    assert one.sentence().startswith("The map is strongest")


def test_in_a_flat_map_every_prediction_is_right(reader):
    one = reader().open(mixer(predict=True))
    for field in (0, 1):
        one.page.locator(".lf-fields input").nth(field).fill("2")
    one.page.get_by_role("button", name="Check").click()
    assert one.sentence().startswith("Right: no cell is larger than that one.")


# ---- Links


def test_what_a_link_says_comes_back(reader):
    figure = mixer(class_index=2, mix=[0.1, -0.25, 0, 0, 0.3, 0, 0, 0.05], others=True, relu=True, row=1, column=6)
    one = reader().open(figure)
    one.press("opacity", "ArrowLeft")
    one.page.wait_for_function("location.hash")
    link = one.page.url.split("#")[1]
    assert link == "fig=map-mixer&class=2&w=0.1_-0.25_0_0_0.3_0_0_0.05&others=1&cell=1_6&relu=1&opacity=0.65"
    state = (one.cells(), one.results(), one.sentence(), one.slider("opacity").input_value())
    two = reader(hash=f"#{link}").open()
    assert (two.cells(), two.results(), two.sentence(), two.slider("opacity").input_value()) == state


@pytest.mark.parametrize(
    ("hash", "options"),
    [
        ("class=1", {"preset": "real weights: macaw"}),
        ("preset=one+channel+only", {"preset": "one channel only"}),
        ("class=2&w=0&others=0", {"class_index": 2}),
        ("class=9&w=1_2&others=0&cell=99_1&opacity=7&relu=x", {"mix": mixer().shown_weights[0]}),
        ("w=0_0_0_0_0_0_0_x&others=0", {"mix": mixer().shown_weights[0]}),
    ],
)
def test_what_a_link_leaves_out_or_gets_wrong(reader, hash, options):
    one = reader(hash=f"#fig=map-mixer&{hash}").open()
    figure = mixer(**options)
    assert one.cells() == pytest.approx(figure.cam.flatten().tolist(), abs=0.0501)
    assert one.results()[0] == pytest.approx(figure.score, abs=0.00501)


def test_a_link_may_only_turn_prediction_on(reader):
    one = reader(hash="#fig=map-mixer&predict=1").open()
    assert one.page.locator(".lf-predict").is_visible()
    assert {one.typed(k).input_value() for k in range(8)} == {"0.000"}


# ---- Languages, looks, accessibility


def test_korean_page_has_no_english_words(reader):
    one = reader(lang="ko").open(mixer(preset="real weights: lynx"))
    for _ in range(2):
        text = one.page.locator(".lf").inner_text() + one.page.evaluate(
            """[...document.querySelectorAll('.lf [aria-label], .lf [alt]')]
                 .map((node) => node.ariaLabel ?? node.alt).join(' ')"""
        )
        assert "스라소니" in text
        assert re.findall("[A-Za-z]{3,}", re.sub("CAM|Enter|Esc", "", text)) == []
        one.page.get_by_label("먼저 예측하기").check()
        one.press("w0", "ArrowRight")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(
    ("lang", "columns", "options"),
    [("en", 7, {"preset": "real weights: lynx"}), ("ko", 14, {"predict": True})],
    ids=["map", "predict"],
)
def test_axe_finds_no_violation(reader, theme, lang, columns, options):
    width = 360 if lang == "ko" else 900
    one = reader(theme=theme, lang=lang, viewport={"width": width, "height": 1000}).open(mixer(columns, **options))
    assert violations(one.page) == []


CONTRAST = """() => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const linear = (c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
  const light = (colour) => {
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    const rgb = [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
    return rgb.reduce((sum, c, i) => sum + linear(c / 255) * [0.2126, 0.7152, 0.0722][i], 0);
  };
  return [...document.querySelectorAll(".mm-cell")].map((cell) => {
    const { color, backgroundColor } = getComputedStyle(cell);
    const [one, two] = [light(color), light(backgroundColor)].sort((x, y) => y - x);
    return (one + 0.05) / (two + 0.05);
  });
}"""


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_number_can_be_read_on_its_colour(reader, theme):
    figure = mixer()
    most = figure.ranges["mix"][1]
    for sign in (1, -1):
        figure.mix = [sign * most] * 8
        assert min(reader(theme=theme).open(figure).page.evaluate(CONTRAST)) >= 4.5


@pytest.mark.parametrize("columns", [7, 14])
@pytest.mark.parametrize("width", [360, 480, 600, 700, 820, 1100])
def test_nothing_shifts_and_nothing_sticks_out(reader, width, columns):
    one = reader(viewport={"width": width, "height": 3000})
    one.watch_shifts()
    one.open(mixer(columns, preset="real weights: macaw"))
    assert one.shift() < 0.01
    assert one.page.evaluate("document.documentElement.scrollWidth") == width
    figure, reserved = one.heights()
    assert reserved - figure < 200, "reserves much more than it needs"
    heights = set()
    for key in ["ArrowRight", "End", "Home"]:
        for trait in ("w0", "w1", "row", "opacity"):
            one.press(trait, key)
            heights.add(one.page.locator(".lf").bounding_box()["height"])
    one.choose("all weights 0")
    heights.add(one.page.locator(".lf").bounding_box()["height"])
    assert len(heights) == 1, "the figure keeps its height while a slider moves"


def test_targets_are_large_enough_for_a_finger(reader):
    one = reader(viewport={"width": 360, "height": 2000}).open()
    for height in one.page.evaluate(
        """[...document.querySelectorAll(".lf :is(button, select, .lf-check, input[type=range], input[type=number])")]
             .filter((node) => node.checkVisibility()).map((node) => node.getBoundingClientRect().height)"""
    ):
        assert height >= 24


# ---- The Python side


def test_what_the_page_sends_reaches_the_traits_and_back():
    figure = mixer()
    figure.set_state({"mix": [0.1] * 8, "class_index": 1, "others": True, "opacity": 1, "row": 6})
    assert figure.mix == (0.1,) * 8
    assert (figure.class_index, figure.others, figure.opacity, figure.row) == (1, True, 1.0, 6)
    assert figure.score == pytest.approx(figure.cam.mean().item() - 0.1)
    figure.mix = torch.zeros(8)
    assert figure.get_state("mix")["mix"] == (0.0,) * 8


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"maps": torch.zeros(1, 40, 7, 7)}, r"maps must be \(C, h, w\) of one image, .* got shape \(1, 40, 7, 7\)"),
        ({"maps": torch.full((40, 7, 7), torch.nan)}, "maps must be finite numbers"),
        ({"weights": torch.zeros(3, 41)}, r"weights must be \(K, 40\) for 40 maps, got shape \(3, 41\)"),
        ({"bias": [1.0]}, r"bias must be \(3,\) for 3 rows of weights, got \(1,\)"),
        ({"classes": ["a", "b"]}, r"classes must be 3 different names, .* got \['a', 'b'\]"),
        ({"classes": ["a", "b", "a"]}, "classes must be 3 different names"),
        ({"names": {"ko": ["판다"]}}, r"names\['ko'\] must be 3 different names"),
        ({"shown": 5}, "shown must be a whole number from 6, two per class, to 40, got 5"),
        ({"image": torch.zeros(1, 4, 4)}, r"image must be \(3, H, W\) with values in \[0, 1\], got \(1, 4, 4\)"),
        ({"image": torch.full((3, 4, 4), 255.0)}, r"image must be .* from 255 to 255"),
        ({"image": "panda.jpg"}, "image must be a .* tensor or a PIL image, got str"),
        ({"class_index": 3}, "class_index must be a whole number from 0 to 2, got 3"),
        ({"row": 7}, "row must be a whole number from 0 to 6, got 7"),
        ({"mix": [0.1] * 7}, "mix must be 8 numbers from -"),
        ({"mix": [99.0] * 8}, "mix must be 8 numbers from -"),
        ({"mix": ["a"] * 8}, "mix must be a sequence of finite numbers"),
        ({"mix": 1.0}, "mix must be a sequence of finite numbers, got 1.0"),
        ({"opacity": 1.5}, "opacity must be a number from 0 to 1, got 1.5"),
        ({"opacity": "dark"}, "opacity must be a number from 0 to 1, got 'dark'"),
        ({"preset": "real weights: koala"}, "preset must be one of 'real weights: giant panda'"),
    ],
)
def test_illegal_values_are_refused_in_words(options, message):
    with pytest.raises(ValueError, match=message):
        mixer(**options)


def test_an_illegal_value_leaves_the_trait_as_it_was():
    figure = mixer()
    with pytest.raises(ValueError, match="mix must be 8 numbers"):
        figure.mix = [9.0] * 8
    with pytest.raises(ValueError, match="class_index must be a whole number from 0 to 2, got 3"):
        figure.class_index = 3
    assert (figure.mix, figure.class_index) == ((0.0,) * 8, 0)


def test_a_large_photograph_is_scaled_down_and_a_small_one_is_not_enlarged():
    assert mixer(image=Image.effect_noise((900, 448), 90)).pixels == [224, 450]
    assert mixer(image=torch.zeros(3, 64, 80)).pixels == [64, 80]


def test_few_channels_leave_nothing_over():
    given = {"maps": torch.ones(2, 3, 4), "weights": torch.tensor([[1.0, -1.0]]), "classes": ["cat"], "bias": None}
    figure = mixer(**given, names=None, shown=2, preset="real weights: cat")
    assert (figure.other_count, figure.score, figure.scores) == (0, 0.0, [0.0])


def test_text_form():
    text = "MapMixer(maps=40×7×7, shown=8, classes=('giant panda', 'macaw', 'lynx'), class_index=0, others=False)"
    assert repr(mixer()) == text


def test_fallback_table_has_the_classes_in_both_languages():
    figure = mixer()
    assert set(figure.fallback) == {"en", "ko"}
    for names, table in zip((CLASSES, KOREAN), figure.fallback.values(), strict=True):
        assert table.count("<tr>") == 1 + 8 + 3
        assert all(name in table for name in names)
        assert f"<td>{figure.scores[2]:.4g}</td></tr></table>" in table
