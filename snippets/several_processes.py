"""Several processes: one training, shared by two running programs."""

# %% picture
import matplotlib.pyplot as plt

figure, axes = plt.subplots(figsize=(6.4, 2.6))
axes.set(xlim=(0, 10), ylim=(0, 4))
axes.axis("off")
box = {"boxstyle": "round", "facecolor": "none", "edgecolor": "C0"}
arrow = {"arrowstyle": "->", "color": "C7"}
for height, rank in ((3.4, 0), (0.6, 1)):
    words = (f"samples\nof rank {rank}", f"copy {rank}\nof the model")
    words += (f"its own\ngradient {rank}", f"same step\nof copy {rank}")
    places = (1, 3.6, 6.2, 9)
    for place, text in zip(places, words, strict=True):
        axes.text(place, height, text, ha="center", va="center", bbox=box)
    for left, right in ((1.75, 2.75), (4.45, 5.35)):
        axes.annotate("", (right, height), (left, height), arrowprops=arrow)
    axes.annotate("", (8.15, height), (7.05, 2.0), arrowprops=arrow)
    side = 2.35 if rank == 0 else 1.65
    end = (6.2, height - 0.55 if rank == 0 else height + 0.55)
    axes.annotate("", (6.2, side), end, arrowprops=arrow)
bold = {"color": "C1", "weight": "bold"}
axes.text(6.2, 2, "mean", ha="center", va="center", **bold)
plt.show()

# %% imports
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
import torch.distributed as dist
from sklearn.datasets import load_breast_cancer
from torch import nn
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DistributedSampler, TensorDataset

# %% data
table, benign = load_breast_cancer(return_X_y=True)
X = torch.tensor(table)  # (569, 30), float64
X = (X - X.mean(0)) / X.std(0)
y = 1 - torch.tensor(benign).double()  # (569,), 1 if malignant


# %% model
def network() -> nn.Sequential:
    """Thirty features, eight hidden units, one logit."""
    torch.manual_seed(0)
    layers = [nn.Linear(30, 8), nn.Tanh(), nn.Linear(8, 1), nn.Flatten(0)]
    return nn.Sequential(*layers).double()


