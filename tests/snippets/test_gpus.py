"""Is what the chapter on GPUs says and prints true?"""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn


@pytest.fixture
def ran(run_module: Callable[[str], Any]) -> Any:
    return run_module("gpus")


@pytest.fixture
def names(ran: Any) -> dict[str, Any]:
    return dict(ran.namespace)


def test_no_check_on_the_page_has_failed(ran: Any) -> None:
    assert "False" not in ran.output
    assert ran.output.count("True") >= 9


def test_a_layer_takes_as_many_flop_as_counted_by_hand(names: dict[str, Any]) -> None:
    products = additions = 0
    for _sample in range(3):
        for _neuron in range(5):
            products += 4
            additions += 4  # with the addition to the first, zero
    x, w = torch.ones(3, 4), torch.ones(5, 4)
    assert names["flop"](lambda: x @ w.T) == products + additions


def test_the_gradients_of_the_layer_are_the_numerical_ones() -> None:
    torch.manual_seed(1)
    x = torch.randn(3, 4, dtype=torch.float64)
    w = torch.randn(2, 4, dtype=torch.float64)
    g = torch.randn(3, 2, dtype=torch.float64)

    def loss(x: torch.Tensor, w: torch.Tensor) -> float:
        return float(((x @ w.T) * g).sum())

    h = 1e-6
    for i, j in np.ndindex(2, 4):
        e = torch.zeros_like(w)
        e[i, j] = h
        slope = (loss(x, w + e) - loss(x, w - e)) / (2 * h)
        assert (g.T @ x)[i, j].item() == pytest.approx(slope, abs=1e-7)
    for i, j in np.ndindex(3, 4):
        e = torch.zeros_like(x)
        e[i, j] = h
        slope = (loss(x + e, w) - loss(x - e, w)) / (2 * h)
        assert (g @ w)[i, j].item() == pytest.approx(slope, abs=1e-7)


def test_amdahls_law_agrees_with_a_clock_on_paper(names: dict[str, Any]) -> None:
    # 100 s, of which 90 s get 10 times faster: 10 s + 9 s
    assert names["speedup"](0.9, 10) == pytest.approx(100 / (10 + 90 / 10))
    assert names["speedup"](0.5, 1e12) == pytest.approx(2)
    assert names["speedup"](0.0, 7) == names["speedup"](0.8, 1) == pytest.approx(1)


def test_the_intensity_of_square_products_is_a_sixth_of_the_size(
    names: dict[str, Any],
) -> None:
    for s in (3, 32, 1024):
        assert names["product_intensity"](s, s, s) == pytest.approx(s / 6)


def test_the_intensity_counts_the_bytes_that_tensors_have(
    names: dict[str, Any],
) -> None:
    x, w = torch.ones(341, 2), torch.ones(2, 2)
    traffic = x.nbytes + w.nbytes + (x @ w).nbytes
    work = names["flop"](lambda: x @ w)
    assert names["product_intensity"](341, 2, 2) == pytest.approx(work / traffic)


def test_the_labs_step_has_eighteen_operations_by_hand(
    names: dict[str, Any],
) -> None:
    forward = 2 + 2 + 1  # layers, logistic functions, loss
    start = 1  # the gradient 1 of the loss
    backward = 1 + 2 + (2 + 1) + 2  # loss, logistic, weights and inputs, biases
    update = 4  # two weights, two biases
    assert names["operations"] == forward + start + backward + update == 18


def test_the_profiler_sees_the_same_matrix_products(names: dict[str, Any]) -> None:
    with torch.profiler.profile(
        activities=[torch.profiler.ProfilerActivity.CPU], acc_events=True
    ) as profiler:
        names["step"]()
    seen = {event.key: event.count for event in profiler.key_averages()}
    if names["device"].type == "cpu":
        assert seen["aten::addmm"] == 2
        assert seen["aten::mm"] == 3
        assert seen["aten::sigmoid"] == 2
        assert seen["aten::sigmoid_backward"] == 2


def test_the_labs_step_takes_the_flop_of_the_text(
    ran: Any, names: dict[str, Any]
) -> None:
    forward = 2 * 341 * (2 * 2 + 2 * 1)
    assert forward == 12 * 341
    by_hand = forward + forward + 4 * 341
    assert names["flop"](names["step"]) == by_hand == 9548
    assert "18 operations, 9548 FLOP\n" in ran.output


