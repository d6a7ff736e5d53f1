"""What comes of conversations in datasets: sources, thumbs, and never an identifier."""

import pyarrow.parquet as pq
import pytest
from datasets import load_dataset

from annotator.models import Role
from annotator.services.prompts.withdrawing import withdraw_prompts
from ranking.dataset_files import SPLITS
from ranking.services import snapshot_preferences
from tests.annotator.test_identifiers import parts, telling
from tests.factories import make_member
from tests.planted import planted
from tests.training.chat.making import make_reply, make_turn, react_in_every_way
from tests.training.making import make_judged
from training.services.conversations.reactions import choose, give_thumb, show_two, write_edit
from training.services.conversations.review import take_turn

pytestmark = pytest.mark.django_db


@pytest.fixture
def project():
    return make_judged()


@pytest.fixture
def reviewer(project):
    return make_member(project, Role.REVIEWER)


def rows_of(dataset, kind=""):
    return [
        row
        for split in SPLITS
        for row in pq.read_table(dataset.folder / f"{kind}{split}.parquet").to_pylist()
    ]


@pytest.fixture
def dataset(project, reviewer):
    turn = make_turn(project)
    react_in_every_way(turn)
    take_turn(turn=turn, actor=reviewer)
    return snapshot_preferences(project=project)


def test_every_pair_says_where_it_comes_from(dataset):
    rows = rows_of(dataset)
    desk = {row["comparison_id"] for row in rows if row["source"] == "ranking"}
    chat = {row["source"]: row for row in rows if row["comparison_id"] not in desk}
    assert set(chat) == {"chat", "chat_rewrite"} and desk
    assert chat["chat"]["chosen"][0]["content"] == "They store water for the dry season."
    assert chat["chat_rewrite"]["chosen"][0]["content"] == "Glaciers keep water for the summer."
    assert {row["selection_probability"] for row in chat.values()} == {None}
    assert dataset.manifest["counts"]["chat_judgments"] == 2
    assert [row["source"] for row in rows_of(dataset, "demonstrations_")] == ["chat_rewrite"]


def test_thumbs_are_unpaired_preferences_as_kto_reads_them(dataset):
    (row,) = rows_of(dataset, "unpaired_")
    assert row["completion"] == [{"role": "assistant", "content": "They keep water."}]
    assert row["prompt"][-1]["role"] == "user"
    assert (row["label"], row["flags"], row["source"]) == (False, ["factual_error"], "chat")
    loaded = load_dataset(str(dataset.folder), "unpaired")
    assert [one for split in loaded.values() for one in split["label"]] == [False]


def test_without_thumbs_there_are_no_files_of_them(project):
    dataset = snapshot_preferences(project=project)
    assert not any(name.startswith("unpaired") for name in dataset.manifest["files"])


def test_a_withdrawn_prompt_takes_its_thumbs_along(project, reviewer, dataset):
    prompt = rows_of(dataset, "unpaired_")[0]["prompt_id"]
    withdraw_prompts(project=project, prompt_ids=[prompt], actor=reviewer)
    assert snapshot_preferences(project=project).manifest["counts"]["unpaired"] == 0


def test_of_500_planted_identifiers_none_is_in_any_file_of_a_dataset(project, reviewer):
    made = planted()
    for start in range(0, len(made), 10):
        asked, *said = (
            " ".join(one for _k, _i, one in made[at : at + 2]) for at in range(start, start + 10, 2)
        )
        turn = make_turn(project, question=f"Number {start}. {asked}", answers=(said[0],))
        first, second = turn.kept, make_reply(turn, said[1], is_kept=False)
        choose(choice=show_two(first=first, second=second), preferred="a")
        give_thumb(reply=second, is_up=True)
        write_edit(reply=first, text=f"{said[2]} {said[3]}")
        take_turn(turn=turn, actor=reviewer)
    dataset = snapshot_preferences(project=project)
    texts = [
        text
        for kind in ("", "demonstrations_", "unpaired_")
        for row in rows_of(dataset, kind)
        for name in ("prompt", "chosen", "rejected", "completion")
        for text in [one["content"] for one in row.get(name, [])]
    ]
    assert len(texts) > 300
    words = {word for text in texts for word in parts(text)}
    # Short numbers stand in other texts, too.
    left = [one for _kind, one, _sentence in made if {part for part in telling(one) if len(part) > 4} & words]
    assert left == []
    files = b"".join((dataset.folder / name).read_bytes() for name in dataset.file_names)
    assert [one for _kind, one, _sentence in made if one.encode() in files] == []
