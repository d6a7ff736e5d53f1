"""A better answer that a volunteer writes with a judgment: by the service, on the page and by the API."""

import json
import re
import uuid
from html import unescape

import pytest
from django.urls import reverse

from annotator.models import Author, Completion, Split
from annotator.services.completions import add_completions, get_or_create_person
from annotator.services.projects import change_settings
from ranking.errors import InvalidJudgmentError, KeyReusedError
from ranking.forms import OpenRoundForm
from ranking.models import Assignment, Demonstration, Judgment
from ranking.questions.rewrite import LONGEST
from ranking.services import leave_project, snapshot_preferences
from tests.api import client_of
from tests.factories import coordinator_of, make_completion, make_member, make_prompt
from training.rlhf.data.files import read_conversations, read_preferences
from training.rlhf.recipes import DatasetFile
from training.rlhf.rundir import RunDirectory

from .desk import desk, filled, to
from .making import (
    assert_refused,
    let_lapse,
    make_assignment,
    make_correction,
    make_judgment,
    make_round,
    pairs_of,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("taken_unread")]
BETTER = "Because warm water\n\ntakes **more** room."


def rewrite(assignment, text=BETTER, place=0):
    return {"original": sorted(assignment.order)[place], "text": text}


def text_of(assignment, place=0):
    return Completion.objects.get(pk=sorted(assignment.order)[place]).text


def test_it_is_a_demonstration_by_a_person_and_preferred_to_what_it_mends(assignment):
    judgment = make_judgment(assignment, 1, 2, 3, rewrite=rewrite(assignment))
    stored = judgment.demonstration
    assert (stored.completion.text, stored.original_id) == (BETTER, min(assignment.order))
    author = stored.completion.author
    assert (author.kind, author.user) == (Author.Kind.PERSON, assignment.volunteer)
    assert assignment.volunteer.email not in author.name and assignment.volunteer.name not in author.name
    pairs = pairs_of(judgment)
    assert len(pairs) == 4 and (stored.completion_id, stored.original_id) in pairs


@pytest.mark.parametrize("said", [{"verdict": "all_bad"}, {"verdict": "cannot_rank", "reason": "broken"}])
def test_where_nothing_is_ranked_it_is_the_only_preference(assignment, said):
    judgment = make_judgment(assignment, **said, rewrite=rewrite(assignment, place=1))
    (preference,) = judgment.preferences()
    assert preference.chosen == judgment.demonstration.completion_id
    assert preference.rejected == sorted(assignment.order)[1] and preference.is_rewrite


def test_sent_twice_it_is_stored_once_and_another_text_is_another_answer(assignment):
    judgment = make_judgment(assignment, 1, 2, 3, rewrite=rewrite(assignment))
    assert (
        make_judgment(assignment, 1, 2, 3, rewrite=rewrite(assignment, f" {BETTER}".replace("\n", "\r\n")))
        == judgment
    )
    for other in (None, rewrite(assignment, "No."), rewrite(assignment, place=1)):
        with pytest.raises(KeyReusedError):
            make_judgment(assignment, 1, 2, 3, rewrite=other)
    assert Demonstration.objects.count() == 1


@pytest.mark.parametrize("text", ["", " \r\n ", None])
def test_nothing_written_or_changed_is_no_demonstration(assignment, text):
    text = f"{text_of(assignment)}\r\n " if text is None else text
    judgment = make_judgment(assignment, 1, 2, 3, rewrite=rewrite(assignment, text))
    assert not Demonstration.objects.exists() and len(judgment.preferences()) == 3


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("half \ud800 of it", "cannot be stored"),
        ("\0", "cannot be stored"),
        ("x" * (LONGEST + 1), "longer than"),
        (None, "same as another"),
    ],
)
def test_what_cannot_be_a_demonstration_is_refused_and_nothing_stored(assignment, text, words):
    text = text_of(assignment, 2) if text is None else text
    with pytest.raises(InvalidJudgmentError, match=words):
        make_judgment(assignment, 1, 2, 3, rewrite=rewrite(assignment, text))
    assert not Judgment.objects.exists() and not Completion.objects.filter(author__kind="person").exists()


def test_what_mends_an_answer_of_elsewhere_is_refused(assignment):
    foreign = make_completion(assignment.comparison.prompt)
    with pytest.raises(InvalidJudgmentError, match="not part of"):
        make_judgment(assignment, 1, 2, 3, rewrite={"original": foreign.pk, "text": BETTER})


