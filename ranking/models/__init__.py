"""Rounds of ranking: what is put before volunteers, what they say, and what is drawn from it."""

from .datasets import Dataset
from .demonstrations import Demonstration
from .judging import Flag, Judgment, Preference, RankedCompletion, Rating
from .masks import Mask
from .outcomes import Outcome
from .practising import PracticeComparison, PracticeSeat, PracticeTry
from .progress import Tally
from .rounds import Comparison, ComparisonItem, Round
from .seats import PLACES, Assignment, LapsedSeat, Skip
from .withdrawals import Withdrawal, WithdrawnPart

__all__ = [
    "PLACES",
    "Assignment",
    "Comparison",
    "ComparisonItem",
    "Dataset",
    "Demonstration",
    "Flag",
    "Judgment",
    "LapsedSeat",
    "Mask",
    "Outcome",
    "PracticeComparison",
    "PracticeSeat",
    "PracticeTry",
    "Preference",
    "RankedCompletion",
    "Rating",
    "Round",
    "Skip",
    "Tally",
    "Withdrawal",
    "WithdrawnPart",
]
