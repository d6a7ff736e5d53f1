"""What a chat request may say."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _
from rest_framework import serializers

from training.services.serving.answers import Asked

MOST_MESSAGES = 200
LONGEST_MESSAGE = 20_000
LEFT_OUT = ("system", "developer")
"""The system prompt is the project's."""
IGNORED = {"user", "metadata", "store", "safety_identifier"}


class StrictSerializer(serializers.Serializer):
    """Refuses what it does not know: what a client relies on must not be dropped without a word."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping):
            if unknown := sorted(set(data) - set(self.fields) - IGNORED):
                words = _("This is not supported here: leave it out.")
                raise serializers.ValidationError({str(unknown[0]): [words]})
            data = {name: value for name, value in data.items() if value is not None}
        return super().to_internal_value(data)


class ContentField(serializers.Field):
    """A text, or OpenAI's list of parts that are all texts."""

    def to_internal_value(self, data: Any) -> str:
        parts = data if isinstance(data, list) else [{"type": "text", "text": data}]
        texts = [part.get("text") if self._is_text(part) else None for part in parts]
        if not all(isinstance(text, str) for text in texts):
            raise serializers.ValidationError(_("Only texts can be sent."))
        text = "".join(map(str, texts))
        if len(text) > LONGEST_MESSAGE:
            words = _("This message has more than %(most)d characters: shorten it.")
            raise serializers.ValidationError(words % {"most": LONGEST_MESSAGE})
        return text

    @staticmethod
    def _is_text(part: Any) -> bool:
        return isinstance(part, Mapping) and part.get("type") == "text"


class MessageSerializer(serializers.Serializer):
    role = serializers.ChoiceField(choices=("user", "assistant", *LEFT_OUT))
    content = ContentField()


class StreamOptionsSerializer(StrictSerializer):
    include_usage = serializers.BooleanField(default=False)
    include_obfuscation = serializers.BooleanField(default=False)


class StopText(serializers.CharField):
    def __init__(self) -> None:
        super().__init__(max_length=100, trim_whitespace=False)


class StopField(serializers.ListField):
    """One text or some."""

    def to_internal_value(self, data: Any) -> list[str]:
        found: list[str] = super().to_internal_value([data] if isinstance(data, str) else data)
        return found


class ChatRequestSerializer(StrictSerializer):
    model = serializers.CharField(max_length=60)
    messages = MessageSerializer(many=True, allow_empty=False, max_length=MOST_MESSAGES)
    stream = serializers.BooleanField(default=False)
    stream_options = StreamOptionsSerializer(required=False)
    max_tokens = serializers.IntegerField(required=False, min_value=1, max_value=1_000_000)
    max_completion_tokens = serializers.IntegerField(required=False, min_value=1, max_value=1_000_000)
    temperature = serializers.FloatField(required=False, min_value=0, max_value=2)
    top_p = serializers.FloatField(required=False, min_value=0.001, max_value=1)
    frequency_penalty = serializers.FloatField(default=0.0, min_value=-2, max_value=2)
    presence_penalty = serializers.FloatField(default=0.0, min_value=-2, max_value=2)
    stop = StopField(child=StopText(), default=[], max_length=4)
    seed = serializers.IntegerField(required=False, min_value=0, max_value=2**32 - 2)
    n = serializers.IntegerField(default=1, min_value=1, max_value=1)

    def validate_messages(self, messages: list[dict[str, str]]) -> list[dict[str, str]]:
        """Without the client's system messages; the last is what is to be answered."""
        kept = [message for message in messages if message["role"] not in LEFT_OUT]
        if not kept or kept[-1]["role"] != "user":
            raise serializers.ValidationError(_("The last message must be the user's."))
        return kept

    def asked(self) -> Asked:
        data = self.validated_data
        names = ("temperature", "top_p", "frequency_penalty", "presence_penalty", "stop", "seed")
        return Asked(
            messages=data["messages"],
            max_tokens=data.get("max_completion_tokens") or data.get("max_tokens"),
            **{name: data[name] for name in names if name in data},
        )
