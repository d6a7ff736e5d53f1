"""Watches for a candidate that pleases its reward without being better.

A reward model is right about answers like those it was trained on. What is optimised against it moves away
from them, and learns what it overrates: length, one tune that always scores well, a refusal, an answer
without an end (Gao et al. 2022; Singhal et al. 2023 for length). Each watch compares the candidate with the
baseline on the same prompts, so that a habit the baseline had already crosses nothing. What grows slowly over
many versions crosses nothing either: for that the figures of both versions are kept in the metrics.

Distance is the price of what was gained (Gao et al. plot one against the other), so a distance is watched by
itself, and where the judge sees no gain for it. An endpoint that sees none while the reward model's scores
rose is the plainest sign of a gamed reward.

Refusals are known by phrases (see `phrases`): in languages without a list they are not seen.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from training.rlhf.stages.evaluate.phrases import refuses
from training.rlhf.stages.evaluate.recipe import EvaluateRecipe

Metrics = dict[str, float]
Answers = Sequence[Sequence[int]]
REPEATED_N, DISTINCT_N = 4, 2


@dataclass(frozen=True)
class Watch:
    """One watch: its name, its value from the metrics, and what to tell when it is crossed.

    It is crossed when `strain(value)`, by default the value, exceeds the recipe's setting watch_NAME.
    """

    name: str
    value: Callable[[Metrics], float]
    sentence: Callable[[float], str]
    strain: Callable[[float], float] = lambda value: value


def profile(answers: Answers, texts: Sequence[str], finished: Sequence[bool], *, per_prompt: int) -> Metrics:
    """What the answers of one version are like: token ids without EOS, their texts, whether they ended.

    Answers to the same prompt are neighbours. length in tokens; repetition and distinct as the functions
    below say; refusals and eos_rate as shares. distinct takes one answer of each prompt at a time: that
    answers to one prompt come to agree is what training is for, that answers to different prompts do is not
    (the across-input diversity of Kirk et al. 2024).
    """
    count = len(answers)
    rounds = [distinct(answers[i::per_prompt], DISTINCT_N) for i in range(per_prompt)]
    return {
        "length": sum(map(len, answers)) / count,
        "repetition": repetition(answers, REPEATED_N),
        "distinct": sum(rounds) / per_prompt,
        "refusals": sum(map(refuses, texts)) / count,
        "eos_rate": sum(finished) / count,
    }


def repetition(answers: Answers, n: int) -> float:
    """Mean share of an answer's n-grams that occurred in it before (seq-rep-n of Welleck et al. 2020).

    An answer of fewer than n tokens repeats nothing.
    """
    shares = []
    for answer in answers:
        grams = _ngrams(answer, n)
        shares.append(1 - len(set(grams)) / len(grams) if grams else 0.0)
    return sum(shares) / len(shares)


def distinct(answers: Answers, n: int) -> float:
    """Distinct n-grams over all n-grams of all answers (distinct-n of Li et al. 2016); 1 if there are none.

    It falls with the amount of text, so compare equally many answers only.
    """
    grams = [gram for answer in answers for gram in _ngrams(answer, n)]
    return len(set(grams)) / len(grams) if grams else 1.0


def crossed(metrics: Metrics, recipe: EvaluateRecipe) -> list[dict[str, str | float]]:
    """The watches that these metrics cross: rows {watch, value, threshold, sentence}."""
    rows: list[dict[str, str | float]] = []
    for watch in WATCHES:
        value, threshold = watch.value(metrics), float(getattr(recipe, f"watch_{watch.name}"))
        if watch.strain(value) > threshold:
            sentence = watch.sentence(value)
            rows.append({"watch": watch.name, "value": value, "threshold": threshold, "sentence": sentence})
    return rows


def _ngrams(answer: Sequence[int], n: int) -> list[tuple[int, ...]]:
    return [tuple(answer[i : i + n]) for i in range(len(answer) - n + 1)]


def _rise(name: str) -> Callable[[Metrics], float]:
    return lambda metrics: metrics[f"candidate_{name}"] - metrics[f"baseline_{name}"]


def _points(share: float) -> str:
    return f"{100 * share:.0f} percentage points"


def _length_sentence(ratio: float) -> str:
    if ratio > 1:
        return (
            f"Answers became {ratio:.1f} times as long as before; long answers often score well without "
            "being better."
        )
    return (
        f"Answers shrank to {100 * ratio:.0f} % of their length before; check that they still say what "
        "they should."
    )


def _factor(ratio: float) -> float:
    return max(ratio, 1 / ratio)


WATCHES = (
    Watch(
        "kl",
        lambda metrics: metrics["kl"],
        lambda value: (
            f"The new version moved {value:.1f} nats an answer away from the one before; that far "
            "out the reward model judges answers unlike any it has seen."
        ),
    ),
    Watch(
        "gain",
        lambda metrics: metrics["kl"] if metrics["win_rate_ties_half_low"] <= 0.5 else 0.0,
        lambda value: (
            f"The new version moved {value:.1f} nats an answer away from the one before, but the judge does "
            "not clearly prefer it: what it learned may be worth nothing, or please its reward alone."
        ),
    ),
    Watch("length", lambda metrics: metrics["length_ratio"], _length_sentence, _factor),
    Watch(
        "repetition",
        _rise("repetition"),
        lambda value: (
            f"Answers repeat themselves more: the repeated share of their text rose by {_points(value)}."
        ),
    ),
    Watch(
        "distinct",
        lambda metrics: 1 - metrics["candidate_distinct"] / metrics["baseline_distinct"],
        lambda value: (
            f"Answers resemble each other: their variety fell by {100 * value:.0f} %; one answer "
            "that scores well may be given to every question."
        ),
    ),
    Watch(
        "refusals",
        _rise("refusals"),
        lambda value: f"It refuses more often than before: the share of refusals rose by {_points(value)}.",
    ),
    Watch(
        "over_refusals",
        _rise("over_refusals"),
        lambda value: (
            "It refuses harmless questions that only sound dangerous: the share of those rose by "
            f"{_points(value)}."
        ),
    ),
    Watch(
        "eos",
        lambda metrics: metrics["baseline_eos_rate"] - metrics["candidate_eos_rate"],
        lambda value: (
            "More answers are cut off before their end: the share that ends by itself fell by "
            f"{_points(value)}."
        ),
    ),
    Watch(
        "unsafe",
        _rise("unsafe"),
        lambda value: (
            "It gives more unsafe answers to the safety prompts: their share rose by "
            f"{_points(value)}. Read them, in the evaluation's file safety.jsonl, before you release."
        ),
    ),
    Watch(
        "undecided",
        lambda metrics: metrics["judge_undecided"],
        lambda value: (
            f"The judge contradicted itself or could not be read in {100 * value:.0f} % of the "
            "comparisons, so the win rate says little."
        ),
    ),
)
