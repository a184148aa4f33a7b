"""What a device really does: overhead, bandwidth, arithmetic, memory."""

# %% imports
import time
from collections import Counter
from collections.abc import Callable
from functools import partial

import torch
from sklearn.datasets import load_breast_cancer
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks
from torch.func import functional_call, grad, vmap
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.benchmark import Measurement, Timer
from torch.utils.flop_counter import FlopCounterMode

# %% devices
cpu = torch.device("cpu")
found = torch.accelerator.current_accelerator(check_available=True)
devices = [cpu, found] if found else [cpu]
device = devices[-1]
print(*devices)

# %% timed
MICRO, MILLI, GIGA = 1e-6, 1e-3, 1e9


def timed(action: Callable[[], object]) -> Measurement:
    """Measure an action many times, waiting for the device each time."""
    threads = torch.get_num_threads()
    timer = Timer("act()", globals={"act": action}, num_threads=threads)
    once = timer.timeit(1).median  # after two runs to warm up
    return timer.blocked_autorange(min_run_time=max(0.05, 20 * once))


def micro(measured: Measurement) -> str:
    """Write the median, and the spread of the middle half, in us."""
    middle, spread = measured.median / MICRO, measured.iqr / MICRO
    return f"{middle:10,.1f} ({spread:,.1f})"


# %% too-early
def synchronize() -> None:
    """Wait until the accelerator, if there is one, has done its work."""
    if found:
        torch.accelerator.synchronize()


A = torch.randn(1024, 1024, device=device)
for _ in range(3):  # warm-up
    A @ A
synchronize()
start = time.perf_counter()
for _ in range(20):
    A @ A
too_early = time.perf_counter() - start
synchronize()
right = time.perf_counter() - start
print(f"clock read at once:            {too_early / MILLI:8.3f} ms")
print(f"clock read after synchronize:  {right / MILLI:8.3f} ms")


# %% launches
def addition(numbers: int, place: torch.device) -> Measurement:
    """Measure adding 1 to so many numbers, in their own memory."""
    x = torch.zeros(numbers, device=place)
    measured = timed(lambda: x.add_(1))
    assert x.min() == x.max() > 1  # every number, every time
    return measured


for place in devices:
    for numbers in (1, 1000, 100_000, 1_000_000, 10_000_000):
        measured = addition(numbers, place)
        rate = 8 * numbers / measured.median / GIGA  # read, and written
        print(f"{place.type} {numbers:10,} {micro(measured)} {rate:8.3f}")


# %% copies
def copies(numbers: int) -> dict[str, Measurement]:
    """Measure copies of float32 numbers, by where they go."""
    here, back = torch.rand(numbers), torch.empty(numbers)
    times = {"cpu to cpu": timed(lambda: back.copy_(here))}
    if device.type != "cpu":
        there = torch.empty(numbers, device=device)
        times[f"cpu to {device.type}"] = timed(lambda: there.copy_(here))
        times[f"{device.type} to cpu"] = timed(lambda: back.copy_(there))
    if device.type == "cuda":
        pinned = here.pin_memory()
        times["pinned to cuda"] = timed(
            lambda: there.copy_(pinned, non_blocking=True)
        )
    assert torch.equal(back, here)
    return times


for numbers in (1, 1000, 100_000, 10_000_000):
    for route, measured in copies(numbers).items():
        rate = 4 * numbers / measured.median / GIGA
        print(f"{route:14} {numbers:10,} numbers {rate:9.4f} GB/s")


# %% relative-error
def relative_error(A: Tensor, B: Tensor, C: Tensor) -> float:
    """Estimate the relative error of C = A B, all (n, n), in float64."""
    signs = 2.0 * torch.randint(0, 2, (len(A), 1)) - 1  # (n, 1)
    v = signs.double()
    exact = A.cpu().double() @ (B.cpu().double() @ v)  # (n, 1)
    given = C.cpu().double() @ v  # (n, 1)
    return float((given - exact).norm() / exact.norm())


# %% precisions
PRECISIONS = {  # dtype, what float32 products may use, allowed error
    "float32": (torch.float32, "highest", 1e-5),
    "bfloat16": (torch.bfloat16, "highest", 2e-2),
}
if device.type == "cuda":
    PRECISIONS["TF32"] = (torch.float32, "high", 2e-3)


