"""GPUs: three regimes, how to tell them apart, and where a GPU wins."""

# %% imports
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from statistics import median

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

# %% device
found = torch.accelerator.current_accelerator(check_available=True)
device = found or torch.device("cpu")
print(device)

# %% machines
MICRO = 1e-6
invented = {  # seconds per operation, FLOP/s, bytes/s: round, not measured
    "CPU": (1 * MICRO, 50e9, 20e9),
    "GPU": (10 * MICRO, 10e12, 1000e9),
}


def parts(machine: str, flop: float, nbytes: float) -> dict[str, float]:
    """Return the modeled seconds that each part of an operation takes."""
    overhead, rate, bandwidth = invented[machine]
    return {
        "overhead": overhead,
        "memory": nbytes / bandwidth,
        "compute": flop / rate,
    }


# %% regimes
def addition(s: int) -> tuple[int, int]:
    """Return FLOP and bytes of adding 1 to s * s float32 numbers."""
    return s * s, 8 * s * s


def product(s: int) -> tuple[int, int]:
    """Return FLOP and bytes of (s, s) @ (s, s) in float32."""
    return 2 * s**3, 12 * s * s


for s in (64, 4096):
    for action in (addition, product):
        seconds = parts("GPU", *action(s))
        slowest = max(seconds, key=seconds.get)
        print(f"size {s:4}, {action.__name__}: {slowest}-bound")

# %% regimes-figure
import matplotlib.pyplot as plt
import numpy as np

sizes = np.logspace(1.5, 4, 100)  # (100,)
figure, axes = plt.subplots(figsize=(5, 3.8), layout="constrained")
for action, style in ((addition, "--"), (product, "-")):
    times = [max(parts("GPU", *action(s)).values()) for s in sizes]
    axes.loglog(sizes, times, style, lw=2.5, label=action.__name__)
axes.text(40, 1.4e-5, "overhead-bound")
axes.text(2700, 2.2e-5, "memory-bound")
axes.text(230, 4e-3, "compute-bound")
axes.set_xlabel("size $s$ of the matrices")
axes.set_ylabel("modeled time of an operation in s")
axes.legend(loc="upper left")
plt.show()

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
    return counter.get_total_flops()


print(flop(lambda: X @ W.T), 2 * N * n * m)

# %% backward
X.requires_grad_()
W.requires_grad_()
H = X @ W.T  # (64, 50)
G = torch.randn(N, m).to(device)  # (64, 50), the gradient for H
print(flop(lambda: H.backward(G)), 2 * 2 * N * n * m)
print(torch.allclose(W.grad, G.T @ X, atol=1e-4))  # (50, 100)
print(torch.allclose(X.grad, G @ W, atol=1e-4))  # (64, 100)


# %% count
class Recorder(TorchDispatchMode):
    """Counts, while active, operations and the bytes that they touch."""

    def __init__(self):
        super().__init__()
        self.counts = Counter()
        self.nbytes = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        """Carry out an operation; count it, unless it is only a view."""
        result = func(*args, **(kwargs or {}))
        if func.namespace == "aten" and not func.is_view:
            self.counts[func.overloadpacket.__name__] += 1
            for each in tree_leaves((args, kwargs, result)):
                if isinstance(each, Tensor):
                    self.nbytes += each.nbytes  # read, or written
        return result


# %% training-step
inputs = torch.rand(341, 2).to(device)  # (341, 2), as large as the lab's
labels = (torch.rand(341, 1) < 0.4).float().to(device)  # (341, 1)
mean_loss = nn.BCELoss()


def make_step(*layers: nn.Module) -> Callable[[], None]:
    """Build a model; return a function that takes one training step."""
    model = nn.Sequential(*layers).to(device)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, foreach=False)

    def step() -> None:
        optimizer.zero_grad()
        loss = mean_loss(model(inputs), labels)
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
operations, nbytes = recorder.counts.total(), recorder.nbytes
print(operations, "operations,", nbytes, "bytes,", flop(step), "FLOP")


