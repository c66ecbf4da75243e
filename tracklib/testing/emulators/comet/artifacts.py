"""Artifacts and their versions."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

from tracklib.testing.emulators.comet.assets import add, listed
from tracklib.testing.emulators.comet.state import ArtifactVersion
from tracklib.testing.emulators.comet.world import Refused, Route, World
from tracklib.testing.emulators.exchange import Request

__all__ = ["ROUTES"]

NOT_FOUND = 624523
NOT_FINAL = 90403


def upsert(world: World, request: Request) -> dict[str, Any]:
    """Open a version: the one that is asked for, or the next major one."""
    asked = request.json()
    experiment = world.experiment(asked["experimentKey"])
    name = asked["artifactName"]
    before = list(_versions(world, experiment.workspace, name))
    version = asked.get("version") or (f"{int(before[-1].version.split('.')[0]) + 1}.0.0" if before else "1.0.0")
    if any(each.version == version for each in before):
        raise Refused(f"version {version} of artifact {name} already exists")
    made = ArtifactVersion(
        id=uuid.uuid4().hex,
        artifact=before[0].artifact if before else uuid.uuid4().hex,
        workspace=experiment.workspace,
        project=experiment.project,
        name=name,
        type=asked["artifactType"],
        version=version,
        experiment=experiment.key,
        metadata=asked.get("versionMetadata"),
        aliases=list(asked.get("alias") or []),
        tags=list(asked.get("versionTags") or []),
    )
    world.state.versions[made.id] = made
    return {
        "artifactId": made.artifact,
        "artifactVersionId": made.id,
        "currentVersion": version,
        "previousVersion": before[-1].version if before else None,
    }


def set_state(world: World, request: Request) -> dict[str, Any]:
    """Close a version, or say that it failed; what is closed takes its aliases from others, and is the latest."""
    asked = request.json()
    version = world.state.versions[asked["artifactVersionId"]]
    version.state = asked["state"]
    if version.state == "CLOSED":
        for other in _versions(world, version.workspace, version.name):
            if other is not version:
                other.aliases = [alias for alias in other.aliases if alias not in version.aliases]
    return {}


def labels(world: World, request: Request) -> dict[str, Any]:
    """Change aliases, tags and metadata of a version."""
    asked = request.json()
    version = world.state.versions[asked["artifactVersionId"]]
    version.aliases = version.aliases if asked.get("alias") is None else asked["alias"]
    version.tags = version.tags if asked.get("versionTags") is None else asked["versionTags"]
    version.metadata = asked.get("versionMetadata") or version.metadata
    return {}


def remote_assets(world: World, request: Request) -> dict[str, Any]:
    """Take files of a version that are elsewhere."""
    for asked in request.json()["remoteArtifactAssetRequests"]:
        query = {name: str(value) for name, value in asked.items() if value is not None}
        query["experimentKey"] = request.query["experimentKey"]
        add(world, query, b"", metadata=asked.get("metadata"), link=asked["link"])
    return {}


def version(world: World, request: Request) -> dict[str, Any]:
    """Return one version, by its id, number or alias."""
    found = _found(world, request)
    if found.state != "CLOSED" and not request.query.get("versionId"):  # by its id a writer asks for its own
        raise Refused(f"version {found.version} of artifact {found.name} is not final", NOT_FINAL)
    consumer = request.query.get("consumerExperimentKey")
    found.consumers += [consumer] if consumer and consumer not in found.consumers else []
    return _shown(world, found)


def files(world: World, request: Request) -> dict[str, Any]:
    """Return the files of a version."""
    found = _found(world, request)
    mine = [asset for asset in world.state.assets.values() if asset.artifact_version == found.id]
    return {"files": [{**listed(world, a), "link": a.link, "artifactVersionId": found.id} for a in mine]}


def lineage(world: World, request: Request) -> dict[str, Any]:
    """Return the artifacts that an experiment made (``filter=output``), used (``input``), or both (``all``)."""
    key, wanted = world.experiment(request.query["experimentKey"]).key, request.query.get("filter", "all")
    if wanted not in ("all", "input", "output"):
        raise Refused(f"unknown direction {wanted}")
    mine = [
        version
        for version in world.state.versions.values()
        if (wanted != "input" and version.experiment == key) or (wanted != "output" and key in version.consumers)
    ]
    return {"artifacts": [_artifact(each) for each in {v.artifact: v for v in mine}.values()]}


def all_artifacts(world: World, request: Request) -> dict[str, Any]:
    """Return the artifacts of a workspace."""
    workspace, wanted = request.query.get("workspace", world.workspace), request.query.get("type")
    mine = [v for v in world.state.versions.values() if v.workspace == workspace and wanted in (None, v.type)]
    return {"artifacts": [_artifact(each) for each in {v.artifact: v for v in mine}.values()]}


def one_artifact(world: World, request: Request) -> dict[str, Any]:
    """Return an artifact with its versions."""
    found = list(_candidates(world, request))
    if not found:
        raise Refused("no such artifact", NOT_FOUND)
    return {**_artifact(found[-1]), "versions": [_shown(world, each) for each in found]}


def _versions(world: World, workspace: str, name: str) -> Iterator[ArtifactVersion]:
    return (v for v in world.state.versions.values() if (v.workspace, v.name) == (workspace, name))


def _candidates(world: World, request: Request) -> Iterator[ArtifactVersion]:
    query = request.query
    artifact, name = query.get("artifactId") or query.get("artifact_id"), unquote(query.get("artifactName") or "")
    if artifact:
        return (v for v in world.state.versions.values() if v.artifact == artifact)
    return _versions(world, query.get("workspace") or world.workspace, name)


def _found(world: World, request: Request) -> ArtifactVersion:
    query = request.query
    if query.get("versionId"):
        return world.state.versions[query["versionId"]]
    wanted = query.get("versionOrAlias") or query.get("version") or query.get("alias")
    candidates = [v for v in _candidates(world, request) if wanted is None or wanted in (v.version, *v.aliases)]
    if not candidates:
        raise Refused(f"no such version of an artifact: {dict(query)}", NOT_FOUND)
    return candidates[-1]


def _artifact(version: ArtifactVersion) -> dict[str, Any]:
    return {
        "artifactId": version.artifact,
        "artifactName": version.name,
        "artifactType": version.type,
        "workspaceName": version.workspace,
        "project": version.project,
        "tags": [],
        "description": None,
        "latestVersion": version.version,
    }


def _shown(world: World, version: ArtifactVersion) -> dict[str, Any]:
    mine = [asset for asset in world.state.assets.values() if asset.artifact_version == version.id]
    return {
        "artifact": _artifact(version),
        "artifactVersionId": version.id,
        "artifactVersion": version.version,
        "version": version.version,
        "experimentKey": version.experiment,
        "metadata": version.metadata,
        "alias": version.aliases,
        "tags": version.tags,
        "state": version.state,
        "sizeInBytes": sum(asset.size for asset in mine),
    }


ROUTES: dict[str, Route] = {
    "POST write/artifacts/upsert": upsert,
    "POST write/artifacts/state": set_state,
    "POST write/artifacts/version/labels": labels,
    "POST write/artifact/assets/remote/batch": remote_assets,
    "GET artifacts/version": version,
    "GET artifacts/version/files": files,
    "GET get/artifacts": lineage,
    "GET artifacts/get-all": all_artifacts,
    "GET artifacts/get": one_artifact,
}
