"""The output-size explorer as a reader meets it: on a page without a kernel, in Chromium."""

import json
import re
import statistics

import golden
import pytest
from accessibility import violations
from figure_page import write_page
from reader import Reader, fixture

from companion.figures import OutputSizeExplorer
from companion.figures.output_size import PRESETS
from companion.shapes import conv_output_size

SIZES = ("W", "F", "S", "P", "D")


class ExplorerReader(Reader):
    drawn = ".lf .ose-stage"
    figure = OutputSizeExplorer

    def values(self):
        return {name: int(self.slider(name).input_value()) for name in SIZES}

    def choose(self, name):
        self.page.locator(".lf select").first.select_option(name)

    def code(self):
        return self.page.locator(".lf-code code").first.inner_text()

    def result(self):
        # MathML elements have no innerText.
        return [int(text) for text in self.page.locator(".lf-result").all_text_contents()]


reader = fixture(ExplorerReader)


# ---- The arithmetic


def test_pure_function_equals_companion_shapes_on_the_golden_table(reader):
    table = golden.states()
    assert len(table) >= 10_000
    assert len(set(table)) > 9_000
    wanted = [golden.expected(*state) for state in table]
    kinds = {answer[0] if isinstance(answer[0], str) else "size" for answer in wanted}
    assert kinds == {"size", "window", "padding"}
    got = reader().open().call(
        """async (source, names, table) => {
          const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
          const { outputSize, unread } = await import(url);
          return table.map(([sizes, mode, ceilMode]) => {
            const axis = Object.fromEntries(names.map((name, i) => [name, sizes[i]]));
            const { out, refused } = outputSize(axis, mode, ceilMode);
            return refused ? [refused] : [out, unread(axis, out)];
          });
        }""",
        str(OutputSizeExplorer._esm),
        golden.AXIS,
        table,
    )
    wrong = [row for row in zip(table, wanted, got, strict=True) if row[1] != row[2]]
    assert wrong[:5] == []


def test_a_refusal_says_by_how_much(reader):
    one = reader().open(OutputSizeExplorer(W=5, F=11, P=1))
    assert "spans 11 columns; the padded input has 7. That is 4 too few." in one.sentence()
    assert one.page.locator(".ose-message").is_visible()
    assert not one.page.locator(".ose-stage").is_visible()
    assert one.result() == []
    one.press("P", "ArrowRight", 2)
    assert one.result() == [1]
    assert one.page.locator(".ose-stage").is_visible()
    assert not one.page.locator(".ose-message").is_visible()


