"""Updates, their runs, the versions they make, and schedules."""

from .leases import LEASE, Leased, LeaseLostError
from .runs import TrainingRun, Update
from .schedules import Schedule
from .versions import Evaluation, ModelVersion, Release

__all__ = [
    "LEASE",
    "Evaluation",
    "LeaseLostError",
    "Leased",
    "ModelVersion",
    "Release",
    "Schedule",
    "TrainingRun",
    "Update",
]
