"""An engine that learns nothing: `python -m tests.drills.engine STAGE RUN_DIR`.

Checkpoints, files, progress, result and errors are those of `training.rlhf`; a stage takes two seconds.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

from training.rlhf.__main__ import main
from training.rlhf.command import run as engine
from training.rlhf.rundir import RunDirectory

STEPS, CHECKPOINT_EVERY, PAUSE = 8, 2, 0.2
PIECES, PIECE = 10, b"weights " * 12_500
METRICS: dict[str, dict[str, Any]] = {
    "reward": {"accuracy": 0.8, "accuracy_low": 0.75, "accuracy_high": 0.85},
    "evaluate": {
        "wins": 31, "ties": 5, "losses": 12, "win_rate_decided": 0.72, "win_rate_low": 0.6,
        "win_rate_high": 0.83, "win_rate_ties_half": 0.7,
        "win_rate_ties_half_low": 0.58, "win_rate_ties_half_high": 0.81, "kl": 11.0,
    },
}  # fmt: skip


def run(directory: RunDirectory, recipe: Any, _processes: object) -> None:
    latest = directory.latest_checkpoint()
    assert latest is None or is_whole(latest[1])
    for step in range(latest[0] + 1 if latest else 1, STEPS + 1):
        directory.raise_if_cancelled()
        directory.progress(step, STEPS)
        time.sleep(PAUSE)
        if step % CHECKPOINT_EVERY == 0:
            with directory.checkpoint(step) as folder, open(folder / "weights", "wb") as file:
                for _ in range(PIECES):
                    file.write(PIECE)
                    file.flush()
                    time.sleep(PAUSE / PIECES)
    for name, text in _output(directory, recipe.stage).items():
        (directory.output / name).write_text(text)
    directory.finish(METRICS.get(recipe.stage, {}), {"kwh": 0.0}, 1.0)


def is_whole(checkpoint: Path) -> bool:
    return (checkpoint / "weights").stat().st_size == PIECES * len(PIECE)


def _output(directory: RunDirectory, stage: str) -> dict[str, str]:
    if stage in {"reward", "ppo"}:
        return {"adapter_config.json": "{}", "adapter_model.safetensors": stage * 100_000}
    prompts = [json.loads(line) for line in (directory.path / "prompts.jsonl").read_text().splitlines()]
    ids = [prompt["prompt_id"] for prompt in prompts]
    if stage == "evaluate":
        rows = [{"prompt_id": one, "baseline": "Before", "candidate": "After"} for one in ids]
        return {"comparisons.jsonl": "".join(json.dumps(row) + "\n" for row in rows)}
    rows = [{"prompt_id": one, "index": n, "text": f"New answer {n}."} for one in ids for n in range(4)]
    return {"completions.jsonl": "".join(json.dumps(row) + "\n" for row in rows)}


if __name__ == "__main__":
    engine._run = run
    sys.exit(main())
