"""Removing what was taken from conversations, where people withdraw it."""

from django.db import transaction
from django.db.models import QuerySet

from annotator.models import Project, User
from annotator.services.prompts.withdrawing import remove_prompts
from ranking.services.withdrawal import withdraw_from_chat
from training.models import Conversation, Taking


@transaction.atomic
def remove_takings(takings: QuerySet[Taking]) -> None:
    """Withdraw the judgments and thumbs of one person's takings in one project, then their prompts."""
    first = takings.select_related("project", "user").first()
    if first is None:
        return
    withdraw_from_chat(
        volunteer=first.user,
        project=first.project,
        comparisons=set(takings.values_list("comparisons", flat=True)) - {None},
        thumbs=set(takings.values_list("thumbs", flat=True)) - {None},
    )
    _remove_prompts(first.project, takings)


@transaction.atomic
def forget_conversations(*, volunteer: User, project: Project | None) -> None:
    """Delete the conversations of somebody who withdrew, with the prompts that were taken from them."""
    own = {"user": volunteer, **({"project": project} if project else {})}
    takings = Taking.objects.filter(**own)
    for one in Project.objects.filter(takings__in=takings).distinct():
        _remove_prompts(one, takings.filter(project=one))
    Conversation.objects.filter(**own).delete()


def _remove_prompts(project: Project, takings: QuerySet[Taking]) -> None:
    """Remove the prompts that came with these takings, unless another conversation brought them, too."""
    brought = set(takings.filter(is_new_prompt=True).values_list("prompt", flat=True)) - {None}
    takings.all().delete()
    shared = Taking.objects.filter(prompt__in=brought)
    kept = set(shared.values_list("prompt", flat=True))
    for pk in kept:  # whoever else asked it brings it from now on
        shared.filter(pk=shared.filter(prompt=pk).values("pk")[:1]).update(is_new_prompt=True)
    remove_prompts(project=project, prompt_ids=brought - kept, actor=None)
