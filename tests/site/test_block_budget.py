"""The block budget as a reader meets it: on a page without a kernel, in Chromium.

Most tests share one page, which a link brings back to its start. Its traits have their tests in tests/unit.
"""

import re
import statistics

import golden_block_budget
import pytest
from accessibility import violations
from reader import Reader, fixture, shared_fixture

from companion.figures.block_budget import BLOCKS, PRESETS, BlockBudget, budget, inner_width

START = "channels=256"


def number(text: str) -> int:
    return int(text.replace(",", ""))


class BudgetReader(Reader):
    drawn = ".lf .bb-row"
    figure = staticmethod(BlockBudget)

    def costs(self):
        """{block: (parameters, multiply–adds, bytes)} as written beside the bars."""
        texts = self.page.locator(".bb-number").all_text_contents()
        return {block: tuple(number(text) for text in texts[i::3]) for i, block in enumerate(BLOCKS)}

    def formulas(self):
        lines = self.page.locator(".bb-formulas > .bb-line").all_text_contents()
        return ["".join(line.split()) for line in lines]

    def values(self):
        """The state that the controls show."""
        powers = self.page.locator(".bb-value").all_text_contents()
        selects = [one.input_value() for one in self.page.locator(".bb-options select").all()]
        return [*map(int, powers), int(self.slider("size").input_value()), *selects]

    def choose(self, name, which=0):
        self.page.locator(".lf select").nth(which).select_option(name)

    def says(self, *words):
        sentence = self.sentence()
        assert all(one in sentence for one in words), sentence


reader = fixture(BudgetReader)
shared = shared_fixture(BudgetReader)


@pytest.fixture
def one(shared):
    return shared.follow(START)


# ---- The counting


def test_pure_function_equals_its_python_twin_on_the_golden_table(one):
    table = golden_block_budget.states()
    assert len(set(table)) >= 10_000
    got = one.call(
        """async (source, table) => {
          const { budget } = await import(URL.createObjectURL(new Blob([source], { type: "text/javascript" })));
          return table.map(([channels, reduction, groups, size, stride, shortcut, equal, batchNorm]) => {
            const costs = budget({ channels, reduction, groups, size, stride, shortcut, equal, batchNorm });
            return ["plain", "basic", "bottleneck"].map((block) => {
              const { parameters, multiplyAdds, memory } = costs[block];
              return [parameters, multiplyAdds, memory];
            });
          });
        }""",
        str(BlockBudget._esm),
        table,
    )
    for state, answer in zip(table, got, strict=True):
        assert answer == golden_block_budget.expected(state), state


# ---- What is shown


def test_presets_bars_and_numbers(one):
    for preset in PRESETS:
        one.choose(preset["name"])
        state = preset["state"]
        costs = {block: tuple(cost) for block, cost in budget(**state).items()}
        assert one.costs() == costs, preset["name"]
        assert one.page.locator(".lf select").first.input_value() == preset["name"]
        shares = one.page.locator(".bb-bar").evaluate_all(
            "bars => bars.map((bar) => bar.offsetWidth / bar.parentElement.offsetWidth)"
        )
        for quantity in range(3):
            numbers = [costs[block][quantity] for block in BLOCKS]
            assert shares[3 * quantity :][:3] == pytest.approx([n / max(numbers) for n in numbers], abs=0.01)
        names = ("channels", "reduction", "groups", "size", "equal", "stride", "shortcut")
        assert one.values() == [str(state[n]) if n in ("equal", "stride", "shortcut") else state[n] for n in names]


