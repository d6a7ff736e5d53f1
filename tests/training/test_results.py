"""What a coordinator decides by: the sentence that leads, the answers that are shown, and the numbers."""

import re

import pytest
from django.test import Client
from django.urls import reverse

from annotator.services.prompts.withdrawing import withdraw_prompts
from ranking.models import Dataset
from tests.factories import coordinator_of
from tests.training.making import PROMPTS, make_candidate, make_update
from training.models import ModelVersion, TrainingRun, Update
from training.services.evaluations import Row
from training.views.results.answers import MOST, _label, answers_of, choose
from training.views.results.verdicts import Verdict, ruling_of, verdict_of

BETTER = {"win_rate_ties_half_low": 0.58, "win_rate_ties_half_high": 0.81}
WORSE = {"win_rate_ties_half_low": 0.21, "win_rate_ties_half_high": 0.49}
UNCLEAR = {"win_rate_ties_half_low": 0.45, "win_rate_ties_half_high": 0.6}


def verdict(update: Update) -> Verdict:
    found = verdict_of(ModelVersion.objects.get(update=update))
    assert found is not None
    return found


def sentence(update: Update) -> str:
    return verdict(update).sentence.replace("\N{NO-BREAK SPACE}", " ")


def simulate(update: Update, count: int) -> None:
    """Let so many of the judgments that a version learned from be simulated."""
    Dataset.objects.filter(pk=update.dataset_id).update(simulated_judgments=count)


def page(client: Client, update: Update, name: str = "update") -> str:
    client.force_login(coordinator_of(update.project))
    number = update.number if name == "update" else 1
    html = client.get(reverse(name, args=[update.project.slug, number])).content.decode()
    return re.sub(r"\s+", " ", html).replace("\N{NO-BREAK SPACE}", " ")


# The sentence


@pytest.mark.parametrize(
    ("low", "high", "ruling"),
    [
        (0.51, 0.6, "better"),
        (0.3, 0.49, "worse"),
        (0.45, 0.6, "unclear"),
        (0.5, 0.6, "unclear"),
        (0.4, 0.5, "unclear"),
        (0.5, 0.5, "unclear"),
    ],
)
def test_a_version_is_better_or_worse_only_if_the_whole_interval_says_so(low, high, ruling):
    assert ruling_of(low, high) == ruling


@pytest.mark.django_db
def test_a_better_version_is_said_to_be_better_by_whom_against_what_and_how_surely(evaluated):
    assert sentence(evaluated(**BETTER)) == (
        f"Version 1 is better than Version 0, according to the reward model, which learned from {PROMPTS} "
        "judgments by 1 person, none of them simulated: on 12 held-out questions it won between 58 % and "
        "81 % of the comparisons."
    )


@pytest.mark.django_db
def test_a_worse_version_is_said_to_be_worse(evaluated):
    update = evaluated(**WORSE)
    assert sentence(update).startswith("Version 1 is worse than Version 0, according to the reward model")
    assert "lies below it" in verdict(update).reasons[0]


@pytest.mark.django_db
def test_what_may_be_chance_is_said_to_be_unknown(evaluated):
    update = evaluated(**UNCLEAR)
    assert sentence(update).startswith("It cannot be told whether Version 1 is better than Version 0.")
    assert "between 45 % and 60 %" in sentence(update)
    assert "may be chance" in verdict(update).reasons[0]


@pytest.mark.django_db
def test_an_end_of_the_interval_close_to_one_half_does_not_read_as_one_half(evaluated):
    near = {"win_rate_ties_half_low": 0.503, "win_rate_ties_half_high": 0.6}
    assert "is better" in sentence(evaluated(**near))
    assert "between 50.3 % and 60 %" in sentence(Update.objects.get())


@pytest.mark.django_db
def test_judgments_that_were_all_simulated_are_called_so(evaluated):
    update = evaluated()
    simulate(update, PROMPTS)
    assert f"learned from {PROMPTS} judgments, all simulated and none by a person: on" in sentence(update)


@pytest.mark.django_db
def test_judgments_that_were_partly_simulated_are_counted(evaluated):
    update = evaluated()
    simulate(update, 5)
    words = f"learned from {PROMPTS} judgments, 5 of them simulated and the others by 1 person: on"
    assert words in sentence(update)


@pytest.mark.django_db
def test_an_endpoint_is_named_as_the_judge_and_its_judgment_kept_apart_from_what_was_learned(evaluated):
    update = evaluated(judge="a-judge")
    simulate(update, PROMPTS)
    assert "is better than Version 0, according to the model a-judge: on" in sentence(update)
    reasons = " ".join(verdict(update).reasons)
    assert f"Version 1 learned from {PROMPTS} judgments, all simulated" in reasons
    assert "asked in both orders" in reasons and "trained to please" not in reasons


