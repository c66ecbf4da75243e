"""What MLflow holds beside runs: models and prompts of its registry, logged models, traces."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Any

from tracklib.backends.contract import Leftover
from tracklib.errors import RejectedError
from tracklib_mlflow.client import Client

__all__ = ["leftovers"]

_PAGE = 100


def leftovers(client: Client, experiment_ids: list[str]) -> Iterator[Leftover]:
    """Yield what belongs to no run: the registry is one for all experiments, the rest is of those that are named.

    What the server or the client is too old for is not there.
    """
    for model in _all(client, "registered models", client.raw.search_registered_models):
        yield Leftover("registered model", str(model.name))
    for prompt in _all(client, "prompts", _method(client, "search_prompts")):
        yield Leftover("prompt", str(prompt.name))
    for experiment_id in experiment_ids:
        for model in _all(client, "logged models", _method(client, "search_logged_models"), [experiment_id]):
            if not model.source_run_id:  # else it is read with its run
                yield Leftover("logged model", str(model.name))
        yield from _traces(client, experiment_id)


def _traces(client: Client, experiment_id: str) -> Iterator[Leftover]:
    """Yield the traces of an experiment, without what they hold."""
    search = _method(client, "search_traces")
    # MLflow 2.18 knows no such word, and always fetches them.
    knows = search is not None and "include_spans" in inspect.signature(search).parameters
    more = {"include_spans": False} if knows else {}
    for trace in _all(client, "traces", search, [experiment_id], **more):
        yield Leftover("trace", str(getattr(trace.info, "trace_id", None) or trace.info.request_id))


def _method(client: Client, name: str) -> Callable[..., Any] | None:
    found: Callable[..., Any] | None = getattr(client.raw, name, None)
    return found


def _all(client: Client, what: str, search: Callable[..., Any] | None, *args: Any, **more: Any) -> Iterator[Any]:
    token: str | None = None
    while search is not None:
        try:
            page = client.call(f"listing {what}", search, *args, max_results=_PAGE, page_token=token, **more)
        except RejectedError:  # a server of a version without them
            return
        yield from page
        token = page.token
        if not token:
            return
