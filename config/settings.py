"""Settings of the site, all of them here; what differs between hosts comes from the environment.

The table in docs/operating.md says what each variable is; a test sees that it has all of them.
"""

import os
from pathlib import Path
from urllib.parse import unquote, urlsplit

import dj_database_url
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = Path(os.environ.get("CHORUS_DATA_DIR") or BASE_DIR / "var").resolve()

ENVIRONMENT = os.environ.get("CHORUS_ENV", "production")
if ENVIRONMENT not in {"local", "production"}:
    raise ImproperlyConfigured(f"CHORUS_ENV is {ENVIRONMENT!r}; it must be 'local' or 'production'.")
LOCAL = ENVIRONMENT == "local"
DEBUG = False


def read_secret_key() -> str:
    """The secret key from the environment or, on a local machine, from the data folder."""
    if key := os.environ.get("CHORUS_SECRET_KEY"):
        return key
    key_file = DATA_DIR / "secret_key"
    if LOCAL and key_file.is_file() and (key := key_file.read_text().strip()):
        return key
    raise ImproperlyConfigured(
        "No secret key: set CHORUS_SECRET_KEY to a long random text"
        + (f", or run `make run` once, which writes {key_file}." if LOCAL else ".")
    )


SECRET_KEY = read_secret_key()
JUDGE_URL = os.environ.get("CHORUS_JUDGE_URL", "")
PORT = int(os.environ.get("CHORUS_PORT", "8000"))
ALLOWED_HOSTS = [host for each in os.environ.get("CHORUS_HOSTS", "").split(",") if (host := each.strip())]
if LOCAL:
    ALLOWED_HOSTS += ["127.0.0.1", "localhost", "[::1]"]
HOST = ALLOWED_HOSTS[0] if ALLOWED_HOSTS else "localhost"
SITE_URL = f"http://127.0.0.1:{PORT}" if LOCAL else f"https://{HOST}"

INSTALLED_APPS = [
    "annotator",
    "ranking",
    "training",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "csp",
    "django_htmx",
    "django_tasks_db",
    "rest_framework",
    "rest_framework.authtoken",
    "drf_spectacular",
    "drf_spectacular_sidecar",
]

MIDDLEWARE = [
    "config.metrics.RequestMetricsMiddleware",
    "django.middleware.security.SecurityMiddleware",
    # Before WhiteNoise: files have the headers of pages, too.
    "config.headers.OwnOriginMiddleware",
    "csp.middleware.CSPMiddleware",
    "django_permissions_policy.PermissionsPolicyMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "config.compression.PageCompressionMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "config.form_bounds.FormBoundsMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "annotator.middleware.LanguageMiddleware",
    "annotator.middleware.TimeZoneMiddleware",
    "annotator.middleware.PageAboveMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "allauth.usersessions.middleware.UserSessionsMiddleware",
    "annotator.middleware.ChangedMeanwhileMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "config.navigation.project_tabs",
            ],
        },
    },
]

# Database

DATABASES = {
    "default": dj_database_url.config(
        default=f"sqlite:///{DATA_DIR / 'db.sqlite3'}", conn_max_age=60, conn_health_checks=True
    )
}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # A writer takes its lock when the transaction begins, so that two writers wait for each other
    # instead of failing when the second one upgrades from reading.
    options = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    }
else:
    # The few statements of a judgment are planned once a connection, not each time: half of the server's
    # time. A pooler between needs to know of prepared statements (PgBouncer does from 1.21 on).
    # A server that does not answer must not hold a request for minutes.
    options = {"server_side_binding": True, "prepare_threshold": 3, "connect_timeout": 5}
