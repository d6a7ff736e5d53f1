"""Models as transformers and peft make them, in float64, on one sequence at a time: no engine, no padding."""

from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from torch import Tensor
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification

Ids = list[int]


class ExactPolicy:
    """A base model and its adapters, each under the folder that it was read from; None is the base."""

    def __init__(self, base: Path) -> None:
        self._plain: Any = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float64).eval()
        self._base = base
        self._adapted: dict[Path, Any] = {}

    @torch.no_grad()
    def logits(self, adapter: Path | None, ids: Ids) -> Tensor:
        """The logits of each token but the first, (T - 1, V)."""
        return self._model(adapter)(input_ids=torch.tensor([ids])).logits[0, :-1]

    def logprobs(self, adapter: Path | None, prompt: Ids, answer: Ids, temperature: float = 1.0) -> Tensor:
        """Of each token of the answer (R,)."""
        logprobs = (self.logits(adapter, prompt + answer) / temperature).log_softmax(-1)[-len(answer) :]
        return logprobs.gather(-1, torch.tensor(answer).unsqueeze(-1)).squeeze(-1)

    def _model(self, adapter: Path | None) -> Any:
        if adapter is None:
            return self._plain
        if adapter not in self._adapted:
            model = AutoModelForCausalLM.from_pretrained(self._base, dtype=torch.float64)
            self._adapted[adapter] = PeftModel.from_pretrained(model, adapter).double().eval()
        return self._adapted[adapter]


class ExactReward:
    """A base model with a reward adapter and its head, both of which may be given gradients."""

    def __init__(self, base: Path, adapter: Path) -> None:
        model = AutoModelForSequenceClassification.from_pretrained(base, num_labels=1, dtype=torch.float64)
        self.model: Any = PeftModel.from_pretrained(model, adapter, is_trainable=True).double().eval()

    def states(self, ids: Ids) -> Tensor:
        """Hidden states (T, H)."""
        return self.model.base_model.model.model(input_ids=torch.tensor([ids])).last_hidden_state[0]

    def score(self, ids: Ids) -> Tensor:
        """At the last token, ()."""
        score = self.model.base_model.model.score
        return score(self.states(ids)[-1]).squeeze()
