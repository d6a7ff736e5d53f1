"""Which versions learned from judgments that were withdrawn since."""

from annotator.models import Project
from ranking.models import Dataset
from training.models import ModelVersion, Origin


def withdrawn_datasets(project: Project) -> dict[int, list[Dataset]]:
    """By a version's primary key the datasets behind it of which part was taken back; others are left out.

    Behind a version are its own dataset and those of the versions that it started from, because it has what
    they had learned: versions of other projects, too, as long as these exist.
    """
    projects = _projects_behind(project)
    marked = Dataset.objects.filter(project__in=projects, withdrawn_parts__isnull=False).distinct()
    datasets = marked.select_related("project").prefetch_related("withdrawn_parts").in_bulk()
    behind: dict[int, list[Dataset]] = {}
    if not datasets:
        return behind
    # What a version started from was stored before it.
    versions = ModelVersion.objects.filter(project__in=projects).order_by("pk")
    for version, *before, dataset in versions.values_list("pk", "parent", "origin__source", "dataset"):
        own = [datasets[dataset]] if dataset in datasets else []
        if found := {*own, *(one for source in before if source for one in behind.get(source, []))}:
            behind[version] = sorted(found, key=lambda one: (one.project_id, one.number))
    return behind


def _projects_behind(project: Project) -> set[int]:
    """This project and those that its versions, and theirs in turn, came from."""
    found, new = set[int](), {project.pk}
    while new:
        found |= new
        sources = Origin.objects.filter(version__project__in=new, source__isnull=False)
        new = set(sources.values_list("source__project", flat=True)) - found
    return found
