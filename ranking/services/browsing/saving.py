"""Filters that members keep."""

from django.db import transaction
from django.utils.translation import gettext as _

from annotator.models import Membership
from ranking.errors import RankingError
from ranking.models import SavedFilter
from ranking.models.saved_filters import MOST_SAVED


@transaction.atomic
def save_filter(*, membership: Membership, name: str, query: str) -> SavedFilter:
    """Keep a filter under a name; another one of that name is replaced. Raises RankingError when too many."""
    # The second of two at once waits here, so that there are never too many.
    Membership.objects.select_for_update().get(pk=membership.pk)
    saved, is_new = SavedFilter.objects.update_or_create(
        membership=membership, name=name, defaults={"query": query}
    )
    if is_new and membership.saved_filters.count() > MOST_SAVED:
        raise RankingError(_("You have %d filters already: remove one first.") % MOST_SAVED)
    return saved


def remove_filter(*, membership: Membership, pk: int) -> None:
    """Forget a filter of the member's own; one that is gone stays so."""
    membership.saved_filters.filter(pk=pk).delete()
