"""What was tried of late, so that nobody tries too often."""

from django.db import models


class RateLimit(models.Model):
    """A value of the cache that rate limits count in (`annotator/sign_in/rate_limits.py`)."""

    key_hash = models.CharField(max_length=64, primary_key=True, help_text="Keys hold addresses of people.")
    value = models.JSONField()
    expires_at = models.DateTimeField(db_index=True)
