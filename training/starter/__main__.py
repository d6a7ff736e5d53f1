"""Make a small model that speaks about the topics of a corpus.

python -m training.starter CORPUS OUT_DIR [--seed N] [--exclude FILE] [--threads N]

OUT_DIR is then a folder that a project can name as its base model. When the same model is there already,
nothing is done.
"""

import argparse
import sys
from pathlib import Path

from training.starter.build import StarterError, make_starter
from training.starter.corpus import CorpusError, load_corpus


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    try:
        excluded = options.exclude.read_text(encoding="utf-8").splitlines() if options.exclude else []
        make_starter(
            load_corpus(options.corpus),
            options.out,
            exclude_questions=excluded,
            seed=options.seed,
            threads=options.threads,
        )
    except (CorpusError, StarterError, OSError, UnicodeDecodeError) as error:
        print(error, file=sys.stderr)
        return 1
    print(f"The starter model is in {options.out}.")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m training.starter", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("corpus", type=Path, metavar="CORPUS", help="JSONL file, one topic per line")
    parser.add_argument("out", type=Path, metavar="OUT_DIR", help="folder of the model")
    parser.add_argument("--seed", type=int, default=0, help="every random choice follows from it")
    parser.add_argument("--exclude", type=Path, metavar="FILE", help="questions to leave out, one a line")
    parser.add_argument("--threads", type=int, default=2, help="processor threads")
    return parser


if __name__ == "__main__":
    sys.exit(main())
