"""Files of experiments: how they come, and how they are read."""

from __future__ import annotations

import base64
import uuid
from typing import Any

from tracklib.testing.emulators.comet import exports
from tracklib.testing.emulators.comet.forms import parts
from tracklib.testing.emulators.comet.state import Asset
from tracklib.testing.emulators.comet.world import Refused, Route, World, now
from tracklib.testing.emulators.exchange import Reply, Request

__all__ = ["ROUTES", "add", "listed"]


def upload(world: World, request: Request) -> dict[str, Any]:
    """Take a file, or the link to one that is elsewhere; in its query stands what it is."""
    form = parts(request)
    link = form.get("link", b"").decode() or None
    content = form.get("file", b"")
    asset = add(world, dict(request.query), content, metadata=form.get("metadata", b"").decode() or None, link=link)
    return {"assetId": asset.id, "link": f"{world.url}/asset/{asset.id}", "imageId": asset.id}


def picture(world: World, request: Request) -> dict[str, Any]:
    """Take a picture, whose name stands elsewhere than that of a file."""
    form, query = parts(request), dict(request.query)
    query = {**query, "fileName": query.get("figName", "image"), "type": "image"}
    asset = add(world, query, form.get("file", b""), metadata=form.get("metadata", b"").decode() or None)
    return {"imageId": asset.id, "link": f"{world.url}/asset/{asset.id}", "assetId": asset.id}


def reserve(world: World, request: Request) -> dict[str, Any]:
    """Make an asset of many items, without a content yet."""
    asked = request.json()
    query = {"experimentKey": asked["experimentKey"], "fileName": asked["userFileName"], "type": asked["assetType"]}
    step = {} if asked.get("step") is None else {"step": str(asked["step"])}
    return {"assetId": add(world, {**query, **step}, b"", metadata=asked.get("metadata")).id}


def listing(world: World, request: Request) -> dict[str, Any]:
    """List assets, of one type where that is asked for; with the exports of metrics in full, which have a type."""
    experiment, wanted = world.experiment(request.query["experimentKey"]), request.query.get("type")
    if wanted == exports.TYPE:
        return {"assets": exports.listed(experiment)}
    found = [asset for asset in world.state.assets_of(experiment.key) if wanted in (None, "all", asset.type)]
    return {"assets": [listed(world, asset) for asset in found]}


def by_name(world: World, request: Request) -> dict[str, Any]:
    """List the assets of one name."""
    name = request.query.get("assetName", request.query.get("fileName"))
    found = world.state.assets_of(world.experiment(request.query["experimentKey"]).key)
    return {"assets": [listed(world, asset) for asset in found if asset.name == name]}


def content(world: World, request: Request) -> Reply:
    """Return the content of an asset."""
    asked = request.query["assetId"]
    if asked.startswith(exports.PREFIX):
        return Reply(200, exports.content(world.experiment(request.query["experimentKey"]), asked))
    asset = world.state.assets.get(asked)
    if asset is None:
        raise Refused(f"no asset has the id {asked}", status=404)
    return Reply(200, world.blobs.get(asset.key) or b"", {"Content-Type": "application/octet-stream"})


def delete(world: World, request: Request) -> dict[str, Any]:
    """Forget an asset."""
    asset = world.state.assets.pop(request.query["assetId"], None)
    if asset is not None:
        world.blobs.delete(asset.key)
    return {}


def limits(world: World, request: Request) -> dict[str, Any]:
    """Return how many three-dimensional clouds may be uploaded."""
    return {"maxClouds3D": 100, "cloudsUploadLimit": 100, "currentAmount": 0, "limit": 100}


def add(
    world: World, query: dict[str, str], content: bytes, *, metadata: str | None = None, link: str | None = None
) -> Asset:
    """Hold a file; with ``overwrite`` in the place of those of its name."""
    experiment = world.experiment(query["experimentKey"] if "experimentKey" in query else query["experimentId"])
    name = query.get("fileName") or "file"
    if query.get("overwrite") in ("true", "True"):
        for old in [asset for asset in world.state.assets_of(experiment.key) if asset.name == name]:
            del world.state.assets[old.id]
    asset = Asset(query.get("assetId") or uuid.uuid4().hex, experiment.key, name, query.get("type") or "asset", now())
    asset.size, asset.metadata, asset.link = len(content), metadata, link
    asset.step = int(query["step"]) if query.get("step") else None
    asset.context, asset.artifact_version = query.get("context"), query.get("artifactVersionId")
    asset.params = query
    world.state.assets[asset.id] = asset
    world.blobs.put(asset.key, content)
    if asset.type == "model-element":
        experiment.models.setdefault(query.get("groupingName", ""), []).append(asset.id)
    return asset


def listed(world: World, asset: Asset) -> dict[str, Any]:
    """Return an asset as lists show it."""
    return {
        "assetId": asset.id,
        "experimentKey": asset.experiment,
        "fileName": asset.name,
        "fileSize": asset.size,
        "type": asset.type,
        "step": asset.step,
        "runContext": asset.context,
        "metadata": asset.metadata,
        "createdAt": asset.created_at,
        "remote": asset.link is not None,
        "link": asset.link if asset.link is not None else f"{world.url}/asset/{asset.id}",
        "dir": None,
        "curlDownload": "",
        "artifactVersionId": asset.artifact_version,
    }


def item(world: World, request: Request) -> dict[str, Any]:
    """Take one item of an asset of many."""
    form = parts(request)
    content = form.get("assetItemContent") or base64.b64decode(form.get("content", b""))
    return {"assetId": add(world, {**request.query, "type": "asset-item"}, content).id}


ROUTES: dict[str, Route] = {
    "POST asset/upload": upload,
    "POST asset/asset-item": item,
    "POST visualizations/upload": picture,
    "POST asset": reserve,
    "POST asset/3d-limits": limits,
    "POST git-patch/upload": upload,
    "POST write/experiment/upload-asset": upload,
    "POST write/experiment/upload-image": picture,
    "GET experiment/asset/list": listing,
    "GET experiment/asset/get-asset": content,
    "GET experiment/asset/get-by-name": by_name,
    "GET write/experiment/asset/delete": delete,
}
