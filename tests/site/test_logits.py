"""The logits explorer as a reader meets it: on a page without a kernel, in Chromium.

Most tests share one page, which a link brings back to its start. Its traits have their tests in tests/unit.
"""

import math
import re
import statistics

import golden_logits
import pytest
from accessibility import violations
from focus_rings import overlaps
from reader import Reader, fixture, shared_fixture

from companion.figures import LogitsExplorer
from companion.figures.logits import PRESETS, heads

START = "z=2_1_0.1_-1"


def number(text: str) -> float:
    return float(text.replace("−", "-"))


class LogitsReader(Reader):
    drawn = ".lf .lg-row"
    figure = staticmethod(LogitsExplorer)

    def values(self, kind):
        """The probabilities that a panel shows."""
        texts = self.page.locator(f".lg-{kind} .lg-row:not([hidden]) .lg-number").all_text_contents()
        return [number(text) for text in texts if text]

    def texts(self, part):
        """What the three panels say: `part` is "decision" or "loss"."""
        return self.page.locator(f".lg-{part} strong").all_text_contents()

    def marked(self, kind):
        rows = self.page.locator(f".lg-{kind} .lg-row:not([hidden])")
        return rows.evaluate_all(
            "rows => rows.flatMap((row, k) => row.querySelector('.lg-mark').textContent ? [k] : [])"
        )

    def formulas(self):
        """The three formulas, without spaces and without the terms not shown."""
        lines = self.page.locator(".lg-formula").evaluate_all(
            """(blocks) => blocks.map((block) =>
                 [...block.querySelectorAll("math:not([hidden])")].map((one) => one.textContent).join(""))"""
        )
        return ["".join(line.split()) for line in lines]

    def typed(self, k):
        return self.page.locator(".lg-sliders input[type=number]").nth(k)

    def choose(self, name, which=0):
        self.page.locator(".lf select").nth(which).select_option(name)

    def says(self, *words):
        sentence = self.sentence()
        assert all(one in sentence for one in words), sentence


reader = fixture(LogitsReader)
shared = shared_fixture(LogitsReader)


@pytest.fixture
def one(shared):
    return shared.follow(START)


# ---- The arithmetic


def test_pure_function_equals_its_python_twin_on_the_golden_table(one):
    table = golden_logits.states()
    assert len(table) >= 10_000
    assert sum(len(set(state["logits"])) < len(state["logits"]) for state in table) > 200, "ties are what goes wrong"
    sent = [[state[name] for name in golden_logits.ARGUMENTS] for state in table]
    got = one.call(
        """async (source, table) => {
          const { heads } = await import(URL.createObjectURL(new Blob([source], { type: "text/javascript" })));
          return table.map(
            ([logits, temperature, asked, askedTarget, threshold, label, present, thresholds]) => Object.values(
              heads({ logits, temperature, asked, askedTarget, threshold, label, present, thresholds })));
        }""",
        str(LogitsExplorer._esm),
        sent,
    )
    for state, answer in zip(table, got, strict=True):
        for (name, right), given in zip(golden_logits.expected(state).items(), answer, strict=True):
            if name in ("yes", "choice", "chosen"):
                assert given == right, (name, state)
                continue
            pairs = zip(right, given, strict=True) if isinstance(right, list) else [(right, given)]
            # Relative where it is small too: a loss of 1e-13 has its digits.
            assert all(math.isclose(a, b, rel_tol=1e-12, abs_tol=1e-300) for a, b in pairs), (name, state, given)


# ---- What is shown


