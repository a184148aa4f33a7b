"""Names that mean several things, told apart by computing each meaning."""

# %% imports
import math
import textwrap

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from torch import nn

torch.manual_seed(0)

# %% three-losses
prediction = torch.tensor([0.5, 2.0, 3.0, 7.0])  # (4,)
target = torch.tensor([1.0, 2.0, 4.0, 5.0])  # (4,)
losses = (prediction - target) ** 2  # (4,): one penalty for each prediction
for loss in losses:
    print(f"loss of one prediction: {loss:.2f}")
print(f"empirical risk, their mean: {losses.mean():.4f}")

# %% expected-risk
generator = torch.Generator().manual_seed(0)
for count in (4, 400, 40_000):
    x = torch.randn(count, generator=generator)  # (count,)
    noise = torch.randn(count, generator=generator)  # variance 1
    y = 2 * x + noise
    risk = ((1.5 * x - y) ** 2).mean()
    print(f"empirical risk over {count:6} samples: {risk:.2f}")
print(f"expected risk: {(1.5 - 2) ** 2 + 1:.2f}")

# %% objective
weight = torch.tensor([3.0, -1.0])  # (2,)
objective = losses.mean() + 0.01 * (weight**2).sum()
print(f"objective, risk and penalty together: {objective:.4f}")

# %% sigmoids
x = torch.linspace(-20, 20, 4001, dtype=torch.float64)  # (4001,)
functions = {
    "logistic": torch.sigmoid,
    "tanh": torch.tanh,
    "arctan": torch.arctan,
    "erf": torch.erf,
    "ReLU": torch.relu,
}

# %% check-sigmoids
rows = {}
for name, function in functions.items():
    far = function(torch.tensor([-1e9, 1e9], dtype=torch.float64))
    slope = torch.diff(function(x)) / torch.diff(x)  # (4000,)
    jump = torch.diff(slope).abs().max()  # between neighboring slopes
    rows[name] = {
        "lowest": f"{far[0].item():.4g}",
        "highest": f"{far[1].item():.4g}",
        "bounded": bool(far.abs().max() < 100),
        "slope never negative": bool((slope >= 0).all()),
        "slope never jumps": bool(jump < 0.1),
    }
print(pd.DataFrame(rows).T)

# %% draw-sigmoids
figure, axes = plt.subplots(figsize=(5, 3.4), layout="constrained")
styles = ["-", "--", "-.", ":", (0, (5, 1, 1, 1))]
near = x[(x >= -4) & (x <= 4)]
for style, (name, function) in zip(styles, functions.items(), strict=True):
    axes.plot(near, function(near), linestyle=style, label=name)
axes.set(xlabel="x", ylabel="value", ylim=(-1.7, 2.5))
axes.legend()
plt.show()

# %% logits
logit = torch.tensor([-2.0, 0.0, 3.0])  # (3,): any real number
probability = torch.sigmoid(logit)  # (3,): between 0 and 1
print([f"{p:.4f}" for p in probability])
print([f"{z:.4f}" for z in torch.logit(probability)])

# %% cross-entropies
scores = torch.tensor([[2.0, 0.5, -1.0]])  # (1, 3): one sample, 3 classes
label = torch.tensor([0])  # (1,)
log_probability = torch.log_softmax(scores, dim=1)  # (1, 3)
cross_entropy = nn.CrossEntropyLoss()(scores, label)
likelihood = nn.NLLLoss()(log_probability, label)
print(f"cross-entropy of the logits:  {cross_entropy:.4f}")
print(f"NLL of the log-probabilities: {likelihood:.4f}")
print(f"by hand:                      {-log_probability[0, 0]:.4f}")

# %% binary
z = torch.tensor([1.2])  # (1,)
one = torch.ones(1)
both = torch.stack([torch.zeros(1), z], dim=1)  # (1, 2): two classes
cross_entropy = nn.CrossEntropyLoss()(both, torch.tensor([1]))
print(f"BCE of the probability:  {nn.BCELoss()(torch.sigmoid(z), one):.4f}")
print(f"BCE with the logit:      {nn.BCEWithLogitsLoss()(z, one):.4f}")
print(f"cross-entropy of [0, z]: {cross_entropy:.4f}")

