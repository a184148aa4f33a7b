"""Do the optimizers do what their equations say, and PyTorch's what ours do?"""

from __future__ import annotations

import copy
import math
import warnings
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from torch.optim import lr_scheduler


@pytest.fixture
def ran(run_module: Callable[[str], Any]) -> Any:
    return run_module("optimizers")


@pytest.fixture
def names(ran: Any) -> dict[str, Any]:
    return dict(ran.namespace)


OPTIMIZERS: dict[str, tuple[Any, dict[str, Any]]] = {
    "sgd": (torch.optim.SGD, {}),
    "momentum": (torch.optim.SGD, {"momentum": 0.9}),
    "nesterov": (torch.optim.SGD, {"momentum": 0.9, "nesterov": True}),
    "rmsprop": (torch.optim.RMSprop, {}),
    "adam": (torch.optim.Adam, {}),
    "penalized": (torch.optim.Adam, {"weight_decay": 0.01}),
    "adamw": (torch.optim.AdamW, {"weight_decay": 0.01}),
}


def theirs(
    name: str, start: torch.Tensor, C: torch.Tensor, lr: float, steps: int, **more: Any
) -> torch.Tensor:
    """PyTorch's places on the bowl with the Hessian C, the start first."""
    make, settings = OPTIMIZERS[name]
    theta = start.clone().requires_grad_()
    optimizer = make([theta], lr=lr, **{**settings, **more})
    path = [theta.detach().clone()]
    for _ in range(steps):
        optimizer.zero_grad()
        (theta @ C @ theta / 2).backward()
        optimizer.step()
        path.append(theta.detach().clone())
    return torch.stack(path)


def turning(degrees: float) -> torch.Tensor:
    angle = math.radians(degrees)
    cos, sin = math.cos(angle), math.sin(angle)
    return torch.tensor([[cos, -sin], [sin, cos]], dtype=torch.float64)


def hessian(kappa: float, degrees: float = 0.0) -> torch.Tensor:
    turn = turning(degrees)
    eigenvalues = torch.tensor([1.0, kappa], dtype=torch.float64)
    return turn @ torch.diag(eigenvalues) @ turn.T


START = torch.tensor([-4.0, 2.0], dtype=torch.float64)


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("degrees", [0.0, 30.0])
def test_own_lines_equal_torch_optims_to_1e_6_over_100_steps(
    names: dict[str, Any], name: str, degrees: float
) -> None:
    C = hessian(20, degrees)
    ours = names["descend"](names[name], C, START, 0.02, 100)
    assert ours.dtype == torch.float64
    difference = (ours - theirs(name, START, C, 0.02, 100)).abs().max().item()
    assert difference < 1e-6


def test_ours_differ_where_theirs_do(names: dict[str, Any]) -> None:
    C = hessian(20, 30)  # along the axes, Adam's penalty would only scale the gradient
    ends = [names["descend"](names[name], C, START, 0.02, 100) for name in OPTIMIZERS]
    for i, one in enumerate(ends):
        for other in ends[:i]:
            assert (one - other).abs().max() > 1e-5


def test_the_page_says_that_all_six_are_equal(ran: Any) -> None:
    assert ran.output.count("equal to 1e-6: True") == 6
    assert "equal to 1e-6: False" not in ran.output


def test_the_bowl_has_the_eigenvalues_1_and_kappa(names: dict[str, Any]) -> None:
    for kappa, degrees in ((10, 0), (100, 30), (7, -75)):
        values = np.linalg.eigvalsh(names["bowl"](kappa, degrees).numpy())
        assert values == pytest.approx([1, kappa])


@pytest.mark.parametrize("kappa", [10, 100, 1000])
def test_gradient_descent_needs_the_steps_that_its_factor_predicts(
    names: dict[str, Any], kappa: int
) -> None:
    path = names["descend"](names["sgd"], hessian(kappa), START, 2 / (1 + kappa), 3000)
    predicted = math.ceil(math.log(0.01) / math.log((kappa - 1) / (kappa + 1)))
    assert names["needed"](path).item() == predicted
    for rate in np.linspace(0.5, 1.5, 101) * 2 / (1 + kappa):
        factors = abs(1 - rate), abs(1 - rate * kappa)
        assert max(factors) >= (kappa - 1) / (kappa + 1) - 1e-12


