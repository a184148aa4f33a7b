"""Is what the chapter on the backward pass says and prints true?"""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor


@pytest.fixture
def ran(run_module: Callable[[str], Any]) -> Any:
    return run_module("backward_graph")


@pytest.fixture
def names(ran: Any) -> dict[str, Any]:
    return dict(ran.namespace)


def by_hand(
    x1: tuple[float, float], x2: tuple[float, float], x3: tuple[float, float]
) -> float:
    """Compute the running example in plain Python arithmetic."""
    return ((x1[0] + 2 * x2[0]) * x3[0] + (x1[1] + 2 * x2[1]) * x3[1]) / 5


def inputs(dtype: torch.dtype = torch.float64) -> list[Tensor]:
    """The three inputs of the running example, all of them marked."""
    return [
        torch.tensor(value, dtype=dtype, requires_grad=True)
        for value in ([1.0, 2.0], [3.0, 4.0], [5.0, 6.0])
    ]


def central_difference(g: Callable[[Tensor], Tensor], x: Tensor) -> list[float]:
    """Measure the gradient of g at x, entry by entry."""
    result = []
    for i in range(len(x)):
        up, down = x.detach().clone(), x.detach().clone()
        up[i] += 1e-6
        down[i] -= 1e-6
        result.append(((g(up) - g(down)) / 2e-6).item())
    return result


def test_before_the_backward_pass_there_is_no_gradient(ran: Any) -> None:
    assert ran.output.startswith("tensor(19., grad_fn=<DivBackward0>)\nNone None None")


def test_backward_fills_in_two_gradients_and_leaves_the_third_empty(ran: Any) -> None:
    gradients = "tensor([1.0000, 1.2000])\nNone\ntensor([1.4000, 2.0000])\n"
    assert f"None None None\n{gradients}" in ran.output


def test_autograd_agrees_with_central_differences_of_plain_arithmetic() -> None:
    x1, x2, x3 = inputs()
    ((x1 + 2 * x2) @ x3 / 5).backward()
    at = [(1.0, 2.0), (3.0, 4.0), (5.0, 6.0)]
    h = 1e-6
    for k, x in enumerate((x1, x2, x3)):
        assert x.grad is not None
        for i in range(2):
            moved = []
            for sign in (1, -1):
                point = [list(pair) for pair in at]
                point[k][i] += sign * h
                moved.append(by_hand(*((p[0], p[1]) for p in point)))
            assert x.grad[i].item() == pytest.approx((moved[0] - moved[1]) / (2 * h))


def test_the_chain_rule_by_hand_gives_what_autograd_gives(
    names: dict[str, Any],
) -> None:
    assert names["dz3"].item() == pytest.approx(1 / 5)
    assert names["dz2"].tolist() == pytest.approx([5 / 5, 6 / 5])
    assert names["dx3"].tolist() == pytest.approx([7 / 5, 10 / 5])
    x1, x2, x3 = inputs(torch.float32)
    names["f"](x1, x2, x3).backward()
    assert x1.grad is not None
    assert x3.grad is not None
    assert torch.equal(x1.grad, names["dx1"])
    assert torch.equal(x3.grad, names["dx3"])


def test_an_operation_multiplies_by_its_transposed_jacobian() -> None:
    torch.manual_seed(0)
    u = torch.randn(3, dtype=torch.float64, requires_grad=True)
    matrix = torch.randn(2, 3, dtype=torch.float64)

    def g(u: Tensor) -> Tensor:
        return torch.tanh(matrix @ u)  # (2,)

    above = torch.tensor([0.5, -2.0], dtype=torch.float64)  # dy/dv
    g(u).backward(above)
    jacobian = torch.autograd.functional.jacobian(g, u)  # (2, 3)
    assert u.grad is not None
    assert torch.allclose(u.grad, jacobian.T @ above)


def test_each_node_received_the_gradient_for_its_tensor(ran: Any) -> None:
    for line in (
        "DivBackward0 of y receives 1\n",
        "DotBackward0 of z3 receives 0.2\n",
        "AddBackward0 of z2 receives (1, 1.2)\n",
        "AccumulateGrad into x1.grad receives (1, 1.2)\n",
        "AccumulateGrad into x3.grad receives (1.4, 2)\n",
    ):
        assert line in ran.output


def test_the_measured_slopes_are_the_gradients_of_the_hand_calculation(
    names: dict[str, Any],
) -> None:
    f, slopes = names["f"], names["slopes"]
    a1, a2, a3 = (x.detach() for x in inputs())
    z2 = a1 + 2 * a2
    for measured, expected in (
        (slopes(lambda x: f(x, a2, a3), a1), a3 / 5),
        (slopes(lambda x: f(a1, x, a3), a2), 2 * a3 / 5),
        (slopes(lambda x: f(a1, a2, x), a3), z2 / 5),
    ):
        assert torch.allclose(measured, expected)


def test_over_all_paths_the_derivative_of_s_squared_plus_s_is_2_s_plus_1(
    ran: Any,
) -> None:
    s = 1 * 5 + 2 * 6
    assert f"tensor({2 * s + 1}.)\n" in ran.output
    x1, _, x3 = inputs()

    def t(x: Tensor) -> Tensor:
        s = x @ x3.detach()
        return s * s + s

    t(x1).backward()
    assert x1.grad is not None
    assert x1.grad.tolist() == [35 * 5, 35 * 6]
    assert x1.grad.tolist() == pytest.approx(central_difference(t, x1))


