"""The stopping rule of the blind test beside others: how often it errs, finds a gain, and how soon.

    make bench-gate
    python -m benchmarks.gate [--runs 10000] [--seed 0]

Each run is a blind test of up to 600 votes about 200 prompts. Drawn anew are how far each person and each
prompt leans to the candidate (normal around 0, deviation 1 logit) and how many votes each person gives (the
exponential of a normal number of deviation 1; the second table has other volunteers). A vote is a tie with
25 %, else a win with the probability logistic(gain + person + prompt); nobody votes about a prompt twice.
No difference is gain 0: the vote expected over all people and prompts that might have been drawn is 1/2,
while the ten who were drawn may well lean to one side. The gain wins 69 % of the decided votes, in the same
expectation.

All rules see the same votes, at a level of 5 % for both sides together. `false` is the share of verdicts
`better` without a difference; with the gain, `power` is that share and `votes` the mean number until the
rule stops. Biases are of the mean at that moment, as it is and shrunken, over all runs and over those that
release. The last table has the seconds that a verdict's leverage takes, and those of leaving out each
person in turn. Writes build/bench/gate.json.
"""

import argparse
import json
import time
from typing import Any

import numpy as np

from benchmarks.gate.rules import RULES, Rule
from benchmarks.gate.votes import ACTIVITIES, draw_votes, expected_vote, gain_that_wins
from benchmarks.processes import ROOT
from ranking.statistics.leverage import find_leverage
from ranking.statistics.sequential import Look, Verdict, look

RESULTS = ROOT / "build/bench/gate.json"
PEOPLE, WON = (10, 30, 100), 0.69
# Volunteers of the second table: how they share the votes, and how many they are.
OTHERS = [("uneven", 3), ("uneven", 5)] + [(each, people) for each in ("even", "1/rank") for people in PEOPLE]
VOTES_AND_PEOPLE = ((600, 30), (100_000, 1_000))
BIASES = ("bias", "bias_shrunken", "bias_released", "bias_released_shrunken")
HEAD = ("people", "rule", "false", "power", "votes", "bias", "shrunken", "released", "shrunken")


def main() -> None:
    options = parse()
    print("{:>6}  {:24}{:>7}{:>8}{:>7}{:>9}{:>10}{:>10}{:>10}".format(*HEAD))
    rows = [row for people in PEOPLE for row in compare("uneven", people, RULES, options)]
    print("The gate with other volunteers:")
    only = {"the gate": RULES["the gate"]}
    rows += [row for activity, people in OTHERS for row in compare(activity, people, only, options)]
    print(f"{'votes':>8}{'people':>8}{'leverage':>10}{'in turn':>9}  seconds")
    times = [time_leverage(votes, people, options.seed) for votes, people in VOTES_AND_PEOPLE]
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    found = {"settings": vars(options), "rows": rows, "leverage": times}
    RESULTS.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=int, default=10_000, help="blind tests of each kind")
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


def compare(
    activity: str, people: int, rules: dict[str, Rule], options: argparse.Namespace
) -> list[dict[str, Any]]:
    """A row for each rule, all from the same votes; printed."""
    ends = {gain: simulate(activity, people, gain, rules, options) for gain in (0.0, gain_that_wins(WON))}
    without, with_gain = ends.values()
    rows = []
    for rule in rules:
        row = {"activity": activity, "people": people, "rule": rule}
        rows.append(row | figures(without[rule], with_gain[rule]))
        show(rows[-1])
    return rows


def simulate(
    activity: str, people: int, gain: float, rules: dict[str, Rule], options: argparse.Namespace
) -> dict[str, list[Look]]:
    """The look at which each rule stops, in each run."""
    rng = np.random.default_rng([options.seed, list(ACTIVITIES).index(activity), people, gain > 0])
    ends: dict[str, list[Look]] = {rule: [] for rule in rules}
    for _ in range(options.runs):
        votes = draw_votes(rng, people, activity, gain)
        for rule, stop in rules.items():
            ends[rule].append(stop(votes))
    return ends


def figures(without: list[Look], with_gain: list[Look]) -> dict[str, float | None]:
    """Shares, mean votes and biases; a bias of no runs is None."""
    released = [one for one in with_gain if one.verdict is Verdict.BETTER]

    def bias(looks: list[Look], estimate: str) -> float | None:
        values = [getattr(one, estimate) for one in looks]
        return float(np.mean(values) - expected_vote(WON)) if values else None

    biases = [bias(looks, estimate) for looks in (with_gain, released) for estimate in ("mean", "shrunken")]
    return {
        "false_release": float(np.mean([one.verdict is Verdict.BETTER for one in without])),
        "power": len(released) / len(with_gain),
        "votes": float(np.mean([one.votes for one in with_gain])),
        "votes_without_gain": float(np.mean([one.votes for one in without])),
        **dict(zip(BIASES, biases, strict=True)),
    }


def show(row: dict[str, Any]) -> None:
    rule = row["rule"] if row["activity"] == "uneven" else f"{row['rule']}, {row['activity']}"
    biases = "".join(f"{'–' if row[key] is None else format(row[key], '+.3f'):>10}" for key in BIASES)
    shares = f"{row['false_release']:7.1%}{row['power']:8.1%}{row['votes']:7.0f}"
    print(f"{row['people']:6}  {rule:24}{shares}{biases[1:]}", flush=True)


def time_leverage(votes: int, people: int, seed: int) -> dict[str, Any]:
    """Seconds of a verdict's leverage, and of looking again without each person; both must say the same."""
    rng = np.random.default_rng(seed)
    weight = ACTIVITIES["uneven"](rng, people)
    person = rng.choice(people, votes, p=weight / weight.sum())
    prompt = rng.integers(0, votes // 3, votes)
    outcome = (rng.random(votes) < np.clip(rng.normal(0.65, 0.1, people), 0, 1)[person]).astype(float)
    began = time.perf_counter()
    found = find_leverage(outcome, person, prompt)
    ours = time.perf_counter() - began
    lows = [
        look(outcome[others], person[others], prompt[others]).low
        for others in (person != one for one in range(people))
    ]
    in_turn = time.perf_counter() - began - ours
    if found.one_person != (min(lows) <= 1 / 2) or look(outcome, person, prompt).low <= 1 / 2:
        raise SystemExit("The leverage is not what leaving out each person says.")
    print(f"{votes:8}{people:8}{ours:10.3f}{in_turn:9.2f}")
    return {"votes": votes, "people": people, "seconds": ours, "seconds_in_turn": in_turn}


if __name__ == "__main__":
    main()
