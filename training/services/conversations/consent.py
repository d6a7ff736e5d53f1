"""Agreeing that a conversation may teach the chatbot, and taking that back."""

from django.db import transaction
from django.utils.translation import gettext as _

from annotator.models import Licence, Membership, Project
from annotator.services.audit import record
from annotator.services.consent import give_consent
from training.models import Conversation

from .removing import remove_takings


def words_of(project: Project) -> str:
    """What a member agrees to for one conversation, beside the project's terms; plain text by paragraphs."""
    licence = Licence(project.licence)
    return "\n\n".join(
        (
            _(
                "Reviewers of this project may read this conversation, without your name. They may take your "
                "messages as questions, and what you say about the answers, to teach the chatbot."
            ),
            _(
                "Before that, e-mail addresses, phone numbers and the like are removed. Names of people are "
                "not found: leave them out."
            ),
            _(
                "What is taken may be published, without your name and address, under "
                "%(licence)s: %(meaning)s."
            )
            % {"licence": licence.label, "meaning": licence.meaning},
            _(
                "You can take this back at any time, here. Then what was taken is withdrawn. Data sets that "
                "others have already cannot be called back."
            ),
        )
    )


@transaction.atomic
def agree(*, conversation: Conversation, membership: Membership, number: int) -> None:
    """The member agrees that this conversation may teach, under the project's terms of this number."""
    own = Conversation.objects.select_for_update().filter(user=membership.user_id)
    conversation = own.get(pk=conversation.pk)
    if conversation.may_teach:
        return
    consent = give_consent(membership=membership, number=number)
    conversation.agree(consent, words_of(conversation.project))
    record("conversation.agreed", actor=membership.user, project=membership.project, target=conversation)


@transaction.atomic
def take_back_consent(*, conversation: Conversation) -> None:
    """The conversation no longer teaches; what was taken is withdrawn. Done twice is done once."""
    conversation = (
        Conversation.objects.select_for_update(of=("self",))
        .select_related("project", "user")
        .get(pk=conversation.pk)
    )
    if not conversation.may_teach:
        return
    conversation.take_back()
    remove_takings(conversation.user.takings.filter(turn__conversation=conversation))
    conversation.turns.update(decision="")
    record(
        "conversation.taken_back",
        actor=conversation.user,
        project=conversation.project,
        target=conversation,
    )