def test_presets(one):
    for preset in PRESETS:
        one.choose(preset["name"])
        state, got = preset["state"], heads(**preset["state"])
        assert one.page.locator(".lf select").first.input_value() == preset["name"]
        assert one.values("multi-class") == pytest.approx(got["softmax"], abs=0.00051)
        assert one.values("multi-label") == pytest.approx(got["sigmoids"], abs=0.00051)
        assert one.values("binary") == pytest.approx([got["sigmoids"][state["asked"]]], abs=0.00051)
        losses = [number(text) for text in one.texts("loss")]
        assert losses == pytest.approx([got["bce"], got["cross_entropy"], got["bce_sum"]], abs=0.00051)
        assert (one.marked("multi-class"), one.marked("multi-label")) == ([got["choice"]], got["chosen"])
        names = [LogitsExplorer().classes[k] for k in got["chosen"]]
        decisions = one.texts("decision")
        assert decisions[0] == ("yes, cat" if got["yes"] else "no, not cat")
        assert decisions[2] == (", ".join(names) or "none of them")
        bars = one.page.locator(".lg-multi-class .lg-row:not([hidden]) .lg-bar")
        widths = bars.evaluate_all("bars => bars.map((bar) => bar.offsetWidth / bar.parentElement.offsetWidth)")
        assert widths == pytest.approx(got["softmax"], abs=0.01)


def test_the_words_say_what_there_is_to_learn(one):
    status = one.page.locator(".lf [role=status]")
    one.choose("start")
    one.choose("all shifted by 3")
    one.says("Multi-class: cat, with 0.638.", "All logits moved by +3.00: every sigmoid changed, the softmax did not.")
    before = one.values("multi-class")
    one.page.get_by_role("button", name="all logits −1").click()
    one.says("All logits moved by −1.00")
    assert one.values("multi-class") == before
    sigmoids = one.values("multi-label")
    one.press("z1", "ArrowRight")
    one.says("Only dog moved: one sigmoid changed, but all 4 softmax probabilities.")
    after = one.values("multi-label")
    assert [a == b for a, b in zip(sigmoids, after, strict=True)] == [True, False, True, True]
    assert all(a != b for a, b in zip(before, one.values("multi-class"), strict=True))
    one.press("temperature", "PageUp")
    one.says("A larger T flattens the softmax")
    assert one.values("multi-label") == after
    one.press("temperature", "PageDown")
    one.says("A smaller T sharpens the softmax")
    one.choose("two things in the picture")
    one.says("Multi-label: cat and dog. Argmax drops dog.", "cat has 0.953, which reaches the threshold 0.50: yes.")
    one.choose("nothing we know")
    one.says("Multi-label: none of them.", "No sigmoid reaches its threshold, but argmax must name something: cat.")
    one.choose("two classes")
    one.says("With two classes the softmax is the sigmoid of the difference of the logits.")
    one.page.wait_for_function(
        "[words, seen] = [document.querySelector('.lf [role=status]'), document.querySelector('.lf-sentence')],"
        " words.textContent === seen.textContent"
    )
    assert "With two classes" in status.inner_text()


def test_the_formulas_are_typeset_with_their_numbers_and_their_elements_stay(one):
    one.follow("z=2_1_0.1_-1&T=0.5&ask=3&y=0&label=1&labels=1_1_0_0")
    binary, multi_class, multi_label = one.formulas()
    assert binary == "procket=11+e−z=11+e1.00=0.269L=−ln(1−p)=ln(1+ez)=ln(1+e−1.00)=0.313"
    assert multi_class == (
        "zdog/T=1.00/0.50=2.00pdog=ezdog/T∑jezj/T=e2.00/(e4.00+e2.00+e0.20+e−2.00)=0.117"
        "L=−lnpdog=ln∑jezj/T−zdog/T=4.149−2.000=2.149"
    )
    assert multi_label == (
        "L=∑kBCE(zk,yk)=ln(1+e−2.00)cat:0.127+ln(1+e−1.00)dog:0.313+ln(1+e0.10)koala:0.744"
        "+ln(1+e−1.00)rocket:0.313=1.498"
    )
    assert "(mean = 0.374)" in one.page.locator(".lg-sum").inner_text()
    one.follow("z=1.5_-0.5&label=1")
    assert "=σ((zdog−zcat)/T)=σ(−2.00)L=" in one.formulas()[1]
    one.follow("z=30_-30_0&ask=1")
    binary, multi_class, _ = one.formulas()
    assert binary.startswith("pdog=11+e−z=11+e30.00<0.001L=")
    assert ">0.999L=" in multi_class
    assert multi_class.endswith("=30.000−30.000<0.001")
    one.follow(START)
    made = one.page.evaluate(
        """async () => {
          let made = 0;
          const watch = new MutationObserver((changes) => {
            for (const one of changes) for (const node of one.addedNodes) made += node.nodeType === 1;
          });
          watch.observe(document.querySelector(".lg-formulas"), { subtree: true, childList: true });
          const slider = document.querySelector("input[data-trait=z0]");
          for (const value of [-3, 8, 0.5]) {
            slider.value = value;
            slider.dispatchEvent(new Event("input"));
          }
          await null;
          return made;
        }"""
    )
    assert made == 0


