"""The architecture explorer as a reader meets it: on a page without a kernel, in Chromium.

Most tests share one page, which a link sets back; the others need one of another width, theme or language.
"""

import json
import re
import statistics

import golden_architecture as golden
import pytest
from accessibility import violations
from reader import Reader, fixture, shared_fixture

from companion.architectures import architecture, content, multiply_adds, run
from companion.figures.architecture import ArchitectureExplorer, last_maps

PRESETS = [preset["name"] for preset in ArchitectureExplorer().presets]


class ArchitectureReader(Reader):
    drawn = ".lf .ae-chosen"
    figure = ArchitectureExplorer

    def choose(self, label, option):
        self.page.get_by_label(label).select_option(label=option)

    def blocks(self):
        """The rows of the list: [name, shape after, share]."""
        return self.cells(".ae-list .ae-row:not(.ae-head)")

    def layers(self):
        """The rows of the chosen block's layers: [name, what, shape after, formula]."""
        return self.cells(".ae-layers .ae-row:not(.ae-head)")

    def cells(self, rows):
        text = "rows => [...document.querySelectorAll(rows)].map((row) => [...row.children].map((c) => c.textContent))"
        return self.page.evaluate(text, rows)

    def tile(self, name):
        return self.page.locator(f".ae-tile-{name} .ae-number").inner_text()

    def state(self):
        return tuple(int(self.slider(trait).input_value()) for trait in ("size", "block"))


reader = fixture(ArchitectureReader)
shared = shared_fixture(ArchitectureReader, has_touch=True)


def shapes_of(figure):
    """What the list should say after each block."""
    shapes, broken = figure.result
    rows = []
    for number, block in enumerate(architecture(figure.network).blocks):
        after = shapes[block.first + len(block.layers) - 1]
        if after and len(after) == 3 and isinstance(block.channels, int):
            after = (block.channels, *after[1:])
        none = "✕" if broken and broken.block == number else "–"
        rows.append([block.name, " × ".join(map(str, after)) if after else none])
    return rows


# ---- The arithmetic


def test_pure_functions_equal_companion_architectures_on_the_golden_table(shared):
    table = golden.states()
    wanted = [golden.expected(*state) for state in table]
    breaks = [broken for _, broken, _ in wanted if broken]
    assert sum(len(shapes) for shapes, _, _ in wanted) >= 100_000, "layer states"
    assert len(table) >= 900
    assert len({(key, broken[0]) for (key, _), (_, broken, _) in zip(table, wanted, strict=True) if broken}) >= 25
    assert sum(broken[3] > 100 for broken in breaks) >= 60, "flattened maps of the wrong number, or the wrong size"
    wrong = shared.page.evaluate(
        """async ([source, data, states, answers]) => {
          const [content, table, wanted] = [data, states, answers].map((text) => JSON.parse(text));
          const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
          const { networkOf, runNetwork, costOf } = await import(url);
          const known = {};
          return table.flatMap(([key, size], i) => {
            const network = (known[key] ??= networkOf(content, key));
            const { shapes, broken } = runNetwork(network, size);
            const place = broken && [broken.layer, broken.block, broken.got, broken.needs];
            const adds = (layer, i) => costOf(layer, shapes[i]).multiply_adds;
            const total = broken ? null : network.layers.map(adds).reduce((sum, n) => sum + n, 0);
            const same = JSON.stringify([shapes, place, total]) === JSON.stringify(wanted[i]);
            return same ? [] : [[table[i], place, wanted[i][1], total, wanted[i][2]]];
          });
        }""",
        [str(ArchitectureExplorer._esm), json.dumps(content()), json.dumps(table), json.dumps(wanted)],
    )
    assert wrong == []


def test_windows_of_every_kind_have_the_output_size_of_companion_shapes(shared):
    table = golden.windows()
    assert len(table) >= 2000
    assert sum(output is None for *_, output in table) >= 200
    wrong = shared.page.evaluate(
        """async ([source, text]) => {
          const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
          const { windowOutput } = await import(url);
          const output = (rule, size) => { const n = windowOutput(rule, size); return n > 0 ? n : null; };
          return JSON.parse(text).filter(([rule, size, wanted]) => output(rule, size) !== wanted);
        }""",
        [str(ArchitectureExplorer._esm), json.dumps(table)],
    )
    assert wrong == []


# ---- The page


