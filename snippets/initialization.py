"""Initialization."""

# %% total
values = [3, 5, 7]
total = sum(values)
print(total)

# %% mistake
try:
    values["first"]
except TypeError as error:
    print(f"TypeError: {error}")

# %% first
print(values[0] + values[1])

# %% second
backward = sum(reversed(values))
print(backward == total)

# %% third
basket = {"apples": 2, "pears": 3}
print(sum(basket.values()))
