"""Artifacts as the read API shows them."""

from __future__ import annotations

from typing import Any

from tracklib.testing.emulators.exchange import loads
from tracklib.testing.emulators.wandb import manifests, people
from tracklib.testing.emulators.wandb.connections import connection
from tracklib.testing.emulators.wandb.graphql import Node
from tracklib.testing.emulators.wandb.state import Artifact, Project, Run, encoded_id, iso
from tracklib.testing.emulators.wandb.world import World

__all__ = ["artifact_node", "project_fields", "query_fields"]


def query_fields(world: World) -> dict[str, Any]:
    """Return the fields of the query's root that concern artifacts."""

    def one(id: str) -> Node | None:
        artifact = world.state.artifacts.get(id)
        return None if artifact is None else artifact_node(world, artifact)

    def by_client_id(clientID: str) -> Node | None:
        found = [each for each in world.state.artifacts.values() if each.client_id == clientID]
        return {"__typename": "ClientIDMapping", "serverID": found[-1].id} if found else None

    def collection(id: str) -> Node | None:
        """Return the collection of an id, which is known by its versions."""
        for each in world.state.artifacts.values():
            if id == _collection_id(each):
                return _collection(world, world.state.project(each.entity, each.project), each.collection)
        return None

    return {"artifact": one, "artifactCollection": collection, "clientIDMapping": by_client_id}


def artifact_node(world: World, artifact: Artifact) -> Node:
    """Return one version."""
    collection = _collection_brief(world, artifact)
    return {
        "__typename": "Artifact",
        "id": artifact.id,
        "state": artifact.state,
        "digest": artifact.digest,
        "digestAlgorithm": "MANIFEST_MD5",
        "versionIndex": artifact.index,
        "description": artifact.description,
        "metadata": artifact.metadata,
        "ttlDurationSeconds": -2,
        "ttlIsInherited": True,
        "historyStep": artifact.history_step,
        "commitHash": artifact.id,
        "createdAt": iso(artifact.created_at),
        "updatedAt": iso(artifact.updated_at or artifact.created_at),
        "tags": [{"__typename": "Tag", "id": encoded_id("Tag", tag), "name": tag} for tag in artifact.tags],
        "aliases": [_alias(artifact, alias, collection) for alias in artifact.aliases],
        "artifactType": {"__typename": "ArtifactType", "name": artifact.type},
        "artifactSequence": collection,
        "size": lambda: sum(entry.get("size") or 0 for entry in manifests.entries(world, artifact).values()),
        "fileCount": lambda: len(manifests.entries(world, artifact)),
        "currentManifest": lambda: manifests.manifest_node(world, artifact),
        "files": lambda names=None, first=None, after=None: manifests.files(world, artifact, names, first, after),
        "createdBy": lambda: _run_brief(world, world.state.runs.get(artifact.run)),
        "usedBy": lambda: connection(artifact.used_by, lambda path: _run_brief(world, world.state.runs[path]) or {}),
    }


def project_fields(world: World, project: Project) -> dict[str, Any]:
    """Return the fields of a project that concern artifacts."""

    def named(name: str) -> Artifact | None:
        collection, _, version = name.partition(":")
        return _version(world.state.versions(project.entity, project.name, collection), version or "latest")

    def membership(name: str) -> Node | None:
        artifact = named(name)
        return None if artifact is None else _membership(world, artifact)

    def brief(name: str) -> Node | None:
        artifact = named(name)
        return None if artifact is None else artifact_node(world, artifact)

    def types() -> list[str]:
        mine = (a for a in world.state.artifacts.values() if (a.entity, a.project) == (project.entity, project.name))
        return list(dict.fromkeys(artifact.type for artifact in mine))

    def type_page(first: int | None = None, after: str | None = None) -> Node:
        return connection(types(), lambda name: _type_node(world, project, name), first=first, after=after)

    return {
        "artifact": brief,
        "artifactCollectionMembership": membership,
        "artifactType": lambda name: _type_node(world, project, name) if name in types() else None,
        "artifactTypes": type_page,
        "artifactCollection": lambda name: _collection(world, project, name),
        "artifactCollections": lambda **page: _collections(world, project, None, **page),
    }


def _type_node(world: World, project: Project, name: str) -> Node:
    return {
        "__typename": "ArtifactType",
        "id": encoded_id("ArtifactType", project.id, name),
        "name": name,
        "description": None,
        "createdAt": iso(project.created_at),
        "artifactCollection": lambda name: _collection(world, project, name),
        "artifactCollections": lambda **page: _collections(world, project, name, **page),
    }


