"""What W&B holds beside runs is counted and named, so that a migration can say what it leaves behind."""

import pytest
from tracklib_wandb.settings import WandbSettings
from tracklib_wandb.source import WandbSource

from tracklib.backends import LeftoverSource
from tracklib.testing.emulators import Status
from tracklib.testing.emulators.wandb import WandbEmulator
from tracklib.testing.emulators.wandb.boards import upsert_sweep, upsert_view


@pytest.fixture
def server():
    """A server with two projects, each with something beside runs, in an organization with a registry."""
    with WandbEmulator() as server:
        world = server.world
        world.organization = "acme"
        world.state.registries += ["wandb-registry-model", "an ordinary project"]
        for project in ("ours", "other"):
            upsert_sweep(world, projectName=project, displayName=f"rates of {project}")
            upsert_sweep(world, projectName=project)
            for kind in ("runs", "runs/draft", "project-view"):
                upsert_view(
                    world, projectName=project, name=f"{project}-{kind}", type=kind, displayName=f"{project} {kind}"
                )
        yield server
        assert server.complaints == []


def told(server, project=None):
    """Return kind and name of everything that the source tells."""
    settings = WandbSettings(base_url=server.url, api_key=server.api_key, entity="team", project=project)
    source = WandbSource(settings)
    assert isinstance(source, LeftoverSource)
    return sorted((item.kind, item.name) for item in source.leftovers())


def test_what_belongs_to_no_run_is_named(server):
    """Sweeps, reports, drafts, saved views and registries are told; those of other projects only with the team."""
    ours = [
        ("draft of a report", "ours runs/draft"),
        ("registry", "model"),
        ("report", "ours runs"),
        ("saved view", "ours project-view"),
        ("sweep", "rates of ours"),
        ("sweep", "s0000001"),
    ]
    assert told(server, "ours") == ours
    assert len(told(server)) == 2 * len(ours) - 1


def test_many_are_paged(server):
    """More than a page of reports are all there."""
    for number in range(205):
        upsert_view(server.world, projectName="ours", name=f"n{number:03}", type="runs")
    assert len([kind for kind, _ in told(server, "ours") if kind == "report"]) == 206


def test_an_older_server_has_none(server):
    """Where a question is refused, the others are answered; where a server is busy, it is asked again."""
    refused = b'{"errors": [{"message": "Cannot query field \\"allViews\\" on type \\"Project\\"."}], "data": null}'
    server.faults.add("ProjectViews", Status(200, body=refused), times=None)
    server.faults.add("FetchOrgInfoFromEntity", Status(400), times=None)
    server.faults.add("GetSweeps", Status(503), times=1)
    assert told(server, "ours") == [("sweep", "rates of ours"), ("sweep", "s0000001")]


def test_a_folder_has_none(tmp_path):
    """Directories hold runs alone."""
    assert list(WandbSource(WandbSettings(directory=str(tmp_path))).leftovers()) == []