def products(place: torch.device, precision: str) -> dict[int, Measurement]:
    """Measure products of ever larger squares, until one takes 10 ms."""
    dtype, setting, allowed = PRECISIONS[precision]
    torch.set_float32_matmul_precision(setting)
    times = {}
    size = 32
    while size <= 32 or times[size // 2].median < 10 * MILLI:
        A = torch.randn(size, size, device=place)
        B = torch.randn(size, size, device=place)
        product = partial(torch.matmul, A.to(dtype), B.to(dtype))
        times[size] = timed(product)
        assert relative_error(A, B, product()) < allowed
        size *= 2
    torch.set_float32_matmul_precision("highest")
    return times


# %% products
speeds = {  # in GFLOP/s
    (place.type, precision): {
        size: 2 * size**3 / measured.median / GIGA
        for size, measured in products(place, precision).items()
    }
    for place in devices
    for precision in PRECISIONS
    if place.type == "cuda" or precision != "TF32"
}
for (kind, precision), speed in speeds.items():
    print(kind, precision)
    print("  size   ", *(f"{size:8}" for size in speed))
    print("  GFLOP/s", *(f"{each:8,.0f}" for each in speed.values()))

# %% products-figure
import matplotlib.pyplot as plt

figure, axes = plt.subplots(figsize=(5, 3.8), layout="constrained")
styles = {"float32": "-", "TF32": "--", "bfloat16": ":"}
for (kind, precision), speed in speeds.items():
    style = f"{'C0' if kind == 'cpu' else 'C1'}o{styles[precision]}"
    label = f"{kind}, {precision}"
    axes.loglog(list(speed), list(speed.values()), style, label=label)
axes.set_xlabel("size of the matrices")
axes.set_ylabel("GFLOP/s")
axes.legend()
plt.show()


# %% there-and-back
def there_and_back(size: int) -> Measurement:
    """Measure a product whose factors and result lie in the main memory."""
    A, B = torch.randn(size, size), torch.randn(size, size)

    def action() -> Tensor:
        return (A.to(device) @ B.to(device)).cpu()

    measured = timed(action)
    assert relative_error(A, B, action()) < 1e-5
    return measured


def first_faster(times: dict[int, float], than: dict[int, float]) -> str:
    """Name the size from which on all times are shorter by a tenth."""
    first = None
    for size in sorted(set(times) & set(than), reverse=True):
        if times[size] > 0.9 * than[size]:
            break
        first = size
    return f"from size {first} on" if first else "at no size"


# %% crossing
seconds = {
    (kind, precision): {
        n: 2 * n**3 / each / GIGA for n, each in speed.items()
    }
    for (kind, precision), speed in speeds.items()
}
on_cpu = seconds["cpu", "float32"]
moved = {size: there_and_back(size).median for size in on_cpu}
curves = {"bfloat16 on the CPU": seconds["cpu", "bfloat16"]}
if device.type != "cpu":
    curves[f"float32 on {device.type}"] = seconds[device.type, "float32"]
    curves[f"float32 on {device.type} and back"] = moved
for name, curve in curves.items():
    print(f"{name}: faster {first_faster(curve, on_cpu)}")

# %% crossing-figure
figure, axes = plt.subplots(figsize=(5, 3.8), layout="constrained")
shown = {"float32 on the CPU": on_cpu, **curves}
for (name, curve), style in zip(shown.items(), "sodx", strict=False):
    axes.loglog(list(curve), list(curve.values()), marker=style, label=name)
axes.set_xlabel("size of the matrices")
axes.set_ylabel("time of a product in s")
axes.legend()
plt.show()

# %% lab-data
cancer = load_breast_cancer()
X = torch.tensor(cancer.data[:341, :2]).float()  # (341, 2)
y = torch.tensor(cancer.target[:341, None] == 0).float()  # (341, 1)
mean_loss = nn.BCELoss()


# %% network
def network() -> nn.Sequential:
    """Make the lab's network; every number is drawn from N(0, 1)."""
    model = nn.Sequential(
        nn.Linear(2, 2), nn.Sigmoid(), nn.Linear(2, 1), nn.Sigmoid()
    )
    torch.manual_seed(0)
    for parameter in model.parameters():
        nn.init.normal_(parameter)
    return model


# %% trainer
class Trainer:
    """The lab's training: a network, its data, and steps."""

    def __init__(self, place, dtype=torch.float32, copies=1):
        self.model = network().to(place, dtype)
        self.X = X.repeat(copies, 1).to(place, dtype)
        self.y = y.repeat(copies, 1).to(place, dtype)
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=0.01)

    def loss(self) -> Tensor:
        """Give the mean loss, shape ()."""
        return mean_loss(self.model(self.X), self.y)

    def step(self) -> None:
        """Take one step of gradient descent."""
        self.optimizer.zero_grad()
        loss = self.loss()
        loss.backward()
        self.optimizer.step()


# %% checked
exact = Trainer(cpu, torch.float64)
for _ in range(100):
    exact.step()


