"""The lab, part two: logistic regression as an ordinary PyTorch project."""

# %% imports
import textwrap

import matplotlib.pyplot as plt
import numpy as np
import torch
from sklearn.datasets import load_wine
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

# %% borrow
from lab import (
    evaluate,
    load_parts,
    mean_loss,
    split_rows,
    standardized,
    train_step,
)

# %% data
raw = load_parts(["radius_mean", "texture_mean"])
(X_train, y_train), (X_val, y_val), (X_test, y_test) = standardized(raw)
print("first sample:", raw[0][0][0], "becomes", X_train[0])
print("samples:", len(y_train), len(y_val), len(y_test))

# %% model
torch.manual_seed(0)
model = nn.Linear(2, 1)
with torch.no_grad():
    z = model(X_train[:3])  # (3, 1): the logits of three samples
    p = torch.sigmoid(z)
print("z:", z.squeeze(1))
print("p:", p.squeeze(1))

# %% by-hand
z = torch.tensor(0.5 * 13.40 + 0.1 * 20.52 - 9)
p = 1 / (1 + torch.exp(-z))
print(f"z = {z:.3f}, p = {p:.4f}")
print(f"if malignant: {-torch.log(p):.4f}")
print(f"if benign:    {-torch.log(1 - p):.4f}")

# %% one-step
optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
for _ in range(3):
    J, errors = evaluate(model, X_train, y_train)
    print(f"objective {J:.4f}, {errors} of 341 wrong")
    train_step(model, optimizer, X_train, y_train)


