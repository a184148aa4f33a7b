"""Monitoring a long run."""

# %% first-log
from pathlib import Path
from tempfile import TemporaryDirectory

from torch.utils.tensorboard import SummaryWriter

folder = TemporaryDirectory()
runs = Path(folder.name) / "runs"
with SummaryWriter(runs / "halves") as writer:
    for step in range(4):
        writer.add_scalar("value", 0.5**step, step)
files = list((runs / "halves").iterdir())
print(len(files), "file:", files[0].name.rpartition("tfevents")[0] + "…")

# %% first-read
from tensorboard.backend.event_processing.event_accumulator import (
    EventAccumulator,
)


def read(name: str) -> EventAccumulator:
    """Read all that the run of this name has logged."""
    everything = {"scalars": 0, "histograms": 0, "images": 0}
    log = EventAccumulator(str(runs / name), size_guidance=everything)
    log.Reload()
    return log


for event in read("halves").Scalars("value"):
    print(event.step, event.value)

# %% imports
import copy
import itertools
import math

import torch
from torch import nn
from torch.optim.lr_scheduler import CosineAnnealingLR
from torch.utils.data import DataLoader, TensorDataset

# %% borrow
from digits import load_parts

# %% run
(X_train, y_train), (X_val, y_val), _ = load_parts()
EPOCHS, BATCHES = 12, math.ceil(len(X_train) / 64)


class Run:
    """All that a training consists of."""

    def __init__(self, rate: float = 0.01, seed: int = 0) -> None:
        torch.manual_seed(seed)
        self.model = nn.Sequential(
            nn.Linear(64, 32), nn.ReLU(), nn.Dropout(0.2), nn.Linear(32, 10)
        )
        parameters = self.model.parameters()
        self.optimizer = torch.optim.AdamW(parameters, lr=rate)
        self.schedule = CosineAnnealingLR(self.optimizer, EPOCHS * BATCHES)
        self.chance = torch.Generator().manual_seed(seed)
        self.order = self.chance.get_state()  # where the epoch began
        self.place = self.step = 0  # batches of the epoch, steps in all
        self.best, self.lowest = None, math.inf


print(BATCHES, "batches an epoch,", EPOCHS * BATCHES, "steps in all")


# %% batches
def rest_of_epoch(run: Run) -> itertools.islice:
    """Give the batches of the epoch that are still to come."""
    run.chance.set_state(run.order)
    digits = TensorDataset(X_train, y_train)
    loader = DataLoader(digits, 64, shuffle=True, generator=run.chance)
    return itertools.islice(loader, run.place, None)


# %% evaluate
def evaluate(model: nn.Module) -> tuple[float, torch.Tensor]:
    """Give the validation objective, and which images are wrong (359,)."""
    model.eval()
    with torch.no_grad():
        z = model(X_val)  # (359, 10), logits
    return nn.functional.cross_entropy(z, y_val).item(), z.argmax(
        1
    ) != y_val


# %% report
def end_of_epoch(run: Run, writer: SummaryWriter) -> None:
    """Log the validation and the weights, and keep the best weights."""
    objective, wrong = evaluate(run.model)
    error = wrong.float().mean()
    writer.add_scalar("objective/validation", objective, run.step)
    writer.add_scalar("error/validation", error, run.step)
    for name, values in run.model.named_parameters():
        writer.add_histogram(name, values, run.step)
    if objective < run.lowest:
        run.lowest = objective
        run.best = copy.deepcopy(run.model.state_dict())


# %% train
def train(run: Run, writer: SummaryWriter, stop: int) -> None:
    """Go on until `stop` steps have been made in all."""
    while run.step < stop:
        run.model.train()
        for X, y in rest_of_epoch(run):
            if run.step == stop:
                return
            run.optimizer.zero_grad()
            loss = nn.functional.cross_entropy(run.model(X), y)
            loss.backward()
            run.optimizer.step()
            rate = run.schedule.get_last_lr()[0]
            run.schedule.step()
            run.place += 1
            run.step += 1
            writer.add_scalar("objective/training", loss.item(), run.step)
            writer.add_scalar("rate", rate, run.step)
        end_of_epoch(run, writer)
        run.order, run.place = run.chance.get_state(), 0


# %% three-runs
import warnings