# What DATABASE_URL asks for, such as ?sslmode=verify-full, comes last.
DATABASES["default"]["OPTIONS"] = options | DATABASES["default"].get("OPTIONS", {})
CACHES = {
    # allauth counts attempts and used codes in it, so it is one for all processes; nothing else uses it.
    "default": {"BACKEND": "annotator.sign_in.rate_limits.RateLimitCache"},
    # Of its own, so that fragments push nothing else out.
    "template_fragments": {
        "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
        "LOCATION": "template_fragments",
        "OPTIONS": {"MAX_ENTRIES": 1000},
    },
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# People

AUTH_USER_MODEL = "annotator.User"
AUTHENTICATION_BACKENDS = [
    "allauth.account.auth_backends.AuthenticationBackend",
    "sesame.backends.ModelBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "account_login"
ACCOUNT_ADAPTER = "annotator.sign_in.adapters.InvitationOnlyAdapter"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
# An invitation, not a mailbox, is what lets people in; mail is sent for lost passwords only.
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_FORMS = {"reset_password": "annotator.forms.account.NewPasswordForm"}
ACCOUNT_EMAIL_SUBJECT_PREFIX = "[Chorus] "
MFA_ALLOW_UNVERIFIED_EMAIL = True
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
# A browser gives a security key to https only, or to plain http on this machine.
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = LOCAL
MFA_TOTP_ISSUER = f"Chorus ({HOST})"
ACCOUNT_DEFAULT_HTTP_PROTOCOL = "http" if LOCAL else "https"
# A class that joins in one hour comes from one address.
ACCOUNT_RATE_LIMITS = {"api_token": "20/m/ip", "join": "60/m/ip"}
# A school is one address.
if chat_rate := int(os.environ.get("CHORUS_CHAT_RATE", "30")):
    ACCOUNT_RATE_LIMITS |= {"chat_person": f"{chat_rate}/m/user", "chat_address": f"{4 * chat_rate}/m/ip"}
SECOND_FACTOR = os.environ.get("CHORUS_SECOND_FACTOR", "optional")
if SECOND_FACTOR not in {"optional", "coordinators"}:
    raise ImproperlyConfigured(
        f"CHORUS_SECOND_FACTOR is {SECOND_FACTOR!r}; it must be 'optional' or 'coordinators'."
    )
SECOND_FACTOR_ROLES = {"coordinator"} if SECOND_FACTOR == "coordinators" else set()
SESAME_ONE_TIME = True
SESAME_MAX_AGE = 24 * 60 * 60

if email_url := os.environ.get("CHORUS_EMAIL_URL"):
    smtp = urlsplit(email_url)
    try:
        EMAIL_HOST, EMAIL_PORT = smtp.hostname, smtp.port or 587
    except ValueError:  # such as a password with a sign that ends the host's part
        EMAIL_HOST = None
    if smtp.scheme not in {"smtp", "smtp+tls"} or not EMAIL_HOST:
        raise ImproperlyConfigured(
            "CHORUS_EMAIL_URL must be smtp+tls://user:password@host:587, or begin with smtp:// for a server "
            "without TLS. Write signs like @ / # in the password as %40 %2F %23."
        )
    EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = unquote(smtp.username or ""), unquote(smtp.password or "")
    EMAIL_USE_TLS = smtp.scheme == "smtp+tls"
    EMAIL_TIMEOUT = 10
else:
    # Not to the log: a mail may hold a link that signs in.
    EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
    EMAIL_FILE_PATH = DATA_DIR / "mail"
DEFAULT_FROM_EMAIL = os.environ.get("CHORUS_EMAIL_FROM") or f"chorus@{HOST}"

# Security

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "manifest-src": [SELF],
        "worker-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}
PERMISSIONS_POLICY: dict[str, list[str]] = {
    name: [] for name in ("camera", "geolocation", "microphone", "payment", "usb", "display-capture")
}
# The addresses of invitations and sign-in links are secrets, which must not go out with a click on a link.
# Not `no-referrer`: with it a browser posts forms with `Origin: null`, which CSRF checks refuse.
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
# With this prefix a browser takes a cookie from this host alone, over https, for all of its paths: another
# host of the domain can plant none. Over plain http it would take none at all.
COOKIE_PREFIX = "" if LOCAL else "__Host-"
SESSION_COOKIE_NAME = f"{COOKIE_PREFIX}sessionid"
CSRF_COOKIE_NAME = f"{COOKIE_PREFIX}csrftoken"
LANGUAGE_COOKIE_NAME = f"{COOKIE_PREFIX}django_language"
MESSAGE_STORAGE = "config.messages.MessageStorage"
CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_AGE = 60 * 60 * 24 * 30
# A form without its files: the project's settings are the largest, with each text twice and three bytes for a
# character. What programs send, `annotator.api.parsers` bounds.
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 500
DATA_UPLOAD_MAX_NUMBER_FILES = 2
# What the server reads of a request at most: a file of prompts in its form; from who does not say who they
# are, a form without a file.
MAX_BODY = 6 * 1024 * 1024
MAX_ANONYMOUS_BODY = 64 * 1024
# In production one proxy stands in front and tells where a request came from.
PROXIES = ALLAUTH_TRUSTED_PROXY_COUNT = 0 if LOCAL else 1
ACCEL = os.environ.get("CHORUS_ACCEL", "")
if ACCEL and not (ACCEL.startswith("/") and ACCEL.endswith("/")):
    raise ImproperlyConfigured(f"CHORUS_ACCEL is {ACCEL!r}; it must begin and end with a slash, as /files/.")
if not LOCAL:
    MIDDLEWARE.insert(0, "config.hosts.SitePortMiddleware")
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_SSL_REDIRECT = True
    # So that a monitor on this machine can ask the processes themselves.
    SECURE_REDIRECT_EXEMPT = [r"^(healthz|readyz|metrics)$"]
    SECURE_HSTS_SECONDS = 365 * 24 * 60 * 60
    SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    SECURE_HSTS_PRELOAD = True
    SESSION_COOKIE_SECURE = True
    CSRF_COOKIE_SECURE = True

# Language and time

LANGUAGE_CODE = "en"
# Only what the pages are translated into: a page must not say that it is in another language.
LANGUAGES = [("en", "English"), ("es", "Español"), ("fr", "Français"), ("ar", "العربية")]
LOCALE_PATHS = [BASE_DIR / "locale"]
FORMAT_MODULE_PATH = ["config.formats"]
LANGUAGE_COOKIE_AGE = 365 * 24 * 60 * 60
LANGUAGE_COOKIE_HTTPONLY = True
LANGUAGE_COOKIE_SAMESITE = "Lax"
LANGUAGE_COOKIE_SECURE = not LOCAL
TIME_ZONE = "UTC"
USE_I18N = True
USE_TZ = True

# Static files

STATIC_URL = "static/"
WHITENOISE_ALLOW_ALL_ORIGINS = False
STATIC_ROOT = DATA_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "config.static_files.StaticFilesStorage"},
}

