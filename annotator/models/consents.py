"""What members agreed to before they ranked."""

from django.db import models

from .licences import Licence
from .projects import Project
from .users import User


class Consent(models.Model):
    """Somebody agreed to what a project does with what they judge: the words as they were shown, and when.

    It stays as evidence when the membership ends.
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="consents")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="consents")
    number = models.PositiveIntegerField(help_text="The project's `consent_number` at that time.")
    licence = models.CharField(max_length=20, choices=Licence.choices)
    text = models.TextField(help_text="Markdown, in the language in which it was read.")
    language = models.CharField(max_length=35)
    given_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("-pk",)
        constraints = (
            models.UniqueConstraint(fields=("project", "user", "number"), name="consent_once_per_number"),
        )

    def __str__(self) -> str:
        return f"{self.user} agreed to {self.project}, {self.number}"
