"""Several classes: softmax, cross-entropy, and the digits."""

# %% borrow
from digits import load_parts

# %% load
parts = load_parts()
for name, (X, y) in zip(("train", "validate", "test"), parts, strict=True):
    print(f"{name:8}  {tuple(X.shape)!s:10}  {tuple(y.shape)}")
(X_train, y_train), (X_val, y_val), (X_test, y_test) = parts
for row in X_train[4].reshape(8, 8):
    print(" ".join(f"{16 * pixel.item():2.0f}" for pixel in row))
print("class:", y_train[4].item())

# %% sheet
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import to_rgb


def ink(gray: np.ndarray, color: str = "C0") -> np.ndarray:
    """Turn gray values from 0 to 1 into ink on clear ground."""
    picture = np.empty((*gray.shape, 4))
    picture[..., :3] = to_rgb(color)
    picture[..., 3] = gray
    return picture


rows = [X_train[y_train == k][:4] for k in range(10)]  # (4, 64) each
tiles = np.zeros((4, 10, 10, 10))  # row, column, and a frame of one pixel
for k, images in enumerate(rows):
    tiles[:, k, 1:9, 1:9] = images.reshape(4, 8, 8)
gray = np.swapaxes(tiles, 1, 2).reshape(40, 100)
figure, axes = plt.subplots(figsize=(6.5, 2.9), layout="constrained")
axes.imshow(ink(gray))
axes.set_xticks(np.arange(10) * 10 + 4.5, [str(k) for k in range(10)])
axes.tick_params(length=0)
axes.set(yticks=[], xlabel="class")
plt.show()

# %% linear
import math
import textwrap

import torch
from torch import nn

torch.manual_seed(0)
model = nn.Linear(64, 10)
z = model(X_train).detach()  # (1078, 10): ten logits for each image
p = torch.softmax(z, dim=1)  # (1078, 10): each row adds up to 1
print(sum(each.numel() for each in model.parameters()), "parameters")
print("logits:       ", " ".join(f"{value:5.2f}" for value in z[4]))
print("probabilities:", " ".join(f"{value:5.2f}" for value in p[4]))
print("largest logit:       class", z[4].argmax().item())
print("largest probability: class", p[4].argmax().item())
print("right answers:", (z.argmax(dim=1) == y_train).sum().item())

# %% loss
own = -torch.log(p.gather(1, y_train[:, None])).squeeze(1)  # (1078,)
mean_loss = nn.CrossEntropyLoss()
print(f"by hand:          {own.mean():.4f}")
print(f"CrossEntropyLoss: {mean_loss(z, y_train):.4f}")

# %% shift
z = torch.tensor([2.0, 0.5, -1.0])  # (3,): logits of three classes
label = torch.tensor(0)
for c in (0.0, 10.0, -3.0):
    p = torch.softmax(z + c, dim=0)  # (3,)
    row = " ".join(f"{value:.4f}" for value in p)
    print(f"{c:5}: {row}  loss {mean_loss(z + c, label):.4f}")

# %% overflow
for number in (88.0, 89.0):
    print(f"exp({number}) = {torch.exp(torch.tensor(number)):.2e}")
large = torch.tensor([89.0, 88.0, 85.0])  # (3,)
shares = torch.exp(large) / torch.exp(large).sum()  # (3,)
print("by hand:", *(f"{share:.4f}" for share in shares))
print("softmax:", *(f"{p:.4f}" for p in torch.softmax(large, dim=0)))

# %% underflow
apart = torch.tensor([0.0, 200.0])  # (2,), and class 0 is right
p = torch.softmax(apart, dim=0)  # (2,)
print("probability of class 0:", p[0].item())
print("-log of it:            ", -torch.log(p[0]).item())
print("CrossEntropyLoss:      ", mean_loss(apart, label).item())


# %% log-sum-exp
def log_sum_exp(z: torch.Tensor) -> torch.Tensor:
    """Give the logarithm of the sum of exp(z), for z of shape (K,)."""
    largest = z.max()  # ()
    return largest + torch.log(torch.exp(z - largest).sum())


print("   plain      ours  torch.logsumexp")
for numbers in ([2.0, 0.5, -1.0], [1e3, 999.0, 0.0], [-1e3, -1001.0]):
    z = torch.tensor(numbers)
    plain = torch.log(torch.exp(z).sum())
    theirs = torch.logsumexp(z, dim=0)
    print(f"{plain:8.3f}  {log_sum_exp(z):8.3f}  {theirs:8.3f}")
