"""Plots: how well a classifier does, computed as scikit-learn computes it, without it."""

from __future__ import annotations

import numpy as np
import pytest

import tracklib
from tracklib.errors import BadValueError
from tracklib.model.media import read_table


def rows(value) -> list[tuple]:
    return list(read_table(value.render().read()).rows)


def test_the_confusion_matrix(render):
    """Every pair of classes has its count, in the order of the classes, from classes as from scores."""
    scores = np.array([[0.9, 0.1], [0.2, 0.8], [0.7, 0.3]])
    expected = [("cat", "cat", 1), ("cat", "dog", 0), ("dog", "cat", 1), ("dog", "dog", 1)]
    for predicted in ([0, 1, 0], np.array([0, 1, 0]), scores, scores.tolist()):
        assert rows(tracklib.confusion_matrix([0, 1, 1], predicted, labels=["cat", "dog"])) == expected
    rendered = render(tracklib.confusion_matrix(["b", "a"], ["b", "b"], title="T", caption="c"))
    assert read_table(rendered.read()).rows == (("a", "a", 0), ("a", "b", 1), ("b", "a", 0), ("b", "b", 1))
    plot = {"kind": "matrix", "x": "predicted", "y": "actual", "value": "count", "title": "T"}
    assert rendered.metadata == {"caption": "c", "plot": plot}


def test_the_curves_are_scikit_learns():
    """The points are those of scikit-learn, each threshold and equal scores taken together."""
    metrics = pytest.importorskip("sklearn.metrics")
    random = np.random.default_rng(7)
    actual, scores = random.integers(0, 2, 60), random.integers(0, 12, 60) / 12
    roc = rows(tracklib.roc_curve(actual, scores))
    fpr, tpr, thresholds = metrics.roc_curve(actual, scores, drop_intermediate=False)
    assert [row[0] for row in roc] == [1] * len(roc)
    assert np.array([row[1:] for row in roc]) == pytest.approx(np.array([fpr, tpr, thresholds]).T)
    precision, recall, thresholds = metrics.precision_recall_curve(actual, scores)
    ours = [row[1:] for row in rows(tracklib.pr_curve(actual, scores))]
    assert np.array(ours[1:]) == pytest.approx(np.array([recall[:-1], precision[:-1], thresholds]).T[::-1])
    assert ours[0][:2] == (recall[-1], precision[-1])


def test_each_class_against_the_rest():
    """With scores for each class there is a curve for each, by its name."""
    found = rows(tracklib.roc_curve([0, 1, 2], np.eye(3), labels=["a", "b", "c"]))
    assert [row[0] for row in found] == ["a"] * 3 + ["b"] * 3 + ["c"] * 3
    assert found[1][1:] == (0.0, 1.0, 1.0)


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (tracklib.confusion_matrix([1], [1, 2]), "got 2 and 1"),
        (tracklib.confusion_matrix([], []), "got 0 and 0"),
        (tracklib.confusion_matrix(5, [1]), "expected a list or an array"),
        (tracklib.confusion_matrix(range(2000), range(2000)), "at most 1,000 classes"),
        (tracklib.roc_curve([0, 1], [0.5, float("nan")]), "NaN among those of class 1"),
        (tracklib.pr_curve([0, 1], [[0.5, 0.5], [1.0]]), "2 scores in each row"),
        (tracklib.pr_curve([0, "x"], [0.5, 0.5]), "expected a number"),
    ],
)
def test_wrong_data_are_refused_when_they_are_logged(value, problem):
    """Making a plot raises nothing; rendering it says what is wrong."""
    with pytest.raises(BadValueError) as caught:
        value.render()
    assert problem in str(caught.value)
