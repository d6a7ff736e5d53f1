"""What is known of an update before it starts: how much it has to learn from, and how long that is.

Nothing here imports torch: the command reads the facts first, to know whether it needs the network.
"""

import json
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from training.rlhf.data.messages import Message
from training.rlhf.errors import RecipeError


@dataclass(frozen=True, kw_only=True)
class UpdateFacts:
    """An update as its file says it (JSON, these keys).

    `settings` are what people chose, by stage; `prompts` and `answers` some of those that there are, for
    their lengths; `policy_adapter` is the live version's. `rows` counts the prompts that the stages ppo,
    generate and evaluate are given, `anchors` how many of the last the bare base answers, too. `pace` says
    by stage how many times as long as planned an earlier update took.
    """

    base_model: str
    seconds: float
    settings: dict[str, dict[str, Any]]
    rows: dict[str, int]
    pairs: int
    comparisons: int
    completions_per_prompt: int
    policy_adapter: str | None = None
    prompts: list[list[Message]] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)
    pace: dict[str, float] = field(default_factory=dict)
    anchors: int = 0

    @classmethod
    def read(cls, path: Path) -> "UpdateFacts":
        """The facts in a file; RecipeError when it has not these keys."""
        try:
            return cls(**json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError) as error:
            keys = ", ".join(each.name for each in fields(cls))
            raise RecipeError(f"{path} does not describe an update by {keys}: {error}.") from error