def test_every_preset_shows_its_network_block_by_block(shared):
    for preset in PRESETS:
        shared.choose("Preset", preset)
        figure = ArchitectureExplorer(preset=preset)
        assert shared.page.get_by_label("Preset").input_value() == preset
        assert shared.state() == (figure.size, figure.block)
        assert [row[:2] for row in shared.blocks()] == shapes_of(figure)
        network, broken = architecture(figure.network), figure.result.broken
        parameters = sum(layer.parameters for layer in network.layers)
        assert shared.tile("parameters") == f"{parameters:,}"
        assert ("breaks" in preset) == bool(broken)
        if broken:
            where = network.layers[broken.layer].name if broken.layer >= 0 else "before its first layer"
            assert where in shared.sentence()
            assert shared.tile("multiply_adds") == "–"
            assert shared.page.locator("rect.ae-broken").count() >= 1
            assert shared.page.locator(".ae-picture .ae-cross").last.get_attribute("d")
        else:
            maps = " × ".join(map(str, last_maps(figure.network, figure.size)))
            assert shared.tile("last") == maps
            assert f"the last maps are {maps}." in shared.sentence()
            assert not shared.page.locator(".ae-picture > .ae-cross").get_attribute("d")
        block = network.blocks[figure.block]
        rows = shared.layers()
        assert [row[0] for row in rows] == [layer.name.removeprefix(f"{block.name}.") for layer in block.layers]


def test_what_breaks_is_said_in_words(shared):
    shared.follow("net=alexnet&size=62")
    assert shared.sentence() == (
        "AlexNet at 62 × 62 breaks in features.12 (MaxPool2d). Its 3×3 window gets 2 × 2: 1 pixel too few per side. "
        "Sizes that work: from 63."
    )
    shared.press("size", "ArrowRight")
    assert shared.sentence().startswith(
        "AlexNet at 63 × 63: the last maps are 256 × 1 × 1. Adaptive pooling makes 6 × 6"
    )
    shared.follow("net=alexnet_towers&size=259")
    assert "breaks in fc6 (Linear). It takes 9,216 numbers, but 256 · 7 · 7 = 12,544 come." in shared.sentence()
    assert "Sizes that work: 227 to 258." in shared.sentence()
    shared.follow("net=vit_b_16&size=256")
    assert "has a row for each patch of a 224 × 224 picture" in shared.sentence()
    assert "224 only" in shared.sentence()
    shared.choose("Bars", "memory")
    assert {row[2] for row in shared.blocks()} == {"–"}, "no shares of what is not known"
    shared.choose("Bars", "parameters")


def test_a_wrong_size_of_vgg_changes_the_work_and_not_the_last_maps(shared):
    layers = architecture("vgg16").layers
    at = {size: list(map(multiply_adds, layers, run("vgg16", size).shapes)) for size in (224, 244)}
    assert last_maps("vgg16", 244) == last_maps("vgg16", 224) == (512, 7, 7)
    shared.follow("net=vgg16&size=244")
    ratio = sum(at[244]) / sum(at[224])
    assert ratio > 1.1
    assert f"It takes {ratio:.2f} times the multiply–adds of 224 × 224" in shared.sentence()


def test_the_layers_of_a_block_are_listed_with_their_formulas(shared):
    shared.follow("net=alexnet&block=0")
    assert shared.layers() == [
        ["features.0", "Conv2d 11×11, S 4, P 2", "64 × 55 × 55", "⌊224+2·2−114⌋+1=55"],
        ["features.1", "ReLU", "64 × 55 × 55", ""],
    ]
    shared.follow("net=googlenet&block=1")
    assert shared.layers() == [["maxpool1", "MaxPool2d 3×3, S 2, ceil", "64 × 56 × 56", "⌈112−32⌉+1=56"]]
    shared.follow("net=alexnet_towers&size=259&block=8")
    assert shared.layers()[0] == ["fc6", "Linear", "✕", "256·7·7≠9216"]
    shared.follow("net=efficientnet_lite0&size=131&block=0")
    assert shared.layers()[0][3] == "⌈1312⌉=66"
    shared.follow("net=googlenet&block=5")
    caption = shared.page.locator(".ae-caption").inner_text()
    assert caption.startswith("inception3a: Inception module; after it 256 × 28 × 28; side by side: 64 + 128 + 32 + 32")
    shared.follow("net=densenet121&block=2")
    assert "64 + 32 channels" in shared.page.locator(".ae-caption").inner_text()


