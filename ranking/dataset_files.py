"""Preferences as files that the ecosystem reads: TRL's conversational format with our own columns.

| column                       | is                                                                   |
|------------------------------|----------------------------------------------------------------------|
| prompt                       | list of {role, content}: what the answers were given                 |
| chosen, rejected             | the two answers, each a list of one {role: assistant, content}       |
| prompt_id, comparison_id     | where the pair comes from                                            |
| probability                  | how likely people prefer chosen, from 0.5 to 1                       |
| weight                       | 2 * probability - 1                                                  |
| votes                        | {chosen, rejected, ties}: how many judgments voted how               |
| reviewer_votes               | how many of these are reviewers', which weigh more than a vote       |
| divided                      | whether people divide about it, by taste and not by mistake          |
| selection_probability        | how likely the comparison had just these answers of its prompt; null |
|                              | where nobody chose them                                              |
| source                       | ranking, rewrite, chat or chat_rewrite: where it comes from          |
| split                        | train or held_out                                                    |
| round, language              | number of the round; BCP 47 tag of the prompt                        |

Of a rewrite a volunteer wrote chosen in place of rejected. These answers are in files of their own as well,
in TRL's prompt-completion format: prompt, completion (a list of one {role: assistant, content}), prompt_id,
comparison_id, source, split, round and language. Thumbs from the chat are files in TRL's unpaired preference
format, which KTO reads: prompt, completion, label, flags, prompt_id, source, split and language.
"""

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq

Row = dict[str, Any]
SPLITS = ("train", "held_out")
CARD, MANIFEST = "README.md", "manifest.json"
WITHDRAWALS = "withdrawals.json"
MESSAGES = pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))
SCHEMA = pa.schema(
    [
        ("prompt", MESSAGES),
        ("chosen", MESSAGES),
        ("rejected", MESSAGES),
        ("prompt_id", pa.int64()),
        ("comparison_id", pa.int64()),
        ("probability", pa.float64()),
        ("weight", pa.float64()),
        ("votes", pa.struct([("chosen", pa.int32()), ("rejected", pa.int32()), ("ties", pa.int32())])),
        ("reviewer_votes", pa.int32()),
        ("divided", pa.bool_()),
        ("selection_probability", pa.float64()),
        ("source", pa.string()),
        ("split", pa.string()),
        ("round", pa.int32()),
        ("language", pa.string()),
    ]
)
REWRITES = ("rewrite", "chat_rewrite")
DEMONSTRATIONS, UNPAIRED = "demonstrations", "unpaired"
DEMONSTRATION_SCHEMA = pa.schema(
    [
        ("prompt", MESSAGES),
        ("completion", MESSAGES),
        ("prompt_id", pa.int64()),
        ("comparison_id", pa.int64()),
        ("source", pa.string()),
        ("split", pa.string()),
        ("round", pa.int32()),
        ("language", pa.string()),
    ]
)
UNPAIRED_SCHEMA = pa.schema(
    [
        ("prompt", MESSAGES),
        ("completion", MESSAGES),
        ("label", pa.bool_()),
        ("flags", pa.list_(pa.string())),
        ("prompt_id", pa.int64()),
        ("source", pa.string()),
        ("split", pa.string()),
        ("language", pa.string()),
    ]
)


def write_snapshot(
    folder: Path, rows: list[Row], unpaired: list[Row], about: dict[str, Any]
) -> tuple[dict[str, Any], str]:
    """Write every file of a snapshot into an empty folder; returns the manifest and its sha256.

    The manifest is `about` with `files`: the rows, bytes and sha256 of each other file. Without answers that
    volunteers wrote, or without thumbs, there are no files of them. Raises OSError when the disk does not
    take it.
    """
    files = _write_splits(folder, "", rows, SCHEMA)
    if written := [_demonstration(row) for row in rows if row["source"] in REWRITES]:
        files |= _write_splits(folder, f"{DEMONSTRATIONS}_", written, DEMONSTRATION_SCHEMA)
    if unpaired:
        files |= _write_splits(folder, f"{UNPAIRED}_", unpaired, UNPAIRED_SCHEMA)
    files[CARD] = _write_text(folder / CARD, dataset_card(about))
    manifest = {**about, "files": files}
    facts = _write_text(folder / MANIFEST, json.dumps(manifest, ensure_ascii=False, indent=2) + "\n")
    return manifest, facts["sha256"]


