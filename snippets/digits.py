"""The digits: the data of the chapters on several classes."""

# %% imports
import torch
from sklearn.datasets import load_digits


# %% load-parts
def load_parts() -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Give pixels (N, 64) and classes (N,): training, validation, test."""
    pixels, classes = load_digits(return_X_y=True)
    X = torch.tensor(pixels / 16, dtype=torch.float32)  # (1797, 64), 0 to 1
    y = torch.tensor(classes)  # (1797,), whole numbers 0 to 9
    chance = torch.Generator().manual_seed(0)
    order = torch.randperm(len(X), generator=chance)
    return [(X[rows], y[rows]) for rows in order.split([1078, 359, 360])]
