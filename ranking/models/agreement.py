"""How often a volunteer orders a pair of answers as the majority of the others does."""

from collections import Counter, defaultdict
from dataclasses import dataclass

from django.db.models import Q

from annotator.models import Project, User
from ranking.statistics.pairs import preferred_pairs

from .judgments import Judgment, RankedCompletion

LAST_JUDGMENTS = 200
FEWEST_PAIRS = 10


@dataclass(frozen=True)
class Agreement:
    """Of `pairs` pairs that a volunteer and most of the others decided, `agreed` were decided alike."""

    agreed: int
    pairs: int

    @property
    def is_meaningful(self) -> bool:
        """Whether there are enough pairs for the share to mean something."""
        return self.pairs >= FEWEST_PAIRS

    @property
    def percent(self) -> int:
        return round(100 * self.agreed / self.pairs) if self.pairs else 0


def agreement_of(user: User, project: Project) -> Agreement:
    """The user's pairs compared with the majority of the others who ranked the same comparison.

    Their own vote is left out of the majority. A pair counts where they prefer one answer and the others'
    votes are not even, so that ties have no side, as in setup S2 of MT-bench (2306.05685). Only rounds
    that are closed count, and only comparisons that they judged: nobody learns what others answered where
    they may still judge or correct. Of those, the last `LAST_JUDGMENTS`.
    """
    last = user.judgments.settled().of_project(project).at_desk().order_by("-pk")[:LAST_JUDGMENTS]
    rows = RankedCompletion.objects.filter(
        Q(judgment__volunteer=user) | Q(judgment__volunteer__is_simulated=False),
        judgment__comparison__in=last.values("comparison"),
        judgment__is_current=True,
        judgment__verdict=Judgment.Verdict.RANKED,
    ).values_list("judgment__volunteer", "judgment__comparison", "completion", "rank")
    # One judgment of a volunteer counts for a comparison.
    ranks: dict[tuple[int, int], dict[int, int]] = defaultdict(dict)
    for volunteer, comparison, completion, rank in rows.order_by():
        ranks[volunteer, comparison][completion] = rank
    own: list[tuple[int, int, int]] = []
    votes: Counter[tuple[int, int, int]] = Counter()
    for (volunteer, comparison), given in ranks.items():
        pairs = [(comparison, *pair) for pair in preferred_pairs(given)]
        if volunteer == user.pk:
            own += pairs
        else:
            votes.update(pairs)
    leads = [votes[at, chosen, rejected] - votes[at, rejected, chosen] for at, chosen, rejected in own]
    return Agreement(agreed=sum(lead > 0 for lead in leads), pairs=sum(lead != 0 for lead in leads))
