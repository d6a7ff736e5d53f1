"""Fields of API requests."""

from typing import Any

from rest_framework import serializers


class ShortListField(serializers.ListField):
    """A list whose length is looked at before its items; DRF's own collects first what is wrong with each."""

    def to_internal_value(self, data: Any) -> list[Any]:
        if isinstance(data, list):
            self.run_validators(data)
        return super().to_internal_value(data)
