"""How static files are collected: compressed, and under names with a hash, also in a script's imports."""

from django.contrib.staticfiles.storage import HashedFilesMixin
from whitenoise.storage import CompressedManifestStaticFilesStorage


class StaticFilesStorage(CompressedManifestStaticFilesStorage):
    """What a module of `static/js` imports is named with its hash.

    Only there: some packages bring scripts whose imports lead outside their static files.
    No two modules may import each other.
    """

    support_js_module_import_aggregation = True
    _js_module_import_aggregation_patterns = (
        "js/*.js",
        HashedFilesMixin._js_module_import_aggregation_patterns[1],
    )
