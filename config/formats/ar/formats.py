"""Dates in Arabic: Django has no short form with the time, and a comma within the long one."""

DATE_FORMAT = "j F Y"
SHORT_DATE_FORMAT = "j F Y"
SHORT_DATETIME_FORMAT = "j F Y، H:i"
