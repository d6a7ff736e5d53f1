"""Mail about new rounds to members who asked for it."""

import logging
from smtplib import SMTPRecipientsRefused

from django.conf import settings
from django.core import mail
from django.db.models import QuerySet
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _

from annotator.models import Project, User
from annotator.services.mail import make_mail
from ranking.models import Round

logger = logging.getLogger(__name__)


def wanting_rounds(project: Project) -> QuerySet[User]:
    """The members who asked for a mail when a round opens."""
    return User.objects.filter(memberships__project=project, mail_round_opened=True, is_active=True)


def mail_members(round_id: int) -> None:
    """Write to each of them in their own language; nothing when the round has closed in the meantime."""
    opened = Round.objects.open().select_related("project").filter(pk=round_id).first()
    if opened is None:
        return
    desk = settings.SITE_URL + reverse("desk", args=[opened.project.slug])
    with mail.get_connection() as connection:
        for user in wanting_rounds(opened.project).order_by("pk"):
            with translation.override(user.interface_language or settings.LANGUAGE_CODE):
                words = {"project": opened.project.name, "number": opened.number, "address": desk}
                message = make_mail(
                    user=user,
                    subject=_("%(project)s: round %(number)d is open") % words,
                    body=_("There are new answers to compare in %(project)s.\n\n%(address)s") % words,
                )
            message.connection = connection
            try:
                message.send()
            except SMTPRecipientsRefused:
                # The others get theirs; and an error is stored with its job, where no address should stay.
                logger.warning("The mail server refused the address of user %d.", user.pk)
