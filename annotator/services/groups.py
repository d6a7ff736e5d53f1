"""Members say which groups they belong to, and take it back."""

from collections.abc import Collection

from django.db import transaction

from annotator.models import Membership, StatedGroup


@transaction.atomic
def state_groups(*, membership: Membership, keys: Collection[str]) -> None:
    """Have the member belong to these groups, by their keys, and to no others; they are not asked again.

    The log has no row of it: it would tell others when somebody said something about themselves.
    """
    # Who sends the page twice at once waits here.
    locked = Membership.objects.select_for_update(no_key=True).get(pk=membership.pk)
    locked.stated_groups.exclude(name__in=keys).delete()
    known = set(locked.stated_groups.values_list("name", flat=True))
    StatedGroup.objects.bulk_create(
        StatedGroup(membership=locked, name=key) for key in sorted({*keys} - known)
    )
    locked.answer_groups()