def test_the_number_of_classes_can_be_chosen(one):
    one.choose("5", which=1)
    assert one.values("multi-label") == pytest.approx(heads((2, 1, 0.1, -1, 0))["sigmoids"], abs=0.00051)
    one.page.locator(".lg-multi-class input[type=radio]").nth(4).check()
    one.choose("3", which=1)
    assert one.page.locator(".lg-multi-class .lg-row:not([hidden]) input").evaluate_all(
        "inputs => inputs.map((input) => input.checked)"
    ) == [False, False, True]
    assert one.values("multi-class") == pytest.approx(heads((2, 1, 0.1))["softmax"], abs=0.00051)


def test_targets_change_the_losses_and_nothing_else(one):
    decisions = one.texts("decision")
    one.page.locator(".lg-binary input[type=radio]").nth(1).check()
    one.page.get_by_label("right answer: yes").uncheck()
    one.page.locator(".lg-multi-class input[type=radio]").nth(3).check()
    one.page.locator(".lg-multi-label input[type=checkbox]").nth(2).check()
    got = heads((2, 1, 0.1, -1), asked=1, asked_target=False, label=3, present=(1, 0, 1, 0))
    losses = [number(text) for text in one.texts("loss")]
    assert losses == pytest.approx([got["bce"], got["cross_entropy"], got["bce_sum"]], abs=0.00051)
    assert one.texts("decision") == ["yes, dog", *decisions[1:]]
    assert "y = 0" in one.page.locator(".lg-binary .lg-loss").inner_text()


# ---- By keyboard, mouse and finger


def test_everything_can_be_reached_and_used_by_keyboard(one):
    one.page.locator("h1").click()
    reached = []
    for _ in range(60):
        one.page.keyboard.press("Tab")
        name, outline, suppressed = one.page.evaluate(
            """() => {
              const now = document.activeElement;
              const name = now === document.body ? "" : now.dataset.trait || now.textContent.trim() || now.type;
              return [name, parseFloat(getComputedStyle(now).outlineWidth), now.dataset.lmSuppressShortcuts];
            }"""
        )
        if not name:
            break
        assert outline >= 2, f"no visible focus on {name}"
        assert suppressed == "true", f"{name} would lose its keys in JupyterLab"
        reached.append(name)
    wanted = {"z0", "z1", "z2", "z3", "temperature", "−1", "+1", "radio", "checkbox", "binary-threshold0", "Copy link"}
    assert wanted | {f"multi-label-threshold{k}" for k in range(4)} <= set(reached)
    labelled = one.page.evaluate(
        "[...document.querySelectorAll('.lf :is(input, select)')].every((one) => one.labels.length || one.ariaLabel)"
    )
    assert labelled
    one.press("multi-label-threshold1", "End")
    assert one.texts("decision")[2] == "cat, koala"
    assert one.slider("multi-label-threshold1").get_attribute("aria-valuetext") == "1.00"
    one.press("binary-threshold0", "End")
    assert one.texts("decision")[0] == "no, not cat"
    one.press("z0", "End")
    assert one.typed(0).input_value() == "10.00"
    one.page.get_by_role("button", name="all logits +1").focus()
    one.page.keyboard.press("Enter")
    assert one.typed(0).input_value() == "11.00", "beyond the sliders' end"


