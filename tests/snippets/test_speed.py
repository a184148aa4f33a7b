"""Is what the chapter on measuring says and prints true?"""

import time
from collections.abc import Callable
from typing import Any, ClassVar

import pytest
import torch
from torch import nn

pytestmark = pytest.mark.slow


@pytest.fixture
def ran(run_module: Callable[[str], Any]) -> Any:
    return run_module("speed")


@pytest.fixture
def names(ran: Any) -> dict[str, Any]:
    return dict(ran.namespace)


class NamedLikeGPU(str):
    """The CPU, as torch sees it; the code of the chapter takes it for a GPU."""

    __slots__ = ()
    type: ClassVar[str] = "cuda"


def see(monkeypatch: pytest.MonkeyPatch, function: Any, **names: Any) -> None:
    """Let a function of the chapter see other values for some of its globals."""
    for name, value in names.items():
        monkeypatch.setitem(function.__globals__, name, value)


def test_the_stopwatch_measures_what_a_known_wait_takes(names: dict[str, Any]) -> None:
    measured = names["timed"](lambda: time.sleep(0.01))
    assert 0.01 <= measured.median < 0.03
    assert len(measured.times) >= 10
    text = names["micro"](measured)
    middle, spread = text.replace(",", "").rstrip(")").split("(")
    assert float(middle) == pytest.approx(measured.median * 1e6, abs=0.06)
    assert float(spread) == pytest.approx(measured.iqr * 1e6, abs=0.06)


def test_the_check_estimates_the_relative_error_of_a_product(
    names: dict[str, Any],
) -> None:
    torch.manual_seed(0)
    a, b, error = torch.randn(3, 50, 50, dtype=torch.float64)
    product = a @ b
    for scale in (1e-6, 1e-3):
        wrong = product + scale * error
        true = (scale * error.norm() / product.norm()).item()
        squares = [names["relative_error"](a, b, wrong) ** 2 for _ in range(400)]
        assert (sum(squares) / 400) ** 0.5 == pytest.approx(true, rel=0.15)
    assert names["relative_error"](a, b, product) < 1e-14


@pytest.mark.parametrize(("precision", "bits"), [("float32", 24), ("bfloat16", 8)])
def test_the_precisions_have_the_bits_that_the_text_says(
    names: dict[str, Any], precision: str, bits: int
) -> None:
    dtype, _, allowed = names["PRECISIONS"][precision]
    assert torch.finfo(dtype).eps == 2.0 ** (1 - bits)
    assert 2.0**-bits < allowed < 200 * 2.0**-bits


def test_no_setting_is_left_behind(ran: Any) -> None:
    assert ran.output
    assert torch.get_float32_matmul_precision() == "highest"


def test_every_measured_speed_is_positive_and_of_every_size(
    names: dict[str, Any],
) -> None:
    for speed in names["speeds"].values():
        sizes = list(speed)
        assert sizes == [32 * 2**power for power in range(len(sizes))]
        assert min(speed.values()) > 0


@pytest.mark.parametrize(
    ("times", "than", "told"),
    [
        ({32: 9.0, 64: 9.0}, {32: 1.0, 64: 2.0}, "at no size"),
        ({32: 9.0, 64: 9.0, 128: 9.0}, {32: 1.0, 64: 10.0, 128: 99.0}, "from size 64"),
        ({32: 0.95, 64: 0.95}, {32: 1.0, 64: 1.0}, "at no size"),
        ({32: 1.0, 64: 9.0, 128: 1.0}, {32: 2.0, 64: 2.0, 128: 2.0}, "from size 128"),
        ({32: 1.0, 64: 1.0, 256: 1.0}, {32: 2.0, 64: 2.0}, "from size 32"),
    ],
)
def test_the_crossing_is_where_all_larger_ones_are_faster(
    names: dict[str, Any], times: dict[int, float], than: dict[int, float], told: str
) -> None:
    assert names["first_faster"](times, than).startswith(told)


