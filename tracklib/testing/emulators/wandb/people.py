"""Users, teams and the server itself, as the read API shows them."""

from __future__ import annotations

from typing import Any

from tracklib.testing.emulators.wandb.connections import connection
from tracklib.testing.emulators.wandb.state import encoded_id
from tracklib.testing.emulators.wandb.world import World

__all__ = ["entity", "org_entity", "server_info", "user", "viewer"]


def viewer(world: World) -> dict[str, Any]:
    """Return the user whose key it is."""
    return user(world)


def user(world: World) -> dict[str, Any]:
    """Return the only user there is."""
    return {
        "__typename": "User",
        "id": encoded_id("User", world.username),
        "name": world.username,
        "username": world.username,
        "email": f"{world.username}@example.com",
        "admin": False,
        "flags": "{}",
        "entity": world.entity,
        "deletedAt": None,
        "apiKeys": connection([], dict),
        "teams": connection([world.entity], lambda name: {"__typename": "Entity", "name": name}),
        "organizations": [],
    }


def entity(world: World, name: str | None) -> dict[str, Any]:
    """Return a team, with its organization where the server has one."""
    organization = None
    if world.organization is not None:
        own = {"__typename": "Entity", "name": org_entity(world)}
        organization = {"__typename": "Organization", "name": world.organization, "orgEntity": own}
    return {
        "__typename": "Entity",
        "id": encoded_id("Entity", name or world.entity),
        "name": name or world.entity,
        "isTeam": True,
        "readOnly": False,
        "xxhashDigestsEnabled": False,
        "organization": organization,
        "user": None,
    }


def org_entity(world: World) -> str:
    """Return the name of the entity to which an organization's registries belong."""
    return f"{world.organization}_registry"


def server_info(world: World) -> dict[str, Any]:
    """Return what the server can do."""
    return {
        "__typename": "ServerInfo",
        "features": [{"__typename": "ServerFeature", "name": n, "isEnabled": True} for n in sorted(world.features)],
        "cliVersionInfo": "{}",
        "latestLocalVersionInfo": None,
    }