print("loss by hand:", (log_sum_exp(apart) - apart[0]).item())

# %% gradient
z = torch.tensor([2.0, 0.5, -1.0], dtype=torch.float64)  # (3,)
label = torch.tensor(1)
right = nn.functional.one_hot(label, 3)  # (3,): 0, 1, 0
formula = torch.softmax(z, dim=0) - right  # (3,)

leaf = z.clone().requires_grad_()
mean_loss(leaf, label).backward()
print("class     p - y  autograd  difference")
for k in range(3):
    step = 1e-6 * nn.functional.one_hot(torch.tensor(k), 3)  # (3,)
    rise = mean_loss(z + step, label) - mean_loss(z - step, label)
    row = f"{k:5}  {formula[k]:8.5f}  {leaf.grad[k]:8.5f}"
    print(f"{row}  {rise / 2e-6:10.5f}")
print(f"sum of the entries: {abs(leaf.grad.sum()):.5f}")

# %% two-classes
torch.manual_seed(0)
z = torch.randn(1000, 2, dtype=torch.float64)  # two logits for each sample
p = torch.softmax(z, dim=1)[:, 1]  # (1000,)
logistic = torch.sigmoid(z[:, 1] - z[:, 0])  # (1000,)
print("equal to rounding:", (p - logistic).abs().max().item() < 1e-15)


# %% networks
def linear() -> nn.Module:
    """Ten logits, each an affine function of the pixels."""
    return nn.Linear(64, 10).double()


def perceptron() -> nn.Module:
    """The same with a hidden layer of 32 neurons."""
    layers = [nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10)]
    return nn.Sequential(*layers).double()


# %% train
def train(make, rate: float, seed: int) -> nn.Module:
    """Make a network and train it for 20 epochs of batches of 32."""
    torch.manual_seed(seed)  # for the start and for the batches
    model = make()
    optimizer = torch.optim.SGD(model.parameters(), lr=rate)
    for _ in range(20):
        for rows in torch.randperm(len(X_train)).split(32):
            optimizer.zero_grad()
            J = mean_loss(model(X_train[rows]), y_train[rows])
            J.backward()
            optimizer.step()
    return model


# %% evaluate
def evaluate(model: nn.Module, X: torch.Tensor, y: torch.Tensor) -> tuple:
    """Give the mean loss on X (N, 64), y (N,), and how many are wrong."""
    with torch.no_grad():
        z = model(X)  # (N, 10)
    return mean_loss(z, y).item(), (z.argmax(dim=1) != y).sum().item()


# %% first-run
X_train, X_val, X_test = (X.double() for X in (X_train, X_val, X_test))
model = train(linear, rate=1.0, seed=0)
for X, y in ((X_train, y_train), (X_val, y_val)):
    J, wrong = evaluate(model, X, y)
    print(f"mean loss {J:.3f}, {wrong} of {len(y)} wrong")

# %% sweep
rates = (0.1, 0.3, 1.0, 3.0, 10.0)
best = {}
print("rate      ", *(f"{rate:6}" for rate in rates))
for make in (linear, perceptron):
    means = []
    for rate in rates:
        models = [train(make, rate, seed) for seed in range(3)]
        losses = [evaluate(each, X_val, y_val)[0] for each in models]
        means.append(sum(losses) / 3)
    best[make] = rates[means.index(min(means))]
    print(f"{make.__name__:10}", *(f"{mean:6.3f}" for mean in means))

# %% ten-seeds
trained, counts = {}, {}
for make, rate in best.items():
    models = [train(make, rate, seed) for seed in range(10)]
    wrong = [evaluate(each, X_test, y_test)[1] for each in models]
    trained[make], counts[make] = models, torch.tensor(wrong).double()
    print(f"{make.__name__}, rate {rate}:", *wrong)
    mean, deviation = counts[make].mean(), counts[make].std()
    print(f"  mean {mean:.1f} of 360, standard deviation {deviation:.1f}")
a, b = counts[linear], counts[perceptron]
error = ((a.std() ** 2 + b.std() ** 2) / 10).sqrt()
print(f"difference {a.mean() - b.mean():.1f}, uncertain by {error:.1f}")

# %% seeds-figure
figure, axes = plt.subplots(figsize=(5.5, 2.2), layout="constrained")
for height, marker, wrong in ((1, "o", a), (0, "s", b)):
    for count in set(wrong.tolist()):
        times = int((wrong == count).sum())
        stack = height + 0.13 * np.arange(times)
        axes.plot([count] * times, stack, marker, color=f"C{1 - height}")
    axes.plot([wrong.mean()], [height - 0.15], "^", color="gray")
