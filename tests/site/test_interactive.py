"""The interactive figures: by keys, mouse and ear, without scripts; right numbers."""

from __future__ import annotations

import gzip
import json
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page

from tests.weave.books import ROOT

pytestmark = pytest.mark.browser

DATA = re.compile(
    r'<figure class="interactive" id="[a-z0-9-]+" '
    r'data-figure="(?P<figure>\w+)"[^>]*>\s*'
    r'<script type="application/json">(?P<data>.*?)</script>'
)
FIGURES = {
    "neuron": "foundations/neurons/",
    "descent": "pytorch/gradient_descent/",
    "race": "training/optimizers/",
    "passes": "pytorch/backward_graph/",
    "filter": "training/vision/",
    "training": "lab/lab_2019/",
    "crossover": "tools/gpus/",
    "sizes": "tools/speed/",
    "variance": "training/initialization/",
}
each_figure = pytest.mark.parametrize("figure", FIGURES)

Opens = Callable[..., Page]


@pytest.fixture
def moving(open_page: Opens) -> Callable[..., Locator]:
    """`moving("descent", viewport={...})` is that figure, in sight and at work."""

    def find(figure: str, **reader: Any) -> Locator:
        page = open_page(FIGURES[figure], **reader)
        place = page.locator(f".interactive[data-figure={figure}]")
        place.evaluate("place => place.scrollIntoView()")
        place.locator("svg").wait_for()
        return place

    return find


def given(site: Path, figure: str) -> dict[str, Any]:
    """The data of a figure, as its page holds it."""
    text = (site / FIGURES[figure] / "index.html").read_text("utf-8")
    found = next(each for each in DATA.finditer(text) if each["figure"] == figure)
    data: dict[str, Any] = json.loads(found["data"])
    return data


def ask(place: Locator, question: str, *values: Any) -> Any:
    """What the figure's own module, as `m`, answers in the browser."""
    return place.evaluate(
        f"""async (place, v) => {{
            const {{src}} = document.querySelector("script[src$='/interactive.js']")
            const name = place.dataset.figure
            const m = await import(new URL(`interactive/${{name}}.js`, src))
            return {question}
        }}""",
        list(values),
    )


def test_every_interactive_figure_is_tested_here(site: Path) -> None:
    pages = {
        found["figure"]: f"{path.parent.relative_to(site).as_posix()}/"
        for path in site.rglob("*.html")
        for found in DATA.finditer(path.read_text("utf-8"))
    }
    assert pages == FIGURES


@each_figure
def test_keys_alone_move_the_figure_and_it_says_so(
    moving: Callable[..., Locator], figure: str
) -> None:
    place = moving(figure)
    page = place.page
    said = place.locator(".reading")
    for slider in place.get_by_role("slider").all():
        slider.focus()
        page.keyboard.press("Home")
        before = said.inner_text(), slider.get_attribute("aria-valuetext")
        page.keyboard.press("End")
        after = said.inner_text(), slider.get_attribute("aria-valuetext")
        assert all(old != new for old, new in zip(before, after, strict=True))
        assert slider.evaluate("slider => slider.labels.length") == 1
    page.wait_for_timeout(700)
    voice = place.get_by_role("status").inner_text()
    assert voice.split() == said.inner_text().split()


@each_figure
def test_it_follows_the_still_figure_which_stays(
    moving: Callable[..., Locator], figure: str
) -> None:
    place = moving(figure)
    still = place.page.locator(f"figure:has(+ .interactive[data-figure={figure}])")
    assert still.locator("img").is_visible()
    above, below = still.bounding_box(), place.bounding_box()
    assert above is not None
    assert below is not None
    assert above["y"] + above["height"] <= below["y"]
    assert place.locator("figcaption").inner_text().strip()


@each_figure
def test_it_has_a_number_and_an_address(
    moving: Callable[..., Locator], figure: str
) -> None:
    place = moving(figure)
    still = place.page.locator(f"figure:has(+ .interactive[data-figure={figure}])")
    before, after = (
        int(each.locator(".number").inner_text().split()[-1]) for each in (still, place)
    )
    assert after == before + 1
    place.locator(".number").click()
    place.page.wait_for_url(f"**/#{place.get_attribute('id')}")


