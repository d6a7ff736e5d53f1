"""Reading the audit log, and exporting it."""
