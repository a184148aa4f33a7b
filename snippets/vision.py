"""A first vision model."""

# %% imports
from itertools import product

import torch
from torch import nn
from torch.nn import functional

# %% borrow
from digits import load_parts

# %% digit
(X_train, y_train), (X_val, y_val), (X_test, y_test) = load_parts()
digit = X_train[3].reshape(8, 8)  # a 7
kernel = torch.tensor([[-1.0, 0.0, 1.0]] * 3)  # (3, 3)
window = digit[4:7, 1:4]  # (3, 3): rows 4 to 6, columns 1 to 3
print((window * 16).to(torch.int64).tolist())
print("weighted sum:", (window * kernel).sum().item())


# %% by-hand
def slide(image: torch.Tensor, kernel: torch.Tensor) -> torch.Tensor:
    """Weigh every window of an image (H, W) by a kernel (k, k)."""
    k = len(kernel)
    rows, columns = image.shape[0] - k + 1, image.shape[1] - k + 1
    sums = torch.zeros(rows, columns, dtype=image.dtype)
    for i in range(rows):
        for j in range(columns):
            sums[i, j] = (image[i : i + k, j : j + k] * kernel).sum()
    return sums


by_hand = slide(digit, kernel)  # (6, 6)
given = functional.conv2d(digit[None, None], kernel[None, None])
print(tuple(given.shape))  # (images, channels, rows, columns)
print("equal:", torch.equal(given[0, 0], by_hand))

# %% kernels
kernels = {
    "left edge": kernel,
    "top edge": kernel.T,
    "mean": torch.full((3, 3), 1 / 9),
    "spot": torch.tensor([[-1.0, -1, -1], [-1, 8, -1], [-1, -1, -1]]),
}
for name, weights in kernels.items():
    sums = functional.conv2d(digit[None, None], weights[None, None])
    print(f"{name:9} from {sums.min():5.2f} to {sums.max():5.2f}")

# %% map-figure
import matplotlib.pyplot as plt

figure, axes = plt.subplots(1, 3, figsize=(7, 2.8), layout="constrained")
panels = (digit, kernel, by_hand)
titles = ("a digit, 8 by 8", "a kernel, 3 by 3", "the map, 6 by 6")
for axis, panel, title in zip(axes, panels, titles, strict=True):
    top = panel.abs().max().item()
    low, look = (0, "Blues") if panel is digit else (-top, "RdBu_r")
    axis.imshow(panel.numpy(), cmap=look, vmin=low, vmax=top)
    axis.set_title(title)
    axis.set(xticks=range(len(panel)), yticks=range(len(panel)))
    axis.grid(visible=False)
for axis, side in ((axes[0], 3), (axes[2], 1)):
    box = plt.Rectangle((0.5, 3.5), side, side, fill=False, ec="C1", lw=3)
    axis.add_patch(box)
plt.show()

# %% channels
torch.manual_seed(0)
layer = nn.Conv2d(2, 4, kernel_size=3, dtype=torch.float64)
x = torch.rand(2, 8, 8, dtype=torch.float64)  # two channels
out = layer(x[None])[0]  # (4, 6, 6)
W, b = layer.weight.detach(), layer.bias.detach()
print("weights", tuple(W.shape), "biases", tuple(b.shape))
sums = [sum(slide(x[c], W[o, c]) for c in (0, 1)) + b[o] for o in range(4)]
print("as by hand:", torch.allclose(out, torch.stack(sums), atol=1e-12))


# %% sizes
def size_after(size: int, k: int, stride: int = 1, padding: int = 0) -> int:
    """Count the windows along one side of an image."""
    return (size + 2 * padding - k) // stride + 1


cases = 0
for case in product(range(1, 13), range(1, 6), range(1, 5), range(4)):
    size, k, stride, padding = case
    if k <= size + 2 * padding:  # else conv2d raises an error
        image, weight = (
            torch.zeros(1, 1, size, size),
            torch.zeros(1, 1, k, k),
        )
        out = functional.conv2d(image, weight, None, stride, padding)
        assert out.shape[-1] == size_after(size, k, stride, padding)
        cases += 1
