"""The lab, part one: look at the data, then set samples aside."""

# %% imports
import difflib
import importlib

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer, load_iris

# %% borrow
from lab import as_tensors, csv_name, load_table, split_rows

# %% names
for name in ("mean radius", "radius error", "worst fractal dimension"):
    print(f"{name:24} {csv_name(name)}")

# %% count
table = load_table()
print(table.shape)
print(table["diagnosis"].value_counts().to_dict())
print(f"malignant: {(table['diagnosis'] == 'M').mean():.3f}")

# %% first-rows
columns = ["diagnosis", "radius_mean", "texture_mean", "area_mean"]
print(table[columns].head(10))

# %% quality
print("missing values:", table.isna().sum().sum())
print("repeated rows: ", table.duplicated().sum())

# %% describe
features = ["radius_mean", "texture_mean"]
print(table.groupby("diagnosis")[features].agg(["mean", "std"]).round(2))

# %% two-features
figure, axes = plt.subplots(figsize=(5.5, 4.2), layout="constrained")
for letter, marker, word in (("B", "o", "benign"), ("M", "x", "malignant")):
    group = table[table["diagnosis"] == letter]
    axes.plot(
        group["radius_mean"],
        group["texture_mean"],
        marker,
        markersize=4,
        markerfacecolor="none",
        label=f"{word}, {len(group)}",
    )
axes.set_xlabel("radius_mean (unit of the image)")
axes.set_ylabel("texture_mean (gray levels)")
axes.legend()
plt.show()

# %% split
train, validation, test = split_rows(len(table))
print(len(train), len(validation), len(test))
print(train[:5])

# %% disjoint
together = sorted([*train, *validation, *test])
print(together == list(range(569)))

# %% balance
malignant = (table["diagnosis"] == "M").to_numpy()
for name, rows in (
    ("train", train),
    ("validation", validation),
    ("test", test),
):
    share = f"{malignant[rows].sum():3} of {len(rows)} malignant"
    print(f"{name:10}  {share}  {malignant[rows].mean():.3f}")

# %% baseline
errors = malignant[test].sum()  # who always says benign misses all of them
print(f"{errors} of {len(test)}: {errors / len(test):.3f}")

# %% tensors
X_train, y_train = as_tensors(table, train, features)
print(X_train.shape, X_train.dtype)
print(y_train.shape, y_train.dtype)
print(X_train[:2])
print(y_train[:5])

# %% column-name
try:
    table[["mean radius", "texture_mean"]]
except KeyError as error:
    print("KeyError:", error)

# %% column-name-cure
print(difflib.get_close_matches("radius", table.columns, n=3, cutoff=0.4))

# %% package
try:
    importlib.import_module("scikit_learn")
except ModuleNotFoundError as error:
    print("ModuleNotFoundError:", error)

# %% target
bundle = load_breast_cancer()
print(bundle.target[:3], [str(name) for name in bundle.target_names])
print(bundle.target.sum(), "ones, but", malignant.sum(), "malignant")

# %% in-order
for first, last in ((0, 341), (341, 454), (454, 569)):
    share = malignant[first:last].mean()
    print(f"rows {first:3} to {last - 1}: {share:.3f} malignant")

# %% exercise-correlation
numbers = table.drop(columns="diagnosis")
with_radius = numbers.corr()["radius_mean"].drop("radius_mean")
print(with_radius.sort_values(ascending=False)[:5].round(3).to_string())
print(f"texture_mean: {with_radius['texture_mean']:.3f}")

# %% exercise-threshold
radius = table["radius_mean"].to_numpy()
best = min(
    radius[train],
    key=lambda limit: ((radius[train] > limit) != malignant[train]).sum(),
)
for rows in (train, test):
    wrong = ((radius[rows] > best) != malignant[rows]).sum()
    print(f"radius_mean > {best}: {wrong} of {len(rows)} wrong")

# %% exercise-chance
shares = [malignant[split_rows(569, seed)[2]].sum() for seed in range(1000)]
print(f"{np.mean(shares):.1f} malignant on average in a test part")
print(f"from {min(shares)} to {max(shares)}, std {np.std(shares):.1f}")

# %% exercise-stratified
generator = np.random.RandomState(0)
parts = [[], [], []]
for rows in (np.flatnonzero(malignant), np.flatnonzero(~malignant)):
    generator.shuffle(rows)
    cuts = [int(0.6 * len(rows)), int(0.8 * len(rows))]
    for part, some in zip(parts, np.split(rows, cuts), strict=True):
        part += some.tolist()
for part in parts:
    print(len(part), f"{malignant[part].mean():.3f}")

# %% exercise-iris
flowers = load_iris(as_frame=True).frame  # the column target is the species
print("missing values:", flowers.isna().sum().sum())
print("repeated rows: ", flowers.duplicated().sum())
print("in order:      ", flowers["target"].is_monotonic_increasing)
most = flowers["target"].value_counts().max()
print(f"always one species: {1 - most / len(flowers):.3f} wrong")
