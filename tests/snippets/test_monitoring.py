"""The mathematics of the chapter "Monitoring a long run"."""

from __future__ import annotations

import io
import math
import os
import re
import socket
import subprocess
import sys
import weakref
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch.utils.tensorboard import SummaryWriter

SNIPPETS = Path(__file__).parents[2] / "snippets"


class Notes:
    """Takes the place of a writer: remembers scalars, and writes nothing."""

    def __init__(self) -> None:
        self.scalars: dict[str, list[tuple[int, float]]] = {}

    def add_scalar(self, name: str, value: float, step: int) -> None:
        self.scalars.setdefault(name, []).append((step, float(value)))

    def add_histogram(self, *ignored: object) -> None:
        """Forget it."""


class Chapter:
    """The chapter's own functions, with short names."""

    def __init__(self, namespace: dict[str, Any]) -> None:
        self.names = namespace

    def __getattr__(self, name: str) -> Any:
        return self.names[name]

    def trained(self, stop: int, seed: int = 1) -> Any:
        """A new run that has made so many steps."""
        run = self.Run(seed=seed)
        self.train(run, Notes(), stop)
        return run


@pytest.fixture
def chapter(run_module: Callable[[str], Any]) -> Chapter:
    return Chapter(run_module("monitoring").namespace)


