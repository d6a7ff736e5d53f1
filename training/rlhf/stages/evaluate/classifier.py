"""A small classifier of answers, learned from what people flagged.

Logistic regression on the mean of the frozen base's last hidden states over an answer's tokens, without any
adapter, so that it judges every version by the same eye. It knows the answer only, not the question.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits
from transformers import PreTrainedTokenizerBase

from training.rlhf.data.chat import encode_text
from training.rlhf.data.padding import pad
from training.rlhf.model.adapters import SharedBase
from training.rlhf.model.reward_head import last_hidden_states

# What a volunteer flags shows in an answer's first part, and a longer one would make its batch slow.
_LONGEST = 256
_DECAY = 0.01  # of the weights, which see standardised features; keeps separable classes finite
_FOLDS = 5


class Classifier:
    """Logistic regression with both classes given the same weight, because few answers are flagged."""

    def __init__(self, features: Tensor, flagged: Tensor) -> None:
        """Learn from features (N, H) and labels (N,), both of which occur."""
        features, labels = features.double(), flagged.double()
        self._mean = features.mean(0)
        self._scale = features.std(0, correction=0).clamp(min=1e-6)
        self._weights = torch.zeros(features.shape[1], dtype=torch.double, requires_grad=True)
        self._bias = torch.zeros((), dtype=torch.double, requires_grad=True)
        balance = torch.where(flagged, 1 / flagged.sum(), 1 / (~flagged).sum()) / 2
        rows = (features - self._mean) / self._scale
        optimiser = torch.optim.LBFGS(
            [self._weights, self._bias], max_iter=200, line_search_fn="strong_wolfe"
        )

        def loss() -> Tensor:
            optimiser.zero_grad()
            logits = rows @ self._weights + self._bias
            value = binary_cross_entropy_with_logits(logits, labels, weight=balance, reduction="sum")
            value = value + _DECAY * self._weights.square().sum()
            value.backward()
            return value

        optimiser.step(loss)

    @torch.no_grad()
    def flags(self, features: Tensor) -> Tensor:
        """Which rows of features (N, H) are like the flagged ones, (N,)."""
        return ((features.double() - self._mean) / self._scale) @ self._weights + self._bias > 0


def balanced_accuracy(features: Tensor, flagged: Tensor) -> float:
    """Mean of both classes' accuracy on rows left out of learning, by five folds; 0.5 is guessing.

    Both classes must have more rows than there are folds.
    """
    fold = torch.empty(len(flagged), dtype=torch.long)
    for each in (flagged, ~flagged):
        fold[each] = torch.arange(int(each.sum())) % _FOLDS
    guessed = torch.empty_like(flagged)
    for number in range(_FOLDS):
        out = fold == number
        guessed[out] = Classifier(features[~out], flagged[~out]).flags(features[out])
    return float((guessed[flagged].double().mean() + (~guessed[~flagged]).double().mean()) / 2)


@torch.no_grad()
def mean_states(
    base: SharedBase,
    tokenizer: PreTrainedTokenizerBase,
    texts: Sequence[str],
    *,
    batch_size: int,
    before_batch: Callable[[], None],
) -> Tensor:
    """The base's last hidden states, averaged over each text's tokens, (N, H) on the processor.

    An empty text is one EOS.
    """
    encoded = [encode_text(tokenizer, text)[:_LONGEST] or [tokenizer.eos_token_id] for text in texts]
    order = sorted(range(len(encoded)), key=lambda i: len(encoded[i]))
    states = torch.empty(len(encoded), base.hidden_size)
    with base.use(None) as model:
        for start in range(0, len(order), batch_size):
            before_batch()
            rows = order[start : start + batch_size]
            padded = pad([encoded[i] for i in rows], int(tokenizer.pad_token_id))
            ids, mask = (each.to(base.device) for each in padded)
            hidden = last_hidden_states(model, ids, mask).float()
            states[rows] = ((hidden * mask.unsqueeze(-1)).sum(1) / mask.sum(1, keepdim=True)).cpu()
    return states
