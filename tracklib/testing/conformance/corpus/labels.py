"""Tags, notes, summary, console output, system metrics and context."""

from __future__ import annotations

import math

from tracklib.backends.capabilities import Feature
from tracklib.model.records import Console, Context, Notes, Summary, System, Tags
from tracklib.testing.conformance.cases import Case

__all__ = ["LABELS"]

LABELS = (
    Case("tags/bare", Feature.TAGS, (Tags({"tag-bare": ""}),)),
    Case("tags/value", Feature.TAGS, (Tags({"tag-team": "vision"}),)),
    Case("tags/changed", Feature.TAGS, (Tags({"tag-changed": "a"}), Tags({"tag-changed": "b"}))),
    Case("tags/removed", Feature.TAGS, (Tags({"tag-removed": "a", "tag-stays": "b"}), Tags({"tag-removed": None}))),
    Case("tags/odd-values", Feature.TAGS, (Tags({"tag-odd": "a=b, c\n\t'\"", "tag-none": "None", "tag-nul": "a\0"}),)),
    Case("tags/unicode", Feature.TAGS, (Tags({"tag-größe": "naïve 機械学習 🙂", "tag-surrogate": "a\ud800b"}),)),
    Case("tags/many", Feature.TAGS, (Tags({f"tag-many-{i}": str(i) for i in range(120)}),)),
    Case("tags/back-again", Feature.TAGS, tuple(Tags({"tag-back": value}) for value in ("a", None, "b"))),
    Case("tags/longest", Feature.TAG_LONG, (Tags({"tag-longest": "x" * 100_000}),)),
    Case("tags/long", Feature.TAG_LONG, (Tags({"tag-long": "long " * 2000}),)),
    Case(
        "notes/markdown",
        Feature.NOTES,
        (Notes("first"), Notes("# Title\n\n*naïve* 機械学習 🙂 <b>\r\n" + "x" * 100_000)),
    ),
    Case("summary/values", Feature.SUMMARY, (Summary({"sum-best": 0.93, "sum-count": 3, "sum-text": "ok"}),)),
    Case("summary/nan", Feature.SUMMARY, (Summary({"sum-nan": math.nan, "sum-inf": math.inf, "sum-big": 2**53 + 1}),)),
    Case("summary/tree", Feature.SUMMARY, (Summary({"sum-tree": {"a": [1, 2.0], "b": None}}),)),
    Case("summary/long", Feature.SUMMARY, (Summary({"sum-long": "word " * 2_000}),)),
    Case("summary/same-name-as-a-metric", Feature.SUMMARY, (Summary({"value/float-tenth": 5.0, "loss": "best"}),)),
    Case("summary/changed", Feature.SUMMARY, (Summary({"sum-changed": 1}), Summary({"sum-changed": 0.5}))),
    Case(
        "console/lines",
        Feature.CONSOLE,
        (
            Console("stdout", "epoch 1\n"),
            Console("stderr", "warning: naïve 🙂\n"),
            Console("stdout", "\x1b[32mgreen\x1b[0m\n"),
            Console("stdout", "epoch 1\n"),
            Console("stdout", "no newline"),
        ),
    ),
    Case(
        "system/samples",
        Feature.SYSTEM,
        tuple(System({"cpu.percent": 12.5 + i, "memory.percent": 40, "gpu.0.utilization": 99.5}) for i in range(3)),
    ),
    Case(
        "context/captured",
        Feature.CONTEXT,
        (
            Context({"git": {"commit": "0" * 40, "branch": "main", "dirty": True}}),
            Context({"packages": {"numpy": "2.4.6", "größe": "1"}, "hardware": {"gpus": [], "memory": 2**34 + 0.5}}),
        ),
    ),
)
