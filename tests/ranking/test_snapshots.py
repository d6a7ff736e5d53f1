"""Snapshots of preferences: their files, and what happens when something goes wrong."""

import hashlib
import io
import json
import os
import resource
import subprocess
import sys
import time
import zipfile
from collections import Counter

import pyarrow.parquet as pq
import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection

from annotator.models import AuditEvent, Completion
from annotator.services.projects import change_settings
from annotator.services.prompts.adding import import_prompts
from annotator.services.prompts.withdrawing import withdraw_prompts
from ranking.downloads import answer_file, answer_zip
from ranking.errors import NoPreferencesError, SnapshotFailedError
from ranking.models import Dataset, Judgment
from ranking.services import datasets, open_round, snapshot_preferences
from ranking.services.chat import add_unpaired_preference
from tests.factories import coordinator_of, make_member, make_newcomer, make_project
from training.rlhf.data.files import read_preferences
from training.rlhf.recipes import DatasetFile
from training.rlhf.rundir import RunDirectory

from .making import make_answers, make_assignment, make_compared, make_judgment, make_round

pytestmark = pytest.mark.django_db
FILES = {"train.parquet", "held_out.parquet", "train.jsonl", "held_out.jsonl", "README.md", "manifest.json"}


def judge_round(current, *votes):
    """One new volunteer for each vote gives these ranks to every comparison."""
    for ranks in votes:
        volunteer = make_member(current.project)
        for _ in range(current.comparisons.count()):
            make_judgment(make_assignment(current, volunteer), *ranks)


@pytest.fixture
def project():
    current = make_round(
        prompts=12, answers=3, judgments_per_comparison=3, system_prompt="Be brief.", name='Tutor "A": yes'
    )
    judge_round(current, (1, 2, 3), (1, 3, 2), (1, 1, 2))
    return current.project


def rows_of(dataset):
    return [
        row
        for split in ("train", "held_out")
        for row in pq.read_table(dataset.folder / f"{split}.parquet").to_pylist()
    ]


def test_it_has_one_row_for_each_pair_that_is_decided(project):
    dataset = snapshot_preferences(project=project, actor=coordinator_of(project))
    rows = rows_of(dataset)
    assert len(rows) == dataset.pairs == 12 * 3
    comparison = project.rounds.get().comparisons.first()
    best, middle, worst = comparison.completions.order_by("pk")
    found = {
        (row["chosen"][0]["content"], row["rejected"][0]["content"]): row
        for row in rows
        if row["comparison_id"] == comparison.pk
    }
    assert {pair: row["votes"] for pair, row in found.items()} == {
        (best.text, middle.text): {"chosen": 2, "rejected": 0, "ties": 1},
        (best.text, worst.text): {"chosen": 3, "rejected": 0, "ties": 0},
        (middle.text, worst.text): {"chosen": 2, "rejected": 1, "ties": 0},
    }
    assert all(0.55 < row["probability"] < 1 for row in rows)
    assert all(row["weight"] == pytest.approx(2 * row["probability"] - 1) for row in rows)
    assert not any(row["divided"] for row in rows) and dataset.manifest["counts"]["divided"] == 0


def test_a_divided_pair_is_kept_with_the_shares_of_both_sides():
    current = make_round(answers=2, judgments_per_comparison=10)
    judge_round(current, *[(1, 2), (2, 1)] * 5)
    (row,) = rows_of(snapshot_preferences(project=current.project))
    assert row["divided"] and (row["probability"], row["weight"]) == (0.5, 0)
    assert row["votes"] == {"chosen": 5, "rejected": 5, "ties": 0}


def test_a_pair_says_how_likely_its_answers_were_chosen_where_somebody_chose(project):
    make_answers(project, answers=4, name="Version 2")
    later = open_round(project=project, author=project.authors.get(name="Version 2"))
    judge_round(later, (1, 2, 3))
    make_compared(project, "Version 3", "Version 4", ranks=[(1, 2)])
    rows = rows_of(snapshot_preferences(project=project))
    tested = later.comparisons.get(selection_probability=None).pk
    kinds = {(row["round"], row["comparison_id"] == tested): row["selection_probability"] for row in rows}
    assert kinds == {(1, False): 1.0, (2, False): 1 / 4, (2, True): None}


def test_texts_are_read_in_as_many_queries_as_their_number_needs(project, monkeypatch):
    monkeypatch.setattr(datasets, "MOST_KEYS", 7)
    assert len(rows_of(snapshot_preferences(project=project))) == 12 * 3


