"""The lab, part three: a multilayer perceptron, trained with care."""

# %% imports
import copy
import textwrap
from pathlib import Path
from tempfile import TemporaryDirectory

import matplotlib.pyplot as plt
import numpy as np
import torch
from sklearn.datasets import make_moons
from torch import nn
from torch.optim.lr_scheduler import CosineAnnealingLR
from torch.utils.data import DataLoader, TensorDataset

# %% borrow
from lab import (
    evaluate,
    load_parts,
    show_samples,
    split_rows,
    standardized,
    train_step,
)

# %% data
raw = load_parts(["radius_mean", "texture_mean"])
(X_train, y_train), (X_val, y_val), (X_test, y_test) = standardized(raw)


# %% model
def network(width: int, seed: int = 0) -> nn.Sequential:
    """Two inputs, one hidden layer with tanh, and one logit."""
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Linear(2, width),  # (N, 2) -> (N, width)
        nn.Tanh(),
        nn.Linear(width, 1),  # (N, width) -> (N, 1)
    )


model = network(16)
print(sum(p.numel() for p in model.parameters()), "parameters")
J, errors = evaluate(model, X_val, y_val)
print(f"untrained: {J:.3f}, {errors} of 113 wrong")


# %% loader
def batches(size: int) -> DataLoader:
    """Cut the training set into batches, in an order drawn from seed 0."""
    return DataLoader(
        TensorDataset(X_train, y_train),
        batch_size=size,
        shuffle=True,
        generator=torch.Generator().manual_seed(0),
    )


# %% rates
def after(step: type, lr: float, epochs: int = 10) -> float:
    """Give the training objective after some epochs."""
    model = network(16)
    optimizer = step(model.parameters(), lr=lr)
    loader = batches(32)
    for _ in range(epochs):
        for X, y in loader:
            train_step(model, optimizer, X, y)
    return evaluate(model, X_train, y_train)[0]


for step, rates in (
    (torch.optim.SGD, (0.03, 0.1, 0.3, 1.0, 3.0)),
    (torch.optim.AdamW, (0.003, 0.01, 0.03, 0.1, 0.3)),
):
    row = "  ".join(f"{lr}: {after(step, lr):.3f}" for lr in rates)
    print(f"{step.__name__:5}  {row}")

# %% schedule
for falls in (False, True):
    model, loader, J = network(16), batches(32), []
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.03)
    schedule = CosineAnnealingLR(optimizer, T_max=60)
    for _ in range(60):
        for X, y in loader:
            train_step(model, optimizer, X, y)
        if falls:
            schedule.step()
        J.append(evaluate(model, X_train, y_train)[0])
    name = "cosine" if falls else "constant"
    print(f"{name:8}  {min(J[-10:]):.3f} to {max(J[-10:]):.3f}")


