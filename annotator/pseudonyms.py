"""What people are called where others read what they judged."""

from django.utils.crypto import salted_hmac

LENGTH = 6
SIGNS = "BCDFGHJKLMNPQRSTVWXZ23456789"
"""Without vowels, so that no word comes of them, and without what is easily taken for another sign."""


def pseudonym_of(project: int, user: int) -> str:
    """The same six signs for a person on all pages of a project, and others in every other project.

    They follow from CHORUS_SECRET_KEY and the two ids, so nothing is stored that leads back to the person.
    """
    digest = salted_hmac("annotator.pseudonyms", f"{project} {user}", algorithm="sha256").digest()
    number = int.from_bytes(digest)
    signs = []
    for _place in range(LENGTH):
        number, sign = divmod(number, len(SIGNS))
        signs.append(SIGNS[sign])
    return "".join(signs)