@each_figure
def test_it_asks_before_it_tells(moving: Callable[..., Locator], figure: str) -> None:
    place = moving(figure)
    question = place.locator(".question")
    assert "?" in question.inner_text()
    answer = place.locator(".answer p")
    assert not answer.is_visible()
    place.locator(".answer summary").focus()
    place.page.keyboard.press("Enter")
    assert answer.is_visible()
    assert "undefined" not in answer.inner_text()
    asked, drawn = question.bounding_box(), place.locator("svg").bounding_box()
    assert asked is not None
    assert drawn is not None
    assert asked["y"] < drawn["y"]


@each_figure
@pytest.mark.parametrize("motion", ["no-preference", "reduce"])
def test_it_stands_still_until_it_is_played_and_can_be_paused(
    moving: Callable[..., Locator], figure: str, motion: str
) -> None:
    place = moving(figure, reduced_motion=motion)
    said = place.locator(".reading")
    first = said.inner_text()
    place.page.wait_for_timeout(800)
    assert said.inner_text() == first
    play = place.get_by_role("button", name="Play")
    play.focus()
    place.page.keyboard.press("Enter")
    place.page.wait_for_function(
        "([place, first]) => place.querySelector('.reading').innerText !== first",
        arg=[place.element_handle(), first],
    )
    place.get_by_role("button", name="Pause").click()
    paused = said.inner_text()
    place.page.wait_for_timeout(1800)
    assert said.inner_text() == paused
    assert play.is_visible()


@each_figure
def test_it_begins_at_its_beginning_and_plays_to_its_end(
    moving: Callable[..., Locator], figure: str
) -> None:
    place = moving(figure)
    name = {
        "neuron": "Input x₁", "descent": "Step t", "passes": "Step", "training": "Step",
        "filter": "Window",
        "crossover": "Samples in a step", "sizes": "Size of the matrices",
        "variance": "Layers passed",
        "race": "Step t",
    }[figure]  # fmt: skip
    slider = place.get_by_role("slider", name=name)
    if figure not in ("neuron", "crossover"):  # these begin where their page is
        assert slider.input_value() == slider.get_attribute("min")
    slider.focus()
    place.page.keyboard.press("End")
    place.page.keyboard.press("ArrowLeft")
    place.get_by_role("button", name="Play").click()
    place.get_by_role("button", name="Play").wait_for(timeout=5000)
    place.page.wait_for_function(
        "slider => slider.value === slider.max", arg=slider.element_handle()
    )


def drag(place: Locator, part: str, by: tuple[float, float]) -> None:
    """Take a part of the drawing with the mouse, and move it by so many pixels."""
    handle = place.locator(part)
    handle.evaluate("part => part.scrollIntoView({ block: 'center' })")
    box = handle.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    place.page.mouse.move(x, y)
    place.page.mouse.down()
    place.page.mouse.move(x + by[0], y + by[1], steps=4)
    place.page.mouse.up()


@pytest.mark.parametrize(
    ("figure", "part", "by", "sliders"),
    [
        ("neuron", ".handle:has(.now)", (-60, 40), {"Input x₁": -1, "Input x₂": -1}),
        ("neuron", ".handle:has(.tip)", (40, 0), {"Weight θ₁": 1}),
        ("neuron", ".handle:has(.border)", (0, -40), {"Bias b": -1}),
        ("descent", ".handle:has(.square)", (-60, 30), {"Start x₀": -1}),
        ("descent", ".handle:has(.now)", (80, 0), {"Step t": 1}),
        ("race", ".handle:has(.square)", (60, 30), {"Start θ₁": 1, "Start θ₂": -1}),
        ("race", ".handle:has(.now)", (80, 0), {"Step t": 1}),
        ("filter", ".handle", (70, 70), {"Window": 1}),
        ("training", ".handle:has(.now) >> visible=true", (80, 60), {"Step": 1}),
        ("crossover", ".handle >> nth=1", (0, -20), {"GPU: cost of": 1}),
        ("crossover", ".handle >> nth=0", (0, 20), {"CPU: rate": 1}),
        ("sizes", ".handle", (200, 0), {"Size of the matrices": 1}),
        ("variance", ".handle:has(.now)", (120, 0), {"Layers passed": 1}),
    ],
)
def test_the_thing_itself_can_be_dragged(
    moving: Callable[..., Locator],
    figure: str,
    part: str,
    by: tuple[float, float],
    sliders: dict[str, int],
) -> None:
    place = moving(figure)

    def value(name: str) -> float:
        return float(place.get_by_role("slider", name=name).input_value())

    before = {name: value(name) for name in sliders}
    drag(place, part, by)
    for name, sign in sliders.items():
        assert (value(name) - before[name]) * sign > 0, name


