"""Cells of CSV files that people open in spreadsheets."""

FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes for the beginning of a formula, which may send what the table holds elsewhere."""


def plain_cell(text: str) -> str:
    """The text as a cell that no spreadsheet calculates, by OWASP's rule: an apostrophe before it."""
    return f"'{text}" if text.startswith(FORMULA) else text