# Jobs

# Mail has a worker of its own: an update takes the other one for hours.
TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend", "QUEUES": ["default", "mail"]}}

# Webhooks may go to addresses inside the network of this machine, also by plain http.
WEBHOOKS_PRIVATE = os.environ.get("CHORUS_WEBHOOKS_PRIVATE") == "1"

# Base models that new projects may have, beside those that the site has already

BASE_MODELS = [
    given for each in os.environ.get("CHORUS_BASE_MODELS", "").split(",") if (given := each.strip())
]

# Serving

SERVING_THREADS = int(os.environ.get("CHORUS_SERVING_THREADS") or max(1, (os.cpu_count() or 2) - 1))
SERVING_SLEEP = int(os.environ.get("CHORUS_SERVING_SLEEP", "600"))
SERVING_URL = os.environ.get("CHORUS_SERVING_URL", "").rstrip("/").removesuffix("/v1")
SERVING_KEY = os.environ.get("CHORUS_SERVING_KEY", "")
SERVING_SLOTS = int(os.environ.get("CHORUS_SERVING_SLOTS", "32"))
# In a web process, each with a thread; it has others for pages.
CHATS_AT_ONCE = 12

# API

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework.authentication.TokenAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["annotator.api.parsers.StrictJSONParser"],
    "DEFAULT_SCHEMA_CLASS": "annotator.api.schema.BoundedSchema",
    "DEFAULT_METADATA_CLASS": "annotator.api.metadata.AllowedMethods",
    # By the place of each wrong item: as a list, all that are right would be in it, too.
    "LIST_SERIALIZER_ERRORS_AS_DICT": True,
    "EXCEPTION_HANDLER": "config.api.handle_exception",
    "NUM_PROXIES": PROXIES,
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
    "URL_FORMAT_OVERRIDE": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Chorus API",
    "DESCRIPTION": "Prompts, rankings, preference datasets, training runs and versions of a chatbot.",
    "VERSION": "1",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "TAGS": [
        {"name": name, "description": description}
        for name, description in {
            "Sign-in": "A token for programs.",
            "Projects": "Where you are a member.",
            "Prompts": "What the chatbot is asked.",
            "Ranking": "Assignments and judgments.",
            "Datasets": "What volunteers preferred.",
            "Training": "Updates and their runs.",
            "Versions": "Release, reject, go back.",
        }.items()
    ],
    "ENUM_NAME_OVERRIDES": {
        "RunState": "training.models.leases.Leased.State",
        "VersionState": "training.models.ModelVersion.State",
        "JudgmentVerdict": "ranking.models.Judgment.Verdict",
        "BlindTestVerdict": "training.models.BlindTest.Verdict",
    },
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_AUTHENTICATION": [],
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "config.api.add_shared_answers",
    ],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_SETTINGS": {"deepLinking": True, "defaultModelsExpandDepth": -1},
}

# Monitoring

METRICS_TOKEN = os.environ.get("CHORUS_METRICS_TOKEN", "")
LOG_FORMAT = os.environ.get("CHORUS_LOG", "text")
if LOG_FORMAT not in {"text", "json"}:
    raise ImproperlyConfigured(f"CHORUS_LOG is {LOG_FORMAT!r}; it must be 'text' or 'json'.")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "text": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"},
        "json": {"()": "config.logs.JSONFormatter"},
    },
    "handlers": {"console": {"class": "config.logs.Handler", "formatter": LOG_FORMAT}},
    "root": {"handlers": ["console"], "level": "INFO"},
}
