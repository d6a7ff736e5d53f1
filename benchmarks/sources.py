"""What the measured weight of preferences from the chat does, for chats of more and less noise.

    python -m benchmarks.sources --starter FOLDER

Of the demonstration's simulated preferences some comparisons are the desk's and the others the chat's, in
which a share of the pairs is turned round. The reward model is trained with the weight that is measured, with
1 and with 0 (the desk alone); printed are the weight and the accuracy on the desk's held-out pairs.
"""

import argparse
import io
import json
import random
import tempfile
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

from benchmarks.reward.preferences import demonstration
from training.rlhf.__main__ import main as engine
from training.rlhf.rundir import sha256_of

NOISE = (0.0, 0.1, 0.25, 0.5)
WEIGHTS = (None, 1.0, 0.0)


def main() -> None:
    options = _parser().parse_args()
    rows = demonstration(
        options.starter, corpus=options.corpus, comparisons=options.comparisons, threads=options.threads
    )
    print("| pairs turned round | agrees with the desk | weight | accuracy: measured | 1 | 0 |")
    print("|---|---|---|---|---|---|")
    for noise in NOISE:
        data = divide(rows, noise=noise, desk=options.desk)
        metrics = [train(data, weight, options) for weight in WEIGHTS]
        chat = metrics[0]["sources"]["chat"]
        agrees = f"{chat['accuracy']:.2f} ({chat['accuracy_low']:.2f} – {chat['accuracy_high']:.2f})"
        accuracies = " | ".join(f"{each['accuracy']:.3f}" for each in metrics)
        print(f"| {noise:.0%} | {agrees} | {chat['weight']:.2f} | {accuracies} |", flush=True)


def divide(rows: list[dict[str, Any]], *, noise: float, desk: int) -> list[dict[str, Any]]:
    """The rows with a source; of the chat's pairs a share is turned round."""
    chance = random.Random(0)
    numbers = sorted({row["comparison_id"] for row in rows if row["split"] == "train"})
    at_desk = set(chance.sample(numbers, desk))
    divided = []
    for row in rows:
        is_desk = row["split"] != "train" or row["comparison_id"] in at_desk
        sides = (row["chosen"], row["rejected"])
        chosen, rejected = sides[::-1] if not is_desk and chance.random() < noise else sides
        source = "ranking" if is_desk else "chat"
        divided.append({**row, "chosen": chosen, "rejected": rejected, "source": source})
    return divided


def train(rows: list[dict[str, Any]], weight: float | None, options: argparse.Namespace) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        data, run = Path(folder) / "rows.jsonl", Path(folder) / "run"
        data.write_text("".join(json.dumps(row) + "\n" for row in rows))
        run.mkdir()
        recipe = {
            "stage": "reward",
            "base_model": str(options.starter),
            "dataset": {"path": str(data), "sha256": sha256_of(data)},
            "threads": options.threads,
            "chat_weight": weight,
        }
        (run / "recipe.json").write_text(json.dumps(recipe))
        with redirect_stdout(io.StringIO()):
            assert engine(["reward", str(run)]) == 0
        metrics: dict[str, Any] = json.loads((run / "result.json").read_text())["metrics"]
        return metrics


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sources", description=__doc__.splitlines()[0])
    parser.add_argument("--starter", type=Path, required=True, help="folder of a starter model")
    parser.add_argument("--corpus", type=Path, default=Path("training/starter/climate.jsonl"))
    parser.add_argument("--comparisons", type=int, default=500, help="of both sources, and held out")
    parser.add_argument("--desk", type=int, default=100, help="training comparisons of the desk")
    parser.add_argument("--threads", type=int, default=1)
    return parser


if __name__ == "__main__":
    main()
