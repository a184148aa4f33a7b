"""Is what the chapter on GPUs says and prints true?"""

import itertools
import threading
import time
from collections import Counter
from collections.abc import Callable
from fractions import Fraction
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


@pytest.mark.claim("gpus#layer-flop")
@pytest.mark.parametrize(("samples", "inputs", "neurons"), [(3, 4, 5), (1, 7, 2)])
def test_a_layer_is_one_product_of_2_n_n_m_flop_and_two_backward(
    names: dict[str, Any], samples: int, inputs: int, neurons: int
) -> None:
    multiplications = additions = 0
    for _sample, _neuron, _input in np.ndindex(samples, neurons, inputs):
        multiplications += 1
        additions += 1  # with the addition to the first, zero
    x = torch.ones(samples, inputs, requires_grad=True)
    w = torch.ones(neurons, inputs, requires_grad=True)
    forward = names["flop"](lambda: x @ w.T)
    assert forward == multiplications + additions == 2 * samples * inputs * neurons
    result = x @ w.T
    with names["Recorder"]() as recorder:
        result.backward(torch.ones(samples, neurons))
    assert recorder.counts["mm"] == 2
    result = x @ w.T
    flop = names["flop"](lambda: result.backward(torch.ones(samples, neurons)))
    assert flop == 2 * forward


def test_the_gradients_of_the_layer_are_the_numerical_ones() -> None:
    torch.manual_seed(1)
    x = torch.randn(3, 4, dtype=torch.float64)
    w = torch.randn(2, 4, dtype=torch.float64)
    g = torch.randn(3, 2, dtype=torch.float64)

    def objective(x: torch.Tensor, w: torch.Tensor) -> float:
        return float(((x @ w.T) * g).sum())

    h = 1e-6
    for i, j in np.ndindex(2, 4):
        e = torch.zeros_like(w)
        e[i, j] = h
        slope = (objective(x, w + e) - objective(x, w - e)) / (2 * h)
        assert (g.T @ x)[i, j].item() == pytest.approx(slope, abs=1e-7)
    for i, j in np.ndindex(3, 4):
        e = torch.zeros_like(x)
        e[i, j] = h
        slope = (objective(x + e, w) - objective(x - e, w)) / (2 * h)
        assert (g @ w)[i, j].item() == pytest.approx(slope, abs=1e-7)


@pytest.mark.claim("gpus#three-regimes")
@pytest.mark.parametrize("overhead", [2e-6, 5e-6, 20e-6])
@pytest.mark.parametrize("dtype", [1, 2], ids=["float32", "bfloat16"])
def test_size_and_kind_of_an_operation_decide_its_regime_on_every_chip(
    names: dict[str, Any], overhead: float, dtype: int
) -> None:
    for chip in names["chips"].values():
        rate, bandwidth = chip[dtype], chip[-1]
        number = 4 // dtype  # bytes

        def slowest(
            flop: float, nbytes: float, rate: float = rate, bandwidth: float = bandwidth
        ) -> str:
            spent = {overhead: "overhead", nbytes / bandwidth: "memory"}
            spent[flop / rate] = "compute"
            return spent[max(spent)]

        for small in (1, 10, 64):
            assert slowest(small**2, 2 * number * small**2) == "overhead"
            assert slowest(2 * small**3, 3 * number * small**2) == "overhead"
        large = 16384
        assert slowest(large**2, 2 * number * large**2) == "memory"
        assert slowest(2 * large**3, 3 * number * large**2) == "compute"


def test_the_parts_are_overhead_traffic_and_work(names: dict[str, Any]) -> None:
    overhead, rate, bandwidth = names["invented"]["GPU"]
    assert names["parts"]("GPU", 3e9, 5e6) == {
        "overhead": overhead,
        "memory": pytest.approx(5e6 / bandwidth),
        "compute": pytest.approx(3e9 / rate),
    }


@pytest.mark.claim("gpus#intensity")
@pytest.mark.parametrize("size", [3, 32, 120])
def test_the_intensity_of_square_products_is_a_sixth_of_the_size(
    names: dict[str, Any], size: int
) -> None:
    a, b = torch.ones(2, size, size)
    with names["Recorder"]() as recorder:
        product = a @ b
    assert recorder.nbytes == a.nbytes + b.nbytes + product.nbytes
    counted = Fraction(names["flop"](lambda: a @ b), recorder.nbytes)
    assert counted == Fraction(size, 6)
    assert names["product_intensity"](size, size, size) == pytest.approx(size / 6)


@pytest.mark.claim("gpus#fusion")
def test_fusing_gives_the_same_result_with_less_traffic(names: dict[str, Any]) -> None:
    torch.manual_seed(0)
    a, b, c = torch.randn(3, 5000)
    vector = a.nbytes
    with names["Recorder"]() as separate:
        two_steps = a + b * c
    with names["Recorder"]() as fused:
        one_step = torch.addcmul(a, b, c)
    torch.testing.assert_close(one_step, two_steps)
    assert separate.nbytes == (2 + 1) * vector + (2 + 1) * vector
    assert fused.nbytes == (3 + 1) * vector


