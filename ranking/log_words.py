"""What the log's page says of the audit rows of ranking."""

from django.utils.translation import gettext_lazy as _

from annotator.log_words import Group, add_numbered, add_sentences, add_values
from ranking.models import Dataset, Round
from ranking.models.round_states import RoundState

add_numbered(Round, Dataset)
add_values({state.value: state.label for state in RoundState})
add_sentences(
    Group.ROUNDS,
    {
        "round.preparing": _("%(who)s prepared round %(target)s"),
        "round.opened": _("%(who)s opened round %(target)s; comparisons: %(comparisons)s"),
        "round.moved": _("%(who)s moved round %(target)s from %(before)s to %(after)s"),
        "round.closed": _("%(who)s closed round %(target)s"),
        "answer.withheld": _("%(who)s withheld an answer that people find harmful, until a reviewer decides"),
        "gold.told": _("%(who)s told %(target)s that their answers to gold questions differ"),
        "judgments.withdrawn": _("Somebody withdrew their judgments: %(judgments)s"),
    },
    by_itself=True,
)
add_sentences(
    Group.ROUNDS,
    {
        "gold.marked": _("%(who)s made a comparison a gold question"),
        "gold.taken_out": _("%(who)s took out a gold question"),
        "answer.kept": _("%(who)s kept an answer that people had flagged"),
        "answer.withdrawn": _("%(who)s took out an answer that people had flagged"),
        "rewrite.accepted": _("%(who)s accepted an answer that a volunteer had written"),
        "rewrite.edited": _("%(who)s edited and accepted an answer that a volunteer had written"),
        "rewrite.refused": _("%(who)s refused an answer that a volunteer had written"),
        "person.excluded": _("%(who)s left out the judgments of %(person)s"),
        "person.included": _("%(who)s let the judgments of %(person)s count again"),
        "person.looks_fine": _("%(who)s looked at the judgments of %(person)s: they look fine"),
        "person.looked_at_again": _("%(who)s wants the judgments of %(person)s looked at again"),
        "comparison.decided": _("%(who)s decided about a contested comparison"),
        "comparison.undecided": _("%(who)s took back what was decided about a contested comparison"),
        "comparison.sent_back": _("%(who)s asked for one more judgment of a contested comparison"),
        "mask.decided": _("%(who)s decided about a name in an answer"),
        "mask.word_hidden": _("%(who)s hid the word “%(word)s” in all answers"),
        "mask.word_shown": _("%(who)s stopped hiding the word “%(word)s”"),
    },
)
add_sentences(
    Group.PEOPLE,
    {
        "member.left": _("%(who)s left the project"),
        "practice.let_in": _("%(who)s let %(target)s rank"),
        "practice.another_try": _("%(who)s gave %(target)s another try at the practice"),
    },
)
add_sentences(
    Group.SETTINGS,
    {
        "practice.added": _("%(who)s added practice comparisons: %(count)s"),
        "practice.removed": _("%(who)s removed a practice comparison"),
    },
)
add_sentences(
    Group.DATASETS,
    {"dataset.created": _("%(who)s made dataset %(target)s")},
    by_itself=True,
)