def test_a_project_that_does_not_ask_for_it_takes_none_but_keeps_what_it_has(assignment):
    project = assignment.round.project
    judgment = make_judgment(assignment, 1, 2, 3, rewrite=rewrite(assignment))
    change_settings(project=project, values={"offers_rewrites": False}, actor=coordinator_of(project))
    assert make_judgment(assignment, 1, 2, 3, rewrite=rewrite(assignment)) == judgment
    assert (
        make_correction(judgment, 3, 2, 1, rewrite=rewrite(assignment)).demonstration.completion.text
        == BETTER
    )
    other = make_assignment(assignment.round, assignment.volunteer)
    with pytest.raises(InvalidJudgmentError, match="does not ask"):
        make_judgment(other, 1, 2, 3, rewrite=rewrite(other))


def test_a_correction_may_keep_change_and_take_it_back(assignment):
    first = make_judgment(assignment, 1, 2, 3, rewrite=rewrite(assignment))
    second = make_correction(first, 2, 1, 3, rewrite=rewrite(assignment))
    assert second.demonstration.completion == first.demonstration.completion
    third = make_correction(second, 2, 1, 3, rewrite=rewrite(assignment, "Shorter.", place=1))
    assert third.demonstration.completion.text == "Shorter."
    assert make_correction(third, 2, 1, 3, rewrite=rewrite(assignment, "Shorter.", place=1)) == third
    fourth = make_correction(third, 2, 1, 3)
    assert not Demonstration.objects.filter(judgment=fourth).exists()
    assert Demonstration.objects.count() == 3


def test_a_late_judgment_may_have_one(current, assignment):
    let_lapse(assignment)
    Assignment.objects.exclude(pk=assignment.pk).delete()
    make_assignment(current, make_member(current.project))
    judgment = make_judgment(assignment, 1, 2, 3, rewrite=rewrite(assignment))
    assert judgment.late and judgment.lapsed_assignment and judgment.demonstration


# What the database refuses by itself


def test_the_database_takes_demonstrations_only_of_who_judged_for_what_was_compared(current, assignment):
    judgment = make_judgment(assignment, 1, 2, 3)
    prompt = assignment.comparison.prompt

    def write(user, prompt=prompt):
        author = get_or_create_person(project=current.project, user=user)
        return add_completions(author=author, texts=[(prompt, BETTER)])[0]

    own, others = write(assignment.volunteer), write(make_member(current.project))
    elsewhere = write(assignment.volunteer, make_prompt(current.project))
    model = make_completion(prompt)
    compared, second = Completion.objects.filter(pk__in=assignment.order)[:2]
    create = Demonstration.objects.create
    for original, completion in (
        *((compared, others), (compared, elsewhere), (compared, model)),
        *((compared, second), (model, own), (own, own)),
    ):
        assert_refused(create, judgment=judgment, original=original, completion=completion)
    stored = create(judgment=judgment, original=compared, completion=own)
    assert_refused(create, judgment=judgment, original=second, completion=own)
    assert_refused(Demonstration.objects.filter(pk=stored.pk).update, original=second)
    assert_refused(Demonstration.objects.filter(pk=stored.pk).update, completion=others)


# Datasets


def written_round(prompts=10):
    """A judged round with a rewrite in every other comparison; (round, texts by comparison)."""
    current = make_round(prompts=prompts, answers=3, system_prompt="Be brief.")
    volunteer = make_member(current.project)
    texts = {}
    for number in range(prompts):
        assignment = make_assignment(current, volunteer)
        said = {"rewrite": rewrite(assignment, f"Mended {number}", place=1)} if number % 2 else {}
        make_judgment(assignment, 1, 2, 3, **said)
        if said:
            texts[assignment.comparison_id] = f"Mended {number}"
    return current, texts


def rows_of(dataset, prefix=""):
    lines = [
        (split, line)
        for split in Split.values
        for line in (dataset.folder / f"{prefix}{split}.jsonl").read_text().splitlines()
    ]
    return [(split, json.loads(line)) for split, line in lines]


def test_a_dataset_has_the_pairs_and_the_demonstrations_each_in_its_prompts_split():
    current, texts = written_round()
    dataset = snapshot_preferences(project=current.project)
    pairs = [(split, row) for split, row in rows_of(dataset) if row["source"] == "rewrite"]
    alone = rows_of(dataset, "demonstrations_")
    assert dataset.pairs == len(rows_of(dataset)) == 10 * 3 + 5
    assert {row["comparison_id"]: row["chosen"][0]["content"] for _split, row in pairs} == texts
    assert {row["comparison_id"]: row["completion"] for _split, row in alone} == {
        comparison: [{"role": "assistant", "content": text}] for comparison, text in texts.items()
    }
    for split, row in [*pairs, *alone]:
        prompt = current.project.prompts.get(pk=row["prompt_id"])
        assert split == row["split"] == prompt.split
        assert row["prompt"] == prompt.full_messages()
    assert {(row["weight"], row["votes"]["chosen"]) for _split, row in pairs} == {(1, 1)}
    counts = dataset.manifest["counts"]
    assert counts["demonstrations"] == counts["demonstrations_train"] + counts["demonstrations_held_out"] == 5
    assert (counts["train"], counts["held_out"]) == (dataset.train_pairs, dataset.held_out_pairs)


