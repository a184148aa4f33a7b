"""What a GPU is good at: counted, modeled, and measured the right way."""

# %% imports
import time
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from statistics import median
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

# %% device
found = torch.accelerator.current_accelerator(check_available=True)
device = found or torch.device("cpu")
print(device)

# %% batch
torch.manual_seed(0)
N, n, m = 64, 100, 50
X = torch.randn(N, n).to(device)  # (64, 100), one sample a row
W = torch.randn(m, n).to(device)  # (50, 100), one neuron a row
one_by_one = torch.stack([W @ x for x in X])  # (64, 50)
at_once = X @ W.T  # (64, 50)
print(torch.allclose(one_by_one, at_once, atol=1e-4))


# %% flop
def flop(action: Callable[[], object]) -> int:
    """Return how many FLOP the matrix products of an action take."""
    with FlopCounterMode(display=False) as counter:
        action()
    return int(counter.get_total_flops())


print(flop(lambda: X @ W.T), 2 * N * n * m)

# %% backward
X.requires_grad_()
W.requires_grad_()
H = X @ W.T  # (64, 50)
G = torch.randn(N, m).to(device)  # (64, 50), the gradient for H
print(flop(lambda: H.backward(G)), 2 * 2 * N * n * m)
assert X.grad is not None
assert W.grad is not None
print(torch.allclose(W.grad, G.T @ X, atol=1e-4))  # (50, 100)
print(torch.allclose(X.grad, G @ W, atol=1e-4))  # (64, 100)


# %% amdahl
def speedup(f: float, p: float) -> float:
    """Return the gain if a share f of the time gets p times faster."""
    return 1 / ((1 - f) + f / p)


for f in (0.5, 0.9, 0.99):
    gains = [f"{speedup(f, p):5.1f}" for p in (10, 100, 1000)]
    print(f"share {f:.2f}:", *gains)

# %% amdahl-figure
factors = np.logspace(0, 4, 100)  # (100,)
figure, axes = plt.subplots(figsize=(5, 3.6), layout="constrained")
for f, style in ((0.99, "-"), (0.9, "--"), (0.5, ":")):
    gain = [speedup(f, p) for p in factors]
    axes.loglog(factors, gain, style, lw=2.5, label=f"{f}")
axes.set_xlabel("speed of the parallel part, relative to before")
axes.set_ylabel("speed of the whole program")
axes.set_ylim(0.9, 1500)
axes.legend(title="share of the parallel part")
plt.show()


# %% intensity
def product_intensity(N: int, n: int, m: int) -> float:
    """Return the FLOP per byte of (N, n) times (n, m) in float32."""
    return 2 * N * n * m / (4 * (N * n + n * m + N * m))


print(f"sum of two vectors:      {1 / (4 * 3):6.2f}")
print(f"(341, 2) times (2, 2):   {product_intensity(341, 2, 2):6.2f}")
for s in (32, 256, 1024):
    name = f"({s}, {s}) squared:"
    print(f"{name:24} {product_intensity(s, s, s):6.2f}")

# %% ridge
print(f"{19.5e12 / 1.555e12:.1f}")


# %% count
class Recorder(TorchDispatchMode):
    """Counts, while active, the operations that PyTorch carries out."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # PyTorch's
        self.counts: Counter[str] = Counter()

    def __torch_dispatch__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Count an operation that computes or copies; carry out any."""
        if func.namespace == "aten" and not func.is_view:
            self.counts[func.overloadpacket.__name__] += 1
        return func(*args, **(kwargs or {}))


# %% training-step
inputs = torch.rand(341, 2).to(device)  # (341, 2), as large as the lab's
labels = (torch.rand(341, 1) < 0.4).float().to(device)  # (341, 1)
mean_loss = nn.BCELoss()


