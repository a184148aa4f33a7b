"""An autograd of our own, on NumPy: both modes, and what they cost."""

# %% compute
import numpy as np

compute = {
    "add": np.add,
    "multiply": np.multiply,
    "divide": np.divide,
    "matmul": np.matmul,
}


# %% symbols
class Operators:
    """What Python's symbols stand for; a subclass defines `apply`."""

    def __add__(self, other):
        return self.apply("add", self, other)

    def __mul__(self, other):
        return self.apply("multiply", self, other)

    def __truediv__(self, other):
        return self.apply("divide", self, other)

    def __matmul__(self, other):
        return self.apply("matmul", self, other)

    def __sub__(self, other):
        return self + -1 * other

    @property
    def T(self):
        """The transpose."""
        return self.apply("transpose", self)

    __radd__, __rmul__ = __add__, __mul__  # 2 * x means x * 2


# %% value
class Value(Operators):
    """An array with its operation, its parents and its number."""

    made = 0  # how many values there are

    def __init__(self, data, operation="", parents=()):
        self.array = np.asanyarray(data, dtype=float)
        self.operation, self.parents = operation, parents
        self.number = Value.made
        Value.made += 1

    @classmethod
    def apply(cls, operation, *inputs):
        """Compute a new value; the inputs are its parents."""
        parents = [x if isinstance(x, cls) else cls(x) for x in inputs]
        data = compute[operation](*(x.array for x in parents))
        return cls(data, operation, parents)


# %% example
x1, x2, x3 = Value([1, 2]), Value([3, 4]), Value([5, 6])  # (2,) each
z1 = 2 * x2  # (2,)
z2 = x1 + z1  # (2,)
z3 = z2 @ x3  # ()
y = z3 / 5  # ()
for value in (z1, z2, z3, y):
    inputs = [parent.array.tolist() for parent in value.parents]
    print(value.array, "=", value.operation, *inputs)

# %% pull
pull = {
    "add": lambda g, out, a, b: (g, g),
    "multiply": lambda g, out, a, b: (g * b, g * a),
    "divide": lambda g, out, a, b: (g / b, -g * out / b),
}


# %% pull-matmul
def pull_matmul(g, out, a, b):
    """Swap the factors; a vector counts as one row or one column."""
    A = a.reshape(-1, a.shape[-1])  # (m, n)
    B = b.reshape(len(b), -1)  # (n, k)
    G = g.reshape(len(A), -1)  # (m, k)
    return (G @ B.T).reshape(a.shape), (A.T @ G).reshape(b.shape)


pull["matmul"] = pull_matmul


# %% fit
def fit(g, shape):
    """Sum a gradient over the copies that broadcasting has made."""
    g = g.sum(axis=tuple(range(g.ndim - len(shape))))
    stretched = tuple(axis for axis, n in enumerate(shape) if n == 1)
    return g.sum(axis=stretched, keepdims=True)


# %% order
def newest_first(result):
    """Return a value and all that it was computed from, newest first."""
    found, waiting = {result}, [result]
    while waiting:
        new = set(waiting.pop().parents) - found
        found |= new
        waiting += new
    return sorted(found, key=lambda value: -value.number)


# %% gradients
def gradients(result, weights=1.0, order=newest_first):
    """Return the gradient of the weighted result by each value."""
    arrived = {result: weights * np.ones_like(result.array)}
    for value in order(result):
        if value.parents:
            arrays = [parent.array for parent in value.parents]
            rule = pull[value.operation]
            parts = rule(arrived[value], value.array, *arrays)
            for parent, part in zip(value.parents, parts, strict=True):
                part = fit(part, parent.array.shape)
                arrived[parent] = arrived.get(parent, 0) + part
    return arrived


g = gradients(y)
for x in (x1, x2, x3):
    print(g[x])

# %% borrow
from drawing import draw_graph


# %% draw-values
def show(array) -> str:
    """Write a vector as (6, 8) and a number as 95."""
    numbers = ", ".join(f"{entry:.4g}" for entry in np.ravel(array))
    return f"({numbers})" if np.ndim(array) else numbers


