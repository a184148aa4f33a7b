"""The lab's data: loaded, named as in the CSV file, split in three."""

# %% imports
import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from sklearn.datasets import load_breast_cancer
from torch.nn.functional import binary_cross_entropy


# %% csv-name
def csv_name(name: str) -> str:
    """Turn scikit-learn's "mean radius" into the CSV's "radius_mean"."""
    name = name.replace("fractal dimension", "fractal_dimension")
    if name.endswith(" error"):
        return name.removesuffix(" error") + "_se"
    kind, quantity = name.split(" ", maxsplit=1)  # "mean" or "worst"
    return f"{quantity}_{kind}"


# %% load-table
def load_table() -> pd.DataFrame:
    """Load 569 samples: the column diagnosis (M or B), then 30 features."""
    bundle = load_breast_cancer(as_frame=True)
    table: pd.DataFrame = bundle.data.rename(columns=csv_name)
    letters = bundle.target.map({0: "M", 1: "B"})  # 0 is malignant there
    table.insert(0, "diagnosis", letters)
    return table


# %% split-rows
def split_rows(count: int, seed: int = 0) -> list[npt.NDArray[np.int64]]:
    """Shuffle the row numbers; give those of train, validation and test."""
    rows = np.arange(count)
    np.random.RandomState(seed).shuffle(rows)
    train = int(0.6 * count)
    validation = int(0.2 * count)
    return np.split(rows, [train, train + validation])


# %% as-tensors
def as_tensors(
    table: pd.DataFrame, rows: npt.NDArray[np.int64], names: list[str]
) -> tuple[torch.Tensor, torch.Tensor]:
    """Give the features (N, len(names)) and labels (N,), 1 if malignant."""
    part = table.iloc[rows]
    X = torch.tensor(part[names].to_numpy(), dtype=torch.float32)
    malignant = (part["diagnosis"] == "M").to_numpy()
    return X, torch.tensor(malignant, dtype=torch.float32)


# %% columns
def columns(X: torch.Tensor) -> torch.Tensor:
    """Turn samples (N, 2) into columns with a 1 below each: (3, N)."""
    return torch.cat([X.T, X.new_ones(1, len(X))])


# %% gradients
def gradients(
    U: torch.Tensor, u: torch.Tensor, A: torch.Tensor, y: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Give the gradients for U (..., 2, 3) and u (..., 1, 3)."""
    H = torch.sigmoid(U @ A)  # (..., 2, N)
    G = torch.cat([H, torch.ones_like(H[..., :1, :])], -2)  # (..., 3, N)
    e = torch.sigmoid(u @ G) - y  # (..., 1, N)
    D = u[..., :2].mT * e * (H * (1 - H))  # (..., 2, N)
    return D @ A.T / len(y), e @ G.mT / len(y)


# %% predict
def predict(weights: torch.Tensor, A: torch.Tensor) -> torch.Tensor:
    """Give the probabilities (..., N) for weights (..., 9) and A (3, N)."""
    U = weights[..., :6].unflatten(-1, (2, 3))
    u = weights[..., 6:].unflatten(-1, (1, 3))
    H = torch.sigmoid(U @ A)  # (..., 2, N)
    z = u[..., :2] @ H + u[..., 2:]  # (..., 1, N)
    return torch.sigmoid(z).squeeze(-2)


# %% objective
def objective(
    weights: torch.Tensor, A: torch.Tensor, y: torch.Tensor
) -> torch.Tensor:
    """Give the mean loss (...) of each network in weights (..., 9)."""
    p = predict(weights, A)
    losses = binary_cross_entropy(p, y.expand_as(p), reduction="none")
    return losses.mean(-1)


# %% wrong
def wrong(
    weights: torch.Tensor, A: torch.Tensor, y: torch.Tensor
) -> torch.Tensor:
    """Count the wrong answers (...) of each network in weights (..., 9)."""
    return ((predict(weights, A) > 0.5) != (y == 1)).sum(-1)