# %% gradient
def gradient(X: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Return the gradient of the mean loss, as one vector."""
    model = network()
    nn.BCEWithLogitsLoss()(model(X), y).backward()
    return torch.cat([p.grad.flatten() for p in model.parameters()])


# %% halves
whole = gradient(X[:32], y[:32])
first, second = gradient(X[:16], y[:16]), gradient(X[16:32], y[16:32])
mean_of_halves = (first + second) / 2
difference = (mean_of_halves - whole).abs().max()
print(f"{len(whole)} parameters")
print("same to 1e-12:", bool(difference < 1e-12))

# %% first-program
folder = TemporaryDirectory()
place = Path(folder.name)
(place / "average.py").write_text("""\
import torch
import torch.distributed as dist

dist.init_process_group("gloo")
rank, world = dist.get_rank(), dist.get_world_size()
value = torch.tensor([10.0 * (rank + 1)])
said = f"rank {rank} of {world}: {value.item()} became "
dist.all_reduce(value)  # the sum over all processes, in each of them
lines = [None] * world
dist.all_gather_object(lines, f"{said}{value.item()}")
for line in lines if rank == 0 else []:
    print(line)
dist.destroy_process_group()
""")


# %% launch
def launch(name: str, processes: int = 2, limit: float = 300) -> list[str]:
    """Run a program in so many processes; give the lines they print."""
    torchrun = [sys.executable, "-m", "torch.distributed.run"]
    options = ["--standalone", f"--nproc-per-node={processes}"]
    settings = {"cwd": place, "text": True}
    settings |= {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    settings["env"] = os.environ | {"OMP_NUM_THREADS": "1"}
    with subprocess.Popen([*torchrun, *options, name], **settings) as run:
        try:
            printed, complaints = run.communicate(timeout=limit)
        except subprocess.TimeoutExpired:
            run.terminate()  # torchrun ends what it has started
            message = f"{name}: not over after {limit} s"
            raise RuntimeError(message) from None
    if run.returncode:
        errors = [x for x in complaints.split("\n") if "Error: " in x]
        raise RuntimeError(f"{name} failed: {[*errors, complaints][0]}")
    return printed.splitlines()


# %% average
for line in launch("average.py"):
    print(line)

# %% program
(place / "train.py").write_text("""\
import os

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader, DistributedSampler, TensorDataset

dist.init_process_group("gloo")
data = TensorDataset(*torch.load("data.pt"))
sampler = DistributedSampler(data)
loader = DataLoader(data, batch_size=16, sampler=sampler)
torch.manual_seed(dist.get_rank())  # each starts elsewhere, on purpose
layers = [nn.Linear(30, 8), nn.Tanh(), nn.Linear(8, 1), nn.Flatten(0)]
model = DistributedDataParallel(nn.Sequential(*layers).double())
optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
for epoch in range(4):
    sampler.set_epoch(epoch)
    for X, y in loader:
        optimizer.zero_grad()
        nn.BCEWithLogitsLoss()(model(X), y).backward()
        optimizer.step()
if dist.get_rank() == 0:
    torch.save(model.module.state_dict(), "two.pt")
dist.barrier()
dist.destroy_process_group()
os._exit(0)  # Gloo's threads still run: Python must not end around them
""")

# %% train-by-two
X_train, y_train = X[:320], y[:320]
torch.save((X_train, y_train), place / "data.pt")
launch("train.py")
by_two = torch.load(place / "two.pt")

# %% train-by-one
data = TensorDataset(X_train, y_train)
samplers = [DistributedSampler(data, 2, rank) for rank in (0, 1)]
model = network()  # starts from seed 0, as rank 0 does
optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
for epoch in range(4):
    for sampler in samplers:
        sampler.set_epoch(epoch)
    shares = [torch.tensor(list(sampler)).split(16) for sampler in samplers]
    for rows in zip(*shares, strict=True):  # the two batches of one step
        both = torch.cat(rows)  # (32,)
        optimizer.zero_grad()
        logits = model(X_train[both])
        nn.BCEWithLogitsLoss()(logits, y_train[both]).backward()
        optimizer.step()

# %% compare
by_one = model.state_dict()
apart = max((by_two[name] - by_one[name]).abs().max() for name in by_one)
wrong = ((model(X[320:]) > 0) != (y[320:] == 1)).sum()
print("largest difference below 1e-6:", bool(apart < 1e-6))
print(f"errors on the other {len(X) - 320} samples: {wrong}")

# %% one-process-group
alone = {"store": dist.HashStore(), "rank": 0, "world_size": 1}
dist.init_process_group("gloo", **alone)
parallel = DistributedDataParallel(network())
handed_over = []


def count(state, bucket):
    """Note how many bytes come, and do what DDP does with them."""
    handed_over.append(bucket.buffer().nbytes)
    work = dist.all_reduce(bucket.buffer(), async_op=True).get_future()
    return work.then(lambda done: done.value()[0])


parallel.register_comm_hook(None, count)
nn.BCEWithLogitsLoss()(parallel(X[:16]), y[:16]).backward()
print("bytes handed over:", handed_over)
print("8 bytes for each parameter:", 8 * len(whole))
dist.destroy_process_group()

# %% ring-program
(place / "ring.py").write_text("""\
import torch
import torch.distributed as dist

dist.init_process_group("gloo")
rank, world = dist.get_rank(), dist.get_world_size()
mine = torch.arange(600.0) * (rank + 1)  # stands for a gradient
expected = mine.clone()
dist.all_reduce(expected)
parts, sent = list(mine.chunk(world)), 0
for turn in range(2 * (world - 1)):
    out, into = (rank - turn) % world, (rank - turn - 1) % world
    arrives = torch.empty_like(parts[into])
    sending = dist.isend(parts[out].clone(), (rank + 1) % world)
    dist.recv(arrives, (rank - 1) % world)
    sending.wait()
    sent += parts[out].nbytes
    adding = turn < world - 1  # first the sums are made, then passed around
    parts[into].copy_(parts[into] + arrives if adding else arrives)
same = torch.equal(torch.cat(parts), expected)
lines = [None] * world
said = f"rank {rank}: {sent} bytes, same sum: {same}"
dist.all_gather_object(lines, said)
for line in lines if rank == 0 else []:
    print(line)
dist.destroy_process_group()
""")

# %% ring
world = 3
for line in launch("ring.py", processes=world):
    print(line)
print("formula:", 2 * (world - 1) / world * 4 * 600)

# %% no-set-epoch
few = TensorDataset(torch.arange(8))
forgotten = DistributedSampler(few, num_replicas=2, rank=0)
orders = [list(forgotten) for epoch in range(3)]
print("forgotten:", *orders)
orders = []
for epoch in range(3):
    forgotten.set_epoch(epoch)
    orders.append(list(forgotten))
print("set:      ", *orders)

# %% unequal-program
(place / "unequal.py").write_text("""\
import os
from datetime import timedelta

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel

rank = int(os.environ["RANK"])  # torchrun sets it
patience = timedelta(seconds=60 if rank else 3)
dist.init_process_group("gloo", timeout=patience)
model = DistributedDataParallel(nn.Linear(1, 1))
try:
    for batch in range(3 - rank):  # rank 1 has one batch less
        model(torch.ones(4, 1)).sum().backward()
    if rank == 1:
        dist.barrier()  # waits for rank 0, which waits for a gradient
except RuntimeError as error:
    if rank == 0:
        print(str(error).rpartition("] ")[2], flush=True)
os._exit(0)  # the group is broken: nothing is left to tidy up
""")

# %% unequal
for line in launch("unequal.py"):
    print(line)

# %% mean-of-means
losses = [torch.tensor([0.2, 0.4, 0.6]), torch.tensor([2.0])]  # two shares
print(f"{torch.stack([each.mean() for each in losses]).mean():.2f}")
print(f"{torch.cat(losses).mean():.2f}")

# %% weighted
sums = torch.tensor([each.sum() for each in losses])  # one of each process
counts = torch.tensor([len(each) for each in losses])
print(f"{sums.sum() / counts.sum():.2f}")

# %% shares
few = TensorDataset(torch.arange(10))
for rank in (0, 1, 2):
    share = DistributedSampler(few, 3, rank, shuffle=False)
    print(f"rank {rank}: {list(share)}")

# %% padded
for size in (320, 341):
    dataset = TensorDataset(torch.arange(size))
    shares = [DistributedSampler(dataset, 2, rank) for rank in (0, 1)]
    together = [row for share in shares for row in share]
    print(f"{size}: {len(together)} drawn, {len(set(together))} different")

# %% traffic
for world in (2, 8, 64):
    print(f"{world}: {2 * (world - 1) / world * 4 * 25e6 / 1e6:.1f} MB")

# %% accumulate
model = network()
for part in range(4):  # batches of 8 stand for four processes
    rows = slice(8 * part, 8 * part + 8)
    loss = nn.BCEWithLogitsLoss()(model(X[rows]), y[rows])
    (loss / 4).backward()
accumulated = torch.cat([p.grad.flatten() for p in model.parameters()])
print("same to 1e-12:", bool((accumulated - whole).abs().max() < 1e-12))