trained = {}
for rate in (0.001, 0.01, 0.1):
    run = trained[rate] = Run(rate)
    with SummaryWriter(runs / f"rate {rate}") as writer:
        train(run, writer, stop=EPOCHS * BATCHES)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it uses the old torch.jit
            writer.add_graph(run.model.eval(), X_val[:1])
        wrong = evaluate(run.model)[1]
        shown = X_val[wrong][:8].reshape(-1, 8, 8)  # (8, 8, 8)
        strip = torch.cat(list(shown), dim=1)  # (8, 64), side by side
        writer.add_image("wrong", strip.unsqueeze(0), run.step)
        writer.add_hparams(
            {"rate": rate, "batch": 64},
            {"lowest objective": run.lowest},
            run_name=".",
        )

# %% tags
log = read("rate 0.01")
tags = log.Tags()
for kind in ("scalars", "histograms", "images"):
    print(f"{kind:10}", "\n           ".join(tags[kind]))
print("graph     ", tags["graph"])

# %% scalars
for rate in trained:
    events = read(f"rate {rate}").Scalars("objective/validation")
    every_third = [f"{event.value:.2f}" for event in events[2::3]]
    print(f"rate {rate:5}: ", *every_third)

# %% curves
import matplotlib.pyplot as plt

figure, axes = plt.subplots(figsize=(6, 3.8))
for rate, style in ((0.001, ":"), (0.01, "-"), (0.1, "--")):
    events = read(f"rate {rate}").Scalars("objective/validation")
    steps = [event.step for event in events]
    values = [event.value for event in events]
    axes.plot(steps, values, style, marker="o", label=f"rate {rate}")
axes.set(xlabel="step", ylabel="validation objective", yscale="log")
axes.legend()
plt.show()

# %% histograms
for event in log.Histograms("0.weight")[::11]:
    h = event.histogram_value
    mean = h.sum / h.num
    deviation = math.sqrt(h.sum_squares / h.num - mean**2)
    print(
        f"step {event.step:3}: {h.num:.0f} weights, spread {deviation:.2f}"
    )
weights = trained[0.01].model[0].weight
print(f"the model's own:         spread {weights.std(correction=0):.2f}")

# %% image
import io

event = log.Images("wrong")[0]
pixels = plt.imread(io.BytesIO(event.encoded_image_string))
wrong = evaluate(trained[0.01].model)[1]
strip = torch.cat(list(X_val[wrong][:8].reshape(-1, 8, 8)), dim=1)
off = (torch.tensor(pixels[:, :, 0]) - strip).abs().max()
print(pixels.shape, "off by less than 1/255:", bool(off < 1 / 255))

# %% graph
for node in log.Graph().node:
    if node.op.startswith("aten::"):
        print(f"{node.name.rpartition('/')[0]:22} {node.op}")

# %% hyperparameters
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

for rate in trained:
    log = read(f"rate {rate}")
    note = log.SummaryMetadata("_hparams_/session_start_info")
    data = HParamsPluginData.FromString(note.plugin_data.content)
    given = data.session_start_info.hparams
    result = log.Scalars("lowest objective")[0].value
    print(f"rate {given['rate'].number_value:5}: {result:.2f}")


# %% bar
def bar(done: int, total: int, seconds: float) -> str:
    """Show how far a run has come, and the time left at its pace."""
    full = 20 * done // total
    left = seconds / done * (total - done)
    return f"[{'#' * full:20}] {done:3}/{total}  {left:3.0f} s left"


for done in (17, 102, 187):
    print(bar(done, 204, seconds=0.5 * done))


# %% state
def state_of(run: Run) -> dict:
    """Give all that decides how the run goes on."""
    return {
        "model": run.model.state_dict(),
        "optimizer": run.optimizer.state_dict(),
        "schedule": run.schedule.state_dict(),
        "random": torch.get_rng_state(),
        "order": run.order,
        "place": run.place,
        "step": run.step,
        "best": run.best,
        "lowest": run.lowest,
    }


# %% resume
def resume(state: dict) -> Run:
    """Make a run that goes on where the saved one stood."""
    run = Run()
    run.model.load_state_dict(state["model"])
    run.optimizer.load_state_dict(state["optimizer"])
    run.schedule.load_state_dict(state["schedule"])
    run.order, run.place = state["order"], state["place"]
    run.step = state["step"]
    run.best, run.lowest = state["best"], state["lowest"]
    torch.set_rng_state(state["random"])
    return run


