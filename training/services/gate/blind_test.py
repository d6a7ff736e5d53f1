"""Starting a blind test of a candidate, and looking at its votes."""

import random
from collections import defaultdict
from collections.abc import Iterator
from itertools import islice
from typing import Any

import numpy as np
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from annotator.errors import RefusedError
from annotator.models import Project, Prompt, User
from annotator.services.audit import record
from annotator.services.completions import add_completions
from annotator.shown import Shown, check_shown
from ranking.services import add_test_comparisons, end_test
from ranking.services.choosing import Group
from ranking.statistics.leverage import find_leverage
from ranking.statistics.sequential import LOOKS, decide
from training.facts import version_facts
from training.models import BlindTest, ModelVersion, Update
from training.services.evaluations import rows_of

from .groups import count_groups
from .votes import votes_of

FEWEST_PROMPTS = 10
MOST_COMPARISONS_EACH = 4
"""Comparisons of one prompt: votes on more of them say less, for they go together."""
Texts = dict[str, tuple[dict[str, None], dict[str, None]]]
"""By prompt id, the different texts of each version in their order."""
State = ModelVersion.State


def fresh_prompts(project: Project) -> QuerySet[Prompt]:
    """Held-out prompts, which no training has seen, that no blind test has used."""
    used = BlindTest.comparisons.through.objects.filter(blindtest__candidate__project=project)
    return project.prompts.available().held_out().exclude(pk__in=used.values("comparison__prompt"))


def start_blind_test(*, version: ModelVersion, actor: User | None, shown: Shown | None = None) -> BlindTest:
    """Have people compare a candidate with the live version, on fresh prompts, among the round's comparisons.

    Raises RefusedError when there is no candidate, no open round or too few fresh prompts to test it with.
    """
    project = version.project
    with transaction.atomic():
        Project.objects.select_for_update(no_key=True).get(pk=project.pk)
        version.refresh_from_db(fields=["state"])
        check_shown(shown, version_facts(version))
        baseline = ModelVersion.objects.live().filter(project=project).select_related("author").first()
        current = project.rounds.open().first()
        update = Update.objects.filter(candidate=version).first()
        if version.state != State.CANDIDATE or update is None or baseline is None:
            raise RefusedError(_("Only a candidate that an update has made can be tested."))
        if baseline.pk != version.parent_id:
            raise RefusedError(_("%(version)s is no longer live.") % {"version": version.parent})
        if BlindTest.objects.filter(candidate=version).exists():
            raise RefusedError(_("People test it already."))
        if current is None or update.round_id != current.pk:
            raise RefusedError(_("The round that it learned from is not open: people have nothing to rank."))
        groups = _groups(version, baseline, _sampled(update))
        have = len({group.prompt for group in groups})
        if have < FEWEST_PROMPTS:
            words = _(
                "People need at least %(needed)d held-out prompts that no test has used yet and on which the "
                "answers of both versions differ; there are %(have)d. Import more prompts."
            )
            raise RefusedError(words % {"needed": FEWEST_PROMPTS, "have": have})
        votes = -(-LOOKS[-1] // len(groups))
        test = BlindTest.objects.create(candidate=version, baseline=baseline, round=current, started_by=actor)
        test.comparisons.set(add_test_comparisons(current=current, groups=groups, votes=votes))
        record("gate.test_started", actor=actor, project=project, target=version, comparisons=len(groups))
    return test


def look_at(test: BlindTest) -> BlindTest:
    """Store what the votes say now.

    The test ends with a verdict, and without one when its candidate was decided about or its round closed.
    """
    values = _figures(test)
    has_verdict = values["verdict"] != BlindTest.Verdict.GO_ON
    with transaction.atomic():
        project = Project.objects.select_for_update(no_key=True).get(pk=test.candidate.project_id)
        test.candidate.refresh_from_db(fields=["state"])
        test.round.refresh_from_db(fields=["state", "closed_at"])
        is_over = has_verdict or not test.round.is_open or test.candidate.state != State.CANDIDATE
        values["ended_at"] = timezone.now() if is_over else None
        # Of two clocks that look at once, the slower finds it ended and leaves it alone.
        if BlindTest.objects.filter(pk=test.pk, ended_at=None).update(**values) and is_over:
            end_test(current=test.round)
            count_groups(test)
            about = {name: values[name] for name in ("verdict", "votes", "people")}
            record("gate.test_ended", actor=None, project=project, target=test.candidate, **about)
    test.refresh_from_db()
    return test


def _figures(test: BlindTest) -> dict[str, Any]:
    """The fields of a test as its votes have them now."""
    votes = votes_of(test)
    columns = (votes.outcome, votes.person, votes.prompt)
    found = decide(*columns)
    values: dict[str, Any] = {
        "verdict": found.verdict.value,
        "votes": len(votes.outcome),
        "people": len(np.unique(votes.person)),
        "simulated_votes": votes.simulated,
    }
    if np.isfinite(found.variance):
        values |= {"mean": found.mean, "low": found.low, "high": found.high, "shrunken": found.shrunken}
    if found.verdict.value != BlindTest.Verdict.GO_ON:
        leverage = find_leverage(*columns)
        values |= {"turning_votes": leverage.votes, "one_person_turns": leverage.one_person}
    return values


def _sampled(update: Update) -> Texts:
    """The different answers of both versions in the evaluation, by prompt id: the earlier's, the later's."""
    texts: Texts = defaultdict(lambda: ({}, {}))
    for row in rows_of(update):
        for text, answers in zip((row.before, row.after), texts[row.prompt_id], strict=True):
            answers[text] = None
    if not texts:
        raise RefusedError(_("The answers of the evaluation can no longer be read."))
    return texts


def _groups(version: ModelVersion, baseline: ModelVersion, texts: Texts) -> list[Group]:
    """Comparisons with answers of both versions, half and half.

    Where the number of answers is odd, the version with one more changes from comparison to comparison.
    """
    size = version.project.completions_per_comparison
    chosen: list[tuple[Prompt, list[str], list[str]]] = []
    for prompt in fresh_prompts(version.project).order_by("pk"):
        prompt.project = version.project
        before, after = texts.get(str(prompt.pk), ({}, {}))
        ours = [text for text in after if text not in before]
        theirs = [text for text in before if text not in after]
        for _number in range(MOST_COMPARISONS_EACH):
            more = (size + len(chosen) % 2) // 2
            few = size - more
            if len(ours) < more or len(theirs) < few:
                break
            chosen.append((prompt, [ours.pop() for _ in range(more)], [theirs.pop() for _ in range(few)]))
    random.Random(version.pk).shuffle(chosen)
    new = _stored(version, [(prompt, text) for prompt, texts, _theirs in chosen for text in texts])
    old = _stored(baseline, [(prompt, text) for prompt, _ours, texts in chosen for text in texts])
    return [
        Group(prompt.pk, [*islice(new, len(ours)), *islice(old, len(theirs))])
        for prompt, ours, theirs in chosen
    ]


def _stored(version: ModelVersion, texts: list[tuple[Prompt, str]]) -> Iterator[int]:
    """The ids of a version's answers, in the order given."""
    given = {prompt.pk: prompt.system_prompt for prompt, _text in texts}
    stored = add_completions(author=version.author, texts=texts, system_prompts=given)
    return iter([completion.pk for completion in stored])
