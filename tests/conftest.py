"""Every test runs against throw-away data; the environment is set before Django reads it."""

import os
import secrets
import tempfile

os.environ.setdefault("CHORUS_ENV", "local")
os.environ["CHORUS_SECRET_KEY"] = secrets.token_hex(32)
os.environ["CHORUS_DATA_DIR"] = tempfile.mkdtemp(prefix="chorus-tests-")
