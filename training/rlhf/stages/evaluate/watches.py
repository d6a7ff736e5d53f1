"""Watches for a candidate that pleases its reward without being better.

A reward model is right about answers like those it was trained on. What is optimised against it moves away
from them, and learns what it overrates: length, one phrase that always scores well, a refusal, an answer
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
    """One watch: its name and its value from the metrics.

    It is crossed when `strain(value)`, by default the value, exceeds the recipe's setting watch_NAME. The
    site has the sentences (`training/watch_sentences.py`).
    """

    name: str
    value: Callable[[Metrics], float]
    strain: Callable[[float], float] = lambda value: value


def profile(answers: Answers, texts: Sequence[str], finished: Sequence[bool], *, per_prompt: int) -> Metrics:
    """Measures of one version's answers: token ids without EOS, their texts, whether they ended.

    Answers to the same prompt are neighbours. length in tokens, ended_length that of the answers that ended,
    0 where none did; repetition and distinct as the functions below define them; refusals and eos_rate as
    shares. distinct takes one answer of each prompt at a time: that answers to one prompt come to agree is
    what training is for, that answers to different prompts do is not (the across-input diversity of Kirk et
    al. 2024).
    """
    count = len(answers)
    ended = [answer for answer, has_ended in zip(answers, finished, strict=True) if has_ended]
    rounds = [distinct(answers[i::per_prompt], DISTINCT_N) for i in range(per_prompt)]
    return {
        "length": sum(map(len, answers)) / count,
        "ended_length": sum(map(len, ended)) / max(len(ended), 1),
        "repetition": repetition(answers, REPEATED_N),
        "distinct": sum(rounds) / per_prompt,
        "refusals": sum(map(refuses, texts)) / count,
        "eos_rate": sum(finished) / count,
    }


def length_ratio(metrics: Metrics) -> float:
    """How many times as long the candidate's answers are as the baseline's, by those that ended.

    An answer that was cut off has the length of the limit, which says nothing of the version; that answers
    are cut off has a watch of its own. Where either version ended none, all answers count.
    """
    ended, all_answers = (
        [metrics[f"{version}_{length}"] for version in ("candidate", "baseline")]
        for length in ("ended_length", "length")
    )
    candidate, baseline = ended if all(ended) else all_answers
    return max(candidate, 1) / max(baseline, 1)


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
    """The watches that these metrics cross: rows {watch, value, threshold}."""
    rows: list[dict[str, str | float]] = []
    for watch in WATCHES:
        value, threshold = watch.value(metrics), float(getattr(recipe, f"watch_{watch.name}"))
        if watch.strain(value) > threshold:
            rows.append({"watch": watch.name, "value": value, "threshold": threshold})
    return rows


def _ngrams(answer: Sequence[int], n: int) -> list[tuple[int, ...]]:
    return [tuple(answer[i : i + n]) for i in range(len(answer) - n + 1)]


def _rise(name: str) -> Callable[[Metrics], float]:
    return lambda metrics: metrics[f"candidate_{name}"] - metrics[f"baseline_{name}"]


def _factor(ratio: float) -> float:
    return max(ratio, 1 / ratio)


WATCHES = (
    Watch("kl", lambda metrics: metrics["kl"]),
    Watch("gain", lambda metrics: metrics["kl"] if metrics["win_rate_ties_half_low"] <= 0.5 else 0.0),
    Watch("length", lambda metrics: metrics["length_ratio"], _factor),
    Watch("repetition", _rise("repetition")),
    Watch("distinct", lambda metrics: 1 - metrics["candidate_distinct"] / metrics["baseline_distinct"]),
    Watch("refusals", _rise("refusals")),
    Watch("over_refusals", _rise("over_refusals")),
    Watch("eos", lambda metrics: metrics["baseline_eos_rate"] - metrics["candidate_eos_rate"]),
    Watch("unsafe", _rise("unsafe")),
    Watch("undecided", lambda metrics: metrics["judge_undecided"]),
)
