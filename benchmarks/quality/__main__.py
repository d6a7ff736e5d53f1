"""What the statistics of votes are worth, on simulated votes whose truth is known, and on real ones.

    make bench-quality ARGS="--seeds 5 --llmfao FOLDER"
    python -m benchmarks.quality [--only consensus …] [--seeds 5] [--llmfao FOLDER]

Each table is a module of this package with the function `rows`. A row is one figure, its bar where there is
one, and its value for each seed; printed are the mean and the range. Writes build/bench/quality.json.
"""

import argparse
import json
from pathlib import Path

from benchmarks.processes import ROOT
from benchmarks.quality import agreement, anomalies, consensus, decisions, dissent, real, versions
from benchmarks.quality.table import Options, Table, as_json, show

RESULTS = ROOT / "build/bench/quality.json"
TABLES: dict[str, Table] = {
    "consensus": consensus.rows,
    "dissent": dissent.rows,
    "anomalies": anomalies.rows,
    "decisions": decisions.rows,
    "versions": versions.rows,
    "real votes": real.rows,
    "agreement": agreement.rows,
}


def main() -> None:
    options = parse()
    found = {}
    for name in options.only or TABLES:
        rows = list(TABLES[name](Options(seeds=options.seeds, llmfao=options.llmfao)))
        show(name, rows)
        found[name] = [as_json(row) for row in rows]
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text(json.dumps(found, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=sorted(TABLES), help="these tables")
    parser.add_argument("--seeds", type=int, default=5, help="how many simulations of each kind")
    parser.add_argument("--llmfao", type=Path, help="folder of the llmfao data, for the tables of real votes")
    return parser.parse_args()


if __name__ == "__main__":
    main()