def dataset_card(about: dict[str, Any]) -> str:
    """The README of a snapshot, with the front matter by which `datasets.load_dataset` finds its splits.

    A split without rows is left out there, because `load_dataset` fails on an empty Parquet file.
    """
    counts, quote = about["counts"], json.dumps
    kinds = {"default": "", **{name: f"{name}_" for name in (DEMONSTRATIONS, UNPAIRED)}}
    configs = "".join(_card_config(name, prefix, counts) for name, prefix in kinds.items())
    languages = "".join(f"- {quote(language)}\n" for language in about["languages"])
    return f"""---
pretty_name: {quote(about["project"]["name"] + ": preferences")}
license: {about["license_id"]}
language:
{languages}tags:
- preference
- rlhf
configs:
{configs}---

# {about["project"]["name"]}: preferences

Pairs of answers of a chatbot, and which of the two people preferred.

| | |
|---|---|
| taken | {about["created_at"]}, by Chorus {about["software"]["chorus"]} |
| judgments | {counts["judgments"]} |
| of these "none is acceptable" | {counts["all_bad"]} |
| of these "cannot be ranked" | {counts["cannot_rank"]} |
| of these from the chat | {counts["chat_judgments"]} |
| of these by reviewers, on contested comparisons | {counts["reviewer_judgments"]} |
| of these late | {counts["late_judgments"]} |
| of these by simulated volunteers | {counts["simulated_judgments"]} ({about["simulated_share"]:.0%}) |
| left out by reviewers | {_left_out(about["excluded"])} |
| comparisons | {counts["comparisons"]} |
| pairs for training | {counts["train"]} |
| pairs held out | {counts["held_out"]} |
| of all pairs those that divide people | {counts["divided"]} |
| of all pairs those with an answer that a volunteer wrote | {counts[DEMONSTRATIONS]} |
| thumbs from the chat, of both splits | {counts[UNPAIRED]} |
| rounds | {", ".join(map(str, about["rounds"]))} |

- `probability` is how likely people prefer `chosen`, by all judgments of the comparison; whose votes agree
  better with those of others counts for more. A pair is listed where it is 0.55 or more, and where it is
  `divided`: both answers have more votes than mistakes explain, or two groups of people prefer different
  ones. That is taste, and `probability` is the share of people who prefer `chosen`.
- "None is acceptable" and "cannot be ranked" prefer nothing, so they vote on no pair.
- `source` is `ranking` where volunteers ranked at the desk, and `chat` where somebody who talked to the
  chatbot chose between two answers. Where it is `rewrite` or `chat_rewrite`, they wrote `chosen` in the
  place of `rejected`: one vote.
  Those answers are also in the files `{DEMONSTRATIONS}_…`, if there are any, in TRL's conversational
  prompt-completion format: `load_dataset("path/to/this/folder", "{DEMONSTRATIONS}")`.
- The files `{UNPAIRED}_…`, if there are any, are thumbs up and down from the chat in TRL's unpaired
  preference format, which KTO reads: `load_dataset("path/to/this/folder", "{UNPAIRED}")`.
- Reviewers decide what volunteers contest. Such a judgment is one of the `votes`, and one of the
  `reviewer_votes`; in `probability` it weighs as several. Whether a pair is `divided` is told without it.
- `weight` is 2 × `probability` − 1, for training with `chosen` as certain; `votes` are as they were cast.
- `selection_probability` is how likely the comparison was to have just these answers of its prompt. A rule
  may ask more about some than about others: to say something about all answers, weigh a pair by 1 over it.
  It is null where nobody chose: in the chat and in blind tests.
- A late judgment came after its volunteer's time for the comparison had run out; it votes like any other.
- A prompt is in one split for ever, never in both.
- Volunteers saw the answers in random order and without their authors. Nothing here names a volunteer.
- The format is TRL's conversational preference format; `manifest.json` has the sha256 of every file.

```python
from datasets import load_dataset

preferences = load_dataset("path/to/this/folder")
```

## Licence

{about["license"]}
"""


def _left_out(excluded: dict[str, Any]) -> str:
    """How many judgments are missing, of how many people, and for which reasons."""
    if not excluded["people"]:
        return "none"
    reasons = ", ".join(f"{reason}: {count}" for reason, count in excluded["reasons"].items())
    return f"{excluded['judgments']}, people: {excluded['people']} ({reasons})"


def _card_config(name: str, prefix: str, counts: dict[str, int]) -> str:
    """The front matter of one kind of file; empty where all of them are."""
    filled = [split for split in SPLITS if counts[prefix + split]]
    splits = "".join(f"  - split: {split}\n    path: {prefix}{split}.parquet\n" for split in filled)
    return f"- config_name: {name}\n  data_files:\n{splits}" if splits else ""


def _demonstration(row: Row) -> Row:
    return {
        "completion" if name == "chosen" else name: row[name]
        for name in row
        if name == "chosen" or name in DEMONSTRATION_SCHEMA.names
    }


def _write_splits(folder: Path, prefix: str, rows: list[Row], schema: pa.Schema) -> dict[str, Any]:
    files: dict[str, Any] = {}
    for split in SPLITS:
        part = [row for row in rows if row["split"] == split]
        name = f"{prefix}{split}"
        files[f"{name}.parquet"] = _write_parquet(folder / f"{name}.parquet", part, schema)
        files[f"{name}.jsonl"] = _write_jsonl(folder / f"{name}.jsonl", part)
    return files


def _write_parquet(path: Path, rows: list[Row], schema: pa.Schema) -> dict[str, Any]:
    table = pa.Table.from_pylist(rows, schema=schema)
    return _write(path, lambda file: pq.write_table(table, file, compression="zstd"), rows=len(rows))


def _write_jsonl(path: Path, rows: list[Row]) -> dict[str, Any]:
    lines = (json.dumps(row, ensure_ascii=False).encode() + b"\n" for row in rows)
    return _write(path, lambda file: file.writelines(lines), rows=len(rows))


def _write_text(path: Path, text: str) -> dict[str, Any]:
    return _write(path, lambda file: file.write(text.encode()))


def _write(path: Path, fill: Callable[[IO[bytes]], object], **facts: int) -> dict[str, Any]:
    """Fill a file and wait until it is on the disk; returns its facts."""
    with path.open("wb") as file:
        fill(file)
        file.flush()
        os.fsync(file.fileno())
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    return {**facts, "bytes": path.stat().st_size, "sha256": sha256}
