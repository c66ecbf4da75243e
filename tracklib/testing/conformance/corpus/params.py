"""Params: their types, sizes, changes and nesting."""

from __future__ import annotations

import math
from collections.abc import Mapping

from tracklib.backends.capabilities import Feature
from tracklib.model.records import Params
from tracklib.testing.conformance.cases import Case
from tracklib.typing import JSON

__all__ = ["PARAMS"]

_TYPES: Mapping[str, JSON] = {
    "int": 3,
    "float": 3.0,
    "tenth": 0.1,
    "minus-zero": -0.0,
    "nan": math.nan,
    "inf": -math.inf,
    "true": True,
    "false": False,
    "none": None,
    "text": "adam",
    "empty": "",
    "number-text": "3",
    "float-text": "3.0",
    "true-text": "true",
    "none-text": "None",
    "null-text": "null",
    "nan-text": "NaN",
    "json-text": '{"a": 1}',
    "quoted-text": '"adam"',
    "tagged-text": "!float NaN",
    "padded": "  a  ",
    "lines": "one\ntwo\r\n",
    "nul": "a\0b",
    "unicode": "naïve 機械学習 🙂",
    "list": [1, 2.0, "3", None, [True]],
    "empty-list": [],
    "empty-dict": {},
    "large": 2**53 + 1,
    "huge": 2**70,
}

PARAMS = (
    *(
        Case(f"params/{word}", Feature.PARAM_TYPES, (Params({f"param-{word}": value}),))
        for word, value in _TYPES.items()
    ),
    Case(
        "params/nested",
        Feature.PARAM_NAMES,
        (Params({"param-nested": {"model": {"depth": 4, "a.b": 1, "a": {"b": 2}}, "list": [{"x": 1}]}}),),
    ),
    Case("params/long", Feature.PARAM_LONG, (Params({"param-long": "0123456789" * 70}),)),
    Case("params/very-long", Feature.PARAM_LONG, (Params({"param-very-long": "word " * 20_000}),)),
    Case(
        "params/changed",
        Feature.PARAM_CHANGED,
        (Params({"param-changed": 1}), Params({"param-changed": 2}), Params({"param-changed": "three"})),
    ),
    Case(
        "params/merged",
        Feature.PARAM_CHANGED,
        (Params({"param-merged": {"a": 1, "b": 2}}), Params({"param-merged": {"b": 3, "c": {"d": 4}}})),
    ),
    Case(
        "params/kind-changed",
        Feature.PARAM_CHANGED,
        (Params({"param-kind": {"a": 1}}), Params({"param-kind": 5})),
    ),
    Case("params/repeated", Feature.PARAM_TYPES, (Params({"param-same": 1}), Params({"param-same": 1}))),
    Case("params/many", Feature.PARAM_TYPES, (Params({"param-many": {f"k{i}": i for i in range(300)}}),)),
)
