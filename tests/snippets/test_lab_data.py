"""Is what the chapter on the lab's data says and prints true?"""

import re
from collections.abc import Callable
from itertools import chain
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_iris


@pytest.fixture
def ran(run_module: Callable[[str], Any]) -> Any:
    return run_module("lab_data")


@pytest.fixture
def names(ran: Any) -> dict[str, Any]:
    return dict(ran.namespace)


@pytest.fixture(scope="module")
def original() -> Any:
    return load_breast_cancer()


@pytest.mark.claim("lab_data#counts")
def test_the_table_holds_569_samples_of_which_212_are_malignant(
    names: dict[str, Any], original: Any
) -> None:
    table = names["table"]
    assert table.shape == (569, 31)
    assert int((table["diagnosis"] == "M").sum()) == 212
    assert ((table["diagnosis"] == "M") == (original.target == 0)).all()


def test_the_values_and_their_order_are_those_of_the_source(
    names: dict[str, Any], original: Any
) -> None:
    assert np.array_equal(names["table"].to_numpy()[:, 1:], original.data)


def test_the_columns_have_the_names_of_the_csv_file(names: dict[str, Any]) -> None:
    quantities = ["radius", "texture", "perimeter", "area", "smoothness"]
    quantities += ["compactness", "concavity", "concave points"]  # a space, in the CSV
    quantities += ["symmetry", "fractal_dimension"]
    expected = [f"{q}_{kind}" for kind in ("mean", "se", "worst") for q in quantities]
    assert list(names["table"].columns) == ["diagnosis", *expected]


def test_the_parts_have_the_sizes_and_first_rows_of_2019(
    names: dict[str, Any],
) -> None:
    rows = np.arange(569)
    np.random.RandomState(0).shuffle(rows)
    parts = (rows[:341], rows[341 : 341 + 113], rows[341 + 113 :])
    assert [len(part) for part in parts] == [341, 113, 115]
    assert rows[:5].tolist() == [512, 457, 439, 298, 37]
    for name, part in zip(("train", "validation", "test"), parts, strict=True):
        assert np.array_equal(names[name], part)


def test_the_malignant_samples_of_each_part_are_counted_from_the_source(
    names: dict[str, Any], original: Any
) -> None:
    counts = [
        int((original.target[names[part]] == 0).sum())
        for part in ("train", "validation", "test")
    ]
    assert counts == [123, 45, 44]
    assert sum(counts) == 212


@pytest.mark.claim("lab_data#baseline")
def test_calling_all_benign_has_the_risk_44_of_115(ran: Any, original: Any) -> None:
    rows = np.random.RandomState(0).permutation(569)[454:]
    assert int((original.target[rows] == 0).sum()) == 44
    assert len(rows) == 115
    assert f"44 of 115: {44 / 115:.3f}\n" in ran.output
    assert f"{44 / 115:.3f}" == "0.383"


def test_the_tensors_are_the_rows_of_the_source(
    names: dict[str, Any], original: Any
) -> None:
    expected = original.data[names["train"]][:, :2]  # radius and texture come first
    assert names["X_train"].numpy() == pytest.approx(expected, rel=1e-6)
    malignant = original.target[names["train"]] == 0
    assert names["y_train"].tolist() == malignant.astype(float).tolist()


def test_the_threshold_makes_no_more_training_errors_than_any_other(
    names: dict[str, Any],
) -> None:
    radius, malignant = names["radius"], names["malignant"]

    def errors(limit: float, rows: Any) -> int:
        return int(np.sum((radius[rows] > limit) != malignant[rows]))

    train, test = names["train"], names["test"]
    fewest = min(errors(limit, train) for limit in np.linspace(6, 29, 20001))
    assert errors(names["best"], train) == fewest == 37
    assert errors(names["best"], test) == 12


def test_malignant_counts_of_random_test_parts_vary_as_drawing_without_putting_back(
    ran: Any,
) -> None:
    mean = 115 * 212 / 569
    variance = mean * (1 - 212 / 569) * (569 - 115) / (569 - 1)  # hypergeometric
    found = re.search(r"([\d.]+) malignant on average", ran.output)
    assert found is not None
    assert float(found[1]) == pytest.approx(mean, abs=0.5)
    found = re.search(r"std ([\d.]+)", ran.output)
    assert found is not None
    assert float(found[1]) == pytest.approx(variance**0.5, abs=0.3)


def test_the_stratified_parts_have_equal_shares(names: dict[str, Any]) -> None:
    malignant = names["malignant"]
    shares = [malignant[part].mean() for part in names["parts"]]
    assert shares == pytest.approx([212 / 569] * 3, abs=0.005)
    assert sorted(chain.from_iterable(names["parts"])) == list(range(569))


def test_the_perimeter_is_the_feature_most_like_the_radius(
    ran: Any, original: Any
) -> None:
    correlations = np.corrcoef(original.data.T)[0]
    order = correlations.argsort()[::-1]
    assert list(original.feature_names[order[:3]]) == [
        "mean radius",
        "mean perimeter",
        "mean area",
    ]
    assert round(correlations[1], 3) == 0.324
    shown = ran.output.partition("texture_mean: 0.324")[0].splitlines()[-5:]
    assert [float(line.split()[1]) for line in shown] == [
        round(correlations[i], 3) for i in order[1:6]
    ]


@pytest.mark.claim("lab_data#quality")
def test_no_value_is_missing_and_no_row_is_repeated(original: Any) -> None:
    assert np.isfinite(original.data).all()
    rows = {tuple(map(float, row)) for row in original.data}
    assert len(rows) == 569


@pytest.mark.claim("lab_data#order")
def test_the_rows_are_not_in_random_order(original: Any) -> None:
    malignant = original.target == 0
    assert malignant[:10].all()
    first = int(malignant[:341].sum())
    shuffles = np.random.default_rng(0)
    counts = [shuffles.permutation(malignant)[:341].sum() for _ in range(2000)]
    assert first > max(counts)


@pytest.mark.claim("lab_data#partition")
def test_every_sample_is_in_exactly_one_part(names: dict[str, Any]) -> None:
    for seed in range(5):
        parts = names["split_rows"](569, seed)
        assert [len(part) for part in parts] == [341, 113, 115]
        assert sorted(chain.from_iterable(parts)) == list(range(569))


@pytest.mark.claim("lab_data#labels")
def test_1_means_malignant_here_and_benign_in_scikit_learn(
    names: dict[str, Any], original: Any
) -> None:
    assert list(original.target_names) == ["malignant", "benign"]
    ones = original.target[names["train"][names["y_train"].numpy() == 1]]
    assert set(ones.tolist()) == {0}


def test_the_iris_table_has_one_repeated_row_and_is_in_order(ran: Any) -> None:
    flowers = load_iris()
    rows = {
        (*map(float, row), int(kind))
        for row, kind in zip(flowers.data, flowers.target, strict=True)
    }
    assert f"repeated rows:  {150 - len(rows)}\n" in ran.output
    assert (np.diff(flowers.target) >= 0).all()
    assert f"always one species: {2 / 3:.3f} wrong\n" in ran.output
