"""The site's own settings, but for passwords: a slow hash would be most of the tests' time.

Every secret that a link is made or opened with is written down, so that the log can be searched for it.
"""

from annotator.sign_in.secret_links import SecretConverter
from config.settings import *  # noqa: F403
from config.settings import DATA_DIR

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
SECRETS = DATA_DIR / "secrets.txt"


def _write_down(_converter: SecretConverter, value: str) -> str:
    with SECRETS.open("a") as file:
        file.write(f"{value}\n")
    return str(value)


SecretConverter.to_python = SecretConverter.to_url = _write_down  # type: ignore[method-assign]