def test_copies_come_back_as_they_went_pinned_or_not(
    names: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    pinned = []

    def pin(tensor: torch.Tensor) -> torch.Tensor:
        pinned.append(tensor.shape)
        return tensor

    monkeypatch.setattr(torch.Tensor, "pin_memory", pin)
    assert len(names["copies"](10)) == 3
    assert pinned == []
    see(monkeypatch, names["copies"], device=NamedLikeGPU("cpu"))
    assert len(names["copies"](10)) == 3
    assert pinned == [(10,)]


def test_a_captured_step_is_warmed_up_then_replayed_without_python(
    names: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []

    class Stream:
        def wait_stream(self, other: object) -> None:
            calls.append("wait")

    class Graph:
        def __enter__(self) -> None:
            calls.append("begin")

        def __exit__(self, *error: object) -> None:
            calls.append("end")

        def replay(self) -> None:
            calls.append("replay")

    def step() -> None:
        calls.append("step")

    captured = names["captured"]
    assert captured(step) is step  # on the CPU
    see(monkeypatch, captured, device=NamedLikeGPU("cpu"))
    monkeypatch.setattr(torch.cuda, "Stream", Stream)
    monkeypatch.setattr(torch.cuda, "current_stream", Stream)
    monkeypatch.setattr(torch.cuda, "stream", lambda stream: Graph())
    monkeypatch.setattr(torch.cuda, "CUDAGraph", Graph)
    monkeypatch.setattr(torch.cuda, "graph", lambda graph: graph)
    replay = captured(step)
    assert calls == [
        *("wait", "begin", "step", "step", "step", "end", "wait"),
        *("begin", "step", "end"),
    ]
    replay()
    assert calls[-1] == "replay"


def test_the_peak_is_what_comes_on_top_of_what_was_held(
    names: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    peak = names["peak"]
    called: list[int] = []
    assert peak(lambda: called.append(1)) == f"{names['device'].type} does not count"
    see(monkeypatch, peak, device=NamedLikeGPU("cpu"))
    reset: list[int] = []
    monkeypatch.setattr(
        torch.accelerator, "reset_peak_memory_stats", lambda: reset.append(1)
    )
    monkeypatch.setattr(torch.accelerator, "memory_allocated", lambda: 1000)
    monkeypatch.setattr(torch.accelerator, "max_memory_allocated", lambda: 4500)
    assert peak(lambda: called.append(2)) == "3,500 bytes more"
    assert called == [1, 2]
    assert reset == [1]


def test_compiling_changes_no_number(names: dict[str, Any]) -> None:
    trainer = names["Trainer"](names["device"], torch.float64)
    plain = names["Trainer"](names["device"], torch.float64)
    step = names["compiled"](trainer)
    for _ in range(3):
        step()
        plain.step()
    for one, other in zip(
        trainer.model.parameters(), plain.model.parameters(), strict=True
    ):
        assert torch.allclose(one, other, rtol=1e-12)


def test_on_an_accelerator_pytorch_writes_kernels(
    names: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    backends = []

    def compile_(function: Callable[[], Any], backend: str) -> Callable[[], Any]:
        backends.append(backend)
        return function

    monkeypatch.setattr(torch, "compile", compile_)
    trainer = names["Trainer"](torch.device("cpu"))
    names["compiled"](trainer)()
    see(monkeypatch, names["compiled"], device=NamedLikeGPU("cpu"))
    names["compiled"](trainer)()
    assert backends == ["aot_eager", "inductor"]


def test_networks_side_by_side_train_as_each_would_alone(names: dict[str, Any]) -> None:
    many = names["Many"](4, torch.device("cpu"))
    starts = {name: each.clone() for name, each in many.parameters.items()}
    for _ in range(5):
        many.step()
    for seed in range(4):
        alone = names["Trainer"](torch.device("cpu"))
        alone.model.load_state_dict({name: each[seed] for name, each in starts.items()})
        for _ in range(5):
            alone.step()
        for name, parameter in alone.model.named_parameters():
            got = many.parameters[name][seed]
            assert torch.allclose(got, parameter, atol=1e-6), (name, seed)
    assert not torch.allclose(starts["0.weight"][0], starts["0.weight"][1])


def test_a_wrong_step_is_not_measured(names: dict[str, Any]) -> None:
    trainer = names["Trainer"](torch.device("cpu"))
    with pytest.raises(AssertionError, match="Tensor-likes are not close"):
        names["checked"](trainer, lambda: None)


def test_what_is_kept_is_what_the_derivatives_need(ran: Any) -> None:
    # The input and the outputs of ten layers, and the weights of all but the first.
    kept = [(11 * n * 256 + 9 * 256 * 256) * 4 for n in (64, 1024, 16384)]
    for size in kept:
        assert f"{size:,} bytes kept" in ran.output
    assert ran.output.count(f"{kept[-1]:,} bytes") == 2  # counted, and by hand


def test_nothing_is_kept_without_gradients(ran: Any, names: dict[str, Any]) -> None:
    # Ten batches share the weights and the input.
    with_gradients = (10 * 10 * 1024 * 256 + 1024 * 256 + 9 * 256 * 256) * 4
    assert f"{with_gradients:,} bytes kept" in ran.output
    assert "\n0 bytes kept" in ran.output
    kept = names["Kept"]()
    x = torch.ones(3, requires_grad=True)
    with kept:
        y = x.sigmoid()
        z = y * y
    assert z.requires_grad
    assert kept.total == 3 * 4  # the output of the sigmoid, and the same again


def test_work_and_traffic_are_those_of_a_product(names: dict[str, Any]) -> None:
    a, b = torch.ones(3, 4), torch.ones(4, 5)
    assert names["work_and_traffic"](lambda: a @ b) == (120, 4 * (12 + 20 + 15))
    assert names["work_and_traffic"](lambda: (a.T, a[0], a.view(12))) == (0, 0)


def test_the_labs_step_takes_the_work_that_the_chapter_before_counts(
    names: dict[str, Any], run_module: Callable[[str], Any]
) -> None:
    work, _ = names["work_and_traffic"](names["Trainer"](torch.device("cpu")).step)
    assert f", {work} FLOP\n" in run_module("gpus").output.replace("operations", "")


def test_no_point_of_the_roofline_is_above_the_fastest_product(
    names: dict[str, Any],
) -> None:
    assert len(names["points"]) == 6
    for intensity, reached in names["points"].values():
        assert 0 < reached < 1.5 * names["rate"]
        assert intensity > 0


def test_asking_for_too_much_is_refused_in_words(ran: Any) -> None:
    assert "you tried to allocate\n4000000000000000 bytes" in ran.output or (
        "out of memory" in ran.output
    )


def test_a_sum_in_bfloat16_stops_at_256(ran: Any) -> None:
    total = torch.tensor(256.0, dtype=torch.bfloat16)
    assert total + 1 == total
    assert "\n256.0 1000.0 1000.0\n" in ran.output


def test_the_solutions_agree_with_formulas(ran: Any, names: dict[str, Any]) -> None:
    layer = nn.Linear(256, 256)
    held = 10 * sum(p.nbytes for p in layer.parameters())
    assert names["held"] == held
    assert f" {10 * 1024 * 256 * 4 / held:.2f} times the parameters" in ran.output
    c, w = 100.0, 0.01
    for seeds in (1, 1_000_000):
        assert f"{seeds * (c + w) / (c + seeds * w):.1f} times the seed" in ran.output
