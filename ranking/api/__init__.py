"""The REST API for judging: assignments, judgments, preferences and datasets."""
