"""Codes that others keep, with their names: of languages, currencies and time zones."""