def test_the_work_of_wide_networks_is_as_counted(names: dict[str, Any]) -> None:
    for width in (3, 20):
        counted = names["flop"](names["wide_step"](width))
        assert names["wide_work"](width) == counted


def test_the_model_is_its_formula(ran: Any, names: dict[str, Any]) -> None:
    assert names["modeled"]("CPU", 5, 1e9) == pytest.approx(5e-6 + 1e9 / 50e9)
    assert names["modeled"]("GPU", 5, 1e9) == pytest.approx(50e-6 + 1e9 / 10e12)
    cpu, gpu = re.findall(r"[CG]PU: ([\d.]+) modeled", ran.output)
    assert float(cpu) == pytest.approx(18 + 9548 / 50e3, abs=0.05)
    assert float(gpu) == pytest.approx(180 + 9548 / 10e6, abs=0.05)


def test_the_crossing_solves_its_equation(names: dict[str, Any]) -> None:
    # k (c_gpu - c_cpu) = w (1 / r_cpu - 1 / r_gpu), with w = 2046 (v^2 + 7 v / 3) or so
    def closed_form(k: int) -> float:
        work = k * 9e-6 / (1 / 50e9 - 1 / 10e12)
        # w = 3 * 682 * (v^2 + 3 v) - 2 * 682 * v
        a, b = 3 * 682, 9 * 682 - 2 * 682
        return float((-b + (b * b + 4 * a * work) ** 0.5) / (2 * a))

    assert names["crossing"] == int(np.ceil(closed_form(names["wide_operations"])))
    assert names["fused"] == int(np.ceil(closed_form(6)))


def test_the_recorder_leaves_out_views(names: dict[str, Any]) -> None:
    x = torch.ones(2, 3)
    with names["Recorder"]() as recorder:
        _ = x.T
        _ = x.view(6)
        _ = x.detach()
        _ = x + x
    assert dict(recorder.counts) == {"add": 1}


def test_one_batched_product_is_one_operation(names: dict[str, Any]) -> None:
    with names["Recorder"]() as recorder:
        _ = names["A"] @ names["B"]
    recorder.counts.pop("_unsafe_view", None)  # computes nothing
    assert dict(recorder.counts) == {"bmm": 1}
    with names["Recorder"]() as recorder:
        names["one_after_another"]()
    assert recorder.counts["mm"] == 1000


def test_measure_takes_the_median_after_a_warm_up(names: dict[str, Any]) -> None:
    calls = 0

    def action() -> None:
        nonlocal calls
        calls += 1

    assert names["measure"](action, repeats=5) > 0
    assert calls == 3 + 5


def test_synchronize_works_with_and_without_an_accelerator(
    names: dict[str, Any],
) -> None:
    names["synchronize"]()


def test_the_figures_have_labels_and_lines_told_apart_without_color(
    names: dict[str, Any],
) -> None:
    cpu, gpu, crossing = names["axes"].get_lines()
    assert [cpu.get_label(), gpu.get_label()] == ["modeled CPU", "modeled GPU"]
    styles = {line.get_linestyle() for line in (cpu, gpu, crossing)}
    assert len(styles) == 3
    assert cpu.get_ydata()[0] < gpu.get_ydata()[0]
    assert cpu.get_ydata()[-1] > gpu.get_ydata()[-1]


def test_an_image_network_takes_the_flop_of_its_exercise(
    names: dict[str, Any],
) -> None:
    net = nn.Sequential(nn.Linear(784, 300), nn.ReLU(), nn.Linear(300, 10))
    weights = sum(p.numel() for p in net.parameters() if p.ndim == 2)
    assert names["first"] + names["second"] == 2 * 64 * weights


def test_the_batch_size_solves_its_inequality(names: dict[str, Any]) -> None:
    # N / (2 (2 N / 1024 + 1)) >= r, so N >= 2 r / (1 - 4 r / 1024)
    r = 19.5e12 / 1.555e12
    assert names["size"] == int(np.ceil(2 * r / (1 - 4 * r / 1024)))
