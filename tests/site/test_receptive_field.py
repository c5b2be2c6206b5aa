"""The receptive-field explorer as a reader meets it: on a page without a kernel, in Chromium.

Most tests share one page, which a link sets back; the others need one of another width, theme or language.
"""

import base64
import json
import re
import statistics

import golden_receptive_field as golden
import pytest
from accessibility import violations
from focus_rings import overlaps
from reader import Reader, fixture, shared_fixture

from companion.figures import ReceptiveFieldExplorer
from companion.figures.receptive_field import NETWORKS, layers_of
from companion.shapes import receptive_field, seen

PRESETS = [preset["name"] for preset in ReceptiveFieldExplorer().presets]


class FieldReader(Reader):
    drawn = ".lf .rfe-chosen"
    figure = ReceptiveFieldExplorer

    def choose(self, label, option):
        self.page.get_by_label(label).select_option(label=option)

    def table(self):
        """The visible rows of the table: [name, window, output, field, effective width, jump, start]."""
        return self.page.evaluate(
            """[...document.querySelectorAll(".rfe-row:not(.rfe-head)")].filter((row) => !row.hidden)
                 .map((row) => [...row.children].slice(0, 7).map((cell) => cell.textContent.replace("−", "-")))"""
        )

    def place(self):
        return tuple(int(self.slider(trait).input_value()) for trait in ("layer", "row", "column"))

    def box(self, part):
        """(left, top, right, bottom) of a path of the stage."""
        d = self.page.locator(f".rfe-stage .rfe-{part}").first.get_attribute("d")
        x, y, w, h = map(float, re.fullmatch(r"M(\S+) (\S+)h(\S+)v(\S+)h\S+z", d).groups())
        return x, y, x + w, y + h

    def field_on_the_input(self):
        """(columns, rows) of the field's frame, each (first, last + 1) in the input's pixels."""
        left, top, right, bottom = self.box("input-edge")
        x0, y0, x1, y1 = self.box("field")
        cell = (right - left) / int(self.table()[0][2])
        return tuple(
            tuple(round((at - zero) / cell, 3) for at in ends) for zero, ends in ((left, (x0, x1)), (top, (y0, y1)))
        )


reader = fixture(FieldReader)
shared = shared_fixture(FieldReader, has_touch=True)


def rows_of(figure):
    """What the table should say, from `companion.shapes`."""
    if figure.network == "own":
        size, layers, names = figure.size, list(figure.stack), None
    else:
        layers = [(kind, *window) for _, kind, window in layers_of(figure.network)]
        size, names = NETWORKS[figure.network].input_shape[1], [name for name, _, _ in layers_of(figure.network)]
    sizes = golden.sizes(size, layers)
    fields = [receptive_field(window for _, *window in layers[:count]) for count in range(len(layers) + 1)]
    numbers = [["–" if n is None else str(n), *map(str, field)] for n, field in zip(sizes, fields, strict=True)]
    names = names or [
        f"{'convolution' if kind == 'conv' else 'pooling'} {i + 1}" for i, (kind, *_) in enumerate(layers)
    ]
    return [[name, *rest] for name, rest in zip(["input", *names], numbers, strict=True)]


def told(table):
    return [[name, out, field, jump, start] for name, _, out, field, _, jump, start in table]


# ---- The arithmetic


def test_pure_functions_equal_companion_shapes_on_the_golden_table(shared):
    table = golden.states()
    assert len(table) >= 10_000
    wanted = [golden.expected(*state) for state in table]
    counts = [levels[0] for _, _, levels in wanted if levels]
    assert sum(levels is None for *_, levels in wanted) >= 1000, "stacks that do not fit"
    assert sum(not read for *_, read in counts) >= 200, "outputs that read nothing"
    assert sum(len(read) < end - start for start, end, read in counts) >= 3000, "padding or gaps"
    wrong = shared.page.evaluate(
        """async ([source, states, answers]) => {
          const [table, wanted] = [JSON.parse(states), JSON.parse(answers)];
          const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
          const { outputSizes, receptiveFields, seen } = await import(url);
          return table.flatMap(([size, rows, index], i) => {
            const layers = rows.map(([kind, kernel, stride, padding, dilation]) =>
              ({ kind, kernel, stride, padding, dilation }));
            const sizes = outputSizes(size, layers);
            const fields = receptiveFields(layers).map(({ size, jump, start }) => [size, jump, start]);
            const levels = sizes.includes(null)
              ? null : seen(sizes, layers, index).map(({ start, end, read }) => [start, end, read]);
            const same = JSON.stringify([sizes, fields, levels]) === JSON.stringify(wanted[i]);
            return same ? [] : [[table[i], [sizes, fields, levels], wanted[i]]];
          });
        }""",
        [str(ReceptiveFieldExplorer._esm), json.dumps(table), json.dumps(wanted)],
    )
    assert wrong == []


