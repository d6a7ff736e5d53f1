"""The REST API of training: updates, their runs, and versions."""
