"""Tensors: numbers with a dtype, a shape, a device and a memory."""

# %% puzzle
import torch

truth = torch.tensor([1.0, 2.0, 3.0])
predicted = torch.tensor([[1.0], [2.0], [3.0]])
print(((predicted - truth) ** 2).mean())

# %% create
x1 = torch.tensor([1.0, 2.0])  # (2,)
x2 = torch.tensor([3.0, 4.0])  # (2,)
x3 = torch.tensor([5.0, 6.0])  # (2,)
print(x1)

# %% properties
print(x1.dtype)
print(x1.shape)
print(x1.device)

# %% dtypes
import numpy as np

for numbers in ([1.0, 2.0], [1, 2], [True, False], np.array([1.0, 2.0])):
    print(f"{numbers!r:<17} becomes {torch.tensor(numbers).dtype}")

# %% precision
print(torch.tensor(0.1).item())
print(torch.tensor(0.1, dtype=torch.float64).item())

# %% convert
counts = torch.tensor([1, 2])
print(counts.dtype, "->", counts.to(torch.float32).dtype)

# %% shapes
price = torch.tensor(9.5)
matrix = torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
images = torch.zeros(10, 28, 28)
for tensor in (price, x1, matrix, images):
    shape = tuple(tensor.shape)
    print(f"axes: {tensor.ndim} numbers: {tensor.numel():4} shape: {shape}")

# %% numpy-like
print(matrix[:, 1])  # (2,): the column at index 1
print(matrix.sum(dim=0))  # (3,): one sum for each column
print(matrix * 10)  # (2, 3): each number by itself
print(matrix @ matrix.T)  # (2, 3) @ (3, 2) -> (2, 2)

# %% pick
print(matrix[matrix > 2])  # (4,): where the condition holds
print(matrix[..., 0])  # (2,): index 0 along the last axis
index = torch.tensor([[2], [0]])  # (2, 1)
print(matrix.gather(1, index))  # (2, 1): matrix[0, 2] and matrix[1, 0]

# %% arrange
flat = torch.arange(6.0)  # (6,): 0, 1, ..., 5
arranged = {
    "flat.reshape(2, 3)": flat.reshape(2, 3),
    "flat.view(2, 3)": flat.view(2, 3),
    "flat.unflatten(0, (2, 3))": flat.unflatten(0, (2, 3)),
    "flat.unsqueeze(1)": flat.unsqueeze(1),
    "flat[:, None]": flat[:, None],
    "predicted.squeeze(1)": predicted.squeeze(1),
    "images.flatten(1)": images.flatten(1),
    "torch.cat([flat, flat])": torch.cat([flat, flat]),
    "torch.stack([flat, flat])": torch.stack([flat, flat]),
    "torch.cartesian_prod(flat, x1)": torch.cartesian_prod(flat, x1),
}
for code, result in arranged.items():
    print(f"{code:31}{tuple(result.shape)}")

# %% running-example
y = (x1 + 2 * x2) @ x3 / 5
print(y)
print(y.shape)
print(y.item())

# %% matmul
print(torch.matmul(x1 + 2 * x2, x3) / 5)


# %% draw-boxes
import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle


def draw_boxes(axes: Axes, tensor, left, top, title, own=(9, 9)) -> None:
    """Draw shape (n,) or (n, k) as boxes; dot copies, frame the 99."""
    axes.text(left, top + 0.25, title)
    rows = tensor.reshape(-1, tensor.shape[-1])
    for i, numbers in enumerate(rows.tolist()):
        for j, number in enumerate(numbers):
            x, y = left + j, top - i - 1
            copy = i >= own[0] or j >= own[1]
            color, line = ("gray", ":") if copy else ("black", "-")
            box = Rectangle((x, y), 1, 1, fill=False)
            box.set(edgecolor=color, linestyle=line)
            axes.add_patch(box)
            number = round(number)
            axes.text(x + 0.5, y + 0.35, number, color=color, ha="center")
            if number == 99:
                frame = Rectangle((x + 0.1, y + 0.1), 0.8, 0.8, fill=False)
                frame.set(edgecolor="C1", linewidth=3)
                axes.add_patch(frame)


# %% broadcast
_, axes = plt.subplots(figsize=(4.2, 1.9), layout="constrained")
column, row = predicted.expand(3, 3), truth.expand(3, 3)
draw_boxes(axes, column, 0, 3, "predicted\n(3, 1)", own=(3, 1))
draw_boxes(axes, row, 4, 3, "truth\n(3,)", own=(1, 3))
draw_boxes(axes, predicted - truth, 8, 3, "difference\n(3, 3)")
axes.text(3.5, 1.35, "\N{MINUS SIGN}", ha="center", fontsize=14)
axes.text(7.5, 1.35, "=", ha="center", fontsize=14)
axes.set(xlim=(-0.1, 11.3), ylim=(-0.1, 4.9), aspect="equal")
axes.axis("off")
plt.show()

# %% rule
for left, right in (
    ((2, 3), (3,)),
    ((2, 3), (2, 1)),
    ((3, 1), (3,)),
    ((2, 3), (2,)),
):
    try:
        result = tuple(torch.broadcast_shapes(left, right))
    except RuntimeError:
        result = "do not fit"
    print(left, right, "->", result)

