"""The figures that move: by keyboard, by ear, without scripts, with right numbers."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page

from tests.weave.books import ROOT

pytestmark = pytest.mark.browser

DATA = re.compile(
    r'<div class="moving" data-figure="(?P<figure>\w+)">'
    r'<script type="application/json">(?P<data>.*?)</script>'
)
FIGURES = {
    "neuron": "foundations/neurons/",
    "descent": "pytorch/gradient_descent/",
    "passes": "pytorch/backward_graph/",
    "training": "lab/lab_perceptron/",
    "crossover": "tools/gpus/",
    "sizes": "tools/speed/",
}
each_figure = pytest.mark.parametrize("figure", FIGURES)

Opens = Callable[..., Page]


@pytest.fixture
def moving(open_page: Opens) -> Callable[..., Locator]:
    """`moving("descent", viewport={...})` is that figure, in sight and at work."""

    def find(figure: str, **reader: Any) -> Locator:
        page = open_page(FIGURES[figure], **reader)
        place = page.locator(f".moving[data-figure={figure}]")
        page.evaluate(
            "figure => document.querySelector(`[data-figure=${figure}]`)"
            ".nextElementSibling.scrollIntoView()",
            figure,
        )
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
            const {{src}} = document.querySelector("script[src$='/book.js']")
            const m = await import(new URL(`moving/${{place.dataset.figure}}.js`, src))
            return {question}
        }}""",
        list(values),
    )


def test_every_figure_that_moves_is_tested_here(site: Path) -> None:
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
def test_without_scripts_there_is_the_still_figure(
    open_page: Opens, figure: str
) -> None:
    page = open_page(FIGURES[figure], java_script_enabled=False)
    place = page.locator(f".moving[data-figure={figure}]")
    box = place.bounding_box()
    assert box is None or box["height"] == 0
    assert page.locator(f".moving[data-figure={figure}] + figure img").is_visible()


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
    assert place.page.locator(
        f".moving[data-figure={figure}] + figure img"
    ).is_visible()


@each_figure
def test_it_is_light(site: Path, figure: str) -> None:
    scripts = site / "assets" / "javascripts" / "moving"
    data = json.dumps(given(site, figure), separators=(",", ":"))
    files = [(scripts / name).read_text("utf-8") for name in ("kit.js", f"{figure}.js")]
    assert sum(len(gzip.compress(text.encode())) for text in [data, *files]) < 40_000


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
    drawn = place.locator(".node").all_text_contents()
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
    assert f"{data['J_train'][-1]:.4f}" in place.locator(".reading").inner_text()


def test_the_crossover_is_where_the_chapter_says(
    site: Path, moving: Callable[..., Locator]
) -> None:
    data = given(site, "crossover")
    place = moving("crossover")
    said = place.locator(".reading").inner_text()
    assert f"from a width of {data['crossing']} on" in said


def test_the_sizes_have_the_times_that_a_machine_has_recorded(
    site: Path, moving: Callable[..., Locator]
) -> None:
    data = given(site, "sizes")
    recorded = json.loads((ROOT / "recorded" / "cpu.json").read_text("utf-8"))
    cell = recorded["modules"]["speed"]["cells"]["crossing-figure"]
    kept = cell["data"]["sizes"]
    one = data["recordings"][0]
    assert {name: one[name] for name in kept} == kept
    (drawing,) = cell["figures"].values()
    lines = {line["label"]: line for line in drawing["lines"]}
    place = moving("sizes")
    asked = ask(place, "m.curves(v[0], 'float32')", one)
    for name, label in (("CPU", "cpu"), ("there and back", "there and back")):
        assert [float(size) for size in asked[name]] == lines[label]["x"]
        assert list(asked[name].values()) == pytest.approx(lines[label]["y"], rel=1e-4)
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
