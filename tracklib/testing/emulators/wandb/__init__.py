"""A W&B server for tests, to which the real ``wandb`` SDK writes and from which it reads."""

from tracklib.testing.emulators.wandb.emulator import WandbEmulator
from tracklib.testing.emulators.wandb.state import Artifact, Project, Run, State

__all__ = ["Artifact", "Project", "Run", "State", "WandbEmulator"]
