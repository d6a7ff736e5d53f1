"""Reading which pairs a dataset holds from its files, which never change, whatever became of the rows."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from annotator.models import Split
from ranking.models import Dataset


@dataclass(frozen=True)
class FilePairs:
    """The pairs of one split's file: the comparison of each of the N, and how many are of which source."""

    comparison: NDArray[np.int64]
    sources: Counter[str]

    def of_comparison(self, comparison: int) -> int:
        return int(np.count_nonzero(self.comparison == comparison))


def file_name(split: str) -> str:
    """The file of a split that reward models are trained on or measured with."""
    return f"{split}.parquet"


def read_pairs(dataset: Dataset, split: str) -> FilePairs | None:
    """None when the file is gone or cannot be read; only the columns that are needed are."""
    path = dataset.folder / file_name(split)
    try:
        table = pq.read_table(path, columns=["comparison_id", "source"])
    except (OSError, pa.ArrowException):
        return None
    counted: list[dict[str, Any]] = table["source"].value_counts().to_pylist()
    sources = Counter({str(each["values"]): int(each["counts"]) for each in counted})
    return FilePairs(table["comparison_id"].to_numpy().astype(np.int64), sources)


def read_splits(dataset: Dataset) -> dict[str, FilePairs]:
    """By split; empty when a file is gone."""
    found = {split: read_pairs(dataset, split) for split in Split.values}
    return {split: pairs for split, pairs in found.items() if pairs} if all(found.values()) else {}
