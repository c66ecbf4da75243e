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
    "surrogate": "a\ud800b",
    "list-of-lists": [[1, 2], [], [[3.5]]],
    "list": [1, 2.0, "3", None, [True]],
    "empty-list": [],
    "empty-dict": {},
    "large": 2**53 + 1,
    "huge": 2**70,
}


def _deep(levels: int) -> JSON:
    return {"d": _deep(levels - 1)} if levels else "bottom"


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
    Case(
        "params/dots-beside-nesting",
        Feature.PARAM_NAMES,
        (Params({"param-dots.x": 1, "param-dots": {"x": 2, "x.y": 3}}),),
    ),
    Case("params/number-names", Feature.PARAM_NAMES, (Params({"param-numbers": {"1": "a", "01": "b", "1.0": "c"}}),)),
    Case("params/empty-name", Feature.PARAM_NAMES, (Params({"": 1, "param-empty-inside": {"": {"": 2}}}),)),
    Case("params/deep", Feature.PARAM_NAMES, (Params({"param-deep": _deep(40)}),)),
    Case("params/long", Feature.PARAM_LONG, (Params({"param-long": "0123456789" * 70}),)),
    Case("params/cut-at-500", Feature.PARAM_LONG, (Params({f"param-{n}": "x" * n for n in (500, 501, 6000, 6001)}),)),
    Case("params/longest", Feature.PARAM_LONG, (Params({"param-longest": "0123456789" * 100_000}),)),
    Case("params/very-long", Feature.PARAM_LONG, (Params({"param-very-long": "word " * 20_000}),)),
    Case(
        "params/changed",
        Feature.PARAM_CHANGED,
        (Params({"param-changed": 1}), Params({"param-changed": 2}), Params({"param-changed": "three"})),
    ),
    Case(
        "params/changed-among-others",
        Feature.PARAM_CHANGED,
        (Params({"param-one-of-three": 1}), Params({"param-two": 2, "param-one-of-three": 3, "param-three": 4})),
    ),
    Case("params/changed-type", Feature.PARAM_CHANGED, (Params({"param-typed": 1}), Params({"param-typed": "1"}))),
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
