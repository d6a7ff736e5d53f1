"""The REST API of learning: updates, their runs, and versions."""
