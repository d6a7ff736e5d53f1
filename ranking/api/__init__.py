"""The REST API of judging: seats, judgments, preferences and datasets."""