print(cases, "cases, no exception")

# %% as-matrix
torch.manual_seed(0)
layer = nn.Conv2d(1, 1, kernel_size=3, padding=1, bias=False)
basis = torch.eye(64).reshape(64, 1, 8, 8)  # one pixel is 1 in each image
matrix = layer(basis).detach().flatten(1).T  # (64, 64)
x = X_train[3].reshape(1, 1, 8, 8)
same = torch.allclose(layer(x).flatten(), matrix @ x.flatten(), atol=1e-6)
print("the same map:", same)
weights = matrix[matrix != 0]
print(len(weights), "of", matrix.numel(), "entries are not zero")
print(len(set(weights.tolist())), "different values")

# %% parameters
convolution = nn.Conv2d(1, 8, kernel_size=3, padding=1)
dense = nn.Linear(64, 8 * 64)
for layer in (convolution, dense):
    count = sum(p.numel() for p in layer.parameters())
    print(f"{type(layer).__name__:6} {count:6,}")


# %% shift
def right(image: torch.Tensor) -> torch.Tensor:
    """Shift images by one pixel; zeros come in, the last column leaves."""
    return functional.pad(image, (1, 0))[..., :-1]


image = (torch.arange(64.0) % 7).reshape(1, 1, 8, 8)  # whole numbers
pattern = torch.arange(1.0, 10.0).reshape(1, 1, 3, 3)
first = right(functional.conv2d(image, pattern, padding=1))
second = functional.conv2d(right(image), pattern, padding=1)
differs = (first != second)[0, 0].sum(0)  # in each column
print("convolution:", differs.tolist())
mix = (torch.arange(64.0 * 64) % 11).reshape(64, 64)  # a dense layer
first = right((image.flatten() @ mix).reshape(8, 8))
second = (right(image).flatten() @ mix).reshape(8, 8)
print("dense layer:", (first != second).sum(0).tolist())

# %% pooling
h = torch.tensor([[1.0, 3, 0, 0], [2, 0, 0, 5], [0, 0, 4, 1], [7, 0, 0, 0]])
h.requires_grad_()
pooled = nn.MaxPool2d(2)(h[None, None])  # (1, 1, 2, 2)
print(pooled[0, 0].tolist())
pooled.sum().backward()
print(h.grad.to(torch.int64).tolist())

# %% batch-norm
torch.manual_seed(0)
images = X_train.reshape(-1, 1, 8, 8)  # (1078, 1, 8, 8)
h = nn.Conv2d(1, 8, kernel_size=3)(images).detach()  # (1078, 8, 6, 6)
norm = nn.BatchNorm2d(8)
mean = h.mean((0, 2, 3), keepdim=True)  # (1, 8, 1, 1)
deviation = h.std((0, 2, 3), correction=0, keepdim=True)
hand = (h - mean) / (deviation**2 + norm.eps).sqrt()
print("by hand:", torch.allclose(norm(h), hand, atol=1e-4))
tenth = 0.1 * mean.flatten()
print("running mean:", torch.allclose(norm.running_mean, tenth, atol=1e-6))
norm.eval()
print("in eval the same:", torch.allclose(norm(h), hand, atol=1e-4))


# %% network
def network() -> nn.Sequential:
    """Two convolutions, each halved by pooling, and a linear layer."""
    return nn.Sequential(
        nn.Conv2d(1, 8, kernel_size=3, padding=1, bias=False),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(8, 16, kernel_size=3, padding=1, bias=False),
        nn.BatchNorm2d(16),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(64, 10),
    )


h = images[:1]
for layer in network():
    h = layer(h)
    count = sum(p.numel() for p in layer.parameters())
    print(f"{type(layer).__name__:11} {tuple(h.shape)!s:13} {count:5,}")