def test_what_was_corrected_away_is_in_no_later_dataset_and_without_any_there_are_no_files():
    current, texts = written_round(prompts=2)
    judgment = Demonstration.objects.get().judgment
    make_correction(judgment, 1, 2, 3)
    dataset = snapshot_preferences(project=current.project)
    assert texts and dataset.pairs == 6 and dataset.manifest["counts"]["demonstrations"] == 0
    assert not [name for name in dataset.file_names if name.startswith("demonstrations")]
    assert "config_name: demonstrations" not in dataset.open_file("README.md").read().decode()


def test_who_leaves_and_takes_it_back_takes_what_they_wrote_along():
    current, texts = written_round(prompts=4)
    project = current.project
    before = snapshot_preferences(project=project)
    writer = Demonstration.objects.first().judgment.volunteer
    leave_project(membership=project.memberships.get(user=writer), withdraw=True)
    assert before.manifest["counts"]["demonstrations"] == len(texts) == 2
    assert not Demonstration.objects.exists()
    assert not Completion.objects.filter(author__kind="person").exists()
    assignment = make_assignment(current, make_member(project))
    make_judgment(assignment, 1, 2, 3)
    assert snapshot_preferences(project=project).manifest["counts"]["demonstrations"] == 0


def test_a_rewrite_alone_is_a_dataset():
    current = make_round(answers=2)
    assignment = make_assignment(current, make_member(current.project))
    make_judgment(assignment, verdict="all_bad", rewrite=rewrite(assignment))
    assert snapshot_preferences(project=current.project).pairs == 1


def test_the_ecosystem_and_the_engine_read_both_kinds_of_files():
    from datasets import load_dataset

    current, texts = written_round(prompts=14)
    dataset = snapshot_preferences(project=current.project)
    read = load_dataset(str(dataset.folder), "demonstrations", cache_dir=str(dataset.folder / "cache"))
    assert sum(part.num_rows for part in read.values()) == len(texts)
    assert all({"prompt", "completion"} <= set(part.column_names) for part in read.values())
    directory = RunDirectory(dataset.folder)
    for split in Split.values:
        for suffix in ("jsonl", "parquet"):
            files = dataset.manifest["files"]
            name = f"{split}.{suffix}"
            preferences = read_preferences(directory, DatasetFile(name, files[name]["sha256"]))
            assert len(preferences) == files[name]["rows"]
            name = f"demonstrations_{name}"
            if files[name]["rows"]:
                said = read_conversations(directory, DatasetFile(name, files[name]["sha256"]))
                assert {one[-1]["content"] for one in said} <= set(texts.values())
                assert [one[0]["role"] for one in said] == ["system"] * files[name]["rows"]


def test_a_round_is_not_opened_by_default_with_what_people_wrote():
    current, _texts = written_round(prompts=2)
    form = OpenRoundForm(project=current.project)
    assert list(form.fields["author"].queryset) == [current.author] == [form.fields["author"].initial]


# The page


def test_the_page_offers_it_with_every_answers_source_escaped(client, current, assignment):
    first = Completion.objects.get(pk=assignment.order[0])
    Completion.objects.filter(pk=first.pk).update(text="**Yes** <b>&amp;</b> </template><script>x</script>")
    html = client.get(desk(current)).content.decode()
    sources = re.findall(r'<template data-answer="(\d)">(.*?)</template>', html, re.DOTALL)
    assert [(place, unescape(text)) for place, text in sources] == [
        (str(place), Completion.objects.get(pk=pk).text) for place, pk in enumerate(assignment.order, start=1)
    ]
    assert "<script>x" not in html


def test_without_a_choice_it_mends_the_first_of_the_best_ranked(client, assignment):
    client.post(to("judgment", assignment), filled(client, assignment, 2, 1, 1, rewrite="Mended.\r\nTwice."))
    stored = Demonstration.objects.get()
    assert (stored.original_id, stored.completion.text) == (assignment.order[1], "Mended.\nTwice.")


def test_the_answer_to_start_from_can_be_chosen_also_where_none_is_acceptable(client, assignment):
    sent = filled(client, assignment, verdict="all_bad", rewrite="Mended.")
    response = client.post(to("judgment", assignment), sent)
    assert response.status_code == 422
    html = response.content.decode()
    assert "Choose which answer you started from" in html and "Mended." in html
    client.post(to("judgment", assignment), sent | {"rewrite_of": "3"})
    assert Demonstration.objects.get().original_id == assignment.order[2]


