"""The errors that services raise for people."""


class RefusedError(Exception):
    """The act cannot be done; the message tells the person why and what to do instead."""


class NotReadyError(RefusedError):
    """A member who has something to read, to agree to or to practise before they rank."""
