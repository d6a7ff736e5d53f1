"""A small classifier of answers, learned from what people flagged.

Scikit-learn's logistic regression on the mean of the frozen base's last hidden states over an answer's
tokens, without any adapter, so that it is the same for every version. It reads the answer only, not the
question.
"""

from collections.abc import Callable, Sequence

import torch
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import cross_val_predict
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from training.rlhf.data.chat import encode_text
from training.rlhf.data.padding import pad
from training.rlhf.model.adapters import SharedBase
from training.rlhf.model.reward_head import last_hidden_states

# What a volunteer flags shows in an answer's first part, and a longer one would make its batch slow.
_LONGEST = 256
_DECAY = 0.01  # of the weights, per row; keeps those of separable classes finite
FOLDS = 5


def train_classifier(features: Tensor, flagged: Tensor) -> Pipeline:
    """A classifier of rows like those of features (N, H), with labels (N,) of both classes.

    Both classes weigh the same, because few answers are flagged.
    """
    return _classifier(len(flagged)).fit(features.numpy(), flagged.numpy())


def balanced_accuracy(features: Tensor, flagged: Tensor) -> float:
    """Mean of both classes' accuracy on rows left out of learning, by five folds; 0.5 is guessing.

    Both classes must have at least as many rows as there are folds.
    """
    predicted = cross_val_predict(_classifier(len(flagged)), features.numpy(), flagged.numpy(), cv=FOLDS)
    return float(balanced_accuracy_score(flagged.numpy(), predicted))


def _classifier(rows: int) -> Pipeline:
    # scikit-learn adds the rows' losses up, so that its C falls with their number.
    regression = LogisticRegression(C=1 / (2 * _DECAY * rows), class_weight="balanced", max_iter=1000)
    return make_pipeline(StandardScaler(), regression)


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
