"""Datasets as files: prompts, preferences and conversations in TRL's formats (see `messages`).

A file is JSONL or Parquet by its suffix. It must have the sha256 that the recipe names, and every row is
checked before a stage starts; a wrong row is named by its line.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training.rlhf.data.messages import Message, is_unicode, read_completions, read_conversation, read_prompt
from training.rlhf.errors import DataError, first_line
from training.rlhf.recipes import DatasetFile
from training.rlhf.rundir import RunDirectory, sha256_of

TRAIN = "train"


@dataclass(frozen=True)
class Prompt:
    """The messages that a completion answers; the last one is the user's."""

    prompt_id: str
    messages: list[Message]


@dataclass(frozen=True)
class Preference:
    """Two answers to one prompt, of which `chosen` was preferred; `split` is train or something held out.

    `probability` is that of `chosen` being the better one: 1 when nothing else is known, 0.5 for a tie.
    Of a row with votes it is 1, and `consensus` is what the votes say: the row's own probability or, without
    one, the share of votes for `chosen`, ties as half. None where the row has no votes.
    """

    prompt_id: str
    prompt: list[Message]
    chosen: list[Message]
    rejected: list[Message]
    weight: float
    split: str
    comparison_id: str | None = None
    probability: float = 1.0
    consensus: float | None = None
    round: str = ""
    language: str = ""
    source: str = ""


def read_prompts(directory: RunDirectory, file: DatasetFile) -> list[Prompt]:
    """Rows {prompt_id, prompt}; at least one, with distinct ids."""
    prompts = [
        Prompt(_text(row, "prompt_id", where), read_prompt(row, where))
        for where, row in _rows(directory, file)
    ]
    if not prompts:
        raise DataError(f"{file.path} holds no prompts.")
    often, times = Counter(prompt.prompt_id for prompt in prompts).most_common(1)[0]
    if times > 1:
        raise DataError(f"{file.path} has the same prompt_id twice: {often}.")
    return prompts


def read_preferences(directory: RunDirectory, file: DatasetFile) -> list[Preference]:
    """Rows {prompt, chosen, rejected} or {chosen, rejected} with optional weight (1), probability (1), votes,
    split (train), prompt_id, comparison_id, round, language and source.

    A prompt_id that is missing is a digest of the messages, so that rows of one prompt still belong together.
    """
    return [_preference(row, where) for where, row in _rows(directory, file)]


def read_conversations(directory: RunDirectory, file: DatasetFile) -> list[list[Message]]:
    """Rows {messages}, each two messages or more that end with the assistant's, or {prompt, completion},
    whose messages follow each other; at least one row.
    """
    conversations = []
    for where, row in _rows(directory, file):
        if "messages" not in row and "completion" in row:
            prompt, (completion,) = read_completions(row, "completion", where=where)
            messages = prompt + completion
        else:
            messages = read_conversation(row, where)
        if len(messages) < 2:
            raise DataError(f"{where}: messages needs at least one message before its last answer.")
        conversations.append(messages)
    if not conversations:
        raise DataError(f"{file.path} holds no conversations.")
    return conversations


def read_flagged(directory: RunDirectory, file: DatasetFile) -> list[tuple[str, bool]]:
    """Rows {text, flagged}: an answer, and whether somebody found it harmful."""
    answers = []
    for where, row in _rows(directory, file):
        text, flagged = row.get("text"), row.get("flagged")
        if not isinstance(text, str) or not is_unicode(text):
            raise DataError(f"{where}: text is missing or not text.")
        if not isinstance(flagged, bool):
            raise DataError(f"{where}: flagged must be true or false.")
        answers.append((text, flagged))
    return answers