# %% intensity
def product_intensity(N: int, n: int, m: int) -> float:
    """Return the FLOP per byte of (N, n) @ (n, m) in float32."""
    return 2 * N * n * m / (4 * (N * n + n * m + N * m))


print(f"sum of two vectors:     {1 / (4 * 3):6.2f}")
print(f"(341, 2) @ (2, 2):      {product_intensity(341, 2, 2):6.2f}")
for s in (32, 256, 1024):
    name = f"size {s} squared:"
    print(f"{name:23} {product_intensity(s, s, s):6.2f}")

# %% fusion
a, b, c = torch.ones(3, 1_000_000).to(device)  # three vectors (1000000,)
with Recorder() as separate:
    two_steps = a + b * c
with Recorder() as fused:
    one_step = torch.addcmul(a, b, c)
print(torch.equal(two_steps, one_step))
print(dict(separate.counts), f"{separate.nbytes:,} bytes")
print(dict(fused.counts), f"{fused.nbytes:,} bytes")

# %% chips
chips = {  # FLOP/s in float64, float32, bfloat16 (tensor cores); bytes/s
    "A100 (2020)": (9.7e12, 19.5e12, 312e12, 1555e9),
    "H100 (2022)": (34e12, 67e12, 989e12, 3350e9),
    "RTX 4090 (2022)": (1.29e12, 82.6e12, 165.2e12, 1008e9),
    "MI300X (2023)": (81.7e12, 163.4e12, 1307.4e12, 5300e9),
    "B200 (2024)": (40e12, 80e12, 2250e12, 8000e9),
}
print("ridge in FLOP per byte:     float32  bfloat16   float64")
for name, (double, single, brain, bandwidth) in chips.items():
    ridges = f"{single / bandwidth:9.1f} {brain / bandwidth:9.1f}"
    print(f"{name:25} {ridges}      1/{single / double:.0f}")


# %% which-regime
def whole(action: Callable[[], object]) -> dict[str, float]:
    """Return the modeled parts of all that an action does on the GPU."""
    with Recorder() as recorder:
        action()
    seconds = parts("GPU", flop(action), recorder.nbytes)
    seconds["overhead"] *= recorder.counts.total()
    return seconds


net = nn.Sequential(nn.Linear(2, 1024), nn.ReLU(), nn.Linear(1024, 1024))
net.to(device)
few, many = torch.rand(1, 2).to(device), torch.rand(10_000, 2).to(device)
wide = torch.rand(10_000, 1024).to(device)  # (10000, 1024)
for name, action in {
    "network, 1 sample": lambda: net(few),
    "network, 10,000 samples": lambda: net(many),
    "ReLU alone, 10,000": lambda: torch.relu(wide),
}.items():
    seconds = whole(action)
    shown = (f"{part} {1e6 * sec:4.0f}" for part, sec in seconds.items())
    print(f"{name:23}", *shown)


# %% cost-model
def modeled(machine: str, operations: float, work: float) -> float:
    """Return the modeled seconds for operations with so much FLOP."""
    overhead, rate, _ = invented[machine]
    return overhead * operations + work / rate


for machine in invented:
    seconds = modeled(machine, operations, flop(step))
    print(f"{machine}: {seconds / MICRO:.1f} modeled microseconds")


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
    step_of_width = wide_step(width)  # built before anything is counted
    with Recorder() as recorder:
        step_of_width()
    wide_operations = recorder.counts.total()
    counted = flop(step_of_width)
    print(wide_operations, counted, counted == wide_work(width))


# %% crossover
def ratio(width: int, operations: float) -> float:
    """Return the modeled time on the GPU over that on the CPU."""
    work = wide_work(width)
    on_gpu = modeled("GPU", operations, work)
    return on_gpu / modeled("CPU", operations, work)