def test_a_row_is_a_conversation_with_where_it_comes_from(project):
    row = rows_of(snapshot_preferences(project=project))[0]
    prompt = project.prompts.get(pk=row["prompt_id"])
    assert row["prompt"] == [{"role": "system", "content": "Be brief."}, *prompt.messages]
    assert row["chosen"][0]["role"] == row["rejected"][0]["role"] == "assistant"
    assert (row["split"], row["round"], row["language"]) == (prompt.split, 1, "en")


def test_a_withdrawn_prompt_is_in_earlier_datasets_and_in_no_new_one(project):
    before = snapshot_preferences(project=project)
    withdrawn = project.prompts.train().first()
    withdraw_prompts(project=project, prompt_ids=[withdrawn.pk], actor=None)
    after = snapshot_preferences(project=project)
    assert withdrawn.pk in {row["prompt_id"] for row in rows_of(before)}
    assert withdrawn.pk not in {row["prompt_id"] for row in rows_of(after)}
    assert (before.pairs, after.pairs) == (36, 33)


def test_its_lines_can_be_imported_as_prompts_again(project):
    other = make_project(system_prompt="Rhyme.")
    for split in ("train", "held_out"):
        path = snapshot_preferences(project=project).folder / f"{split}.jsonl"
        with path.open("rb") as file:
            again = import_prompts(project=project, file=file, filename=path.name, actor=None)
        with path.open("rb") as file:
            elsewhere = import_prompts(project=other, file=file, filename=path.name, actor=None)
        assert (again.errors, again.taken) == ([], 0)
        assert elsewhere.errors == [] and {prompt.split for prompt in elsewhere.prompts} == {split}
        assert all(prompt.full_messages()[0]["content"] == "Be brief." for prompt in elsewhere.prompts)


def test_the_engine_reads_both_splits(project):
    dataset = snapshot_preferences(project=project)
    directory = RunDirectory(dataset.folder)
    for split, pairs in (("train", dataset.train_pairs), ("held_out", dataset.held_out_pairs)):
        for name in (f"{split}.parquet", f"{split}.jsonl"):
            sha256 = dataset.manifest["files"][name]["sha256"]
            assert len(read_preferences(directory, DatasetFile(name, sha256))) == pairs


def test_no_prompt_is_in_both_splits_and_each_file_has_its_own(project):
    dataset = snapshot_preferences(project=project)
    rows = rows_of(dataset)
    counts = Counter(row["split"] for row in rows)
    assert (counts["train"], counts["held_out"]) == (dataset.train_pairs, dataset.held_out_pairs)
    for split in ("train", "held_out"):
        table = pq.read_table(dataset.folder / f"{split}.parquet").to_pylist()
        lines = (dataset.folder / f"{split}.jsonl").read_text().splitlines()
        assert {row["split"] for row in table} <= {split}
        assert [json.loads(line) for line in lines] == table


def test_the_manifest_names_every_file_with_its_checksum(project):
    dataset = snapshot_preferences(project=project)
    manifest_file = dataset.folder / "manifest.json"
    assert {path.name for path in dataset.folder.iterdir()} == FILES
    assert hashlib.sha256(manifest_file.read_bytes()).hexdigest() == dataset.sha256
    assert json.loads(manifest_file.read_text()) == dataset.manifest
    assert set(dataset.manifest["files"]) == FILES - {"manifest.json"}
    for name, facts in dataset.manifest["files"].items():
        content = (dataset.folder / name).read_bytes()
        assert facts["sha256"] == hashlib.sha256(content).hexdigest()
        assert facts["bytes"] == len(content)
    assert dataset.manifest["files"]["train.parquet"]["rows"] == dataset.train_pairs


def test_simulated_judgments_are_counted_apart(project):
    current = open_round(project=project, author=project.authors.get())
    robot = make_member(project)
    robot.is_simulated = True
    robot.save()
    for _ in range(12):
        make_judgment(make_assignment(current, robot), 1, 2, 3)
    dataset = snapshot_preferences(project=project)
    assert (dataset.judgments, dataset.simulated_judgments) == (48, 12)
    assert dataset.manifest["simulated_share"] == 0.25
    assert dataset.manifest["rounds"] == [1, 2]
    assert "12 (25%)" in (dataset.folder / "README.md").read_text()


def test_none_acceptable_and_cannot_be_ranked_are_told_apart(project):
    current = open_round(project=project, author=project.authors.get())
    for count, given in ((2, {"verdict": "all_bad"}), (1, {"verdict": "cannot_rank", "reason": "unclear"})):
        for _ in range(count):
            make_judgment(make_assignment(current, make_member(project)), **given)
    dataset = snapshot_preferences(project=project)
    counts = dataset.manifest["counts"]
    assert (counts["judgments"], counts["ranked"], counts["all_bad"], counts["cannot_rank"]) == (39, 36, 2, 1)
    card = (dataset.folder / "README.md").read_text()
    assert '"none is acceptable" | 2 |' in card and '"cannot be ranked" | 1 |' in card


