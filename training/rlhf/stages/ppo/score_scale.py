"""Rewards on the scale of the reference's scores, if wanted without what their length alone explains.

A reward model that learned from answers of which many were cut off prefers short ones, and PPO follows it to
ever shorter ones (for long ones: Singhal et al. 2023, arXiv 2310.03716). The slope of the score over the
length is taken from the reference's answers that ended, where being cut off plays no part.
"""

from dataclasses import dataclass

from torch import Tensor

FEWEST_ENDED = 8
"""Answers that ended, with fewer of which a slope says nothing."""


@dataclass(frozen=True)
class ScoreScale:
    """Mean and deviation of the reference's scores; `slope` is taken off for each token beyond `length`."""

    mean: float
    deviation: float
    slope: float = 0.0
    length: float = 0.0

    @classmethod
    def of(cls, scores: Tensor, lengths: Tensor, ended: Tensor, *, length_neutral: bool) -> "ScoreScale":
        """From scores (N,) of the reference's answers, their lengths (N,), and whether they ended (N,)."""
        slope, length = 0.0, 0.0
        if length_neutral and int(ended.sum()) >= FEWEST_ENDED:
            length = float(lengths[ended].mean())
            off = lengths[ended] - length
            slope = float((off * scores[ended]).sum() / (off**2).sum().clamp(min=1e-9))
        free = scores - slope * (lengths - length)
        return cls(float(free.mean()), max(float(free.std()), 1e-4), slope, length)

    def rewards(self, scores: Tensor, lengths: Tensor) -> Tensor:
        """Scores (N,) of answers with these lengths (N,), in deviations from the mean."""
        return (scores - self.slope * (lengths - self.length) - self.mean) / self.deviation
