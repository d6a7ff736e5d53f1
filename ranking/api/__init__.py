"""The REST API of judging: assignments, judgments, preferences and datasets."""
