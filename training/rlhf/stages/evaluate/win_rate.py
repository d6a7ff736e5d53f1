"""Who wins: the candidate's outcome in each comparison, and the win rate of all.

An outcome is 1 where the candidate won, 0 where it lost and 0.5 at a tie; equal texts are ties unasked. A
judge that reads two answers side by side favours a place (Zheng et al. 2023), so an endpoint is asked in both
orders, and only a verdict that both agree on counts. The reward adapter scores each answer alone: both orders
are the same to it.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.rlhf.data.messages import Message
from training.rlhf.intervals import share_interval
from training.rlhf.stages.evaluate.judge_endpoint import Endpoint, Verdict

Row = dict[str, Any]
_FIRST: dict[Verdict, float] = {"A": 1.0, "B": 0.0, "tie": 0.5}  # the outcome of the answer called A
_SHOWN = 200  # characters of a reply that are kept


def judge_by_scores(rows: Sequence[Row]) -> None:
    """Set each row's outcome by its scores."""
    for row in rows:
        margin = row["candidate_score"] - row["baseline_score"]
        row["outcome"] = 0.5 if row["baseline"] == row["candidate"] else (1 + float(np.sign(margin))) / 2


def judge_by_endpoint(
    rows: Sequence[Row],
    conversations: Sequence[Sequence[Message]],
    endpoint: Endpoint,
    *,
    parallel: int,
    after_each: Callable[[int], None],
) -> None:
    """Set each row's outcome, and what the judge replied in both orders, by asking the endpoint.

    contradicted says that the orders disagreed, unreadable that a reply was no verdict; both are ties.
    `after_each` gets the number of rows judged so far; when it raises, nothing more is asked.
    """

    def ask(row: Row, conversation: Sequence[Message]) -> None:
        if row["baseline"] == row["candidate"]:
            row["outcome"] = 0.5
            return
        as_b, first = endpoint.compare(conversation, row["baseline"], row["candidate"])
        as_a, second = endpoint.compare(conversation, row["candidate"], row["baseline"])
        row |= _settle(as_a, as_b) | {"replies": [first[:_SHOWN], second[:_SHOWN]]}

    with ThreadPoolExecutor(parallel) as pool:
        asked = [pool.submit(ask, *each) for each in zip(rows, conversations, strict=True)]
        try:
            for done, future in enumerate(asked, start=1):
                future.result()
                after_each(done)
        except BaseException:
            endpoint.stop()
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _settle(as_a: Verdict | None, as_b: Verdict | None) -> Row:
    """One outcome of the verdicts on the candidate as answer A and as answer B."""
    if as_a is None or as_b is None:
        return {"outcome": 0.5, "contradicted": False, "unreadable": True}
    outcome, other = _FIRST[as_a], 1 - _FIRST[as_b]
    contradicted = outcome != other
    return {
        "outcome": 0.5 if contradicted else outcome,
        "contradicted": contradicted,
        "unreadable": False,
    }


def summarise(rows: Sequence[Row], *, seed: int) -> dict[str, float]:
    """Wins, ties and losses of the candidate, its win rates with intervals over prompts, mean scores.

    win_rate_low and _high belong to the rate of the decided comparisons. judge_contradictions and
    judge_unreadable are comparisons that are ties for that reason, judge_undecided is their share. score_gain
    is what the mean score rose by, in deviations of the baseline's scores (0 where these are equal).
    """
    outcomes = np.array([row["outcome"] for row in rows])
    prompts = np.array([row["prompt_id"] for row in rows])
    decided = outcomes != 0.5
    won, lost = int((outcomes == 1).sum()), int((outcomes == 0).sum())
    low, high = _interval(outcomes[decided], prompts[decided], seed)
    low_half, high_half = _interval(outcomes, prompts, seed)
    contradictions = sum(bool(row.get("contradicted")) for row in rows)
    unreadable = sum(bool(row.get("unreadable")) for row in rows)
    before, after = (np.array([row[f"{name}_score"] for row in rows]) for name in ("baseline", "candidate"))
    return {
        "prompts": float(len(set(prompts.tolist()))),
        "wins": float(won),
        "ties": float(len(rows) - won - lost),
        "losses": float(lost),
        "win_rate_decided": won / (won + lost) if won + lost else 0.5,
        "win_rate_low": low,
        "win_rate_high": high,
        "win_rate_ties_half": float(outcomes.mean()),
        "win_rate_ties_half_low": low_half,
        "win_rate_ties_half_high": high_half,
        "judge_contradictions": float(contradictions),
        "judge_unreadable": float(unreadable),
        "judge_undecided": (contradictions + unreadable) / len(rows),
        "baseline_score": float(before.mean()),
        "candidate_score": float(after.mean()),
        "score_gain": float((after - before).mean() / before.std()) if before.std() else 0.0,
    }


def _interval(outcomes: NDArray[Any], prompts: NDArray[Any], seed: int) -> tuple[float, float]:
    return share_interval(outcomes, prompts.tolist(), seed=seed)
