"""The lab, part five: the two long runs of 2019, reproduced."""

# %% imports
import matplotlib.pyplot as plt
import numpy as np
import torch
from torch import nn
from torch.func import hessian, vmap

# %% borrow
from lab import (
    columns,
    gradients,
    load_parts,
    objective,
    predict,
    show_samples,
    wrong,
)

# %% data
parts = load_parts(["radius_mean", "texture_mean"])
(X_train, y_train), (X_val, y_val), (X_test, y_test) = parts
A_train, A_val, A_test = columns(X_train), columns(X_val), columns(X_test)
N = len(y_train)
print(tuple(A_train.shape), len(y_val), len(y_test))


# %% plain-logistic
def train_plainly(steps: int) -> tuple[nn.Linear, list, list]:
    """Train a new model; give it and the objectives before each step."""
    torch.manual_seed(0)
    model = nn.Linear(2, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    mean_loss = nn.BCELoss()
    train, validation = [], []
    for _ in range(steps):
        p = torch.sigmoid(model(X_train)).squeeze(1)  # (341,)
        J = mean_loss(p, y_train)
        with torch.no_grad():
            p_val = torch.sigmoid(model(X_val)).squeeze(1)  # (113,)
        train.append(J.item())
        validation.append(mean_loss(p_val, y_val).item())
        optimizer.zero_grad()
        J.backward()
        optimizer.step()
    return model, train, validation


# %% first-steps
model, train, validation = train_plainly(2000)
for step in (0, 1, 2, 3, 1999):
    print(f"{step:4}  {train[step]:.4f}  {validation[step]:.4f}")


# %% gradient
def log_loss(
    theta: torch.Tensor, A: torch.Tensor, y: torch.Tensor
) -> torch.Tensor:
    """Give the mean loss () of theta (3,) on A (3, N) and y (N,)."""
    return nn.functional.binary_cross_entropy(torch.sigmoid(theta @ A), y)


def gradient(
    theta: torch.Tensor, A: torch.Tensor, y: torch.Tensor
) -> torch.Tensor:
    """Give the gradient (3,) of that loss at theta (3,)."""
    return A @ (torch.sigmoid(theta @ A) - y) / len(y)


theta = torch.tensor([0.5, 0.1, -9.0], requires_grad=True)
log_loss(theta, A_train, y_train).backward()
print("autograd:", theta.grad)
print("by hand: ", gradient(theta.detach(), A_train, y_train))


# %% quick-logistic
def train_quickly(steps: int) -> tuple[torch.Tensor, list]:
    """Do the same steps; give every theta (3,) and validation objective."""
    torch.manual_seed(0)
    layer = nn.Linear(2, 1)
    theta = torch.cat([layer.weight.detach()[0], layer.bias.detach()])
    thetas, validation = torch.zeros(steps + 1, 3), []
    for step in range(steps + 1):
        thetas[step] = theta
        validation.append(log_loss(theta, A_val, y_val).item())
        if step > 0 and abs(validation[-1] - validation[-2]) < 1e-7:
            break
        e = torch.sigmoid(theta @ A_train) - y_train  # (341,)
        theta = torch.addmv(theta, A_train, e, alpha=-0.01 / N)
    return thetas[: step + 1], validation


thetas, quick = train_quickly(2000)
plain = torch.cat([model.weight.detach()[0], model.bias.detach()])
print("plain loop:", plain)
print("quick loop:", thetas[2000])

# %% run-logistic
thetas, validation = train_quickly(100_000)
theta = thetas[-1]
print(f"steps taken: {len(thetas) - 1:,}")
print(f"train      {log_loss(theta, A_train, y_train):.4f}")
print(f"validation {log_loss(theta, A_val, y_val):.4f}")
said = theta @ A_test > 0  # (115,): p > 1/2 where z > 0
errors = (said != (y_test == 1)).sum().item()
print(f"{errors} of {len(y_test)} wrong: {errors / len(y_test):.3f}")

# %% curves-logistic
shown = np.unique(np.geomspace(1, 100_000, 200).astype(int)) - 1
train = [log_loss(thetas[i], A_train, y_train).item() for i in shown]
figure, axes = plt.subplots(figsize=(5.5, 3.6), layout="constrained")
axes.plot(shown + 1, train, label="train")
axes.plot(shown + 1, np.take(validation, shown), "--", label="validation")
axes.set(xscale="log", yscale="log", xlabel="step + 1", ylabel="objective")
axes.set_yticks([0.3, 0.5, 1, 2, 4], ["0.3", "0.5", "1", "2", "4"])
axes.minorticks_off()
axes.legend()
plt.show()


# %% newton
def curvature(theta: torch.Tensor, A: torch.Tensor) -> torch.Tensor:
    """Give the second derivatives (3, 3) of the mean loss at theta."""
    p = torch.sigmoid(theta @ A)
    return (A * (p * (1 - p))) @ A.T / A.shape[1]


A, y = A_train.double(), y_train.double()
optimum = torch.zeros(3).double()
for _ in range(12):
    move = torch.linalg.solve(
        curvature(optimum, A), gradient(optimum, A, y)
    )
    optimum = optimum - move
lowest = log_loss(optimum, A, y)
print("optimum:      ", [f"{t:.2f}" for t in optimum])
print("after descent:", [f"{t:.2f}" for t in theta])
print(f"objective {lowest:.4f}, gap {train[-1] - lowest:.4f}")

# %% eigenvalues
eigenvalues = torch.linalg.eigvalsh(curvature(optimum, A))
print([f"{value:.2g}" for value in eigenvalues])
slowest = 1 / (0.01 * eigenvalues[0])  # rate 0.01
print(f"the slowest error shrinks by e in {slowest:,.0f} steps")

# %% stop-rule
change = (validation[-1001] - validation[-1]) / 1000  # mean over 1000 steps
spacing = np.spacing(np.float32(validation[-1]))
print(f"change in a step: {change:.1e}")
print(f"float32 spacing:  {spacing:.1e}")


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


# %% matrices
def matrices(model: Perceptron) -> tuple[torch.Tensor, torch.Tensor]:
    """Give U (2, 3) and u (1, 3): the weights, the biases at the end."""
    with torch.no_grad():
        layers = (model.hidden, model.output)
        U, u = (torch.cat([a.weight, a.bias[:, None]], 1) for a in layers)
    return U, u


# %% same-as-autograd
model = Perceptron()
nn.BCELoss()(model(X_train), y_train).backward()
dU, du = gradients(*matrices(model), A_train, y_train)
by_autograd = torch.cat([p.grad.flatten() for p in model.parameters()])
by_hand = torch.cat([dU[:, :2].flatten(), dU[:, 2], du.flatten()])
for name, nine in (("autograd", by_autograd), ("by hand", by_hand)):
    print(f"{name:8}", *(f"{number:7.4f}" for number in nine[:6]))
    print(" " * 8, *(f"{number:7.4f}" for number in nine[6:]))


# %% quick-perceptron
def descend(
    U: torch.Tensor, u: torch.Tensor, steps: int, every: int, rate=0.01
) -> tuple[list, torch.Tensor]:
    """Train k networks; give the noted steps and weights (..., k, 9)."""
    k = len(U)
    U, u = U.flatten(0, 1).clone(), u.clone()  # (2k, 3), (k, 1, 3)
    G = torch.ones(k, 3, N)  # its last row stays 1
    H = G[:, :2]  # a view of the others
    D, e = torch.zeros(k, 2, N), torch.zeros(k, 1, N)
    noted, weights = [], []
    for step in range(steps + 1):
        if (step + 1) % every <= 1:  # this step and the one before
            noted.append(step)
            weights.append(torch.cat([U.view(k, 6), u[:, 0]], 1))
        torch.sigmoid((U @ A_train).view(k, 2, N), out=H)
        torch.bmm(u, G, out=e).sigmoid_().sub_(y_train)
        torch.mul(u[..., :2].mT, e, out=D).mul_(H)
        D.addcmul_(D, H, value=-1)  # D times 1 - H
        u.baddbmm_(e, G.mT, alpha=-rate / N)
        U.addmm_(D.view(-1, N), A_train.T, alpha=-rate / N)
    return noted, torch.stack(weights)


# %% forty-starts
starts = [(seed, 0) for seed in range(20)]  # biases anew, weights of 2019
starts += [(seed, seed) for seed in range(1, 21)]  # everything anew
at_start = [matrices(Perceptron(*seeds)) for seeds in starts]
U = torch.stack([U for U, _ in at_start])  # (40, 2, 3)
u = torch.stack([u for _, u in at_start])  # (40, 1, 3)
noted, many = descend(U, u, steps=300_000, every=100)
print(many.shape)
print(noted[:5], "...", noted[-2:])

# %% curves
weights = many[:, 0]  # (6001, 9): the network of seed 0
J_train = objective(weights, A_train, y_train)  # (6001,)
J_val = objective(weights, A_val, y_val)  # (6001,)
thousands = np.array(noted[2::30]) / 1000
figure, panels = plt.subplots(
    2, 1, figsize=(5.5, 5.6), layout="constrained"
)
for J, name, line in ((J_train, "train", "-"), (J_val, "validation", "--")):
    pairs = torch.stack([J[1::30], J[2::30]])  # neighboring steps
    floor, top = pairs.amin(0), pairs.amax(0)
    for axes in panels:
        curve = axes.plot(thousands, floor, line, label=name)[0]
        axes.fill_between(thousands, floor, top, color=curve.get_color())
panels[0].set(ylabel="objective", ylim=(0.2, 0.75))
panels[1].set(ylabel="objective, enlarged", ylim=(0.24, 0.3))
panels[1].set_xlabel("thousands of steps")
panels[0].legend()
plt.show()

# %% end
low, high = weights[-2:][J_train[-2:].argsort()]  # lower objective first
best = int(J_val.argmin())
print(f"best validation near step {round(noted[best], -2):,}")
for name, nine in (
    ("best", weights[best]),
    ("lower", low),
    ("upper", high),
):
    print(
        f"{name:5}  train {objective(nine, A_train, y_train):.4f}",
        f"validation {objective(nine, A_val, y_val):.4f},",
        f"{wrong(nine, A_val, y_val)} errors; ",
        f"test {wrong(nine, A_test, y_test)} errors",
    )
print(f"8 of 115: {8 / 115:.2f}, 9 of 115: {9 / 115:.3f}")

# %% close-up
last_U, last_u = (
    weights[-1][:6].view(1, 2, 3),
    weights[-1][6:].view(1, 1, 3),
)
_, following = descend(last_U, last_u, steps=20, every=1)
next_weights = following[:, 0]  # (21, 9)
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
    H = vmap(hessian(training_objective))(weights)  # (k, 9, 9)
    return torch.linalg.eigvalsh(H)[:, -1]  # they are sorted


middle = (low + high) / 2
for name, nine in (("lower", low), ("upper", high), ("middle", middle)):
    print(f"{name:6}  {sharpness(nine[None]).item():.1f}")
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

# %% spread
last = many[-2:]  # (2, 40, 9)
counts = wrong(last, A_test, y_test)  # (2, 40)
stuck = (counts == 44).all(0)  # (40,): benign for all 115, 44 of them wrong
learned = counts[:, 20:][:, ~stuck[20:]]
print(
    f"biases anew: {counts[:, :20].min()} to {counts[:, :20].max()} errors"
)
print(f"all anew:    {stuck.sum()} of 20 networks make 44 errors,")
print(f"             the others {learned.min()} to {learned.max()}")

# %% stuck
p = predict(many[-1, stuck], A_train)  # (12, 341)
print(f"{stuck.sum()} networks: p from {p.min():.3f} to {p.max():.3f}")
H = torch.sigmoid(many[-1, :, :6].unflatten(-1, (2, 3)) @ A_train)
deviation = H.std(-1).amax(-1)  # (40,): of the livelier hidden neuron
print(f"stuck:   at most  {deviation[stuck].max():.2f}")
print(f"learned: at least {deviation[~stuck].min():.2f}")

# %% decision
ticks = np.arange(50, 351) / 10  # (301,): 5.0, 5.1, ..., 35.0
radius, texture = np.meshgrid(ticks, ticks)  # (301, 301) each
pairs = torch.tensor(np.stack([radius.flatten(), texture.flatten()], 1))
plane_p = predict(low, columns(pairs.float())).reshape(301, 301)
figure, axes = plt.subplots(figsize=(5.5, 5), layout="constrained")
axes.contourf(
    radius, texture, plane_p, [0, 0.5, 1], colors=["C0", "C1"], alpha=0.25
)
axes.contour(radius, texture, plane_p, [0.5], colors="black")
show_samples(axes, X_train, y_train)
axes.set(xlim=(5, 35), ylim=(5, 35), aspect="equal")
plt.show()

# %% one-step-apart
now = torch.zeros(3)
record = [log_loss(now, A_train, y_train).item()]  # at the start
for _ in range(3):
    J = log_loss(now, A_train, y_train)
    now = now - 0.01 * gradient(now, A_train, y_train)
    record.append(J.item())  # but J is the objective before this step
print([f"{J:.4f}" for J in record])

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

# %% exercise-constant
share = y_train.mean()
entropy = -(share * share.log() + (1 - share) * (1 - share).log())
print(f"p = {share:.4f}, objective {entropy:.4f}")

# %% exercise-double
theta = thetas[0].double()
A_check, y_check = A_val.double(), y_val.double()
before, after, taken = 9.0, 8.0, 0
while abs(before - after) >= 1e-7:
    theta = theta - 0.01 * gradient(theta, A, y)
    before, after = after, log_loss(theta, A_check, y_check).item()
    taken += 1
print(f"the rule fires at step {taken:,}")
print(f"gap to the optimum: {log_loss(theta, A, y) - lowest:.4f}")

# %% exercise-rate
for rate in (0.01, 0.005):
    _, two = descend(last_U, last_u, steps=2000, every=2000, rate=rate)
    J = objective(two[-2:, 0], A_train, y_train)
    print(f"rate {rate}: neighbors apart by {abs(J[1] - J[0]):.4f}")

# %% exercise-valley
for rate in (0.1, 0.25):
    a, b = 3.0, 0.1
    for _ in range(2000):
        error = a * b - 1
        a, b = a - rate * error * b, b - rate * error * a
    print(
        f"rate {rate}: a b = {a * b:.3f},",
        f"sharpness {a * a + b * b:5.2f}, limit {2 / rate:5.2f}",
    )
