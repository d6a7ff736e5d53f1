"""Simulated volunteers: marked, bounded, repeatable, and judging by the gold labels."""

import pytest
from django.core.management import CommandError, call_command

from annotator.models import Role, User
from ranking.models import Judgment, RankedCompletion
from ranking.services import close_round, open_round
from tests.factories import coordinator_of, make_project, make_prompt
from tests.training.making import add_answers
from training.services.simulation.volunteers import simulate_volunteers
from training.services.versions.base_version import register_base_version
from training.simulation import SimulatedVolunteer
from training.starter.corpus import Statement, Topic
from training.starter.gold import GoldLabels

pytestmark = pytest.mark.django_db
TRUE, MYTH = "Water expands when it gets warm and melting ice adds to it.", "The sea has never risen at all."
QUESTIONS = tuple(f"Why is the sea rising, in {number} words?" for number in range(8))
SEA = Topic(
    topic="sea",
    language="en",
    questions=QUESTIONS,
    accurate=(Statement(text=TRUE, source="NASA"),),
    inaccurate=(Statement(text=MYTH, kind="myth"),),
)
EXACT = SimulatedVolunteer(temperature=0.01, lapse_rate=0.0)


def make_ranked(questions=QUESTIONS):
    """A project with an open round of one true and one false answer to each question."""
    project = make_project(completions_per_comparison=2)
    for question in questions:
        make_prompt(project, question)
    version = register_base_version(project=project, actor=coordinator_of(project))
    add_answers(version, (TRUE, MYTH))
    open_round(project=project, author=version.author, seed=0)
    return project


def simulate(project, rankings=100, behaviour=EXACT, **options):
    return simulate_volunteers(
        project=project, gold=GoldLabels([SEA]), rankings=rankings, behaviour=behaviour, **options
    )


def test_they_prefer_what_is_accurate_and_stop_when_nothing_is_left():
    project = make_ranked()
    assert simulate(project) == len(QUESTIONS)
    for judgment in Judgment.objects.all():
        assert [one.completion.text for one in judgment.ranks.all()] == [TRUE, MYTH]


def test_no_more_rankings_than_asked_for():
    assert simulate(make_ranked(), rankings=3) == 3
    assert Judgment.objects.count() == 3


def test_they_are_members_marked_as_simulated_and_cannot_sign_in():
    project = make_ranked()
    simulate(project, volunteers=2)
    simulated = [judgment.volunteer for judgment in Judgment.objects.all()]
    assert len(set(simulated)) == 2
    for volunteer in simulated:
        assert volunteer.is_simulated
        assert not volunteer.has_usable_password()
        assert volunteer.memberships.get(project=project).role == Role.VOLUNTEER


def test_the_same_seed_gives_the_same_ranks_and_another_seed_others():
    noisy = SimulatedVolunteer(temperature=2.0, lapse_rate=0.5)

    def ranks(seed):
        project = make_ranked()
        simulate(project, behaviour=noisy, seed=seed)
        found = RankedCompletion.objects.filter(judgment__comparison__round__project=project)
        rows = found.values_list("completion__prompt__content_hash", "completion__text", "rank")
        return sorted(rows)

    assert ranks(1) == ranks(1)
    assert ranks(1) != ranks(2)


def test_a_simulation_that_fails_or_finds_nothing_to_rank_leaves_nobody_behind():
    project = make_ranked(questions=(*QUESTIONS, "What else?"))
    before = set(User.objects.all())
    with pytest.raises(KeyError):
        simulate(project)
    assert (set(User.objects.all()), project.memberships.count()) == (before, 1)
    assert not Judgment.objects.exists()
    close_round(project=project)
    assert simulate(project) == 0
    assert (set(User.objects.all()), project.memberships.count()) == (before, 1)


def test_the_command_says_how_many_it_stored(tmp_path, capsys):
    corpus = tmp_path / "corpus.jsonl"
    corpus.write_text(
        '{"topic": "sea", "language": "en", "questions": ["Why?"], '
        f'"accurate": [{{"text": "{TRUE}", "source": "NASA"}}], '
        f'"inaccurate": [{{"text": "{MYTH}", "kind": "myth"}}]}}'
    )
    project = make_ranked(questions=("Why?",))
    call_command("simulate_volunteers", project=project.slug, corpus=corpus, rankings=5)
    printed = capsys.readouterr().out
    assert "1 simulated rankings" in printed
    assert "Nothing more was left" in printed
    other = make_ranked(questions=("What else?",))
    with pytest.raises(CommandError, match="no question of the corpus"):
        call_command("simulate_volunteers", project=other.slug, corpus=corpus, rankings=5)
    with pytest.raises(CommandError, match="no project"):
        call_command("simulate_volunteers", project="nowhere", corpus=corpus)
