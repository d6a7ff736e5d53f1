"""Mail that people asked for, and how they stop it.

Jobs send it (`annotator/mail_jobs.py`); what a request does is to enqueue one.
"""

from collections.abc import Iterable

from allauth.account.forms import default_token_generator
from allauth.account.utils import user_pk_to_url_str
from django.conf import settings
from django.core import signing
from django.core.mail import EmailMessage
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from annotator.errors import RefusedError
from annotator.models import Invitation, User

SALT = "annotator.mail"


def make_mail(*, user: User, subject: str, body: str, chosen: Iterable[str]) -> EmailMessage:
    """A message that people can stop, with the address for that in its foot and its header.

    `chosen` are the settings of theirs which the address turns off.

    The headers are those of RFC 8058, by which a mail program shows a button that stops it at once.
    """
    token = signing.dumps([user.pk, *sorted(set(chosen))], salt=SALT)
    address = settings.SITE_URL + reverse("unsubscribe", args=[token])
    foot = _("To stop this mail: %s") % address
    headers = {"List-Unsubscribe": f"<{address}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}
    # A project's name may have a line break, which no header may.
    return EmailMessage(
        " ".join(subject.split()), f"{body}\n\n-- \n{foot}\n", to=[user.email], headers=headers
    )


def stop_mail(*, token: str) -> None:
    """Send no more of it to the person whose mail had this token; done again, nothing happens."""
    try:
        named = signing.loads(token, salt=SALT)
    except signing.BadSignature as error:
        raise RefusedError(_("This link is not valid. Check that you copied all of it.")) from error
    # Older mails, which were about rounds, name the person alone.
    pk, *chosen = named if isinstance(named, list) else [named, "mail_round_opened"]
    User.objects.filter(pk=pk).update(**dict.fromkeys(chosen, False))


def send_password_reset(user_id: int | None, language: str) -> None:
    """Mail a link to set a new password, in the user's language or else the one of the page that was used.

    The link is made here, not where it was asked for, so that no job holds one.
    """
    user = user_id and User.objects.filter(pk=user_id, is_active=True).first()
    if not user:
        return
    key = {"uidb36": user_pk_to_url_str(user), "key": default_token_generator.make_token(user)}
    address = settings.SITE_URL + reverse("account_reset_password_from_key", kwargs=key)
    context = {"user": user, "password_reset_url": address, "site_url": settings.SITE_URL}
    with translation.override(user.interface_language or language):
        subject = render_to_string("account/email/password_reset_key_subject.txt", context).strip()
        body = render_to_string("account/email/password_reset_key_message.txt", context).strip()
    EmailMessage(settings.ACCOUNT_EMAIL_SUBJECT_PREFIX + subject, f"{body}\n", to=[user.email]).send()


def send_invitation(invitation_id: int, language: str) -> None:
    """Mail an invitation its link, if it can still be used.

    The link is made here, not where the person was invited, so that no job holds one.
    """
    invitation = Invitation.objects.usable().exclude(email="").filter(pk=invitation_id).first()
    if invitation is None:
        return
    address = settings.SITE_URL + reverse("join", args=[invitation.renew_token()])
    with translation.override(language), timezone.override(invitation.project.zone):
        words = {"project": invitation.project.name}
        subject = " ".join((_("You are invited to %(project)s") % words).split())
        body = render_to_string(
            "annotator/invitation_mail.txt", {"invitation": invitation, "address": address}
        )
    EmailMessage(settings.ACCOUNT_EMAIL_SUBJECT_PREFIX + subject, body, to=[invitation.email]).send()
    invitation.mark_mailed()
