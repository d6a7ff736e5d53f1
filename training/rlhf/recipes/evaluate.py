"""The settings of an evaluation."""

from dataclasses import dataclass

from .base import SamplingRecipe, positive, setting


@dataclass(frozen=True, kw_only=True)
class EvaluateRecipe(SamplingRecipe):
    """A candidate's win rate over a baseline on held-out prompts, judged by the reward adapter."""

    stage = "evaluate"

    reward_adapter: str = setting(
        "folder that the reward stage wrote, which judges by its adapter or ensemble"
    )
    baseline_adapter: str | None = setting("adapter of the version to beat; none is the base", None)
    candidate_adapter: str | None = setting("adapter of the new version; none is the base", None)
    samples_per_prompt: int = setting("answers of each version per prompt, compared one to one", 4)

    def validate(self) -> None:
        super().validate()
        positive(self, "samples_per_prompt")
