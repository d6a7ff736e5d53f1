"""Pages that are let go: only those that the file still holds."""

import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from training.rlhf.hardware.memory import MappedFiles

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

SIZE = 1 << 18  # a mebibyte of float32


def mapped(path: Path) -> torch.Tensor:
    save_file({"weight": torch.arange(SIZE, dtype=torch.float32)}, path)
    return torch.from_file(str(path), size=path.stat().st_size // 4, dtype=torch.float32)[-SIZE:]


def resident(name: str) -> int:
    """KiB of the mappings of a file that are in memory."""
    lines = Path("/proc/self/smaps").read_text().splitlines()
    at = [i for i, line in enumerate(lines) if line.endswith(name)]
    return sum(int(next(x for x in lines[i:] if x.startswith("Rss:")).split()[1]) for i in at)


def test_an_unchanged_weight_in_a_mapped_file_is_let_go_and_comes_back(tmp_path: Path) -> None:
    weight = mapped(tmp_path / "a.safetensors")
    total = float(weight.sum())
    before = resident("a.safetensors")
    assert before > 900
    assert MappedFiles().let_go(weight)
    assert resident("a.safetensors") < before / 4
    assert float(weight.sum()) == total


def test_a_changed_weight_is_kept(tmp_path: Path) -> None:
    weight = mapped(tmp_path / "b.safetensors")
    weight[7] = -1.0
    assert not MappedFiles().let_go(weight)
    assert weight[7] == -1.0


def test_a_weight_in_plain_memory_is_kept() -> None:
    weight = torch.ones(SIZE)
    assert not MappedFiles().let_go(weight)
    assert float(weight.sum()) == SIZE
