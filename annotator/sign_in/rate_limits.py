"""The cache that allauth counts attempts in: one for all processes and hosts, in the database."""

from datetime import UTC, datetime
from typing import Any

from django.core.cache.backends.base import DEFAULT_TIMEOUT, BaseCache
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.crypto import salted_hmac

from annotator.models import RateLimit


class RateLimitCache(BaseCache):
    """Keeps what JSON holds; unlike Django's database cache it unpickles nothing, and `add` is atomic.

    allauth takes its lock with `add`, so of two requests at once the second one counts the first.
    """

    def __init__(self, _location: str, params: dict[str, Any]) -> None:
        super().__init__(params)

    def add(
        self, key: str, value: Any, timeout: float | None = DEFAULT_TIMEOUT, version: int | None = None
    ) -> bool:
        row = self._row(key, value, timeout, version)
        # Of two who find that a value has expired, one update moves its time; the other is told no.
        expired = RateLimit.objects.filter(pk=row.pk, expires_at__lte=timezone.now())
        if expired.update(value=row.value, expires_at=row.expires_at):
            return True
        try:
            with transaction.atomic():
                row.save(force_insert=True)
        except IntegrityError:
            return False
        return True

    def get(self, key: str, default: Any = None, version: int | None = None) -> Any:
        kept = RateLimit.objects.filter(pk=self._hash(key, version), expires_at__gt=timezone.now())
        row = kept.only("value").first()
        return default if row is None else row.value

    def set(
        self, key: str, value: Any, timeout: float | None = DEFAULT_TIMEOUT, version: int | None = None
    ) -> None:
        RateLimit.objects.filter(expires_at__lte=timezone.now()).delete()
        RateLimit.objects.bulk_create(
            [self._row(key, value, timeout, version)],
            update_conflicts=True,
            unique_fields=["key_hash"],
            update_fields=["value", "expires_at"],
        )

    def delete(self, key: str, version: int | None = None) -> bool:
        return bool(RateLimit.objects.filter(pk=self._hash(key, version)).delete()[0])

    def clear(self) -> None:
        RateLimit.objects.all().delete()

    def _row(self, key: str, value: Any, timeout: float | None, version: int | None) -> RateLimit:
        ends = self.get_backend_timeout(timeout)
        if ends is None:
            raise ValueError("What limits rates expires.")
        expires_at = datetime.fromtimestamp(ends, UTC)
        return RateLimit(key_hash=self._hash(key, version), value=value, expires_at=expires_at)

    def _hash(self, key: str, version: int | None) -> str:
        made = self.make_key(key, version=version)
        return salted_hmac("annotator.rate_limits", made, algorithm="sha256").hexdigest()