def make_step(*layers: nn.Module) -> Callable[[], None]:
    """Return a function that takes one step of gradient descent."""
    model = nn.Sequential(*layers).to(device)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, foreach=False)

    def step() -> None:
        loss = mean_loss(model(inputs), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return step


# %% lab-step
hidden, output = nn.Linear(2, 2), nn.Linear(2, 1)
step = make_step(hidden, nn.Sigmoid(), output, nn.Sigmoid())
with Recorder() as recorder:
    step()
for name, number in recorder.counts.items():
    print(f"{number} {name}")
operations = recorder.counts.total()
print(operations, "operations,", flop(step), "FLOP")

# %% machines
MICRO = 1e-6
invented = {  # seconds per operation, FLOP per second: round, not measured
    "CPU": (1 * MICRO, 50e9),
    "GPU": (10 * MICRO, 10e12),
}
bus_start, bus_speed = 10 * MICRO, 10e9  # seconds, bytes per second


# %% cost-model
def modeled(machine: str, operations: float, work: float) -> float:
    """Return the modeled seconds for operations with so much FLOP."""
    overhead, rate = invented[machine]
    return overhead * operations + work / rate


for machine in invented:
    seconds = modeled(machine, operations, flop(step))
    print(f"{machine}: {seconds / MICRO:.1f} modeled microseconds")

# %% copies
moved = [tensor.nbytes for tensor in (inputs, labels)]
starts, travel = 2 * bus_start, sum(moved) / bus_speed  # seconds
print(moved, "bytes")
print(f"{starts / MICRO:.1f} + {travel / MICRO:.1f} modeled microseconds")


# %% widths
def wide_step(width: int) -> Callable[[], None]:
    """Return a step of a network with two hidden layers so wide."""
    first, second = nn.Linear(2, width), nn.Linear(width, width)
    third, logistic = nn.Linear(width, 1), nn.Sigmoid()
    return make_step(first, logistic, second, logistic, third, logistic)


def wide_work(width: int) -> int:
    """Return the FLOP of that step."""
    forward = 2 * 341 * (2 * width + width * width + width)
    return 3 * forward - 2 * 341 * 2 * width  # no gradient for the inputs


for width in (2, 16, 64):
    with Recorder() as recorder:
        wide_step(width)()
    wide_operations = recorder.counts.total()
    counted = flop(wide_step(width))
    print(wide_operations, counted, counted == wide_work(width))


# %% crossover
def ratio(width: int, operations: float) -> float:
    """Return the modeled time on the GPU over that on the CPU."""
    work = wide_work(width)
    on_gpu = modeled("GPU", operations, work)
    return on_gpu / modeled("CPU", operations, work)


for width in (2, 16, 64, 128, 256, 1024):
    print(f"width {width:4}: {ratio(width, wide_operations):6.3f}")

# %% crossover-figure
widths = np.unique(np.logspace(0, 3.5, 60).astype(int))
figure, axes = plt.subplots(figsize=(5, 3.8), layout="constrained")
for machine, style in (("CPU", "-"), ("GPU", "--")):
    times = [
        modeled(machine, wide_operations, wide_work(int(width)))
        for width in widths
    ]
    axes.loglog(widths, times, style, lw=2.5, label=f"modeled {machine}")
crossing = next(w for w in range(1, 1000) if ratio(w, wide_operations) < 1)
axes.axvline(crossing, color="gray", ls=":")
axes.text(crossing * 1.1, 5e-5, f"width {crossing}")
axes.set_xlabel("width of the two hidden layers")
axes.set_ylabel("modeled time of a step in s")
axes.legend()
plt.show()
print(crossing)


# %% measure
def synchronize() -> None:
    """Wait until the device has done all that it was told."""
    if device.type != "cpu":
        torch.accelerator.synchronize()


def measure(action: Callable[[], object], repeats: int = 9) -> float:
    """Return the median time of an action in seconds."""
    for _ in range(3):  # warm-up
        action()
    times = []
    for _ in range(repeats):
        synchronize()
        start = time.perf_counter()
        action()
        synchronize()
        times.append(time.perf_counter() - start)
    return median(times)


# %% many
A = torch.randn(1000, 2, 2).to(device)  # 1000 matrices (2, 2)
B = torch.randn(1000, 2, 2).to(device)


def one_after_another() -> Tensor:
    """Multiply 1000 pairs of matrices with 1000 operations."""
    return torch.stack([a @ b for a, b in zip(A, B, strict=True)])


print(torch.allclose(one_after_another(), A @ B, atol=1e-5))
print(flop(one_after_another), flop(lambda: A @ B))
together = measure(lambda: A @ B)
separate = measure(one_after_another)
print("more than 10 times faster:", 10 * together < separate)

# %% too-early
stand_in = ThreadPoolExecutor(max_workers=1)  # plays the part of a GPU
stand_in.submit(time.sleep, 0).result()  # it is awake

start = time.perf_counter()
task = stand_in.submit(time.sleep, 0.3)  # returns at once
too_early = time.perf_counter() - start
task.result()  # waits
right = time.perf_counter() - start
stand_in.shutdown()
print("time of the task:", right >= 0.3)
print("stopped too early:", too_early < 0.5 * right)

# %% item-each-step
model = nn.Sequential(hidden, nn.Sigmoid(), output, nn.Sigmoid())
with Recorder() as recorder:
    history = []
    for _ in range(100):
        loss = mean_loss(model(inputs), labels)
        history.append(loss.item())
print(recorder.counts["_local_scalar_dense"], len(history))

# %% item-at-the-end
with Recorder() as recorder:
    kept = []
    for _ in range(100):
        loss = mean_loss(model(inputs), labels)
        kept.append(loss.detach())
    history = torch.stack(kept).tolist()  # one copy
print(recorder.counts["_local_scalar_dense"], len(history))

# %% move-each-step
data = torch.rand(341, 2)  # (341, 2)
with Recorder() as recorder:
    for _ in range(100):
        batch = data.to("meta")  # stands for another device
print(recorder.counts["_to_copy"], "copies,", 100 * data.nbytes, "bytes")

# %% move-once
with Recorder() as recorder:
    moved_data = data.to("meta")
    for _ in range(100):
        batch = moved_data.to("meta")
print(recorder.counts["_to_copy"], "copies,", data.nbytes, "bytes")

# %% double
from_numpy = torch.from_numpy(np.random.RandomState(0).rand(341, 2))
print(from_numpy.dtype, from_numpy.nbytes)
print(from_numpy.float().dtype, from_numpy.float().nbytes)

# %% exercise-flop
digits = nn.Sequential(nn.Linear(784, 300), nn.ReLU(), nn.Linear(300, 10))
images = torch.rand(64, 784)  # (64, 784)
first, second = 2 * 64 * 784 * 300, 2 * 64 * 300 * 10
print(flop(lambda: digits(images)), first + second)
print(flop(lambda: digits(images).sum().backward()), 2 * first + 3 * second)

# %% exercise-amdahl
print(f"{speedup(0.8, 10):.2f} {speedup(0.8, 1e9):.2f}")
print(f"{speedup(0.95, 10):.2f}")

# %% exercise-batch
size = 1
while product_intensity(size, 1024, 1024) < 19.5e12 / 1.555e12:
    size += 1
print(size, f"{product_intensity(1, 1024, 1024):.2f}")

# %% exercise-fused
fused = next(width for width in range(1, 1000) if ratio(width, 6) < 1)
print(f"{fused} instead of {crossing}")