def test_pooling_padding_beyond_half_the_window_is_refused(reader):
    one = reader().open(OutputSizeExplorer(W=8, F=3, P=2, mode="max_pool"))
    assert "⌊3/2⌋ = 1, and P is 2" in one.sentence()


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset["name"])
def test_presets(reader, preset):
    one = reader().open()
    one.choose(preset["name"])
    figure = OutputSizeExplorer(preset=preset["name"])
    assert one.values() == {name: getattr(figure, name) for name in SIZES}
    height, width = figure.out
    assert one.result() == ([width] if figure.square else [height, width])
    assert f"{height} × {width} out" in one.sentence()
    assert one.page.locator(".lf select").first.input_value() == preset["name"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"preset": "AlexNet conv1, 224, P=0"}, "The last column and the last row are never read."),
        ({"W": 12, "F": 5, "S": 5}, "The last 2 columns and the last 2 rows are never read."),
        ({"preset": "AlexNet conv1, 227, P=0"}, "Every pixel is read."),
        ({"W": 9, "F": 1, "S": 2}, "4 of 9 columns, and as many rows, are never read: they lie in between."),
        ({"W": 16, "F": 1, "S": 8, "P": 5}, "the first 3, 7 in between, the last 4."),
        ({"W": (9, 8), "F": 3, "S": 2}, "4 × 3 out. The last column is never read."),
        ({"W": 2, "F": 1, "S": 8, "P": 5}, "2 × 2 out. No pixel is read."),
        ({"W": 8, "F": 3, "S": 2, "mode": "max_pool", "ceil_mode": True}, "4 × 4 out. Every pixel is read."),
    ],
)
def test_what_is_never_read_is_said_in_words(reader, arguments, words):
    assert words in reader().open(OutputSizeExplorer(**arguments)).sentence()


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ({"W": 32, "F": 5, "S": 1}, "nn.Conv2d(1, 1, kernel_size=5)"),
        ({"W": 32, "F": 3, "S": 2, "P": 1, "D": 2},
         "nn.Conv2d(1, 1, kernel_size=3, stride=2, padding=1, dilation=2)"),
        ({"W": 55, "F": 3, "S": 2, "mode": "max_pool"}, "nn.MaxPool2d(kernel_size=3, stride=2)"),
        ({"W": 28, "F": 2, "S": 2, "D": 3, "mode": "avg_pool"}, "nn.AvgPool2d(kernel_size=2)"),
        ({"W": 8, "F": 3, "S": 3, "mode": "max_pool", "ceil_mode": True},
         "nn.MaxPool2d(kernel_size=3, ceil_mode=True)"),
        ({"preset": "AvgPool2d((3,2), (2,1)) on 5×5"}, "nn.AvgPool2d(kernel_size=(3, 2), stride=(2, 1))"),
        ({"W": 9, "F": 3, "S": 1, "P": (0, 1)}, "nn.Conv2d(1, 1, kernel_size=3, padding=(0, 1))"),
    ],
)  # fmt: skip
def test_the_line_gives_what_the_figure_shows_in_pytorch(reader, arguments, line):
    import torch
    from torch import nn

    figure = OutputSizeExplorer(**arguments)
    assert reader().open(figure).code() == line
    layer = eval(line, {"nn": nn})
    assert tuple(layer(torch.zeros(1, 1, figure.H, figure.W)).shape[2:]) == figure.out


def test_the_formula_is_typeset_with_its_numbers(reader):
    one = reader().open(OutputSizeExplorer(preset="AlexNet conv1, 224, P=0"))
    formulas = one.page.locator(".ose-formula math").all_text_contents()
    text = "".join("".join(formulas).split())
    assert text == "Wout=⌊W+2P−FS⌋+1=⌊224+2·0−114⌋+1=⌊53.25⌋+1=53+1=54"
    dropped = one.page.locator(".lf-dropped")
    assert dropped.text_content() == ".25"
    assert "line-through" in dropped.evaluate("node => getComputedStyle(node).textDecorationLine")
    namespace = one.page.locator(".ose-formula mfrac").first.evaluate("node => node.namespaceURI")
    assert namespace == "http://www.w3.org/1998/Math/MathML"
    # The floor's brackets are as tall as the fraction, in whatever font.
    boxes = [one.page.locator(f".ose-formula {name}").first.bounding_box() for name in (".lf-floor", "mfrac")]
    assert boxes[0]["height"] >= boxes[1]["height"] > 25


# ---- Moving the window


def test_the_window_moves_by_keyboard(reader):
    one = reader().open()
    window = one.page.locator(".ose-stage .ose-window")
    first = window.bounding_box()
    one.press("step", "ArrowRight")
    second = window.bounding_box()
    cell = one.page.locator(".ose-stage .ose-input").bounding_box()["width"] / 8
    assert second["x"] - first["x"] == pytest.approx(2 * cell, abs=2)
    assert "2 of 9 · output row 0, column 1" in one.page.locator(".ose-step-text").inner_text()
    one.press("step", "End")
    assert window.bounding_box()["y"] - first["y"] == pytest.approx(4 * cell, abs=2)


def test_touch_drags_the_window_and_a_tap_on_the_output_moves_it(reader):
    one = reader(has_touch=True, viewport={"width": 360, "height": 1400}).open()
    box = one.page.locator(".ose-stage .ose-window").bounding_box()
    session = one.context.new_cdp_session(one.page)
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    points = [(x + step * box["width"] / 3, y + step * box["width"] / 3) for step in range(5)]

    def touch(kind, point=None):
        session.send("Input.dispatchTouchEvent",
                     {"type": kind, "touchPoints": [{"x": point[0], "y": point[1]}] if point else []})  # fmt: skip

    touch("touchStart", points[0])
    for point in points[1:]:
        touch("touchMove", point)
    touch("touchEnd")
    last = "document.querySelector('[data-trait=step]').value === '8'"  # row 2, column 2
    one.page.wait_for_function(last, timeout=3000)
    edge = one.page.locator(".ose-output-edge").bounding_box()
    one.page.touchscreen.tap(edge["x"] + edge["width"] / 2, edge["y"] + 3)
    assert int(one.slider("step").input_value()) == 1