SHOWN_AS_ONE = {"addmm", "mm", "sigmoid", "sigmoid_backward", "sum", "add_"} | {
    "binary_cross_entropy",
    "binary_cross_entropy_backward",
    "ones_like",
}


def profiled(step: Callable[[], object]) -> Counter[str]:
    """The outermost computing operations of a step, as PyTorch's profiler sees them."""
    step()
    activities = [torch.profiler.ProfilerActivity.CPU]
    with torch.profiler.profile(activities=activities, acc_events=True) as profiler:
        step()
    found: Counter[str] = Counter()
    for event in profiler.events():
        above, outer = event.cpu_parent, False
        while above is not None:
            outer = outer or above.name.removeprefix("aten::") in SHOWN_AS_ONE
            above = above.cpu_parent
        name = event.name.removeprefix("aten::")
        moves = event.name.startswith("aten::") and name not in {
            *("linear", "t", "transpose", "as_strided", "detach", "expand", "view"),
            *("reshape", "squeeze", "sum_to_size"),
        }
        if moves and not outer:
            found[name] += 1
    return found


@pytest.mark.claim("gpus#operations")
@pytest.mark.parametrize(("width", "expected"), [(None, 18), (2, 26), (9, 26)])
def test_a_step_is_18_operations_and_26_with_two_hidden_layers(
    names: dict[str, Any], width: int | None, expected: int
) -> None:
    layers = 2 if width is None else 3
    forward = layers + layers + 1  # affine maps, logistic functions, loss
    start = 1  # the gradient 1 of the loss
    # loss, logistic functions, gradients of weights and of inputs, of biases
    backward = 1 + layers + (layers + layers - 1) + layers
    update = 2 * layers
    assert forward + start + backward + update == expected
    step = names["step"] if width is None else names["wide_step"](width)
    if names["device"].type == "cpu":
        assert profiled(step).total() == expected
    else:
        with names["Recorder"]() as recorder:
            step()
        assert recorder.counts.total() == expected


def test_the_page_counts_as_many_operations_as_the_profiler(ran: Any) -> None:
    assert "18 operations, " in ran.output
    assert ran.output.count("\n26 ") == 3
    assert ran.namespace["operations"] == 18
    assert ran.namespace["wide_operations"] == 26


def test_the_labs_step_takes_the_flop_of_the_text(
    ran: Any, names: dict[str, Any]
) -> None:
    forward = 2 * 341 * (2 * 2 + 2 * 1)
    assert forward == 12 * 341
    by_hand = forward + forward + 4 * 341
    assert names["flop"](names["step"]) == by_hand == 9548
    assert " bytes, 9548 FLOP\n" in ran.output


def test_the_work_of_wide_networks_is_as_counted(names: dict[str, Any]) -> None:
    for width in (3, 20):
        counted = names["flop"](names["wide_step"](width))
        assert names["wide_work"](width) == counted


@pytest.mark.claim("gpus#crossing")
def test_the_crossing_is_at_75_and_between_58_and_79_with_all_three_parts(
    names: dict[str, Any],
) -> None:
    # 26 (c_gpu - c_cpu) = F (1 / rho_cpu - 1 / rho_gpu), F = 2046 v^2 + 4774 v
    def closed_form(operations: int) -> float:
        work = operations * 9e-6 / (1 / 50e9 - 1 / 10e12)
        a, b = 3 * 682, 9 * 682 - 2 * 682
        return float((-b + (b * b + 4 * a * work) ** 0.5) / (2 * a))

    assert names["crossing"] == int(np.ceil(closed_form(26))) == 75
    assert names["fewer"] == int(np.ceil(closed_form(6)))

    def traffic(v: int, n: int = 341) -> int:
        """The bytes of a step, by hand: each tensor once for each time it is used."""
        sizes = [2, v, v, 1]
        numbers = 0
        for i, o in itertools.pairwise(sizes):
            weight, bias, before, after = i * o, o, n * i, n * o
            numbers += bias + before + weight + after  # addmm
            numbers += 2 * after  # sigmoid
            numbers += 3 * after  # its backward: gradient, output, result
            numbers += after + before + weight  # gradient of the weight
            numbers += after + bias  # sum for the bias
            numbers += 3 * (weight + bias)  # update
            if i != 2:  # the gradient of what came before
                numbers += after + weight + before
        numbers += 2 * n + 1  # loss
        numbers += 2  # its gradient, 1, made like it
        numbers += 1 + 2 * n + n  # backward
        return 4 * numbers

    with names["Recorder"]() as recorder:
        step = names["wide_step"](75)
    with names["Recorder"]() as recorder:
        step()
    assert recorder.nbytes == pytest.approx(traffic(75), rel=0.01)
    for combine, expected in ((sum, 58), (max, 79)):

        def seconds(machine: tuple[float, ...], v: int, how: Any = combine) -> float:
            overhead, rate, bandwidth = machine
            work = 2046 * v * v + 4774 * v
            return float(how((26 * overhead, work / rate, traffic(v) / bandwidth)))

        cpu, gpu = names["invented"]["CPU"], names["invented"]["GPU"]
        assert (
            next(v for v in range(1, 200) if seconds(gpu, v) <= seconds(cpu, v))
            == expected
        )


