"""Names that mean several things, told apart by computing each meaning."""

# %% three-losses
import torch

prediction = torch.tensor([0.5, 2.0, 3.0, 7.0])  # (4,)
target = torch.tensor([1.0, 2.0, 4.0, 5.0])  # (4,)
losses = (prediction - target) ** 2  # (4,): one penalty for each prediction
for loss in losses:
    print(f"loss of one prediction: {loss:.2f}")
print(f"empirical risk, their mean: {losses.mean():.4f}")

# %% expected-risk
torch.manual_seed(0)
for count in (4, 400, 40_000):
    x, noise = torch.randn(count), torch.randn(count)  # (count,) each
    y = 2 * x + noise
    risk = ((1.5 * x - y) ** 2).mean()
    print(f"empirical risk over {count:6} samples: {risk:.2f}")
print(f"expected risk: {(1.5 - 2) ** 2 + 1:.2f}")

# %% objective
weight = torch.tensor([3.0, -1.0])  # (2,)
objective = losses.mean() + 0.01 * (weight**2).sum()
print(f"objective, risk and penalty together: {objective:.4f}")

# %% sigmoids
functions = {
    "logistic": torch.sigmoid,
    "tanh": torch.tanh,
    "arctan": torch.arctan,
    "erf": torch.erf,
    "ReLU": torch.relu,
}
grid = torch.linspace(-20, 20, 4001, dtype=torch.float64)  # (4001,)
far = torch.tensor([-1e9, 1e9], dtype=torch.float64)  # (2,)
print("          bounded  slope >= 0  slope never jumps")
for name, function in functions.items():
    bounded = bool(function(far).abs().max() < 100)
    slope = torch.diff(function(grid)) / torch.diff(grid)  # (4000,)
    rises = bool((slope >= 0).all())
    smooth = bool(torch.diff(slope).abs().max() < 0.1)
    print(f"{name:8}  {bounded!s:7}  {rises!s:10}  {smooth}")

# %% draw-sigmoids
import matplotlib.pyplot as plt

_, axes = plt.subplots(figsize=(5, 3.2), layout="constrained")
styles = ["-", "--", "-.", ":", (0, (5, 1, 1, 1))]
near = grid[(grid >= -4) & (grid <= 4)]
for style, (name, function) in zip(styles, functions.items(), strict=True):
    axes.plot(near, function(near), linestyle=style, label=name)
axes.set(xlabel="x", ylabel="value", ylim=(-1.7, 2.5))
axes.legend()
plt.show()

# %% logits
z = torch.tensor([-2.0, 0.0, 3.0])  # (3,): any real numbers
p = torch.sigmoid(z)  # (3,): between 0 and 1
back = torch.log(p / (1 - p))  # (3,)
for number, probability, again in zip(z, p, back, strict=True):
    print(f"{number:4.1f} -> {probability:.4f} -> {again:4.1f}")

# %% softmax
scores = torch.tensor([2.0, 0.5, -1.0])  # (3,): logits of three classes
shares = torch.exp(scores) / torch.exp(scores).sum()  # (3,)
print("by hand: ", [f"{share:.4f}" for share in shares])
softmax = torch.softmax(scores, dim=0)  # (3,)
print("softmax: ", [f"{share:.4f}" for share in softmax])

# %% cross-entropies
from torch.nn import functional

label = torch.tensor(0)  # the true class
print(f"-log of its probability:      {-torch.log(softmax[0]):.4f}")
log_p = torch.log_softmax(scores, dim=0)  # (3,): log of the softmax
print(
    f"NLL of the log-probabilities: {functional.nll_loss(log_p, label):.4f}"
)
entropy = functional.cross_entropy(scores, label)
print(f"cross-entropy of the logits:  {entropy:.4f}")

# %% binary
z, one = torch.tensor(1.2), torch.tensor(1.0)
by_hand = -torch.log(torch.sigmoid(z))
bce = functional.binary_cross_entropy(torch.sigmoid(z), one)
with_logit = functional.binary_cross_entropy_with_logits(z, one)
two = torch.tensor([0.0, 1.2])  # (2,): logits of two classes
entropy = functional.cross_entropy(two, torch.tensor(1))
print(f"-log p by hand:          {by_hand:.4f}")
print(f"BCE of the probability:  {bce:.4f}")
print(f"BCE with the logit:      {with_logit:.4f}")
print(f"cross-entropy of [0, z]: {entropy:.4f}")

