"""Filters of the judgments browser that members keep."""

from django.db import models

from annotator.models import Membership

NAME_LENGTH = 60
MOST_SAVED = 30


class SavedFilter(models.Model):
    """What a member looks for again: a query string of the browser, under a name.

    It goes with the membership.
    """

    membership = models.ForeignKey(Membership, on_delete=models.CASCADE, related_name="saved_filters")
    name = models.CharField(max_length=NAME_LENGTH)
    query = models.TextField()

    class Meta:
        ordering = ("name",)
        constraints = (models.UniqueConstraint(fields=("membership", "name"), name="saved_filter_name_once"),)

    def __str__(self) -> str:
        return self.name