def test_the_model_is_its_formula(names: dict[str, Any]) -> None:
    assert names["modeled"]("CPU", 5, 1e9) == pytest.approx(5e-6 + 1e9 / 50e9)
    assert names["modeled"]("GPU", 5, 1e9) == pytest.approx(50e-6 + 1e9 / 10e12)


@pytest.mark.claim("gpus#amdahl")
def test_the_gain_stays_below_one_over_the_rest(names: dict[str, Any]) -> None:
    # 100 s, of which 90 s get 10 times faster: 10 s + 9 s
    assert names["speedup"](0.9, 10) == pytest.approx(100 / (10 + 90 / 10))
    assert names["speedup"](0.0, 7) == names["speedup"](0.8, 1) == pytest.approx(1)
    rng = np.random.default_rng(0)
    for share, power in rng.uniform((0.01, 0), (0.99, 7), (200, 2)):
        faster = 10**power
        parallel, rest = 100 * share, 100 - 100 * share  # seconds
        gain = 100 / (rest + parallel / faster)
        assert gain < 100 / rest
        assert names["speedup"](share, faster) == pytest.approx(gain)


@pytest.mark.claim("gpus#early-clock")
def test_a_clock_that_does_not_wait_measures_the_launch() -> None:
    released, done = threading.Event(), threading.Event()

    def work() -> None:
        released.wait()
        time.sleep(0.2)
        done.set()

    start = time.perf_counter()
    threading.Thread(target=work).start()  # the launch
    early = time.perf_counter() - start
    finished_when_read = done.is_set()
    released.set()
    done.wait()
    waited = time.perf_counter() - start
    assert not finished_when_read
    assert waited - early >= 0.2
    if torch.accelerator.is_available():  # the same with a real queue
        accelerator = torch.accelerator.current_accelerator()
        a = torch.ones(8192, 8192, device=accelerator)
        a @ a
        torch.accelerator.synchronize()
        start = time.perf_counter()
        for _ in range(20):
            a @ a
        early = time.perf_counter() - start
        torch.accelerator.synchronize()
        assert early < (time.perf_counter() - start) / 2


@pytest.mark.claim("gpus#batched")
def test_one_operation_on_many_matrices_takes_the_flop_of_many_on_one(
    names: dict[str, Any],
) -> None:
    with names["Recorder"]() as recorder:
        together = names["A"] @ names["B"]
    recorder.counts.pop("_unsafe_view", None)  # computes nothing
    assert dict(recorder.counts) == {"bmm": 1}
    with names["Recorder"]() as recorder:
        separate = names["one_after_another"]()
    assert recorder.counts["mm"] == 1000
    torch.testing.assert_close(together, separate)
    flop = names["flop"]
    assert flop(lambda: names["A"] @ names["B"]) == 1000 * 2 * 2 * 2 * 2
    assert flop(names["one_after_another"]) == 1000 * 2 * 2 * 2 * 2


def test_the_recorder_leaves_out_views_and_counts_bytes(names: dict[str, Any]) -> None:
    x = torch.ones(2, 3)
    with names["Recorder"]() as recorder:
        _ = x.T
        _ = x.view(6)
        _ = x.detach()
        _ = x + x
    assert dict(recorder.counts) == {"add": 1}
    assert recorder.nbytes == 3 * 6 * 4


def test_measure_takes_the_median_after_a_warm_up(names: dict[str, Any]) -> None:
    calls = 0

    def action() -> None:
        nonlocal calls
        calls += 1
        time.sleep(0.02 if calls in {4, 5} else 0.001)  # two disturbed runs

    assert 0.001 <= names["measure"](action, repeats=5) < 0.02
    assert calls == 3 + 5


def test_synchronize_works_with_and_without_an_accelerator(
    names: dict[str, Any],
) -> None:
    names["synchronize"]()


def test_data_moved_before_the_loop_are_copied_once(ran: Any) -> None:
    assert f"\n100 copies, {100 * 341 * 2 * 4} bytes\n" in ran.output
    assert f"\n1 copy, {341 * 2 * 4} bytes\n" in ran.output


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


def test_a_language_model_is_memory_bound_up_to_the_ridge(ran: Any) -> None:
    # 2 FLOP for each parameter of 2 bytes: 1 FLOP per byte and text
    ridge = 989e12 / 3350e9
    assert f"at {ridge:.0f} texts\n" in ran.output
    assert f"at most {3350e9 / 14e9:.0f} words" in ran.output