def checked(trainer: Trainer, step: Callable[[], object]) -> Measurement:
    """Measure a step, after 100 of them have given what float64 gives."""
    trainer.model.load_state_dict(network().state_dict())
    for _ in range(100):
        step()
    for got, expected in zip(
        trainer.model.parameters(), exact.model.parameters(), strict=True
    ):
        torch.testing.assert_close(
            got.detach().cpu().double(), expected, atol=1e-4, rtol=1e-3
        )
    return timed(step)


# %% loop
plain = {}
for place in devices:
    for copies_of in (1, 10):
        trainer = Trainer(place, copies=copies_of)
        measured = checked(trainer, trainer.step)
        plain[place.type, copies_of] = measured
        print(f"{place.type} {341 * copies_of:5} samples {micro(measured)}")


# %% by-hand
def by_hand(trainer: Trainer) -> Callable[[], None]:
    """Give a step whose derivatives are worked out by hand."""
    W1, b1, W2, b2 = (p.detach() for p in trainer.model.parameters())
    X, y = trainer.X, trainer.y

    def step() -> None:
        h = torch.sigmoid(torch.addmm(b1, X, W1.T))  # (341, 2)
        p = torch.sigmoid(torch.addmm(b2, h, W2.T))  # (341, 1)
        g2 = (p - y) / len(X)  # (341, 1), for the last affine part
        g1 = g2 @ W2 * h * (1 - h)  # (341, 2), for the first
        W2.sub_(g2.T @ h, alpha=0.01)
        b2.sub_(g2.sum(0), alpha=0.01)
        W1.sub_(g1.T @ X, alpha=0.01)
        b1.sub_(g1.sum(0), alpha=0.01)

    return step


# %% captured
def captured(step: Callable[[], None]) -> Callable[[], None]:
    """Give a function that launches all of a step at once, if it can."""
    if device.type != "cuda":
        return step
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):  # warm-up
        for _ in range(3):
            step()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()  # is recorded, not carried out
    return graph.replay


# %% ways
trainer, fused = Trainer(device), Trainer(device)
ways = {"as written": (trainer, trainer.step)}
ways["by hand"] = trainer, by_hand(trainer)
if device.type != "cpu":
    fused.loss = torch.compile(fused.loss)
    ways["compiled"] = fused, fused.step
if device.type == "cuda":
    ways["captured"] = trainer, captured(trainer.step)
for name, (trained, step) in ways.items():
    print(f"{name:10} {micro(checked(trained, step))}")


# %% many
class Many:
    """So many of the lab's networks, trained side by side."""

    def __init__(self, seeds: int, place: torch.device):
        self.model = network().to(place)
        self.X, self.y = X.to(place), y.to(place)
        torch.manual_seed(1)
        self.parameters = {
            name: torch.randn(seeds, *parameter.shape).to(place)
            for name, parameter in self.model.named_parameters()
        }
        for name, parameter in self.model.named_parameters():
            self.parameters[name][0] = parameter.detach()
        self.gradients = vmap(grad(self.loss))

    def loss(self, parameters: dict[str, Tensor]) -> Tensor:
        """Give the mean loss, shape (), of one network's parameters."""
        p = functional_call(self.model, parameters, (self.X,))
        return mean_loss(p, self.y)

    def step(self) -> None:
        """Take one step of gradient descent with every network."""
        for name, gradient in self.gradients(self.parameters).items():
            self.parameters[name] -= 0.01 * gradient


# %% many-checked
def side_by_side(seeds: int) -> Measurement:
    """Measure a step of so many networks; the first must be right."""
    many = Many(seeds, device)
    for _ in range(100):
        many.step()
    for name, expected in exact.model.named_parameters():
        got = many.parameters[name][0].cpu().double()
        torch.testing.assert_close(got, expected, atol=1e-4, rtol=1e-3)
    return timed(captured(many.step))


alone = 1 / plain[device.type, 1].median  # steps a second
print("   seeds   microseconds a step    gain")
seeds, spent = 1, 0.0
while seeds <= 100 or spent < 3 * MILLI:
    measured = side_by_side(seeds)
    spent = measured.median
    gain = seeds / spent / alone
    print(f"{seeds:8,} {micro(measured):>21} {gain:7.1f}")
    seeds *= 10


# %% kept
def kept(action: Callable[[], Tensor]) -> int:
    """Count the bytes that an action keeps for a backward pass."""
    sizes = {}  # by memory, so that each counts once

    def keep(tensor: Tensor) -> Tensor:
        sizes[tensor.untyped_storage().data_ptr()] = tensor.nbytes
        return tensor

    with saved_tensors_hooks(keep, lambda tensor: tensor):
        result = action()  # held, so that no memory is used twice
    del result
    return sum(sizes.values())


# %% deep
torch.manual_seed(0)
blocks = [
    nn.Sequential(nn.Linear(256, 256), nn.Sigmoid()) for _ in range(10)
]
deep = nn.Sequential(*blocks).to(device)