# %% squares
squares = (prediction - target) ** 2  # (4,)
print(f"L2 norm, the root of the sum: {squares.sum().sqrt():.4f}")
print(f"L2 loss, the sum:             {squares.sum():.4f}")
print(f"MSE, the mean:                {squares.mean():.4f}")
print(f"RMSE, the root of the mean:   {squares.mean().sqrt():.4f}")

# %% decay
rate, strength = 0.1, 0.5
penalized = decayed = 0.0
for _ in range(200):
    slope = 2 * (penalized - 3) + strength * penalized
    penalized = penalized - rate * slope
    decayed = (1 - rate * strength) * decayed - rate * 2 * (decayed - 3)
print(f"penalty: {penalized:.4f}, decay: {decayed:.4f}")
print(f"minimum with the penalty: {6 / 2.5:.4f}")

# %% adam
import math

w, g = 1.0, 10.0  # a weight, and the slope of the risk there
penalized = w - rate * math.copysign(1, g + strength * w)
decayed = (1 - rate * strength) * w - rate * math.copysign(1, g)
print(f"penalty: {penalized:.3f}, decay: {decayed:.3f}")

# %% epochs
samples, batch_size, epochs = 1000, 64, 3
steps_per_epoch = math.ceil(samples / batch_size)
last = samples - (steps_per_epoch - 1) * batch_size
print(f"{steps_per_epoch} steps an epoch, the last with {last} samples")
print(f"{epochs} epochs are {epochs * steps_per_epoch} steps")

# %% affine
from torch import nn

layer = nn.Linear(2, 1)
without = nn.Linear(2, 1, bias=False)
zero = torch.zeros(2)
print(f"without a bias, 0 goes to {without(zero).item():.1f}")
print("with one, to the bias:", bool(layer(zero) == layer.bias))

# %% convolution
import numpy as np

signal = np.array([1.0, 2.0, 3.0, 4.0])  # (4,)
kernel = np.array([1.0, 0.0, -1.0])  # (3,)
rows = torch.tensor(signal).reshape(1, 4)  # one channel of four numbers
filters = torch.tensor(kernel).reshape(1, 1, 3)  # one filter of it
given = functional.conv1d(rows, filters)[0]  # (2,)
print("conv1d:           ", given.tolist())
print("cross-correlation:", np.correlate(signal, kernel, "valid").tolist())
print("convolution:      ", np.convolve(signal, kernel, "valid").tolist())

# %% axes
matrix = torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])  # (2, 3)
print("PyTorch, dim=0:", matrix.sum(dim=0).tolist())
print("NumPy, axis=0: ", matrix.numpy().sum(axis=0).tolist())
print("softmax, dim=0:", tuple(torch.softmax(matrix, dim=0).shape))

# %% twice-sigmoid
logits = torch.tensor([4.0, -4.0])  # (2,)
labels = torch.tensor([1.0, 0.0])  # (2,)
bce = functional.binary_cross_entropy_with_logits
right, wrong = bce(logits, labels), bce(torch.sigmoid(logits), labels)
print(f"logits in: {right:.4f}, probabilities in: {wrong:.4f}")
best = bce(torch.tensor([1.0, 0.0]), labels)
print(f"the least that probabilities can reach: {best:.4f}")

# %% negative-logits
try:
    functional.binary_cross_entropy(logits, labels)
except RuntimeError as error:
    print(f"RuntimeError: {error}")

# %% twice-softmax
sure = torch.tensor([20.0, 0.0, 0.0])  # (3,): logits, sure of class 0
right = functional.cross_entropy(sure, label)
wrong = functional.cross_entropy(torch.softmax(sure, dim=0), label)
print(f"logits in: {right:.4f}, probabilities in: {wrong:.4f}")

# %% solution-risk
absolute = (prediction - target).abs()  # (4,)
print([f"{loss:.2f}" for loss in absolute])
print(f"{absolute.mean():.4f}")

# %% solution-softsign
softsign = grid / (1 + grid.abs())  # (4001,)
slope = torch.diff(softsign) / torch.diff(grid)  # (4000,)
print("far out:", (far / (1 + far.abs())).tolist())
print("slope never negative:", bool((slope >= 0).all()))
print("slope never jumps:", bool(torch.diff(slope).abs().max() < 0.1))

# %% solution-flip
flipped = torch.tensor(kernel[::-1].copy()).reshape(1, 1, 3)
print(functional.conv1d(rows, flipped)[0].tolist())

# %% solution-report
steps = math.ceil(50_000 / 128)
print(f"{steps} steps an epoch, epoch {2000 / steps:.1f} at step 2000")
print(f"a guess among ten classes: {math.log(10):.4f}")