def test_a_dragged_arrow_ends_where_the_mouse_is(
    moving: Callable[..., Locator],
) -> None:
    place = moving("neuron")
    for tip, b in ([1.5, 2.0], 0.5), ([-1.0, 0.4], 0.0), ([2.0, -1.0], -1.0):
        theta = ask(place, "m.weightsTo(v[0], v[1], v[2])", tip, b, [0.5, 1.0])
        length2 = theta[0] ** 2 + theta[1] ** 2
        ends = [weight - b * weight / length2 for weight in theta]
        assert ends == pytest.approx(tip, abs=1e-9)


def test_a_pressed_node_shows_what_reaches_it(
    site: Path, moving: Callable[..., Locator]
) -> None:
    place = moving("passes")
    place.locator(".node", has_text="of z2").click()
    gradient = given(site, "passes")["received"]["z2"]
    assert "∂y/∂z₂ = ∂y/∂z₃ · x₃" in place.locator(".reading").inner_text()
    assert gradient in place.locator(".reading").inner_text()


def test_the_passes_move_on_the_graph_of_the_still_figure(
    site: Path, moving: Callable[..., Locator]
) -> None:
    data = given(site, "passes")
    place = moving("passes")
    place.get_by_role("slider", name="Step").focus()
    place.page.keyboard.press("End")
    tops = place.evaluate(
        """place => Object.fromEntries([...place.querySelectorAll(".node")].map(node =>
            [node.textContent, node.getBoundingClientRect().top]))"""
    )
    of = {
        name: text
        for text in tops
        for name in data["nodes"]
        if text.endswith((f"of {name}", f"into {name}.grad"))
    }
    for name, sender in data["sender"].items():
        assert tops[of[sender.split()[-1]]] < tops[of[name]]
    dashed = place.locator(".edge.none")
    assert dashed.count() == 2
    assert "grad" not in "".join(dashed.all_text_contents())
    flows = place.locator(".edge.flows")
    assert flows.count() == len(data["received"])
    for edge in flows.all():
        assert (
            edge.locator("path").first.evaluate(
                "path => getComputedStyle(path).strokeDasharray"
            )
            == "none"
        )
        value = edge.locator(".value").bounding_box()
        gradient = edge.locator(".gradient").bounding_box()
        assert value is not None
        assert gradient is not None
        assert value["y"] < gradient["y"]


def test_a_point_that_leaves_the_picture_leaves_a_mark(
    moving: Callable[..., Locator],
) -> None:
    place = moving("descent")
    place.get_by_label("1.1").check()
    slider = place.get_by_role("slider", name="Step t")
    slider.focus()
    place.page.keyboard.press("End")
    assert place.locator(".points path.off").count() > 0
    assert "beyond the picture" in (place.locator("svg").text_content() or "")


def test_a_key_speaks_of_the_lines_that_are_drawn(
    moving: Callable[..., Locator],
) -> None:
    place = moving("sizes")
    assert "there and back" in place.locator(".key").inner_text()
    place.get_by_label("bfloat16").check()
    assert "there and back" not in place.locator(".key").inner_text()


def test_no_ring_covers_a_tick(moving: Callable[..., Locator]) -> None:
    place = moving("training")
    place.get_by_label("the next 20 steps").check()
    covered = place.evaluate(
        """place => {
            const box = node => node.getBoundingClientRect()
            const rings = [...place.querySelectorAll(".dot")]
                .map(box).filter(b => b.width)
            return [...place.querySelectorAll(".axes text")].filter(text => {
                const t = box(text)
                return t.width && rings.some(ring =>
                    ring.left < t.right && t.left < ring.right
                    && ring.top < t.bottom && t.top < ring.bottom)
            }).map(text => text.textContent)
        }"""
    )
    assert covered == []


