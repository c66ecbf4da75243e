"""A Comet server for tests, to which the real ``comet_ml`` SDK writes and from which it reads."""

from tracklib.testing.emulators.comet.emulator import CometEmulator
from tracklib.testing.emulators.comet.state import ArtifactVersion, Asset, Experiment, Project, State

__all__ = ["ArtifactVersion", "Asset", "CometEmulator", "Experiment", "Project", "State"]
