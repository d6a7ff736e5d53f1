"""What somebody entered for a project that is not founded yet, for the archive of their data."""

from collections.abc import Iterator

from django.utils.translation import gettext_lazy as _

from annotator.models import User
from annotator.services.personal_data import Row
from training.models import Founding

ABOUT = _("what you entered for a new project that is not there yet")


def projects_begun(user: User) -> Iterator[Row]:
    for founding in Founding.objects.filter(founder=user).exclude(values={}):
        yield {"begun_at": founding.created_at, "state": founding.state, "entered": founding.values}
