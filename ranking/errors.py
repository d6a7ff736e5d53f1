"""Errors of ranking; every message is written for the person who acted."""

from django.utils.translation import gettext_lazy as _

from annotator.errors import RefusedError


class RankingError(RefusedError):
    """An act of ranking that was refused, with nothing stored."""

    default = _("This could not be done.")

    def __init__(self, message: object = None) -> None:
        super().__init__(message or self.default)

    def __str__(self) -> str:
        return str(self.args[0])


class NothingToRankError(RankingError):
    default = _("No prompt has two different answers by this author, so there is nothing to compare.")


class NoRoundError(RankingError):
    default = _("Open a round first: preferences from the chat are stored with the newest one.")


class RoundClosedError(RankingError):
    default = _("This round has been closed in the meantime, so the ranking could not be counted.")


class AssignmentLostError(RankingError):
    default = _("The time for this comparison ran out and it went to someone else; nothing was stored.")


class AlreadyJudgedError(RankingError):
    default = _("You have judged this comparison already; you can correct that judgment.")


class SkippedError(RankingError):
    default = _("You have skipped this comparison; nothing was stored.")


class NotYourAssignmentError(RankingError):
    default = _("This comparison was not given to you; nothing was stored.")


class WrongKeyError(RankingError):
    default = _("You hold this comparison under another key; nothing was stored.")


class KeyReusedError(RankingError):
    default = _("This form was already sent with another answer; the first one stays.")


class CorrectedSinceError(RankingError):
    default = _("You have corrected this judgment in the meantime; open the newest one to change it again.")


class DecidedSinceError(RankingError):
    default = _("Meanwhile this comparison was decided, or got more votes; what you sent was not stored.")


class NoAttemptLeftError(RankingError):
    default = _("You have no try left; a coordinator has been asked.")


class NothingToPractiseError(RankingError):
    default = _("This project has no practice.")


class NotWaitingError(RankingError):
    default = _("This person is no longer waiting.")


class InvalidJudgmentError(RankingError):
    """Ranks, flags, rationale or seconds that do not fit the comparison."""


class NoPreferencesError(RankingError):
    default = _("There are no preferences yet: nobody has ranked one answer above another.")


class NothingHiddenError(RankingError):
    default = _("Write what else to hide.")


class WordNotFoundError(RankingError):
    """A word to hide of an answer that does not have it."""


class SnapshotFailedError(RankingError):
    default = _("The snapshot could not be written; nothing was kept.")
