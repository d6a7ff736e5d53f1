"""The candidate beside the bare base on anchors: the same few held-out prompts for every version.

Each version is compared with the one before, on prompts that change as people import more, so a slow decline
over months shows in no win rate. On anchors every version meets the same opponent: the base without an
adapter. The reward model judges, whoever judges the rest; it is the one of this evaluation.
"""

from collections.abc import Sequence

from training.rlhf.data.files import Prompt, read_prompts
from training.rlhf.rundir import RunDirectory
from training.rlhf.stages.evaluate.recipe import EvaluateRecipe
from training.rlhf.stages.evaluate.win_rate import Row, judge_by_scores, summarise


def places_of_anchors(
    directory: RunDirectory, recipe: EvaluateRecipe, prompts: Sequence[Prompt]
) -> list[int]:
    """Where anchors stand among the prompts that are answered; those that are left out are none."""
    if recipe.anchors is None:
        return []
    anchors = {each.prompt_id for each in read_prompts(directory, recipe.anchors)}
    return [i for i, prompt in enumerate(prompts) if prompt.prompt_id in anchors]


def judged_against_base(pairs: list[Row]) -> list[Row]:
    """Set each pair's outcome by its scores; returns the rows of output/anchors.jsonl."""
    judge_by_scores(pairs)
    return [
        {
            "prompt_id": pair["prompt_id"],
            "base": pair["baseline"],
            "candidate": pair["candidate"],
            "base_score": pair["baseline_score"],
            "candidate_score": pair["candidate_score"],
            "outcome": pair["outcome"],
        }
        for pair in pairs
    ]


def anchor_metrics(pairs: list[Row], *, seed: int) -> dict[str, float]:
    """The number of anchors, and the candidate's win rate over the base, a tie as half, with its interval."""
    found = summarise(pairs, seed=seed)
    return {
        "anchor_prompts": found["prompts"],
        "anchor_win_rate": found["win_rate_ties_half"],
        "anchor_win_rate_low": found["win_rate_ties_half_low"],
        "anchor_win_rate_high": found["win_rate_ties_half_high"],
    }
