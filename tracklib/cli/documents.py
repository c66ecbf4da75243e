"""Documents: the JSON objects that ``--json`` prints; their fields are stable, new ones may be added.

Times are ISO 8601 in UTC with nine digits. A metric's value or a step that JSON lacks is ``"NaN"``, ``"Infinity"``,
``"-Infinity"`` or the digits of an integer beyond 64 bits; in params and other trees such a value carries a tag
(``"!float NaN"``), all as in the journal itself (``docs/format.md``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tracklib.cli.quantities import iso_time
from tracklib.model.codec import encode_tree, metric_token

if TYPE_CHECKING:
    from tracklib.delivery.receipt import Receipt
    from tracklib.model.records import Artifact, FileRef, Media
    from tracklib.model.run import RunInfo
    from tracklib.model.state import RunState

__all__ = ["artifact_document", "delivery_document", "media_document", "run_document", "state_document"]


def run_document(info: RunInfo) -> dict[str, Any]:
    """Return ``id, project, name, status, started, ended, group, job_type, parent, attempt``."""
    return {
        "id": info.id,
        "project": info.project,
        "name": info.name,
        "status": info.status,
        "started": iso_time(info.started),
        "ended": iso_time(info.ended),
        "group": info.group,
        "job_type": info.job_type,
        "parent": info.parent,
        "attempt": info.attempt,
    }


def delivery_document(receipt: Receipt, totals: dict[str, int]) -> dict[str, Any]:
    """Return how far a run is at one backend.

    That is ``entry, backend, destination, state, confirmed, pending, changed, changes, refused, resent, error, since,
    vendor_id, url``; ``changes`` says for each declared transformation how many records it concerned.
    """
    return {
        "entry": receipt.entry,
        "backend": receipt.backend,
        "destination": encode_tree(receipt.destination),
        "state": receipt.state,
        "confirmed": receipt.confirmed_records,
        "pending": receipt.pending(totals),
        "changed": receipt.changed,
        "changes": dict(receipt.changes),
        "refused": receipt.refused,
        "resent": receipt.resent,
        "error": receipt.error,
        "since": iso_time(int(receipt.since * 1e9)) if receipt.since else None,
        "vendor_id": receipt.vendor_id,
        "url": receipt.url,
    }


def artifact_document(artifact: Artifact, version: int) -> dict[str, Any]:
    """Return ``name, type, version, aliases, metadata, folders, files, references``.

    A file is ``path, size, sha256``, a reference ``path, url, size, digest``.
    """
    return {
        "name": artifact.name,
        "type": artifact.type,
        "version": version,
        "aliases": list(artifact.aliases),
        "metadata": encode_tree(artifact.metadata),
        "folders": list(artifact.folders),
        "files": list(map(_file, artifact.files)),
        "references": [{"path": r.path, "url": r.url, "size": r.size, "digest": r.digest} for r in artifact.references],
    }


def _file(file: FileRef) -> dict[str, Any]:
    return {"path": file.path, "size": file.size, "sha256": file.sha256}


def media_document(media: Media) -> dict[str, Any]:
    """Return ``key, step, index, timestamp, media_type, metadata, file, attachments``."""
    return {
        "key": media.key,
        "step": metric_token(media.step),
        "index": media.index,
        "timestamp": media.timestamp,
        "media_type": media.media_type,
        "metadata": encode_tree(media.metadata),
        "file": _file(media.file),
        "attachments": list(map(_file, media.attachments)),
    }


def state_document(state: RunState) -> dict[str, Any]:
    """Return what a run has come to, its metrics aside."""
    return {
        "exit_code": state.exit_code,
        "error": state.error,
        "context": encode_tree(state.context),
        "params": encode_tree(state.params),
        "tags": dict(state.tags),
        "notes": state.notes,
        "summary": encode_tree(state.summary),
        "inputs": [{"name": i.name, "type": i.type, "version": i.version, "run": i.run} for i in state.inputs],
        "media": [media_document(media) for media in state.media],
        "notices": [{"code": n.code, "message": n.message, "count": n.count} for n in state.notices],
        "system": {name: metric_token(value) for name, value in state.system.items()},
        "console": state.console,
        "records": state.records,
    }
