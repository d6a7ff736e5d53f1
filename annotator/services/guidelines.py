"""Writing a project's guidelines, and having read them."""

from django.db import transaction

from annotator.models import GuidelinesVersion, Membership, Project, User

from .audit import record


@transaction.atomic
def write_guidelines(*, project: Project, text: str, actor: User) -> GuidelinesVersion:
    """Show another text from now on; what was shown stays as a version of its own.

    Every member but the one who wrote it is shown what changed before their next comparison.
    """
    # Two coordinators who save at once wait here for one another, and so get two numbers.
    Project.objects.select_for_update(no_key=True).get(pk=project.pk)
    last = GuidelinesVersion.objects.current(project)
    number = last.number + 1 if last else 1
    version = GuidelinesVersion.objects.create(project=project, number=number, text=text, written_by=actor)
    members = Membership.objects.filter(project=project)
    members.filter(user=actor).update(guidelines_read=number)
    if text:
        members.exclude(user=actor).update(ready_at=None)
    record("guidelines.written", actor=actor, project=project, target=version, number=number)
    return version


def read_guidelines(*, membership: Membership, number: int) -> None:
    """Record that the member has read this version; an older one changes nothing."""
    known = GuidelinesVersion.objects.filter(project=membership.project_id, number=number)
    unread = Membership.objects.filter(pk=membership.pk, guidelines_read__lt=number)
    if known.exists() and unread.update(guidelines_read=number):
        membership.guidelines_read = number