def test_a_logit_can_be_typed_and_is_kept_in_range(one):
    for text, value in (("1.25", 1.25), ("-99", -30), ("25", 25)):
        one.typed(2).fill(text)
        one.typed(2).press("Enter")
        assert number(one.typed(2).input_value()) == value
        assert one.values("multi-class") == pytest.approx(heads((2, 1, value, -1))["softmax"], abs=0.00051)
    one.follow("z=30_0")
    button = one.page.get_by_role("button", name="all logits +1")
    assert button.get_attribute("aria-disabled") == "true"
    button.click(force=True)
    assert one.typed(1).input_value() == "0.00"


def test_thresholds_and_logits_are_dragged_by_mouse_and_by_finger(reader):
    one = reader(has_touch=True, viewport={"width": 360, "height": 2200}).open()
    slider = one.slider("multi-label-threshold1")
    box = slider.bounding_box()
    at = lambda share: box["x"] + 8 + share * (box["width"] - 16)  # noqa: E731  (half a thumb at either end)
    middle = box["y"] + box["height"] / 2
    one.page.mouse.move(at(0.5), middle)
    one.page.mouse.down()
    one.page.mouse.move(at(0.9), middle, steps=4)
    one.page.mouse.up()
    assert number(slider.input_value()) == pytest.approx(0.9, abs=0.02)
    assert one.marked("multi-label") == [0, 2]
    bar, thumb = one.page.locator(".lg-multi-label .lg-bar").nth(1).bounding_box(), at(0.731)
    assert bar["x"] + bar["width"] == pytest.approx(thumb, abs=1.5), "the bar ends where a threshold of p stands"
    one.page.touchscreen.tap(at(0.2), middle)
    assert number(slider.input_value()) == pytest.approx(0.2, abs=0.02)
    logit = one.slider("z3").bounding_box()
    one.page.touchscreen.tap(logit["x"] + 8 + 0.75 * (logit["width"] - 16), logit["y"] + logit["height"] / 2)
    assert number(one.typed(3).input_value()) == pytest.approx(5, abs=0.5)
    small = one.page.evaluate(
        """[...document.querySelectorAll(".lf :is(button, select, label, input[type=range], input[type=number])")]
             .filter((node) => node.checkVisibility() && !node.matches(".lf-slider label, .lf-select"))
             .filter((node) => node.getBoundingClientRect().height < 24).map((node) => node.outerHTML)"""
    )
    assert small == []


@pytest.mark.alone
def test_a_key_press_changes_the_page_within_16_ms(reader):
    one = reader().open(LogitsExplorer(preset="five classes"))
    times = one.key_times("z1")
    assert statistics.median(times) <= 16, times


# ---- Predictions


def test_predict_first_hides_then_judges(one):
    form = one.page.locator(".lf-predict")
    one.follow(f"{START}&label=1&predict=1")
    assert form.is_visible()
    assert set(one.page.locator(".lg-row:not([hidden]) .lg-number").all_text_contents()) == {"?", ""}
    assert one.texts("decision") == one.texts("loss") == ["?"] * 3
    assert one.marked("multi-label") == []
    assert set(one.page.locator(".lf-result").all_text_contents()) == {"?"}
    assert one.page.locator(".lg-bar").evaluate_all("bars => Math.max(...bars.map((bar) => bar.offsetWidth))") == 0
    assert one.sentence().startswith("How many per cent does dog get?")
    one.slider("z3").focus()
    one.page.keyboard.press("Enter")  # to the answer
    one.page.keyboard.type("20")  # softmax: 23.5
    one.page.keyboard.press("Tab")
    one.page.keyboard.type("75")  # sigmoid: 73.1
    one.page.keyboard.press("Enter")  # checks it
    assert not form.is_visible()
    one.says("Right, to within 5: dog gets 23 % from the softmax, 73 % from its sigmoid.")
    assert one.page.evaluate("document.activeElement.dataset.trait") == "z3"
    one.page.keyboard.press("ArrowRight")
    assert form.is_visible()
    one.page.keyboard.press("Enter")
    one.page.keyboard.type("90")
    one.page.keyboard.press("Enter")
    assert form.is_visible(), "both numbers are asked for"
    one.page.keyboard.type("5")
    one.page.keyboard.press("Enter")
    one.says("You said 90 % and 5 %; dog gets 23 % from the softmax, 73 % from its sigmoid.")
    one.press("z3", "ArrowRight")
    one.page.keyboard.press("Escape")
    assert not form.is_visible()
    one.says("Multi-class: cat, with 0.6", "Only rocket moved")
    one.press("multi-label-threshold0", "ArrowRight")
    assert not form.is_visible(), "a threshold is no change of the probabilities"
    one.press("temperature", "ArrowRight")
    assert form.is_visible()
    one.page.get_by_role("button", name="Skip").click()
    assert not form.is_visible()