def test_shares_are_those_of_the_measure_and_of_the_bars(shared):
    for measure, words in (
        ("parameters", "parameters"),
        ("multiply_adds", "multiply–adds"),
        ("memory", "memory"),
    ):
        shared.follow("net=vgg16&block=18")
        shared.choose("Bars", words)
        costs = []
        shapes = run("vgg16", 224).shapes
        for block in architecture("vgg16").blocks:
            cost = 0
            for i, layer in enumerate(block.layers, start=block.first):
                shape = shapes[i]
                cost += {
                    "parameters": layer.parameters,
                    "multiply_adds": multiply_adds(layer, shape),
                    "memory": 4 * shape[0] * (shape[1] * shape[2] if len(shape) == 3 else 1),
                }[measure]
            costs.append(cost)
        shares = [cost / sum(costs) for cost in costs]
        told = [row[2] for row in shared.blocks()]
        for share, text in zip(shares, told, strict=True):
            if share == 0:
                assert text == "0 %"
            elif share < 0.0005:
                assert text == "< 0.1 %"
            else:
                assert float(text.removesuffix(" %")) == pytest.approx(100 * share, abs=0.0501)
        bars = shared.page.locator(".ae-bars").get_attribute("d") + shared.page.locator(".ae-bar-now").get_attribute(
            "d"
        )
        heights = [float(height) for height in re.findall(r"v([\d.]+)h", bars)]
        drawn = sorted(max(64 * share / max(shares), 0.5) for share in shares if share > 0)
        assert sorted(heights) == pytest.approx(drawn, abs=0.06)
    shared.choose("Bars", "parameters")


