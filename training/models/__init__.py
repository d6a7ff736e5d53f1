"""Updates, runs, versions with their files, base models, new projects, schedules, what is served."""

from .anchors import Anchor
from .bases import UnpackedBase
from .blind_tests import BlindTest, GroupFigure
from .conversations import Choice, Conversation, Edit, Reply, Taking, Thumb, Turn
from .engine_runs import EngineRun
from .exports import Export
from .foundings import Founding
from .leases import LEASE, Leased, LeaseLostError
from .origins import Origin
from .plans import UpdatePlan
from .runs import TrainingRun, Update
from .schedules import Gate, Recurring, Routine, Schedule
from .serving import ModelServer, QueuePlace, Served, ServingSettings
from .versions import Evaluation, ModelVersion, Release

__all__ = [
    "LEASE",
    "Anchor",
    "BlindTest",
    "Choice",
    "Conversation",
    "Edit",
    "EngineRun",
    "Evaluation",
    "Export",
    "Founding",
    "Gate",
    "GroupFigure",
    "LeaseLostError",
    "Leased",
    "ModelServer",
    "ModelVersion",
    "Origin",
    "QueuePlace",
    "Recurring",
    "Release",
    "Reply",
    "Routine",
    "Schedule",
    "Served",
    "ServingSettings",
    "Taking",
    "Thumb",
    "TrainingRun",
    "Turn",
    "UnpackedBase",
    "Update",
    "UpdatePlan",
]
