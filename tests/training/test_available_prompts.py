"""Which prompts the models of a project are asked."""

import json

import pytest

from annotator.errors import RefusedError
from annotator.services.prompts.withdrawing import withdraw_prompts
from tests.factories import coordinator_of
from tests.training.making import make_judged, make_run, make_trainable, make_update
from training.models import TrainingRun
from training.services.runs.recipes import sampling_input, stage_input
from training.services.sampling.control import sample_live_version

pytestmark = pytest.mark.django_db


def asked(run_input):
    return {int(json.loads(line)["prompt_id"]) for line in run_input.files["prompts.jsonl"].splitlines()}


def take_one_out(project):
    """Withdraw the first prompt of the training split and mark the second as too long; all but the first.

    Whether a prompt is too long, the engine finds out each time: the settings may have changed.
    """
    first, second = project.prompts.train()[:2]
    withdraw_prompts(project=project, prompt_ids=[first.pk], actor=None)
    project.prompts.filter(pk=second.pk).update(too_long=True)
    return set(project.prompts.values_list("pk", flat=True)) - {first.pk}


def test_sampling_asks_no_withdrawn_prompts():
    project = make_trainable()
    left = take_one_out(project)
    assert asked(sampling_input(project.versions.get(), {})) == left


def test_an_update_asks_no_withdrawn_prompts():
    project = make_judged()
    update = make_update(project)
    left = take_one_out(project)
    for stage in ("reward", "ppo"):
        TrainingRun.objects.filter(pk=make_run(update, stage).pk).update(state="succeeded")
    train = set(project.prompts.train().values_list("pk", flat=True))
    assert asked(stage_input(update, "ppo")) == left & train
    assert asked(stage_input(update, "evaluate")) == left - train


def test_with_every_prompt_withdrawn_there_is_nothing_to_sample():
    project = make_trainable()
    ids = project.prompts.values_list("pk", flat=True)
    withdraw_prompts(project=project, prompt_ids=ids, actor=None)
    with pytest.raises(RefusedError, match="no prompts yet"):
        sample_live_version(project=project, actor=coordinator_of(project))