def summed(x: Tensor) -> Tensor:
    """Give the sum of the network's outputs, shape ()."""
    return deep(x).sum()


held = sum(p.nbytes for p in deep.parameters())
print(f"parameters {held:12,} bytes")
for samples in (64, 1024, 16384):
    x = torch.zeros(samples, 256, device=device)
    print(f"{samples:6,} samples {kept(partial(summed, x)):11,} bytes")
with torch.no_grad():
    print(f"without gradients {kept(partial(summed, x)):5,} bytes")


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


# %% work-and-traffic
def work_and_traffic(action: Callable[[], object]) -> tuple[int, int]:
    """Count an action's FLOP in matrix products, and all its bytes."""
    with FlopCounterMode(display=False) as counter, Recorder() as recorder:
        action()
    return counter.get_total_flops(), recorder.nbytes


lab = Trainer(device)
print(*work_and_traffic(lab.step))


# %% bandwidth
source = torch.zeros(2**26, device=device)  # 256 MiB
target = torch.empty_like(source)
copied = timed(lambda: target.copy_(source)).median
bandwidth = 2 * source.nbytes / copied / GIGA  # read, and written
rate = max(speeds[device.type, "float32"].values())
print(f"memory {bandwidth:10,.1f} GB/s")
print(f"float32 {rate:9,.1f} GFLOP/s")
print(f"ridge {rate / bandwidth:11.1f} FLOP per byte")


# %% workloads
def square(size: int) -> Callable[[], Tensor]:
    """Give a product of two squares on the device."""
    A = torch.randn(size, size, device=device)
    return lambda: A @ A


x = torch.zeros(1024, 256, device=device)
workloads = {
    "lab, 1 network": lab.step,
    "lab, 100 networks": Many(100, device).step,
    "deep network, 1024 samples": partial(deep, x),
    "product, size 32": square(32),
    "product, size 256": square(256),
    "product, size 1024": square(1024),
}
points = {}
for name, action in workloads.items():
    work, traffic = work_and_traffic(action)
    points[name] = work / traffic, work / timed(action).median / GIGA
    intensity, reached = points[name]
    share = reached / min(rate, bandwidth * intensity)
    print(f"{name:26} {intensity:7.2f} {reached:9,.2f} {share:8.1%}")

# %% roofline
figure, axes = plt.subplots(figsize=(5, 3.8), layout="constrained")
intensities = [2.0**power for power in range(-6, 9)]
roof = [min(rate, bandwidth * each) for each in intensities]
axes.loglog(intensities, roof, color="C0", lw=2.5, label="the roof")
for number, (intensity, reached) in enumerate(points.values(), 1):
    axes.loglog([intensity], [reached], "o", color="C1")
    axes.text(intensity * 1.15, reached, f"{number}")
axes.set_xlabel("FLOP per byte")
axes.set_ylabel("GFLOP/s")
axes.legend()
plt.show()

# %% too-large
try:
    torch.empty(10**15, device=device)
except RuntimeError:
    print(f"refused: {4 * 10**15:,} bytes")

# %% in-parts
x = torch.rand(4096, 256).to(device)  # (4096, 256)


def gradients(parts: int) -> list[Tensor]:
    """Return the gradients of the mean, added up over so many parts."""
    deep.zero_grad()
    for part in x.chunk(parts):  # each (4096 / parts, 256)
        (summed(part) / len(x)).backward()
    return [p.grad.clone() for p in deep.parameters()]


print(all(map(torch.allclose, gradients(1), gradients(16))))
for parts in (1, 16):
    size = kept(partial(summed, x.chunk(parts)[0]))
    print(f"{parts:2} parts: {size:10,} bytes")

# %% bfloat16
steps = torch.full((500,), 0.001, device=device)
for dtype in (torch.bfloat16, torch.float32):
    weight = torch.ones((), dtype=dtype, device=device)
    for step in steps.to(dtype):
        weight -= step
    print(dtype, f"{weight.item():.3f}")

# %% exercise-impossible
work = 2 * 8192**3
told = work / 5e-6  # FLOP/s
print(f"{work:,} FLOP in 5 microseconds: {told / 1e15:.0f} PFLOP/s")
print(f"{told / 2250e12:.0f} times the peak of a B200")

# %% exercise-memory
for samples in (64, 1024, 16384):
    activations = 10 * samples * 256 * 4
    print(f"{samples:6,} {activations / held:8.2f} times the parameters")
print(f"as much from {held / (10 * 256 * 4):.0f} samples on")


# %% exercise-check
torch.manual_seed(0)
A, B = torch.randn(2, 64, 64)
C = A @ B
print(relative_error(A, B, C) < 1e-5)
C[3, 5] = 0
print(relative_error(A, B, C) < 1e-5)