def test_three_calls_add_up_to_three_times_the_gradient(ran: Any) -> None:
    lines = [f"tensor([{k * 1.0:.4f}, {k * 1.2:.4f}])\n" for k in (1, 2, 3)]
    assert "".join([*lines, lines[0]]) in ran.output


def test_a_retained_gradient_is_that_of_the_chain_rule() -> None:
    x1, x2, x3 = inputs()
    z2 = x1 + 2 * x2
    z2.retain_grad()
    (z2 @ x3 / 5).backward()
    assert z2.grad is not None
    assert z2.grad.tolist() == pytest.approx([5 / 5, 6 / 5])


def test_a_retained_graph_gives_its_gradients_twice() -> None:
    x1, x2, x3 = inputs()
    y = (x1 + 2 * x2) @ x3 / 5
    y.backward(retain_graph=True)
    y.backward()
    assert x1.grad is not None
    assert x1.grad.tolist() == pytest.approx([2 * 5 / 5, 2 * 6 / 5])


def test_a_detached_value_counts_as_a_constant() -> None:
    x1, x2, x3 = inputs()
    y = (x1 + 2 * x2).detach() @ x3 / 5
    y.backward()
    assert x1.grad is None
    assert x3.grad is not None
    assert x3.grad.tolist() == pytest.approx([7 / 5, 10 / 5])


def test_the_step_lowers_y_by_the_rate_times_the_squared_gradient(ran: Any) -> None:
    # y is linear in x1, so the change is exact
    after = by_hand((1 - 0.1 * 1.0, 2 - 0.1 * 1.2), (3, 4), (5, 6))
    assert after == pytest.approx(19 - 0.1 * (1.0**2 + 1.2**2))
    assert f"19.000 -> {after:.3f}\n" in ran.output


def test_the_mistakes_say_what_the_chapter_shows(ran: Any) -> None:
    for message in (
        "UserWarning: The .grad attribute of a Tensor that is not a leaf Tensor",
        "RuntimeError: Trying to backward through the graph a second time",
        "RuntimeError: grad can be implicitly created only for scalar outputs",
        "RuntimeError: element 0 of tensors does not require grad",
        "RuntimeError: one of the variables needed for gradient computation has",
    ):
        assert message in ran.output


def test_weights_given_to_backward_weigh_the_entries(ran: Any) -> None:
    assert "tensor([1., 1.])\ntensor([10.,  1.])\n" in ran.output


def test_a_new_tensor_leaves_the_saved_value_as_it_was() -> None:
    x1, x2, x3 = inputs()
    z2 = x1 + 2 * x2
    z3 = z2 @ x3
    z2 = z2 + 1
    z3.backward()
    assert x3.grad is not None
    assert x3.grad.tolist() == [7, 10]


def test_the_swapped_factors_are_the_gradients_of_one_another(ran: Any) -> None:
    assert (
        "swapped:  tensor([1.4000, 2.0000])\n"
        "measured: tensor([1.0000, 1.2000], dtype=torch.float64)\n"
    ) in ran.output


def test_the_gradient_for_the_third_input_is_twice_that_for_the_sum(
    names: dict[str, Any],
) -> None:
    assert names["x2"].grad.tolist() == pytest.approx([2 * 5 / 5, 2 * 6 / 5])


def test_the_gradient_of_a_neuron_is_the_central_difference(
    names: dict[str, Any],
) -> None:
    x = names["x"].double()
    theta, b = names["theta"].detach().double(), names["b"].detach().double()
    slope = names["slope"].item()
    measured = central_difference(lambda w: torch.sigmoid(w @ x + b), theta)
    assert (slope * x).tolist() == pytest.approx(measured, abs=1e-6)
    (of_b,) = central_difference(
        lambda c: torch.sigmoid(theta @ x + c[0]), b.reshape(1)
    )
    assert names["b"].grad.item() == pytest.approx(of_b, abs=1e-6)


def test_detaching_one_factor_halves_the_gradient_of_a_square(ran: Any) -> None:
    s = 1 * 5 + 2 * 6
    whole = [2 * s * 5, 2 * s * 6]
    half = [s * 5, s * 6]
    assert [whole, half] == [[170, 204], [85, 102]]
    assert "tensor([170., 204.])\ntensor([ 85., 102.])\n" in ran.output


def test_the_parts_add_up_to_the_gradient_of_the_whole(
    ran: Any, names: dict[str, Any]
) -> None:
    rows, theta = names["X"].double(), names["theta"].detach().double()
    closed_form = 2 / len(rows) * rows.T @ (rows @ theta)
    assert names["theta"].grad.tolist() == pytest.approx(closed_form.tolist())
    assert ran.output.count("tensor([-29., -35.])\n") == 2


def test_calling_the_nodes_one_by_one_reaches_the_leaves_as_backward_does(
    ran: Any,
) -> None:
    assert ran.output.endswith(
        "AccumulateGrad into x1.grad (1, 1.2)\nAccumulateGrad into x3.grad (1.4, 2)\n"
    )