axes.set_yticks([0, 1], ["perceptron", "linear"])
axes.set(xlabel="wrong answers among 360 test images", ylim=(-0.4, 1.8))
plt.show()

# %% confusion
with torch.no_grad():
    answers = [each(X_test).argmax(dim=1) for each in trained[perceptron]]
answer = answers[0]  # (360,), of the network of seed 0
confusion = torch.zeros(10, 10, dtype=torch.int64)
for truth, said in zip(y_test, answer, strict=True):
    confusion[truth, said] += 1
right = confusion[range(10), range(10)]  # (10,), the diagonal
print(f"{right.sum()} right, {confusion.sum() - right.sum()} wrong")
missed = confusion[8].sum() - right[8]  # a row: the true class
taken = confusion[:, 8].sum() - right[8]  # a column: the answer
print(f"eights missed: {missed}, others taken for an eight: {taken}")

# %% confusion-figure
figure, axes = plt.subplots(figsize=(5, 4.6), layout="constrained")
shade = (confusion / confusion.sum(dim=1, keepdim=True)).numpy()  # (10, 10)
errors = shade * (1 - np.eye(10))
axes.imshow(ink(0.4 * (shade - errors)))
axes.imshow(ink(np.minimum(5 * errors, 0.7), "C1"))
for truth in range(10):
    for said in range(10):
        if confusion[truth, said]:
            text = str(confusion[truth, said].item())
            axes.text(said, truth, text, ha="center", va="center")
axes.set_xticks(range(10))
axes.set_yticks(range(10))
axes.grid(False)
axes.set(xlabel="answer", ylabel="true class")
plt.show()

# %% mistaken
wrong = answer != y_test  # (360,): true where seed 0 errs
votes = (torch.stack(answers) != y_test).sum(dim=0)  # (360,): 0 to 10
print("wrong in all ten networks:", (votes == 10).sum().item())
print("wrong in five or more:    ", (votes >= 5).sum().item())
print("wrong in at least one:    ", (votes > 0).sum().item())

