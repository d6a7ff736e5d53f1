"""How good a reward model is on prompts that it was not trained on.

Every pair is an example: its margin is the chosen answer's reward less the rejected one's, and
sigmoid(margin) the model's probability that the chosen one is better. Writes held_out.jsonl, a line for each
pair, and report.json. Intervals are of 95 %, by bootstrap over prompts.
"""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import expit

from training.rlhf.intervals import share_interval
from training.rlhf.rundir import write_json, write_text
from training.rlhf.stages.reward.comparisons import Example

Floats = NDArray[np.float64]

_BINS = 10
_MATCHED = 0.1
_TEMPERATURES = (0.01, 100.0)
HEADLINES = (
    "accuracy", "accuracy_low", "accuracy_high", "log_loss", "calibration_error", "calibration_error_scaled",
    "temperature", "length_matched_accuracy", "length_correlation",
)  # fmt: skip


def write_scores(folder: Path, examples: Sequence[Example], chosen: Floats, rejected: Floats) -> None:
    """Write held_out.jsonl: {prompt_id, chosen, rejected, chosen_reward, rejected_reward}."""
    lines = [
        {
            "prompt_id": example.preference.prompt_id,
            "chosen": example.preference.chosen[-1]["content"],
            "rejected": example.preference.rejected[-1]["content"],
            "chosen_reward": float(chosen_reward),
            "rejected_reward": float(rejected_reward),
        }
        for example, chosen_reward, rejected_reward in zip(examples, chosen, rejected, strict=True)
    ]
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    write_text(folder / "held_out.jsonl", text)


def read_scores(folder: Path) -> tuple[Floats, Floats]:
    """The rewards of chosen and rejected, (P,) each, that `write_scores` wrote."""
    with open(folder / "held_out.jsonl", encoding="utf-8") as file:
        lines = [json.loads(line) for line in file]
    return (
        np.array([line["chosen_reward"] for line in lines]),
        np.array([line["rejected_reward"] for line in lines]),
    )


def write_report(
    folder: Path,
    examples: Sequence[Example],
    chosen: Floats,
    rejected: Floats,
    *,
    seed: int,
    training: dict[str, Any],
) -> dict[str, Any]:
    """Write the scores of the held-out examples and their figures, report.json; returns the latter."""
    write_scores(folder, examples, chosen, rejected)
    report = {"training": training, **summarise(examples, chosen, rejected, seed=seed)}
    write_json(folder / "report.json", report)
    return report


def summarise(examples: Sequence[Example], chosen: Floats, rejected: Floats, *, seed: int) -> dict[str, Any]:
    """The figures of scored examples; a figure that needs more of them is absent.

    A tie (probability 0.5) has no right order, and counts for the log loss only. The temperature divides the
    margins; calibration_error_scaled and log_loss_scaled use for each half of the prompts the one fitted on
    the other half, while `temperature` is fitted on all and is for use elsewhere.
    """
    if not examples:
        return {"pairs": 0}
    margins = chosen - rejected
    probability = np.array([each.preference.probability for each in examples])
    prompts = np.array([each.preference.prompt_id for each in examples])
    lengths = np.array([[len(each.chosen_ids), len(each.rejected_ids)] for each in examples])
    decided = probability != 0.5
    correct = order_correct(margins, probability)[decided]
    report: dict[str, Any] = {
        "pairs": len(examples),
        "log_loss": log_loss(margins, probability),
        "temperature": fit_temperature(margins, probability),
    }
    if decided.any():
        scaled = cross_scaled(margins, probability, prompts, seed=seed)
        report |= _accuracy(correct, prompts[decided], seed)
        report["calibration_error"] = calibration_error(margins[decided], correct)
        if scaled is not None:
            report["calibration_error_scaled"] = calibration_error(scaled[decided], correct)
            report["log_loss_scaled"] = log_loss(scaled, probability)
    alike = decided & (np.abs(lengths[:, 0] - lengths[:, 1]) <= _MATCHED * lengths.max(axis=1))
    if alike.any():
        matched = _accuracy(order_correct(margins, probability)[alike], prompts[alike], seed)
        report |= {f"length_matched_{name}": value for name, value in matched.items()}
        report["length_matched_pairs"] = int(alike.sum())
    correlation = length_correlation(examples, chosen, rejected)
    if correlation is not None:
        report["length_correlation"] = correlation
    for name, of in _GROUPS.items():
        groups = np.array([of(each) for each in examples])[decided]
        report[f"by_{name}"] = {
            str(group): {
                "pairs": int((groups == group).sum()),
                **_accuracy(correct[groups == group], prompts[decided][groups == group], seed),
            }
            for group in np.unique(groups)
        }
    return report


