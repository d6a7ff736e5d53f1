"""Languages that people can choose to read, by their own names."""

from django.conf.locale import LANG_INFO
from django.utils.translation.trans_real import parse_accept_lang_header

from ..models.personal_settings import primary_language

# Django knows Chinese by its scripts only.
NAMES = {"zh": "中文"} | {
    code: str(info["name_local"])
    for code, info in LANG_INFO.items()
    if "-" not in code and "name_local" in info
}


def languages_of_browser(accept_language: str) -> list[str]:
    """The languages of an `Accept-Language` header, most preferred first, without regions."""
    tags = [tag for tag, _quality in parse_accept_lang_header(accept_language.lower())]
    codes = dict.fromkeys(primary_language(tag) for tag in tags)
    return [code for code in codes if code in NAMES]


def language_name(code: str) -> str:
    """The language's own name; its code if unknown."""
    name = NAMES.get(code, code)
    return name[:1].upper() + name[1:]