# ---- The page


def test_every_preset_shows_its_stack_and_the_field_of_the_output_in_the_middle(shared):
    for preset in PRESETS:
        shared.choose("Preset", preset)
        figure = ReceptiveFieldExplorer(preset=preset)
        assert told(shared.table()) == rows_of(figure)
        assert shared.page.get_by_label("Preset").input_value() == preset
        assert shared.place() == (figure.layer, figure.row, figure.column)
        assert f"has a field of {figure.field.size} × {figure.field.size}." in shared.sentence()
        first = figure.field.start + figure.row * figure.field.jump
        span = (first, first + figure.field.size)
        for measured in shared.field_on_the_input():
            assert measured == pytest.approx(span, abs=0.06)
        read = figure.seen[0][0].read
        assert f"{read[0]} to {read[-1]}" in shared.sentence()
        assert shared.page.locator(".lf-result").all_text_contents() == [
            str(number).replace("-", "−") for number in figure.field
        ]
        effective = figure.network != "own"
        assert shared.page.locator(".rfe-stage image").is_visible() == effective
        assert ("random weights" in shared.sentence()) == effective
        assert ("no gradients were measured" in shared.sentence()) != effective


def test_the_measured_map_lies_on_the_field_and_has_its_width(shared):
    figure = ReceptiveFieldExplorer("resnet18", layer=9)
    measured = figure.networks["resnet18"]["layers"][9]["effective"]
    shared.follow("net=resnet18&layer=9&at=14_12")
    x0, y0, x1, y1 = shared.box("field")
    image = shared.page.locator(".rfe-stage image")
    corner = [float(image.get_attribute(name)) for name in ("x", "y", "width", "height")]
    assert corner == pytest.approx([x0, y0, x1 - x0, y1 - y0])
    widths = [layer["effective"]["width"] for layer in figure.networks["resnet18"]["layers"]]
    assert [row[4] for row in shared.table()] == ["–", *(f"{width:.1f}" for width in widths)]
    left, _, right, _ = shared.box("width")
    share = measured["width"] / figure.field.size
    assert (right - left) / (x1 - x0) == pytest.approx(share, abs=1e-3)
    assert f"about {measured['width']:.0f} × {measured['width']:.0f}" in shared.sentence()
    assert f"{100 * share**2:.0f} % of the area" in shared.sentence()
    opacities = shared.page.evaluate(
        """async () => {
          const image = new Image();
          image.src = document.querySelector(".rfe-stage image").getAttribute("href");
          await image.decode();
          const canvas = document.createElement("canvas");
          Object.assign(canvas, { width: image.width, height: image.height });
          const context = canvas.getContext("2d", { willReadFrequently: true });
          context.drawImage(image, 0, 0);
          return [...context.getImageData(0, 0, image.width, image.height).data].filter((_, i) => i % 4 === 3);
        }"""
    )
    assert bytes(opacities) == base64.b64decode(measured["cells"])
    shared.page.get_by_label("effective field").uncheck()
    assert not image.is_visible()
    assert "random weights" not in shared.sentence()
    assert {row[4] for row in shared.table()} == {"–"}
    assert shared.page.locator(".rfe-read").first.get_attribute("d"), "then the pixels read are marked instead"