@pytest.mark.django_db
def test_without_a_comparison_nothing_is_claimed():
    update = make_update()
    assert verdict_of(make_candidate(update.project)) is None


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["update", "version"])
def test_the_sentence_leads_and_the_decision_is_beside_the_answers(client, evaluated, name):
    text = page(client, evaluated(watches=[]), name)
    marks = [
        '<p class="lead better">Version 1 is better',
        'id="warnings"',
        'id="release"',
        'class="pair"',
        "All numbers",
    ]
    places = [text.index(mark) for mark in marks]
    assert places == sorted(places)
    assert "real test" not in text


# The answers


def row(gain: float, prompt_id: str = "1") -> Row:
    return Row(prompt_id, "before", "after", 1.0, 1.0 + gain)


def test_of_many_questions_some_from_first_to_last_are_shown():
    shown, rest = choose([row(0.0, str(number)) for number in range(480)])
    numbers = sorted(int(each.prompt_id) for each in shown + rest)
    assert numbers == list(range(0, 480, 480 // MOST))


def test_what_is_typical_comes_first_then_the_best_and_the_worst():
    shown, rest = choose([row(gain) for gain in (5, -4, 1, 0, 3, -2, 2, -1)])
    assert [each.gain for each in shown] == [1, 0, 5, 3, -2, -4]
    assert [each.gain for each in rest] == [2, -1]


def test_few_questions_are_all_shown():
    shown, rest = choose([row(gain) for gain in (0, 2, 1)])
    assert ([each.gain for each in shown], rest) == ([2, 1, 0], [])


@pytest.mark.parametrize(
    ("gain", "words"),
    [
        (2.0, "scored much better"),
        (0.5, "scored better"),
        (-0.1, "scored about the same"),
        (-0.5, "scored worse"),
        (-1.0, "scored much worse"),
    ],
)
def test_a_difference_of_score_is_told_in_words(gain, words):
    assert _label(row(gain), 1.0)[0] == words
    assert _label(row(2 * gain), 2.0)[0] == words


def test_the_same_answer_is_called_so():
    assert _label(Row("1", "same", "same", 0.0, 0.0), 1.0)[0] == "the same answer"


# The numbers


@pytest.mark.django_db
def test_a_change_that_crosses_no_watch_is_shown_with_its_number_before_and_now(client, evaluated):
    measured = {"length": (57.9, 29.2), "distinct": (0.63, 0.35), "unsafe": (0.08, 0.09)}
    metrics = {
        f"{side}_{name}": value
        for name, values in measured.items()
        for side, value in zip(("baseline", "candidate"), values, strict=True)
    }
    text = page(client, evaluated(watches=[], **metrics))
    decision = text[text.index('id="decision"') : text.index('id="release"')]
    assert "No limit was crossed" in decision
    for words in ("answers: 58 before, 29 now", "Variety: 63 % before, 35 % now", "8 % before, 9 % now"):
        assert words in decision


@pytest.mark.django_db
def test_computing_time_counts_attempts_that_did_not_succeed(client, evaluated):
    update = evaluated()
    assert "4 min 10 s" in page(client, update)
    version = update.candidate
    version.metrics["unfinished_seconds"] = 120.0
    version.save()
    text = page(client, update)
    assert "6 min 10 s" in text and "2 min of it in attempts that did not succeed" in text


@pytest.mark.django_db
def test_answers_without_readable_scores_are_left_out(client, evaluated):
    update = evaluated()
    path = TrainingRun.objects.get(update=update, stage="evaluate").folder / "output" / "comparisons.jsonl"
    path.write_text(path.read_text().replace("0.4", "NaN"))
    assert "files are gone" in page(client, update)


@pytest.mark.django_db
def test_answers_to_withdrawn_prompts_are_gone_from_the_pages(client, evaluated):
    update = evaluated()
    prompts = list(update.project.prompts.held_out().values_list("pk", flat=True))
    withdraw_prompts(project=update.project, prompt_ids=prompts[:1], actor=None)
    found = answers_of(update)
    assert (found.total if found else 0) == len(prompts) - 1
    withdraw_prompts(project=update.project, prompt_ids=prompts, actor=None)
    for name in ("update", "version"):
        text = page(client, update, name)
        assert "After, and better" not in text and "its prompts were withdrawn" in text
