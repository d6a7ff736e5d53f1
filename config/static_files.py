"""How static files are collected: compressed, and under names with a hash, also in a script's imports."""

from whitenoise.storage import CompressedManifestStaticFilesStorage

# `import … from "./a.js"`, `import "./a.js"` and `import("./a.js")`.
_IMPORT = r"""(?P<matched>(?P<before>\b(?:from|import)\b[\s(]*)["'](?P<url>\.[^"']*\.js)["'])"""


class StaticFilesStorage(CompressedManifestStaticFilesStorage):
    """What a module of `static/js` imports is named with its hash, so no two may import each other.

    Django's own `support_js_module_import_aggregation` reads the scripts of packages, too, and some of those
    import what is not among their files.
    """

    patterns = (
        *CompressedManifestStaticFilesStorage.patterns,
        ("js/*.js", ((_IMPORT, '%(before)s"%(url)s"'),)),
    )
