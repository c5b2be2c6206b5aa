"""The convolution playground as a reader meets it: on a page without a kernel, in Chromium."""

import json
import re
import statistics

import golden_convolution
import pytest
import torch
from accessibility import violations
from focus_rings import overlaps
from PIL import Image
from reader import Reader, fixture, shared_fixture

from companion.figures import ConvolutionPlayground
from companion.figures.convolution import moved
from companion.shapes import conv_output_size
from companion.weights import pretrained

STEM = pretrained("efficientnet_lite0").model.features[0][0]
START = "image=cat&preset=Sobel+x&S=1&P=0&flip=0&scale=signed&pixel=38_51"


def playground(**options) -> ConvolutionPlayground:
    return ConvolutionPlayground(**{"filters": STEM.weight} | options)


def number(text: str) -> float:
    return float(text.replace("−", "-"))


class PlaygroundReader(Reader):
    drawn = ".lf .cp-cell"
    figure = staticmethod(playground)

    def go(self, state=START):
        """The same page in another state; what `state` leaves out is as `START` says."""
        merged = dict(part.split("=") for part in f"{START}&{state}".strip("&").split("&"))
        if "k=" in state:
            del merged["preset"]
        self.page.evaluate(
            """(hash) => new Promise((resolve) => {
              addEventListener("hashchange", resolve, { once: true });
              history.replaceState(null, "", "#");
              location.hash = hash;
            })""",
            "fig=convolution&" + "&".join(f"{key}={value}" for key, value in merged.items()),
        )
        return self

    def type(self, k, text):
        """Key by key, in place of the weight that was there."""
        self.weight(k).focus()
        self.page.keyboard.press("Control+A")
        self.page.keyboard.press("Delete")
        self.page.keyboard.type(text)

    def invalid(self):
        cells = self.page.locator(".cp-grid:not([hidden]) [aria-invalid=true]")
        return cells.evaluate_all("(cells) => cells.map((cell) => cell.dataset.k)")

    def menu(self, label):
        return self.page.locator(".lf-select", has_text=re.compile(f"^{label} ")).locator("select")

    def choose(self, label, name):
        self.menu(label).select_option(label=name)

    def visible(self, kind):
        """The texts, one per weight, of the cells' pixels or products."""
        return self.page.locator(f".cp-grid:not([hidden]) .cp-{kind}").all_text_contents()

    def weight(self, k):
        return self.page.locator(f".cp-grid:not([hidden]) input[data-k='{k}']")

    def total(self):
        return number(self.page.locator(".cp-products .lf-result").inner_text())

    def place(self):
        return tuple(int(self.slider(trait).input_value()) for trait in ("row", "column"))

    def outputs(self):
        """Rows and columns, as the heading says them."""
        return tuple(map(int, re.findall(r"\d+", self.page.locator(".cp-heading").nth(1).inner_text())))

    def values(self):
        return [number(text) for text in re.findall(r"−?\d+(?:\.\d+)?", self.page.locator(".cp-values").inner_text())]

    def painted(self, which):
        """{rows, columns, the red byte of each pixel, the number of transparent pixels} of the input or the output."""
        return self.call(
            """(which) => {
              const shown = document.querySelectorAll(".cp-canvas")[which];
              const copy = document.createElement("canvas");
              Object.assign(copy, { width: shown.width, height: shown.height });
              const context = copy.getContext("2d", { willReadFrequently: true }); // or Chromium warns
              context.drawImage(shown, 0, 0);
              const { data } = context.getImageData(0, 0, copy.width, copy.height);
              const every = (start) => [...data].filter((_, i) => i % 4 === start);
              const clear = every(3).filter((alpha) => alpha === 0).length;
              return { rows: copy.height, columns: copy.width, red: every(0), clear };
            }""",
            which,
        )


reader = fixture(PlaygroundReader)
shared = shared_fixture(PlaygroundReader, has_touch=True)


# ---- The arithmetic

IMPORT = """
  const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
  const { convolve, moved, reshape, slideOver, terms, weightOf } = await import(url);
"""


