"""Learning from preferences: updates, their runs, the versions they make, and when."""

from .runs import TrainingRun, Update
from .schedules import Schedule
from .versions import Evaluation, ModelVersion, Release

__all__ = ["Evaluation", "ModelVersion", "Release", "Schedule", "TrainingRun", "Update"]
