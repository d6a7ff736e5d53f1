"""The languages that people may say they read, by their own names."""

from django.conf.locale import LANG_INFO

# Django knows Chinese by its scripts only.
NAMES = {"zh": "中文"} | {
    code: str(info["name_local"])
    for code, info in LANG_INFO.items()
    if "-" not in code and "name_local" in info
}


def language_name(code: str) -> str:
    """The language's name in itself; of one that nobody here knows, its code."""
    name = NAMES.get(code, code)
    return name[:1].upper() + name[1:]