# ---- Links


def test_a_link_sets_the_figure_and_the_figure_writes_the_link(one):
    given = "z=3_-1.5_0&T=2&ask=2&y=0&t=0.7&label=1&labels=1_1_0&ts=0.25_0.5_0.9"
    one.follow(given)
    got = heads((3, -1.5, 0), 2, 2, False, 0.7, 1, (1, 1, 0), (0.25, 0.5, 0.9))
    assert one.values("multi-class") == pytest.approx(got["softmax"], abs=0.00051)
    losses = [number(text) for text in one.texts("loss")]
    assert losses == pytest.approx([got["bce"], got["cross_entropy"], got["bce_sum"]], abs=0.00051)
    assert (one.texts("decision")[0], one.marked("multi-label")) == ("no, not koala", [0])
    one.press("z0", "ArrowLeft")
    one.page.wait_for_function("hash => location.hash === hash", arg=f"#fig=logits&{given}".replace("z=3", "z=2.9"))
    one.follow("preset=two things in the picture&T=4")
    assert one.values("multi-class") == pytest.approx(heads((3, 2.5, -2, -3), 4)["softmax"], abs=0.00051)
    assert one.page.locator(".lg-multi-label input:checked").count() == 2
    one.press("temperature", "ArrowRight")
    one.page.wait_for_function("location.hash === '#fig=logits&z=3_2.5_-2_-3&T=4.05&labels=1_1_0_0'")
    one.follow("predict=1")
    assert one.page.locator(".lf-predict").is_visible()
    assert one.typed(0).input_value() == "3.00", "it may only turn prediction on"


def test_a_bad_link_is_harmless(one):
    lists = ("z=1", "z=1_x", "z=99_1_2_3", "z=", "z=NaN_1", "labels=1_2_0_0", "labels=0.5_0_0_0", "ts=1_1")
    numbers = ("T=0&z=2_1_0.1_-1", "label=9", "label=1.5", "ask=-1", "t=2", "y=maybe", "preset=certain")
    for link in lists + numbers:
        one.follow(START)
        one.follow(link)
        got = heads((2, 1, 0.1, -1))
        assert one.values("multi-class") == pytest.approx(got["softmax"], abs=0.00051), link
        losses = [number(text) for text in one.texts("loss")]
        assert losses == pytest.approx([got["bce"], got["cross_entropy"], got["bce_sum"]], abs=0.00051), link
        assert one.texts("decision") == ["yes, cat", "cat", "cat, dog, koala"], link


# ---- Languages, looks, accessibility

DARKEN = """() => {
  document.documentElement.dataset.theme = "dark";
  Object.assign(document.body.style, { background: "#14181e", color: "#fff" });
}"""


@pytest.mark.parametrize("lang", ["en", "ko"])
def test_axe_finds_no_violation_light_or_dark_and_korean_pages_are_korean(reader, lang):
    width = 360 if lang == "ko" else 900
    one = reader(lang=lang, viewport={"width": width, "height": 1000}).open()
    if lang == "ko":
        for link in (START, "z=2_1", "z=-2_-3_-4", "z=5_4_3&predict=1"):
            one.follow(link)
            text = one.page.locator(".lf").inner_text() + one.page.evaluate(
                "[...document.querySelectorAll('.lf [aria-label]')].map((node) => node.ariaLabel).join(' ')"
            )
            assert "고양이" in text
            assert re.findall("[A-Za-z]{3,}", re.sub("Enter|Esc|BCE|argmax|softmax|max", "", text)) == []
    assert violations(one.page) == []
    one.page.evaluate(DARKEN)
    assert violations(one.page, colours_only=True) == []
    one.follow(f"{START}&predict={int(lang == 'en')}")
    assert violations(one.page, colours_only=True) == []