def draw_values(result, names) -> None:
    """Draw a graph: each value, and below it the result's gradient."""
    labels, looks, edges = {}, {}, []
    g = gradients(result)
    for value in newest_first(result):
        name = names.get(value, "")
        name += f" = {value.operation}" if value.parents else ""
        shown = f"{show(value.array)}\ngradient {show(g[value])}"
        labels[value] = f"{name}\n{shown}".lstrip()
        looks[value] = "" if value.parents else "box"
        edges += [(parent, value, "") for parent in value.parents]
    draw_graph(labels, edges, looks, upward=True, width=2.2)


# %% graph
import matplotlib.pyplot as plt

names = {x1: "x1", x2: "x2", x3: "x3", z1: "z1", z2: "z2", z3: "z3", y: "y"}
draw_values(y, names)
plt.show()

# %% more
compute |= {
    "maximum": np.maximum,
    "exp": np.exp,
    "log": np.log,
    "tanh": np.tanh,
    "sum": np.sum,
    "transpose": np.transpose,
}
pull |= {
    "maximum": lambda g, out, a, b: (g * (a > b), g * (a <= b)),
    "exp": lambda g, out, a: (g * out,),
    "log": lambda g, out, a: (g / a,),
    "tanh": lambda g, out, a: (g * (1 - out * out),),
    "sum": lambda g, out, a: (np.broadcast_to(g, a.shape, subok=True),),
    "transpose": lambda g, out, a: (g.T,),
}


# %% functions
def function(operation):
    """Return the function that applies an operation to its inputs."""
    return lambda *inputs: inputs[0].apply(operation, *inputs)


exp, log, tanh = function("exp"), function("log"), function("tanh")
maximum, total = function("maximum"), function("sum")


# %% network
def network(X, W, b, v, c):
    """Compute z of a network n-k-1 with tanh: (N, n) -> (N,)."""
    return tanh(X @ W.T + b) @ v + c


def objective(X, y, *parameters):
    """Compute the mean loss over the four points of XOR, shape ()."""
    z = network(X, *parameters)
    return total(log(1 + exp(z)) - y * z) / 4


# %% start
import torch

X = Value([[0, 0], [0, 1], [1, 0], [1, 1]])  # (4, 2)
labels = Value([0, 1, 1, 0])  # (4,)
torch.manual_seed(0)  # the draws of the chapter on the perceptron
shapes = ((2, 2), (2,), (2,), ())  # of W, b, v, c
start = [torch.randn(shape).numpy() for shape in shapes]

# %% train
parameters = [Value(array) for array in start]
for step in range(300):
    J = objective(X, labels, *parameters)
    if step % 100 == 0:
        print(f"step {step:3}: mean loss {J.array:.4f}")
    g = gradients(J)
    parameters = [Value(p.array - 1.0 * g[p]) for p in parameters]
z = network(X, *parameters).array  # (4,)
loss = objective(X, labels, *parameters).array
print(f"at the end: mean loss {loss:.4f}")
print("p =", *(f"{p:.2f}" for p in 1 / (1 + np.exp(-z))))

# %% push
push = {
    "add": lambda out, a, b, da, db: da + db,
    "multiply": lambda out, a, b, da, db: da * b + a * db,
    "divide": lambda out, a, b, da, db: (da - out * db) / b,
    "matmul": lambda out, a, b, da, db: da @ b + a @ db,
    "maximum": lambda out, a, b, da, db: np.where(a > b, da, db),
    "exp": lambda out, a, da: out * da,
    "log": lambda out, a, da: da / a,
    "tanh": lambda out, a, da: (1 - out * out) * da,
    "sum": lambda out, a, da: np.sum(da),
    "transpose": lambda out, a, da: da.T,
}


