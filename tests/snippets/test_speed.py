"""Is what the chapter on measuring says and prints true?"""

import itertools
import time
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

pytestmark = pytest.mark.slow

found = torch.accelerator.current_accelerator(check_available=True)
DEVICES = [torch.device("cpu"), *([found] if found else [])]
on_every_device = pytest.mark.parametrize("place", DEVICES, ids=str)


@pytest.fixture
def ran(run_module: Callable[[str], Any]) -> Any:
    return run_module("speed")


@pytest.fixture
def names(ran: Any) -> dict[str, Any]:
    return dict(ran.namespace)


def see(monkeypatch: pytest.MonkeyPatch, function: Any, **names: Any) -> None:
    """Let a function of the chapter see other values for some of its globals."""
    for name, value in names.items():
        monkeypatch.setitem(function.__globals__, name, value)


def fastest(action: Callable[[], object], calls: int = 20) -> float:
    """The seconds of a call in the quickest of many rounds."""
    action()
    rounds = []
    for _ in range(15):
        start = time.perf_counter()
        for _ in range(calls):
            action()
        rounds.append((time.perf_counter() - start) / calls)
    return min(rounds)


def test_the_stopwatch_measures_what_a_known_wait_takes(names: dict[str, Any]) -> None:
    measured = names["timed"](lambda: time.sleep(0.01))
    assert measured.median >= 0.01
    assert len(measured.times) >= 1
    text = names["micro"](measured)
    middle, spread = text.replace(",", "").rstrip(")").split("(")
    assert float(middle) == pytest.approx(measured.median * 1e6, abs=0.06)
    assert float(spread) == pytest.approx(measured.iqr * 1e6, abs=0.06)


@pytest.mark.claim("speed#product-check")
@pytest.mark.parametrize("scale", [1e-6, 1e-3])
def test_two_vectors_estimate_the_relative_error_of_a_product(
    names: dict[str, Any], scale: float
) -> None:
    torch.manual_seed(0)
    a, b, error = torch.randn(3, 50, 50, dtype=torch.float64)
    product = a @ b
    wrong = product + scale * error
    true = (scale * error.norm() / product.norm()).item()
    squares = [names["relative_error"](a, b, wrong) ** 2 for _ in range(400)]
    assert (sum(squares) / 400) ** 0.5 == pytest.approx(true, rel=0.15)
    assert names["relative_error"](a, b, product) < 1e-14


@pytest.mark.claim("speed#overhead")
def test_adding_to_a_thousand_numbers_takes_hardly_longer_than_to_one() -> None:
    one, thousand, million = (torch.zeros(n) for n in (1, 1000, 1_000_000))
    base = fastest(lambda: one.add_(1), 200)
    assert fastest(lambda: thousand.add_(1), 200) < 2 * base
    assert fastest(lambda: million.add_(1)) > 5 * base


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


def test_the_page_compares_only_what_the_machine_has(names: dict[str, Any]) -> None:
    expected = {"bfloat16 on the CPU"}
    if found:
        expected |= {f"float32 on {found.type}", f"float32 on {found.type} and back"}
    assert set(names["curves"]) == expected
    routes = set(names["copies"](10))
    assert "cpu to cpu" in routes
    assert (len(routes) > 1) == bool(found)


def parameters(model: nn.Module) -> list[torch.Tensor]:
    return [each.detach().cpu().double() for each in model.parameters()]


def after(names: dict[str, Any], X: torch.Tensor, steps: int) -> list[torch.Tensor]:
    """The parameters after some steps, from the loss and autograd alone."""
    model, X, y = names["network"]().double(), X.double(), names["y"].double()
    for _ in range(steps):
        loss = nn.functional.binary_cross_entropy(model(X), y)
        gradients = torch.autograd.grad(loss, list(model.parameters()))
        with torch.no_grad():
            for parameter, gradient in zip(model.parameters(), gradients, strict=True):
                parameter -= 0.01 * gradient
    return parameters(model)


@on_every_device
@pytest.mark.claim("speed#same-training")
@pytest.mark.parametrize(
    "way", ["as written", "by hand", "compiled", "captured", "vectorized"]
)
@pytest.mark.filterwarnings("ignore:Guards may run slower")
def test_every_way_of_taking_a_step_trains_as_the_loop_does(
    names: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    place: torch.device,
    way: str,
) -> None:
    raw = names["X"]
    X = (raw - raw.mean(0)) / raw.std(0)  # else a saturated layer hardly moves
    see(monkeypatch, names["captured"], device=place, X=X)
    start = names["network"]().state_dict()
    trainer = names["Trainer"](place)
    step: Callable[[], object] = trainer.step
    if way == "by hand":
        step = names["by_hand"](trainer)
    elif way == "compiled":
        backend = "aot_eager" if place.type == "cpu" else "inductor"
        trainer.loss = torch.compile(trainer.loss, backend=backend)
    elif way == "captured":
        step = names["captured"](trainer.step)  # warms up with steps of its own
        trainer.model.load_state_dict(start)
    elif way == "vectorized":
        many = names["Many"](3, place)
        for _ in range(20):
            many.step()
        got = [each[0].cpu().double() for each in many.parameters.values()]
    if way != "vectorized":
        for _ in range(20):
            step()
        got = parameters(trainer.model)
    expected = after(names, X, 20)
    begun = parameters(names["network"]())
    for one, other, before in zip(got, expected, begun, strict=True):
        torch.testing.assert_close(one, other, atol=5e-6, rtol=0)
        assert (one - before).abs().max() > 1e-4  # by more than the tolerance


