"""Tensors, optimizers and networks on any device, or else on the CPU."""

# %% imports
import io
import textwrap
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

# %% device
found = torch.accelerator.current_accelerator(check_available=True)
device = found or torch.device("cpu")
print(device)

# %% three-ways
if torch.cuda.is_available():
    a = torch.tensor(1.0).cuda()  # 1. a method, if there is such a device
else:
    a = torch.tensor(1.0)
b = torch.tensor(2.0).to(device)  # 2. the method to, for any device
c = torch.tensor(3.0, device=device)  # 3. made there at once
y = a + b + c
print(y.item())

# %% ran-on
print(y.device.type)


# %% absent
x = torch.tensor([1.0, 2.0])  # (2,)
missing = "xpu" if device.type == "cuda" else "cuda"  # not in this machine
ways = {
    "method": lambda: getattr(x, missing)(),  # x.cuda() or x.xpu()
    "to": lambda: x.to(missing),
    "device=": lambda: torch.tensor([1.0, 2.0], device=missing),
}
for name, way in ways.items():
    try:
        way()
    except (AssertionError, RuntimeError):
        print(f"{name:7} is refused")


# %% meta
ghost = torch.tensor([5.0, 6.0], device="meta")  # (2,)
print(ghost)
print((2 * ghost).shape, ghost.dtype, ghost.device)


# %% attempt
def attempt(action: Callable[[], object]) -> None:
    """Carry out an action; print what it returns, or its error."""
    try:
        print(action())
    except (RuntimeError, TypeError, ValueError) as error:
        line = f"{type(error).__name__}: {error}"
        print(textwrap.fill(line, 72))


# %% mixing
print((x + x).device, (ghost + ghost).device)
attempt(lambda: x + ghost)

# %% scalars
print((2.0 * ghost).device)  # a number of Python
print((torch.tensor(2.0) * ghost).device)  # a tensor of shape () on the CPU
attempt(lambda: torch.tensor([2.0]) * ghost)  # shape (1,)

# %% slips
print((torch.ones(2, 2) @ torch.ones(2, 2, device="meta")).device)

# %% descent
x = torch.tensor(1.0, device=device, requires_grad=True)
optimizer = torch.optim.SGD([x], lr=0.7)
steps = []
for _ in range(10):
    steps.append(f"{x.item():.2f}")
    optimizer.zero_grad()
    y = x**2
    y.backward()
    optimizer.step()
print(*steps)

# %% gradient-device
print(x.grad.device == x.device)

# %% data
generator = np.random.RandomState(0)
X_numpy = generator.rand(1000, 2)
noise = generator.randn(1000)
y_numpy = 2 * X_numpy[:, 0] - X_numpy[:, 1] + noise
X = torch.tensor(X_numpy, dtype=torch.float32, device=device)  # (1000, 2)
y = torch.tensor(y_numpy, dtype=torch.float32, device=device)  # (1000,)

# %% model
torch.manual_seed(0)
model = nn.Linear(2, 1)  # made on the CPU
before = [parameter.device.type for parameter in model.parameters()]
returned = model.to(device)
after = [parameter.device.type for parameter in model.parameters()]
print(before, after == [device.type] * 2)
print(returned is model)

# %% training
optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
for _ in range(500):
    optimizer.zero_grad()
    predicted = model(X).squeeze(1)  # (1000,)
    loss = (predicted - y).square().mean()  # ()
    loss.backward()
    optimizer.step()
w1, w2 = model.weight[0].tolist()
print(f"weights {w1:.2f} {w2:.2f}  bias {model.bias.item():.2f}")
print(f"loss {loss.item():.3f}")

# %% to-numpy
with torch.no_grad():
    predicted = model(X).squeeze(1)  # (1000,)
print(type(predicted[0].item()).__name__)
print(type(predicted.cpu().numpy()).__name__, predicted.cpu().numpy().shape)

# %% no-numpy
attempt(lambda: ghost.numpy())

# %% no-item
attempt(lambda: ghost.sum().item())

# %% save
file = io.BytesIO()  # stands for a file on a disk
torch.save(model.state_dict(), file)
for place in ("cpu", "meta"):
    file.seek(0)
    state = torch.load(file, map_location=place)
    print(place, {name: each.device.type for name, each in state.items()})

