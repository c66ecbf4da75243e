"""Histograms: numpy's very counts, with numpy or without."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tracklib
from tracklib.errors import BadValueError
from tracklib.model.media import HistogramData, read_histogram


@given(st.lists(st.floats(-1e6, 1e6) | st.integers(-1000, 1000), min_size=1, max_size=50), st.integers(1, 20))
def test_every_value_is_counted_once(values, bins):
    """Of a list as of an array, each value lies in one bin, and the edges are the values' own ends."""
    of_list = read_histogram(tracklib.Histogram(values, bins=bins).render().read())
    of_array = read_histogram(tracklib.Histogram(np.array(values, dtype=float), bins=bins).render().read())
    assert sum(of_list.counts) == sum(of_array.counts) == len(values)
    assert len(of_list.counts) == len(of_array.counts) == bins
    assert of_list.edges == pytest.approx(of_array.edges)
    if min(values) < max(values):
        assert (of_list.edges[0], of_list.edges[-1]) == (min(values), max(values))


def test_what_lies_in_no_bin_is_counted_and_told_of(render, told):
    """NaN and infinities are left out of arrays and lists alike."""
    values = [1.0, math.nan, 2.0, math.inf, -math.inf]
    for given_values in (values, np.array(values), (value for value in values)):
        rendered = render(tracklib.Histogram(given_values, bins=2))
        assert read_histogram(rendered.read()) == HistogramData((1.0, 1.5, 2.0), (1, 1))
        assert rendered.metadata == {"values": 2, "left_out": {"nan": 1, "infinite": 2}}
    assert told == ["leaves out 1 NaN and 2 infinite values, which lie in no bin"] * 3


def test_a_histogram_that_was_made_before(render):
    """Edges and counts are kept as they are; integers stay integers."""
    counts, edges = np.histogram(np.arange(10), bins=3)
    rendered = render(tracklib.Histogram(edges=edges, counts=counts, caption="c"))
    assert read_histogram(rendered.read()) == HistogramData((0.0, 3.0, 6.0, 9.0), (3, 3, 4))
    assert rendered.metadata == {"caption": "c", "values": 10}


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (tracklib.Histogram([]), "one finite value or more"),
        (tracklib.Histogram([math.nan]), "one finite value or more"),
        (tracklib.Histogram(["a"]), "expected a number, got str 'a'"),
        (tracklib.Histogram("123"), "expected an array or numbers"),
        (tracklib.Histogram(np.array(["a"])), "real numbers"),
        (tracklib.Histogram([1], bins=0), "bins"),
        (tracklib.Histogram([1], edges=[0, 1], counts=[1]), "either values, or both"),
        (tracklib.Histogram(edges=[0, 1]), "either values, or both"),
        (tracklib.Histogram(edges=[0, 1], counts=[1, 2]), "2 edges and 2 counts"),
        (tracklib.Histogram([-1.7e308, 1.7e308]), "span"),
    ],
)
def test_what_is_no_histogram_is_refused(render, value, problem):
    """Each is refused with what was expected."""
    with pytest.raises(BadValueError) as caught:
        render(value)
    assert problem in str(caught.value)
