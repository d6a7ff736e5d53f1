"""Projects, people and material for tests, made by the site's own services."""

import itertools

from annotator.imports.prompt_files import draft_from_record
from annotator.models import Author, Completion, GuidelinesVersion, Membership, Project, Prompt, Role, User
from annotator.services.completions import add_completions, get_or_create_author
from annotator.services.consent import give_consent
from annotator.services.guidelines import read_guidelines
from annotator.services.invitations.inviting import accept_invitation, invite
from annotator.services.projects import create_project
from annotator.services.prompts.adding import add_prompts
from ranking.services.onboarding import Step, continue_onboarding
from ranking.services.practice import answer_practice, begin_practice

PASSWORD = "correct horse battery staple"
numbers = itertools.count(1)


def make_user(email: str = "", name: str = "", **fields: object) -> User:
    """Someone who belongs to no project yet."""
    return User.objects.create_user(
        email or f"person{next(numbers)}@example.org", PASSWORD, name=name, **fields
    )


def make_project(slug: str = "", **fields: object) -> Project:
    """A project with one coordinator, who can be given as `coordinator` and who may rank."""
    fields.setdefault("name", slug or "Climate tutor")
    fields.setdefault("base_model", "models/tiny")
    fields["coordinator"] = fields.get("coordinator") or make_user()
    project = create_project(slug=slug or f"project-{next(numbers)}", **fields)
    make_ready(project, coordinator_of(project))
    return project


def make_member(project: Project, role: Role = Role.VOLUNTEER, email: str = "", name: str = "") -> User:
    """Someone who joined the project by an invitation and may rank."""
    user = make_newcomer(project, role, email, name)
    make_ready(project, user)
    return user


def make_newcomer(project: Project, role: Role = Role.VOLUNTEER, email: str = "", name: str = "") -> User:
    """Someone who joined the project by an invitation a moment ago."""
    email = email or f"member{next(numbers)}@example.org"
    _, token = invite(project=project, role=role, email=email, actor=coordinator_of(project))
    return accept_invitation(token=token, email=email, name=name or str(role.label), password=PASSWORD).user


def make_ready(project: Project, user: User) -> Membership:
    """The member agrees, reads the guidelines, practises without fault, and so may rank."""
    membership = project.memberships.get(user=user)
    give_consent(membership=membership, number=project.consent_number)
    if guidelines := GuidelinesVersion.objects.current(project):
        read_guidelines(membership=membership, number=guidelines.number)
    if continue_onboarding(membership=membership) == Step.PRACTICE:
        for assignment in begin_practice(membership=membership).assignments.all():
            answer_practice(assignment=assignment, ranks=dict(enumerate(assignment.comparison.ranks)))
    assert continue_onboarding(membership=membership) is None
    return membership


def coordinator_of(project: Project) -> User:
    return project.memberships.filter(role=Role.COORDINATOR).earliest("pk").user


def make_prompt(project: Project, content: str | list[dict[str, str]] = "", **fields: str) -> Prompt:
    """A prompt of one question, or of the given messages."""
    content = content or f"Why is the sea rising, question {next(numbers)}?"
    draft = draft_from_record({"prompt": content, **fields})
    return add_prompts(project=project, drafts=[draft], actor=None).prompts[0]


def make_completion(prompt: Prompt, text: str = "", author: str = "Tester") -> Completion:
    """An answer to the prompt by the import of that name."""
    by = get_or_create_author(project=prompt.project, kind=Author.Kind.IMPORT, name=author)
    return add_completions(author=by, texts=[(prompt, text or f"Answer {next(numbers)}.")])[0]