# %% dual
class Dual(Operators):
    """An array and its tangent, which says how fast each entry moves."""

    def __init__(self, data, tangent=0.0):
        self.array = np.asanyarray(data, dtype=float)
        shape = self.array.shape
        self.tangent = np.broadcast_to(tangent, shape, subok=True)

    @classmethod
    def apply(cls, operation, *inputs):
        """Compute an array, and its tangent by the operation's rule."""
        duals = [x if isinstance(x, cls) else cls(x) for x in inputs]
        arrays = [x.array for x in duals]
        tangents = [x.tangent for x in duals]
        out = compute[operation](*arrays)
        return cls(out, push[operation](out, *arrays, *tangents))


# %% tangents
def f(x1, x2, x3):
    """Return (x1 + 2 x2)^T x3 / 5, shape (), for three shapes (n,)."""
    return (x1 + 2 * x2) @ x3 / 5


for direction in ([1, 0], [0, 1]):
    result = f(Dual([1, 2], direction), Dual([3, 4]), Dual([5, 6]))
    print("y =", result.array, " moves by", result.tangent)

# %% jvp
x, dx = torch.tensor([1.0, 2.0]), torch.tensor([0.0, 1.0])  # (2,), (2,)
others = torch.tensor([3.0, 4.0]), torch.tensor([5.0, 6.0])
print(torch.func.jvp(lambda x: f(x, *others), (x,), (dx,)))


# %% counted
class Counted(np.ndarray):
    """An array that counts the operations carried out on its entries."""

    done = 0

    def __array_ufunc__(self, ufunc, method, *inputs, **options):
        plain = [np.asarray(array) for array in inputs]
        out = np.asarray(getattr(ufunc, method)(*plain, **options))
        if method == "reduce":  # a sum of many entries
            Counted.done += np.size(plain[0]) - np.size(out)
        elif ufunc is np.matmul:  # n products, n - 1 additions an entry
            Counted.done += (2 * plain[0].shape[-1] - 1) * np.size(out)
        else:
            Counted.done += np.size(out)
        return out.view(Counted)


def count(action) -> int:
    """Return how many operations an action takes."""
    before = Counted.done
    action()
    return Counted.done - before


# %% measure
def forward_mode(kinds, arrays) -> None:
    """Find the gradient by one pass for each entry of each array."""
    for i, array in enumerate(arrays):
        for entry in np.ndindex(array.shape):
            tangents = [np.zeros_like(each) for each in arrays]
            tangents[i][entry] = 1
            objective(*kinds, *map(Dual, arrays, tangents))


def costs(k: int) -> tuple:
    """Count for a network 2-k-1: the objective, each mode's gradient."""
    draws = [torch.randn(s) for s in ((k, 2), (k,), (k,), ())]
    arrays = [draw.double().numpy().view(Counted) for draw in draws]
    data = X.array, labels.array
    values = [Value(array) for array in (*data, *arrays)]
    once = count(lambda: objective(*values))
    reverse = count(lambda: gradients(objective(*values)))
    duals = [Dual(array) for array in data]
    return once, reverse, count(lambda: forward_mode(duals, arrays))


# %% table
measured = {4 * k + 1: costs(k) for k in (1, 2, 4, 8, 16, 32, 64)}
print("  P  objective   reverse   forward")
for P, (once, reverse, forward) in measured.items():
    times = f"{reverse / once:6.1f} x  {forward / once:6.1f} x"
    print(f"{P:3}  {once:9}  {times}")

# %% cost
_, axes = plt.subplots(figsize=(5, 3.4), layout="constrained")
rows = [(P, b / a, c / a) for P, (a, b, c) in measured.items()]
counts, backward, forward = zip(*rows, strict=True)
axes.loglog(counts, forward, "o--", color="C1", label="forward mode")
axes.loglog(counts, backward, "s-", color="C0", label="reverse mode")
axes.set(xlabel="parameters $P$", ylabel="evaluations of the objective")
axes.set(ylim=(1, 2e3))
axes.legend()
plt.show()


# %% formulas
def naive(z):
    """Return ln(1 + exp(z)) as it is written, for any shape."""
    return torch.log(1 + torch.exp(z))


def stable(z):
    """Return the same; exp never sees a positive number."""
    return torch.relu(z) + torch.log(1 + torch.exp(-z.abs()))