# %% contestants
def perceptron() -> nn.Sequential:
    """The multilayer perceptron 64-32-10."""
    layers = nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10)
    return nn.Sequential(nn.Flatten(), *layers)


def linear() -> nn.Sequential:
    """One linear layer."""
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 10))


makers = {"linear": linear, "MLP": perceptron, "convolutions": network}
for name, make in makers.items():
    print(f"{name:12} {sum(p.numel() for p in make().parameters()):5,}")

# %% train
train, val, test = (
    (X.reshape(-1, 1, 8, 8).to(torch.float64), y)
    for X, y in ((X_train, y_train), (X_val, y_val), (X_test, y_test))
)


def fit(make, rate: float, seed: int) -> nn.Module:
    """Train a new model for ten epochs of 17 steps."""
    torch.manual_seed(seed)
    model = make().to(torch.float64)
    chance = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate)
    X, y = train
    for _ in range(10):
        for rows in torch.randperm(len(X), generator=chance).split(64):
            J = functional.cross_entropy(model(X[rows]), y[rows])
            optimizer.zero_grad()
            J.backward()
            optimizer.step()
    return model.eval()


# %% sweep
def wrong(model: nn.Module, X: torch.Tensor, y: torch.Tensor) -> int:
    """Count the errors on images X (N, 1, 8, 8) of the classes y (N,)."""
    with torch.no_grad():
        return (model(X).argmax(1) != y).sum().item()


rates = (0.003, 0.01, 0.03, 0.1, 0.3)


def best_rate(make) -> tuple[float, list[int]]:
    """Find the rate with the fewest errors in validation, three seeds."""
    errors = [
        sum(wrong(fit(make, rate, seed), *val) for seed in range(3))
        for rate in rates
    ]
    return rates[errors.index(min(errors))], errors


chosen = {}
print("rate        ", *(f"{rate:5}" for rate in rates))
for name, make in makers.items():
    chosen[name], errors = best_rate(make)
    shown = (str(count) if count <= 100 else "> 100" for count in errors)
    print(f"{name:12}", *(f"{count:>5}" for count in shown))

# %% compare
import statistics

fitted, tested = {}, {}
for name, make in makers.items():
    fitted[name] = [fit(make, chosen[name], s) for s in range(10, 20)]
    tested[name] = sorted(wrong(model, *test) for model in fitted[name])
    mean = statistics.mean(tested[name])
    spread = statistics.stdev(tested[name])
    print(f"{name:12} {mean:4.1f} +- {spread:.1f}  {tested[name]}")

# %% compare-figure
figure, axis = plt.subplots(figsize=(6, 2.4), layout="constrained")
for height, counts in enumerate(tested.values()):
    seen: dict[int, int] = {}
    for count in counts:
        seen[count] = seen.get(count, 0) + 1
        up = height + 0.14 * (seen[count] - 1)
        axis.plot(count, up, "o", color=f"C{height}", ms=5)
axis.set_yticks(range(3), list(tested))
axis.set_xticks(range(0, 24, 3))
axis.set(xlabel="errors among 360 test images", xlim=(0, None))
axis.set_ylim(-0.4, 2.9)
plt.show()

# %% shifted
X, y = test
print("errors among 360 images, shifted by a pixel")
for name, trained in fitted.items():
    counts = sorted(wrong(model, right(X), y) for model in trained)
    print(f"{name:12} {counts[0]} to {counts[-1]}")

# %% filters-figure
model = fitted["convolutions"][0]
filters = model[0].weight.detach()[:, 0]  # (8, 3, 3)
with torch.no_grad():
    seen_as = model[:3](digit.to(torch.float64)[None, None])[0]  # (8, 8, 8)