@each_figure
def test_without_scripts_there_is_the_still_figure(
    open_page: Opens, figure: str
) -> None:
    page = open_page(FIGURES[figure], java_script_enabled=False)
    place = page.locator(f"[data-figure={figure}]")
    box = place.bounding_box()
    assert box is None or box["height"] == 0
    assert page.locator(
        f"[data-figure={figure}] + figure img, figure:has(+ [data-figure={figure}]) img"
    ).first.is_visible()


@each_figure
@pytest.mark.parametrize("width", [360, 640])  # a phone; a laptop at 200 %
def test_nothing_of_it_is_cut_off(
    moving: Callable[..., Locator], figure: str, width: int
) -> None:
    place = moving(
        figure, viewport={"width": width, "height": 800}, device_scale_factor=2
    )
    outside = place.evaluate(
        """place => [...place.querySelectorAll("svg, text, input, label, p, button")]
            .filter(part => part.checkVisibility())
            .filter(part => {
                const box = part.getBoundingClientRect()
                return box.left < 0 || box.right > innerWidth + 1
            }).map(part => part.outerHTML.slice(0, 100))"""
    )
    assert outside == []
    assert place.evaluate("() => document.documentElement.scrollWidth") == width


@each_figure
def test_on_paper_the_still_figure_is_back(
    moving: Callable[..., Locator], figure: str
) -> None:
    place = moving(figure)
    place.page.emulate_media(media="print")
    assert not place.is_visible()
    still = place.page.locator(f"figure:has(+ .interactive[data-figure={figure}])")
    assert still.locator("img").is_visible()


@each_figure
def test_it_is_light(site: Path, figure: str) -> None:
    scripts = site / "assets" / "javascripts" / "interactive"
    data = json.dumps(given(site, figure), separators=(",", ":"))
    paths = [scripts / "kit.js", scripts / f"{figure}.js", *scripts.glob("kit/*.js")]
    texts = [data, *(path.read_text("utf-8") for path in paths)]
    assert sum(len(gzip.compress(text.encode())) for text in texts) < 40_000


def test_descent_goes_where_pytorch_goes(
    site: Path, moving: Callable[..., Locator]
) -> None:
    data = given(site, "descent")
    place = moving("descent")
    for rate, path in data["paths"].items():
        asked = ask(place, "m.descend(v[0], v[1])", float(rate), data["start"])
        assert asked == pytest.approx(path, rel=1e-4, abs=1e-6)
    place.get_by_role("slider", name="Step t").focus()
    place.page.keyboard.press("Home")
    for _ in range(3):
        place.page.keyboard.press("ArrowRight")
    reached = f"{data['paths']['0.7'][3]:.3f}".replace("-", "\N{MINUS SIGN}")
    assert f"x = {reached}" in place.locator(".reading").inner_text()


def test_the_neuron_computes_what_pytorch_computes(
    site: Path, moving: Callable[..., Locator]
) -> None:
    data = given(site, "neuron")
    place = moving("neuron")
    values = [data[name] for name in ("theta", "b", "x")]
    asked = ask(place, "m.neuron(v[0], v[1], v[2], 'logistic')", *values)
    assert asked["h"] == pytest.approx(data["h"], rel=1e-4)
    assert f"h = {data['h']:.4f}" in place.locator(".reading").inner_text()


def test_the_passes_show_the_gradients_of_the_live_graph(
    site: Path, moving: Callable[..., Locator]
) -> None:
    data = given(site, "passes")
    place = moving("passes")
    said = [place.locator(".reading").inner_text()]
    while place.get_by_role("button", name="Next").is_enabled():
        place.get_by_role("button", name="Next").click()
        said.append(place.locator(".reading").inner_text())
    backward = [text for text in said if "Backward:" in text]
    for gradient, text in zip(data["received"].values(), backward, strict=True):
        assert gradient in text
    drawn = place.locator(".edge").all_text_contents()
    for name, gradient in data["received"].items():
        assert any(f"grad {gradient}" in text for text in drawn), name