def order_correct(margins: Floats, probability: Floats) -> Floats:
    """One for each pair in the likelier order, a half where both rewards are equal."""
    right = np.where(probability >= 0.5, margins, -margins)
    return (right > 0) + 0.5 * (right == 0)


def log_loss(margins: Floats, probability: Floats) -> float:
    """Mean cross-entropy in nats; a model that guesses has log 2."""
    lost = probability * np.logaddexp(0, -margins) + (1 - probability) * np.logaddexp(0, margins)
    return float(lost.mean())


def calibration_error(margins: Floats, correct: Floats) -> float:
    """Expected calibration error (Guo et al. 2017): |accuracy - confidence|, by ten bins of confidence.

    The confidence is the probability of the order that the model prefers, so it lies between a half and one.
    """
    confidence = expit(np.abs(margins))
    bins = np.minimum(((confidence - 0.5) * 2 * _BINS).astype(int), _BINS - 1)
    gaps = np.bincount(bins, weights=correct - confidence, minlength=_BINS)
    return float(np.abs(gaps).sum() / len(margins))


def fit_temperature(margins: Floats, probability: Floats) -> float:
    """The temperature T at which the log loss of margins / T is least, between 0.01 and 100."""
    low, high = np.log(_TEMPERATURES)
    found = minimize_scalar(
        lambda t: log_loss(margins / np.exp(t), probability), bounds=(low, high), method="bounded"
    )
    return float(np.exp(found.x))


def cross_scaled(margins: Floats, probability: Floats, prompts: NDArray[Any], *, seed: int) -> Floats | None:
    """Margins over the temperature fitted on the other half of the prompts; None for a single prompt."""
    names, prompt_of = np.unique(prompts, return_inverse=True)
    if len(names) < 2:
        return None
    first = np.random.default_rng(seed).permutation(len(names))[prompt_of] < len(names) // 2
    scaled = np.empty(len(margins))
    for half in (first, ~first):
        scaled[half] = margins[half] / fit_temperature(margins[~half], probability[~half])
    return scaled


def length_correlation(examples: Sequence[Example], chosen: Floats, rejected: Floats) -> float | None:
    """Pearson's correlation of reward with length in tokens over the distinct answers within their prompts.

    Reward and length are taken from their prompt's mean, for a longer prompt is no longer answer. None where
    either does not vary.
    """
    known: dict[tuple[int, ...], tuple[str, float]] = {}
    for example, one, other in zip(examples, chosen, rejected, strict=True):
        known[example.chosen_ids] = (example.preference.prompt_id, one)
        known[example.rejected_ids] = (example.preference.prompt_id, other)
    _, prompt_of = np.unique([prompt for prompt, _ in known.values()], return_inverse=True)
    values = np.array([[reward, len(ids)] for ids, (_, reward) in known.items()])
    sums = np.stack([np.bincount(prompt_of, weights=column) for column in values.T], axis=1)
    values = values - (sums / np.bincount(prompt_of)[:, None])[prompt_of]
    if (values.std(axis=0) < 1e-9).any():
        return None
    return float(np.corrcoef(values.T)[0, 1])


def _accuracy(correct: Floats, prompts: NDArray[Any], seed: int) -> dict[str, float]:
    low, high = share_interval(correct, prompts.tolist(), seed=seed)
    return {"accuracy": float(correct.mean()), "accuracy_low": low, "accuracy_high": high}


_GROUPS: dict[str, Callable[[Example], str]] = {
    "source": lambda example: example.preference.source,
    "round": lambda example: example.preference.round,
    "language": lambda example: example.preference.language,
}