def _preference(row: dict[str, Any], where: str) -> Preference:
    prompt, (chosen, rejected) = read_completions(row, "chosen", "rejected", where=where)
    weight = row.get("weight")
    weight = 1.0 if weight is None else weight
    if isinstance(weight, bool) or not isinstance(weight, int | float) or not 0 <= weight < 1e9:
        raise DataError(f"{where}: weight must be a number that is not negative.")
    probability, share = _probability(row, where), _vote_share(row.get("votes"))
    if chosen == rejected:
        raise DataError(f"{where}: chosen and rejected are the same.")
    return Preference(
        prompt_id=_name(row, "prompt_id", where) or _digest(prompt),
        prompt=prompt,
        chosen=chosen,
        rejected=rejected,
        weight=float(weight),
        split=_name(row, "split", where) or TRAIN,
        comparison_id=_name(row, "comparison_id", where) or None,
        probability=1.0 if probability is None or share is not None else probability,
        consensus=None if share is None else share if probability is None else probability,
        round=_name(row, "round", where),
        language=_name(row, "language", where),
        source=_name(row, "source", where),
    )


def _probability(row: dict[str, Any], where: str) -> float | None:
    given = row.get("probability")
    if given is None:
        return None
    if isinstance(given, bool) or not isinstance(given, int | float) or not 0 <= given <= 1:
        raise DataError(f"{where}: probability must lie between 0 and 1.")
    return float(given)


def _vote_share(votes: Any) -> float | None:
    """The share of {chosen, rejected, ties} for chosen, ties as half; None for anything else."""
    if not isinstance(votes, dict):
        return None
    counts = [votes.get(side) or 0 for side in ("chosen", "rejected", "ties")]
    if any(isinstance(n, bool) or not isinstance(n, int) or n < 0 for n in counts) or not sum(counts):
        return None
    return (counts[0] + counts[2] / 2) / sum(counts)


def _rows(directory: RunDirectory, file: DatasetFile) -> Iterator[tuple[str, dict[str, Any]]]:
    """Where each row stands (for messages) and the row."""
    path = directory.resolve(file.path)
    if not path.is_file():
        raise DataError(f"The dataset file {file.path} does not exist.")
    found = sha256_of(path)
    if found != file.sha256:
        raise DataError(
            f"The dataset file {file.path} is not the one the recipe names: its sha256 is {found}. Bring "
            "back the file, or, if this one is meant, put that into the recipe."
        )
    if path.suffix == ".parquet":
        return _parquet_rows(path)
    if path.suffix == ".jsonl":
        return _jsonl_rows(path)
    raise DataError(f"The dataset file {file.path} is neither .jsonl nor .parquet.")


def _jsonl_rows(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    with open(path, "rb") as lines:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            where = f"{path.name} line {number}"
            try:
                row = json.loads(line)
            except json.JSONDecodeError as error:  # whose own text would speak of a line 1
                raise DataError(
                    f"{where}: not valid JSON ({error.msg} at character {error.colno})."
                ) from error
            except (ValueError, RecursionError) as error:
                raise DataError(f"{where}: not valid JSON ({error}).") from error
            if not isinstance(row, dict):
                raise DataError(f"{where}: not a JSON object.")
            yield where, row


def _parquet_rows(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        rows = pq.read_table(path).to_pylist()
    except (pa.ArrowException, OSError, ValueError) as error:
        raise DataError(f"{path.name} is not a readable Parquet file ({first_line(error)}).") from error
    for number, row in enumerate(rows, start=1):
        yield f"{path.name} row {number}", row


def _text(row: dict[str, Any], key: str, where: str) -> str:
    value = row.get(key)
    if not isinstance(value, str | int) or isinstance(value, bool) or value == "":
        raise DataError(f"{where}: {key} is missing or not text.")
    return _name(row, key, where)


def _name(row: dict[str, Any], key: str, where: str) -> str:
    """A value as text, empty where there is none."""
    text = "" if row.get(key) is None else str(row[key])
    if not is_unicode(text):
        raise DataError(f"{where}: {key} has characters that are no Unicode.")
    return text


def _digest(messages: list[Message]) -> str:
    return hashlib.sha256(json.dumps(messages).encode()).hexdigest()[:16]