# %% mistaken-figure
tiles = np.zeros((2, 8, 10, 10))
tiles[:, :, 1:9, 1:9] = X_test[wrong].reshape(2, 8, 8, 8)
gray = np.swapaxes(tiles, 1, 2).reshape(20, 80)
figure, axes = plt.subplots(figsize=(6.5, 2.5), layout="constrained")
axes.imshow(ink(np.insert(gray, 10, np.zeros((3, 80)), axis=0)))
pairs = zip(y_test[wrong], answer[wrong], votes[wrong], strict=True)
for i, (truth, said, count) in enumerate(pairs):
    x, y = 10 * (i % 8) + 4.5, 13 * (i // 8) + 10.5
    text = f"{truth}, not {said} ({count})"
    axes.text(x, y, text, ha="center", va="center", fontsize=8)
axes.set_ylim(24, -0.5)
axes.axis("off")
plt.show()

# %% weights
weight = trained[linear][0].weight.detach()  # (10, 64)
relative = weight - weight.mean(dim=0)  # (10, 64): each column adds up to 0
z = X_test @ weight.T  # (360, 10)
p = torch.softmax(z, dim=1)
same = torch.softmax(X_test @ relative.T, dim=1)
print("same probabilities:", (p - same).abs().max().item() < 1e-12)

# %% weights-figure
signed = relative.numpy() / relative.abs().max().item()  # (10, 64)
both = np.clip(2 * np.stack([signed, -signed]), 0, 1)  # (2, 10, 64)
tiles = np.zeros((2, 10, 10, 10))
tiles[:, :, 1:9, 1:9] = both.reshape(2, 10, 8, 8)
gray = np.swapaxes(tiles, 1, 2).reshape(2, 10, 100)
picture = np.concatenate([ink(gray[0]), ink(gray[1], "C1")])
figure, axes = plt.subplots(figsize=(6.5, 1.8), layout="constrained")
axes.imshow(picture)
axes.set_xticks(np.arange(10) * 10 + 4.5, [str(k) for k in range(10)])
axes.set_yticks([4.5, 14.5], ["for it", "against it"])
axes.tick_params(length=0)
axes.set_xlabel("class")
plt.show()

# %% softmax-first
perfect = torch.eye(10)  # ten probabilities of 1, each for its class
floor = mean_loss(perfect, torch.arange(10)).item()
print(f"loss of perfect probabilities: {floor:.4f}")
print(f"log(1 + 9 / e):                {math.log(1 + 9 / math.e):.4f}")


def softmax_first() -> nn.Module:
    """The perceptron with a softmax where the logits should come out."""
    return nn.Sequential(perceptron(), nn.Softmax(dim=1))


for make in (perceptron, softmax_first):
    J, wrong = evaluate(train(make, 1.0, seed=0), X_train, y_train)
    print(f"{make.__name__:13}  {J:.4f}, {wrong} of 1078 wrong")

# %% no-gradient
for early in (False, True):
    z = torch.tensor([20.0, 0, 0], dtype=torch.float64)  # sure of class 0
    z.requires_grad_()
    output = torch.softmax(z, dim=0) if early else z
    mean_loss(output, torch.tensor(1)).backward()  # but 1 is right
    print(f"softmax first: {early!s:5}  largest entry", end=" ")
    print(f"{z.grad.abs().max():.1e}")

# %% wrong-dtype
z = torch.zeros(4, 10)  # logits of four images
labels = torch.tensor([3, 1, 4, 1])
for dtype in (torch.float32, torch.int32):
    try:
        mean_loss(z, labels.to(dtype))
    except RuntimeError as error:
        print(dtype, "RuntimeError, wants Long:", "Long" in str(error))
try:
    mean_loss(z, nn.functional.one_hot(labels, 10))
except RuntimeError as error:
    print(textwrap.fill(f"RuntimeError: {error}", 72))

# %% wrong-shape
try:
    mean_loss(z, labels[:, None])  # (4, 1)
except RuntimeError as error:
    print(textwrap.fill(f"RuntimeError: {error}", 72))
print(f"{mean_loss(z, labels).item():.4f}")

# %% from-one
try:
    mean_loss(z, torch.tensor([1, 2, 9, 10]))
except IndexError as error:
    print(f"IndexError: {error}")

# %% exercise-step
model = linear()
X, y = X_train[:32], y_train[:32]  # (32, 64), (32,)
with torch.no_grad():
    P = torch.softmax(model(X), dim=1)  # (32, 10)
    G = (P - nn.functional.one_hot(y, 10)) / 32  # (32, 10)
    weight = model.weight - 0.5 * G.T @ X  # (10, 64)
    bias = model.bias - 0.5 * G.sum(dim=0)  # (10,)
optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
mean_loss(model(X), y).backward()
optimizer.step()
print((weight - model.weight).abs().max().item() < 1e-12)
print((bias - model.bias).abs().max().item() < 1e-12)

# %% exercise-temperature
z = torch.tensor([2.0, 0.5, -1.0])  # (3,)
for T in (0.1, 0.5, 1.0, 2.0, 100.0):
    p = torch.softmax(z / T, dim=0)
    print(f"T = {T:5}:", " ".join(f"{value:.3f}" for value in p))

# %% exercise-iris
from sklearn.datasets import load_iris

flowers, species = load_iris(return_X_y=True)
X = torch.tensor(flowers)  # (150, 4), in centimeters
y = torch.tensor(species)  # (150,), three classes of 50
torch.manual_seed(0)
rows = torch.randperm(150)
X, y = X[rows], y[rows]
model = nn.Linear(4, 3).double()
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for _ in range(1000):
    optimizer.zero_grad()
    mean_loss(model(X[:100]), y[:100]).backward()
    optimizer.step()
with torch.no_grad():
    named = model(X[100:]).argmax(dim=1)  # (50,)
for truth in range(3):
    row = [((y[100:] == truth) & (named == k)).sum() for k in range(3)]
    print("true class", truth, "answers", [each.item() for each in row])

# %% exercise-mail
mail = torch.tensor([0] * 900 + [1] * 80 + [2] * 20)
z = torch.zeros(3, requires_grad=True)  # the same logits for every letter
optimizer = torch.optim.SGD([z], lr=3.0)
for _ in range(500):
    optimizer.zero_grad()
    J = mean_loss(z.expand(1000, 3), mail)
    J.backward()
    optimizer.step()
print("probabilities:", *(f"{p:.3f}" for p in torch.softmax(z, dim=0)))
shares = torch.tensor([0.9, 0.08, 0.02])
print(f"loss {J:.4f}, formula {-(shares * torch.log(shares)).sum():.4f}")
