"""Candidates at the gate, and people who vote about them."""

import json
import random

import pytest
from django.test import Client
from django.urls import reverse

from annotator.models import Project, User
from ranking.services import claim_next, submit_judgment
from tests.factories import coordinator_of, make_member, make_prompt
from training.models import BlindTest, Gate, ModelVersion, Schedule, Update
from training.services.clock import tick
from training.services.gate import blind_test
from training.services.gate.blind_test import fresh_prompts

from . import making
from .making import make_finished, make_judged, make_update

HELD_OUT = 4
GOOD = {
    "win_rate_ties_half_low": 0.58,
    "watches": [],
    "baseline_unsafe": 0.1,
    "candidate_unsafe": 0.1,
}


def make_candidate(
    monkeypatch: pytest.MonkeyPatch, project: Project | None = None, **metrics: object
) -> ModelVersion:
    """A candidate that an update has made, whose evaluation found these metrics, and passes without them.

    A project of the tests has few prompts, which are enough then to test it.
    """
    monkeypatch.setattr(blind_test, "FEWEST_PROMPTS", HELD_OUT)
    monkeypatch.setitem(making.METRICS, "evaluate", making.METRICS["evaluate"] | GOOD | metrics)
    project = project or make_judged()
    while fresh_prompts(project).count() < HELD_OUT:
        make_prompt(project)
    update = make_update(project)
    version = make_finished(update)
    write_answers(update)
    return version


def write_answers(update: Update) -> None:
    """Three answers of each version to each held-out prompt."""
    rows = [
        {"prompt_id": str(prompt.pk), "baseline": f"Old {n}.", "candidate": f"New {n}, and longer."}
        for prompt in update.project.prompts.held_out()
        for n in range(3)
    ]
    scores = {"baseline_score": 0.0, "candidate_score": 1.0, "outcome": 1.0}
    run = update.run_of("evaluate")
    assert run is not None
    path = run.folder / "output" / "comparisons.jsonl"
    path.write_text("".join(json.dumps(row | scores) + "\n" for row in rows))


def vote(test: BlindTest, people: int = 6, prefers_new: float = 1.0) -> list[User]:
    """People judge all that is open; each prefers the candidate's answer with this chance."""
    chance = random.Random(1)
    project = test.candidate.project
    voters = [make_member(project) for _ in range(people)]
    for volunteer in voters:
        while assignment := claim_next(project=project, volunteer=volunteer, chance=chance):
            texts = dict(assignment.comparison.completions.values_list("pk", "text"))
            wants_new = chance.random() < prefers_new
            order = sorted(texts, key=lambda pk: texts[pk].startswith("New") != wants_new)
            ranks = {pk: place for place, pk in enumerate(order, start=1)}
            submit_judgment(assignment=assignment, volunteer=volunteer, key=assignment.key, ranks=ranks)
    return voters


def gate_of(project: Project, gate: str) -> None:
    Schedule.objects.update_or_create(project=project, defaults={"gate": gate})


def page_of_rejected(client: Client, candidate: ModelVersion) -> str:
    """Let the gate's rule reject it; returns what its page says then."""
    gate_of(candidate.project, Gate.RULE)
    tick()
    candidate.refresh_from_db()
    assert candidate.state == ModelVersion.State.REJECTED
    client.force_login(coordinator_of(candidate.project))
    return client.get(reverse("version", args=[candidate.project.slug, 1])).text
