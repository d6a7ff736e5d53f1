"""A project made from a corpus: a starter model that knows it, and its questions as prompts."""

import io
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from django.conf import settings
from django.db import transaction

from annotator.models import Project, Split, User
from annotator.models.prompts import split_of
from annotator.services.projects import create_project
from annotator.services.prompts.adding import import_prompts
from training.services.base_models.check import check_base_model
from training.services.versions.base_version import register_base_version
from training.starter.build import make_starter
from training.starter.corpus import Topic


def found_project(
    *,
    topics: Sequence[Topic],
    starter: Path,
    name: str,
    slug: str,
    coordinator: User,
    seed: int = 0,
) -> Project:
    """Found a project whose base is a starter model and whose prompts are the corpus's questions.

    The starter is made in the folder `starter` unless it is there; it never sees the questions that the
    project holds out. Version 0 is live afterwards, and nothing has been sampled yet. Raises StarterError or
    RefusedError.
    """
    make_starter(topics, starter, exclude_questions=held_out_questions(topics), seed=seed)
    check_base_model(str(starter))
    data = Path(settings.DATA_DIR)
    # Relative where it can be, so that the data folder can be moved.
    base_model = starter.relative_to(data) if starter.is_relative_to(data) else starter
    return _found(topics, str(base_model), name, slug, coordinator)


@transaction.atomic
def _found(topics: Sequence[Topic], base_model: str, name: str, slug: str, coordinator: User) -> Project:
    """All of a project or nothing: a half-founded one would look like a whole one."""
    project = create_project(name=name, slug=slug, base_model=base_model, coordinator=coordinator)
    rows = [{"prompt": question, "language": language} for question, language in _questions(topics)]
    file = io.BytesIO("\n".join(map(json.dumps, rows)).encode())
    report = import_prompts(project=project, file=file, filename="questions.jsonl", actor=coordinator)
    if report.errors:
        raise ValueError("\n".join(map(str, report.errors)))
    register_base_version(project=project, actor=coordinator)
    return project


def held_out_questions(topics: Sequence[Topic]) -> list[str]:
    """The questions that the project will hold out, by the hash of the prompts they become."""
    return [question for question, _ in _questions(topics) if _split(question) == Split.HELD_OUT]


def _questions(topics: Sequence[Topic]) -> Iterator[tuple[str, str]]:
    for topic in topics:
        yield from ((question, topic.language) for question in topic.questions)


def _split(question: str) -> Split:
    return split_of([{"role": "user", "content": question}])