def test_pure_functions_equal_pytorch_on_the_golden_table(shared):
    table = golden_convolution.states()
    wanted = [golden_convolution.expected(state) for state in table]
    assert sum(values.numel() for values in wanted) >= 10_000
    assert {(s["stride"], s["padding"], s["flip"], len(s["pixels"])) for s in table} == {
        (stride, padding, flip, channels)
        for stride in range(1, 5) for padding in range(3) for flip in (False, True) for channels in (1, 3)
    }  # fmt: skip
    sent = []
    for state in table:
        _, rows, columns = state["pixels"].shape
        flat = {key: state[key].flatten().tolist() for key in ("pixels", "kernel")}
        sent.append(state | flat | {"rows": rows, "columns": columns, "side": state["kernel"].shape[-1]})
    got = shared.call(
        f"""async (source, table) => {{ {IMPORT}
          return table.map((state) => {{
            const {{ rows, columns, values, least, most }} = convolve(state);
            const sums = [...values].map((_, at) => {{
              const summed = terms(state, Math.floor(at / columns), at % columns);
              return summed.reduce((sum, {{ product }}) => sum + product, 0);
            }});
            return {{ size: [rows, columns], values: [...values], least, most, sums }};
          }});
        }}""",
        str(ConvolutionPlayground._esm),
        sent,
    )
    for state, right, answer in zip(sent, wanted, got, strict=True):
        size = conv_output_size((state["rows"], state["columns"]), state["side"], state["stride"], state["padding"])
        assert tuple(answer["size"]) == size == tuple(right.shape)
        exact = state["kind"] == "whole"
        for name in ("values", "sums"):
            given = torch.tensor(answer[name], dtype=torch.float64).reshape(size)
            assert torch.allclose(given, right, rtol=0, atol=0 if exact else 1e-12), (name, state)
        ends = [right.min().item(), right.max().item()]
        assert [answer["least"], answer["most"]] == pytest.approx(ends, rel=0, abs=1e-12)


def test_what_is_typed_is_a_weight_as_the_golden_table_says(shared):
    table = golden_convolution.typed()
    wanted = [golden_convolution.weight_of(text) for text in table]
    assert len(table) > 3_000
    assert min(wanted.count(None), len(table) - wanted.count(None)) > 500
    got = shared.call(
        f"async (source, table) => {{ {IMPORT} return table.map((text) => weightOf(text) ?? null); }}",
        str(ConvolutionPlayground._esm),
        table,
    )
    wrong = [row for row in zip(table, wanted, got, strict=True) if row[1] != row[2]]
    assert wrong == []
    figure = playground()
    for weight in {weight for weight in got if weight is not None}:
        figure.kernel = [weight] * 9
        assert figure.kernel == (weight,) * 9, "what the page takes, Python's side takes as well"


def test_the_page_and_python_move_a_pixel_alike(shared):
    table = golden_convolution.moves()
    assert len(table) > 5_000
    got = shared.call(
        f"async (source, table) => {{ {IMPORT} return table.map((one) => moved(...one)); }}",
        str(ConvolutionPlayground._esm),
        table,
    )
    assert got == [golden_convolution.moved_to(*one) for one in table] == [moved(*one) for one in table]


def test_a_kernel_that_does_not_fit_is_an_error_and_a_reshaped_one_keeps_its_numbers(shared):
    refused, larger, smaller, colours, grey = shared.call(
        f"""async (source) => {{ {IMPORT}
          let refused = "";
          try {{ convolve({{ pixels: [1, 2, 3, 4], rows: 2, columns: 2, kernel: Array(9).fill(1), side: 3 }}); }}
          catch (error) {{ refused = error.message; }}
          const kernel = [1, 2, 3, 4, 5, 6, 7, 8, 9];
          const larger = reshape(kernel, 25);
          const colours = reshape(kernel, 27);
          return [refused, larger, reshape(larger, 9), colours, reshape(colours, 9)];
        }}""",
        str(ConvolutionPlayground._esm),
    )
    assert refused == "a 3×3 kernel does not fit into 2×2"
    assert torch.tensor(larger).reshape(5, 5)[1:4, 1:4].flatten().tolist() == smaller == list(range(1, 10))
    assert sum(larger) == 45
    assert colours == [k / 3 for k in range(1, 10)] * 3
    assert grey == list(range(1, 10))


def test_whole_photographs_equal_pytorch(shared):
    states, right = [], []
    for image in ("cat", "coffee"):
        for preset in playground().presets:
            figure = playground(image=image, preset=preset["name"], padding=1, flip=image == "coffee")
            traits = {"kernel": figure.kernel, "stride": figure.stride, "padding": 1, "flip": figure.flip}
            states.append(traits | {"image": image, "channels": figure.channels, "side": figure.weight.shape[-1]})
            right.append(figure.output)
    got = shared.call(
        f"""async (source, images, states) => {{ {IMPORT}
          return states.map((state) => {{
            const bytes = Uint8Array.from(atob(images[state.image]), (one) => one.charCodeAt(0));
            const pixels = slideOver(bytes, state.channels);
            return [...convolve({{ ...state, pixels, rows: 78, columns: 104 }}).values];
          }});
        }}""",
        str(ConvolutionPlayground._esm),
        playground().images,
        states,
    )
    for values, wanted in zip(got, right, strict=True):
        given = torch.tensor(values, dtype=torch.float64).reshape(wanted.shape)
        assert torch.allclose(given, wanted, rtol=0, atol=1e-12)


