"""The site's own settings, but for passwords: a slow hash would be most of the tests' time."""

from config.settings import *  # noqa: F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
