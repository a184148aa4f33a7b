"""The lab, part three: an MLP with nine parameters, for 300,000 steps."""

# %% imports
from collections import Counter

import matplotlib.pyplot as plt
import numpy as np
import torch
from torch import nn
from torch.func import grad, hessian, vmap

# %% borrow
from lab import (
    as_tensors,
    columns,
    gradients,
    load_table,
    objective,
    predict,
    split_rows,
    wrong,
)

# %% data
table = load_table()
names = ["radius_mean", "texture_mean"]
parts = [as_tensors(table, rows, names) for rows in split_rows(len(table))]
(X_train, y_train), (X_val, y_val), (X_test, y_test) = parts
N = len(y_train)
print(N, len(y_val), len(y_test))


# %% model
class Perceptron(nn.Module):
    """Two inputs, two hidden neurons, one output, all of them logistic."""

    def __init__(self, bias_seed: int = 0, weight_seed: int = 0) -> None:
        super().__init__()
        torch.manual_seed(bias_seed)
        self.hidden = nn.Linear(2, 2)
        self.output = nn.Linear(2, 1)
        torch.manual_seed(weight_seed)
        nn.init.normal_(self.hidden.weight)
        nn.init.normal_(self.output.weight)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Give the probabilities (N,) of malignant for x (N, 2)."""
        h = torch.sigmoid(self.hidden(x))  # (N, 2)
        return torch.sigmoid(self.output(h)).squeeze(1)


# %% start
plain = Perceptron()
for name, parameter in plain.named_parameters():
    numbers = ", ".join(f"{w:.2f}" for w in parameter.flatten().tolist())
    print(f"{name:13}  {tuple(parameter.shape)!s:6}  {numbers}")

# %% plain-loop
optimizer = torch.optim.SGD(plain.parameters(), lr=0.01)
mean_loss = nn.BCELoss()
for step in range(1000):
    J = mean_loss(plain(X_train), y_train)
    if step % 250 == 0:
        with torch.no_grad():
            J_val = mean_loss(plain(X_val), y_val)
        print(f"{step:4}  train {J:.4f}  validation {J_val:.4f}")
    optimizer.zero_grad()
    J.backward()
    optimizer.step()


# %% matrices
def matrices(model: Perceptron) -> tuple[torch.Tensor, torch.Tensor]:
    """Give U (2, 3) and u (1, 3): the weights, the biases at the end."""
    with torch.no_grad():
        layers = (model.hidden, model.output)
        U, u = (torch.cat([a.weight, a.bias[:, None]], 1) for a in layers)
    return U, u


A_train, A_val, A_test = columns(X_train), columns(X_val), columns(X_test)

# %% same-as-autograd
model = Perceptron()
mean_loss(model(X_train), y_train).backward()
dU, du = gradients(*matrices(model), A_train, y_train)
grads = [p.grad for p in model.parameters() if p.grad is not None]
by_autograd = torch.cat([g.flatten() for g in grads])
by_hand = torch.cat([dU[:, :2].flatten(), dU[:, 2], du.flatten()])
for name, nine in (("autograd", by_autograd), ("by hand", by_hand)):
    print(f"{name:8}", *(f"{number:7.4f}" for number in nine[:6]))
    print(" " * 8, *(f"{number:7.4f}" for number in nine[6:]))


# %% quick-loop
def train(
    U: torch.Tensor,
    u: torch.Tensor,
    steps: int,
    every: int,
    rate: float = 0.01,
) -> tuple[list[int], torch.Tensor]:
    """Descend; give the steps that were noted, and the weights (..., 9)."""
    A, y = A_train, y_train
    G = torch.ones(*U.shape[:-2], 3, N)  # the last row stays 1
    H = G[..., :2, :]  # a view of the others
    noted, weights = [], []
    for step in range(steps + 1):
        if (step + 1) % every <= 1:  # this step and the one before
            noted.append(step)
            weights.append(torch.cat([U.flatten(-2), u.flatten(-2)], -1))
        torch.sigmoid(U @ A, out=H)
        e = torch.sigmoid(u @ G) - y
        D = u[..., :2].mT * e * (H * (1 - H))
        u = u - rate / N * (e @ G.mT)
        U = U - rate / N * (D @ A.T)
    return noted, torch.stack(weights)


# %% same-steps
noted, weights = train(*matrices(Perceptron()), steps=1000, every=1000)
by_plain_loop = torch.cat([part.flatten() for part in matrices(plain)])
for name, nine in (("plain", by_plain_loop), ("quick", weights[-1])):
    print(name, *(f"{number:.3f}" for number in nine))

# %% run
noted, weights = train(*matrices(Perceptron()), steps=300_000, every=100)
print(weights.shape)
print(noted[:5], "...", noted[-2:])


# %% curves
J_train = objective(weights, A_train, y_train)  # (6001,)
J_val = objective(weights, A_val, y_val)  # (6001,)
thousands = np.array(noted[2::30]) / 1000
figure, panels = plt.subplots(
    2, 1, figsize=(5.5, 5.6), layout="constrained"
)
for J, name, line in ((J_train, "train", "-"), (J_val, "validation", "--")):
    pairs = torch.stack([J[1::30], J[2::30]])  # neighboring steps
    low, high = pairs.amin(0), pairs.amax(0)
    for axes in panels:
        curve = axes.plot(thousands, low, line, label=name)[0]
        axes.fill_between(thousands, low, high, color=curve.get_color())
panels[0].set(ylabel="objective", ylim=(0.2, 0.75))
panels[1].set(ylabel="objective, enlarged", ylim=(0.24, 0.3))
panels[1].set_xlabel("thousands of steps")
panels[0].legend()
plt.show()

# %% best
best = int(J_val.argmin())
print(f"near step {round(noted[best], -2):,}: validation {J_val[best]:.4f}")
print("test errors there:", wrong(weights[best], A_test, y_test).item())

# %% end
for state in weights[-2:][J_train[-2:].argsort()]:  # lower objective first
    print(
        f"train {objective(state, A_train, y_train):.4f}",
        f"validation {objective(state, A_val, y_val):.4f}",
        f"test errors {wrong(state, A_test, y_test)}",
    )
print(f"8 of 115: {8 / 115:.2f}, 9 of 115: {9 / 115:.3f}")

# %% close-up
last_U, last_u = weights[-1][:6].view(2, 3), weights[-1][6:].view(1, 3)
_, next_weights = train(last_U, last_u, steps=20, every=1)
figure, axes = plt.subplots(figsize=(5.5, 3.2), layout="constrained")
axes.plot(objective(next_weights, A_train, y_train), "o-")
axes.set(xlabel="steps after step 300,000", ylabel="training objective")
axes.set_xticks(range(0, 21, 4))
plt.show()


# %% sharpness
def training_objective(weights: torch.Tensor) -> torch.Tensor:
    """Give the mean loss () on the training set for weights (9,)."""
    return objective(weights, A_train, y_train)


def sharpness(weights: torch.Tensor) -> torch.Tensor:
    """Give the largest eigenvalue (k,) of the Hessian at weights (k, 9)."""
    H: torch.Tensor = vmap(hessian(training_objective))(weights)
    eigenvalues: torch.Tensor = torch.linalg.eigvalsh(H)  # (k, 9), rising
    return eigenvalues[:, -1]


low, high = weights[-2:][J_train[-2:].argsort()]
for name, state in (
    ("lower state", low),
    ("upper state", high),
    ("midpoint", (low + high) / 2),
):
    print(f"{name:11}  {sharpness(state[None]).item():.1f}")

# %% direction
values, vectors = torch.linalg.eigh(hessian(training_objective)(low))
jump = (high - low) / (high - low).norm()
print(f"cosine: {abs(jump @ vectors[:, -1]):.2f}")

# %% sharpening
odd, even = weights[1::20], weights[2::20]  # (300, 9) each
figure, axes = plt.subplots(figsize=(5.5, 3.6), layout="constrained")
axes.axhline(200, color="black", linestyle=":", label="2 / rate")
axes.plot(
    np.array(noted[2::20]) / 1000,
    sharpness((odd + even) / 2),
    label="largest eigenvalue",
)
axes.set(xlabel="thousands of steps", ylabel="sharpness", ylim=(0, 230))
axes.legend(loc="lower right")
plt.show()

# %% many-starts
starts = [(seed, 0) for seed in range(20)]  # biases anew, weights of 2019
starts += [(seed, seed) for seed in range(1, 21)]  # everything anew
at_start = [matrices(Perceptron(*seeds)) for seeds in starts]
U = torch.stack([U for U, _ in at_start])  # (40, 2, 3)
u = torch.stack([u for _, u in at_start])  # (40, 1, 3)
_, many = train(U, u, steps=300_000, every=3000)
print(many.shape)

# %% spread
last = many[-2:]  # (2, 40, 9)
lower = objective(last, A_train, y_train).argsort(0)  # (2, 40)
counts = wrong(last, A_test, y_test).gather(0, lower)  # lower state first
for name, rows in (("biases", counts[:, :20]), ("all", counts[:, 20:])):
    for state, numbers in zip(
        ("lower", "upper"), rows.tolist(), strict=True
    ):
        tally = dict(sorted(Counter(numbers).items()))
        print(f"{name:6} anew, {state} state: {tally}")

# %% seeds
figure, axes = plt.subplots(figsize=(5.5, 3.2), layout="constrained")
found = sorted(set(counts.flatten().tolist()))
for shift, group, name in ((-0.2, 0, "biases anew"), (0.2, 20, "all anew")):
    tally = Counter(counts[:, group : group + 20].flatten().tolist())
    heights = [tally[number] / 2 for number in found]  # both states
    places = np.arange(len(found)) + shift
    hatch = "//" if group else ""
    axes.bar(places, heights, 0.38, label=name, hatch=hatch)
axes.set_xticks(range(len(found)), [str(number) for number in found])
axes.set(xlabel="test errors of 115", ylabel="networks of 20")
axes.legend()
plt.show()

# %% stuck
stuck = counts[0] == 44  # (40,)
p = predict(many[-1, stuck], A_train)  # (12, 341)
print(f"{stuck.sum()} networks: p from {p.min():.3f} to {p.max():.3f}")
H = torch.sigmoid(many[-1, :, :6].unflatten(-1, (2, 3)) @ A_train)
deviation = H.std(-1).amax(-1)  # (40,): of the livelier hidden neuron
print(f"stuck:   at most  {deviation[stuck].max():.2f}")
print(f"learned: at least {deviation[~stuck].min():.2f}")

# %% decision
ticks = torch.arange(5, 35.1, 0.25)  # (121,)
radius, texture = torch.meshgrid(ticks, ticks, indexing="xy")
plane = columns(torch.stack([radius.flatten(), texture.flatten()], 1))
p = predict(low, plane).reshape(radius.shape)  # (121, 121)
figure, axes = plt.subplots(figsize=(5.5, 5), layout="constrained")
axes.contourf(
    radius, texture, p, [0, 0.5, 1], colors=["C0", "C1"], alpha=0.25
)
axes.contour(radius, texture, p, [0.5], colors="black")
for label, marker, word in ((0, "o", "benign"), (1, "x", "malignant")):
    samples = X_train[y_train == label]
    axes.plot(
        *samples.T,
        marker,
        color=f"C{label}",
        markersize=4,
        markerfacecolor="none",
        label=word,
    )
axes.set(xlim=(5, 35), ylim=(5, 35), aspect="equal")
axes.set_xlabel("radius_mean (unit of the image)")
axes.set_ylabel("texture_mean (std of gray levels)")
axes.legend()
plt.show()

# %% hidden
for row in low[:6].view(2, 3):
    print(f"{row[0]:.1f} radius + {row[1]:.1f} texture + {row[2]:.1f}")
print("output:", [f"{w:.0f}" for w in low[6:]])

# %% even-only
even_steps = J_train[2::2][-10:]  # steps 299,100, 299,200, ..., 300,000
print(f"even steps:      {even_steps.max() - even_steps.min():.4f}")
neighbors = (J_train[1::2] - J_train[2::2])[-10:].abs()
print(f"neighbors apart: {neighbors.min():.4f} to {neighbors.max():.4f}")

# %% late-seed
torch.manual_seed(1)
first = nn.Linear(2, 1)
torch.manual_seed(0)
nn.init.normal_(first.weight)
second = nn.Linear(2, 1)
torch.manual_seed(0)
nn.init.normal_(second.weight)
print("same weights:", torch.equal(first.weight, second.weight))
print("same bias:   ", torch.equal(first.bias, second.bias))

# %% equal-start
U, u = torch.full((2, 3), 0.1), torch.full((1, 3), 0.1)
_, twins = train(U, u, steps=10_000, every=10_000)
print(twins[-1, :6].view(2, 3).numpy().round(3))

# %% exercise-constant
share = y_train.mean()
entropy = -(share * share.log() + (1 - share) * (1 - share).log())
print(f"p = {share:.4f}, objective {entropy:.4f}")


# %% exercise-vmap
by_vmap = vmap(grad(training_objective))(many[0])  # (40, 9)
U, u = many[0, :, :6].unflatten(-1, (2, 3)), many[0, :, 6:].unsqueeze(1)
dU, du = gradients(U, u, A_train, y_train)
by_hand = torch.cat([dU.flatten(-2), du.flatten(-2)], -1)  # (40, 9)
print(torch.allclose(by_vmap, by_hand, atol=1e-5))

# %% exercise-rate
for rate in (0.01, 0.005):
    _, after = train(last_U, last_u, steps=2000, every=2000, rate=rate)
    J = objective(after[-2:], A_train, y_train)
    print(f"rate {rate}: neighbors apart by {abs(J[1] - J[0]):.4f}")

# %% exercise-early
for state, name in ((weights[best], "best"), (low, "last")):
    trained = wrong(state, A_train, y_train)
    checked = wrong(state, A_val, y_val)
    print(f"{name}: wrong {trained} of 341, {checked} of 113")
