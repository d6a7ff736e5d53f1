"""Updates, their runs, the versions they make with their files, and schedules."""

from .exports import Export
from .leases import LEASE, Leased, LeaseLostError
from .runs import TrainingRun, Update
from .schedules import Schedule
from .versions import Evaluation, ModelVersion, Release

__all__ = [
    "LEASE",
    "Evaluation",
    "Export",
    "LeaseLostError",
    "Leased",
    "ModelVersion",
    "Release",
    "Schedule",
    "TrainingRun",
    "Update",
]
