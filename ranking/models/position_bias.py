"""Position bias: how often people rank the first answer shown as the best."""

from typing import Any

from django.db import models
from django.db.models import Avg, Count, Exists, F, OuterRef, Q, Value
from django.db.models.functions import Cast, Coalesce

from annotator.models import Project

from .judgments import Judgment, RankedCompletion
from .rounds import Comparison


class _Length(models.Func):
    """The number of values in a JSON list."""

    function = "JSON_ARRAY_LENGTH"
    output_field = models.FloatField()

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return self.as_sql(compiler, connection, function="JSONB_ARRAY_LENGTH", **context)


def first_positions(project: Project) -> models.QuerySet[RankedCompletion, Any]:
    """Rows {volunteer, its name, address and whether it is simulated, rankings, first, chance}.

    Of the rankings at a project's desk that have one best answer, `first` are those where it was the one
    shown first, and `chance` is the share that would be if the order had no influence: the mean of 1/k. Where
    several answers tie for the best none was chosen, so those rankings are left out.
    """
    best = RankedCompletion.objects.filter(
        rank=1,
        judgment__is_current=True,
        judgment__verdict=Judgment.Verdict.RANKED,
        judgment__comparison__round__project=project,
        judgment__comparison__source=Comparison.Source.DESK,
    )
    tied = RankedCompletion.objects.filter(judgment=OuterRef("judgment"), rank=1).exclude(pk=OuterRef("pk"))
    # At an assignment that went on to somebody else, the order that this volunteer saw is with the lapsed
    # one.
    seen = {"lapsed": "judgment__lapsed_assignment__order", "assignment": "judgment__assignment__order"}
    shown_first = Coalesce(*(Cast(F(f"{path}__0"), models.BigIntegerField()) for path in seen.values()))
    shown = Coalesce(*(_Length(path) for path in seen.values()))
    return (
        best.filter(~Exists(tied))
        .annotate(shown_first=shown_first, shown=shown)
        .order_by()
        .values(
            volunteer=F("judgment__volunteer"),
            name=F("judgment__volunteer__name"),
            email=F("judgment__volunteer__email"),
            is_simulated=F("judgment__volunteer__is_simulated"),
        )
        .annotate(
            rankings=Count("pk"),
            first=Count("pk", filter=Q(completion=F("shown_first"))),
            chance=Avg(Value(1.0) / F("shown")),
        )
        .order_by("-rankings", "volunteer")
    )
