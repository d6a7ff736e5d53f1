"""Groups that members say they belong to: of the project's list, or in their own words."""

from collections import defaultdict

from django.db import models

from .groups import GROUP_LENGTH, group_key
from .memberships import Membership
from .projects import Project

MOST_STATED = 20
"""Groups that one member may state."""


class StatedGroupQuerySet(models.QuerySet["StatedGroup"]):
    def people_of(self, project: Project) -> dict[str, set[int]]:
        """The ids of the users who state each group that the project asks for now, under the name it has.

        The project's list comes first, in its order; then what people call themselves, most people first.
        """
        stated: dict[str, set[int]] = defaultdict(set)
        rows = self.filter(membership__project=project).values_list("name", "membership__user")
        for name, user in rows:
            stated[name].add(user)
        offered = {group_key(name): name for name in project.groups}
        found = {name: stated[key] for key, name in offered.items() if key in stated}
        if project.own_groups:
            own = stated.keys() - offered.keys()
            found |= {name: stated[name] for name in sorted(own, key=lambda name: (-len(stated[name]), name))}
        return found


class StatedGroup(models.Model):
    """A group that a member says they belong to; it goes when they take it away, and with the membership."""

    membership = models.ForeignKey(Membership, on_delete=models.CASCADE, related_name="stated_groups")
    name = models.CharField(max_length=GROUP_LENGTH, help_text="As `group_key` writes it.")

    objects = StatedGroupQuerySet.as_manager()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("membership", "name"), name="group_stated_once_by_a_member"),
        )

    def __str__(self) -> str:
        return self.name
