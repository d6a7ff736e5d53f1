"""Rounds of ranking: what volunteers are shown, what they answer, and the datasets made of it."""

from .answer_reviews import AnswerReview
from .assignments import GOLD, PLACES, Assignment, LapsedAssignment, Skip
from .datasets import Dataset
from .demonstrations import Demonstration
from .exclusions import Exclusion
from .findings import Finding
from .gold import GoldAnswer, GoldQuestion, PracticeAdvice
from .inclusions import Inclusion
from .judgments import Flag, Judgment, RankedCompletion, Rating
from .masks import Mask
from .outcomes import Outcome
from .practice import PracticeAssignment, PracticeAttempt, PracticeComparison
from .progress import Tally
from .reliability import Reliability, VoteFit
from .rounds import Comparison, ComparisonItem, Round
from .saved_filters import SavedFilter
from .unpaired import UnpairedPreference
from .withdrawals import Withdrawal, WithdrawnPart

__all__ = [
    "GOLD",
    "PLACES",
    "AnswerReview",
    "Assignment",
    "Comparison",
    "ComparisonItem",
    "Dataset",
    "Demonstration",
    "Exclusion",
    "Finding",
    "Flag",
    "GoldAnswer",
    "GoldQuestion",
    "Inclusion",
    "Judgment",
    "LapsedAssignment",
    "Mask",
    "Outcome",
    "PracticeAdvice",
    "PracticeAssignment",
    "PracticeAttempt",
    "PracticeComparison",
    "RankedCompletion",
    "Rating",
    "Reliability",
    "Round",
    "SavedFilter",
    "Skip",
    "Tally",
    "UnpairedPreference",
    "VoteFit",
    "Withdrawal",
    "WithdrawnPart",
]
