"""The site's settings over throw-away data: the environment is set before they are read."""

import os
import secrets
import tempfile

os.environ.setdefault("CHORUS_ENV", "local")
os.environ["CHORUS_SECRET_KEY"] = secrets.token_hex(32)
os.environ["CHORUS_DATA_DIR"] = tempfile.mkdtemp(prefix="chorus-tests-")

from config.settings import *  # noqa: F403
from config.settings import DATA_DIR, DATABASES, MIDDLEWARE, STORAGES

(DATA_DIR / "static").mkdir()
# SQLite's default of a database in memory is one connection for all threads, so races could not be tested.
DATABASES["default"].setdefault("TEST", {})
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    DATABASES["default"]["TEST"]["NAME"] = str(DATA_DIR / "test.sqlite3")
# No manifest, so that nothing has to be collected before a page can be rendered.
STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
# Tests make many people; a slow hash would be most of their time.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
MIDDLEWARE[:0] = ["tests.post_redirect_get.answers_by_redirect", "tests.mail_jobs.requests_send_no_mail"]
EMAIL_BACKEND = "tests.mail_jobs.JobsOnlyBackend"
