"""The lab's data, its training step, and the network of 2019."""

# %% imports
import numpy as np
import pandas as pd
import torch
from sklearn.datasets import load_breast_cancer
from torch import nn


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
    table = bundle.data.rename(columns=csv_name)
    letters = bundle.target.map({0: "M", 1: "B"})  # 0 is malignant there
    table.insert(0, "diagnosis", letters)
    return table


# %% split-rows
def split_rows(count: int, seed: int = 0) -> list[np.ndarray]:
    """Shuffle the row numbers; give those of train, validation and test."""
    rows = np.arange(count)
    np.random.RandomState(seed).shuffle(rows)
    train = int(0.6 * count)
    validation = int(0.2 * count)
    return np.split(rows, [train, train + validation])


# %% as-tensors
def as_tensors(
    table: pd.DataFrame, rows: np.ndarray, names: list[str]
) -> tuple[torch.Tensor, torch.Tensor]:
    """Give the features (N, len(names)) and labels (N,), 1 if malignant."""
    part = table.iloc[rows]
    X = torch.tensor(part[names].to_numpy(), dtype=torch.float32)
    malignant = (part["diagnosis"] == "M").to_numpy()
    return X, torch.tensor(malignant, dtype=torch.float32)


# %% load-parts
def load_parts(
    names: list[str], seed: int = 0
) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Give features and labels of the training, validation and test set."""
    table = load_table()
    split = split_rows(len(table), seed)
    return [as_tensors(table, rows, names) for rows in split]


# %% standardized
def standardized(
    parts: list[tuple[torch.Tensor, torch.Tensor]],
) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Give each feature mean 0 and deviation 1 on the training set."""
    X_train, _ = parts[0]
    mean = X_train.mean(0)  # (n,)
    deviation = X_train.std(0, correction=0)  # (n,)
    return [((X - mean) / deviation, y) for X, y in parts]


# %% train-step
mean_loss = nn.BCEWithLogitsLoss()


def train_step(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    X: torch.Tensor,
    y: torch.Tensor,
) -> float:
    """Take one step on X (N, n) and y (N,); give the loss before it."""
    model.train()
    z = model(X).squeeze(1)  # (N, 1) -> (N,)
    J = mean_loss(z, y)
    optimizer.zero_grad()
    J.backward()
    optimizer.step()
    return J.item()


# %% evaluate
def evaluate(
    model: nn.Module, X: torch.Tensor, y: torch.Tensor
) -> tuple[float, int]:
    """Give the objective on X (N, n), y (N,) and the number of errors."""
    model.eval()
    with torch.no_grad():
        z = model(X).squeeze(1)  # (N,)
        J = mean_loss(z, y)
    errors = ((z > 0) != (y == 1)).sum()
    return J.item(), int(errors)


# %% columns
def columns(X: torch.Tensor) -> torch.Tensor:
    """Turn samples (N, 2) into columns with a 1 below each: (3, N)."""
    return torch.cat([X.T, X.new_ones(1, len(X))])


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
    losses = nn.functional.binary_cross_entropy(
        p, y.expand_as(p), reduction="none"
    )
    return losses.mean(-1)


# %% wrong
def wrong(
    weights: torch.Tensor, A: torch.Tensor, y: torch.Tensor
) -> torch.Tensor:
    """Count the wrong answers (...) of each network in weights (..., 9)."""
    return ((predict(weights, A) > 0.5) != (y == 1)).sum(-1)


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


# %% show-samples
def show_samples(axes, X: torch.Tensor, y: torch.Tensor) -> None:
    """Draw samples (N, 2): circles if benign, crosses if malignant."""
    for label, marker, word in ((0, "o", "benign"), (1, "x", "malignant")):
        points = axes.plot(*X[y == label].T, marker, label=word)[0]
        points.set(color=f"C{label}", markersize=4, markerfacecolor="none")
    axes.set_xlabel("radius_mean (unit of the image)")
    axes.set_ylabel("texture_mean (standard deviation of gray levels)")
    axes.legend()
