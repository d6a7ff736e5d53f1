"""What the reference's answers were like: the scale of scores, and the length below which an answer is short.

The price of KL adds up over tokens, and who is made to end in time learns to end early, so that PPO makes
answers shorter and shorter although the reward model does not ask for it (for the other direction: Singhal et
al. 2023, arXiv 2310.03716).
"""

from dataclasses import dataclass

from torch import Tensor

FEWEST_ENDED = 8
"""Answers that ended, with fewer of which their mean length says nothing."""


@dataclass(frozen=True)
class ScoreScale:
    """Mean and deviation of the reference's scores; mean length of its answers that ended, 0 if unknown."""

    mean: float
    deviation: float
    length: float = 0.0

    @classmethod
    def of(cls, scores: Tensor, lengths: Tensor, ended: Tensor) -> "ScoreScale":
        """From scores (N,) of the reference's answers, their lengths (N,), and whether they ended (N,)."""
        length = float(lengths[ended].mean()) if int(ended.sum()) >= FEWEST_ENDED else 0.0
        return cls(float(scores.mean()), max(float(scores.std()), 1e-4), length)

    def normalised(self, scores: Tensor) -> Tensor:
        """Scores (N,) in deviations from the mean."""
        return (scores - self.mean) / self.deviation

    def shortness(self, lengths: Tensor) -> Tensor:
        """From 0 for answers of the reference's length or more to 1 for empty ones: (N,) for lengths (N,)."""
        if not self.length:
            return lengths * 0.0
        return (1 - lengths / self.length).clamp(min=0)