def _collections(
    world: World,
    project: Project,
    type: str | None,
    *,
    first: int | None = None,
    after: str | None = None,
    filters: str | None = None,
    order: str | None = None,
) -> Node:
    wanted = _wanted(filters)
    mine = (a for a in world.state.artifacts.values() if (a.entity, a.project) == (project.entity, project.name))
    chosen = (a.collection for a in mine if a.index is not None and (type is None or a.type == type))
    names = sorted(name for name in dict.fromkeys(chosen) if not wanted or name in wanted)
    names = names[::-1] if (order or "").startswith("-") else names
    return connection(names, lambda name: _collection(world, project, name) or {}, first=first, after=after)


def _wanted(filters: str | None) -> list[str]:
    """Return the names that a filter of collections allows; it is known in this one form."""
    condition = loads(filters) if filters else {}
    name = condition.get("name")
    if name is None:
        return []
    return list(name["$in"]) if isinstance(name, dict) else [name]


def _collection(world: World, project: Project, name: str) -> Node | None:
    versions = world.state.versions(project.entity, project.name, name)
    if not versions:
        return None

    def membership(aliasName: str) -> Node | None:
        found = _version(versions, aliasName)
        return None if found is None else _membership(world, found)

    def page(
        first: int | None = None, after: str | None = None, order: str | None = None, filters: str | None = None
    ) -> Node:
        wanted = (loads(filters) if filters else {}).get("state")
        chosen = [version for version in versions if wanted in (None, version.state)]
        chosen = chosen if (order or "").startswith("+") else chosen[::-1]
        return connection(chosen, lambda each: artifact_node(world, each), first=first, after=after)

    aliases = [(version, alias) for version in versions for alias in version.aliases]
    brief = _collection_brief(world, versions[0])
    return {
        **brief,
        "description": None,
        "createdAt": iso(versions[0].created_at),
        "updatedAt": iso(versions[-1].created_at),
        "defaultArtifactType": {"__typename": "ArtifactType", "name": versions[0].type},
        "tags": connection([], dict),
        "artifactMembership": membership,
        "artifacts": page,
        "aliases": lambda first=None, after=None: connection(
            aliases, lambda pair: _alias(pair[0], pair[1], brief), first=first, after=after
        ),
    }


def _collection_brief(world: World, artifact: Artifact) -> dict[str, Any]:
    project = world.state.project(artifact.entity, artifact.project)

    def latest() -> Node | None:
        versions = world.state.versions(artifact.entity, artifact.project, artifact.collection)
        return artifact_node(world, versions[-1]) if versions else None

    return {
        "__typename": "ArtifactSequence",
        "id": _collection_id(artifact),
        "name": artifact.collection,
        "digestAlgorithm": "MANIFEST_MD5",
        "project": _project_brief(world, project),
        "latestArtifact": latest,
    }


def _collection_id(artifact: Artifact) -> str:
    return encoded_id("ArtifactCollection", artifact.collection_path)


def _membership(world: World, artifact: Artifact) -> Node:
    collection = _collection_brief(world, artifact)
    return {
        "__typename": "ArtifactCollectionMembership",
        "id": encoded_id("ArtifactCollectionMembership", artifact.id),
        "versionIndex": artifact.index,
        "createdAt": iso(artifact.created_at),
        "aliases": [_alias(artifact, alias, collection) for alias in artifact.aliases],
        "artifactCollection": collection,
        "artifact": artifact_node(world, artifact),
        "files": lambda names=None, first=None, after=None: manifests.files(world, artifact, names, first, after),
    }


def _alias(artifact: Artifact, alias: str, collection: Node) -> dict[str, Any]:
    return {
        "__typename": "ArtifactAlias",
        "id": encoded_id("ArtifactAlias", artifact.collection_path, alias),
        "alias": alias,
        "artifactCollection": collection,
    }


def _version(versions: list[Artifact], version: str) -> Artifact | None:
    """Return the version of an alias, or of a number as ``v3``."""
    return next((each for each in versions if version in each.aliases or version == f"v{each.index}"), None)


def _run_brief(world: World, run: Run | None) -> Node | None:
    if run is None:
        return None
    project = world.state.project(run.entity, run.project)
    return {"__typename": "Run", "id": run.id, "name": run.name, "project": _project_brief(world, project)}


def _project_brief(world: World, project: Project) -> dict[str, Any]:
    return {
        "__typename": "Project",
        "id": project.id,
        "internalId": str(project.number),
        "name": project.name,
        "entity": people.entity(world, project.entity),
    }