def test_the_mouse_drags_over_the_input(reader):
    one = reader().open(OutputSizeExplorer(preset="VGG 3×3"))
    edge = one.page.locator(".ose-stage .ose-input-edge").bounding_box()
    one.page.mouse.move(edge["x"] + 2, edge["y"] + 2)
    one.page.mouse.down()
    one.page.mouse.move(edge["x"] + edge["width"], edge["y"] + edge["height"], steps=4)
    one.page.mouse.up()
    assert int(one.slider("step").input_value()) == 224**2 - 1


def test_play_fills_the_output_and_stops(reader):
    one = reader().open()
    button = one.page.locator(".lf-play")
    button.click()
    assert button.inner_text() == "Pause"
    one.page.wait_for_function("document.querySelector('[data-trait=step]').value === '8'", timeout=5000)
    one.page.wait_for_function("document.querySelector('.lf-play').textContent === 'Play'", timeout=5000)


def test_who_asked_for_less_motion_steps_by_hand(reader):
    one = reader(reduced_motion="reduce").open()
    button = one.page.locator(".lf-play")
    assert button.inner_text() == "Next"
    button.click()
    one.page.wait_for_timeout(500)
    assert one.slider("step").input_value() == "1"


def test_a_grid_is_one_path_however_many_cells(reader):
    one = reader().open(OutputSizeExplorer(W=256, F=1, S=1))
    assert one.page.locator(".lf *").count() < 500


# ---- Keyboard, words, predictions


@pytest.mark.alone
@pytest.mark.parametrize("start", [{"W": 8}, {"W": 254, "F": 1, "S": 1, "P": 5}, {"W": 250, "F": 11, "S": 8}])
def test_a_key_press_changes_the_page_within_16_ms(reader, start):
    one = reader().open(OutputSizeExplorer(**start))
    times = one.key_times("W")
    assert statistics.median(times) <= 16, times


def test_everything_can_be_reached_and_used_by_keyboard(reader):
    one = reader().open()
    one.page.locator("h1").click()
    reached = []
    for _ in range(40):
        one.page.keyboard.press("Tab")
        name = one.page.evaluate(
            """() => {
              const now = document.activeElement;
              return now === document.body ? "" : now.dataset.trait || now.textContent.trim().slice(0, 12) || now.type;
            }"""
        )
        if not name:
            break
        outline = one.page.evaluate("parseFloat(getComputedStyle(document.activeElement).outlineWidth)")
        assert outline >= 2, f"no visible focus on {name}"
        suppressed = one.page.evaluate("document.activeElement.dataset.lmSuppressShortcuts")
        assert suppressed == "true", f"{name} would lose its keys in JupyterLab"
        reached.append(name)
    assert {*SIZES, "step", "Play", "Copy", "Copy link", "checkbox"} <= set(reached)


def test_a_number_can_be_typed_and_is_kept_in_range(reader):
    one = reader().open()
    typed = one.page.locator(".lf-slider input[type=number]").first
    typed.fill("224")
    typed.press("Enter")
    assert one.values()["W"] == 224
    typed.fill("999")
    typed.press("Enter")
    assert one.values()["W"] == 256
    typed.fill("")
    typed.press("Tab")
    assert typed.input_value() == "256"


