"""The licences under which a project may publish what its volunteers judged."""

from django.db import models
from django.utils.translation import gettext as _


class Licence(models.TextChoices):
    """SPDX identifiers, with the names that people know them by."""

    CC_BY = "CC-BY-4.0", "CC BY 4.0"
    CC_BY_SA = "CC-BY-SA-4.0", "CC BY-SA 4.0"
    CC0 = "CC0-1.0", "CC0 1.0"

    @property
    def meaning(self) -> str:
        """What it allows others to do with the judgments."""
        return {
            Licence.CC_BY: _("anyone may use them who names the project"),
            Licence.CC_BY_SA: _("anyone may use them who names the project and shares the result alike"),
            Licence.CC0: _("anyone may use them, without any condition"),
        }[self]

    @property
    def url(self) -> str:
        """The address of its full text."""
        return {
            Licence.CC_BY: "https://creativecommons.org/licenses/by/4.0/",
            Licence.CC_BY_SA: "https://creativecommons.org/licenses/by-sa/4.0/",
            Licence.CC0: "https://creativecommons.org/publicdomain/zero/1.0/",
        }[self]
