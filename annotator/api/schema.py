"""What the OpenAPI schema says beyond what drf-spectacular knows."""

from typing import Any

from drf_spectacular.openapi import AutoSchema
from rest_framework.serializers import ListSerializer


class BoundedSchema(AutoSchema):
    """Says how many items a list of objects may have."""

    def _map_serializer_field(self, field: Any, *args: Any, **kwargs: Any) -> Any:
        schema = super()._map_serializer_field(field, *args, **kwargs)
        if isinstance(field, ListSerializer) and field.max_length:
            schema["maxItems"] = field.max_length
        return schema