def test_a_dataset_names_the_licence_that_all_of_its_volunteers_agreed_to(project):
    dataset = snapshot_preferences(project=project)
    assert "license: cc-by-4.0\n" in (dataset.folder / "README.md").read_text()
    assert "CC BY 4.0, https://creativecommons.org/" in dataset.manifest["license"]
    change_settings(project=project, values={"licence": "CC0-1.0"}, actor=coordinator_of(project))
    dataset = snapshot_preferences(project=project)
    assert "license: other\n" in (dataset.folder / "README.md").read_text()
    assert "ask the project's coordinator" in dataset.manifest["license"]


def test_a_dataset_with_a_thumb_of_somebody_who_agreed_to_no_licence_names_none(project):
    completion = Completion.objects.filter(prompt__project=project).first()
    add_unpaired_preference(completion=completion, volunteer=make_newcomer(project), label=True)
    dataset = snapshot_preferences(project=project)
    assert "ask the project's coordinator" in dataset.manifest["license"]


def test_snapshots_are_numbered_and_an_old_one_stays_as_it_was(project):
    first = snapshot_preferences(project=project)
    before = {path.name: path.read_bytes() for path in first.folder.iterdir()}
    judge_round(open_round(project=project, author=project.authors.get()), (3, 2, 1))
    second = snapshot_preferences(project=project)
    assert (first.number, second.number) == (1, 2)
    assert second.pairs > first.pairs and second.last_judgment_id > first.last_judgment_id
    assert {path.name: path.read_bytes() for path in first.folder.iterdir()} == before


def test_all_bad_and_ties_give_no_rows():
    current = make_round(answers=2, judgments_per_comparison=2)
    make_judgment(make_assignment(current, make_member(current.project)), verdict=Judgment.Verdict.ALL_BAD)
    make_judgment(make_assignment(current, make_member(current.project)), 1, 1)
    with pytest.raises(NoPreferencesError, match="no preferences yet"):
        snapshot_preferences(project=current.project)
    assert not Dataset.objects.exists()


def test_another_projects_judgments_stay_out(project):
    other = make_project()
    with pytest.raises(NoPreferencesError):
        snapshot_preferences(project=other)


def folders_of(project):
    return sorted(path.name for path in (settings.DATA_DIR / "datasets" / project.slug).iterdir())


def test_a_full_disk_leaves_neither_files_nor_a_row(project):
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = AuditEvent.objects.count()
    try:
        # The kernel refuses to let any file of this process grow further, much as a full disk does.
        resource.setrlimit(resource.RLIMIT_FSIZE, (2000, limits[1]))
        with pytest.raises(SnapshotFailedError, match="nothing was kept"):
            snapshot_preferences(project=project)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert not Dataset.objects.exists()
    assert AuditEvent.objects.count() == before
    assert folders_of(project) == []
    assert snapshot_preferences(project=project).number == 1


def test_a_folder_that_a_killed_snapshot_left_is_replaced(project):
    left = settings.DATA_DIR / "datasets" / project.slug / "1"
    left.mkdir(parents=True)
    (left / "train.parquet").write_bytes(b"half")
    dataset = snapshot_preferences(project=project)
    assert dataset.folder == left
    assert {path.name for path in left.iterdir()} == FILES


def test_what_a_snapshot_left_unfinished_long_ago_is_removed_and_one_under_way_is_left_alone(project):
    parent = settings.DATA_DIR / "datasets" / project.slug
    old, young = parent / ".unfinished-old", parent / ".unfinished-young"
    for folder in (old, young):
        folder.mkdir(parents=True)
        (folder / "train.jsonl").write_text("{}")
    two_days_ago = time.time() - 2 * 24 * 60 * 60
    os.utime(old, (two_days_ago, two_days_ago))
    snapshot_preferences(project=project)
    assert folders_of(project) == [young.name, "1"]


def test_the_command_copies_a_new_snapshot(project, tmp_path, capsys):
    out = tmp_path / "export"
    call_command("export_preferences", project=project.slug, out=str(out))
    assert {path.name for path in out.iterdir()} == FILES
    assert "36 pairs" in capsys.readouterr().out


