"""Counts what the timeline says of each round again: raw rows by plain SQL, and the engines' own files."""

import json
import math
from collections import defaultdict
from itertools import combinations
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection

from annotator.models import Project
from ranking.models.reliability import fit_of
from training.services.timeline import RoundLine, line_of, rounds_of

JUDGMENTS = """
    SELECT j.id, j.comparison_id, j.volunteer_id, person.is_simulated
    FROM ranking_judgment j
    JOIN ranking_comparison c ON c.id = j.comparison_id
    JOIN annotator_user person ON person.id = j.volunteer_id
    WHERE c.round_id = %s AND j.is_current"""
RANKS = """
    SELECT r.judgment_id, r.completion_id, r.rank
    FROM ranking_rankedcompletion r
    JOIN ranking_judgment j ON j.id = r.judgment_id
    JOIN ranking_comparison c ON c.id = j.comparison_id
    WHERE c.round_id = %s AND j.is_current AND j.verdict = 'ranked'"""
BEFORE = """
    SELECT v.number FROM ranking_round r JOIN training_modelversion v ON v.author_id = r.author_id
    WHERE r.id = %s"""
CANDIDATE = """
    SELECT v.number, u.id FROM training_update u JOIN training_modelversion v ON v.id = u.candidate_id
    WHERE u.round_id = %s ORDER BY u.id DESC LIMIT 1"""
RUNS = """
    SELECT t.id, t.unfinished_seconds FROM training_trainingrun t
    LEFT JOIN training_update u ON u.id = t.update_id
    WHERE t.round_id = %(round)s OR u.round_id = %(round)s"""
EVALUATION = (
    "SELECT id FROM training_trainingrun WHERE update_id = %s AND stage = 'evaluate' ORDER BY id DESC LIMIT 1"
)
STATE = "SELECT state FROM ranking_round WHERE id = %s"


def differences_of(project: Project) -> list[str]:
    """Where the timeline says something else than the rows; none if it is right."""
    found = []
    fit = fit_of(project)
    for line in (line_of(one, fit) for one in rounds_of(project)):
        shown, counted = _shown(line), _counted(line.round.pk)
        found += [
            f"{line.round}, {name}: the timeline says {shown[name]}, the rows say {counted[name]}"
            for name in counted
            if not _same(shown[name], counted[name])
        ]
    return found


def _shown(line: RoundLine) -> dict[str, Any]:
    return {
        "judgments": line.collected.judgments,
        "of simulated": line.collected.of_simulated,
        "people": line.collected.people,
        "agreement": line.collected.agreement.share,
        "before": line.before.number if line.before else None,
        "after": line.after.number if line.after else None,
        "win rate": line.candidate.metrics["win_rate"] if line.candidate else None,
        "seconds": line.expense.seconds,
        "kWh": line.expense.kwh,
    }


def _counted(number: int) -> dict[str, Any]:
    judgments = _select(JUDGMENTS, number)
    before = next((row[0] for row in _select(BEFORE, number)), None)
    candidate, update = next(iter(_select(CANDIDATE, number)), (None, None))
    ((state,),) = _select(STATE, number)
    seconds, kwh = _expense(_select(RUNS, {"round": number}))
    return {
        "judgments": len(judgments),
        "of simulated": sum(bool(simulated) for *_, simulated in judgments),
        "people": len({person for *_, person, simulated in judgments if not simulated}),
        "agreement": _agreement(judgments, _select(RANKS, number)),
        "before": before,
        "after": {"released": candidate, "kept": before, "skipped": before}.get(state),
        "win rate": _win_rate(update) if update else None,
        "seconds": seconds,
        "kWh": kwh,
    }


def _agreement(judgments: list[Any], ranks: list[Any]) -> float | None:
    """Every two people's judgments of a comparison, on every two of its answers that neither ranked alike."""
    ranks_of: dict[int, dict[int, int]] = defaultdict(dict)
    for judgment, completion, rank in ranks:
        ranks_of[judgment][completion] = rank
    together = defaultdict(list)
    for judgment, comparison, _person, simulated in judgments:
        if judgment in ranks_of and not simulated:
            together[comparison].append(ranks_of[judgment])
    agree = [
        (one[a] < one[b]) == (other[a] < other[b])
        for group in together.values()
        for one, other in combinations(group, 2)
        for a, b in combinations(sorted(one), 2)
        if one[a] != one[b] and other[a] != other[b]
    ]
    return sum(agree) / len(agree) if agree else None


def _win_rate(update: int) -> float:
    ((run,),) = _select(EVALUATION, update)
    lines = (_folder(run) / "output" / "comparisons.jsonl").read_text(encoding="utf-8").splitlines()
    outcomes = [json.loads(line)["outcome"] for line in lines]
    return float(sum(outcomes) / len(outcomes))


def _expense(runs: list[Any]) -> tuple[float, float | None]:
    """Seconds and kWh of the engines' results, attempts without success at the power of the others."""
    files = [_folder(run) / "result.json" for run, _ in runs]
    results = [json.loads(file.read_text(encoding="utf-8")) for file in files if file.exists()]
    done = sum(result["seconds"] for result in results)
    seconds = done + sum(unfinished for _, unfinished in runs)
    kwh = [result["energy"]["kwh"] for result in results]
    return seconds, None if None in kwh or not done else sum(kwh) * seconds / done


def _folder(run: int) -> Path:
    return Path(settings.DATA_DIR) / "runs" / str(run)


def _select(query: str, values: Any) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(query, values if isinstance(values, dict) else [values])
        return list(cursor.fetchall())


def _same(shown: Any, counted: Any) -> bool:
    if isinstance(shown, float) and isinstance(counted, float):
        return math.isclose(shown, counted, rel_tol=1e-9)
    return bool(shown == counted)
