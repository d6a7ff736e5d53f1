"""The REST API of people and material."""
