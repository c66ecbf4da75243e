"""Plots: tables of how well a classifier does, with the word how to draw them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any, cast

from tracklib.errors import BadValueError
from tracklib.media.arrays import as_array, is_array
from tracklib.media.table import Table
from tracklib.model.scalars import describe, number
from tracklib.typing import JSON, Number

__all__ = ["confusion_matrix", "pr_curve", "roc_curve"]

_MAX_CLASSES = 1000


def confusion_matrix(
    actual: object,
    predicted: object,
    *,
    labels: Sequence[object] | None = None,
    title: str | None = None,
    caption: str | None = None,
) -> Table:
    """Return a table of how often each class was taken for each: ``actual``, ``predicted``, ``count``.

    Args:
        actual: The true classes, as integers or texts.
        predicted: What was predicted: classes too, or an array of scores, of shape (examples, classes).
        labels: The names of the classes, where they are the integers 0, 1, 2, ...
    """
    return _Matrix(actual, predicted, labels, title, caption)


def roc_curve(
    actual: object,
    scores: object,
    *,
    labels: Sequence[object] | None = None,
    title: str | None = None,
    caption: str | None = None,
) -> Table:
    """Return a table of the receiver operating characteristic: ``class``, ``fpr``, ``tpr``, ``threshold``.

    Args:
        actual: The true classes: 0 and 1 (or false and true), or integers from 0 with scores for each class.
        scores: The score of class 1, or an array of shape (examples, classes); each class against the rest.
        labels: The names of the classes 0, 1, 2, ...
    """
    return _Roc(actual, scores, labels, title, caption)


def pr_curve(
    actual: object,
    scores: object,
    *,
    labels: Sequence[object] | None = None,
    title: str | None = None,
    caption: str | None = None,
) -> Table:
    """Return a table of precision over recall: ``class``, ``recall``, ``precision``, ``threshold``; as `roc_curve`."""
    return _PrecisionRecall(actual, scores, labels, title, caption)


class _Plot(Table):
    """A table that is computed when it is logged, so that wrong data are refused there."""

    def __init__(
        self, actual: object, guess: object, labels: Sequence[object] | None, title: str | None, caption: str | None
    ) -> None:
        super().__init__(caption=caption)
        self.actual, self.guess, self.labels, self.title = actual, guess, labels, title
        self.plot = {**self._plan(), **({"title": title} if title is not None else {})}

    @abstractmethod
    def _plan(self) -> dict[str, JSON]: ...

    def _name(self, number: object) -> JSON:
        labels = self.labels
        named = labels is not None and isinstance(number, int) and 0 <= number < len(labels)
        found = cast("Sequence[object]", labels)[cast("int", number)] if named else number
        return found if isinstance(found, (str, int, float)) else str(found)


class _Matrix(_Plot):
    def _plan(self) -> dict[str, JSON]:
        return {"kind": "matrix", "x": "predicted", "y": "actual", "value": "count"}

    def _content(self) -> tuple[list[str], list[Sequence[Any]]]:
        actual = _listed(self.actual)
        guesses = [_best(row) if isinstance(row, list) else row for row in _listed(self.guess)]
        _check_lengths(actual, guesses)
        classes = self._classes(actual, guesses)
        counts: dict[tuple[object, object], int] = {}
        for pair in zip(actual, guesses, strict=True):
            counts[pair] = counts.get(pair, 0) + 1
        rows: list[Sequence[Any]] = [
            [self._name(a), self._name(p), counts.get((a, p), 0)] for a in classes for p in classes
        ]
        return ["actual", "predicted", "count"], rows

    def _classes(self, actual: list[Any], guesses: list[Any]) -> list[Any]:
        found = dict.fromkeys([*actual, *guesses])
        if self.labels is not None and all(type(name) is int for name in found):
            found = {**dict.fromkeys(range(len(self.labels))), **found}
        try:
            classes = sorted(found)
        except TypeError:  # texts beside numbers
            classes = sorted(found, key=repr)
        if len(classes) > _MAX_CLASSES:
            raise BadValueError(f"expected at most {_MAX_CLASSES:,} classes, got {len(classes):,}; are these scores?")
        return classes


class _Curve(_Plot):
    _x = _y = ""

    def _plan(self) -> dict[str, JSON]:
        return {"kind": "line", "x": self._x, "y": self._y, "series": "class"}

    def _content(self) -> tuple[list[str], list[Sequence[Any]]]:
        actual = _listed(self.actual)
        scores = _listed(self.guess)
        _check_lengths(actual, scores)
        rows: list[Sequence[Any]] = []
        for place, column in _columns(scores):
            is_it = [int(number(found)) == place for found in actual]
            rows += [[self._name(place), *point] for point in self._points(list(_steps(is_it, column)))]
        return ["class", self._x, self._y, "threshold"], rows

    @abstractmethod
    def _points(self, steps: list[tuple[float, int, int]]) -> Iterator[tuple[float, float, float]]: ...


class _Roc(_Curve):
    _x, _y = "fpr", "tpr"

    def _points(self, steps: list[tuple[float, int, int]]) -> Iterator[tuple[float, float, float]]:
        _, hits, misses = steps[-1]
        yield 0.0, 0.0, float("inf")
        for threshold, right, wrong in steps:
            yield _ratio(wrong, misses), _ratio(right, hits), threshold


class _PrecisionRecall(_Curve):
    _x, _y = "recall", "precision"

    def _points(self, steps: list[tuple[float, int, int]]) -> Iterator[tuple[float, float, float]]:
        _, hits, _ = steps[-1]
        yield 0.0, 1.0, float("inf")
        for threshold, right, wrong in steps:
            yield _ratio(right, hits), right / (right + wrong), threshold


def _ratio(part: int, whole: int) -> float:
    """Return a part of a whole; NaN where there is no whole, such as the hits of a class that nothing is of."""
    return part / whole if whole else float("nan")


def _steps(is_it: list[bool], scores: list[Number]) -> Iterator[tuple[float, int, int]]:
    """Yield each threshold, from the highest score down, with how many at it or above are and are not of the class."""
    right = wrong = 0
    ordered = sorted(zip(scores, is_it, strict=True), key=lambda pair: pair[0], reverse=True)
    for score, group in groupby(ordered, key=lambda pair: pair[0]):
        for _, of_it in group:
            right, wrong = right + of_it, wrong + (not of_it)
        yield float(score), right, wrong


def _columns(scores: list[Any]) -> Iterator[tuple[int, list[Number]]]:
    """Yield each class with its scores; scores without classes are those of class 1."""
    width = len(scores[0]) if isinstance(scores[0], list) else 0
    if width and any(not isinstance(row, list) or len(row) != width for row in scores):
        raise BadValueError(f"expected {width} scores in each row, got rows of other lengths")
    columns = {place: [number(row[place]) for row in scores] for place in range(width)}
    for place, column in (columns or {1: [number(score) for score in scores]}).items():
        if any(score != score for score in column):  # noqa: PLR0124  NaN
            raise BadValueError(f"expected scores that can be ordered, got NaN among those of class {place}")
        yield place, column


def _listed(values: object) -> list[Any]:
    if is_array(values):
        listed = as_array(values).tolist()
        if isinstance(listed, list):
            return listed
    if isinstance(values, Iterable) and not isinstance(values, (str, bytes)):
        return [_plain(value) for value in values]
    raise BadValueError(f"expected a list or an array, got {describe(values)}")


def _plain(value: Any) -> Any:
    """Return a class or score as Python's own; rows of scores as lists."""
    if is_array(value):
        return as_array(value).tolist()
    return list(value) if isinstance(value, tuple) else value


def _best(scores: list[Any]) -> int:
    return max(range(len(scores)), key=scores.__getitem__)


def _check_lengths(actual: list[Any], guesses: list[Any]) -> None:
    if len(actual) != len(guesses) or not actual:
        raise BadValueError(f"expected as many predictions as true classes, got {len(guesses)} and {len(actual)}")