def test_a_network_filter_gives_what_the_networks_first_layer_gives():
    figure = playground(image="coffee")
    norms = STEM.weight.detach().double().flatten(1).norm(dim=1)
    names = [preset["name"] for preset in figure.presets if "EfficientNet" in preset["name"]]
    numbers = [int(name.split()[-1]) for name in names]
    assert numbers == norms.topk(6).indices.tolist()
    for name, index in zip(names, numbers, strict=True):
        one = playground(image="coffee", preset=name)
        with torch.no_grad():
            layer = STEM(one.pixels[None].float())[0, index]
        # At an even size the network's own padding is one row below and one column to the right.
        assert layer.shape == (39, 52)
        assert one.output.shape == (38, 51)
        assert torch.allclose(one.output.float(), layer[:38, :51], atol=1e-4)


# ---- The page


def test_presets(shared):
    shared.go()
    for preset in playground().presets:
        name = preset["name"]
        shared.go("S=3&P=2&flip=1&pixel=13_18")
        shared.choose("Preset", name)  # it brings stride, padding and flip along
        figure = playground(preset=name)
        assert figure.stride == (2 if "EfficientNet" in name else 1)
        output = figure.output
        assert shared.outputs() == tuple(output.shape)
        assert [shared.slider(trait).input_value() for trait in ("stride", "padding")] == [str(figure.stride), "0"]
        assert not shared.page.get_by_label("flip the kernel").is_checked()
        assert shared.values() == pytest.approx([output.min().item(), output.max().item()], abs=0.00501)
        row, column = shared.place()
        assert (row, column) == pytest.approx((figure.row, figure.column), abs=1), "the middle stays the middle"
        assert shared.total() == pytest.approx(output[row, column].item(), abs=0.00501)
        assert shared.menu("Preset").input_value() == name
        assert shared.page.locator(".cp-grid:not([hidden])").count() == 1
        assert len(shared.visible("product")) == len(figure.kernel)


@pytest.mark.parametrize("flip", [0, 1])
def test_the_window_its_products_and_their_sum(shared, flip):
    kernel = [1, 2, 3, 4, 5, 6, 7, 8, -9]
    shared.go(f"k={'_'.join(map(str, kernel))}&S=3&P=2&flip={flip}&pixel=0_7")
    figure = playground(kernel=kernel, stride=3, padding=2, flip=bool(flip))
    window = torch.nn.functional.pad(figure.pixels, (2, 2, 2, 2))[0, 0:3, 21:24]
    products = window * figure.weight[0, 0]
    assert [number(text) for text in shared.visible("pixel")] == window.flatten().tolist()
    assert [number(text) for text in shared.visible("product")] == products.flatten().tolist()
    assert [number(shared.weight(k).input_value()) for k in range(9)] == figure.weight.flatten().tolist()
    assert shared.total() == products.sum() == figure.output[0, 7]
    formula = shared.page.locator(".cp-formula").text_content()
    index = "2−a,2−b" if flip else "a,b"
    assert formula == f"y[0,7]=∑a,bk[{index}]·x[a−2,b+19]"
    summed = shared.page.locator(".cp-products").inner_text()
    assert [abs(number(one)) for one in re.findall(r"\d+", summed)][:9] == products.abs().flatten().tolist()
    assert shared.page.locator(".cp-outside").count() == 6
    assert shared.sentence() == (
        f"The output has 27 rows and 36 columns, with values from {figure.output.min():g} to {figure.output.max():g}."
        f" In row 0, column 7 the 9 products sum to {figure.output[0, 7]:g}. 6 of the pixels there are padding."
    ).replace("-", "−")
    sizes = shared.page.locator(".cp-sizes math").all_text_contents()
    assert sizes == ["rows=⌊78+2·2−33⌋+1=27", "columns=⌊104+2·2−33⌋+1=36"]