@pytest.mark.parametrize(
    "change",
    [
        {"rewrite_of": "4"},
        {"rewrite_of": "0"},
        {"rewrite_of": "\0"},
        {"rewrite_of": "1" * 5000},
        {"rewrite": "half done\0"},
        {"rewrite": "half done" + "x" * LONGEST},
        {"rewrite": "half done" + "x" * 45_000},
    ],
    ids=lambda change: " ".join(f"{name} {value[:9]} {len(value)}" for name, value in change.items()),
)
def test_bad_input_comes_back_with_words_and_what_was_written(client, assignment, change):
    sent = filled(client, assignment, 1, 2, 3, rewrite="half done") | change
    response = client.post(to("judgment", assignment), sent)
    assert response.status_code == 422
    html = response.content.decode()
    assert "notice error" in html and "half done" in html
    assert not Judgment.objects.exists() and not Demonstration.objects.exists()


def test_half_a_surrogate_pair_breaks_nothing(client, assignment):
    from urllib.parse import urlencode

    body = urlencode(filled(client, assignment, 1, 2, 3)) + "&rewrite=Because%ED%A0%80"
    client.post(to("judgment", assignment), body, content_type="application/x-www-form-urlencoded")
    assert Demonstration.objects.get().completion.text.startswith("Because")


def test_a_project_may_not_offer_it_and_what_was_written_before_still_shows(client, current, assignment):
    sent = filled(client, assignment, 1, 2, 3, rewrite="half done")
    actor = coordinator_of(current.project)
    change_settings(project=current.project, values={"offers_rewrites": False}, actor=actor)
    assert 'name="rewrite"' not in client.get(desk(current)).content.decode()
    response = client.post(to("judgment", assignment), sent)
    assert response.status_code == 422
    html = response.content.decode()
    assert "does not ask for your own answers" in html and "half done" in html
    assert client.post(to("judgment", assignment), sent | {"rewrite": ""}).status_code == 302


def test_a_correction_shows_what_was_written(client, assignment):
    judgment = make_judgment(assignment, 1, 2, 3, rewrite=rewrite(assignment, "\nMended <i>"))
    html = client.get(
        reverse("correct-judgment", args=[assignment.round.project.slug, judgment.pk])
    ).content.decode()
    written = re.search(r'<textarea id="rewrite"[^>]*>\n(.*?)</textarea>', html, re.DOTALL)
    assert unescape(written.group(1)) == "Mended <i>"
    chosen = re.search(r'<select id="rewrite-of".*?</select>', html, re.DOTALL).group()
    place = assignment.order.index(min(assignment.order)) + 1
    assert f'<option value="{place}" selected>' in chosen and chosen.count(" selected") == 1


# The API


@pytest.fixture
def api(assignment):
    address = reverse("api-judgment", args=[assignment.round.project.slug, assignment.pk])
    ranks = [{"completion": pk, "rank": place} for place, pk in enumerate(assignment.order, start=1)]

    def judge(**body):
        return client_of(assignment.volunteer).post(
            address, {"key": str(assignment.key), "ranks": ranks} | body
        )

    return judge


def test_by_the_api(api, assignment):
    sent = rewrite(assignment)
    answer = api(rewrite=sent)
    assert answer.status_code == 201
    shown = sent | {"state": "accepted", "word": ""}
    assert (answer.json()["rewrite"], answer.json()["preferences"]) == (shown, 4)
    assert api(rewrite=sent).json() == answer.json()
    slug = assignment.round.project.slug
    (listed,) = client_of(assignment.volunteer).get(reverse("api-judgments", args=[slug])).json()["results"]
    assert listed["rewrite"] == shown
    corrected = client_of(assignment.volunteer).post(
        reverse("api-correction", args=[slug, listed["id"]]),
        {"key": str(uuid.uuid4()), "verdict": "all_bad"},
    )
    assert (corrected.status_code, corrected.json()["rewrite"]) == (201, None)


def test_preferences_tell_which_are_of_rewrites(api, assignment):
    api(rewrite=rewrite(assignment))
    project = assignment.round.project
    client = client_of(coordinator_of(project))
    rows = client.get(reverse("api-preferences", args=[project.slug])).json()["results"]
    assert [row["source"] for row in rows] == ["ranking"] * 3 + ["rewrite"]
    assert rows[-1]["chosen"]["text"] == BETTER


@pytest.mark.parametrize(
    "body",
    [
        {"rewrite": "text"},
        {"rewrite": {"text": "x"}},
        {"rewrite": {"original": 10**30, "text": "x"}},
        {"rewrite": {"original": 1, "text": "x\0"}},
        {"rewrite": {"original": 1, "text": ["x"]}},
        {"rewrite": {"original": 1, "text": "x" * (LONGEST + 1)}},
        {"rewrite": {"original": None, "text": "x"}},
    ],
)
def test_a_wrong_body_is_400_and_nothing_stored(api, body):
    assert api(**body).status_code == 400
    assert not Judgment.objects.exists()
