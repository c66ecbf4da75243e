"""What clients do to artifacts."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from tracklib.testing.emulators.wandb.artifacts import artifact_node
from tracklib.testing.emulators.wandb.connections import connection
from tracklib.testing.emulators.wandb.files import file_node
from tracklib.testing.emulators.wandb.graphql import GraphQLProblem, Node
from tracklib.testing.emulators.wandb.manifests import content_key, manifest_file
from tracklib.testing.emulators.wandb.state import Artifact, encoded_id
from tracklib.testing.emulators.wandb.world import World

__all__ = ["CHANGES"]

_KNOWN = frozenset(
    [
        "entityName",
        "projectName",
        "runName",
        "artifactTypeName",
        "artifactCollectionName",
        "artifactCollectionNames",
        "digest",
        "digestAlgorithm",
        "description",
        "metadata",
        "aliases",
        "clientID",
        "sequenceClientID",
        "enableDigestDeduplication",
        "historyStep",
        "distributedID",
        "labels",
        "ttlDurationSeconds",
        "tags",
        "storageRegion",
    ]
)


def create(world: World, **given: Any) -> Node:
    """Begin a version; where the collection's digest says that it is there already, return that one."""
    unknown = given.keys() - _KNOWN
    if unknown:
        raise GraphQLProblem(f"unknown fields of createArtifact's input: {sorted(unknown)}", unknown=True)
    given = {**given, "entityName": given["entityName"] or world.entity}  # `wandb sync` leaves it to the key's default
    wanted = [each["alias"] for each in given.get("aliases") or []]
    same = _same(world, given) if given.get("enableDigestDeduplication") else None
    artifact = same or _new(world, given)
    if artifact.state == "COMMITTED":
        _move_aliases(world, artifact, wanted)
    else:
        artifact.wanted_aliases = wanted
    _note_output(world, artifact, f"{given['entityName']}/{given['projectName']}/{given.get('runName')}")
    return {"__typename": "CreateArtifactPayload", "artifact": artifact_node(world, artifact)}


def create_manifest(world: World, *, artifactID: str, **_: Any) -> Node:
    """Give a version a manifest, with the address for its upload."""
    artifact = _existing(world, artifactID)
    manifest = encoded_id("ArtifactManifest", artifact.id, str(len(artifact.manifests)))
    key = f"manifests/{manifest}.json"
    artifact.manifests[manifest] = key
    artifact.manifest = manifest
    return {"__typename": "CreateArtifactManifestPayload", "artifactManifest": manifest_file(world, manifest, key)}


def update_manifest(world: World, *, artifactManifestID: str, **_: Any) -> Node:
    """Give the address for the upload of a manifest that is there."""
    for artifact in world.state.artifacts.values():
        if artifactManifestID in artifact.manifests:
            node = manifest_file(world, artifactManifestID, artifact.manifests[artifactManifestID])
            return {"__typename": "UpdateArtifactManifestPayload", "artifactManifest": node}
    raise GraphQLProblem(f"no artifact manifest has the id {artifactManifestID!r}")


def create_files(
    world: World,
    *,
    artifactFiles: list[dict[str, Any]],
    storageLayout: str | None = None,
    cloudRegionID: str | None = None,
) -> Node:
    """Give an address for the upload of each file; none for a content that is held already."""

    def node(given: dict[str, Any]) -> dict[str, Any]:
        key = content_key(given["md5"])
        artifact = world.state.artifacts[given["artifactID"]]
        stored = key in world.blobs
        return {
            **file_node(world, key, given["name"]),
            "uploadUrl": None if stored else world.storage_url(key),
            "uploadMultipartUrls": None,
            "artifact": {"__typename": "Artifact", "id": artifact.id},
        }

    return {"__typename": "CreateArtifactFilesPayload", "files": connection(artifactFiles, node)}


def commit(world: World, *, artifactID: str) -> Node:
    """End a version: give it its number, ``latest`` and the aliases that it asked for."""
    artifact = _existing(world, artifactID)
    if artifact.state != "COMMITTED":
        artifact.index = len(world.state.versions(artifact.entity, artifact.project, artifact.collection))
        artifact.state = "COMMITTED"
        _move_aliases(world, artifact, ["latest", *artifact.wanted_aliases])
    return {"__typename": "CommitArtifactPayload", "artifact": artifact_node(world, artifact)}


def use(world: World, *, artifactID: str, entityName: str, projectName: str, runName: str, **_: Any) -> Node:
    """Note that a run used a version."""
    artifact, run = _existing(world, artifactID), world.state.runs[f"{entityName}/{projectName}/{runName}"]
    run.inputs += [artifact.id] if artifact.id not in run.inputs else []
    artifact.used_by += [run.path] if run.path not in artifact.used_by else []
    return {"__typename": "UseArtifactPayload", "artifact": artifact_node(world, artifact)}