def bits(value: Any) -> Any:
    """A state as plain Python values, each float as its bits."""
    if isinstance(value, torch.Tensor):
        return value.dtype, value.shape, value.numpy().tobytes()
    if isinstance(value, dict):
        return {key: bits(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [bits(each) for each in value]
    return value.hex() if isinstance(value, float) else value


@pytest.mark.claim("monitoring#read-back")
def test_the_event_reader_gives_back_what_the_writer_logged(tmp_path: Path) -> None:
    chance = torch.Generator().manual_seed(7)
    values = torch.randn(50, generator=chance)  # float32, as an event file holds them
    picture = torch.rand(3, 6, 9, generator=chance)
    with SummaryWriter(tmp_path) as writer:
        for step, value in enumerate(values.tolist()):
            writer.add_scalar("value", value, 3 * step)
        writer.add_image("picture", picture, 5)
    log = EventAccumulator(str(tmp_path))
    log.Reload()
    events = [(each.step, each.value) for each in log.Scalars("value")]
    assert events == [(3 * step, value) for step, value in enumerate(values.tolist())]
    image = log.Images("picture")[0]
    pixels = torch.tensor(plt.imread(io.BytesIO(image.encoded_image_string)))
    assert image.step == 5
    assert (pixels[..., :3].permute(2, 0, 1) - picture).abs().max() < 1 / 255


def test_the_reader_keeps_one_histogram_unless_it_is_told_to_keep_all(
    tmp_path: Path,
) -> None:
    with SummaryWriter(tmp_path) as writer:
        for step in range(4):
            writer.add_histogram("values", torch.arange(5.0) + step, step)
    few = EventAccumulator(str(tmp_path))
    every = EventAccumulator(str(tmp_path), size_guidance={"histograms": 0})
    few.Reload()
    every.Reload()
    assert [each.step for each in few.Histograms("values")] == [3]
    assert [each.step for each in every.Histograms("values")] == [0, 1, 2, 3]
    last = every.Histograms("values")[-1].histogram_value
    assert (last.num, last.sum) == (5, 3 + 4 + 5 + 6 + 7)
    assert last.sum_squares == 9 + 16 + 25 + 36 + 49


@pytest.mark.claim("monitoring#bit-for-bit")
@pytest.mark.parametrize("stop", [1, 8, 16, 17, 18, 33, 34, 35, 50])
def test_a_run_that_is_stopped_and_resumed_ends_in_the_same_bits(
    chapter: Chapter, tmp_path: Path, stop: int
) -> None:
    whole = chapter.trained(54)
    chapter.save(chapter.state_of(chapter.trained(stop)), tmp_path / "a.pt")
    torch.manual_seed(99)  # what happens in between must not matter
    again = chapter.resume(chapter.load(tmp_path / "a.pt"))
    chapter.train(again, Notes(), 54)
    random = torch.get_rng_state()
    first = chapter.trained(54)  # so that both have drawn the same numbers
    assert torch.equal(random, torch.get_rng_state())
    for run in (whole, first):
        left, right = (
            {k: v for k, v in chapter.state_of(each).items() if k != "random"}
            for each in (run, again)
        )
        assert bits(left) == bits(right)


@pytest.mark.slow
def test_a_new_process_resumes_in_the_same_bits(
    chapter: Chapter, tmp_path: Path
) -> None:
    chapter.save(chapter.state_of(chapter.trained(40)), tmp_path / "a.pt")
    text = (SNIPPETS / "monitoring.py").read_text("utf-8")
    found = re.findall(r"(?ms)^# %% ([\w-]+)\n(.*?)(?=^# %% |\Z)", text)
    wanted = "imports borrow run batches evaluate report train state resume save"
    cells = dict(found)
    code = "from pathlib import Path\nSummaryWriter = object\n"
    code += "\n".join(cells[name] for name in wanted.split())
    code += """
class Notes:
    add_scalar = add_histogram = lambda *ignored: None
run = resume(load(Path("a.pt")))
train(run, Notes(), 60)
save(state_of(run), Path("b.pt"))
"""
    environment = {**os.environ, "PYTHONPATH": str(SNIPPETS)}
    command = [sys.executable, "-c", code]
    subprocess.run(command, cwd=tmp_path, env=environment, check=True)
    whole = chapter.state_of(chapter.trained(60))
    assert bits(chapter.load(tmp_path / "b.pt")) == bits(whole)


@pytest.mark.claim("monitoring#each-part")
@pytest.mark.parametrize(
    "part", ["model", "optimizer", "schedule", "random", "order", "place"]
)
def test_a_resume_without_one_of_the_parts_ends_elsewhere(
    chapter: Chapter, tmp_path: Path, part: str
) -> None:
    whole = chapter.trained(60)
    chapter.save(chapter.state_of(chapter.trained(40)), tmp_path / "a.pt")
    state = chapter.load(tmp_path / "a.pt")
    state[part] = chapter.state_of(chapter.Run(seed=5))[part]
    other = chapter.resume(state)
    chapter.train(other, Notes(), 60)
    assert bits(other.model.state_dict()) != bits(whole.model.state_dict())


def test_every_digit_comes_once_in_an_epoch_that_was_resumed(chapter: Chapter) -> None:
    run = chapter.trained(5)
    first = chapter.Run(seed=1)
    before = [X for X, _ in list(chapter.rest_of_epoch(first))[:5]]
    after = [X for X, _ in chapter.rest_of_epoch(run)]
    rows = sorted(map(tuple, torch.cat(before + after).tolist()))
    assert rows == sorted(map(tuple, chapter.X_train.tolist()))


def test_the_rate_follows_the_cosine(chapter: Chapter) -> None:
    notes, run = Notes(), chapter.Run(rate=0.02)
    chapter.train(run, notes, 60)
    total = 12 * math.ceil(1078 / 64)
    assert chapter.TOTAL == total == 204
    for step, rate in notes.scalars["rate"]:
        cosine = math.cos(math.pi * (step - 1) / total)
        assert rate == pytest.approx(0.02 * (1 + cosine) / 2, rel=1e-9)


def test_the_best_weights_have_the_lowest_validation_objective(
    chapter: Chapter,
) -> None:
    notes, run = Notes(), chapter.Run(rate=0.1)
    chapter.train(run, notes, chapter.TOTAL)
    lowest = min(value for _, value in notes.scalars["objective/validation"])
    model = chapter.Run().model
    model.load_state_dict(run.best)
    model.eval()
    with torch.no_grad():
        z = model(chapter.X_val)
    log_p = z - z.exp().sum(1, keepdim=True).log()
    objective = -log_p[torch.arange(len(z)), chapter.y_val].mean().item()
    assert objective == pytest.approx(lowest, rel=1e-5)
    assert run.lowest == lowest < notes.scalars["objective/validation"][-1][1]


@pytest.mark.claim("monitoring#kept-graphs")
def test_a_kept_loss_keeps_its_graph_and_before_backward_all_that_it_saved(
    chapter: Chapter,
) -> None:
    def measured(
        batches: int, keep: Callable[[Any], Any], backward: bool
    ) -> tuple[int, int]:
        globals_ = chapter.kept_after.__globals__
        globals_["alive"] = weakref.WeakSet()
        losses = chapter.kept_after(batches, keep, backward)
        alive = {
            each.tensor.data_ptr(): each.tensor.nbytes for each in globals_["alive"]
        }
        nodes: set[Any] = set()
        last: set[Any] = {each.grad_fn for each in losses if torch.is_tensor(each)}
        while last:
            nodes |= last
            below = {under for node in last for under, _ in node.next_functions}
            last = below - nodes - {None}
        return sum(alive.values()), len(nodes)

    # X, then ReLU's result, dropout's mask and its result, log-softmax's result;
    # the classes (int64) and the sum of their weights.
    batch = 4 * 64 * (64 + 3 * 32 + 10) + 8 * 64 + 4
    weight = 4 * 32 * 10  # of the second layer, kept by every graph
    for batches in (1, 4, 9):
        kept, nodes = measured(batches, lambda loss: loss, False)
        assert kept == batches * batch + weight
        after = measured(batches, lambda loss: loss, True)
        assert after == (0, nodes)
        assert nodes == 8 * batches + 4
        assert measured(batches, lambda loss: loss.item(), False) == (0, 0)


def test_a_state_dict_refers_and_a_deep_copy_does_not(chapter: Chapter) -> None:
    run = chapter.trained(3)
    kept = run.model.state_dict()
    place = run.model[0].weight.data_ptr()
    assert kept["0.weight"].data_ptr() == place
    assert chapter.copy.deepcopy(kept)["0.weight"].data_ptr() != place


class MakesFolder:
    """As the chapter's file: a command in the clothes of data."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)

    def __reduce__(self) -> tuple[Any, ...]:
        return os.makedirs, (self.path,)


@pytest.mark.claim("monitoring#weights-only")
def test_load_runs_what_a_file_says_unless_it_is_told_weights_only(
    tmp_path: Path,
) -> None:
    made, file = tmp_path / "made", tmp_path / "file.pt"
    torch.save({"step": 1, "model": MakesFolder(made)}, file)
    for weights_only in (None, True):  # None is the default
        with pytest.raises(Exception, match=r"os\.makedirs"):
            torch.load(file, weights_only=weights_only)
        assert not made.exists()
    torch.load(file, weights_only=False)
    assert made.is_dir()


@pytest.mark.claim("monitoring#cut-off")
def test_load_recognizes_a_file_that_was_cut_off_anywhere(
    chapter: Chapter, tmp_path: Path
) -> None:
    chapter.save(chapter.state_of(chapter.trained(20)), tmp_path / "a.pt")
    data = (tmp_path / "a.pt").read_bytes()
    assert chapter.load(tmp_path / "a.pt")["step"] == 20
    for length in [*range(0, len(data), 211), *range(len(data) - 150, len(data))]:
        (tmp_path / "b.pt").write_bytes(data[:length])
        with pytest.raises(ValueError, match=r"^b.pt is cut off: delete it"):
            chapter.load(tmp_path / "b.pt")
    with pytest.raises(FileNotFoundError):
        chapter.load(tmp_path / "c.pt")


def test_torch_itself_says_something_else_from_cut_to_cut(
    chapter: Chapter, tmp_path: Path
) -> None:
    chapter.save(chapter.state_of(chapter.trained(1)), tmp_path / "a.pt")
    data, said = (tmp_path / "a.pt").read_bytes(), set()
    for length in (0, 3, 100, len(data) // 2, len(data) - 1):
        (tmp_path / "b.pt").write_bytes(data[:length])
        try:
            torch.load(tmp_path / "b.pt", weights_only=True)
        except Exception as error:  # noqa: BLE001  # of which kind is the question
            said.add(f"{type(error).__name__}: {error}")
    assert len(said) > 1


@pytest.mark.claim("monitoring#old-one-stays")
def test_where_writing_fails_the_old_checkpoint_stays_whole(
    chapter: Chapter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.pt"
    chapter.save({"step": 1}, path)
    whole = path.read_bytes()

    def fails(state: Any, place: Path) -> None:
        Path(place).write_bytes(whole[: len(whole) // 3])
        raise OSError("no space left on device")

    monkeypatch.setattr(torch, "save", fails)
    with suppress(OSError):
        chapter.save({"step": 2}, path)
    assert path.read_bytes() == whole
    assert chapter.load(path) == {"step": 1}


def test_the_bar_is_as_long_as_the_run_has_come(chapter: Chapter) -> None:
    for done, total, marks, left in ((1, 4, 5, 30), (4, 4, 20, 0), (3, 4, 15, 10)):
        said = chapter.bar(done, total, seconds=10.0 * done)
        assert said.count("#") == marks
        assert said.endswith(f"{left:3.0f} s left")


def test_the_norm_is_that_of_torch(chapter: Chapter) -> None:
    run = chapter.Run()
    X, y = next(iter(chapter.rest_of_epoch(run)))
    torch.nn.functional.cross_entropy(run.model(X), y).backward()
    norm = torch.nn.utils.get_total_norm([p.grad for p in run.model.parameters()])
    assert chapter.norms[0] == pytest.approx(norm.item(), rel=1e-5)


def test_the_darts_land_on_a_quarter_circle(chapter: Chapter) -> None:
    start = torch.Generator().manual_seed(3).get_state()
    state = chapter.throw({"thrown": 0, "inside": 0, "random": start}, 200_000)
    share = state["inside"] / state["thrown"]
    spread = math.sqrt(math.pi / 4 * (1 - math.pi / 4) / 200_000)
    assert abs(share - math.pi / 4) < 5 * spread


def said_by_tensorboard(folder: Path, *options: str) -> str:
    """What TensorBoard says until it serves or ends."""
    command = [sys.executable, "-m", "tensorboard.main", "--logdir", str(folder)]
    command += ["--host", "127.0.0.1", "--load_fast=false", *options]
    said = ""
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as server:
        assert server.stderr is not None
        for line in server.stderr:
            said += line
            if " at http" in line:
                break
        server.terminate()
        server.stderr.read()
    return said


@pytest.mark.slow
def test_a_port_in_use_is_told_if_it_was_asked_for_and_passed_over_if_not(
    tmp_path: Path,
) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
        said = said_by_tensorboard(tmp_path, "--port", str(port))
        assert f"could not bind to port {port}, it was already in use" in said
    with suppress(OSError), closing(socket.create_server(("127.0.0.1", 6006))):
        found = re.search(r"at http://127.0.0.1:(\d+)/", said_by_tensorboard(tmp_path))
        assert found
        assert 6006 < int(found[1]) < 6106
