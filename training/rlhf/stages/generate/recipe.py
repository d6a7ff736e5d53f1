"""The settings of sampling completions."""

from dataclasses import dataclass

from training.rlhf.recipes import DatasetFile, SamplingRecipe, require, setting
from training.rlhf.translatable import gettext_noop as _


@dataclass(frozen=True, kw_only=True)
class GenerateRecipe(SamplingRecipe):
    """Completions of prompts by one version, for volunteers to compare."""

    stage = "generate"

    policy_adapter: str | None = setting("adapter of the version; none samples from the base", None)
    completions_per_prompt: int = setting(_("answers per prompt"), 4, unit=_("answers"), least=1, most=1000)
    redraws: int = setting(_("times that an answer which repeats another is drawn anew"), 3, least=0)
    reward_adapter: str | None = setting(
        "folder that the reward stage wrote; its adapter or ensemble scores the answers, none does not",
        None,
    )
    preferences: DatasetFile | None = setting(  # noqa: RUF009
        "what the reward adapter learned from, from which follows how far a single one may err", None
    )

    def validate(self) -> None:
        super().validate()
        require(
            (self.reward_adapter is None) == (self.preferences is None),
            "reward_adapter and preferences belong together.",
        )