def test_pictures_words_and_formulas(one):
    pictures = one.page.locator(".bb-block")
    one.choose("256 channels, both blocks")
    one.says(
        "The bottleneck on 256 channels, 64 inside, has 69,632 parameters: 5.9 % of the 1,179,648 of the basic block "
        "on 256 (16.9 to 1).",
        "Multiply–adds: 5.9 %; activation memory: 75 %.",
        "The identity shortcut has no weights: basic and plain cost the same.",
    )
    assert one.page.locator(".bb-share").nth(2).inner_text() == "5.9 %"
    assert one.formulas() == [
        "P=C·w+9·w·w+w·C=256·64+9·64·64+64·256=69,632",
        "M=(C·w+9·w·w+w·C)·H2=(256·64+9·64·64+64·256)·562=218,365,952",
        "A=4·(w+w+C)·H2=4·(64+64+256)·562=4,816,896",
    ]
    assert "".join(one.page.locator(".bb-choice .bb-line").inner_text().split()) == "w=Cr=2564=64"
    one.choose("basic on 64, bottleneck on 256")
    one.says("69,632 parameters: 94.4 % of the 73,728 of the basic block on 64 (1.06 to 1)", "activation memory: 300 %")
    one.choose("ResNet-50, conv3_1, stride 2")
    one.says("The projection takes 8,192 of the basic block's weights and 131,072 of the bottleneck's.")
    assert pictures.nth(2).get_attribute("aria-label") == (
        "Bottleneck block: 1×1 from 256 to 128 channels, 3×3 from 128 to 128 channels, 1×1 from 128 to 512 channels; "
        "projection shortcut."
    )
    assert pictures.nth(0).get_attribute("aria-label").endswith("; no shortcut.")
    assert pictures.nth(1).locator(".bb-map").all_text_contents() == ["64 × 56²", "128 × 28²"]
    assert one.formulas() == [
        "P=C·w+9·w·w+w·2C+C·2C+2·(w+w+2C+2C)=256·128+9·128·128+128·512+256·512+2·(128+128+512+512)=379,392",
        "M=C·w·H2+(9·w·w+w·2C+C·2C)·H′2=256·128·562+(9·128·128+128·512+256·512)·282=372,506,624",
        "A=2·4·(w·H2+(w+2C+2C)·H′2)=2·4·(128·562+(128+512+512)·282)=10,436,608",
    ]
    one.page.get_by_label("Formulas of the block").select_option("basic")
    assert one.formulas()[0] == ("P=9·w2·w+9·w·w+w2·w+2·(w+w+w)=9·64·128+9·128·128+64·128+2·(128+128+128)=230,144")
    one.page.get_by_label("count batch norm").uncheck()
    assert one.formulas()[0].endswith("=229,376")
    one.page.get_by_label("Formulas of the block").select_option("bottleneck")
    one.choose("ResNeXt-50, 32 groups")
    assert "+9·w·wg+" in one.formulas()[0]
    assert "9·128·12832" in one.formulas()[0]
    assert one.page.locator(".bb-layer small").all_text_contents()[-2] == "g = 32"
    one.page.wait_for_function(
        "[words, seen] = [document.querySelector('.lf [role=status]'), document.querySelector('.lf-sentence')],"
        " words.textContent === seen.textContent"
    )


# ---- By keyboard, mouse and finger


def test_everything_can_be_reached_and_used_by_keyboard(one):
    one.page.locator("h1").click()
    reached = []
    for _ in range(40):
        one.page.keyboard.press("Tab")
        name, outline, suppressed = one.page.evaluate(
            """() => {
              const now = document.activeElement;
              const name = now === document.body ? "" : now.dataset.trait || now.tagName + now.type;
              return [name, parseFloat(getComputedStyle(now).outlineWidth), now.dataset.lmSuppressShortcuts];
            }"""
        )
        if not name:
            break
        assert outline >= 2, f"no visible focus on {name}"
        assert suppressed == "true", f"{name} would lose its keys in JupyterLab"
        reached.append(name)
    assert {"channels", "reduction", "size", "INPUTcheckbox", "BUTTONbutton"} <= set(reached)
    assert reached.count("SELECTselect-one") == 5
    assert one.page.evaluate(
        "[...document.querySelectorAll('.lf :is(input, select)')].every((one) => one.labels.length || one.ariaLabel)"
    )
    one.press("channels", "ArrowRight")
    one.press("reduction", "ArrowLeft")
    one.press("groups", "End")
    one.press("size", "Home")
    assert one.values()[:4] == [512, 2, 32, 7]
    assert one.slider("channels").get_attribute("aria-valuetext") == "512"
    assert one.costs() == {name: tuple(cost) for name, cost in budget(512, 2, 32, 7).items()}


