"""A project's versions as a family tree: which was trained from which."""

from collections import defaultdict
from dataclasses import dataclass

from annotator.models import Project
from training.models import ModelVersion


@dataclass(frozen=True)
class Relative:
    """A version's place in the tree; `depth` counts the branches that lead away from the main line to it."""

    version: ModelVersion
    depth: int


def family_of(project: Project) -> list[Relative]:
    """All versions, each after its parent; what branched off stands before the line goes on.

    The main line leads to the live version and keeps its depth, however long it gets: with a level for each
    generation, a year of weeks would not fit on a page.
    """
    related = ("update", "dataset", "parent__update", "origin")
    versions = list(ModelVersion.objects.filter(project=project).select_related(*related).order_by("number"))
    children = defaultdict(list)
    for version in versions:
        children[version.parent_id].append(version)
    line = _line_to_live(versions)
    found, waiting = [], [Relative(root, 0) for root in reversed(children[None])]
    while waiting:
        relative = waiting.pop()
        found.append(relative)
        heir = _heir(children[relative.version.pk], line)
        branches = [child for child in children[relative.version.pk] if child != heir]
        # The last one in comes out first: branches in their order, then the heir.
        waiting += [Relative(heir, relative.depth)] if heir else []
        waiting += [Relative(child, relative.depth + 1) for child in reversed(branches)]
    return found


def _line_to_live(versions: list[ModelVersion]) -> set[int]:
    """The live version and those from which it was trained."""
    by_key = {version.pk: version for version in versions}
    line, current = set(), next((each for each in versions if each.state == ModelVersion.State.LIVE), None)
    while current is not None:
        line.add(current.pk)
        current = by_key.get(current.parent_id) if current.parent_id else None
    return line


def _heir(children: list[ModelVersion], line: set[int]) -> ModelVersion | None:
    """The child that goes on with the line: towards the live version, else the newest not rejected."""
    towards = [child for child in children if child.pk in line]
    kept = [child for child in children if child.state != ModelVersion.State.REJECTED]
    return next(iter(towards or kept[-1:]), None)
