"""Which versions learned from judgments that were withdrawn since."""

from annotator.models import Project
from ranking.models import Dataset
from training.models import ModelVersion


def withdrawn_datasets(project: Project) -> dict[int, list[Dataset]]:
    """By a version's primary key the datasets behind it of which part was taken back; others are left out.

    Behind a version are its own dataset and those of the versions that it was trained from, because it starts
    with what they had learned.
    """
    marked = Dataset.objects.filter(project=project, withdrawn_parts__isnull=False).distinct()
    datasets = marked.prefetch_related("withdrawn_parts").in_bulk()
    behind: dict[int, list[Dataset]] = {}
    if not datasets:
        return behind
    # A parent has a lower number than its children.
    versions = ModelVersion.objects.filter(project=project).order_by("number")
    for version, parent, dataset in versions.values_list("pk", "parent", "dataset"):
        own = [datasets[dataset]] if dataset in datasets else []
        if found := {*own, *(behind.get(parent, []) if parent else [])}:
            behind[version] = sorted(found, key=lambda one: one.number)
    return behind
