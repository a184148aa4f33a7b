"""The mathematics of the chapter "Several processes"."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.distributed as dist
from torch import nn
from torch.utils.data import DistributedSampler, TensorDataset

Run = Callable[[str], Any]

distributed: Any = dist  # whose stores the type checker does not see

#: Two processes, told apart by their argument, that meet in a file of this folder.
PAIR = """
import json, os, sys
import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel

rank = int(sys.argv[1])
dist.init_process_group("gloo", init_method=f"file://{sys.argv[2]}/meet",
                        rank=rank, world_size=2)
torch.manual_seed(rank)
plain = nn.Linear(3, 1).double()
own = plain.weight.tolist()
model = DistributedDataParallel(plain)
kept = {"own": own, "start": plain.weight.tolist(), "steps": []}
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
chance = torch.Generator().manual_seed(100 + rank)
for step in range(5):
    x = torch.randn(4, 3, generator=chance, dtype=torch.float64)
    optimizer.zero_grad()
    loss = model(x).square().mean()
    loss.backward()
    kept["steps"].append({"x": x.tolist(), "loss": loss.item(),
        "gradient": plain.weight.grad.tolist(), "bias": plain.bias.tolist(),
        "weight": plain.weight.tolist()})
    optimizer.step()
with open(f"{sys.argv[2]}/{rank}.json", "w") as file:
    json.dump(kept, file)