def test_the_frame_is_where_the_window_is(shared):
    shared.go("S=2&P=1&pixel=10_20")
    boxes = shared.call(
        """() => [...document.querySelectorAll(".cp-frame")].map((frame) => {
          const outer = frame.parentElement.getBoundingClientRect();
          const inner = frame.getBoundingClientRect();
          return [(inner.left - outer.left) / outer.width, (inner.top - outer.top) / outer.height,
            inner.width / outer.width];
        })"""
    )
    # The input is drawn with room for two rows and columns of padding.
    assert boxes[0] == pytest.approx([(2 * 20 - 1 + 2) / 108, (2 * 10 - 1 + 2) / 82, 3 / 108], abs=1e-3)
    assert boxes[1][:2] == pytest.approx([20 / 52, 10 / 39], abs=1e-3)


def test_the_greys_are_as_stated(shared):
    figure = playground(kernel=[0, 0, 0, 0, 2, -1, 0, 0, 0], stride=2, padding=1)
    for scale in ("signed", "picture"):
        shared.go(f"k=0_0_0_0_2_-1_0_0_0&S=2&P=1&scale={scale}")
        output = figure.output
        largest = output.abs().max()
        black, white = (-largest, largest) if scale == "signed" else (0, 255)
        levels = (255 * (output - black) / (white - black)).clamp(0, 255)
        painted = shared.painted(1)
        assert (painted["rows"], painted["columns"]) == tuple(output.shape)
        red = torch.tensor(painted["red"]).reshape(output.shape)
        assert (red - levels).abs().max() <= 0.501
        assert painted["clear"] == 0
        marks = [number(text.split()[-1]) for text in shared.page.locator(".cp-legend span > span").all_inner_texts()]
        assert marks == [float(black), float(black + white) / 2, float(white)]
    inside = torch.tensor(shared.painted(0)["red"]).reshape(82, 108)
    assert torch.equal(inside[2:-2, 2:-2], figure.pixels[0].long())
    assert inside[1].sum() == 0, "padding is black"
    assert shared.painted(0)["clear"] == 2 * 82 + 2 * 108 - 4, "and where there is none, there is no picture"
    shared.choose("Preset", "EfficientNet-Lite0 filter 21")
    assert "(x − 127)/128" in shared.page.locator(".cp-input").inner_text()


