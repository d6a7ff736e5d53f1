"""What the log's page says of the audit rows of training."""

from django.utils.translation import gettext_lazy as _

from annotator.log_words import Group, add_numbered, add_sentences, add_values
from training.models import ModelVersion, Routine, Update

add_numbered(ModelVersion, Update)
add_values({kind.value: kind.label for kind in Routine.Kind})
add_sentences(
    Group.UPDATES,
    {
        "update.started": _("%(who)s started update %(target)s"),
        "schedule.passed_over": _("%(who)s started no update at the scheduled time"),
        "routine.done": _("%(who)s did at the scheduled time: %(kind)s"),
        "routine.passed_over": _("%(who)s left out at the scheduled time: %(kind)s"),
        "sampling.started": _("%(who)s started to sample answers"),
        "base_model.retried": _("%(who)s tried the base model again"),
    },
    by_itself=True,
)
add_sentences(
    Group.UPDATES,
    {
        "update.cancel_requested": _("%(who)s cancelled update %(target)s"),
        "update.retried": _("%(who)s tried update %(target)s again"),
        "sampling.cancel_requested": _("%(who)s cancelled the sampling of answers"),
        "schedule.saved": _("%(who)s changed the schedule"),
        "routine.saved": _("%(who)s changed when this happens by itself: %(kind)s"),
    },
)
add_sentences(Group.SETTINGS, {"project.deleted": _("%(who)s deleted the project")})
add_sentences(
    Group.VERSIONS,
    {
        "version.created": _("%(who)s made version %(target)s by an update"),
        "version.registered": _("%(who)s registered version %(target)s"),
        "version.released": _("%(who)s released version %(target)s"),
        "version.taken_over": _("%(who)s started from version %(number)s of %(name)s: version %(target)s"),
        "version.passed_on": _("%(who)s let %(name)s start from version %(target)s"),
        "version.rejected": _("%(who)s rejected version %(target)s"),
        "version.files_deleted": _("%(who)s had the files of version %(target)s deleted"),
        "version.rolled_back": _("%(who)s went back to version %(target)s"),
        "export.retried": _("%(who)s tried to export version %(target)s again"),
        "gate.test_started": _("%(who)s began a blind test of version %(target)s"),
        "gate.test_ended": _("%(who)s ended the blind test of version %(target)s"),
        "gate.passed": _("%(who)s found that version %(target)s passes everything"),
        "gate.failed": _("%(who)s found that version %(target)s does not pass everything"),
    },
    by_itself=True,
)
add_sentences(
    Group.CHAT,
    {
        "serving.saved": _("%(who)s changed who may talk to the chatbot, and how"),
        "chat.taken": _("%(who)s took a message from the chat for learning"),
        "chat.left": _("%(who)s left a message from the chat out of learning"),
        "conversation.agreed": _("%(who)s let a conversation teach the chatbot"),
        "conversation.taken_back": _("%(who)s took back that a conversation may teach"),
        "conversation.deleted": _("%(who)s deleted a conversation"),
    },
)
