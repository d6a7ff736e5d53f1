"""Storing completions and their authors."""

import hashlib
from collections.abc import Mapping
from types import MappingProxyType

from django.db import transaction

from annotator.models import Author, Completion, Project, Prompt, User
from annotator.text.storable import storable

BATCH = 500


def get_or_create_author(*, project: Project, kind: Author.Kind, name: str) -> Author:
    """The project's author of this kind and name, created if missing."""
    author, _ = Author.objects.get_or_create(project=project, kind=kind, name=name)
    return author


def get_or_create_person(*, project: Project, user: User) -> Author:
    """The user as an author in the project, under a name that does not identify them."""
    author, _ = Author.objects.get_or_create(
        project=project, kind=Author.Kind.PERSON, name=f"Person {user.pk}", defaults={"user": user}
    )
    return author


def add_completions(
    *,
    author: Author,
    texts: list[tuple[Prompt, str]],
    system_prompts: Mapping[int, str] = MappingProxyType({}),
) -> list[Completion]:
    """Store what an author answered; returns one completion per given text, in the same order.

    `system_prompts` has, by prompt pk, what a model was given before the prompt's messages. A text that the
    author gave to the same prompt after the same system prompt is stored once. Characters that cannot be
    stored (NUL, lone surrogates: models produce them) become U+FFFD.
    """
    if any(prompt.project_id != author.project_id for prompt, _ in texts):
        raise ValueError("A completion's author and prompt belong to one project.")
    wanted = [
        _new_completion(author, prompt, storable(text), system_prompts.get(prompt.pk, ""))
        for prompt, text in texts
    ]
    with transaction.atomic():
        Completion.objects.bulk_create(wanted, batch_size=BATCH, ignore_conflicts=True)
        stored = {}
        prompt_ids = sorted({completion.prompt_id for completion in wanted})
        for start in range(0, len(prompt_ids), BATCH):
            found = Completion.objects.filter(author=author, prompt__in=prompt_ids[start : start + BATCH])
            stored.update({(one.prompt_id, one.text_hash): one for one in found})
    return [stored[completion.prompt_id, completion.text_hash] for completion in wanted]


def hash_text(text: str, system_prompt: str = "") -> str:
    """SHA-256 in hex; NUL, which neither can hold, stands between the two."""
    given = f"{system_prompt}\0{text}" if system_prompt else text
    return hashlib.sha256(given.encode("utf-8")).hexdigest()


def _new_completion(author: Author, prompt: Prompt, text: str, system_prompt: str) -> Completion:
    return Completion(
        prompt=prompt,
        author=author,
        text=text,
        system_prompt=system_prompt,
        text_hash=hash_text(text, system_prompt),
    )