def test_a_pixel_is_pointed_at_by_mouse_by_finger_and_by_keyboard(shared):
    shared.go("S=2&P=1")
    place = shared.place
    shared.page.locator(".cp-box").first.scroll_into_view_if_needed()
    box = shared.page.locator(".cp-inner").nth(1).bounding_box()
    shared.page.mouse.click(box["x"] + 9.5 * box["width"] / 52, box["y"] + 3.5 * box["height"] / 39)
    assert place() == (3, 9)
    shared.page.touchscreen.tap(box["x"] + 51.5 * box["width"] / 52, box["y"] + 38.5 * box["height"] / 39)
    assert place() == (38, 51)
    box = shared.page.locator(".cp-inner").nth(0).bounding_box()
    shared.page.mouse.click(box["x"] + 22.5 * box["width"] / 108, box["y"] + 42.5 * box["height"] / 82)
    assert place() == (20, 10), "pixel 40, 20 is the middle of that window"
    shared.press("row", "ArrowLeft")
    shared.press("column", "ArrowRight", 2)
    assert place() == (19, 12)
    shared.press("column", "End")
    shared.press("row", "End")
    assert place() == (38, 51), "the last of this output"
    shared.press("stride", "End")
    assert place() == (19, 25), "and of the smaller one"
    assert shared.total() == pytest.approx(playground(stride=4, padding=1).output[19, 25].item())
    figure = playground()
    shared.go()
    for trait, key, value in (("stride", "ArrowRight", 2), ("padding", "End", 2), ("stride", "End", 4)):
        shared.press(trait, key)
        setattr(figure, trait, value)
        assert place() == (figure.row, figure.column), "both sides keep the place in the picture"
    assert place() == (10, 13) == tuple(size // 2 for size in figure.output_size)


def test_weights_are_edited_and_kept_in_range(shared):
    shared.go()
    figure = playground()
    for k, text, weight in ((4, "0.5", 0.5), (0, "-3", -3), (8, "0,25", 0.25), (1, "1/3", 1 / 3), (2, "−9", -9)):
        shared.type(k, text)
        figure.kernel = figure.kernel[:k] + (weight,) + figure.kernel[k + 1 :]
        assert shared.total() == pytest.approx(figure.output[38, 51].item(), abs=0.00501)
        shared.page.keyboard.press("Enter")
        assert number(shared.weight(k).input_value()) == pytest.approx(weight, abs=5e-5)
        assert shared.invalid() == []
    assert shared.menu("Preset").input_value() == ""
    shared.weight(4).focus()
    shared.page.keyboard.press("ArrowUp")
    assert float(shared.weight(4).input_value()) == 1.5
    shared.weight(2).focus()
    shared.page.keyboard.press("ArrowDown")
    assert shared.weight(2).input_value() == "−10"
    shared.weight(2).fill("-98.5")
    shared.page.keyboard.press("ArrowDown")
    assert shared.weight(2).input_value() == "−99", "kept in range"
    shared.go("preset=identity&scale=picture")
    for k in range(9):
        shared.type(k, "1/9")
    assert shared.menu("Preset").input_value() == "box blur 3×3"
    shared.go("preset=sharpen&flip=1")
    shared.weight(0).fill("7")  # the cells show the turned kernel
    shared.page.wait_for_function("location.hash.includes('k=0_-1_0_-1_5_-1_0_-1_7')")
    shared.choose("Kernel", "5 × 5")
    assert len(shared.visible("product")) == 25
    assert shared.outputs() == (74, 100)
    shared.choose("Kernel", "3 × 3 × RGB")
    assert len(shared.visible("product")) == 27


def test_what_is_no_weight_changes_nothing_and_is_said(shared):
    shared.go("k=0_0_0_0_7_0_0_0_-2")
    before = (shared.visible("product"), shared.values(), shared.total())
    rule = "Not changed. A weight is a number from −99 to 99, or a fraction such as 1/9."
    for text in ("1e3", "100", "-", "1/0", "1e-9", "1.2.3", "abc", "", "3 4", "500/3"):
        shared.type(4, text)
        assert (shared.visible("product"), shared.values(), shared.total()) == before, text
        assert shared.weight(4).input_value() == text, "what is being typed is not written over"
        shared.page.keyboard.press("Tab" if text == "100" else "Enter")
        assert (shared.visible("product"), shared.values(), shared.total()) == before, text
        assert (shared.weight(4).input_value(), shared.invalid()) == ("7", ["4"]), text
        assert shared.sentence() == rule
        described = shared.weight(4).get_attribute("aria-describedby")
        assert rule.endswith(shared.page.locator(f"#{described}").text_content())
        shared.type(4, "7")
        assert shared.invalid() == []
        assert shared.sentence().startswith("The output has 76 rows")
    shared.type(0, "x")
    shared.page.keyboard.press("Enter")
    shared.page.wait_for_function(
        "(rule) => document.querySelector('.lf [role=status]').textContent === rule", arg=rule
    )
    assert violations(shared.page, colours_only=True) == []
    shared.press("stride", "ArrowRight")
    assert shared.invalid() == [], "any change takes it back"
    assert shared.sentence().startswith("The output has 38 rows")


def test_what_looks_like_a_whole_number_is_one(shared):
    shared.go("k=0_0_0_0_1_0_0_0_0")
    for text, shown in (("0.0000001", "0"), ("0.00001", "0.0000"), ("2.000001", "2.0000"), ("0,3", "0.3")):
        shared.type(4, text)
        shared.page.keyboard.press("Enter")
        assert shared.weight(4).input_value() == shown
        whole = "." not in shown
        assert ("." in shared.visible("product")[4]) != whole
        assert ("." in shared.page.locator(".cp-values").inner_text().rstrip(".")) != whole


def test_everything_can_be_reached_and_used_by_keyboard(shared):
    shared.go()
    shared.page.locator("h1").click()
    reached = []
    for _ in range(40):
        shared.page.keyboard.press("Tab")
        now = shared.call(
            """() => {
              const now = document.activeElement;
              if (now === document.body) return null;
              return { name: now.dataset.trait || now.dataset.k || now.textContent.trim().slice(0, 9) || now.type,
                outline: parseFloat(getComputedStyle(now).outlineWidth), own: now.dataset.lmSuppressShortcuts };
            }"""
        )
        if not now:
            break
        assert now["outline"] >= 2, f"no visible focus on {now['name']}"
        assert now["own"] == "true", f"{now['name']} would lose its keys in JupyterLab"
        reached.append(now["name"])
    assert {*map(str, range(9)), "row", "column", "stride", "padding", "checkbox", "Copy link"} <= set(reached)
    ranges = [name for name in reached if name in ("row", "column", "stride", "padding")]
    assert ranges[0] == "row", "the first slider only points"


def test_predict_first_hides_then_judges(shared):
    shared.go("S=2&P=1&predict=1")
    form = shared.page.locator(".lf-predict")
    assert form.is_visible()
    assert shared.sentence().startswith("How many rows and columns will the output have?")
    assert shared.page.locator(".cp-heading").nth(1).inner_text() == "Output, ? × ?"
    assert shared.page.locator(".cp-sizes .lf-result").all_text_contents() == ["?", "?"]
    painted = shared.painted(1)
    assert painted["clear"] == len(painted["red"])
    assert shared.slider("row").is_disabled()
    shared.slider("stride").focus()
    for answer in ("39", "52"):
        shared.page.keyboard.press("Enter" if answer == "39" else "Tab")  # to the answer
        shared.page.keyboard.type(answer)
    shared.page.keyboard.press("Enter")
    assert shared.sentence().startswith("Right, 39 rows and 52 columns. The output has 39 rows and 52 columns,")
    assert shared.page.evaluate("document.activeElement.dataset.trait") == "stride"
    shared.weight(4).fill("3")
    assert not form.is_visible(), "the numbers of the kernel change no size"
    shared.press("stride", "ArrowRight")
    assert form.is_visible()
    shared.page.keyboard.press("Enter")
    shared.page.keyboard.type("26")
    shared.page.locator(".lf-fields input").nth(1).fill("34")
    shared.page.keyboard.press("Enter")
    assert shared.sentence().startswith("You said 26 rows and 34 columns; it has 26 and 35.")
    shared.choose("Kernel", "5 × 5")
    shared.page.keyboard.press("Escape")
    assert not form.is_visible()
    assert shared.sentence().startswith("The output has 26 rows and 34 columns")
    shared.page.get_by_label("Predict first").uncheck()


def test_the_status_is_spoken(shared):
    shared.go("S=4")
    shared.page.wait_for_function(
        "document.querySelector('.lf [role=status]').textContent.startsWith('The output has 19 rows and 26 columns')"
    )


# ---- Links


def test_what_a_link_says_comes_back(shared, reader):
    shared.go("image=coffee&k=0.5_0_-1.25_0_0_3_0_0_-2&S=3&P=2&flip=1&scale=picture&pixel=4_6")
    shared.press("column", "ArrowRight")
    wanted = "fig=convolution&image=coffee&k=0.5_0_-1.25_0_0_3_0_0_-2&S=3&P=2&flip=1&scale=picture&pixel=4_7"
    shared.page.wait_for_function("(wanted) => location.hash === `#${wanted}`", arg=wanted)
    state = (shared.visible("product"), shared.sentence(), shared.values())
    two = reader(hash=f"#{wanted}").open()
    assert (two.visible("product"), two.sentence(), two.values()) == state
    shared.go("preset=box+blur+5×5")
    shared.press("row", "ArrowRight")
    shared.page.wait_for_function("decodeURIComponent(location.hash).includes('preset=box+blur+5×5&S=1&P=0')")


def test_what_a_link_leaves_out_or_gets_wrong_stays(shared):
    shared.go("S=2")
    before = (shared.visible("product"), shared.sentence())
    for wrong in ("image=dog&S=9&P=x&scale=red&pixel=999_x&k=1_2_3", "preset=none&k=1_2_3_4_5_6_7_8_100", "k=_"):
        shared.page.evaluate(
            """(hash) => new Promise((resolve) => {
              addEventListener("hashchange", resolve, { once: true });
              location.hash = hash;
            })""",
            f"fig=convolution&{wrong}",
        )
        assert (shared.visible("product"), shared.sentence()) == before


# ---- Speed


@pytest.mark.alone
@pytest.mark.parametrize(("control", "preset", "bound"), [
    ("row", "Sobel+x", 16), ("stride", "Sobel+x", 50), ("weight", "Sobel+x", 50),
    ("weight", "Gaussian+blur+5×5", 50), ("weight", "EfficientNet-Lite0+filter+21", 50),
])  # fmt: skip
def test_a_key_press_changes_the_page_in_time(shared, control, preset, bound):
    shared.go(f"preset={preset}&S=1")
    if control == "weight":
        times = shared.key_times(shared.weight(4), keys=("ArrowUp", "ArrowDown"))
    else:
        times = shared.key_times(control)
    assert statistics.median(times) <= bound, times


# ---- Languages, looks, accessibility


def test_korean_page_has_no_english_words_and_breaks_no_rule(reader):
    one = reader(lang="ko", viewport={"width": 360, "height": 1000}).open(playground(preset="sharpen", predict=True))
    words = """() => document.querySelector(".lf").innerText + [...document.querySelectorAll(".lf [aria-label]")]
      .map((node) => node.ariaLabel).join(" ")"""
    for asking in (True, False):
        text = one.call(words)
        assert one.page.locator(".lf-predict").is_visible() == asking
        assert "고양이" in text
        assert re.findall("[A-Za-z]{3,}", re.sub("RGB|Enter|Esc|EfficientNet-Lite0", "", text)) == []
        for theme in ("light", "dark"):
            one.page.evaluate("(theme) => { document.documentElement.dataset.theme = theme; }", theme)
            assert violations(one.page) == [], theme
        if asking:
            one.page.get_by_role("button", name="건너뛰기").click()
    assert one.sentence().startswith("출력은 76행 102열이고, 값은 ")


def test_axe_finds_no_violation(shared):
    shared.go("P=2&S=3&pixel=0_0")
    for name in ("Sobel x", "box blur 5×5", "EfficientNet-Lite0 filter 21"):
        shared.choose("Preset", name)
        for theme in ("light", "dark"):
            shared.page.evaluate("(theme) => { document.documentElement.dataset.theme = theme; }", theme)
            assert violations(shared.page, colours_only=name != "Sobel x") == [], (name, theme)
    shared.page.evaluate("document.documentElement.dataset.theme = 'light'")


@pytest.mark.parametrize("width", [360, 480, 620, 760, 900])
@pytest.mark.parametrize("lang", ["en", "ko"])
def test_nothing_shifts_and_nothing_sticks_out(reader, width, lang):
    one = reader(lang=lang, viewport={"width": width, "height": 3000})
    one.watch_shifts()
    one.open()
    assert one.shift() < 0.01
    figure, reserved = one.heights()
    assert reserved - figure < 120, "reserves much more than it needs"
    many = "_".join(["-98.7"] * 25)
    states = (
        "", "preset=box+blur+5×5&S=4&P=2&pixel=0_0", "preset=EfficientNet-Lite0+filter+1&S=2&P=2&flip=1&pixel=0_0",
        f"k={many}&P=2&flip=1&pixel=40_60", f"k={'_'.join(['-9.87'] * 27)}&S=1&P=2&pixel=0_0",
        "preset=sharpen&predict=1",
    )  # fmt: skip
    for state in states:
        one.go(state)
        heights = [one.page.locator(".lf").bounding_box()["height"]]
        if "predict" in state:
            form = one.page.locator(".lf-predict fieldset").bounding_box()["height"]
            assert form <= one.page.locator(".cp-box").nth(1).bounding_box()["height"]
            for field in (0, 1):
                one.page.locator(".lf-fields input").nth(field).fill("999")
            one.page.locator(".lf-predict button[type=submit]").click()
            heights.append(one.page.locator(".lf").bounding_box()["height"])
        assert set(heights) == {figure}, state
        assert one.page.evaluate("document.documentElement.scrollWidth") == width, state
        wide = one.call(
            """() => [...document.querySelectorAll(".cp-cell, .cp-sizes, .cp-formula, .cp-legend span")]
              .filter((node) => node.checkVisibility() && node.scrollWidth > node.clientWidth + 1 && node.clientWidth)
              .map((node) => `${node.className} ${node.textContent} ${node.scrollWidth} ${node.clientWidth}`)"""
        )
        assert wide == [], state
        cut = one.call(
            """() => [...document.querySelectorAll(".cp-cell input")]
              .filter((node) => node.checkVisibility() && node.scrollWidth > node.clientWidth)
              .map((node) => node.value)"""
        )
        assert cut == [], state
        if not state or "=-9" in state:
            assert overlaps(one.page, 13) == [], state
        if state.startswith("k="):
            one.type(3, "1/0")
            one.page.keyboard.press("Enter")
            assert one.invalid() == ["3"]
            assert one.page.locator(".lf").bounding_box()["height"] == figure, "the message has its room"
    small = one.call(
        """() => [...document.querySelectorAll(".lf :is(button, select, .lf-check, input)")]
          .filter((node) => node.checkVisibility() && !node.matches("[type=checkbox]"))
          .map((node) => node.getBoundingClientRect().height).filter((height) => height < 24)"""
    )
    assert small == [], "large enough for a finger"


# ---- The Python side


def test_what_the_page_sends_reaches_the_traits_and_back():
    figure = playground()
    figure.set_state({"kernel": [0.5] * 27, "stride": 3, "padding": 2, "flip": True, "image": "coffee", "row": 6})
    assert (figure.kernel, figure.stride, figure.padding, figure.flip) == ((0.5,) * 27, 3, 2, True)
    assert (figure.image, figure.row, figure.channels, figure.output_size) == ("coffee", 6, 3, (27, 36))
    figure.set_state({"stride": 1, "row": 20, "column": 105})
    assert (figure.row, figure.column) == (20, 105), "the page has moved it"
    figure.stride = 4
    assert (figure.row, figure.column) == (moved(20, 80, 20), 26), "here it is Python that does"
    figure.kernel = [0.0] * 25
    figure.padding = 0
    assert (figure.row, figure.column) == (moved(moved(5, 20, 20), 20, 19), 24)
    figure.kernel = torch.eye(3, requires_grad=True)
    assert figure.get_state("kernel")["kernel"] == (1, 0, 0, 0, 1, 0, 0, 0, 1)
    figure.kernel = [[1, 0, 0], [0, 0, 0], [0, 0, 0]]
    assert figure.weight[0, 0, 2, 2] == 1, "turned"


def test_the_start_and_what_the_page_has_to_carry():
    figure = playground()
    assert (figure.kernel, figure.scale) == ((-1, 0, 1, -2, 0, 2, -1, 0, 1), "signed")
    assert (figure.row, figure.column) == (38, 51)
    state = figure.get_state(drop_defaults=False)
    assert len(json.dumps({key: value for key, value in state.items() if key != "layout"}, default=str)) < 150_000
    assert repr(figure) == "ConvolutionPlayground(image='cat', kernel=3×3, stride=1, padding=0, flip=False)"
    assert "kernel=3×3×3, stride=2" in repr(playground(preset="EfficientNet-Lite0 filter 21"))
    assert "kernel=5×5" in repr(playground(kernel=torch.zeros(5, 5)))
    own = ConvolutionPlayground({"grey": torch.full((3, 78, 104), 0.2)}, names={"ko": ["회색"]}, preset="identity")
    assert own.output.unique().tolist() == [51]
    assert own.names == {"en": ["grey"], "ko": ["회색"]}


def test_fallback_table_has_the_presets_in_both_languages():
    figure = playground()
    for language, table in figure.fallback.items():
        assert table.count("<tr>") == 1 + len(figure.presets)
        assert all((preset["ko"] if language == "ko" else preset["name"]) in table for preset in figure.presets)
        cells = f"<td>76 × 102</td><td>{figure.output.min():.4g}</td><td>{figure.output.max():.4g}</td>"
        assert cells in table


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kernel": [1.0] * 8}, r"kernel must be 9 numbers \(3×3 on grey\), 25 .* got 8"),
        ({"kernel": [100.0] * 9}, "kernel must be .* each from -99 to 99; got 9"),
        ({"kernel": ["1"] * 9}, "kernel must be a sequence of finite numbers"),
        ({"kernel": [[1, 2], [3]]}, "kernel must be a sequence of finite numbers"),
        ({"kernel": float("nan")}, "kernel must be a sequence of finite numbers|kernel must be 9"),
        ({"stride": 5}, "stride must be a whole number from 1 to 4, got 5"),
        ({"padding": -1}, "padding must be a whole number from 0 to 2, got -1"),
        ({"scale": "red"}, "scale must be one of 'picture', 'signed', got 'red'"),
        ({"row": 80}, "row must be a whole number from 0 to 79, got 80"),
        ({"column": 106}, "column must be a whole number from 0 to 105, got 106"),
        ({"image": "dog"}, "image must be one of 'cat', 'coffee', got 'dog'"),
        ({"preset": "Prewitt"}, "preset must be one of 'identity', .* got 'Prewitt'"),
        ({"images": {}}, "images must be 1 to 4 images by name"),
        ({"images": {"a": "cat.jpg"}}, r"images\['a'\] must be a .* tensor or a PIL image, got str"),
        ({"images": {"a": Image.new("RGB", (104, 77))}}, "at least 104 wide and 78 high, got 104×77"),
        ({"images": {"a": torch.zeros(1, 90, 120)}}, r"images\['a'\] must be \(3, H, W\) .* got \(1, 90, 120\)"),
        ({"names": {"ko": ["고양이"]}}, r"names\['ko'\] must be 2 names"),
        ({"filters": torch.zeros(8, 3, 5, 5)}, r"filters must be .* \(K, 3, 3, 3\), got shape \(8, 3, 5, 5\)"),
        ({"shown": 9}, "shown must be a whole number from 1 to 8, got 9"),
    ],
)
def test_illegal_values_are_refused_in_words(options, message):
    with pytest.raises(ValueError, match=message):
        playground(**options)


def test_an_illegal_value_leaves_the_trait_as_it_was():
    figure = playground()
    for trait, value in (("kernel", [1, 2]), ("image", "dog"), ("stride", 0)):
        before = getattr(figure, trait)
        with pytest.raises(ValueError, match=f"{trait} must be"):
            setattr(figure, trait, value)
        assert getattr(figure, trait) == before
