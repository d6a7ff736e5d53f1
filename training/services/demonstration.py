"""The demonstration project, which can be ranked at once: its base model is unpacked while people rank."""

import io
import json
from functools import partial

from django.db import transaction

from annotator.models import Project, User
from annotator.services.completions import add_completions
from annotator.services.projects import create_project
from annotator.services.prompts.adding import import_prompts
from ranking.practice_files import read_practice_file
from ranking.services import open_round
from ranking.services.practice import add_practice
from training.demonstration import content
from training.services.base_models.unpacking import register_gguf
from training.services.schedules import save_schedule
from training.services.versions.base_version import register_base_version
from training.tasks import run_unpacking


@transaction.atomic
def found_demonstration(
    *,
    name: str,
    slug: str,
    coordinator: User,
    update_minutes: int = content.UPDATE_MINUTES,
    seed: int | None = None,
) -> Project:
    """Found the project with an open round of the answers that are kept with the code.

    The same `seed` puts the comparisons in the same order. A worker unpacks the base model. Raises
    FileNotFoundError where the package with its file is missing.
    """
    base = register_gguf(content.base_file())
    project = create_project(
        name=name,
        slug=slug,
        base_model=base.location,
        coordinator=coordinator,
        guidelines=content.GUIDELINES.read_text(encoding="utf-8"),
        system_prompt=content.SYSTEM_PROMPT,
    )
    practice = read_practice_file(content.PRACTICE.read_bytes())
    add_practice(project=project, drafts=practice.drafts, actor=coordinator)
    save_schedule(
        project=project,
        cron="0 3 * * 1",
        is_enabled=False,
        min_new_judgments=20,
        actor=coordinator,
        settings={},
        update_minutes=update_minutes,
    )
    _open_first_round(project, coordinator, seed)
    transaction.on_commit(partial(run_unpacking.enqueue, base.pk))
    return project


def _open_first_round(project: Project, coordinator: User, seed: int | None) -> None:
    answers = content.load_answers()
    rows = [json.dumps({"prompt": each.question, "language": each.language}) for each in answers]
    file = io.BytesIO("\n".join(rows).encode())
    import_prompts(project=project, file=file, filename="questions.jsonl", actor=coordinator)
    version = register_base_version(project=project, actor=coordinator)
    prompts = {prompt.question: prompt for prompt in project.prompts.all()}
    texts = [(prompts[each.question], text) for each in answers for text in each.texts]
    told = {prompt.pk: project.system_prompt for prompt in prompts.values()}
    add_completions(author=version.author, texts=texts, system_prompts=told)
    open_round(project=project, author=version.author, actor=coordinator, seed=seed)