def test_the_command_refuses_a_folder_that_is_not_empty(project, tmp_path):
    (tmp_path / "mine.txt").write_text("keep")
    with pytest.raises(CommandError, match="not empty"):
        call_command("export_preferences", project=project.slug, out=str(tmp_path))
    assert not Dataset.objects.exists()


def test_the_command_says_what_is_missing(tmp_path):
    with pytest.raises(CommandError, match="no project"):
        call_command("export_preferences", project="nothing", out=str(tmp_path))
    with pytest.raises(CommandError, match="no preferences yet"):
        call_command("export_preferences", project=make_project().slug, out=str(tmp_path / "out"))
    assert not (tmp_path / "out").exists()


READ_BACK = """
import json, sys
from pathlib import Path
from datasets import load_dataset

for number, (folder, splits) in enumerate(json.loads(sys.argv[1])):
    folder = Path(folder)
    loaded = load_dataset(str(folder), cache_dir=f"{sys.argv[2]}/cache-{number}")
    assert set(loaded) == set(splits), set(loaded)
    for split, rows in loaded.items():
        lines = (folder / f"{split}.jsonl").read_text().splitlines()
        assert list(rows) == [json.loads(line) for line in lines], split
"""

TRAIN = """
import sys
from datasets import load_dataset
from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast, Qwen3Config, Qwen3ForSequenceClassification
from trl import RewardConfig, RewardTrainer

data = load_dataset("parquet", data_files=sys.argv[1] + "/train.parquet", cache_dir=sys.argv[2])["train"]
core = Tokenizer(models.BPE(unk_token="<unk>"))
core.pre_tokenizer = pre_tokenizers.ByteLevel()
texts = [message["content"] for row in data for message in row["prompt"] + row["chosen"] + row["rejected"]]
special = ["<unk>", "<pad>", "<eos>"]
core.train_from_iterator(texts, trainers.BpeTrainer(vocab_size=300, special_tokens=special))
tokenizer = PreTrainedTokenizerFast(
    tokenizer_object=core, unk_token="<unk>", pad_token="<pad>", eos_token="<eos>",
    chat_template="{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}<eos>{% endfor %}",
)
config = Qwen3Config(
    vocab_size=len(tokenizer), hidden_size=16, intermediate_size=32, num_hidden_layers=1,
    num_attention_heads=2, num_key_value_heads=2, head_dim=8, num_labels=1,
    pad_token_id=tokenizer.pad_token_id,
)
arguments = RewardConfig(
    output_dir=sys.argv[2] + "/out", max_steps=1, per_device_train_batch_size=4, report_to=[],
    save_strategy="no", use_cpu=True, bf16=False, gradient_checkpointing=False,
)
model = Qwen3ForSequenceClassification(config)
trainer = RewardTrainer(model=model, args=arguments, train_dataset=data, processing_class=tokenizer)
assert trainer.train().global_step == 1
"""


def run_apart(script, read, folder):
    """The web tests load no torch, so what needs it runs in a process of its own."""
    offline = {
        "HF_HUB_OFFLINE": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "OMP_NUM_THREADS": "1",
        "HOME": str(folder),
    }
    done = subprocess.run(
        [sys.executable, "-c", script, str(read), str(folder)],
        env={**offline, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-2000:]


def test_datasets_reads_both_splits_back_and_one_where_the_other_is_empty(project, tmp_path):
    make_answers(project, prompts=40, answers=2, name="Version 2")
    judge_round(open_round(project=project, author=project.authors.get(name="Version 2")), (1, 2))
    dataset = snapshot_preferences(project=project)
    with zipfile.ZipFile(io.BytesIO(answer_zip(dataset).getvalue())) as archive:
        archive.extractall(tmp_path)
    loose = tmp_path / "loose"
    loose.mkdir()
    for name in dataset.file_names:
        response = answer_file(dataset, name)
        (loose / response.headers["Content-Disposition"].split('"')[1]).write_bytes(response.getvalue())
    both = ["train", "held_out"]
    small = small_dataset()
    folders = [
        (tmp_path / f"{project.slug}-1", both),
        (loose, both),
        (small.folder, [small.project.prompts.get().split]),
    ]
    run_apart(READ_BACK, json.dumps(folders, default=str), tmp_path)


def small_dataset():
    """A dataset of one pair, so that one of its splits is empty."""
    current = make_round(answers=2)
    make_judgment(make_assignment(current, make_member(current.project)), 1, 2)
    return snapshot_preferences(project=current.project)


@pytest.mark.skipif(connection.vendor != "sqlite", reason="slow, and the files do not depend on the database")
def test_trl_trains_on_it_unchanged(project, tmp_path):
    run_apart(TRAIN, snapshot_preferences(project=project).folder, tmp_path)