def test_groups_are_legal_whatever_else_changes(one):
    one.follow("channels=64&reduction=2&groups=32")
    assert one.values()[:3] == [64, 2, 32]
    one.press("reduction", "End")
    assert one.values()[:3] == [64, 8, 8]
    one.press("groups", "End")
    assert one.values()[2] == 8
    one.press("channels", "Home")
    assert one.values()[:3] == [16, 8, 2]
    one.choose("2", which=2)
    one.press("groups", "End")
    assert one.values()[2] == inner_width(16, 8, 2) == 4
    one.choose("1", which=2)
    assert one.values()[2] == 2
    assert one.costs() == {name: tuple(cost) for name, cost in budget(16, 8, 2, 56).items()}
    one.page.get_by_label("side of the input, typed").fill("999")
    one.page.keyboard.press("Enter")
    assert one.values()[3] == 112


def test_by_finger_everything_is_large_enough(reader):
    one = reader(has_touch=True, viewport={"width": 360, "height": 2200}).open()
    slider = one.slider("channels")
    box = slider.bounding_box()
    one.page.touchscreen.tap(box["x"] + 9, box["y"] + box["height"] / 2)
    assert one.values()[0] == 16
    one.page.touchscreen.tap(box["x"] + box["width"] - 9, box["y"] + box["height"] / 2)
    assert one.values()[0] == 2048
    small = one.page.evaluate(
        """[...document.querySelectorAll(".lf :is(button, select, input[type=range], input[type=number], .lf-check)")]
             .filter((node) => node.checkVisibility() && node.getBoundingClientRect().height < 24)
             .map((node) => node.outerHTML)"""
    )
    assert small == []


@pytest.mark.alone
def test_a_key_press_changes_the_page_within_16_ms(reader):
    one = reader().open()
    times = one.key_times("size")
    assert statistics.median(times) <= 16, times


# ---- Predictions


def test_predict_first_hides_then_judges(one):
    form = one.page.locator(".lf-predict")
    one.follow(f"{START}&predict=1")
    assert form.is_visible()
    assert [one.page.locator(".bb-number").nth(i).inner_text() for i in (2, 5, 8)] == ["?"] * 3
    assert one.page.locator(".bb-bar").nth(2).evaluate("(bar) => bar.offsetWidth") == 0
    assert [line[-2:] for line in one.formulas()] == ["=?"] * 3
    one.says("What percentage of the basic block's cost is the bottleneck's? Enter takes you to the answer.")
    one.slider("reduction").focus()
    one.page.keyboard.press("Enter")  # to the answer
    one.page.keyboard.type("6")  # 5.9
    one.page.keyboard.press("Tab")
    one.page.keyboard.type("70")  # 75
    one.page.keyboard.press("Enter")  # checks it
    assert not form.is_visible()
    one.says("Right, to within a tenth: 5.9 % of the parameters, 75 % of the memory.")
    assert one.page.evaluate("document.activeElement.dataset.trait") == "reduction"
    one.page.keyboard.press("ArrowRight")
    assert form.is_visible()
    one.page.keyboard.press("Enter")
    one.page.keyboard.type("50")
    one.page.keyboard.press("Enter")
    assert form.is_visible(), "both numbers are asked for"
    one.page.keyboard.type("50")
    one.page.keyboard.press("Enter")
    one.says("You said 50 % and 50 %; it is 2.2 % of the parameters and 62.5 % of the memory.")
    one.press("size", "ArrowRight")
    one.page.keyboard.press("Escape")
    assert not form.is_visible()
    one.says("The bottleneck on 256 channels")
    one.page.get_by_label("Formulas of the block").select_option("plain")
    assert not form.is_visible(), "other formulas are no other block"
    one.press("channels", "ArrowRight")
    one.page.get_by_role("button", name="Skip").click()
    assert not form.is_visible()
    assert one.costs() == {name: tuple(cost) for name, cost in budget(512, 8, 1, 57).items()}


