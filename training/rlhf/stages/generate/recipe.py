"""The settings of sampling completions."""

from dataclasses import dataclass

from training.rlhf.recipes import SamplingRecipe, not_negative, require, setting


@dataclass(frozen=True, kw_only=True)
class GenerateRecipe(SamplingRecipe):
    """Completions of prompts by one version, for volunteers to compare."""

    stage = "generate"

    policy_adapter: str | None = setting("adapter of the version; none samples from the base", None)
    completions_per_prompt: int = setting("answers per prompt", 4)
    redraws: int = setting("times that an answer which repeats another is drawn anew", 3)

    def validate(self) -> None:
        super().validate()
        require(
            1 <= self.completions_per_prompt <= 1000,
            "completions_per_prompt must lie between 1 and 1000.",
        )
        not_negative(self, "redraws")
