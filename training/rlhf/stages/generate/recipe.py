"""The settings of sampling completions."""

from dataclasses import dataclass

from training.rlhf.recipes import SamplingRecipe, setting
from training.rlhf.translatable import gettext_noop as _


@dataclass(frozen=True, kw_only=True)
class GenerateRecipe(SamplingRecipe):
    """Completions of prompts by one version, for volunteers to compare."""

    stage = "generate"

    policy_adapter: str | None = setting("adapter of the version; none samples from the base", None)
    completions_per_prompt: int = setting(_("answers per prompt"), 4, unit=_("answers"), least=1, most=1000)
    redraws: int = setting(_("times that an answer which repeats another is drawn anew"), 3, least=0)