def test_needed_counts_the_steps_until_all_later_places_are_near(
    names: dict[str, Any],
) -> None:
    path = torch.tensor([[100.0], [50.0], [0.5], [7.0], [0.9], [0.1]])
    assert names["needed"](path).item() == 4
    assert names["needed"](path, 0.6).item() == 1
    lost = torch.tensor([[100.0], [0.1], [math.nan]])
    assert names["needed"](lost).item() == 3


@pytest.mark.claim("optimizers#look-ahead")
@pytest.mark.parametrize("mu", [0.5, 0.9])
def test_pytorchs_nesterov_is_at_the_place_of_the_next_gradient(mu: float) -> None:
    C, lr = hessian(20, 30), 0.02
    behind, s = START.clone(), torch.zeros(2, dtype=torch.float64)
    ahead = [START]
    for _ in range(50):
        g = C @ (behind - lr * mu * s)  # the gradient where the sum alone leads
        s = mu * s + g
        behind = behind - lr * s
        ahead.append(behind - lr * mu * s)
    path = theirs("nesterov", START, C, lr, 50, momentum=mu)
    torch.testing.assert_close(path, torch.stack(ahead))


@pytest.mark.claim("optimizers#longer-steps")
@pytest.mark.parametrize("mu", [0.5, 0.9, 0.99])
def test_under_a_constant_gradient_momentums_steps_grow_to_a_multiple(
    mu: float,
) -> None:
    x = torch.tensor(0.0, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.SGD([x], lr=0.1, momentum=mu)
    lengths = []
    for _ in range(3000):
        before = x.item()
        x.grad = torch.tensor(2.0, dtype=torch.float64)
        optimizer.step()
        lengths.append(before - x.item())
    assert lengths[0] == pytest.approx(0.1 * 2)
    assert lengths[-1] == pytest.approx(0.1 * 2 / (1 - mu), rel=1e-9)
    assert all(b >= a - 1e-9 for a, b in pairwise(lengths))


def radius(lr: float, mu: float, eigenvalues: list[float]) -> float:
    """The spectral radius of one step on (distance, sum), along all eigenvectors."""
    return max(
        float(
            np.abs(np.linalg.eigvals(np.array([[1 - lr * a, -lr * mu], [a, mu]]))).max()
        )
        for a in eigenvalues
    )


@pytest.mark.claim("optimizers#best-momentum")
@pytest.mark.parametrize(("low", "high"), [(1, 10), (1, 100), (4, 9), (0.3, 40)])
def test_no_rate_and_momentum_beat_the_closed_form(low: float, high: float) -> None:
    kappa = high / low
    lr = 4 / (math.sqrt(high) + math.sqrt(low)) ** 2
    mu = ((math.sqrt(kappa) - 1) / (math.sqrt(kappa) + 1)) ** 2
    least = math.sqrt(mu)
    # a double eigenvalue is computed to the root of the rounding only
    assert radius(lr, mu, [low, high]) == pytest.approx(least, abs=1e-6)
    chance = np.random.default_rng(0)
    for _ in range(2000):
        other = chance.uniform(0, 4 / high), chance.uniform(0, 1)
        assert radius(*other, [low, high]) > least
    for _ in range(2000):  # and close by
        near = lr * chance.uniform(0.9, 1.1), min(mu * chance.uniform(0.9, 1.1), 0.999)
        assert radius(*near, [low, high]) > least - 1e-7


def test_the_factor_of_the_page_is_the_spectral_radius(names: dict[str, Any]) -> None:
    chance = np.random.default_rng(1)
    for _ in range(300):
        lr, mu, a = chance.uniform(0, 0.1), chance.uniform(0, 1), chance.uniform(1, 99)
        assert names["factor"](lr, mu, a) == pytest.approx(radius(lr, mu, [a]))


def test_the_search_finds_the_pair_of_the_closed_form(names: dict[str, Any]) -> None:
    worst, lr, mu = names["found"]
    assert lr / 2000 == pytest.approx(4 / 121, abs=1 / 2000)
    assert mu / 1000 == pytest.approx((9 / 11) ** 2, abs=1 / 1000)
    assert worst == pytest.approx(9 / 11, abs=0.005)


def test_steps_grow_like_kappa_and_like_its_root(names: dict[str, Any]) -> None:
    plain, best = [], []
    for kappa in (10, 1000):
        path = theirs("sgd", START, hessian(kappa), 2 / (1 + kappa), 2500)
        plain.append(names["needed"](path).item())
        root = math.sqrt(kappa)
        lr, mu = 4 / (root + 1) ** 2, ((root - 1) / (root + 1)) ** 2
        path = theirs("momentum", START, hessian(kappa), lr, 400, momentum=mu)
        best.append(names["needed"](path).item())
    assert plain[1] / plain[0] == pytest.approx(100, rel=0.05)
    assert best[1] / best[0] == pytest.approx(10, rel=0.4)


@pytest.mark.claim("optimizers#first-step")
def test_adams_first_step_moves_by_the_rate_where_the_gradient_is_large() -> None:
    chance = np.random.default_rng(0)
    for lr in (1e-3, 0.5):
        sizes = torch.tensor(10 ** chance.uniform(-5, 5, size=50))
        signs = torch.tensor(chance.choice([-1.0, 1.0], size=50))
        theta = torch.zeros(50, dtype=torch.float64, requires_grad=True)
        theta.grad = sizes * signs
        torch.optim.Adam([theta], lr=lr).step()
        torch.testing.assert_close(theta.detach(), -lr * signs, rtol=2e-3, atol=0)
    small = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    small.grad = torch.full_like(small, 1e-8)  # as small as epsilon
    torch.optim.Adam([small], lr=1.0).step()
    assert small.item() == pytest.approx(-0.5)


def test_rmsprops_first_step_is_ten_times_the_rate() -> None:
    theta = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    theta.grad = torch.tensor([1e-3, 1.0, -1e3], dtype=torch.float64)
    torch.optim.RMSprop([theta], lr=0.01).step()
    assert theta.tolist() == pytest.approx([-0.1, -0.1, 0.1], rel=1e-3)


@pytest.mark.claim("optimizers#turned")
@pytest.mark.parametrize("degrees", [15.0, 30.0, 45.0])
def test_paths_turn_with_the_bowl_or_do_not(degrees: float) -> None:
    turn = turning(degrees)
    for name in ("sgd", "momentum", "nesterov", "rmsprop", "adam"):
        straight = theirs(name, START, hessian(50), 0.005, 60)
        turned = theirs(name, turn @ START, hessian(50, degrees), 0.005, 60)
        apart = (turned - straight @ turn.T).norm(dim=1).max().item()
        assert (apart < 1e-9) is (name in ("sgd", "momentum", "nesterov"))
        assert apart < 1e-9 or apart > 0.01


def test_turned_rmsprop_is_slower_than_gradient_descent(ran: Any) -> None:
    table = ran.output.partition("turned by 30 degrees\n")[2].splitlines()[:5]
    counts = {line.split()[0]: line.replace("(", " ").split() for line in table}
    steps = {name: (int(words[1]), int(words[4])) for name, words in counts.items()}
    for name in ("sgd", "momentum", "nesterov"):
        assert steps[name][0] == steps[name][1]
    assert steps["rmsprop"][0] < steps["sgd"][0] < steps["rmsprop"][1]


@pytest.mark.claim("optimizers#no-rest")
@pytest.mark.parametrize("rate", [0.003, 0.03, 0.1, 0.1778])
def test_rmsprop_does_not_come_to_rest_at_a_constant_rate(rate: float) -> None:
    path = theirs("rmsprop", START, hessian(100), rate, 6000)
    moves = (path[1:] - path[:-1]).abs().amax(dim=1)[-100:]
    assert moves.max() > rate / 2  # a step is still about as long as the rate


@pytest.mark.claim("optimizers#decays")
def test_adamw_shrinks_all_alike_and_adams_penalty_large_gradients_less() -> None:
    sizes = torch.tensor([0.3, 3.0, 30.0, 300.0], dtype=torch.float64)
    ends = {}
    for make in (torch.optim.AdamW, torch.optim.Adam):
        theta = torch.ones(4, dtype=torch.float64, requires_grad=True)
        optimizer = make([theta], lr=0.001, weight_decay=0.1)
        for t in range(4000):
            theta.grad = (-1) ** t * sizes
            optimizer.step()
        ends[make] = theta.detach()
    shrunk = ends[torch.optim.AdamW]
    assert shrunk.tolist() == pytest.approx([(1 - 0.001 * 0.1) ** 4000] * 4, abs=0.01)
    assert shrunk.max() - shrunk.min() < 1e-6
    penalized = ends[torch.optim.Adam].tolist()
    assert penalized == sorted(penalized)
    assert penalized[0] < penalized[1] - 0.1
    assert penalized[-1] > 0.98


@pytest.mark.claim("optimizers#stacked")
@pytest.mark.parametrize("name", ["SGD", "Nesterov", "RMSprop", "Adam"])
def test_a_stack_trains_its_networks_as_if_each_were_alone(
    names: dict[str, Any], name: str
) -> None:
    X, y = names["X_train"][:96], names["y_train"][:96]
    loss = torch.nn.functional.cross_entropy
    stack = names["networks"]()
    third = torch.nn.Sequential(
        torch.nn.Linear(64, 32), torch.nn.ReLU(), torch.nn.Linear(32, 10)
    ).double()
    with torch.no_grad():
        for own, stacked in zip(third.parameters(), stack, strict=True):
            own.copy_(stacked[3])
    optimizers = [
        names["makers"][name](parameters, 0.02)
        for parameters in (stack, list(third.parameters()))
    ]
    for step in range(20):
        rows = torch.stack(
            [(torch.arange(16) * (k + 1) + step) % 96 for k in range(12)]
        )
        objectives = [
            12 * loss(names["logits"](stack, X[rows]).flatten(0, 1), y[rows].flatten()),
            loss(third(X[rows[3]]), y[rows[3]]),
        ]
        for optimizer, J in zip(optimizers, objectives, strict=True):
            optimizer.zero_grad()
            J.backward()
            optimizer.step()
    for own, stacked in zip(third.parameters(), stack, strict=True):
        torch.testing.assert_close(stacked[3], own, rtol=1e-8, atol=1e-8)


@pytest.mark.claim("optimizers#nesterov-ahead")
def test_nesterov_makes_fewer_errors_than_sgd_in_this_budget(
    names: dict[str, Any],
) -> None:
    best = {}
    for name in ("SGD", "Nesterov"):
        runs = names["results"][name]
        rate = min(runs, key=lambda lr: float(runs[lr][0].mean()))
        best[name] = runs[rate][1].numpy()
        assert min(runs) < rate < max(runs)  # not at the sweep's end
    difference = best["SGD"].mean() - best["Nesterov"].mean()
    error = math.sqrt(sum(each.var(ddof=1) / len(each) for each in best.values()))
    assert len(best["SGD"]) == 12
    assert difference > 2.5 * error


def test_every_optimizers_best_rate_lies_inside_the_sweep(
    names: dict[str, Any],
) -> None:
    chosen = {}
    for name, runs in names["results"].items():
        assert tuple(runs) == names["rates"]
        chosen[name] = min(runs, key=lambda lr: float(runs[lr][0].mean()))
        assert min(runs) < chosen[name] < max(runs)
    assert max(chosen.values()) / min(chosen.values()) == pytest.approx(100)


@pytest.mark.claim("optimizers#noise")
@pytest.mark.parametrize(("rate", "deviation"), [(0.5, 1.0), (0.1, 2.0), (1.5, 0.5)])
def test_noise_keeps_a_constant_rate_away_at_the_mean_square_of_the_formula(
    rate: float, deviation: float
) -> None:
    chance = np.random.default_rng(0)
    x = np.full(20_000, 3.0)
    for _ in range(150):
        x = x - rate * (x + deviation * chance.normal(size=20_000))
    assert (x**2).mean() == pytest.approx(rate / (2 - rate) * deviation**2, rel=0.04)


def test_the_schedules_follow_their_formulas(names: dict[str, Any]) -> None:
    shapes, follow, losses = names["shapes"], names["follow"], names["losses"]
    seen = {name: follow(make, losses) for name, make in shapes.items()}
    cosine = [0.05 * (1 + math.cos(math.pi * t / 60)) for t in range(61)]
    assert seen["cosine"] == pytest.approx(cosine, abs=1e-9)
    assert seen["step"] == pytest.approx([0.1 * 0.5 ** (t // 20) for t in range(61)])
    rise = [0.1 * (0.1 + 0.9 * t / 10) for t in range(10)]
    fall = [0.05 * (1 + math.cos(math.pi * t / 50)) for t in range(51)]
    assert seen["warm-up and cosine"] == pytest.approx(rise + fall, abs=1e-9)
    top = max(range(61), key=lambda t: seen["one-cycle"][t])
    assert seen["one-cycle"][0] == pytest.approx(0.1 / 25)
    assert seen["one-cycle"][top] == pytest.approx(0.1, rel=0.01)
    assert 0.25 * 60 < top < 0.35 * 60
    best, bad, rate, plateau = math.inf, 0, 0.1, [0.1]
    for loss in losses:
        if loss < best * (1 - 1e-4):
            best, bad = loss, 0
        else:
            bad += 1
        if bad > 10:
            rate, bad = rate / 2, 0
        plateau.append(rate)
    assert seen["plateau"] == pytest.approx(plateau)
    assert plateau[-1] < plateau[0]


def test_one_cycle_leads_the_momentum_the_opposite_way() -> None:
    def course(**more: Any) -> list[tuple[float, float]]:
        weight = torch.zeros(1, requires_grad=True)
        optimizer = torch.optim.SGD([weight], lr=0.5, momentum=0.9)
        schedule = lr_scheduler.OneCycleLR(optimizer, 0.1, total_steps=20, **more)
        seen = []
        for _ in range(19):
            group = optimizer.param_groups[0]
            seen.append((group["lr"], group["momentum"]))
            optimizer.step()
            schedule.step()
        return seen

    moving = course()
    for (lr, mu), (later, after) in pairwise(moving):
        assert (later - lr) * (after - mu) <= 0
    assert {mu for _, mu in course(cycle_momentum=False)} == {0.9}


def resumed(keep: bool, stop: int, make: Callable[[Any], Any]) -> list[float]:
    """The rates of twelve epochs, with all objects made anew before one of them."""
    weight = torch.zeros(1, requires_grad=True)
    optimizer = torch.optim.SGD([weight], lr=0.1)
    schedule = make(optimizer)
    used = []
    for epoch in range(12):
        if epoch == stop:
            saved = copy.deepcopy((optimizer.state_dict(), schedule.state_dict()))
            optimizer = torch.optim.SGD([weight], lr=0.1)
            schedule = make(optimizer)
            optimizer.load_state_dict(saved[0])
            if keep:
                schedule.load_state_dict(saved[1])
        used.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    return used


@pytest.mark.claim("optimizers#resumed")
@pytest.mark.parametrize(
    "make",
    [
        lambda o: lr_scheduler.CosineAnnealingLR(o, T_max=12),
        lambda o: lr_scheduler.OneCycleLR(o, 0.1, total_steps=13),
    ],
    ids=["cosine", "one-cycle"],
)
@pytest.mark.parametrize("stop", [3, 6, 9])
def test_a_resumed_run_needs_the_state_of_the_schedule(
    make: Callable[[Any], Any], stop: int
) -> None:
    whole = resumed(False, -1, make)
    assert resumed(True, stop, make) == pytest.approx(whole, abs=1e-12)
    assert resumed(False, stop, make) != pytest.approx(whole, abs=1e-4)


@pytest.mark.claim("optimizers#skips-first")
def test_a_schedule_that_steps_before_its_optimizer_skips_its_first_rate() -> None:
    def rates(schedule_first: bool) -> list[float]:
        weight = torch.zeros(1, dtype=torch.float64, requires_grad=True)
        optimizer = torch.optim.SGD([weight], lr=0.1)
        schedule = lr_scheduler.CosineAnnealingLR(optimizer, T_max=8)
        used = []
        for _ in range(6):
            if schedule_first:
                schedule.step()
            before = weight.item()
            weight.grad = torch.ones(1, dtype=torch.float64)
            optimizer.step()  # the step's length is the rate that it used
            used.append(before - weight.item())
            if not schedule_first:
                schedule.step()
        return used

    right = rates(schedule_first=False)
    with pytest.warns(UserWarning, match="before `optimizer.step"):
        wrong = rates(schedule_first=True)
    assert right[0] == pytest.approx(0.1)
    assert wrong[:-1] == pytest.approx(right[1:])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        rates(schedule_first=False)


def test_the_page_shows_the_real_warning(ran: Any) -> None:
    said = " ".join(ran.output.split())
    assert (
        "UserWarning: Detected call of `lr_scheduler.step()` before `optimizer.step()`"
        in said
    )


def test_adam_with_the_rate_of_sgd_learns_nothing(names: dict[str, Any]) -> None:
    errors = {name: names["results"][name][0.5][1] for name in ("SGD", "Adam")}
    assert errors["SGD"].max() < 20
    assert errors["Adam"].mean() > 70


def test_the_exercises_have_their_results_by_hand(ran: Any) -> None:
    assert "rate 0.160, momentum 0.04, factor 0.2\n" in ran.output
    for t in (1, 2, 10, 100):
        length = (1 - 0.9**t) / math.sqrt(1 - 0.999**t)
        assert f"step {t:3}: {length:.2f} times the rate\n" in ran.output
    readings = [19.0, 23.0, 18.0, 21.0, 24.0]
    means = [np.mean(readings[:t]) for t in range(1, 6)]
    assert "".join(f"{mean:.2f} {mean:.2f}\n" for mean in means) in ran.output


@pytest.mark.claim("optimizers#rate-inside")
def test_the_rate_inside_the_velocity_differs_once_the_rate_changes() -> None:
    def ends(rates: list[float]) -> list[float]:
        first = second = 1.0
        s = u = 0.0
        for rate in rates:
            s = 0.9 * s + first
            first -= rate * s
            u = 0.9 * u - rate * second
            second += u
        return [first, second]

    same = ends([0.1] * 6)
    assert same[0] == pytest.approx(same[1])
    x = torch.tensor(1.0, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.SGD([x], lr=0.1, momentum=0.9)
    for t in range(6):
        optimizer.param_groups[0]["lr"] = 0.1 if t < 3 else 0.01
        optimizer.zero_grad()
        (x**2 / 2).backward()
        optimizer.step()
    assert x.item() == pytest.approx(ends([0.1] * 3 + [0.01] * 3)[0])
    changed = ends([0.1] * 3 + [0.01] * 3)
    assert abs(changed[0] - changed[1]) > 0.1
    moves = [ends([0.1] * 3 + [0.01] * k) for k in (0, 1)]
    slower, faster = (abs(b - a) for a, b in zip(*moves, strict=True))
    assert slower < 0.2 * faster