# %% save
import zipfile


def save(state: dict, path: Path) -> None:
    """Write the whole file under another name, then give it its own."""
    part = path.with_suffix(".part")
    torch.save(state, part)
    part.replace(path)


def load(path: Path) -> dict:
    """Read a checkpoint, or say what to do if it is not whole."""
    with path.open("rb") as file:
        if not zipfile.is_zipfile(file):
            hint = "delete it and resume from an older one"
            raise ValueError(f"{path.name} is cut off: {hint}")
    return torch.load(path, weights_only=True)


# %% interrupted
TOTAL = EPOCHS * BATCHES
whole = Run(seed=1)
with SummaryWriter(runs / "whole") as writer:
    train(whole, writer, stop=TOTAL)

run = Run(seed=1)
with SummaryWriter(runs / "parts") as writer:
    train(run, writer, stop=100)
save(state_of(run), runs / "step100.pt")
print(f"stopped after {run.step} steps, {run.place} batches into an epoch")

# %% resumed
again = resume(load(runs / "step100.pt"))
with SummaryWriter(runs / "parts") as writer:
    train(again, writer, stop=TOTAL)


# %% compared
def same(one: object, other: object) -> bool:
    """Compare two states, bit by bit."""
    if isinstance(one, torch.Tensor):
        return torch.equal(one, other)
    if isinstance(one, dict):
        pairs = [(one[key], other[key]) for key in one]
        return one.keys() == other.keys() and all(same(*p) for p in pairs)
    return one == other


for part, value in state_of(whole).items():
    print(f"{part:9} {same(value, state_of(again)[part])}")

# %% logs-compared
for tag in ("objective/training", "objective/validation", "rate"):
    one, other = (read(name).Scalars(tag) for name in ("whole", "parts"))
    values = [[event.value for event in log] for log in (one, other)]
    print(f"{tag:20} {len(one)} values, equal: {values[0] == values[1]}")

# %% left-out
for part in ("model", "optimizer", "schedule", "random", "order", "place"):
    state = load(runs / "step100.pt")
    state[part] = state_of(Run(seed=2))[part]  # as in a new run
    other = resume(state)
    with SummaryWriter(runs / f"without {part}") as writer:
        train(other, writer, stop=TOTAL)
    result = same(other.model.state_dict(), whole.model.state_dict())
    print(f"without {part:9} equal: {result}")

# %% best
model = Run().model
model.load_state_dict(trained[0.1].best)
print(f"the last weights {evaluate(trained[0.1].model)[0]:.2f}")
print(f"the best weights {evaluate(model)[0]:.2f}")


# %% nodes
def nodes_of(losses: list) -> set:
    """Give all nodes of the graphs that the losses still hold."""
    nodes = set()
    waiting = [loss.grad_fn for loss in losses if torch.is_tensor(loss)]
    while waiting:
        node = waiting.pop()
        if node is not None and node not in nodes:
            nodes.add(node)
            waiting += [below for below, _ in node.next_functions]
    return nodes


# %% kept-after
import weakref

from torch.autograd.graph import saved_tensors_hooks


class Kept:
    """Holds what a node has saved for the backward pass."""

    def __init__(self, tensor: torch.Tensor) -> None:
        self.tensor = tensor.detach()
        alive.add(self)


def kept_after(batches: int, keep, backward: bool) -> list:
    """Keep something of each loss, in a list."""
    losses, new = [], Run()
    with saved_tensors_hooks(Kept, lambda kept: kept.tensor):
        for X, y in itertools.islice(rest_of_epoch(new), batches):
            loss = nn.functional.cross_entropy(new.model(X), y)
            if backward:
                loss.backward()
            losses.append(keep(loss))
    return losses


# %% keep-losses
for name, keep, backward in (
    ("loss, after backward", lambda loss: loss, True),
    ("loss, no backward", lambda loss: loss, False),
    ("loss.item()", lambda loss: loss.item(), False),
):
    for batches in (5, 10):
        alive = weakref.WeakSet()
        losses = kept_after(batches, keep, backward)
        sizes = {k.tensor.data_ptr(): k.tensor.nbytes for k in alive}
        nodes = len(nodes_of(losses))
        size = sum(sizes.values())
        print(f"{name:20} {batches:2}: {size:6} bytes, {nodes} nodes")