def test_the_status_does_not_chatter(reader):
    one = reader().open()
    one.page.wait_for_timeout(1000)  # what it says at the start is said
    said = one.page.evaluate(
        """async () => {
          window.said = [];
          const status = document.querySelector(".lf [role=status]");
          new MutationObserver(() => window.said.push(status.textContent))
            .observe(status, { childList: true, characterData: true, subtree: true });
          const slider = document.querySelector("input[type=range][data-trait=W]");
          for (let move = 0; move < 12; move++) { // at once, however slow the machine
            slider.stepUp();
            slider.dispatchEvent(new Event("input", { bubbles: true }));
          }
          await Promise.resolve();
          return window.said;
        }"""
    )
    assert said == []
    assert "20 × 20 in" in one.sentence()
    one.page.wait_for_function("window.said.length")
    one.page.wait_for_timeout(900)
    assert one.page.evaluate("window.said") == [one.sentence()]


def test_predict_first_hides_then_judges(reader):
    one = reader().open()
    page = one.page
    page.get_by_label("Predict first").check()
    assert one.result() == [3], "what was already seen stays"
    one.press("W", "ArrowRight")
    form = page.locator(".lf-predict")
    assert form.is_visible()
    assert one.result() == []
    assert "4" not in one.sentence()
    assert page.evaluate("document.activeElement.dataset.trait") == "W", "the slider keeps the focus"
    assert one.page.locator(".ose-done").get_attribute("d") == ""
    assert one.slider("step").is_disabled()
    page.keyboard.press("Enter")  # to the answer
    page.keyboard.type("3")
    page.keyboard.press("Enter")  # checks it
    assert one.sentence().startswith("You said 3 × 3; it is 4 × 4.")
    assert one.result() == [4]
    assert page.evaluate("document.activeElement.dataset.trait") == "W"
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    page.keyboard.type("4")
    page.get_by_role("button", name="Check").click()
    assert one.sentence().startswith("Right, 4 × 4.")
    page.keyboard.press("ArrowRight")
    assert form.is_visible()
    page.keyboard.press("Escape")
    assert not form.is_visible()
    assert one.sentence().startswith("Convolution: 11 × 11 in, 5 × 5 out.")


def test_predict_first_asks_for_both_numbers_where_the_height_differs(reader):
    one = reader().open(OutputSizeExplorer(preset="AvgPool2d((3,2), (2,1)) on 5×5", predict=True))
    fields = one.page.locator(".lf-fields input")
    assert fields.count() == 2
    one.page.get_by_role("button", name="Check").click()
    assert fields.first.evaluate("node => node === document.activeElement"), "an empty answer is not judged"
    fields.nth(0).fill("2")
    fields.nth(1).fill("4")
    fields.nth(1).press("Enter")
    assert one.sentence().startswith("Right, 2 × 4.")


def test_predict_first_accepts_that_nothing_fits(reader):
    one = reader().open(OutputSizeExplorer(W=3, F=5, predict=True))
    assert not one.page.locator(".ose-message").is_visible()
    assert one.page.locator(".ose-stage").is_visible(), "an absent picture would give the answer away"
    one.page.locator(".lf-fields input").fill("0")
    one.page.locator(".lf-fields input").press("Enter")
    assert one.sentence().startswith("Right, none at all.")


def test_copying_works_from_a_file(reader):
    one = reader(permissions=["clipboard-read", "clipboard-write"]).open()
    one.page.get_by_role("button", name="Copy", exact=True).click()
    one.page.get_by_role("button", name="Copied").wait_for()
    assert one.page.evaluate("navigator.clipboard.readText()") == one.code()


def test_copying_works_without_the_clipboard_interface(reader):
    one = reader().open()
    one.page.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    one.page.evaluate(
        """addEventListener("copy", () => {
          window.copied = getSelection().toString() || document.activeElement.value;
        })"""
    )
    one.page.get_by_role("button", name="Copy", exact=True).click()
    one.page.get_by_role("button", name="Copied").wait_for()
    assert one.page.evaluate("window.copied") == one.code()
    one.page.evaluate("document.execCommand = () => false")
    one.page.wait_for_timeout(2100)
    one.page.get_by_role("button", name="Copy", exact=True).click()
    one.page.get_by_role("button", name="Selected").wait_for()
    assert one.page.evaluate("getSelection().toString()") == one.code()


# ---- Links