def test_the_training_has_the_objective_and_the_errors_of_pytorch(
    site: Path, moving: Callable[..., Locator]
) -> None:
    data = given(site, "training")
    place = moving("training")
    question = "v[0].map(w => [m.objective(w, v[1]), m.wrong(w, v[1])])"
    asked = ask(place, question, data["weights"], data["train"])
    assert [pair[0] for pair in asked] == pytest.approx(data["J_train"], rel=1e-4)
    assert [pair[1] for pair in asked] == data["wrong"]
    said = place.locator(".reading")
    assert f"{data['J_train'][0]:.4f}" in said.inner_text()
    place.get_by_role("slider", name="Step").focus()
    place.page.keyboard.press("End")
    assert f"{data['J_train'][-1]:.4f}" in said.inner_text()
    wrong, answer = data["wrong"], place.locator(".answer p").text_content() or ""
    first = next(i for i, count in enumerate(wrong) if count != wrong[0])
    assert f"Up to step {data['steps'][first - 1]:,}" in answer
    assert f"while {wrong[0]} samples" in answer


def test_the_crossover_is_where_the_chapter_says(
    site: Path, moving: Callable[..., Locator]
) -> None:
    data = given(site, "crossover")
    place = moving("crossover")
    said = place.locator(".reading").inner_text()
    assert f"from a width of {data['crossing']} on" in said
    place.get_by_role("slider", name="GPU: cost of").fill(
        f"{data['GPU'][0] / 2 * 1e6:.0f}"
    )
    halved = re.search(
        r"from a width of (\d+) on", place.locator(".reading").inner_text()
    )
    assert halved is not None
    answer = place.locator(".answer p").text_content()
    assert f"from {data['crossing']} to {halved[1]}, which" in (answer or "")


def test_the_sizes_have_the_times_that_a_machine_has_recorded(
    site: Path, moving: Callable[..., Locator]
) -> None:
    data = given(site, "sizes")
    results = ROOT / "recorded" / "cpu" / "results.json"
    recorded = json.loads(results.read_text("utf-8"))["modules"]["speed"]["result"]
    cell = next(c for c in recorded["cells"] if c["name"] == "crossing-figure")
    kept = json.loads(dict(cell["data"])["sizes"])
    one = data["recordings"][0]
    assert {name: one[name] for name in kept} == kept
    place = moving("sizes")
    asked = ask(place, "m.curves(v[0], 'float32')", one)
    assert asked["there and back"] == pytest.approx(kept["moved"], rel=1e-4)
    for size, seconds in asked["CPU"].items():
        speed = kept["speeds"]["cpu, float32"][size]
        assert seconds * speed * 1e9 == pytest.approx(2 * int(size) ** 3, rel=1e-4)
    said = place.locator(".reading").inner_text()
    if {each["device"] for each in data["recordings"]} == {"cpu"}:
        assert "only the CPU has been measured" in said
    assert f"Measured on {data['recordings'][-1]['machine']}" in place.inner_text()


def test_the_sizes_cross_where_all_larger_ones_are_faster(
    moving: Callable[..., Locator],
) -> None:
    place = moving("sizes")
    slow, fast = {"32": 1.0, "64": 1.0, "128": 1.0}, {"32": 2.0, "64": 0.5, "128": 0.1}
    assert ask(place, "m.firstFaster(v[0], v[1])", fast, slow) == 64
    assert ask(place, "m.firstFaster(v[0], v[1])", slow, fast) is None
    assert ask(place, "m.firstFaster(v[0], v[1])", slow, slow) is None
    gpu = {
        "device": "cuda",
        "speeds": {"cpu, TF32": {"32": 1.0}, "cuda, TF32": {"32": 4.0}},
        "moved": {"32": 1.0},
    }
    curves = ask(place, "m.curves(v[0], 'TF32')", gpu)
    assert curves == {
        "CPU": {"32": pytest.approx(2 * 32**3 / 1e9)},
        "cuda": {"32": pytest.approx(2 * 32**3 / 4e9)},
    }


