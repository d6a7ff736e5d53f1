"""Limits that several apps share."""

FEWEST_ANSWERS, MOST_ANSWERS = 2, 8
"""How many answers of a prompt are compared at once. The desk has letters, keys and room for so many.

Another number takes a migration in `annotator` and `ranking`, because the database keeps it too.
"""

FEWEST_PEOPLE = 10
"""Below this nobody outside is told how many people took part, or what they agreed on, and nobody at all what
a group of them said: few can be guessed."""