z = torch.tensor([-1000.0, 0.0, 1000.0], dtype=torch.float64)
z.requires_grad_()
for formula in (naive, stable):
    slopes = torch.autograd.grad(formula(z).sum(), z)[0]  # (3,)
    print(f"{formula.__name__:6}", *(f"{n:9.4f}" for n in formula(z)))
    print("slopes", *(f"{n:9.4f}" for n in slopes))


# %% softplus
class Softplus(torch.autograd.Function):
    """ln(1 + exp(z)), entry by entry, right at every z."""

    @staticmethod
    def forward(ctx, z):
        """Compute the stable formula; save the input."""
        ctx.save_for_backward(z)
        return stable(z)

    @staticmethod
    def backward(ctx, gradient):
        """Multiply by the derivative, the logistic function."""
        (z,) = ctx.saved_tensors
        return gradient * torch.sigmoid(z)


print(torch.autograd.grad(Softplus.apply(z).sum(), z)[0])
some = torch.tensor([-2.0, 0.0, 3.0], dtype=torch.float64)
some.requires_grad_()
print(torch.autograd.gradcheck(Softplus.apply, some))


# %% first-come
def first_come(result) -> list:
    """Return a value and all it came from, as we come across them."""
    found = [result]
    for value in found:  # the list grows while we go through it
        for parent in value.parents:
            if parent not in found:
                found.append(parent)
    return found


s = x1 @ x3  # ()
c = s + s * s  # ()
print(gradients(c, order=first_come)[x1])
print(gradients(c)[x1])

# %% no-fit
bias, arrived = np.zeros(3), np.ones((4, 3))
print((bias - 0.1 * arrived).shape)
print((bias - 0.1 * fit(arrived, bias.shape)).shape)

# %% numpy-first
scale = np.array([10.0, 1.0])
print((x1 * scale).array)
wrong = scale * x1
print(type(wrong).__name__, wrong.shape, wrong[0].array, wrong[1].array)

# %% exercise-sine
compute["sin"] = np.sin
pull["sin"] = lambda g, out, a: (g * np.cos(a),)
push["sin"] = lambda out, a, da: np.cos(a) * da
sin = function("sin")
angle, step = 0.5, 1e-6
x = Value(angle)
print(f"reverse {gradients(sin(x))[x]:.6f}")
print(f"forward {sin(Dual(angle, 1)).tangent:.6f}")
slope = (np.sin(angle + step) - np.sin(angle - step)) / (2 * step)
print(f"central {slope:.6f}")


# %% exercise-node
class Network(torch.autograd.Function):
    """The objective of XOR, computed by our engine, as one operation."""

    @staticmethod
    def forward(ctx, *tensors):
        """Build our graph, and keep it for the backward pass."""
        ctx.values = [Value(tensor.numpy()) for tensor in tensors]
        ctx.result = objective(X, labels, *ctx.values)
        return torch.tensor(ctx.result.array)

    @staticmethod
    def backward(ctx, gradient):
        """Run our backward pass from the gradient that arrives."""
        g = gradients(ctx.result, gradient.numpy())
        return tuple(torch.tensor(g[value]) for value in ctx.values)


leaves = [torch.tensor(a).double().requires_grad_() for a in start]
print(torch.autograd.gradcheck(Network.apply, leaves))


# %% exercise-coffee
def cool(rate, minutes: int) -> list:
    """Return the temperatures of a coffee, minute by minute."""
    temperatures = [90 + 0 * rate]
    for _ in range(minutes):
        now = temperatures[-1]
        temperatures.append(now - rate * (now - 20))
    return temperatures


by_dual = cool(Dual(0.05, 1), 60)  # one pass for all minutes
rate = Value(0.05)
for minute in (1, 10, 60):
    tangent = by_dual[minute].tangent
    pulled = gradients(cool(rate, 60)[minute])[rate]  # a pass for each
    exact = -70 * minute * 0.95 ** (minute - 1)
    print(f"{minute:2}: {tangent:8.2f} {pulled:8.2f} {exact:8.2f}")
