"""Sweeps, reports, saved views and registries in the emulator, written and read by the real ``wandb`` SDK."""

from __future__ import annotations

import pytest

from tests.testing.emulators.conftest import needs
from tracklib.testing.emulators.wandb import WandbEmulator

pytestmark = [pytest.mark.server, needs("wandb")]

VIEW = """
mutation upsertView($entityName: String, $projectName: String, $type: String, $name: String, $displayName: String,
                    $description: String, $spec: String!) {
  upsertView(input: {entityName: $entityName, projectName: $projectName, name: $name, displayName: $displayName,
                     description: $description, type: $type, createdUsing: WANDB_SDK, spec: $spec}) {
    view { id type name displayName description project { id name entityName } spec updatedAt } inserted
  }
}
"""
"""What W&B's package for reports sends."""


def test_sweeps_and_reports_are_listed(wandb_emulator, program):
    """What `wandb.sweep` and the package for reports make, the SDK's API lists; a run is of the sweep that it names."""
    program("""
    import wandb
    wandb.sweep({"method": "grid", "name": "rates", "parameters": {"lr": {"values": [1, 2]}}}, project="p")
    """)
    (sweep,) = wandb_emulator.world.state.sweeps.values()
    read = program(f"""
    import wandb
    with wandb.init(project="p", id="r", settings=wandb.Settings(sweep_id={sweep.name!r})) as run:
        run.log({{"x": 1}})
    api = wandb.Api()
    for kind, name in (("runs", "A report"), ("runs/draft", "A draft"), ("project-view", "A view")):
        said = api._service_api.execute_graphql({VIEW!r}, {{"entityName": "team", "projectName": "p", "type": kind,
            "name": name.lower(), "displayName": name, "description": "why", "spec": "{{}}"}})
        assert said["upsertView"]["inserted"]
    found = api.sweep("team/p/{sweep.name}")
    answer([[each.id for each in api.project("p").sweeps()], found.config["method"], [run.id for run in found.runs],
            [(each.display_name, each.description) for each in api.reports("team/p")]])
    """)
    assert read == [[sweep.name], "grid", ["r"], [["A report", "why"]]]


def test_registries_are_an_organizations(wandb_emulator, program):
    """The SDK's API finds the registries of the team's organization."""
    wandb_emulator.world.organization = "acme"
    wandb_emulator.world.features = frozenset({"ARTIFACT_REGISTRY_SEARCH"})
    wandb_emulator.world.state.registries += ["wandb-registry-model", "wandb-registry-dataset"]
    read = program("import wandb\nanswer([each.name for each in wandb.Api().registries(organization='acme')])")
    assert read == ["model", "dataset"]


def test_they_outlive_the_server(tmp_path):
    """A server started again in its folder knows what it knew."""
    with WandbEmulator(folder=tmp_path) as server:
        server.world.state.registries.append("wandb-registry-model")
        from tracklib.testing.emulators.wandb.boards import upsert_sweep, upsert_view

        upsert_sweep(server.world, projectName="p", config="method: grid", displayName="first")
        upsert_view(server.world, projectName="p", name="v", type="runs", displayName="A report", spec="{}")
        before = server.world.state
    after = WandbEmulator(folder=tmp_path).world.state
    assert (after.sweeps, after.views, after.registries) == (before.sweeps, before.views, before.registries)