@pytest.mark.claim("speed#lab-overhead")
def test_ten_times_the_samples_take_much_less_than_ten_times_as_long(
    names: dict[str, Any],
) -> None:
    one, ten = (names["Trainer"](torch.device("cpu"), copies=k) for k in (1, 10))
    assert len(ten.X) == 10 * len(one.X)
    assert fastest(ten.step) < 5 * fastest(one.step)


@pytest.mark.claim("speed#side-by-side")
def test_a_hundred_networks_together_are_faster_than_one_after_the_other(
    names: dict[str, Any],
) -> None:
    alone = fastest(names["Trainer"](torch.device("cpu")).step)
    together = fastest(names["Many"](100, torch.device("cpu")).step, 5)
    assert together < 100 * alone / 2


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


@pytest.mark.claim("speed#kept")
def test_training_keeps_the_outputs_of_all_layers_and_no_grad_nothing(
    names: dict[str, Any],
) -> None:
    for widths in ([3, 5, 2], [4, 4, 4, 4]):
        layers: list[nn.Module] = []
        for inputs, outputs in itertools.pairwise(widths):
            layers += [nn.Linear(inputs, outputs), nn.Sigmoid()]
        network, n = nn.Sequential(*layers), 70
        x = torch.rand(n, widths[0])
        outputs_of_layers = sum(n * width for width in widths[1:])
        weights = sum(a * b for a, b in itertools.pairwise(widths[1:]))
        expected = 4 * (x.numel() + outputs_of_layers + weights)
        assert names["kept"](lambda: network(x).sum()) == expected  # noqa: B023
        with torch.no_grad():
            assert names["kept"](lambda: network(x).sum()) == 0  # noqa: B023


def test_the_deep_network_keeps_what_the_text_counts(ran: Any) -> None:
    # The input and the outputs of ten layers, and the weights of all but the first.
    for n in (64, 1024, 16384):
        assert f"{(11 * n * 256 + 9 * 256 * 256) * 4:,} bytes\n" in ran.output
    assert "without gradients     0 bytes\n" in ran.output


@pytest.mark.claim("speed#in-parts")
@pytest.mark.parametrize("parts", [2, 7, 30])
def test_gradients_of_parts_add_up_to_that_of_the_whole(
    names: dict[str, Any], parts: int
) -> None:
    torch.manual_seed(parts)
    network = nn.Sequential(nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 1)).double()
    x = torch.randn(210, 6, dtype=torch.float64)

    def mean_of(part: torch.Tensor) -> torch.Tensor:
        outputs: torch.Tensor = network(part)
        return outputs.sum() / len(x)

    whole = torch.autograd.grad(mean_of(x), list(network.parameters()))
    for part in x.chunk(parts):
        mean_of(part).backward()
    for parameter, expected in zip(network.parameters(), whole, strict=True):
        torch.testing.assert_close(parameter.grad, expected)
    first = x.chunk(parts)[0]
    kept = names["kept"]
    assert kept(lambda: mean_of(first)) < kept(lambda: mean_of(x))


@pytest.mark.claim("speed#bfloat16-weight")
def test_small_steps_are_lost_on_a_bfloat16_weight_but_not_on_a_float32_one() -> None:
    spacing = {}
    for dtype in (torch.bfloat16, torch.float32):
        one = torch.ones((), dtype=dtype)
        spacing[dtype] = 2.0 ** -{torch.bfloat16: 8, torch.float32: 24}[dtype]
        below = torch.nextafter(one, torch.zeros((), dtype=dtype))
        assert 1 - below.item() == spacing[dtype]
        for step in (0.4 * spacing[dtype], 1.6 * spacing[dtype]):
            moved = one - torch.tensor(step, dtype=dtype)
            assert (moved == one) == (step < spacing[dtype] / 2)
    assert spacing[torch.float32] < 0.001 < spacing[torch.bfloat16] / 2
    assert spacing[torch.bfloat16] == 1 / 256


def test_the_weights_of_the_page_end_where_that_says(ran: Any) -> None:
    assert f"torch.bfloat16 1.000\ntorch.float32 {1 - 500 * 0.001:.3f}\n" in ran.output


def test_work_and_traffic_are_those_of_a_product(names: dict[str, Any]) -> None:
    a, b = torch.ones(3, 4), torch.ones(4, 5)
    assert names["work_and_traffic"](lambda: a @ b) == (120, 4 * (12 + 20 + 15))
    assert names["work_and_traffic"](lambda: (a.T, a[0], a.view(12))) == (0, 0)


def test_the_labs_step_takes_the_work_that_the_chapter_before_counts(
    names: dict[str, Any], run_module: Callable[[str], Any]
) -> None:
    work, traffic = names["work_and_traffic"](names["Trainer"](DEVICES[0]).step)
    assert f"{traffic} bytes, {work} FLOP\n" in run_module("gpus").output


def test_every_point_of_the_roofline_is_measured(names: dict[str, Any]) -> None:
    assert len(names["points"]) == 6
    for intensity, reached in names["points"].values():
        assert reached > 0
        assert intensity > 0


def test_asking_for_too_much_is_refused(ran: Any) -> None:
    assert f"refused: {4 * 10**15:,} bytes\n" in ran.output
    for device in DEVICES:
        with pytest.raises(RuntimeError):
            torch.empty(10**15, device=device)


def test_the_solutions_agree_with_formulas(ran: Any, names: dict[str, Any]) -> None:
    layer = nn.Linear(256, 256)
    held = 10 * sum(p.nbytes for p in layer.parameters())
    assert names["held"] == held
    assert f" {10 * 1024 * 256 * 4 / held:.2f} times the parameters" in ran.output
    assert (
        f"\n{2 * 8192**3 / 5e-6 / 2250e12:.0f} times the peak of a B200" in ran.output
    )
