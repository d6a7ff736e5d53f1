"""What belongs to a project: in numbers, and where its files lie."""

from pathlib import Path

from django.conf import settings
from django.db.models import Q

from annotator.models import Completion, Project
from ranking.models import Judgment
from training.models import Conversation, Export, ModelVersion, TrainingRun
from training.models.exports import PARTS, exports_folder


def numbers_of(project: Project) -> dict[str, int]:
    """How much would be deleted, by kind."""
    return {
        "members": project.memberships.count(),
        "prompts": project.prompts.count(),
        "completions": Completion.objects.filter(prompt__project=project).count(),
        "rounds": project.rounds.count(),
        "judgments": Judgment.objects.filter(comparison__round__project=project, is_current=True).count(),
        "conversations": Conversation.objects.filter(project=project).count(),
        "datasets": project.datasets.count(),
        "versions": ModelVersion.objects.filter(project=project).count(),
    }


def folders_by_slug(project: Project) -> list[Path]:
    """Folders that a later project with the same address would take for its own."""
    return [Path(settings.DATA_DIR) / kind / project.slug for kind in ("datasets", "models")]


def other_files(project: Project) -> list[Path]:
    """Folders of runs, and exported files that no other project's version has."""
    exports = Export.objects.filter(version__project=project)
    folders = [work.folder for work in (*TrainingRun.objects.filter(project=project), *exports)]
    stems = {getattr(export, part) for export in exports for part in PARTS} - {""}
    others = Export.objects.exclude(version__project=project)
    own = [stem for stem in stems if not others.filter(Q(base=stem) | Q(adapter=stem)).exists()]
    return folders + [exports_folder() / f"{stem}{suffix}" for stem in own for suffix in (".gguf", ".json")]