# %% squares
errors = prediction - target  # (4,)
print(f"L2 norm of the error: {errors.norm():.4f}")
print(f"sum of squares (L2 loss): {(errors**2).sum():.4f}")
print(f"mean of squares (MSE): {nn.MSELoss()(prediction, target):.4f}")
print(f"its root (RMSE): {nn.MSELoss()(prediction, target).sqrt():.4f}")


# %% decay
def after_one_step(name: str, penalty: float, decay: float) -> float:
    """Where a step leads from w = 1; the loss is 10 w + penalty w² / 2."""
    w = nn.Parameter(torch.tensor(1.0))
    optimizer = getattr(torch.optim, name)([w], lr=0.1, weight_decay=decay)
    (10 * w + penalty / 2 * w**2).backward()
    optimizer.step()
    return w.item()


for name in ("SGD", "Adam", "AdamW"):
    l2, decayed = after_one_step(name, 0.5, 0), after_one_step(name, 0, 0.5)
    print(f"{name:5} L2 penalty: {l2:6.3f}  weight_decay: {decayed:6.3f}")


# %% epochs
samples, batch_size, epochs = 1000, 64, 3
steps_per_epoch = math.ceil(samples / batch_size)
last = samples - (steps_per_epoch - 1) * batch_size
print(f"{steps_per_epoch} steps an epoch, the last with {last} samples")
print(f"{epochs} epochs are {epochs * steps_per_epoch} steps")

# %% affine
layer = nn.Linear(2, 1)
zero = torch.zeros(2)
without = nn.Linear(2, 1, bias=False)
print(f"without a bias, 0 goes to {without(zero).item():.1f}")
print("with one, 0 goes to the bias:", torch.equal(layer(zero), layer.bias))

# %% convolution
signal = torch.tensor([1.0, 2.0, 3.0, 4.0])  # (4,)
kernel = torch.tensor([1.0, 0.0, -1.0])  # (3,)
given = torch.conv1d(signal.reshape(1, 1, 4), kernel.reshape(1, 1, 3))
arrays = signal.numpy(), kernel.numpy()
print("conv1d:           ", given.flatten().tolist())
print("cross-correlation:", np.correlate(*arrays, "valid").tolist())
print("convolution:      ", np.convolve(*arrays, "valid").tolist())

# %% axes
matrix = torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])  # (2, 3)
print("dim=0: ", matrix.sum(dim=0).tolist())
print("axis=0:", matrix.numpy().sum(axis=0).tolist())

# %% twice-sigmoid
logits = torch.tensor([4.0, -4.0])  # (2,)
labels = torch.tensor([1.0, 0.0])  # (2,)
right = nn.BCEWithLogitsLoss()(logits, labels)
wrong = nn.BCEWithLogitsLoss()(torch.sigmoid(logits), labels)
print(f"logits in: {right:.4f}, probabilities in: {wrong:.4f}")

# %% negative-logits
try:
    nn.BCELoss()(logits, labels)
except RuntimeError as error:
    print(textwrap.fill(f"RuntimeError: {error}", 72))

# %% twice-softmax
wrong = nn.CrossEntropyLoss()(torch.softmax(10 * scores, dim=1), label)
right = nn.CrossEntropyLoss()(10 * scores, label)
print(f"logits in: {right:.4f}, probabilities in: {wrong:.4f}")

# %% solution-risk
absolute = (prediction - target).abs()
print([f"{loss:.2f}" for loss in absolute.tolist()])
print(f"{absolute.mean():.4f}")

# %% solution-softsign
softsign = nn.Softsign()
slope = torch.diff(softsign(x)) / torch.diff(x)
far = softsign(torch.tensor([-1e9, 1e9]))
print("bounds:", far.tolist())
print("slope never negative:", bool((slope >= 0).all()))
print("slope never jumps:", bool(torch.diff(slope).abs().max() < 0.1))

# %% solution-flip
flipped = kernel.flip(0).reshape(1, 1, 3)
print(torch.conv1d(signal.reshape(1, 1, 4), flipped).flatten().tolist())