# %% no-copy
run = Run(rate=0.1)
with SummaryWriter(runs / "no copy") as writer:
    train(run, writer, stop=TOTAL // 2)
    kept = run.model.state_dict()
    copied = copy.deepcopy(run.model.state_dict())
    print(f"half way:       {evaluate(run.model)[0]:.3f}")
    train(run, writer, stop=TOTAL)
for name, state in (("no copy", kept), ("copy", copied)):
    model = Run().model
    model.load_state_dict(state)
    print(f"kept, {name + ':':9} {evaluate(model)[0]:.3f}")

# %% untrusted
import os


class Surprise:
    """Looks like data, and runs a command when it is loaded."""

    def __reduce__(self):
        return os.makedirs, (str(runs / "made by the file"),)


found = runs / "found.pt"
torch.save({"model": Surprise()}, found)
torch.load(found, weights_only=False)
print("made:", [p.name for p in runs.glob("made*")])

# %% refused
import pickle

(runs / "made by the file").rmdir()
try:
    torch.load(found, weights_only=True)
except pickle.UnpicklingError as error:
    lines = str(error).splitlines()
    print(type(error).__name__)
    print(next(line for line in lines if "GLOBAL" in line).strip())
print("made:", [p.name for p in runs.glob("made*")])

# %% truncated
whole_file = (runs / "step100.pt").read_bytes()
cut = runs / "step150.pt"
cut.write_bytes(whole_file[: len(whole_file) // 2])
try:
    load(cut)
except ValueError as error:
    print(f"ValueError: {error}")

# %% gradient-norm
run = Run()
with SummaryWriter(runs / "norms") as writer:
    for step, (X, y) in enumerate(rest_of_epoch(run), 1):
        run.optimizer.zero_grad()
        nn.functional.cross_entropy(run.model(X), y).backward()
        squares = [(p.grad**2).sum() for p in run.model.parameters()]
        writer.add_scalar("gradient norm", sum(squares) ** 0.5, step)
        run.optimizer.step()
norms = [event.value for event in read("norms").Scalars("gradient norm")]
print(f"{len(norms)} norms, from {norms[0]:.2f} to {norms[-1]:.2f}")

# %% twice
for name, first in (("twice", None), ("once", 101)):
    run = Run(seed=1)
    with SummaryWriter(runs / name) as writer:
        train(run, writer, stop=120)  # the machine fails at 120
    run = resume(load(runs / "step100.pt"))
    with SummaryWriter(runs / name, purge_step=first) as writer:
        train(run, writer, stop=TOTAL)
    events = read(name).Scalars("objective/training")
    print(f"{name:5} {len(events)} values for {run.step} steps")


# %% rotate
def save_rotating(state: dict, home: Path, keep: int) -> None:
    """Save under the step's number; delete all but the newest files."""
    save(state, home / f"step{state['step']:06}.pt")
    for old in sorted(home.glob("step*.pt"))[:-keep]:
        old.unlink()


home = runs / "rotating"
run = Run()
with SummaryWriter(home) as writer:
    for stop in (50, 100, 150, 200):
        train(run, writer, stop)
        save_rotating(state_of(run), home, keep=2)
print(sorted(path.name for path in home.glob("*.pt")))


# %% simulation
def throw(state: dict, darts: int) -> dict:
    """Throw darts at a square; count those in the quarter circle."""
    chance = torch.Generator()
    chance.set_state(state["random"])
    places = torch.rand(darts, 2, generator=chance)
    inside = int((places.square().sum(1) < 1).sum())
    return {
        "thrown": state["thrown"] + darts,
        "inside": state["inside"] + inside,
        "random": chance.get_state(),
    }


start = torch.Generator().manual_seed(0).get_state()
state = {"thrown": 0, "inside": 0, "random": start}
for _ in range(4):
    state = throw(state, 1000)
print(state["thrown"], state["inside"])

# %% simulation-resumed
state = {"thrown": 0, "inside": 0, "random": start}
for _ in range(2):
    state = throw(state, 1000)
save(state, runs / "darts.pt")
state = load(runs / "darts.pt")
for _ in range(2):
    state = throw(state, 1000)
print(state["thrown"], state["inside"])
folder.cleanup()