# %% view
m = torch.arange(10.0, 16.0).reshape(2, 3)
flipped = m.T  # (3, 2)
second = m[1]  # (3,)
flipped[1, 1] = 99.0
print(m)
print(second)

# %% strides
print("m:   ", m.stride(), "offset", m.storage_offset())
print("m.T: ", flipped.stride(), "offset", flipped.storage_offset())
print("m[1]:", second.stride(), "  offset", second.storage_offset())

# %% storage
in_memory = m.as_strided((6,), (1,))  # (6,): the numbers as they lie
_, axes = plt.subplots(figsize=(5, 2.8), layout="constrained")
draw_boxes(axes, in_memory, 0, 5.6, "in memory, at positions 0 to 5")
for position in range(6):
    axes.text(position + 0.5, 4, str(position), color="gray", ha="center")
draw_boxes(axes, m, 0, 2, f"m\nstride {m.stride()}")
draw_boxes(axes, flipped, 4, 2, f"m.T\nstride {flipped.stride()}")
offset = second.storage_offset()
title = f"m[1], offset {offset}\nstride {second.stride()}"
draw_boxes(axes, second, 7, 2, title)
axes.set(xlim=(-0.1, 10.3), ylim=(-1.1, 6.4), aspect="equal")
axes.axis("off")
plt.show()

# %% view-or-copy
results = {
    "m[1]": m[1],
    "m[:, 0]": m[:, 0],
    "m.T": m.T,
    "m.reshape(3, 2)": m.reshape(3, 2),
    "m.T.reshape(6)": m.T.reshape(6),
    "m[[0, 1]]": m[[0, 1]],
    "m[m > 12]": m[m > 12],
    "m + 0": m + 0,
    "m.clone()": m.clone(),
}
memory = m.untyped_storage().data_ptr()  # the address where it begins
for code, result in results.items():
    shared = result.untyped_storage().data_ptr() == memory
    print(f"{code:16}", "shares memory with m" if shared else "copies")

# %% view-refused
import textwrap

try:
    m.T.view(6)
except RuntimeError as error:
    print(textwrap.fill(f"RuntimeError: {error}", 72))

# %% share
a = np.array([1.0, 2.0])
s = torch.from_numpy(a)
a[0] = 7.0
s[1] = 8.0
print(a)
print(s)

# %% share-or-copy
from_array = {
    "torch.from_numpy(a)": torch.from_numpy(a),
    "torch.as_tensor(a)": torch.as_tensor(a),
    "torch.from_numpy(a).float()": torch.from_numpy(a).float(),
    "torch.tensor(a)": torch.tensor(a),
}
for code, result in from_array.items():
    shared = np.shares_memory(a, result.numpy())
    print(f"{code:28}", "shares memory with a" if shared else "copies")

# %% integers
lengths = torch.tensor([1, 2])
lengths[0] = 0.7
print(lengths)
try:
    lengths.mean()
except RuntimeError as error:
    print(textwrap.fill(f"RuntimeError: {error}", 72))

# %% two-dtypes
a1 = torch.from_numpy(np.array([1.0, 2.0]))
print((a1 + x3).dtype)
try:
    a1 @ x3
except RuntimeError as error:
    print(textwrap.fill(f"RuntimeError: {error}", 72))

# %% one-dtype
print(a1.float() @ x3)

# %% star
print((x1 + 2 * x2) * x3 / 5)

# %% column
print(tuple((predicted - truth).shape))
difference = predicted.squeeze(1) - truth  # (3,)
print(tuple(difference.shape), (difference**2).mean())

# %% shared-edit
ages = np.array([20.0, 30.0, 40.0])
centered = torch.from_numpy(ages)
centered -= centered.mean()
print(ages)

# %% shared-edit-repaired
ages = np.array([20.0, 30.0, 40.0])
centered = torch.from_numpy(ages)
centered = centered - centered.mean()
print(ages)

# %% exercise-shapes
X = torch.zeros(4, 2)
w = torch.zeros(2)
b = torch.zeros(4, 1)
for answer in (X * w, X @ w, X.sum(dim=0), X[:, 0], X[:, :1], X @ w + b):
    print(tuple(answer.shape))

# %% exercise-rows
X1 = torch.tensor([[1.0, 2.0], [0.0, 0.0], [2.0, 1.0]])  # (3, 2)
print((X1 + 2 * x2) @ x3 / 5)

# %% exercise-memory
zeros = np.zeros(3)
p = torch.from_numpy(zeros)
q = p[:2]
r = p.clone()
q += 1
p = p + 10
print("zeros", zeros)
print("p    ", p.numpy())
print("q    ", q.numpy())
print("r    ", r.numpy())

# %% exercise-standardize
people = torch.tensor([[160.0, 50.0], [170.0, 70.0], [180.0, 90.0]])
mean = people.mean(dim=0)  # (2,)
deviation = people.std(dim=0, correction=0)  # (2,)
standardized = (people - mean) / deviation  # (3, 2) with (2,) -> (3, 2)
print(standardized)

# %% exercise-pairs
shops = torch.tensor([[0.0, 0.0], [3.0, 4.0]])  # (2, 2)
homes = torch.tensor([[0.0, 0.0], [0.0, 4.0], [3.0, 0.0]])  # (3, 2)
steps = homes.unsqueeze(1) - shops  # (3, 1, 2) with (2, 2) -> (3, 2, 2)
print((steps**2).sum(dim=2).sqrt())  # (3, 2)