def test_the_variance_is_that_of_pytorch_in_every_layer(
    site: Path, moving: Callable[..., Locator]
) -> None:
    data = given(site, "variance")
    place = moving("variance")
    for name, gain, there, back in data["expected"]:
        asked = ask(
            place, "m.deviations(m.network(v[0]), v[1], v[2])", data, gain, name
        )
        assert asked["there"] == pytest.approx(there, rel=1e-4)
        assert asked["back"] == pytest.approx(back, rel=1e-4)
    name, gain, there, back = next(
        each for each in data["expected"] if each[:2] == ["ReLU", 0.58]
    )
    said = place.locator(".reading")
    slider = place.get_by_role("slider", name="Layers passed")
    assert place.get_by_role("slider", name="Gain").input_value() == str(gain)
    slider.fill("3")
    assert f"layer 3: activations {float(f'{there[2]:.4g}')}" in said.inner_text()
    slider.fill("39")
    size, _, power = f"{back[1]:.3e}".partition("e")
    raised = str(int(power)).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
    assert f"layer 2: gradients {size} · 10{raised};" in said.inner_text()


def test_the_race_goes_where_torch_optim_goes(
    site: Path, moving: Callable[..., Locator]
) -> None:
    data = given(site, "race")
    place = moving("race")
    assert ask(place, "m.NAMES") == list(data["paths"])
    for name, path in data["paths"].items():
        settings = [data[key] for key in ("kappa", "turned", "start", "own")]
        asked = ask(place, "m.run(v[0], v[1], v[2], v[3], v[4])", name, *settings)
        assert len(asked) == len(path) == 61
        for ours, theirs in zip(asked, path, strict=True):
            assert ours == pytest.approx(theirs, rel=1e-4, abs=1e-6)
    place.get_by_role("slider", name="Step t").focus()
    place.page.keyboard.press("End")
    said = place.locator(".reading").inner_text()
    ends = {name: math.hypot(*path[-1]) for name, path in data["paths"].items()}
    for name, end in ends.items():
        shown = re.search(rf"{name} (\d+(?:\.\d+)?(?:e.\d+)?)", said)
        assert shown is not None
        value = float(shown[1].replace("\N{MINUS SIGN}", "-"))
        assert value == pytest.approx(end, rel=1e-2, abs=1e-4)
    assert min(ends, key=lambda name: ends[name]) == "momentum"  # as the answer says


def test_the_filter_gives_the_maps_of_pytorch(
    site: Path, moving: Callable[..., Locator]
) -> None:
    data = given(site, "filter")
    place = moving("filter")
    assert [*data["maps"]] == [*data["kernels"]]
    for name, sums in data["maps"].items():
        asked = ask(
            place, "m.correlate(v[0], v[1])", data["digit"], data["kernels"][name]
        )
        for ours, theirs in zip(asked, sums, strict=True):
            assert ours == pytest.approx(theirs, rel=1e-4, abs=1e-6)
        place.get_by_label(name).check()
        slider = place.get_by_role("slider", name="Window")
        slider.focus()
        place.page.keyboard.press("End")
        told = f"the sum is {sums[-1][-1]:.4f}".rstrip("0").rstrip(".")
        said = place.locator(".reading").inner_text()
        assert told.replace("-", "\N{MINUS SIGN}") in said


def test_an_edited_weight_of_the_filter_counts(
    site: Path, moving: Callable[..., Locator]
) -> None:
    data = given(site, "filter")
    place = moving("filter")
    weights = place.get_by_role("spinbutton")
    assert weights.count() == 9
    weights.nth(8).fill("3")
    kernel = [row[:] for row in data["kernels"]["left edge"]]
    kernel[2][2] = 3
    window = [row[:3] for row in data["digit"][:3]]
    total = sum(
        weight * pixel
        for weights_, pixels in zip(kernel, window, strict=True)
        for weight, pixel in zip(weights_, pixels, strict=True)
    )
    assert f"the sum is {total:g}" in place.locator(".reading").inner_text()
    assert place.get_by_label("your own").is_checked()
