"""A project with many judgments, stored as rows and not by the acts of people, which would take an hour."""

import uuid
from typing import Any

import numpy as np

from ranking.statistics.sequential import Ids

VOTES, PER_PROMPT, ROUNDS = 3, 5, 4
LANGUAGES, TAGS = ("en", "en", "en", "fr"), ("glaciers", "seas", "towns", "heat")
BATCH = 5000
STRENGTH, LUCK = 0.3, 1.0
"""The deviations of versions, and of what a person finds of an answer."""


def make_judged(judgments: int, answers: int, versions: int, people: int) -> tuple[Any, Any]:
    """The project, and its coordinator."""
    from django.utils import timezone

    from annotator.models import Author, Membership, Project, Role, User
    from ranking.models import Comparison

    project = Project.objects.create(
        slug="pages", name="Pages", base_model="none", completions_per_comparison=answers
    )
    authors = Author.objects.bulk_create(
        Author(project=project, kind=Author.Kind.MODEL, name=f"Version {n + 1}") for n in range(versions)
    )
    users = User.objects.bulk_create(
        User(email=f"person{n}@example.org", name=f"Person {n}", password="!") for n in range(people + 1)
    )
    roles = [Role.COORDINATOR, *[Role.VOLUNTEER] * people]
    Membership.objects.bulk_create(
        Membership(user=user, project=project, role=role, ready_at=timezone.now())
        for user, role in zip(users, roles, strict=True)
    )
    comparisons = -(-judgments // VOTES)
    rounds = _rounds(project, authors[0], comparisons)
    prompts = _prompts(project, -(-comparisons // PER_PROMPT))
    texts = _completions(prompts, authors)  # (prompts, versions)
    chance = np.random.default_rng(0)
    stored = Comparison.objects.bulk_create(
        [
            Comparison(round=rounds[n * ROUNDS // comparisons], prompt=prompts[n // PER_PROMPT])
            for n in range(comparisons)
        ],
        batch_size=BATCH,
    )
    shown = chance.random((comparisons, versions)).argsort(axis=1)[:, :answers]  # versions by number
    person = (chance.integers(0, people, (comparisons, 1)) + np.arange(VOTES)) % people + 1
    _judge(stored, texts, shown, np.array([user.pk for user in users])[person], chance)
    return project, users[0]


def _rounds(project: Any, author: Any, comparisons: int) -> list[Any]:
    from django.utils import timezone

    from ranking.models import Round

    return Round.objects.bulk_create(
        Round(
            project=project,
            number=n + 1,
            author=author,
            assignment_count=VOTES * comparisons // ROUNDS,
            languages=sorted(set(LANGUAGES)),
            opened_at=timezone.now(),
            state="closed" if n < ROUNDS - 1 else "open",
            closed_at=timezone.now() if n < ROUNDS - 1 else None,
        )
        for n in range(ROUNDS)
    )


def _prompts(project: Any, number: int) -> list[Any]:
    from annotator.models import Prompt
    from annotator.models.prompts import hash_messages, split_of

    def prompt(n: int) -> Prompt:
        messages = [{"role": "user", "content": f"Question {n}: what becomes of the glaciers?"}]
        return Prompt(
            project=project, number=n + 1, messages=messages, language=LANGUAGES[n % len(LANGUAGES)],
            tags=[TAGS[n % len(TAGS)]], content_hash=hash_messages(messages), split=split_of(messages),
            search_text=messages[0]["content"].casefold(),
        )  # fmt: skip

    return Prompt.objects.bulk_create([prompt(n) for n in range(number)], batch_size=BATCH)


def _completions(prompts: list[Any], authors: list[Any]) -> Ids:
    """The ids of an answer of each version to each prompt, (prompts, versions)."""
    from annotator.models import Completion
    from annotator.services.completions import hash_text

    texts = [(prompt, author, f"{author} says: {prompt.number}") for prompt in prompts for author in authors]
    stored = Completion.objects.bulk_create(
        [
            Completion(prompt=prompt, author=author, text=text, text_hash=hash_text(text))
            for prompt, author, text in texts
        ],
        batch_size=BATCH,
    )
    return np.array([each.pk for each in stored]).reshape(len(prompts), len(authors))


def _judge(comparisons: list[Any], texts: Ids, shown: Ids, people: Ids, chance: np.random.Generator) -> None:
    """Each comparison's people, (comparisons, VOTES), rank its answers: the better version mostly first."""
    from ranking.models import Assignment, ComparisonItem, Judgment, RankedCompletion

    better = np.asarray(chance.normal(0, STRENGTH, texts.shape[1]))
    answers = texts[np.arange(len(comparisons)) // PER_PROMPT][np.arange(len(comparisons))[:, None], shown]
    for start in range(0, len(comparisons), BATCH):
        part = range(start, min(start + BATCH, len(comparisons)))
        ComparisonItem.objects.bulk_create(
            ComparisonItem(comparison=comparisons[n], completion_id=pk)
            for n in part
            for pk in answers[n].tolist()
        )
        places = [(n, vote) for n in part for vote in range(VOTES)]
        assignments = Assignment.objects.bulk_create(
            Assignment(
                round_id=comparisons[n].round_id, comparison=comparisons[n], number=vote, language="en",
                state=Assignment.State.DONE, volunteer_id=int(people[n, vote]),
                order=chance.permutation(answers[n]).tolist(),
            )
            for n, vote in places
        )  # fmt: skip
        judgments = Judgment.objects.bulk_create(
            Judgment(
                comparison_id=each.comparison_id, assignment=each, volunteer_id=int(people[n, vote]),
                verdict=Judgment.Verdict.RANKED, seconds=40, key=uuid.uuid4(),
            )
            for each, (n, vote) in zip(assignments, places, strict=True)
        )  # fmt: skip
        found = better[shown[part][np.repeat(np.arange(len(part)), VOTES)]]
        ranks = (-found - chance.gumbel(0, LUCK, found.shape)).argsort(axis=1).argsort(axis=1) + 1
        RankedCompletion.objects.bulk_create(
            RankedCompletion(judgment=judgment, completion_id=pk, rank=rank)
            for judgment, (n, _vote), given in zip(judgments, places, ranks.tolist(), strict=True)
            for pk, rank in zip(answers[n].tolist(), given, strict=True)
        )
        Judgment.objects.filter(pk__in=[each.pk for each in judgments]).update(is_current=True)