def test_a_link_sets_the_figure_and_the_figure_writes_the_link(reader):
    one = reader(hash="#fig=output-size&W=224&F=11&S=4&P=2").open()
    assert one.values() == {"W": 224, "F": 11, "S": 4, "P": 2, "D": 1}
    assert one.result() == [55]
    one.press("P", "ArrowLeft")
    one.page.wait_for_url("**#fig=output-size&W=224&F=11&S=4&P=1&D=1")
    one.page.evaluate("location.hash = '#fig=output-size&W=10&H=7&F=3&S=2&mode=max_pool&ceil_mode=1&step=2'")
    one.page.wait_for_function("document.querySelector('[data-trait=step]').value === '2'")
    assert one.result() == [3, 5]
    assert one.slider("step").input_value() == "2"
    assert one.code() == "nn.MaxPool2d(kernel_size=3, stride=2, ceil_mode=True)"


def test_what_the_link_button_copies_brings_the_same_figure_back(reader):
    start = {"W": (30, 40), "F": 3, "S": (2, 3), "P": 1, "D": 2, "mode": "max_pool", "step": 7}
    one = reader(permissions=["clipboard-read", "clipboard-write"]).open(OutputSizeExplorer(**start))
    one.page.get_by_role("button", name="Copy link").click()
    one.page.get_by_role("button", name="Copied").wait_for()
    link = one.page.evaluate("navigator.clipboard.readText()")
    state = (one.values(), one.result(), one.sentence(), one.slider("step").input_value())
    two = reader(hash="#" + link.split("#")[1]).open()
    assert (two.values(), two.result(), two.sentence(), two.slider("step").input_value()) == state


def test_a_link_may_name_a_preset_and_ask_for_a_prediction(reader):
    one = reader(hash="#fig=output-size&preset=AlexNet+conv1%2C+224%2C+P%3D2&predict=1").open()
    assert one.values() == {"W": 224, "F": 11, "S": 4, "P": 2, "D": 1}
    assert one.page.locator(".lf-predict").is_visible()


def test_a_link_may_only_turn_prediction_on(reader):
    one = reader(hash="#fig=output-size&predict=1").open()
    assert one.values() == {"W": 8, "F": 3, "S": 2, "P": 0, "D": 1}
    assert one.page.locator(".lf-predict").is_visible()


@pytest.mark.parametrize(
    "hash",
    ["#fig=output-size&W=9999&F=-3&S=x&P=1e3&D=&mode=bad&step=-1&H=%00", "#fig=output-size", "#fig=other&W=9", "#%"],
)
def test_a_bad_link_is_harmless(reader, hash):
    one = reader(hash=hash).open()
    assert one.values()["W"] == 8
    assert one.values()["F"] == 3
    assert len(one.result()) == 1


def test_two_figures_are_told_apart_by_name(reader):
    one = reader(hash="#fig=second&W=14&F=5&S=1").open(
        OutputSizeExplorer(), OutputSizeExplorer(name="second")
    )
    one.page.wait_for_selector(".live-figure:nth-of-type(2) .lf-result")
    assert one.result() == [3, conv_output_size(14, 5)]
    assert one.page.evaluate("scrollY") > 200, "the linked figure is scrolled into view"


# ---- Languages, looks, accessibility


def test_korean_page_has_no_english_words(reader):
    one = reader(lang="ko").open()
    names = r"LeNet|AlexNet|GoogLeNet|ResNet|AvgPool2d|PyTorch|ceil_mode|conv1|Enter|Esc|VGG|nn\.\w+\(.*\)|out"
    for arguments in ({}, {"predict": True}, {"W": 2, "F": 9}, {"W": (9, 30), "F": 3, "S": 5}):
        one.open(OutputSizeExplorer(**arguments))
        text = one.page.locator(".lf").inner_text() + one.page.evaluate(
            "[...document.querySelectorAll('.lf [aria-label]')].map((node) => node.ariaLabel).join(' ')"
        )
        assert "출력" in text
        assert re.findall("[A-Za-z]{3,}", re.sub(names, "", text)) == []


def test_language_can_be_set_from_python(reader):
    one = reader(lang="en").open(OutputSizeExplorer(lang="ko"))
    assert "입력" in one.sentence()
    assert one.page.locator(".lf").get_attribute("lang") == "ko"


