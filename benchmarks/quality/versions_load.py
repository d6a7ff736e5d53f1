"""Rate 2,000 versions by 1,000,000 votes of 500 people about 3,000 prompts, and print what it took as JSON.

python -m benchmarks.quality.versions_load [SEED]
"""

import json
import resource
import sys
import time

import numpy as np
from scipy.special import expit

from ranking.statistics.bradley_terry import Votes
from ranking.statistics.ratings import rate

VERSIONS, VOTES, PEOPLE, PROMPTS = 2000, 1_000_000, 500, 3000


def main() -> None:
    chance = np.random.default_rng(int(sys.argv[1]) if len(sys.argv) > 1 else 0)
    first = chance.integers(0, VERSIONS, VOTES)
    second = (first + chance.integers(1, VERSIONS, VOTES)) % VERSIONS
    ratings = chance.normal(0, 1, VERSIONS)
    outcome = (chance.random(VOTES) < expit(ratings[first] - ratings[second])).astype(float)
    votes = Votes(
        first, second, outcome, chance.integers(0, PEOPLE, VOTES), chance.integers(0, PROMPTS, VOTES)
    )
    began = time.process_time()
    rate(votes, VERSIONS)
    seconds = time.process_time() - began
    print(
        json.dumps(
            {"seconds": seconds, "megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}
        )
    )


if __name__ == "__main__":
    main()