def test_a_block_is_as_tall_as_the_logarithm_of_its_side(shared):
    shared.follow("net=resnet50&size=256")
    heights = shared.page.evaluate(
        "[...document.querySelectorAll('.ae-picture rect.ae-box')].map((node) => Number(node.getAttribute('height')))"
    )
    sides = [int(row[1].split(" × ")[-1]) if row[1].count("×") else 1 for row in shared.blocks()]
    steps = dict(zip(sides, heights, strict=True))
    assert [steps[a] - steps[a // 2] for a in (128, 64, 32, 16)] == pytest.approx([(190 - 7) / 9] * 4, abs=0.11)


def test_a_block_is_pointed_at_by_mouse_by_finger_in_the_list_and_by_keyboard(shared):
    shared.follow("net=resnet152")
    box = shared.page.locator(".ae-picture").bounding_box()
    places = shared.page.evaluate(
        """[...document.querySelectorAll(".ae-picture rect.ae-box")].map((node) => {
             const { x, y, width, height } = node.getBoundingClientRect(); return [x + width / 2, y + height / 2]; })"""
    )
    assert len(places) == len(architecture("resnet152").blocks)
    shared.page.mouse.click(*places[30])
    assert shared.state()[1] == 30
    shared.page.touchscreen.tap(places[7][0], box["y"] + 270)  # on its bar
    assert shared.state()[1] == 7
    shared.press("block", "ArrowRight", 3)
    assert shared.state()[1] == 10
    shared.press("block", "End")
    assert shared.state()[1] == 53
    last = shared.page.locator(".ae-list .ae-row:not(.ae-head)").nth(53)
    list_box, row_box = shared.page.locator(".ae-list").bounding_box(), last.bounding_box()
    assert list_box["y"] <= row_box["y"] <= list_box["y"] + list_box["height"], "the list follows"
    shared.page.locator(".ae-list .ae-row:not(.ae-head)").nth(52).click()
    assert shared.state()[1] == 52
    shared.choose("Network", "LeNet-5")
    assert shared.state() == (32, 0), "another network starts at its own size"


def test_predict_first_hides_then_judges(shared):
    shared.follow("net=resnet50&size=100&predict=1")
    form = shared.page.locator(".lf-predict")
    assert form.is_visible()
    assert shared.sentence().startswith("ResNet-50 gets 100 × 100. How large is a side of its last maps?")
    assert {row[1] for row in shared.blocks()} == {"?"}
    assert shared.tile("last") == "?"
    assert shared.page.locator(".ae-labels text").count() == 0
    assert all(row[2:] == ["?", ""] for row in shared.layers())
    answer = last_maps("resnet50", 100)[1]
    shared.slider("size").focus()
    shared.page.keyboard.press("Enter")  # to the answer
    shared.page.keyboard.type(str(answer))
    shared.page.keyboard.press("Enter")  # checks it
    assert shared.sentence().startswith(f"Right, {answer}. ResNet-50 at 100 × 100")
    assert shared.page.evaluate("document.activeElement.dataset.trait") == "size"
    shared.press("block", "ArrowRight")
    assert not form.is_visible(), "another block has no other answer"
    shared.press("size", "ArrowRight")
    shared.page.keyboard.press("Enter")
    field, note = form.locator("input"), form.locator(".lf-note")
    hint = note.inner_text()
    for given, words in (("", "Type a number, or skip."), ("4.5", "a whole number"), ("-4", "a whole number")):
        field.fill(given)
        shared.page.keyboard.press("Enter")
        assert words in note.inner_text(), given
        assert (note.get_attribute("role"), field.get_attribute("aria-invalid")) == ("alert", "true")
        assert field.evaluate("node => node === document.activeElement && node.ariaDescribedByElements[0].className")
    assert form.is_visible() and shared.tile("last") == "?"
    field.fill("")
    assert (note.inner_text(), field.get_attribute("aria-invalid")) == (hint, None), "typing takes it back"
    shared.page.keyboard.type("9")
    shared.page.keyboard.press("Enter")
    assert shared.sentence().startswith(f"You said 9; it is {last_maps('resnet50', 101)[1]}.")
    shared.follow("net=alexnet&size=62&predict=1")
    shared.slider("size").focus()
    shared.page.keyboard.press("Enter")
    shared.page.keyboard.type("0")
    shared.page.keyboard.press("Enter")
    assert shared.sentence().startswith("Right, it breaks.")
    shared.press("size", "ArrowLeft")
    shared.page.keyboard.press("Escape")
    assert not form.is_visible()
    assert "61 × 61 breaks in" in shared.sentence()
    shared.page.get_by_label("Predict first").uncheck()


def test_everything_can_be_reached_by_keyboard_and_is_spoken_once_the_reader_pauses(shared):
    shared.follow("net=lenet5")
    shared.page.locator("h1").click()
    reached = []
    for _ in range(20):
        shared.page.keyboard.press("Tab")
        name, outline, suppressed = shared.page.evaluate(
            """() => {
              const now = document.activeElement;
              const name = now === document.body ? "" : now.dataset.trait || now.type || now.ariaLabel;
              return [name, parseFloat(getComputedStyle(now).outlineWidth), now.dataset.lmSuppressShortcuts];
            }"""
        )
        if not name:
            break
        assert outline >= 2, f"no visible focus on {name}"
        assert suppressed == "true", f"{name} would lose its keys in JupyterLab"
        reached.append(name)
    assert reached.count("select-one") == 3
    assert {"size", "block", "checkbox", "All blocks", "The layers of c1", "button"} <= set(reached)
    shared.press("size", "ArrowLeft")
    shared.page.wait_for_function(
        "document.querySelector('[role=status]').textContent === document.querySelector('.lf-sentence').textContent"
    )
    assert "31 × 31 breaks in" in shared.page.locator("[role=status]").text_content()


# ---- Links


def test_what_a_link_says_comes_back(shared):
    shared.follow("net=densenet121&size=100&block=20&by=memory")
    shared.press("size", "ArrowRight")
    link = "net=densenet121&size=101&block=20&by=memory"
    shared.page.wait_for_function("link => location.hash.endsWith(link)", arg=link)
    state = (shared.blocks(), shared.layers(), shared.sentence())
    shared.choose("Preset", PRESETS[0])
    assert shared.blocks() != state[0]
    shared.follow(link)
    assert (shared.blocks(), shared.layers(), shared.sentence()) == state


def test_a_link_followed_while_the_address_is_being_written_is_not_lost(shared):
    shared.follow("net=vgg16")
    shared.page.evaluate(
        """async () => {
          const followed = new Promise((done) => addEventListener("hashchange", done, { once: true }));
          location.hash = "#fig=architecture&net=resnet18&size=64";
          history.replaceState(null, "", "#fig=architecture&net=vgg16&size=224&block=0"); // as the figure does
          await followed;
        }"""
    )
    assert shared.sentence().startswith("ResNet-18 at 64 × 64")


def test_what_a_link_leaves_out_or_gets_wrong(shared):
    for link, options in [
        ("net=lenet5", {"network": "lenet5"}),
        ("preset=AlexNet%2C+62%3A+breaks", {"preset": "AlexNet, 62: breaks"}),
        ("net=vgg16&size=513&block=22", {"network": "vgg16"}),
        ("net=vgg16&size=0&block=x&by=toString", {"network": "vgg16"}),
        ("net=constructor&size=64", {"network": "resnet50", "size": 64}),
    ]:
        shared.choose("Preset", "ResNet-50, 32")
        shared.follow(link)
        figure = ArchitectureExplorer(**options)
        assert shared.state() == (figure.size, figure.block)
        assert [row[:2] for row in shared.blocks()] == shapes_of(figure)
    before = [row[0] for row in shared.blocks()]
    shared.follow("predict=1")
    assert [row[0] for row in shared.blocks()] == before, "a link may only turn prediction on"
    assert shared.page.locator(".lf-predict").is_visible()
    shared.page.get_by_label("Predict first").uncheck()


# ---- Languages, looks, accessibility


def test_networks_of_a_family_are_together_in_the_choice(shared):
    groups = shared.page.evaluate(
        """[...document.querySelectorAll(".lf select")[1].children].map((one) =>
             [one.label, [...one.children].map((own) => own.label)])"""
    )
    assert [label for label, own in groups if own] == [
        "LeNet", "AlexNet", "VGG", "GoogLeNet", "ResNet", "EfficientNet", "Scenes",
    ]  # fmt: skip
    names = [name for label, own in groups for name in own or [label]]
    assert names == list(ArchitectureExplorer.networks().values())


def test_columns_line_up_and_the_chosen_block_is_marked(shared):
    shared.follow("net=alexnet&block=1")
    starts = """(rows) => [...document.querySelectorAll(rows)].map((row) =>
      [...row.children].slice(0, 3).map((cell) => cell.getBoundingClientRect().x))"""
    for rows in (".ae-layers .ae-row", ".ae-list .ae-row"):
        assert len({tuple(row) for row in shared.page.evaluate(starts, rows)}) == 1, rows
    for block in (3, 4):  # even and odd
        shared.follow(f"net=alexnet&block={block}")
        marked = shared.page.evaluate(
            """[...document.querySelectorAll(".ae-list .ae-row:not(.ae-head)")].flatMap((row, i) =>
                 getComputedStyle(row).backgroundColor === "rgba(0, 0, 0, 0)" ? [] : [i])"""
        )
        assert marked == [block]
        assert shared.page.locator(".ae-list [aria-current=true]").count() == 1


def test_korean_page_has_no_english_words(reader):
    one = reader(lang="ko").open()
    own = {"Enter", "Esc", "ceil", "companion.trace", "MB"}
    for network in ArchitectureExplorer.networks().values():
        own |= {network}
    for key in content()["networks"]:
        own |= {name for layer in architecture(key).layers for name in (layer.name, layer.kind)}
        own |= {block.name for block in architecture(key).blocks}
    names = "|".join(map(re.escape, sorted(own, key=len, reverse=True)))
    links = "net=lenet5 net=alexnet&size=62 net=vit_b_16&size=9 net=densenet121&block=3 net=googlenet&block=5"
    links += " net=resnet50&predict=1&size=77 net=alexnet_towers&size=230&block=8&by=memory"
    for link in links.split():
        one.follow(link)
        text = one.page.evaluate(
            """() => {
              const box = document.querySelector(".lf").cloneNode(true);
              for (const node of box.querySelectorAll(".ae-layers .ae-row, option")) node.remove();
              return box.textContent + " " +
                [...document.querySelectorAll(".lf [aria-label]")].map((node) => node.ariaLabel).join(" ");
            }"""
        )
        assert "입력" in text
        assert re.findall("[A-Za-z]{3,}", re.sub(names, "", text)) == [], link


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_no_violation(reader, theme):
    one = reader(theme=theme).open()
    assert violations(one.page) == []
    one.follow("net=alexnet&size=62&block=7")
    assert violations(one.page, colours_only=True) == []
    one.page.set_viewport_size({"width": 360, "height": 1000})
    one.follow("net=densenet121&predict=1&size=99")
    assert violations(one.page) == []


def test_nothing_shifts_and_nothing_sticks_out_and_targets_are_large_enough(reader):
    one = reader(viewport={"width": 900, "height": 3000})
    one.watch_shifts()
    for width in (360, 480, 600, 700, 760):
        for lang in ("en", "ko"):
            one.page.set_viewport_size({"width": width, "height": 3000})
            one.lang, one.hash = lang, ""
            one.page.goto("about:blank")
            one.open()
            assert one.shift() < 0.01, (width, lang)
            figure, reserved = one.heights()
            assert figure <= reserved < figure + 200, (width, lang, "what is reserved is what is needed")
            heights = {}
            for link in LINKS:
                one.follow(link)
                heights[link] = one.page.locator(".lf").bounding_box()["height"]
                assert one.page.evaluate("document.documentElement.scrollWidth") == width, (width, lang, link)
                assert one.page.evaluate(CUT_OFF) == [], (width, lang, link)
            assert len(set(heights.values())) == 1, (width, lang, heights)
            for key in content()["networks"]:
                number = 20 if key == "densenet121" else 0
                one.follow(f"net={key}&block={number}")
                assert one.page.evaluate(CUT_OFF) == [], (width, lang, key)
            if width == 360:
                for height in one.page.evaluate(
                    """[...document.querySelectorAll(".lf :is(button, select, .lf-check, input)")]
                         .filter((node) => node.checkVisibility() && node.type !== "checkbox")
                         .map((node) => node.getBoundingClientRect().height)"""
                ):
                    assert height >= 24


CUT_OFF = """[...document.querySelectorAll(
  ".lf-sentence, .ae-legend, .ae-scale, .ae-value, .ae-caption, .ae-tile > *, .ae-row > *")]
  .filter((node) => node.scrollHeight > node.clientHeight + 1 || node.scrollWidth > node.clientWidth + 1)
  .concat([...document.querySelectorAll(".ae-scroll")].filter((node) => node.scrollWidth > node.clientWidth))
  .map((node) => node.textContent)"""
LINKS = [
    "net=vgg16&block=0",
    "net=alexnet_towers&size=224",
    "net=vit_b_16&size=256",
    "net=densenet121&size=512&block=60&by=memory",
    "net=efficientnet_b0&size=500&block=3&by=multiply_adds",
    "net=googlenet&size=8&block=7",
    "net=resnet50&size=100&predict=1",
]


@pytest.mark.alone
def test_a_key_press_changes_the_page_within_16_ms(reader):
    one = reader().open(ArchitectureExplorer("densenet121", block=20))
    times = one.key_times("size", "block", keys=("ArrowLeft", "ArrowRight"), presses=30)
    assert statistics.median(times) <= 16, times


# ---- The Python side


def test_what_is_sent_is_small():
    state = ArchitectureExplorer().get_state(drop_defaults=False)
    sent = {name: value for name, value in state.items() if name not in ("_esm", "_css")}
    assert len(json.dumps(sent, default=str)) < 150_000


def test_what_the_page_sends_reaches_the_traits_and_back():
    figure = ArchitectureExplorer()
    assert (figure.network, figure.size, figure.block, figure.measure) == ("vgg16", 224, 0, "parameters")
    figure.set_state({"network": "densenet121", "size": 28, "block": 60, "measure": "memory"})
    assert figure.result == run("densenet121", 28)
    assert figure.result.broken is not None
    figure.network = "lenet5"
    assert figure.block == len(architecture("lenet5").blocks) - 1, "kept within what there is"
    assert ArchitectureExplorer("lenet5").size == 32
    assert ArchitectureExplorer(preset="ResNet-50, 32", size=64).size == 64


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"network": "vgg"}, "network must be one of 'lenet5', 'lenet5_modern', .* got 'vgg'"),
        ({"size": 0}, "size must be a whole number from 1 to 512, got 0"),
        ({"size": 22.4}, "size must be a whole number from 1 to 512, got 22.4"),
        ({"network": "lenet5", "block": 7}, "block must be a whole number from 0 to 6, got 7"),
        ({"measure": "time"}, "measure must be one of 'parameters', 'multiply_adds', 'memory', got 'time'"),
        ({"preset": "VGG-20"}, "preset must be one of 'LeNet-5, 32'"),
    ],
)
def test_illegal_values_are_refused_in_words(options, message):
    with pytest.raises(ValueError, match=message):
        ArchitectureExplorer(**options)


def test_text_form_and_fallback_table():
    assert repr(ArchitectureExplorer()) == "ArchitectureExplorer(network='vgg16', size=224, block=0)"
    fallback = ArchitectureExplorer().fallback
    assert set(fallback) == {"en", "ko"}
    for table in fallback.values():
        assert table.count("<tr>") == 1 + len(PRESETS)
        assert "<td>62 × 62</td><td>–</td><td>features.12</td><td>61,100,840</td><td>–</td><td>63</td>" in table
        assert "<td>1024 × 7 × 7</td>" in table, "all branches of GoogLeNet's last module"
    assert "AlexNet, 62: 멈춤" in fallback["ko"]