# ---- Links


def test_links_set_the_figure_and_the_figure_writes_them(one):
    given = (
        "channels=512&reduction=2&groups=8&size=14&stride=2&shortcut=projection&equal=width&bn=1&block=basic&predict=0"
    )
    one.follow(given)
    costs = budget(512, 2, 8, 14, 2, "projection", "width", True)
    assert one.costs() == {name: tuple(cost) for name, cost in costs.items()}
    one.press("channels", "ArrowLeft")
    one.page.wait_for_function(
        "hash => location.hash === hash",
        arg=f"#fig=block-budget&{given}".replace("512", "256").replace("&predict=0", ""),
    )
    one.follow("preset=ResNet-50, conv2_x&size=28")
    costs = budget(256, size=28, equal="width", batch_norm=True)
    assert one.costs() == {name: tuple(cost) for name, cost in costs.items()}
    one.follow("predict=1")
    assert one.page.locator(".lf-predict").is_visible()
    assert one.values()[3] == 28, "it may only turn prediction on"
    start = {name: tuple(cost) for name, cost in budget(256).items()}
    for bad in ("channels=48", "reduction=3", "groups=5", "size=6", "size=1e2", "stride=3", "shortcut=none",
                "equal=", "bn=yes", "block=dense", "preset=AlexNet"):  # fmt: skip
        one.follow(START)
        one.follow(bad)
        assert one.costs() == start, bad
    one.follow("channels=16&reduction=8&groups=32")
    assert one.values()[:3] == [16, 8, 2], "as many as there can be"


# ---- Languages, looks, accessibility

DARKEN = """() => {
  document.documentElement.dataset.theme = "dark";
  Object.assign(document.body.style, { background: "#14181e", color: "#fff" });
}"""
EXTREMES = [
    "channels=2048&reduction=1&groups=32&size=112&stride=2&shortcut=projection&bn=1",
    "channels=2048&reduction=2&groups=32&size=111&shortcut=projection&bn=1&equal=width",
    "channels=2048&reduction=1&size=112&stride=2&shortcut=projection&bn=1&equal=width&block=basic",
    "channels=16&reduction=8",
]


@pytest.mark.parametrize(("lang", "width"), [("en", 900), ("ko", 360)])
def test_axe_finds_no_violation_light_or_dark_and_korean_pages_are_korean(reader, lang, width):
    one = reader(lang=lang, viewport={"width": width, "height": 1000}).open()
    if lang == "ko":
        for link in (START, EXTREMES[0], EXTREMES[1], f"{START}&predict=1"):
            one.follow(link)
            text = one.page.locator(".lf").inner_text() + one.page.evaluate(
                "[...document.querySelectorAll('.lf [aria-label]')].map((node) => node.ariaLabel).join(' ')"
            )
            assert "병목" in text
            assert re.findall("[A-Za-z]{3,}", re.sub("Enter|Esc|ResNet|ResNeXt|conv", "", text)) == []
    assert violations(one.page) == []
    one.page.evaluate(DARKEN)
    assert violations(one.page, colours_only=True) == []
    one.follow(f"{START}&predict={int(lang == 'en')}")
    assert violations(one.page, colours_only=True) == []


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
                """[".bb-blocks", ".bb-says", ".bb-groups", ".bb-formulas", ".bb-end", "#after"].map((name) =>
                     Math.round(document.querySelector(name).getBoundingClientRect().top + scrollY)).join()"""
            )
        )
        sticking = one.page.evaluate(
            """[...document.querySelectorAll(".bb-says .lf-sentence, .bb-says fieldset, .bb-line math, .bb-layer")]
                 .filter((node) => node.checkVisibility()).filter((node) => {
                   const inner = node.getBoundingClientRect();
                   const outer = node.closest(".bb-says, .bb-line, .bb-block").getBoundingClientRect();
                   return inner.left < outer.left - 1 || inner.right > outer.right + 1 ||
                     inner.bottom > outer.bottom + 1 || node.scrollWidth > node.clientWidth + 1;
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