@pytest.mark.parametrize(("theme", "lang"), [("light", "en"), ("dark", "ko")])
@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"predict": True},
        {"W": 4, "F": 9},
        {"W": (40, 224), "F": 3, "S": 2, "P": 1, "D": 2, "mode": "max_pool", "ceil_mode": True},
    ],
    ids=["small", "predict", "refused", "large"],
)
def test_axe_finds_no_violation(reader, theme, lang, arguments):
    width = 360 if lang == "ko" else 900
    one = reader(theme=theme, lang=lang, viewport={"width": width, "height": 1000})
    one.open(OutputSizeExplorer(**arguments))
    assert violations(one.page) == []


CONTRAST = """() => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgb = (colour) => {
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };
  const linear = (c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
  const light = (colour) =>
    rgb(colour).reduce((sum, c, i) => sum + linear(c / 255) * [0.2126, 0.7152, 0.0722][i], 0);
  const probe = document.querySelector(".lf").appendChild(document.createElement("span"));
  const colour = (name) => { probe.style.color = `var(${name})`; return getComputedStyle(probe).color; };
  const ratio = (a, b) => {
    const [one, two] = [light(colour(a)), light(colour(b))].sort((x, y) => y - x);
    return (one + 0.05) / (two + 0.05);
  };
  return {
    text: ["--lf-ink", "--lf-muted", "--lf-orange"].map((name) => ratio(name, "--lf-surface")),
    onRaised: ["--lf-ink", "--lf-muted"].map((name) => ratio(name, "--lf-raised")),
    graphics: ["--lf-blue", "--lf-orange", "--lf-teal", "--lf-control"].map((name) => ratio(name, "--lf-surface")),
    onInput: ["--lf-orange", "--lf-blue"].map((name) => ratio(name, "--ose-input")),
  };
}"""


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_contrast_of_the_picture(reader, theme):
    """axe does not look at SVG."""
    ratios = reader(theme=theme).open().page.evaluate(CONTRAST)
    assert min(ratios["text"] + ratios["onRaised"]) >= 4.5
    assert min(ratios["graphics"] + ratios["onInput"]) >= 3


@pytest.mark.parametrize(
    ("mark", "scheme", "dark"),
    [
        ("document.documentElement.dataset.theme = 'dark'", "light", True),
        ("document.documentElement.dataset.theme = 'light'", "dark", False),
        ("document.body.dataset.jpThemeLight = 'false'", "light", True),
        ("document.body.dataset.jpThemeLight = 'true'", "dark", False),
        ("document.documentElement.setAttribute('theme', 'dark')", "light", True),
        ("0", "dark", True),
        ("0", "light", False),
    ],
)
def test_dark_where_the_page_is_dark(reader, mark, scheme, dark):
    one = reader(theme="", color_scheme=scheme).open()
    one.page.evaluate(mark)
    surface = one.page.evaluate("getComputedStyle(document.querySelector('.lf')).backgroundColor")
    assert (surface == "rgb(20, 24, 30)") == dark


@pytest.mark.parametrize("width", [360, 480, 600, 700, 820, 1100])
def test_nothing_shifts_and_nothing_sticks_out(reader, width):
    one = reader(viewport={"width": width, "height": 2600})
    one.watch_shifts()
    one.open()
    assert one.shift() < 0.01
    assert one.page.evaluate("document.documentElement.scrollWidth") == width
    figure, reserved = one.heights()
    assert reserved - figure < 200, "reserves much more than it needs"
    heights = set()
    for key in ["ArrowRight"] * 3 + ["End", "Home"]:
        for trait in SIZES:
            one.press(trait, key)
            heights.add(one.page.locator(".lf").bounding_box()["height"])
    assert len(heights) == 1, "the figure keeps its height while a slider moves"


def test_targets_are_large_enough_for_a_finger(reader):
    one = reader(viewport={"width": 360, "height": 2000}).open()
    for box in one.page.evaluate(
        """[...document.querySelectorAll(".lf :is(button, select, .lf-check, input[type=range], input[type=number])")]
             .filter((node) => node.checkVisibility()).map((node) => node.getBoundingClientRect().height)"""
    ):
        assert box >= 24