def update(world: World, *, artifactID: str, **given: Any) -> Node:
    """Change a version's description, metadata, aliases or tags."""
    artifact = _existing(world, artifactID)
    for name in ("description", "metadata"):
        if given.get(name) is not None:
            setattr(artifact, name, given[name])
    if given.get("aliases") is not None:
        artifact.aliases = []
        _move_aliases(world, artifact, [each["alias"] for each in given["aliases"]])
    added = [tag["tagName"] for tag in given.get("tagsToAdd") or []]
    removed = [tag["tagName"] for tag in given.get("tagsToDelete") or []]
    artifact.tags = [tag for tag in dict.fromkeys([*artifact.tags, *added]) if tag not in removed]
    artifact.updated_at = time.time()
    return {"__typename": "UpdateArtifactPayload", "artifact": artifact_node(world, artifact)}


def add_aliases(world: World, *, artifactID: str, aliases: list[dict[str, Any]]) -> Node:
    """Give a version aliases, which others of its collection lose."""
    _move_aliases(world, _existing(world, artifactID), [each["alias"] for each in aliases])
    return {"__typename": "AddAliasesPayload", "success": True}


def delete_aliases(world: World, *, artifactID: str, aliases: list[dict[str, Any]]) -> Node:
    """Take aliases from a version."""
    artifact, lost = _existing(world, artifactID), [each["alias"] for each in aliases]
    artifact.aliases = [alias for alias in artifact.aliases if alias not in lost]
    return {"__typename": "DeleteAliasesPayload", "success": True}


def delete(world: World, *, artifactID: str, deleteAliases: bool = False) -> Node:
    """Delete a version; one that has aliases only where that is asked for."""
    artifact = _existing(world, artifactID)
    if artifact.aliases and not deleteAliases:
        raise GraphQLProblem("cannot delete an artifact that has aliases; set deleteAliases")
    artifact.state, artifact.aliases = "DELETED", []
    return {"__typename": "DeleteArtifactPayload", "artifact": artifact_node(world, artifact)}


def _same(world: World, given: dict[str, Any]) -> Artifact | None:
    versions = world.state.versions(given["entityName"], given["projectName"], _collection(given))
    return next((each for each in versions if each.digest == given["digest"]), None)


def _new(world: World, given: dict[str, Any]) -> Artifact:
    entity, project, now = given["entityName"], given["projectName"], time.time()
    world.state.project(entity, project)
    artifact = Artifact(
        id=encoded_id("Artifact", str(len(world.state.artifacts))),
        entity=entity,
        project=project,
        collection=_collection(given),
        type=given["artifactTypeName"],
        digest=given["digest"],
        created_at=now,
        run=f"{entity}/{project}/{given.get('runName')}",
        description=given.get("description"),
        metadata=given.get("metadata"),
        client_id=given.get("clientID"),
        history_step=given.get("historyStep"),
        tags=[tag["tagName"] for tag in given.get("tags") or []],
    )
    world.state.artifacts[artifact.id] = artifact
    return artifact


def _collection(given: dict[str, Any]) -> str:
    names = given.get("artifactCollectionNames") or [given.get("artifactCollectionName")]
    return str(names[0])


def _note_output(world: World, artifact: Artifact, path: str) -> None:
    run = world.state.runs.get(path)
    if run is not None and artifact.id not in run.outputs:
        run.outputs.append(artifact.id)


def _move_aliases(world: World, artifact: Artifact, aliases: list[str]) -> None:
    for other in world.state.versions(artifact.entity, artifact.project, artifact.collection):
        if other is not artifact:
            other.aliases = [alias for alias in other.aliases if alias not in aliases]
    artifact.aliases = list(dict.fromkeys([*artifact.aliases, *aliases]))


def _existing(world: World, id: str) -> Artifact:
    artifact = world.state.artifacts.get(id)
    if artifact is None:
        raise GraphQLProblem(f"no artifact has the id {id!r}")
    return artifact


CHANGES: dict[str, Callable[..., Node]] = {
    "createArtifact": create,
    "createArtifactManifest": create_manifest,
    "updateArtifactManifest": update_manifest,
    "createArtifactFiles": create_files,
    "commitArtifact": commit,
    "useArtifact": use,
    "updateArtifact": update,
    "addAliases": add_aliases,
    "deleteAliases": delete_aliases,
    "deleteArtifact": delete,
}