def test_an_effective_field_that_leaves_the_picture_is_said_to_be_drawn_in_part(shared):
    network = ReceptiveFieldExplorer().networks["vgg16"]
    for layer, width in ((17, 224), (1, 224)):
        figure = ReceptiveFieldExplorer("vgg16", layer=layer)
        half = network["layers"][layer]["effective"]["width"] / 2
        for row, column in ((0, 0), (figure.out // 2, figure.out - 1), (figure.out // 2, figure.out // 2)):
            shared.follow(f"net=vgg16&layer={layer}&at={row}_{column}")
            centres = [figure.field.start + at * figure.field.jump + figure.field.size / 2 for at in (row, column)]
            is_cut = min(centres) < half or max(centres) > width - half
            assert is_cut == ((row, column) != 2 * (figure.out // 2,))
            said = "% of the area; of it, what lies on the picture is drawn." in shared.sentence()
            assert said == is_cut, (layer, row, column)


def test_names_and_windows_can_be_read_in_full(shared):
    shared.follow("net=own&size=256&stack=c11.8.8.8_p2.2.0.1")
    titles = shared.page.locator(".rfe-row:not([hidden]) > :nth-child(2)[title]")
    assert titles.evaluate_all("(cells) => cells.map((cell) => cell.title)") == ["11×11, S 8, P 8, D 8", "2×2, S 2"]
    shared.follow("net=resnet18")
    names = shared.page.locator(".rfe-row:not([hidden]) > :nth-child(1)[title]")
    told_in_full = names.evaluate_all("(cells) => cells.map((cell) => cell.title)")
    assert told_in_full == ["input", *(layer.name for layer in layers_of("resnet18"))]


def test_a_stack_is_built_with_the_keyboard(shared):
    shared.follow("net=own&size=16&stack=c3.1.1.1&layer=0")
    figure = ReceptiveFieldExplorer(stack=[("conv", 3, 1, 1)], size=16)
    assert told(shared.table()) == rows_of(figure)
    shared.page.get_by_role("button", name="Add a layer after it").focus()
    shared.page.keyboard.press("Enter")
    shared.choose("Kind", "pooling")
    for trait, key, times in (("kernel", "ArrowLeft", 1), ("stride", "ArrowRight", 1), ("padding", "ArrowLeft", 1)):
        shared.press(trait, key, times)
    figure.stack, figure.layer = [("conv", 3, 1, 1), ("pool", 2)], 1
    assert told(shared.table()) == rows_of(figure)
    assert shared.table()[2][1] == "2×2, S 2"
    shared.page.get_by_role("button", name="Add a layer after it").click()
    shared.press("dilation", "ArrowRight")
    shared.press("size", "End")
    figure.stack, figure.size, figure.layer = [*figure.stack, ("conv", 3, 1, 1, 2)], 256, 2
    assert told(shared.table()) == rows_of(figure)
    shared.page.get_by_label("W input, typed").fill("20")
    shared.page.keyboard.press("Enter")
    figure.size = 20
    assert told(shared.table()) == rows_of(figure)
    shared.press("layer", "Home")
    shared.page.get_by_role("button", name="Remove it").click()
    figure.stack = figure.stack[1:]
    assert told(shared.table()) == rows_of(figure)
    for _ in range(6):
        shared.page.get_by_role("button", name="Add a layer after it").click()
    assert shared.page.get_by_role("button", name="Add a layer after it").is_disabled()
    assert len(shared.table()) == 1 + 8


def test_a_window_that_does_not_fit_is_said_in_words(shared):
    shared.follow("net=own&size=6&stack=c3.1.0.1_c5.1.0.1_c1.1.0.1")
    assert [row[2] for row in shared.table()] == ["6", "4", "–", "–"]
    assert shared.sentence().startswith("The window of convolution 2 does not fit. It gets 4 × 4.")
    assert "ooling" not in shared.sentence(), "what holds for poolings alone"
    assert shared.page.locator(".rfe-message").is_visible()
    assert shared.slider("row").is_disabled()
    shared.page.locator(".rfe-stage").click()  # nothing to point at, and no error
    shared.follow("net=own&size=9&stack=c3.1.0.1_p2.2.2.1")
    assert "Pooling allows padding up to half its kernel." in shared.sentence()
    shared.press("size", "ArrowRight")
    shared.press("padding", "ArrowLeft")
    assert not shared.page.locator(".rfe-message").is_visible()


def test_what_is_read_has_gaps_where_the_dilation_leaves_them(shared):
    shared.choose("Preset", "Dilation 2, twice: gaps")
    figure = ReceptiveFieldExplorer(preset="Dilation 2, twice: gaps")
    rows, columns = (levels[0].read for levels in figure.seen)
    assert f"It reads {len(rows) * len(columns)} of its {figure.field.size**2} positions" in shared.sentence()
    cells = shared.page.locator(".rfe-read").first.get_attribute("d").count("M")
    assert cells == len(rows) * len(columns), "each pixel read stands alone"


def test_an_output_is_pointed_at_by_mouse_by_finger_and_by_keyboard(shared):
    shared.follow("net=vgg16&layer=17")
    assert shared.place() == (17, 3, 3)
    left, top, right, bottom = shared.box("output-edge")
    corner = shared.page.locator(".rfe-stage").bounding_box()
    cell = (right - left) / 7

    def at(row, column):
        return corner["x"] + left + (column + 0.5) * cell, corner["y"] + top + (row + 0.5) * cell

    shared.page.mouse.click(*at(1, 5))
    assert shared.place() == (17, 1, 5)
    shared.page.touchscreen.tap(*at(6, 0))
    assert shared.place() == (17, 6, 0)
    shared.press("row", "ArrowLeft", 2)
    shared.press("column", "End")
    assert shared.place() == (17, 4, 6)
    # On the input: the output whose field is centred nearest to the place pressed.
    x0, y0, x1, y1 = shared.box("input-edge")
    pixel = (x1 - x0) / 224
    shared.page.mouse.move(corner["x"] + x0 + 110 * pixel, corner["y"] + y0 + 110 * pixel)
    shared.page.mouse.down()
    assert shared.place() == (17, 3, 3)
    shared.page.mouse.move(corner["x"] + x0 + 50 * pixel, corner["y"] + y0 + 175 * pixel)
    shared.page.mouse.up()
    assert shared.place() == (17, 5, 1)
    # Another layer sees from the same place.
    shared.press("layer", "ArrowLeft", 14)
    figure = ReceptiveFieldExplorer("vgg16", layer=3)
    layer, row, column = shared.place()
    centre = [figure.field.start + index * figure.field.jump + figure.field.size / 2 for index in (row, column)]
    assert layer == 3
    assert centre == pytest.approx([-90 + 5 * 32 + 106, -90 + 1 * 32 + 106], abs=16)
    shared.page.locator(".rfe-row").nth(8).click()
    assert shared.place()[0] == 6, "below the head and the input"


def test_the_cone_is_what_the_output_sees_at_every_layer(shared):
    shared.follow("net=lenet5&layer=3&at=2_1")
    figure = ReceptiveFieldExplorer("lenet5", layer=3, row=2, column=1)
    labels = shared.page.evaluate(
        "[...document.querySelectorAll('.rfe-row:not(.rfe-head) > :nth-child(8)')].map((cell) => cell.ariaLabel)"
    )
    spans = [f"{one.start} to {one.end - 1}" if one.end - one.start > 1 else f"{one.start}" for one in figure.seen[1]]
    assert labels[:6] == [*spans, "–"]
    windows = shared.page.locator(".rfe-cones .rfe-windows").get_attribute("d")
    widths = [float(width) for width in re.findall(r"h([\d.]+)v", windows)]
    pixels = [(one.end - one.start) * jump for one, jump in zip(figure.seen[1], (1, 1, 2, 2, 4), strict=True)]
    assert [width / widths[0] for width in widths] == pytest.approx([n / pixels[0] for n in pixels], rel=0.02)
    assert shared.page.locator(".rfe-cone").get_attribute("d").count("z") == 4


def test_a_small_network_can_be_made_ones_own(shared):
    shared.follow("net=alexnet")
    shared.page.get_by_role("button", name="Make it my own").click()
    assert shared.page.get_by_label("Network").input_value() == "own"
    figure = ReceptiveFieldExplorer("alexnet")
    assert [row[1:] for row in told(shared.table())] == [row[1:] for row in rows_of(figure)]
    assert not shared.slider("kernel").is_disabled()
    shared.follow("net=vgg16")
    assert shared.page.get_by_role("button", name="Make it my own").is_disabled(), "18 layers are too many"
    assert shared.slider("kernel").is_disabled()


def test_predict_first_hides_then_judges(shared):
    shared.follow("net=vgg16&layer=4&at=50_50&predict=1")
    form = shared.page.locator(".lf-predict")
    assert form.is_visible()
    assert shared.sentence().startswith("How many pixels wide is the receptive field of features.7?")
    table = shared.table()
    assert [row[3] for row in table[:6]] == ["1", "3", "5", "6", "10", "?"]
    assert {cell for row in table[5:] for cell in row[3:]} == {"?"}
    for part in ("field", "beam", "width", "read"):
        assert not shared.page.locator(f".rfe-stage .rfe-{part}").first.get_attribute("d"), part
    assert not shared.page.locator(".rfe-cones .rfe-windows").get_attribute("d")
    assert not shared.page.locator(".rfe-stage image").is_visible()
    assert shared.page.locator(".lf-result").all_text_contents() == ["?"] * 3
    shared.slider("layer").focus()
    shared.page.keyboard.press("Enter")  # to the answer
    shared.page.keyboard.type("14")
    shared.page.keyboard.press("Enter")  # checks it
    assert shared.sentence().startswith("Right, 14. Output (50, 50) of features.7 has a field of 14 × 14.")
    assert shared.page.evaluate("document.activeElement.dataset.trait") == "layer"
    shared.page.keyboard.press("ArrowRight")
    assert form.is_visible()
    shared.page.keyboard.press("Enter")
    shared.page.keyboard.type("15")
    shared.page.keyboard.press("Enter")
    assert shared.sentence().startswith("You said 15; it is 16.")
    shared.press("row", "ArrowRight")
    assert not form.is_visible(), "another output has the same field"
    shared.press("layer", "ArrowRight")
    shared.page.keyboard.press("Escape")
    assert not form.is_visible()
    assert shared.sentence().startswith("Output (")
    shared.page.get_by_label("Predict first").uncheck()


def test_everything_can_be_reached_and_used_by_keyboard(shared):
    shared.follow("net=own&size=16&stack=c3.1.1.1_p2.2.0.1")
    shared.page.locator("h1").click()
    reached = []
    for _ in range(40):
        shared.page.keyboard.press("Tab")
        name, outline, suppressed = shared.page.evaluate(
            """() => {
              const now = document.activeElement;
              const name = now === document.body ? "" : now.dataset.trait || now.type + now.textContent.trim();
              return [name, parseFloat(getComputedStyle(now).outlineWidth), now.dataset.lmSuppressShortcuts];
            }"""
        )
        if not name:
            break
        assert outline >= 2, f"no visible focus on {name}"
        assert suppressed == "true", f"{name} would lose its keys in JupyterLab"
        reached.append(name)
    assert {"layer", "row", "column", "kernel", "stride", "padding", "dilation", "size"} <= set(reached)
    assert {"buttonCopy link", "buttonAdd a layer after it", "buttonRemove it", "checkbox"} <= set(reached)


def test_the_status_is_spoken_once_the_reader_pauses(shared):
    shared.follow("net=lenet5&layer=1")
    shared.press("layer", "ArrowRight")
    shared.page.wait_for_function(
        "document.querySelector('[role=status]').textContent === document.querySelector('.lf-sentence').textContent"
    )
    assert "Output (" in shared.page.locator("[role=status]").text_content()


# ---- Links


def test_what_a_link_says_comes_back(shared):
    for start, change, link in [
        ("net=resnet18&layer=7&at=3_9", ("column", "ArrowRight"), "net=resnet18&layer=7&at=3_10"),
        (
            "net=own&size=20&stack=c5.2.2.1_p3.2.1.1&layer=0&effective=0",
            ("padding", "ArrowLeft"),
            "net=own&size=20&stack=c5.2.1.1_p3.2.1.1&layer=0&at=5_5&effective=0",
        ),
    ]:
        shared.follow(start)
        shared.press(*change)
        shared.page.wait_for_function("link => location.hash.endsWith(link)", arg=link)
        state = (shared.table(), shared.place(), shared.sentence())
        shared.choose("Preset", PRESETS[0])
        assert shared.table() != state[0]
        shared.follow(link)
        assert (shared.table(), shared.place(), shared.sentence()) == state


def test_what_a_link_leaves_out_or_gets_wrong(shared):
    for link, options in [
        ("net=alexnet", {"network": "alexnet"}),
        ("preset=LeNet-5%2C+C5", {"preset": "LeNet-5, C5"}),
        ("net=vgg16&layer=99&at=1_900", {"network": "vgg16", "row": 1}),
        ("net=resnet18&layer=x&at=", {"network": "resnet18"}),
        ("net=own&size=999&stack=c3.1.1.1&layer=0", {"stack": [("conv", 3, 1, 1)], "size": 16}),
    ]:
        shared.choose("Preset", "Three 3×3")
        shared.follow(link)
        figure = ReceptiveFieldExplorer(**options)
        assert told(shared.table()) == rows_of(figure)
        assert shared.place() == (figure.layer, figure.row, figure.column)
    shared.choose("Preset", "Three 3×3")
    before = shared.table()
    for wrong in ("c3.1.1", "c12.1.1.1", "x3.1.1.1", "c3.1.1.1_", "_".join(["c1.1.0.1"] * 9)):
        shared.follow(f"net=own&stack={wrong}")
        assert shared.table() == before
    shared.follow("net=toString")
    assert shared.table() == before
    shared.follow("predict=1")
    assert [row[:3] for row in shared.table()] == [row[:3] for row in before], "a link may only turn prediction on"
    assert shared.page.locator(".lf-predict").is_visible()
    shared.page.get_by_label("Predict first").uncheck()


# ---- Languages, looks, accessibility


def test_korean_page_has_no_english_words(reader):
    one = reader(lang="ko").open()
    names = "|".join(map(re.escape, ["LeNet", "AlexNet", "VGG", "ResNet", "Enter", "Esc", "features", "conv"]))
    for link in (
        "net=lenet5",
        "net=own&stack=c3.1.1.1_p2.2.0.1",
        "net=own&size=2&stack=c3.1.0.1",
        "net=vgg16&predict=1",
    ):
        one.follow(link)
        text = one.page.locator(".lf").inner_text() + one.page.evaluate(
            "[...document.querySelectorAll('.lf [aria-label]')].map((node) => node.ariaLabel).join(' ')"
        )
        assert "수용 영역" in text
        assert re.findall("[A-Za-z]{3,}", re.sub(names, "", text)) == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_no_violation(reader, theme):
    one = reader(theme=theme).open()
    assert violations(one.page) == []
    one.follow("net=own&size=6&stack=c3.1.0.1_c5.1.0.1")  # refused
    assert violations(one.page, colours_only=True) == []
    one.page.set_viewport_size({"width": 360, "height": 1000})
    one.follow("net=lenet5&predict=1")
    assert violations(one.page) == []


def test_nothing_shifts_and_nothing_sticks_out(reader):
    one = reader(viewport={"width": 900, "height": 3000})
    one.watch_shifts()
    for width in (360, 480, 600, 700, 900):
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
                cut = one.page.evaluate(
                    """[...document.querySelectorAll(".rfe-row > :nth-child(2)")].filter((cell) =>
                         cell.checkVisibility() && cell.scrollWidth > cell.clientWidth)
                         .map((cell) => cell.textContent)"""
                )
                assert cut == [], (width, lang, link)
                if link == LINKS[4]:
                    assert overlaps(one.page, 8) == [], (width, lang)
            assert len(set(heights.values())) == 1, (width, lang, heights)


LINKS = [
    "net=vgg16&at=0_0",
    "net=resnet18&layer=16&at=0_6",
    "net=resnet18&layer=17&predict=1",
    "net=lenet5&layer=0&at=20_20",
    "net=own&size=256&stack=" + "_".join(["c11.2.8.8"] * 7 + ["c11.8.8.8"]),
    "net=own&size=6&stack=c3.1.0.1_c5.1.0.1_p3.1.1.8&layer=2",
    "net=own&size=256&stack=" + "_".join(["c3.1.8.8"] * 8) + "&at=0_100",
    "net=own&size=2&stack=c3.1.1.1&layer=0",
]


def test_targets_are_large_enough_for_a_finger(reader):
    one = reader(viewport={"width": 360, "height": 2000}).open()
    for height in one.page.evaluate(
        """[...document.querySelectorAll(".lf :is(button, select, .lf-check, input[type=range], input[type=number])")]
             .filter((node) => node.checkVisibility()).map((node) => node.getBoundingClientRect().height)"""
    ):
        assert height >= 24


@pytest.mark.alone
def test_a_key_press_changes_the_page_within_16_ms(reader):
    one = reader().open(ReceptiveFieldExplorer("resnet18", row=0, column=0))
    times = one.key_times("layer", keys=("ArrowLeft", "ArrowRight"))
    assert statistics.median(times) <= 16, times


# ---- The Python side


def test_the_layers_come_from_the_networks_and_what_is_sent_is_small():
    figure = ReceptiveFieldExplorer()
    for key, network in figure.networks.items():
        assert [row["name"] for row in network["layers"]] == [layer.name for layer in layers_of(key)]
        for row in network["layers"]:
            effective = row["effective"]
            assert len(base64.b64decode(effective["cells"])) == effective["side"] ** 2
            assert max(base64.b64decode(effective["cells"])) == 255
    state = figure.get_state(drop_defaults=False)
    sent = {name: value for name, value in state.items() if name not in ("_esm", "_css")}
    assert len(json.dumps(sent, default=str)) < 150_000


def test_what_the_page_sends_reaches_the_traits_and_back():
    figure = ReceptiveFieldExplorer()
    assert (figure.network, figure.layer, figure.row, figure.out) == ("vgg16", 17, 3, 7)
    assert figure.field == (212, 32, -90)
    figure.set_state(
        {"network": "own", "stack": [["conv", 3, 1, 1, 1]], "size": 30, "layer": 0, "row": 29, "column": 0}
    )
    assert (figure.stack, figure.out, figure.field) == ((("conv", 3, 1, 1, 1),), 30, (3, 1, -1))
    assert figure.seen == seen([(3, 1, 1)], 30, (29, 0))
    figure.size = 10
    assert figure.row == 9, "kept within what there is"
    figure.network = "alexnet"
    assert (figure.layer, figure.out, figure.row) == (0, 55, 9)
    figure.network, figure.stack = "own", [("conv", 11)]
    assert (figure.out, figure.seen, figure.row) == (None, None, 0)
    assert figure.get_state("stack")["stack"] == (("conv", 11, 1, 0, 1),)


def test_what_is_left_out_is_the_last_layer_and_the_output_in_the_middle():
    figure = ReceptiveFieldExplorer(stack=[("conv", 3), ("pool", 2)])
    assert (figure.network, figure.size, figure.layer, figure.out, figure.row, figure.column) == ("own", 16, 1, 7, 3, 3)
    assert ReceptiveFieldExplorer(preset="VGG-16, second convolution", row=0).field.size == 5


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"network": "vgg19"}, "network must be one of 'lenet5', 'alexnet', 'vgg16', 'resnet18', 'own', got 'vgg19'"),
        ({"network": "lenet5", "layer": 5}, "layer must be a whole number from 0 to 4, got 5"),
        ({"network": "lenet5", "row": 1}, "row must be a whole number from 0 to 0, got 1"),
        ({"column": -1}, "column must be a whole number from 0 to 383, got -1"),
        ({"size": 0}, "size must be a whole number from 1 to 256, got 0"),
        ({"stack": []}, r"stack must be a list of 1 to 8 layers, got \[\]"),
        ({"stack": [("conv", 1)] * 9}, "stack must be a list of 1 to 8 layers"),
        ({"stack": "conv"}, "stack must be a list of 1 to 8 layers, got 'conv'"),
        ({"stack": [("conv", 3), ("relu", 1)]}, r"stack\[1\] must be \(\"conv\" or \"pool\", .* got \('relu', 1\)"),
        ({"stack": [("conv",)]}, r"stack\[0\] must be "),
        ({"stack": [("conv", 12)]}, r"stack\[0\]: kernel must be a whole number from 1 to 11, got 12"),
        ({"stack": [("conv", 3, True)]}, r"stack\[0\]: stride must be .* got True"),
        ({"stack": [("conv", 3, 1, 1.5)]}, r"stack\[0\]: padding must be .* got 1.5"),
        ({"stack": [("pool", 9)]}, r"stack\[0\]: stride must be a whole number from 1 to 8, got 9"),
        ({"preset": "VGG-19"}, "preset must be one of 'LeNet-5, C5'"),
    ],
)
def test_illegal_values_are_refused_in_words(options, message):
    with pytest.raises(ValueError, match=message):
        ReceptiveFieldExplorer(**options)


def test_text_form_and_fallback_table():
    assert repr(ReceptiveFieldExplorer()) == "ReceptiveFieldExplorer(network='vgg16', layer=17, row=3, column=3)"
    own = repr(ReceptiveFieldExplorer(stack=[("conv", 3)]))
    assert own.endswith("row=7, column=7, stack=[('conv', 3, 1, 0, 1)], size=16)")
    fallback = ReceptiveFieldExplorer().fallback
    assert set(fallback) == {"en", "ko"}
    for table in fallback.values():
        assert table.count("<tr>") == 1 + len(PRESETS)
        assert "<td>7</td><td>212</td><td>32</td><td>−90</td>" in table
    assert "VGG-16, 마지막 풀링" in fallback["ko"]
