"""A CPU and a GPU, measured: launches, copies, products, training."""

# %% imports
import textwrap
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import matplotlib.pyplot as plt
import torch
from sklearn.datasets import load_breast_cancer
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks
from torch.func import functional_call, grad, vmap
from torch.utils._python_dispatch import TorchDispatchMode
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


for numbers in (1, 1000, 1_000_000, 10_000_000):
    cells = [
        f"{place.type} {micro(addition(numbers, place))}"
        for place in devices
    ]
    print(f"{numbers:10,} numbers:", *cells)


# %% copies
def copies(numbers: int) -> list[Measurement]:
    """Measure moving float32 numbers to the device, and back."""
    here = torch.rand(numbers)
    pinned = here.pin_memory() if device.type == "cuda" else here
    there = torch.empty(numbers, device=device)
    back = torch.empty(numbers)
    times = [
        timed(lambda: there.copy_(here)),
        timed(lambda: there.copy_(pinned, non_blocking=True)),
        timed(lambda: back.copy_(there)),
    ]
    assert torch.equal(back, here)
    return times


print("   numbers     there   pinned     back    in GB/s")
for numbers in (1, 1000, 100_000, 10_000_000):
    rates = [4 * numbers / each.median / GIGA for each in copies(numbers)]
    print(f"{numbers:10,}:", *(f"{rate:8.4f}" for rate in rates))


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
    "TF32": (torch.float32, "high", 2e-3),
    "bfloat16": (torch.bfloat16, "highest", 2e-2),
}


def products(place: torch.device, precision: str) -> dict[int, Measurement]:
    """Measure products of ever larger squares, until one takes 10 ms."""
    dtype, setting, allowed = PRECISIONS[precision]
    torch.set_float32_matmul_precision(setting)
    times: dict[int, Measurement] = {}
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
}
print("size  ", *(f"{kind:>10}" for kind, _ in speeds))
print("      ", *(f"{precision:>10}" for _, precision in speeds))
for size in sorted(set().union(*speeds.values())):
    row = [
        f"{speed[size]:10,.1f}" if size in speed else f"{'-':>10}"
        for speed in speeds.values()
    ]
    print(f"{size:6}", *row)

# %% products-figure
figure, axes = plt.subplots(figsize=(5, 3.8), layout="constrained")
styles = {"float32": "-", "TF32": "--", "bfloat16": ":"}
for number, ((kind, precision), speed) in enumerate(speeds.items()):
    color = "C0" if number < len(PRECISIONS) else "C1"
    axes.loglog(
        list(speed),
        list(speed.values()),
        styles[precision],
        color=color,
        marker="o",
        label=f"{kind}, {precision}",
    )
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
    common = sorted(set(times) & set(than), reverse=True)
    found_size = None
    for size in common:
        if times[size] > 0.9 * than[size]:
            break
        found_size = size
    return f"from size {found_size} on" if found_size else "at no size"


# %% crossing
on_cpu, on_device = [
    {
        size: 2 * size**3 / speed / GIGA
        for size, speed in speeds[key].items()
    }
    for key in ((cpu.type, "float32"), (device.type, "float32"))
]
moved = {size: there_and_back(size).median for size in on_cpu}
print(
    f"{device} faster than the CPU, data there already:",
    first_faster(on_device, on_cpu),
)
print(
    f"{device} faster than the CPU, data there and back:",
    first_faster(moved, on_cpu),
)

# %% crossing-figure
figure, axes = plt.subplots(figsize=(5, 3.8), layout="constrained")
curves = {cpu.type: on_cpu, device.type: on_device, "there and back": moved}
for (name, curve), style in zip(curves.items(), "sox", strict=False):
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

    def __init__(self, place: torch.device, dtype: Any = torch.float32):
        self.model = network().to(place, dtype)
        self.X, self.y = X.to(place, dtype), y.to(place, dtype)
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=0.01)

    def loss(self) -> Tensor:
        """Give the mean loss, shape ()."""
        value: Tensor = mean_loss(self.model(self.X), self.y)
        return value

    def step(self) -> None:
        """Take one step of gradient descent."""
        loss = self.loss()
        self.optimizer.zero_grad()
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
    trainer = Trainer(place)
    plain[place.type] = checked(trainer, trainer.step)
    print(f"{place.type}: {micro(plain[place.type])} microseconds a step")


