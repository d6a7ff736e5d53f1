"""The answer to OPTIONS."""

from typing import Any

from rest_framework.metadata import BaseMetadata


class AllowedMethods(BaseMetadata):
    """Only the header `Allow`, which the view adds: the schema has the rest."""

    def determine_metadata(self, request: Any, view: Any) -> dict[str, Any]:
        return {}
