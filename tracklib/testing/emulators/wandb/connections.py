"""Lists as GraphQL has them: edges, cursors and pages."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from tracklib.testing.emulators.wandb.graphql import GraphQLProblem, Node

__all__ = ["connection"]

T = TypeVar("T")


def connection(
    items: Sequence[T], node: Callable[[T], Node], *, first: int | None = None, after: str | None = None
) -> dict[str, Any]:
    """Return one page of a list; the nodes are made when they are asked for."""
    start = _offset(after) if after else 0
    stop = len(items) if first is None else min(len(items), start + first)
    return {
        "__typename": "Connection",
        "totalCount": len(items),
        "edges": [_edge(item, node, number) for number, item in enumerate(items[start:stop], start)],
        "pageInfo": {
            "__typename": "PageInfo",
            "endCursor": _cursor(stop) if stop > start else after,
            "hasNextPage": stop < len(items),
        },
    }


def _edge(item: T, node: Callable[[T], Node], number: int) -> dict[str, Any]:
    made = node(item)
    version = made.get("versionIndex")
    return {"__typename": "Edge", "node": made, "cursor": _cursor(number + 1), "version": f"v{version}"}


def _cursor(offset: int) -> str:
    return base64.b64encode(f"offset:{offset}".encode()).decode()


def _offset(cursor: str) -> int:
    try:
        return int(base64.b64decode(cursor).decode().removeprefix("offset:"))
    except ValueError as error:
        raise GraphQLProblem(f"expected a cursor that this server gave; got {cursor!r}") from error
