"""Names of metrics, params and tags that vendors refuse, fold together or keep for themselves."""

from __future__ import annotations

from tracklib.backends.capabilities import Feature
from tracklib.model.records import Metrics, Params, Tags
from tracklib.testing.conformance.cases import Case

__all__ = ["NAMES"]

_ODD = {
    "slashes": "a/b/c",
    "double-slash": "a//b",
    "leading-slash": "/a",
    "trailing-slash": "a/",
    "dots": "a.b.c",
    "dot": ".",
    "dot-dot": "..",
    "path": "../../etc/passwd",
    "inner-path": "a/../b",
    "parent": "a",
    "child": "a/b",
    "parent-by-dot": "a.b",
    "space": "a b",
    "spaces-around": " a ",
    "colon": "a:b",
    "percent": "100%",
    "percent-code": "a%41",
    "hash": "a#b?c",
    "quotes": "a'b\"c",
    "backslash": "a\\b",
    "newline": "a\nb",
    "tab": "a\tb",
    "pipe": "a|b",
    "stars": "a*<b>",
    "escape": "\x1b[31ma\x7f",
    "nul": "a\0b",
    "surrogate": "a\ud800b",
    "unicode": "Genauigkeit/größe",
    "emoji": "🙂",
    "combining": "e\u0301",
    "composed": "\u00e9",
    "rtl": "\u202eabc",
    "upper": "LOSS",
    "lower": "loss",
    "sql": "x'; DROP TABLE runs; --",
    "html": "<b>x</b>",
    "step": "_step",
    "timestamp": "_timestamp",
    "runtime": "_runtime",
    "wandb": "_wandb",
    "mlflow": "mlflow.source.name",
    "system": "system/cpu",
    "double-system": "__system__cpu",
    "epoch": "epoch",
    "tracklib": "tracklib.run_id",
    "number": "0",
    "dunder": "__proto__",
    "long": "n" * 300,
    "very-long": "v" * 2000,
    "longest": "w" * 10_000,
    "just-beyond-twins-a": "u" * 100 + "a",
    "just-beyond-twins-b": "u" * 100 + "b",
    "long-twins-a": "t" * 260 + "a",
    "long-twins-b": "t" * 260 + "b",
}

NAMES = (
    *(Case(f"names/metric-{word}", Feature.METRIC_NAMES, (Metrics({name: 0.5}, 1),)) for word, name in _ODD.items()),
    *(Case(f"names/param-{word}", Feature.PARAM_NAMES, (Params({name: 0.5}),)) for word, name in _ODD.items()),
    *(Case(f"names/tag-{word}", Feature.TAGS, (Tags({name: "x"}),)) for word, name in _ODD.items()),
)
