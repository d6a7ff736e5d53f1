"""The prompts on which all versions of a project are compared with the base."""

from django.db import models

from annotator.models import Prompt


class Anchor(models.Model):
    """A held-out prompt that was chosen once for every version to answer."""

    prompt = models.OneToOneField(Prompt, on_delete=models.CASCADE, related_name="anchor")
    chosen_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"Anchor: {self.prompt}"
