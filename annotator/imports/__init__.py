"""Reading prompts from files and from API requests; no database here."""