# %% full-batch
def fit_full(epochs: int, lr: float) -> tuple[nn.Module, list]:
    """Train a new model on all samples at once; log each epoch."""
    torch.manual_seed(0)
    model = nn.Linear(2, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    log = []
    for epoch in range(epochs):
        train_step(model, optimizer, X_train, y_train)
        J_train, _ = evaluate(model, X_train, y_train)
        J_val, errors = evaluate(model, X_val, y_val)
        log.append((epoch + 1, J_train, J_val, errors))
    return model, log


model, log = fit_full(epochs=200, lr=1.0)
for epoch, J_train, J_val, errors in [log[0], log[9], log[99], log[199]]:
    print(f"{epoch:4}  {J_train:.4f}  {J_val:.4f}  {errors} of 113 wrong")

# %% loader
train_set = TensorDataset(X_train, y_train)
loader = DataLoader(
    train_set,
    batch_size=32,
    shuffle=True,
    generator=torch.Generator().manual_seed(0),
)
sizes = [len(y) for X, y in loader]
print(len(loader), "batches:", sizes)


# %% mini-batches
def fit(loader: DataLoader, epochs: int, lr: float) -> tuple:
    """Train a new model on mini-batches; log each epoch."""
    torch.manual_seed(0)
    model = nn.Linear(2, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    log = []
    for epoch in range(epochs):
        for X, y in loader:
            train_step(model, optimizer, X, y)
        J_train, _ = evaluate(model, X_train, y_train)
        J_val, errors = evaluate(model, X_val, y_val)
        log.append((epoch + 1, J_train, J_val, errors))
    return model, log


mini_model, mini_log = fit(loader, epochs=200, lr=1.0)
for name, each in (("full", log), ("mini", mini_log)):
    print(name, *(f"{each[i][1]:.4f}" for i in (0, 1, 4, 9, 99, 199)))

# %% curves
figure, axes = plt.subplots(figsize=(5.5, 3.8), layout="constrained")
for each, color, name in ((log, "C0", "full"), (mini_log, "C1", "mini")):
    epochs, J_train, J_val, _ = np.array(each).T
    axes.plot(epochs, J_train, color=color, label=f"{name}, training")
    axes.plot(epochs, J_val, "--", color=color, label=f"{name}, validation")
axes.set(xscale="log", xlabel="epoch", ylabel="objective")
axes.legend()
plt.show()

# %% noise
for lr in (3.0, 1.0, 0.3):
    _, each = fit(loader, epochs=150, lr=lr)
    tail = [J_train for _, J_train, _, _ in each[-50:]]
    print(f"lr {lr}: {min(tail):.4f} to {max(tail):.4f}")

# %% test-risk
_, errors = evaluate(model, X_test, y_test)
print(f"{errors} of {len(y_test)} wrong: {errors / len(y_test):.3f}")

# %% boundary
figure, axes = plt.subplots(figsize=(5.5, 4.2), layout="constrained")
for label, marker, word in ((0, "o", "benign"), (1, "x", "malignant")):
    group = raw[0][0][y_train == label]
    axes.plot(
        *group.T, marker, markersize=4, markerfacecolor="none", label=word
    )
w, b = model.weight.detach()[0].numpy(), model.bias.item()
mean, deviation = raw[0][0].mean(0), raw[0][0].std(0, correction=0)
radius = np.array([6, 30])
standing = (radius - mean[0].item()) / deviation[0].item()
for share, line in ((0.1, ":"), (0.5, "-"), (0.9, "--")):
    level = np.log(share / (1 - share))  # p = share where z = level
    texture = (level - b - w[0] * standing) / w[1]
    texture = mean[1].item() + deviation[1].item() * texture
    axes.plot(radius, texture, line, color="black", label=f"p = {share}")
axes.set(xlim=(6, 30), ylim=(8, 42))
axes.set_xlabel("radius_mean (unit of the image)")
axes.set_ylabel("texture_mean (gray levels)")
axes.legend()
plt.show()

# %% shapes
try:
    mean_loss(model(X_train), y_train)
except ValueError as error:
    print(textwrap.fill(f"ValueError: {error}", 72))

# %% dtypes
try:
    mean_loss(model(X_train).squeeze(1), y_train.to(torch.int64))
except RuntimeError as error:
    print(textwrap.fill(f"RuntimeError: {error}", 72))

# %% mean-of-means
values, sizes = [], []
for X, y in loader:
    J, _ = evaluate(model, X, y)
    values.append(J)
    sizes.append(len(y))
print(f"mean of the batches: {np.mean(values):.4f}")
print(f"weighted by size:    {np.average(values, weights=sizes):.4f}")
print(f"whole set at once:   {evaluate(model, X_train, y_train)[0]:.4f}")

# %% exercise-loader
all_at_once = DataLoader(train_set, batch_size=341, shuffle=True)
same, same_log = fit(all_at_once, epochs=200, lr=1.0)
print(torch.allclose(same.weight, model.weight, atol=1e-4))

# %% exercise-odds
X_raw, _ = raw[0]  # (341, 2), as measured
mean, deviation = X_raw.mean(0), X_raw.std(0, correction=0)  # (2,) each
factor = np.exp(model.weight[0, 0].item() / deviation[0].item())
print(f"one more unit of radius: odds times {factor:.2f}")
for radius in (14.0, 15.0):
    x = (torch.tensor([radius, 20.0]) - mean) / deviation
    p = torch.sigmoid(model(x)).item()
    print(f"radius {radius}: p = {p:.3f}, odds {p / (1 - p):.3f}")

# %% exercise-radius
torch.manual_seed(0)
alone = nn.Linear(1, 1)
optimizer = torch.optim.SGD(alone.parameters(), lr=1.0)
for _ in range(2000):
    train_step(alone, optimizer, X_train[:, :1], y_train)
J, _ = evaluate(alone, X_train[:, :1], y_train)
_, errors = evaluate(alone, X_test[:, :1], y_test)
middle = -(alone.bias / alone.weight).item()  # p = 1/2 there
print(f"p = 1/2 at radius {mean[0] + deviation[0] * middle:.2f}")
print(f"objective {J:.4f}, {errors} of 115 wrong")

# %% exercise-wine
wine = load_wine()
X = torch.tensor(wine.data, dtype=torch.float32)  # (178, 13)
y = torch.tensor(wine.target == 0, dtype=torch.float32)  # (178,)
thirds = [(X[rows], y[rows]) for rows in split_rows(len(y))]
(X_wine, y_wine), _, (X_last, y_last) = standardized(thirds)
torch.manual_seed(0)
taster = nn.Linear(13, 1)
optimizer = torch.optim.SGD(taster.parameters(), lr=0.1)
for _ in range(200):
    train_step(taster, optimizer, X_wine, y_wine)
print("errors:", evaluate(taster, X_last, y_last)[1], "of", len(y_last))