# %% fit
def fit(
    model: nn.Module,
    loader: DataLoader,
    epochs: int,
    lr: float,
    patience: int = 1000,
) -> list:
    """Train, keep the best weights, stop early; give a log of epochs."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr)
    schedule = CosineAnnealingLR(optimizer, T_max=epochs)
    log, best_J = [], float("inf")
    for epoch in range(epochs):
        for X, y in loader:
            train_step(model, optimizer, X, y)
        schedule.step()
        J_train, _ = evaluate(model, X_train, y_train)
        J_val, _ = evaluate(model, X_val, y_val)
        log.append((J_train, J_val))
        if J_val < best_J:
            best_J, best_epoch = J_val, epoch
            best = copy.deepcopy(model.state_dict())
        elif epoch - best_epoch >= patience:
            break
    model.load_state_dict(best)
    return log


# %% run
model = network(16)
log = fit(model, batches(32), epochs=60, lr=0.03)
for epoch in (1, 5, 20, 60):
    J_train, J_val = log[epoch - 1]
    print(f"epoch {epoch:2}: {J_train:.3f}  {J_val:.3f}")
best = int(np.argmin([J_val for _, J_val in log]))
J_val, errors = evaluate(model, X_val, y_val)
print(f"kept: epoch {best + 1}, {J_val:.3f}, {errors} of 113 wrong")


# %% overfit
def deep(width: int, drop: float = 0.0) -> nn.Sequential:
    """Two hidden layers, each followed by dropout."""
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Linear(2, width),
        nn.Tanh(),
        nn.Dropout(drop),
        nn.Linear(width, width),
        nn.Tanh(),
        nn.Dropout(drop),
        nn.Linear(width, 1),
    )


wide = deep(64)
print(sum(p.numel() for p in wide.parameters()), "parameters")
wide_log = fit(wide, batches(341), epochs=300, lr=0.01)
for epoch in (10, 30, 100, 300):
    J_train, J_val = wide_log[epoch - 1]
    print(f"epoch {epoch:3}: {J_train:.2f}  {J_val:.2f}")

# %% curves
figure, axes = plt.subplots(figsize=(5.5, 3.8), layout="constrained")
for each, color, name in (
    (log, "C0", "16 neurons"),
    (wide_log, "C1", "64 + 64"),
):
    J_train, J_val = np.array(each).T
    epochs = np.arange(len(each)) + 1
    axes.plot(epochs, J_train, color=color, label=f"{name}, training")
    axes.plot(epochs, J_val, "--", color=color, label="validation")
    axes.plot(np.argmin(J_val) + 1, J_val.min(), "o", color=color)
axes.set(xscale="log", xlabel="epoch", ylabel="objective")
axes.set_ylim(0.15, 0.4)
axes.legend()
plt.show()

# %% patience
wide = deep(64)
short = fit(wide, batches(341), epochs=300, lr=0.01, patience=30)
print("stopped early:", len(short) < 300)
J_val, _ = evaluate(wide, X_val, y_val)
print(f"kept: {J_val:.2f}")

# %% with-dropout
drop_log = fit(deep(64, drop=0.5), batches(341), epochs=300, lr=0.01)
for name, each in (("without", wide_log), ("with", drop_log)):
    J_train, J_val = each[-1]
    print(f"{name:7} dropout: {J_train:.2f}  {J_val:.2f} at the end")

# %% save
mean, deviation = raw[0][0].mean(0), raw[0][0].std(0, correction=0)
folder = TemporaryDirectory()
path = Path(folder.name) / "perceptron.pt"
state = {
    "weights": model.state_dict(),
    "mean": mean,
    "deviation": deviation,
}
torch.save(state, path)

# %% reload
loaded = torch.load(path, weights_only=True)
again = network(16, seed=1)  # other weights, to be replaced
print(again.load_state_dict(loaded["weights"]))
patient = torch.tensor([[13.40, 20.52]])  # as measured
x = (patient - loaded["mean"]) / loaded["deviation"]
again.eval()
model.eval()
with torch.no_grad():
    p = torch.sigmoid(again(x)).item()
    print(f"p = {p:.2f}, same logit: {torch.equal(again(x), model(x))}")
folder.cleanup()

# %% test-risk
_, errors = evaluate(model, X_test, y_test)
print(f"{errors} of {len(y_test)} wrong: {errors / len(y_test):.3f}")

# %% decision
ticks = np.linspace(5, 40, 281)
radius, texture = np.meshgrid(ticks, ticks)
pairs = np.stack([radius.flatten(), texture.flatten()], 1)
plane = torch.tensor(pairs).float()
with torch.no_grad():
    z = model((plane - mean) / deviation).reshape(radius.shape)
figure, axes = plt.subplots(figsize=(5.5, 4.2), layout="constrained")
axes.contourf(
    radius, texture, z, [-99, 0, 99], colors=["C0", "C1"], alpha=0.25
)
axes.contour(radius, texture, z, [0], colors="black")
show_samples(axes, raw[0][0], y_train)
axes.set(xlim=(6, 30), ylim=(8, 40))
plt.show()

# %% as-measured
with torch.no_grad():
    for name, each in (("standardized", x), ("as measured", patient)):
        print(f"{name:12}  p = {torch.sigmoid(again(each)).item():.2f}")
_, errors = evaluate(again, raw[2][0], y_test)
print(f"test set as measured: {errors} of 115 wrong")

# %% other-shape
try:
    network(8).load_state_dict(state["weights"])
except RuntimeError as error:
    print(textwrap.fill(str(error).splitlines()[1].strip(), 72))


# %% exercise-file
def probability(path: Path, radius: float, texture: float) -> float:
    """Give the probability of malignant for a patient as measured."""
    loaded = torch.load(path, weights_only=True)
    model = network(loaded["width"])
    model.load_state_dict(loaded["weights"])
    x = torch.tensor([[radius, texture]])
    model.eval()
    with torch.no_grad():
        z = model((x - loaded["mean"]) / loaded["deviation"])
    return torch.sigmoid(z).item()


with TemporaryDirectory() as name:
    path = Path(name) / "perceptron.pt"
    torch.save({**state, "width": len(model[0].bias)}, path)
    print(f"p = {probability(path, 13.40, 20.52):.2f}")


# %% exercise-momentum
def heavy(parameters, lr: float) -> torch.optim.SGD:
    """Make SGD with momentum."""
    return torch.optim.SGD(parameters, lr=lr, momentum=0.9)


rates = (0.003, 0.01, 0.03, 0.1, 0.3)
print("  ".join(f"{lr}: {after(heavy, lr):.3f}" for lr in rates))

# %% exercise-width
for width in (1, 2, 16, 256):
    model = network(width)
    fit(model, batches(32), epochs=60, lr=0.03)
    J_val, _ = evaluate(model, X_val, y_val)
    print(f"width {width:3}: validation {J_val:.3f}")

# %% exercise-moons
points, moon = make_moons(300, noise=0.2, random_state=0)
X = torch.tensor(points, dtype=torch.float32)
y = torch.tensor(moon, dtype=torch.float32)
parts = [(X[rows], y[rows]) for rows in split_rows(300)]
(X_train, y_train), (X_val, y_val), (X_test, y_test) = standardized(parts)
for width in (1, 16):
    model = network(width)
    fit(model, batches(32), epochs=60, lr=0.03)
    _, errors = evaluate(model, X_test, y_test)
    print(f"width {width:2}: {errors} of {len(y_test)} wrong")