figure, axes = plt.subplots(2, 1, figsize=(7, 2.6), layout="constrained")
gap = float("nan")
tiles = [functional.pad(each, (1, 1), value=gap) for each in filters]
tiles = torch.cat(tiles, 1).numpy()  # (3, 40)
maps = [functional.pad(each, (0, 1), value=gap) for each in seen_as]
maps = torch.cat(maps, 1).numpy()  # (8, 72)
top = filters.abs().max().item()
axes[0].imshow(tiles, cmap="RdBu_r", vmin=-top, vmax=top)
axes[1].imshow(maps, cmap="Blues")
for axis, title in zip(axes, ("filters", "their maps"), strict=True):
    axis.set_ylabel(title)
    axis.set(xticks=[], yticks=[])
    axis.spines[:].set_visible(False)
plt.show()

# %% mistake-channel
import textwrap

try:
    network()(X_test.reshape(-1, 8, 8))  # (360, 8, 8)
except RuntimeError as error:
    print(textwrap.fill(f"RuntimeError: {error}", 76))

# %% mistake-order
photo = torch.arange(8 * 8 * 3).reshape(8, 8, 3)  # rows, columns, colors
red = photo[:, :, 0]  # (8, 8)
turned = photo.permute(2, 0, 1)  # (3, 8, 8)
print("permute:", (turned[0] == red).sum().item(), "of 64 pixels are red's")
broken = photo.reshape(3, 8, 8)
print("reshape:", (broken[0] == red).sum().item(), "of 64 pixels are red's")

# %% mistake-eval
import copy

X, y = test
model = copy.deepcopy(fitted["convolutions"][0])
print("eval: ", wrong(model, X, y), "errors")
model.train()
alone = [wrong(model, X[i : i + 1], y[i : i + 1]) for i in range(360)]
print("train:", sum(alone), "errors, each image alone")
trained = fitted["convolutions"][0]
kept = torch.equal(model[1].running_mean, trained[1].running_mean)
print("running mean as it was:", kept)

# %% paper
size = 28
for k, stride in ((5, 1), (2, 2), (5, 1), (2, 2)):  # by turns with pooling
    size = size_after(size, k, stride)
    print(size, end=" ")
print()
print(16 * size * size, "numbers after flattening")
first, second = 8 * 8 * (9 * 1 * 8), 4 * 4 * (9 * 8 * 16)  # places, weights
print(f"network {first + second + 64 * 10:,}, MLP {64 * 32 + 32 * 10:,}")

# %% receptive
torch.manual_seed(0)
two = nn.Sequential(nn.Conv2d(1, 1, 3), nn.Conv2d(1, 1, 3))
x = torch.zeros(1, 1, 9, 9, requires_grad=True)
two(x)[0, 0, 2, 2].backward()  # the middle of a map of 5 by 5
for row in (x.grad[0, 0] != 0).to(torch.int64).tolist():
    print(*row)


# %% no-norm
def plain() -> nn.Sequential:
    """The network without batch norm, and with biases in its place."""
    first = nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)
    second = nn.Conv2d(8, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)
    return nn.Sequential(*first, *second, nn.Flatten(), nn.Linear(64, 10))


rate, _ = best_rate(plain)
print("rate", rate)
without = sorted(wrong(fit(plain, rate, s), *test) for s in range(10, 20))
print("errors from", without[0], "to", without[-1])

# %% fold
model = fitted["convolutions"][0]
with torch.no_grad():
    layer, norm = model[0], model[1]
    scale = norm.weight / (norm.running_var + norm.eps).sqrt()  # (8,)
    weight = layer.weight * scale[:, None, None, None]
    bias = norm.bias - norm.running_mean * scale
    one = functional.conv2d(test[0], weight, bias, padding=1)
    two_steps = norm(layer(test[0]))
print(torch.allclose(one, two_steps, atol=1e-12))

# %% echo
torch.manual_seed(0)
pulse = torch.tensor([1.0, -1.0, 1.0, 1.0, -1.0, 1.0, -1.0, -1.0])
signal = torch.randn(1, 1, 200)
signal[0, 0, 137:145] += 1.5 * pulse  # the echo
match = functional.conv1d(signal, pulse[None, None])  # (1, 1, 193)
print("loudest sample: ", signal.abs().argmax().item())
print("best match from:", match.argmax().item())