# %% compiled
def compiled(trainer: Trainer) -> Callable[[], None]:
    """Give a step whose loss PyTorch has compiled."""
    generate = device.type != "cpu"  # code for the CPU needs a C++ compiler
    backend = "inductor" if generate else "aot_eager"
    loss_of = torch.compile(trainer.loss, backend=backend)

    def step() -> None:
        loss = loss_of()
        trainer.optimizer.zero_grad()
        loss.backward()
        trainer.optimizer.step()

    return step


trainer = Trainer(device)
print(
    f"compiled: {micro(checked(trainer, compiled(trainer)))} microseconds"
)


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


trainer = Trainer(device)
print(
    f"captured: {micro(checked(trainer, captured(trainer.step)))}"
    " microseconds"
)


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
        value: Tensor = mean_loss(p, self.y)
        return value

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


alone = 1 / plain[device.type].median  # steps a second
print("   seeds   microseconds a step   seed-steps a second    gain")
seeds, seconds = 1, 0.0
while seconds < 3 * MILLI:
    measured = side_by_side(seeds)
    seconds = measured.median
    rate = seeds / seconds
    times = micro(measured)
    print(f"{seeds:8,} {times:>21} {rate:21,.0f} {rate / alone:7,.1f}")
    seeds *= 10


# %% kept
class Kept(saved_tensors_hooks):
    """Counts, while active, the bytes that are kept for a backward pass."""

    def __init__(self) -> None:
        self.sizes: dict[int, int] = {}
        super().__init__(self.keep, lambda tensor: tensor)

    def keep(self, tensor: Tensor) -> Tensor:
        """Note a tensor that will be needed; each memory counts once."""
        self.sizes[tensor.untyped_storage().data_ptr()] = tensor.nbytes
        return tensor

    @property
    def total(self) -> int:
        """The bytes that are kept."""
        return sum(self.sizes.values())


# %% deep
torch.manual_seed(0)
blocks = [
    nn.Sequential(nn.Linear(256, 256), nn.Sigmoid()) for _ in range(10)
]
deep = nn.Sequential(*blocks).to(device)
held = sum(p.nbytes for p in deep.parameters())
print(f"parameters {held:12,} bytes")
for samples in (64, 1024, 16384):
    x = torch.zeros(samples, 256, device=device)
    kept = Kept()
    with kept:
        result = deep(x).sum()
    print(f"{samples:6,} samples {kept.total:11,} bytes kept")

# %% kept-by-hand
weights = 9 * 256 * 256 * 4
outputs = 10 * 16384 * 256 * 4
inputs = 16384 * 256 * 4
print(f"{weights + outputs + inputs:,} bytes")


# %% peak
def peak(action: Callable[[], object]) -> str:
    """Say how many bytes the device has held at once, if it counts them."""
    if device.type not in ("cuda", "xpu"):
        action()
        return f"{device.type} does not count"
    torch.accelerator.reset_peak_memory_stats()
    before = torch.accelerator.memory_allocated()
    action()
    most = torch.accelerator.max_memory_allocated() - before
    return f"{most:,} bytes more"


x = torch.zeros(16384, 256, device=device)
print("forward and backward: ", peak(lambda: deep(x).sum().backward()))
with torch.no_grad():
    print("forward, no gradient: ", peak(lambda: deep(x).sum()))


# %% traffic
class Traffic(TorchDispatchMode):
    """Counts, while active, the bytes that operations read and write."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # PyTorch's
        self.total = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        """Add what goes in and comes out, but for views; carry it out."""
        result = func(*args, **(kwargs or {}))
        if not func.is_view:
            tensors = torch.utils._pytree.tree_leaves(
                (args, kwargs, result)
            )
            self.total += sum(
                each.nbytes for each in tensors if isinstance(each, Tensor)
            )
        return result


# %% work-and-traffic
def work_and_traffic(action: Callable[[], object]) -> tuple[int, int]:
    """Count an action's FLOP in matrix products, and all its bytes."""
    with FlopCounterMode(display=False) as counter, Traffic() as traffic:
        action()
    return int(counter.get_total_flops()), traffic.total


lab = Trainer(device)
print(*work_and_traffic(lab.step))