for width in (2, 16, 64, 128, 256, 1024):
    print(f"width {width:4}: {ratio(width, wide_operations):6.3f}")
crossing = next(w for w in range(1, 1000) if ratio(w, wide_operations) < 1)
print(crossing)

# %% crossover-figure
widths = np.unique(np.logspace(0, 3.5, 60).astype(int))
figure, axes = plt.subplots(figsize=(5, 3.8), layout="constrained")
for machine, style in (("CPU", "-"), ("GPU", "--")):
    times = [
        modeled(machine, wide_operations, wide_work(int(width)))
        for width in widths
    ]
    axes.loglog(widths, times, style, lw=2.5, label=f"modeled {machine}")
axes.axvline(crossing, color="gray", ls=":")
axes.text(crossing * 1.1, 5e-5, f"width {crossing}")
axes.set_xlabel("width of the two hidden layers")
axes.set_ylabel("modeled time of a step in s")
axes.legend()
plt.show()


# %% assumptions
def total(machine: str, width: int, combine: Callable) -> float:
    """Return the seconds of a step from all three parts."""
    step_of_width = wide_step(width)
    with Recorder() as recorder:
        step_of_width()
    seconds = parts(machine, wide_work(width), recorder.nbytes)
    seconds["overhead"] *= recorder.counts.total()
    return combine(seconds.values())


for combine in (sum, max):
    width = 1
    while total("GPU", width, combine) > total("CPU", width, combine):
        width += 1
    print(combine.__name__, width)


# %% amdahl
def speedup(f: float, p: float) -> float:
    """Return the gain if a share f of the time gets p times faster."""
    return 1 / ((1 - f) + f / p)


for f in (0.5, 0.9, 0.99):
    gains = [f"{speedup(f, p):5.1f}" for p in (10, 100, 1000)]
    print(f"share {f:.2f}:", *gains)


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
separate_time = measure(one_after_another)
print("more than 10 times faster:", 10 * together < separate_time)

# %% too-early
queue = ThreadPoolExecutor(max_workers=1)  # plays the GPU's queue
queue.submit(time.sleep, 0).result()  # warm-up

start = time.perf_counter()
task = queue.submit(time.sleep, 0.3)  # returns at once, like a launch
too_early = time.perf_counter() - start
still_running = not task.done()
task.result()  # waits, like synchronize
right = time.perf_counter() - start
queue.shutdown()
print("task still running at the early reading:", still_running)
print("at least 0.3 s after waiting:", right >= 0.3 > too_early)

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
        batch = data.to(device, copy=True)
print(recorder.counts["_to_copy"], "copies,", 100 * data.nbytes, "bytes")

# %% move-once
with Recorder() as recorder:
    moved_data = data.to(device, copy=True)
    for _ in range(100):
        batch = moved_data.to(device)
print(recorder.counts["_to_copy"], "copy,", data.nbytes, "bytes")

# %% exercise-flop
digits = nn.Sequential(nn.Linear(784, 300), nn.ReLU(), nn.Linear(300, 10))
images = torch.rand(64, 784)  # (64, 784)
first, second = 2 * 64 * 784 * 300, 2 * 64 * 300 * 10
print(flop(lambda: digits(images)), first + second)
print(flop(lambda: digits(images).sum().backward()), 2 * first + 3 * second)

# %% exercise-language
parameters = 7e9
traffic = 2 * parameters  # bytes: each weight is read, in bfloat16
*_, fastest, bandwidth = chips["H100 (2022)"]
moving, computing = traffic / bandwidth, 2 * parameters / fastest
print(f"memory {moving * 1e3:.2f} ms, compute {computing * 1e3:.3f} ms")
print(f"at most {1 / moving:.0f} words a second, one text at a time")
print(f"as long to compute as to move at {moving / computing:.0f} texts")

# %% exercise-fused
fewer = next(width for width in range(1, 1000) if ratio(width, 6) < 1)
print(f"{fewer} instead of {crossing}")