# ---- The host


def test_a_widget_that_needs_a_kernel_says_so_and_a_broken_one_does_not_stop_the_rest(browser, tmp_path):
    figure, broken, other = OutputSizeExplorer(), OutputSizeExplorer(name="broken"), OutputSizeExplorer(name="slider")
    path = write_page(tmp_path, broken, other, figure)
    page_text = path.read_text(encoding="utf-8")
    start = page_text.index('widget-state+json">') + len('widget-state+json">')
    end = page_text.index("</script>", start)
    saved = json.loads(page_text[start:end])
    saved["state"][broken.model_id]["state"]["_esm"] = "export default { render() { throw new Error('no') } }"
    saved["state"][other.model_id] |= {"model_name": "IntSliderModel", "model_module": "@jupyter-widgets/controls"}
    path.write_text(page_text[:start] + json.dumps(saved).replace("</", "<\\/") + page_text[end:], encoding="utf-8")
    page = browser.new_page()
    page.goto(path.as_uri())
    page.wait_for_selector(".lf-result", state="attached")
    frames = page.locator(".live-figure").all_inner_texts()
    page.close()
    assert frames[0].strip() == "This figure could not be drawn."
    assert "running kernel" in frames[1]
    assert "3 × 3 out" in frames[2]


# ---- The Python side


def test_traits_of_the_height_follow_until_one_differs():
    figure = OutputSizeExplorer(preset="AlexNet conv1, 224, P=0")
    assert figure.out == (54, 54)
    figure.W = 227
    assert (figure.H, figure.out) == (227, (55, 55))
    figure.H = 100
    assert (figure.square, figure.out) == (False, (23, 55))
    figure.square = True
    assert (figure.H, figure.out) == (227, (55, 55))


def test_step_stays_within_the_output():
    figure = OutputSizeExplorer(W=8, F=3, S=1, step=35)
    figure.S = 2
    assert figure.step == 8
    figure.F = 11
    assert (figure.out, figure.step) == (None, 0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"W": 257}, "W must be a whole number from 1 to 256, got 257"),
        ({"W": 2.5}, "W must be a whole number from 1 to 256, got 2.5"),
        ({"P": True}, "P must be a whole number from 0 to 5, got True"),
        ({"F": (12, 3)}, "F_h must be a whole number from 1 to 11, got 12"),
        ({"W": (1, 2, 3)}, r"W must be a whole number or a \(height, width\) pair, got \(1, 2, 3\)"),
        ({"mode": "min_pool"}, "mode must be one of 'conv', 'max_pool', 'avg_pool', got 'min_pool'"),
        ({"step": 9}, "step must be a whole number from 0 to 8"),
        ({"preset": "LeNet C9"}, "preset must be one of 'LeNet C1'"),
    ],
)
def test_illegal_values_are_refused_in_words(arguments, message):
    with pytest.raises(ValueError, match=message):
        OutputSizeExplorer(**arguments)


def test_an_illegal_value_leaves_the_trait_as_it_was():
    figure = OutputSizeExplorer()
    with pytest.raises(ValueError, match="S must be a whole number from 1 to 8, got 9"):
        figure.S = 9
    assert figure.S == 2


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset["name"])
def test_the_text_form_makes_the_same_figure(preset):
    figure = OutputSizeExplorer(preset=preset["name"])
    again = eval(repr(figure), {"OutputSizeExplorer": OutputSizeExplorer})
    assert {name: getattr(again, name) for name in preset["state"]} == preset["state"]
    assert repr(OutputSizeExplorer()) == "OutputSizeExplorer(W=8, F=3, S=2, P=0, D=1, mode='conv')"


def test_fallback_table_has_the_presets_in_both_languages():
    fallback = OutputSizeExplorer().fallback
    assert set(fallback) == {"en", "ko"}
    for table in fallback.values():
        assert table.count("<tr>") == len(PRESETS) + 1
        assert "<td>54.25</td><td>54</td><td>1</td><td>1</td>" in table
        assert "<td>2 × 4</td>" in table
