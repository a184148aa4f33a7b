"""Is what the page on the workshop of 2019 prints true?"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch


@pytest.fixture
def ran(run_module: Callable[[str], Any]) -> Any:
    return run_module("differences")


@pytest.fixture
def names(ran: Any) -> dict[str, Any]:
    return dict(ran.namespace)


def slopes(f: Callable[[Any], Any], at: Any, h: float = 1e-6) -> Any:
    """The gradient by central differences, in float64."""
    at = np.asarray(at, dtype=float)
    steps = h * np.eye(len(at))
    return np.array([f(at + step) - f(at - step) for step in steps]) / (2 * h)


def test_the_true_names_do_what_the_old_ones_were_meant_to(
    ran: Any, names: dict[str, Any]
) -> None:
    assert ran.output.count("AttributeError: ") == 3

    class Network(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.theta = torch.nn.Parameter(torch.ones(2))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x @ self.theta

    network = Network()
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    y = network(torch.tensor([3.0, 4.0])) / 5
    y.backward()
    assert network.theta.grad is not None
    optimizer.zero_grad()
    assert network.theta.grad is None
    (product, _), *_ = y.grad_fn.next_functions
    (leaf,) = (node for node, _ in product.next_functions if node is not None)
    assert leaf.variable is network.theta


def test_the_second_label_replaces_the_first(ran: Any) -> None:
    assert "x: 'Objective'  y: ''\n" in ran.output


def test_the_gradients_are_the_other_factors_and_the_numerical_derivatives(
    names: dict[str, Any],
) -> None:
    z2, x3 = np.array([7.0, 10.0]), np.array([5.0, 6.0])
    assert names["z2"].grad.numpy() == pytest.approx(slopes(lambda z: z @ x3 / 5, z2))
    assert names["x3"].grad.numpy() == pytest.approx(slopes(lambda x: z2 @ x / 5, x3))
    assert names["z2"].grad.numpy() == pytest.approx(x3 / 5)
    assert names["x3"].grad.numpy() == pytest.approx(z2 / 5)


def test_the_gradient_that_was_drawn_but_not_computed_is_2_and_2_4(
    names: dict[str, Any],
) -> None:
    x1, x3 = np.array([1.0, 2.0]), np.array([5.0, 6.0])
    expected = slopes(lambda x: (x1 + 2 * x) @ x3 / 5, [3.0, 4.0])
    assert names["asked"].grad.numpy() == pytest.approx(expected)
    assert names["x2"].grad is None


def test_pixels_are_half_a_cell_off_at_the_edges_and_right_in_the_middle(
    names: dict[str, Any],
) -> None:
    width = 30 / 301
    expected = 5 + width * (np.arange(301) + 0.5) - np.linspace(5, 35, 301)
    assert names["shift"].numpy() == pytest.approx(expected, abs=1e-5)
    assert abs(expected).max() == pytest.approx(width / 2)


def test_only_the_first_call_records(ran: Any) -> None:
    assert ran.output.endswith("True\nFalse\n")
