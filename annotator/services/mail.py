"""Mail that people asked for, and how they stop it."""

from django.conf import settings
from django.core import signing
from django.core.mail import EmailMessage
from django.urls import reverse
from django.utils.translation import gettext as _

from annotator.errors import RefusedError
from annotator.models import User

SALT = "annotator.mail"


def make_mail(*, user: User, subject: str, body: str) -> EmailMessage:
    """A message to somebody who asked for it, with the address that stops it in its foot and its header.

    The headers are those of RFC 8058, by which a mail program shows a button that stops it at once.
    """
    address = settings.SITE_URL + reverse("unsubscribe", args=[signing.dumps(user.pk, salt=SALT)])
    foot = _("You asked for this mail. To stop it: %s") % address
    headers = {"List-Unsubscribe": f"<{address}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}
    # A project's name may have a line break, which no header may.
    return EmailMessage(
        " ".join(subject.split()), f"{body}\n\n-- \n{foot}\n", to=[user.email], headers=headers
    )


def stop_mail(*, token: str) -> None:
    """Send no more of it to the person whose mail had this token; done again, nothing happens."""
    try:
        pk = signing.loads(token, salt=SALT)
    except signing.BadSignature as error:
        raise RefusedError(_("This link is not valid. Check that you copied all of it.")) from error
    User.objects.filter(pk=pk).update(mail_round_opened=False)
