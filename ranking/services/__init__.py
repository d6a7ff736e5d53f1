"""The acts of ranking, one function each."""

from .assignments import renew_assignments, skip_comparison
from .blind_tests import add_test_comparisons, end_test
from .claiming import claim_ahead, claim_next
from .datasets import snapshot_preferences
from .judgments import correct_judgment, submit_judgment
from .masks import decide_mask, hide_word, stop_hiding_word
from .outcomes import decide_outcome, record_outcome
from .overlap import add_assignment
from .round_life import close_round, pause_round, prepare_round, resume_round
from .rounds import open_round
from .withdrawal import erase_account, leave_project

__all__ = [
    "add_assignment",
    "add_test_comparisons",
    "claim_ahead",
    "claim_next",
    "close_round",
    "correct_judgment",
    "decide_mask",
    "decide_outcome",
    "end_test",
    "erase_account",
    "hide_word",
    "leave_project",
    "open_round",
    "pause_round",
    "prepare_round",
    "record_outcome",
    "renew_assignments",
    "resume_round",
    "skip_comparison",
    "snapshot_preferences",
    "stop_hiding_word",
    "submit_judgment",
]