dist.destroy_process_group()
os._exit(0)  # Gloo's threads outlive a group that DDP has used
"""


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """What two processes have seen that trained one network by DDP."""
    place = tmp_path_factory.mktemp("pair")
    runs = [
        subprocess.Popen([sys.executable, "-c", PAIR, str(rank), str(place)])
        for rank in (0, 1)
    ]
    assert [run.wait(120) for run in runs] == [0, 0]
    return [json.loads((place / f"{rank}.json").read_text()) for rank in (0, 1)]


def group(world: int, rank: int, store: Any, seconds: float) -> Any:
    """A process group of Gloo whose "processes" are threads of this one."""
    limit = timedelta(seconds=seconds)
    return dist.ProcessGroupGloo(
        distributed.PrefixStore("g", store), rank, world, limit
    )


def in_threads(
    world: int, work: Callable[[Any, int], Any], seconds: float = 30
) -> list[Any]:
    """What `work(group, rank)` gives in each of so many threads."""
    store, found = distributed.HashStore(), [None] * world

    def one(rank: int) -> None:
        found[rank] = work(group(world, rank, store, seconds), rank)

    threads = [threading.Thread(target=one, args=(rank,)) for rank in range(world)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    return found


@pytest.mark.claim("several_processes#shares")
def test_the_mean_of_the_gradients_of_equal_shares_is_the_gradient_of_the_whole() -> (
    None
):
    chance = np.random.default_rng(0)
    for _ in range(50):
        world, size, n = chance.integers(1, 7), chance.integers(1, 9), 5
        X = chance.normal(size=(world * size, n))
        y, theta = chance.normal(size=world * size), chance.normal(size=n)

        def slope(X: Any, y: Any, theta: Any = theta) -> Any:
            return 2 * X.T @ (X @ theta - y) / len(y)  # of the mean squared error

        shares = zip(np.split(X, world), np.split(y, world), strict=True)
        mean = np.mean([slope(*share) for share in shares], axis=0)
        assert mean == pytest.approx(slope(X, y), abs=1e-12)


def test_two_halves_have_the_gradient_of_the_batch_by_the_formula(
    run_module: Run,
) -> None:
    names = run_module("several_processes").namespace
    X, y = names["X"][:32].numpy(), names["y"][:32].numpy()
    W1, b1, W2, b2 = (p.detach().numpy() for p in names["network"]().parameters())
    hidden = np.tanh(X @ W1.T + b1)  # (32, 8)
    error = 1 / (1 + np.exp(-(hidden @ W2[0] + b2))) - y  # (32,)
    back = np.outer(error, W2[0]) * (1 - hidden**2)  # (32, 8)
    parts = [back.T @ X, back.sum(0), error @ hidden, error.sum()]
    expected = np.concatenate([np.ravel(part) / 32 for part in parts])
    assert names["whole"].numpy() == pytest.approx(expected, abs=1e-12)
    assert names["mean_of_halves"].numpy() == pytest.approx(expected, abs=1e-12)


@pytest.mark.claim("several_processes#all-reduce")
@pytest.mark.parametrize("world", [1, 2, 3, 5])
def test_after_all_reduce_each_process_holds_the_same_sum(world: int) -> None:
    chance = random.Random(world)
    mine = [[chance.randint(-99, 99) for _ in range(7)] for _ in range(world)]

    def work(together: Any, rank: int) -> list[float]:
        value = torch.tensor(mine[rank], dtype=torch.float64)
        together.allreduce([value]).wait()
        return value.tolist()

    sums = [sum(column) for column in zip(*mine, strict=True)]
    assert in_threads(world, work) == [sums] * world


@pytest.mark.claim("several_processes#stay-equal")
def test_ddp_starts_as_rank_0_and_steps_by_the_mean_gradient(
    pair: list[dict[str, Any]],
) -> None:
    first, second = pair
    assert first["own"] != second["own"]
    assert first["start"] == second["start"] == first["own"]
    for one, two in zip(first["steps"], second["steps"], strict=True):
        assert one["weight"] == two["weight"]
        assert one["gradient"] == two["gradient"]
        X = np.array(one["x"] + two["x"])  # the batch of both
        out = X @ one["weight"][0] + one["bias"][0]
        expected = 2 * out @ X / len(X)
        assert one["gradient"][0] == pytest.approx(expected, abs=1e-12)


@pytest.mark.claim("several_processes#own-loss")
def test_the_loss_of_a_process_is_that_of_its_share(
    pair: list[dict[str, Any]],
) -> None:
    for steps in zip(*(each["steps"] for each in pair), strict=True):
        for step in steps:
            out = np.array(step["x"]) @ step["weight"][0] + step["bias"][0]
            assert step["loss"] == pytest.approx(np.mean(out**2), abs=1e-12)
        assert abs(steps[0]["loss"] - steps[1]["loss"]) > 1e-3


@pytest.mark.claim("several_processes#two-are-one")
def test_two_processes_train_the_network_of_one_with_both_batches(
    run_module: Run,
) -> None:
    names = run_module("several_processes").namespace
    X, y = names["X"][:320].numpy(), names["y"][:320].numpy()
    W1, b1, W2, b2 = (p.detach().numpy() for p in names["network"]().parameters())
    W2 = W2[0]
    for epoch in range(4):
        chance = torch.Generator().manual_seed(epoch)  # the sampler's, as documented
        order = torch.randperm(320, generator=chance).numpy()
        for rows in order.reshape(10, 32):  # every other row is rank 0's
            hidden = np.tanh(X[rows] @ W1.T + b1)
            error = (1 / (1 + np.exp(-(hidden @ W2 + b2))) - y[rows]) / 32
            back = np.outer(error, W2) * (1 - hidden**2)
            W1 = W1 - 0.5 * back.T @ X[rows]
            b1 = b1 - 0.5 * back.sum(0)
            W2, b2 = W2 - 0.5 * error @ hidden, b2 - 0.5 * error.sum()
    found = [part.numpy().ravel() for part in names["by_two"].values()]
    for mine, theirs in zip([W1, b1, W2, b2], found, strict=True):
        assert theirs == pytest.approx(np.ravel(mine), abs=1e-6)


@pytest.mark.claim("several_processes#payload")
@pytest.mark.parametrize("batch", [1, 16, 200])
def test_a_step_exchanges_the_gradients_bytes_whatever_the_batch(batch: int) -> None:
    dist.init_process_group("gloo", store=distributed.HashStore(), rank=0, world_size=1)
    try:
        net = nn.Sequential(nn.Linear(7, 5), nn.ReLU(), nn.Linear(5, 2))
        model = nn.parallel.DistributedDataParallel(net)
        seen = []

        def hook(state: None, bucket: Any) -> Any:
            seen.append(bucket.buffer().numel() * bucket.buffer().element_size())
            done: torch.futures.Future[torch.Tensor] = torch.futures.Future()
            done.set_result(bucket.buffer())
            return done

        hook.__annotations__.clear()  # which DDP would compare with its own
        model.register_comm_hook(None, hook)
        for _ in range(3):
            model(torch.randn(batch, 7)).sum().backward()
        assert sum(seen) == 3 * 4 * (7 * 5 + 5 + 5 * 2 + 2)
    finally:
        dist.destroy_process_group()


@pytest.mark.claim("several_processes#ring")
@pytest.mark.parametrize("world", [2, 3, 4, 8, 50])
def test_by_a_ring_no_process_sends_more_than_twice_its_gradient(world: int) -> None:
    """The ring in plain Python: every message is one part, to the right neighbor."""
    length = 3
    mine = [[[rank + 1] * length for _ in range(world)] for rank in range(world)]
    sent = [0] * world
    for turn in range(2 * (world - 1)):
        under_way = []
        for rank in range(world):
            part = (rank - turn) % world
            under_way.append(((rank + 1) % world, part, list(mine[rank][part])))
            sent[rank] += length
        for rank, part, numbers in under_way:
            if turn < world - 1:
                old = mine[rank][part]
                numbers = [a + b for a, b in zip(old, numbers, strict=True)]
            mine[rank][part] = numbers
    total = world * (world + 1) // 2
    assert all(part == [total] * length for own in mine for part in own)
    whole = world * length
    assert sent == [2 * (world - 1) * whole // world] * world
    assert max(sent) < 2 * whole


@pytest.mark.claim("several_processes#same-order")
def test_without_set_epoch_a_sampler_draws_the_same_order() -> None:
    for seed in range(20):
        data = TensorDataset(torch.arange(30))
        sampler: Any = DistributedSampler(data, 2, 1, seed=seed)
        first = list(sampler)
        assert [list(sampler) for _ in range(5)] == [first] * 5
        orders = []
        for epoch in range(5):
            sampler.set_epoch(epoch)
            orders.append(tuple(sampler))
        assert len(set(orders)) == 5


@pytest.mark.claim("several_processes#waits")
def test_who_lacks_a_batch_makes_the_others_wait_until_the_time_is_over() -> None:
    def work(together: Any, rank: int) -> tuple[str, float]:
        for _ in range(3 - rank):  # rank 1 comes twice, and then stays away
            begun = time.monotonic()
            try:
                together.allreduce([torch.ones(2)]).wait()
            except RuntimeError as error:
                over.set()
                return str(error), time.monotonic() - begun
        over.wait(30)  # is there, and busy with something else
        return "", 0.0

    over = threading.Event()
    (said, waited), (other, _) = in_threads(2, work, 2)
    assert "Timed out waiting 2000ms" in said
    assert waited > 1.9
    assert other == ""


def test_a_sampler_gives_equal_shares_and_fills_up_with_the_first(
    run_module: Run,
) -> None:
    for size in range(1, 40):
        for world in range(1, 6):
            data = TensorDataset(torch.arange(size))
            shares = [
                [*DistributedSampler(data, world, rank, shuffle=False)]
                for rank in range(world)
            ]
            most = -(-size // world)  # the quotient, rounded up
            assert {len(share) for share in shares} == {most}
            drawn = sorted(row for share in shares for row in share)
            cycle = [row % size for row in range(world * most)]
            assert drawn == sorted(cycle)


def test_a_program_that_fails_is_told_by_its_error(run_module: Run) -> None:
    names = run_module("several_processes").namespace
    (names["place"] / "bad.py").write_text('raise ValueError("wrong label")')
    with pytest.raises(RuntimeError, match=r"bad\.py failed: .*wrong label"):
        names["launch"]("bad.py", processes=1)


def test_a_program_that_does_not_end_is_ended_with_its_processes(
    run_module: Run, tmp_path: Path
) -> None:
    names = run_module("several_processes").namespace
    code = f"""
import os, time
from pathlib import Path
Path({str(tmp_path)!r}, str(os.getpid())).touch()
time.sleep(1000)
"""
    (names["place"] / "endless.py").write_text(code)
    with pytest.raises(RuntimeError, match=r"endless\.py: not over after 20 s"):
        names["launch"]("endless.py", limit=20)
    begun = [int(path.name) for path in tmp_path.iterdir()]
    assert len(begun) == 2
    assert not [pid for pid in begun if Path(f"/proc/{pid}").exists()]


def test_gloo_waits_half_an_hour_by_itself() -> None:
    assert dist.constants.default_pg_timeout == timedelta(minutes=30)


def test_the_mean_of_unequal_means_counts_the_lone_sample_three_times(
    run_module: Run,
) -> None:
    lines = run_module("several_processes").output.splitlines()
    at = lines.index("1.20")
    assert lines[at : at + 3] == [
        f"{(0.2 + 0.4 + 0.6 + 3 * 2.0) / 6:.2f}",
        f"{(0.2 + 0.4 + 0.6 + 2.0) / 4:.2f}",
        "0.80",
    ]