# %% bandwidth
def copy_speed() -> float:
    """Measure copies of ever more numbers until one takes 3 ms, in GB/s."""
    numbers, seconds, speed = 2**20, 0.0, 0.0
    while seconds < 3 * MILLI:
        source = torch.rand(numbers, device=device)
        target = torch.empty_like(source)
        seconds = timed(partial(target.copy_, source)).median
        assert torch.equal(source, target)
        speed = 2 * source.nbytes / seconds / GIGA  # read, and written
        numbers *= 2
    return speed


bandwidth = copy_speed()
rate = max(speeds[device.type, "float32"].values())
print(f"memory {bandwidth:10,.1f} GB/s")
print(f"float32 {rate:9,.1f} GFLOP/s")
print(f"both busy at {rate / bandwidth:.1f} FLOP per byte")


# %% workloads
def square(size: int) -> Callable[[], Tensor]:
    """Give a product of two squares on the device."""
    A = torch.randn(size, size, device=device)
    return lambda: A @ A


hundred = Many(100, device)
workloads: dict[str, Callable[[], object]] = {
    "lab, 1 network": lab.step,
    "lab, 100 networks": hundred.step,
    "deep network, 1024 samples": lambda: deep(x[:1024]),
    "product, size 32": square(32),
    "product, size 256": square(256),
    "product, size 1024": square(1024),
}
points = {}
for name, action in workloads.items():
    work, traffic = work_and_traffic(action)
    points[name] = work / traffic, work / timed(action).median / GIGA
    print(
        f"{name:26} {points[name][0]:7.2f} FLOP per byte"
        f" {points[name][1]:12,.2f} GFLOP/s"
    )

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


# %% attempt
def attempt(action: Callable[[], object]) -> None:
    """Carry out an action; print what it returns, or its error."""
    try:
        print(action())
    except RuntimeError as error:
        line = f"{type(error).__name__}: {error}"
        print(textwrap.fill(line, 72))


# %% too-large
attempt(lambda: torch.empty(10**15, device=device))

# %% too-large-repaired
needed = 4 * 10**15
part = torch.empty(10**6, device=device)
print(f"{needed // part.nbytes:,} parts of {part.nbytes:,} bytes")

# %% no-grad-forgotten
x = torch.zeros(1024, 256, device=device)
kept = Kept()
with kept:
    total = torch.zeros((), device=device)
    for _ in range(10):  # ten batches of a validation set
        total += deep(x).sum()
print(f"{kept.total:,} bytes kept")

# %% no-grad
kept = Kept()
with kept, torch.no_grad():
    total = torch.zeros((), device=device)
    for _ in range(10):
        total += deep(x).sum()
print(f"{kept.total:,} bytes kept")

# %% bfloat16-sum
ones = torch.ones(1000, dtype=torch.bfloat16, device=device)
total = torch.zeros((), dtype=torch.bfloat16, device=device)
for one in ones:
    total = total + one
print(total.item(), ones.sum().item(), ones.sum(dtype=torch.float32).item())

# %% exercise-impossible
work = 2 * 8192**3
told = work / 5e-6  # FLOP/s
print(f"{work:,} FLOP in 5 microseconds: {told / 1e15:.0f} PFLOP/s")
print(f"{told / 19.5e12:,.0f} times an A100")

# %% exercise-memory
for samples in (64, 1024, 16384):
    activations = 10 * samples * 256 * 4
    print(f"{samples:6,} {activations / held:8.2f} times the parameters")
print(f"as much from {held / (10 * 256 * 4):.0f} samples on")


# %% exercise-check
def wrong_product(A: Tensor, B: Tensor) -> Tensor:
    """Give A B, but for one number which is 0."""
    C = A @ B
    C[3, 5] = 0
    return C


torch.manual_seed(0)
A, B = torch.randn(2, 64, 64)
print(relative_error(A, B, A @ B) < 1e-5)
print(relative_error(A, B, wrong_product(A, B)) < 1e-5)

# %% exercise-gain
launch, work_time = 100 * MICRO, 0.01 * MICRO  # invented, not measured
for seeds in (1, 100, 10_000, 1_000_000):
    gain = seeds * (launch + work_time) / (launch + seeds * work_time)
    print(f"{seeds:9,} networks: {gain:8.1f} times the seed-steps")