# %% context
with torch.device("meta"):
    made = {
        "torch.ones(2)": torch.ones(2),
        "torch.tensor([1.0])": torch.tensor([1.0]),
        "nn.Linear(2, 1).weight": nn.Linear(2, 1).weight,
        "torch.ones_like(X)": torch.ones_like(X),
        "torch.from_numpy(X_numpy)": torch.from_numpy(X_numpy),
    }
for code, tensor in made.items():
    print(f"{code:26}", "meta" if tensor.is_meta else "elsewhere")

# %% default
torch.set_default_device(device)
print(torch.ones(2).device.type == device.type)
torch.set_default_device(None)  # as it was
print(torch.ones(2).device)

# %% forgotten
x = torch.tensor([1.0, 2.0])  # (2,)
x.to("meta")
print(x.device)
x = x.to("meta")
print(x.device)

# %% self
x = torch.tensor([1.0, 2.0])  # (2,)
print(x.to("cpu") is x, x.to("meta") is x)

# %% non-leaf
w = torch.tensor([1.0, 2.0], requires_grad=True)
print(w.to("cpu").is_leaf, w.to("meta").is_leaf)
attempt(lambda: torch.optim.SGD([w.to("cpu")], lr=0.1).defaults["lr"])
attempt(lambda: torch.optim.SGD([w.to("meta")], lr=0.1).defaults["lr"])

# %% non-leaf-repaired
w = torch.tensor([1.0, 2.0], device=device, requires_grad=True)
print(w.is_leaf)
w = torch.tensor([1.0, 2.0]).to(device).requires_grad_()
print(w.is_leaf)


# %% constant
def weighted_sum(x: Tensor) -> Tensor:
    """Return 1 x[0] + 2 x[1] + ..., shape (), for x of shape (n,)."""
    weights = torch.arange(1, len(x) + 1)  # (n,), on the CPU
    return (weights * x).sum()


attempt(lambda: weighted_sum(torch.tensor([5.0, 6.0])))
attempt(lambda: weighted_sum(ghost))


# %% constant-repaired
def weighted_sum_anywhere(x: Tensor) -> Tensor:
    """Return 1 x[0] + 2 x[1] + ..., shape (), on the device of x (n,)."""
    weights = torch.arange(1, len(x) + 1, device=x.device)  # (n,)
    return (weights * x).sum()


attempt(lambda: weighted_sum_anywhere(torch.tensor([5.0, 6.0])))
attempt(lambda: weighted_sum_anywhere(ghost).device)

# %% optimizer-first
model = nn.Linear(2, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
model.to("meta")
(held, _) = optimizer.param_groups[0]["params"]
print(held is model.weight, held.device, model.weight.device)

# %% optimizer-last
optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
(held, _) = optimizer.param_groups[0]["params"]
print(held is model.weight)

# %% compare
print(torch.device("cuda") == torch.device("cuda:0"))
print(torch.device("cuda").type == torch.device("cuda:0").type)

# %% exercise-mixed
attempt(lambda: (ghost - 1).device)
attempt(lambda: (ghost / torch.tensor(3.0)).device)
attempt(lambda: (torch.tensor(3.0) - ghost).device)
attempt(lambda: torch.stack([ghost, torch.zeros(2)]))
attempt(lambda: (ghost + torch.zeros_like(ghost)).device)


# %% exercise-one-hot
def one_hot(labels: Tensor, classes: int) -> Tensor:
    """Return rows (n, classes) with a 1 at each of the labels (n,)."""
    numbers = torch.arange(classes, device=labels.device)  # (classes,)
    return (labels[:, None] == numbers).float()


labels = torch.tensor([2, 0, 1])  # (3,)
print(one_hot(labels, 3))
print(one_hot(labels.to("meta"), 3).device)


# %% exercise-move
def move(batch: object, device: torch.device | str) -> object:
    """Return the batch with every tensor in its lists and dicts moved."""
    if isinstance(batch, Tensor):
        return batch.to(device)
    if isinstance(batch, list):
        return [move(item, device) for item in batch]
    if isinstance(batch, dict):
        return {key: move(item, device) for key, item in batch.items()}
    return batch


batch = {"x": torch.ones(2), "parts": [torch.ones(3), "a name"], "n": 1}
moved = move(batch, "meta")
for key, item in moved.items():
    print(key, item)

# %% exercise-large
with torch.device("meta"):
    large = nn.Linear(1_000_000, 100_000)
size = sum(p.nbytes for p in large.parameters())
print(f"{size:,} bytes on {large.weight.device}")
print(f"{4 * (1_000_000 * 100_000 + 100_000):,} bytes by hand")
