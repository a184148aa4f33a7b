"""Differences from the workshop of 2019 that no chapter shows."""

# %% example
import torch
from torch import nn

x1 = torch.tensor([1.0, 2.0], requires_grad=True)  # (2,)
x2 = torch.tensor([3.0, 4.0])  # (2,)
x3 = torch.tensor([5.0, 6.0], requires_grad=True)  # (2,)
z2 = x1 + 2 * x2  # (2,)
z2.retain_grad()
y = z2 @ x3 / 5  # ()
optimizer = torch.optim.SGD([x1, x3], lr=0.1)

# %% old-names
for owner, name in (
    (nn, "Model"),
    (optimizer, "zero_grads"),
    (y.grad_fn, "next_function"),
):
    try:
        getattr(owner, name)
    except AttributeError as error:
        print("AttributeError:", error)

# %% node-name
for node, _ in y.grad_fn.next_functions:
    print(node and node.name())

# %% address
print(" at 0x" in str(y.grad_fn))
print(y.grad_fn.name())

# %% wrong-vector
print("x3:", x2)  # the mistake
print(f"{x3.tolist()=}")

# %% swapped
y.backward()
print("dy/dz2 =", z2.grad, " x3/5 =", x3.detach() / 5)
print("dy/dx3 =", x3.grad, " z2/5 =", z2.detach() / 5)

# %% not-asked
print("dy/dx2 =", x2.grad)
asked = x2.clone().requires_grad_()
((x1.detach() + 2 * asked) @ x3.detach() / 5).backward()
print("if we ask:", asked.grad)

# %% exponent
import matplotlib.pyplot as plt

figure, axes = plt.subplots(figsize=(5, 1.2))
axes.axis("off")
axes.text(0.25, 0.5, r"$\frac{1}{1+e^-x}$", fontsize=26, ha="center")
axes.text(0.75, 0.5, r"$\frac{1}{1+e^{-x}}$", fontsize=26, ha="center")
axes.text(0.25, 0, "e^-x", fontfamily="monospace", ha="center")
axes.text(0.75, 0, "e^{-x}", fontfamily="monospace", ha="center")
plt.show()

# %% labels
figure, axes = plt.subplots()
axes.set_xlabel("Step")
axes.set_xlabel("Objective")  # the mistake: set_ylabel was meant
print("x:", repr(axes.get_xlabel()), " y:", repr(axes.get_ylabel()))
plt.close(figure)

# %% half-a-cell
ticks = torch.arange(5, 35.05, 0.1)  # (301,): where the network was asked
edges = torch.linspace(5, 35, 302)  # (302,): of 301 pixels from 5 to 35
centers = (edges[1:] + edges[:-1]) / 2  # (301,): where a picture shows them
shift = centers - ticks
print(
    f"first {shift[0]:.3f}, middle {shift[150]:.3f}, last {shift[-1]:.3f}"
)

# %% no-grad
model = nn.Linear(2, 1)
print(model(x2).requires_grad)
with torch.no_grad():
    print(model(x2).requires_grad)