def test_own_classes_in_their_own_language_and_two_figures_on_a_page(reader):
    names = {"ko": ["병변", "정상"]}
    figures = [
        LogitsExplorer((1, -1), classes=["lesion", "healthy"], names=names, name="first", lang="ko"),
        LogitsExplorer(name="second"),
    ]
    one = reader(hash="#fig=second&z=0_1_2_3&label=3").open(*figures)
    panels = [one.page.locator(".lf").nth(k).locator(".lg-multi-class") for k in (0, 1)]
    assert panels[0].locator(".lg-decision").inner_text() == "결정: 병변"
    assert panels[1].locator(".lg-decision").inner_text() == "Decision: rocket"
    panels[0].locator("input").nth(1).check()
    assert panels[1].locator("input").nth(3).is_checked(), "radio buttons of another figure are none of its business"


EXTREMES = [
    "z=2_1_0.1_-1",
    "z=2_1&label=1",
    "z=-29.99_-29.98&T=0.1&labels=1_1&ask=1&y=0&label=1",
    "z=30_-30&T=0.1&label=1",
    "z=29_29_29_29_28.5&label=3&ask=3&T=0.1",
    "z=-29.99_-29.98_-29.97_-29.96_-29.95&T=0.1&labels=1_1_1_1_1&label=4&ask=3&t=1&ts=1_1_1_1_1",
    "z=-30_-30_-30_-30_30&label=3&ask=3&ts=0_0_0_0_0&T=10",
]


@pytest.mark.parametrize(("width", "lang"), [(360, "en"), (900, "en"), (400, "ko"), (760, "ko")])
def test_nothing_shifts_and_nothing_sticks_out(reader, width, lang):
    one = reader(lang=lang, viewport={"width": width, "height": 3000})
    one.watch_shifts()
    one.open()
    assert one.shift() < 0.01
    figure, reserved = one.heights()
    assert 0 <= reserved - figure < 60, "reserves what it needs"
    # Where each part begins, from the top of the page: with all classes nothing may move, with fewer not the end.
    places = """() => [".lg-says", ".lg-heads", ".lg-formula-2", ".lg-formula-3", ".lg-end", "#after"]
        .map((name) => Math.round(document.querySelector(name).getBoundingClientRect().top + scrollY))"""
    seen, ends = set(), set()

    def note():
        assert one.page.evaluate("document.documentElement.scrollWidth") == width
        now = one.page.evaluate(places)
        ends.add(now[-1])
        if one.page.locator(".lg-multi-class .lg-row:not([hidden])").count() == 5:
            seen.add(tuple(now))
        sticking = one.page.evaluate(
            """[...document.querySelectorAll(".lg-says .lf-sentence, .lg-says fieldset, .lg-line math, .lg-decision")]
                 .filter((node) => node.checkVisibility() && node.scrollWidth > node.parentElement.clientWidth + 1)
                 .map((node) => node.textContent)"""
        )
        assert sticking == []
        cut = one.page.evaluate(
            """[...document.querySelectorAll(".lf-slider input[type=number]")]
                 .filter((node) => node.checkVisibility() && node.scrollWidth > node.clientWidth)
                 .map((node) => node.value)"""
        )
        assert cut == []

    for link in EXTREMES:
        one.follow(link)
        note()
        one.page.locator(".lg-shift button").last.click(force=True)  # where all logits move, that is said as well
        note()
        one.press("z1", "ArrowLeft")
        note()
        one.follow(f"{link}&predict=1")
        note()
        for field in one.page.locator(".lf-fields input").all():
            field.fill("100")
        one.page.keyboard.press("Enter")  # the verdict is the longest of all sentences
        note()
    assert overlaps(one.page, 15) == []
    assert len(ends) == 1, "the figure keeps its height"
    assert len(seen) == 1, f"its parts keep their places: {seen}"
