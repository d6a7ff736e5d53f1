"""Finding what identifies a person in a text: ten kinds, in the formats of several countries.

Phone numbers are found by `phonenumbers`, other kinds by the patterns here, and what is left of long numbers
by their length. Rather too much is hidden than too little. Names of people are not found.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from phonenumbers import Leniency, PhoneNumberMatcher

REGIONS = (
    *("US", "GB", "AU", "IN", "NG", "KE", "ZA"),
    *("ES", "MX", "AR", "CO", "CL", "PE"),
    *("FR", "BE", "CH", "SN", "CI"),
    *("EG", "SA", "AE", "DZ", "MA", "TN", "JO"),
    *("DE", "NL", "IT", "PT", "BR"),
)
"""Where a phone number without a country's code may be from; one with its code is from anywhere."""

_LETTER = r"[^\W\d_]"
_MONTH = (
    r"(?:jan|feb|f[ée]v|mar|m[äa]rz|apr|abr|avr|may|mai|maio|jun|juin|jul|juil|aug|ago|ao[uû]|sep|set|oct|okt|out|nov|"
    r"dec|d[ée]c|dic|dez|ene|يناير|فبراير|مارس|أبريل|مايو|يونيو|يوليو|أغسطس|سبتمبر|أكتوبر|نوفمبر|ديسمبر)\w{0,9}\.?"
)
_DATE = (
    r"(?:\d{1,4}\s?[-/.]\s?\d{1,2}\s?[-/.]\s?\d{1,4}"
    rf"|\d{{1,2}}(?:st|nd|rd|th|er|\.)?\s(?:de\s|of\s)?{_MONTH},?\s(?:del?\s)?\d{{4}}"
    rf"|{_MONTH}\s\d{{1,2}}(?:st|nd|rd|th)?,?\s\d{{4}})"
)
_BORN = (
    r"\b(?:born|birth(?:day|date)?|dob|n[ée]e?|naissance|nac[ií]|nació|nacid[oa]|nacimiento|geboren|geburtsdatum|"
    r"nascid[oa]|nasci|nascimento|(?:و?تاريخ\s)?(?:ال)?ميلاد\w{0,3}|مواليد|ولد\w{0,3})\b"
)
_NAME = rf"{_LETTER}[\w’'.-]{{0,29}}"
_TOWN = rf"(?:,?\s\d{{4,6}}(?:\s{_LETTER}[\w-]{{1,29}})?)?"
_STREETS = (
    rf"\d{{1,5}}[a-z]?,?\s(?:{_NAME}\s){{1,4}}?(?:street|st|avenue|ave|road|rd|lane|ln|boulevard|blvd|crescent|"
    rf"terrace|(?-i:Drive|Dr|Court|Close))\b\.?{_TOWN}",
    rf"\d{{1,4}}(?:\s?(?:bis|ter))?,?\s(?:rue|avenue|boulevard|bd|place|chemin|impasse|all[ée]e|quai|cours)"
    rf"(?:\s(?:des?|du|la|les?|l[’'])){{0,2}}(?:\s?{_NAME}){{1,3}}{_TOWN}",
    rf"\b(?:calle|c/|avenida|avda?\.?|paseo|plaza|carrera|camino|rua|travessa|via|viale|piazza)\s(?:{_NAME},?\s){{1,5}}?"
    rf"(?:n[.º°o]{{1,3}}\s?|#\s?)?\d{{1,5}}(?:\s?[-–]\s?\d{{1,4}})?{_TOWN}",
    rf"\b{_LETTER}[\w-]{{0,40}}(?:stra(?:ß|ss)e|str\.|weg|allee|platz|gasse|straat|laan)\s\d{{1,4}}[a-z]?\b{_TOWN}",
    r"\d{1,5}\s(?:شارع|طريق|حي)(?:\s\w{1,20}){1,3}|(?:شارع|طريق|حي)(?:\s\w{1,20}){1,3}،?\s(?:رقم\s)?\d{1,5}",
)
_PATTERNS = {
    "email": (
        r"(?<![\w.%+-])[\w.%+'-]{1,64}@(?:[\w-]{1,63}\.){1,4}[^\W\d_]{2,24}",
        r"(?<![\w.%+-])[\w.%+'-]{1,64}\s?[\[({]\s?(?:at|arroba|arobase|ät)\s?[\])}]\s?[\w-]{1,63}"
        r"(?:\s?(?:[\[({]\s?(?:dot|punto|point|punkt)\s?[\])}]|\.)\s?[\w-]{2,63}){1,3}",
    ),
    "profile": (
        r"(?<![\w.-])(?:https?://)?(?:www\.|m\.)?(?:instagram|facebook|linkedin|twitter|tiktok|github|x|t|wa|vk)"
        r"\.(?:com|me)/(?:in/|u/)?[@\w.%-]{2,60}",
        r"(?<![\w@/.])@[^\W\d][\w.]{2,29}",
    ),
    "iban": (r"\b[A-Z]{2}\d{2}(?:[ -]?[A-Z0-9]{4}){2,7}(?:[ -]?[A-Z0-9]{1,3})?\b",),
    "ip": (
        r"(?<![\w:])(?:[0-9a-f]{2}[:-]){5}[0-9a-f]{2}(?![\w:])",
        r"(?<![\w.])(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)(?!\w|\.\d)",
        r"(?<![\w:])(?:(?:[0-9a-f]{1,4}:){7}[0-9a-f]{1,4}|(?:[0-9a-f]{1,4}:){1,6}(?::[0-9a-f]{1,4}){1,6})(?![\w:])",
    ),
    "coordinates": (
        r"(?<![\w.])[-+]?\d{1,3}\.\d{4,8}\s?°?\s?[NS]?\s?[,;/ ]\s?[-+]?\d{1,3}\.\d{4,8}(?:\s?°?\s?[EWO]\b)?",
        r"\d{1,3}\s?°\s?\d{1,2}\s?[′'](?:\s?[\d.]{1,7}\s?[″\"])?\s?[NSEWO](?:[\s,;]{1,3}"
        r"\d{1,3}\s?°\s?\d{1,2}\s?[′'](?:\s?[\d.]{1,7}\s?[″\"])?\s?[NSEWO])?",
    ),
    "birth date": (rf"{_BORN}[^\d\n]{{0,40}}?(?P<value>{_DATE})",),
    "address": _STREETS,
    "card": (
        r"(?<![\w.])(?:\d{4}[ -]?){3}\d{1,7}(?!\w)",
        r"(?<![\w.])3\d{3}[ -]?\d{6}[ -]?\d{4,5}(?!\w)",
    ),
    "identity number": (
        r"\b(?=(?:[A-Za-z]{0,40}\d){4})(?=\d{0,40}[A-Za-z])[A-Za-z\d]{10,40}\b",
        r"(?<![\w.,])\d{2}\.\d{3}\.\d{3}/\d{4}-\d{2}(?!\w)",
        r"\b(?:\d{8}[ -]?[A-Z]|[XYZ][ -]?\d{7}[ -]?[A-Z])\b",
        r"\b[A-Z]{2}(?:\s?\d{2}){3}\s?[A-Z]\b|\b[A-Z]{6}\d{2}[A-Z]\d{2}[A-Z]\d{3}[A-Z]\b",
        r"\b(?:[A-Z]{1,3}\d{6,9}|\d{2}[A-Z]{2}\d{5}|[CFGHJK][0-9CFGHJKLMNPRTVWXYZ]{8})\b(?<=\d)",
        r"(?<![\w.,])(?:\d{3}-\d{2}-\d{4}|\d{3}\.\d{3}\.\d{3}-\d{2}|[12]\s\d{2}\s[01]\d(?:\s\d{2,3}){3}(?:\s\d{2})?)(?!\w)",
    ),
}
# Codes are written in capitals; elsewhere a letter's case tells nothing.
_CASED = {"iban", "identity number"}
_COMPILED = [
    (kind, re.compile(pattern, 0 if kind in _CASED else re.IGNORECASE))
    for kind, patterns in _PATTERNS.items()
    for pattern in patterns
]
# Neither a decimal fraction nor an amount below ten thousand million in groups of three.
_LONG = re.compile(
    r"(?<![\w.,])(?!\d{1,4}\.\d+(?![.\d]|[ /-]\d))"
    r"(?!(?:\d{1,3}(?:[ .’']\d{3}){1,2}|\d(?:[ .’']\d{3}){3})(?![\w -]*\d))"
    r"\+?\d(?:[ ./-]?\d){8,18}(?!\w|[.,]\d)"
)
_YEARS = re.compile(r"(?:1[0-9]|20)\d\d\s?[-/]\s?(?:1[0-9]|20)\d\d")
_DIGITS = re.compile(r"\d(?:[^\w\n]{0,3}\d){5,}")
MOST_DIGITS = 1000
"""Characters of runs of digits that are looked at region by region; a text of more numbers than that loses
them all."""


class Identifier(NamedTuple):
    """Where it is in the text, in characters, and of which kind."""

    start: int
    end: int
    kind: str


def find_identifiers(text: str) -> list[Identifier]:
    """The identifiers in a text, in order and apart: those that overlap are one, of the first one's kind."""
    folded = _fold(text)
    found: list[Identifier] = []
    for one in sorted((*_matches(folded), *_phones(folded), *_long_numbers(folded)), key=_place):
        if found and one.start < found[-1].end:
            found[-1] = found[-1]._replace(end=max(one.end, found[-1].end))
        else:
            found.append(one)
    return found


def hide_identifiers(text: str) -> tuple[str, Counter[str]]:
    """The text with each identifier replaced by its kind in brackets, and the number of each kind."""
    found = find_identifiers(text)
    for one in reversed(found):
        text = f"{text[: one.start]}[{one.kind}]{text[one.end :]}"
    return text, Counter(one.kind for one in found)


def _place(one: Identifier) -> tuple[int, bool]:
    """Where it begins; a kind that was recognised goes before what is only a long number."""
    return one.start, one.kind == "number"


def _matches(text: str) -> Iterator[Identifier]:
    for kind, pattern in _COMPILED:
        for match in pattern.finditer(text):
            group = "value" if "value" in pattern.groupindex else 0
            yield Identifier(match.start(group), match.end(group), kind)


def _phones(text: str) -> Iterator[Identifier]:
    """Numbers that are possible with a country's code or valid in one of the regions."""
    runs = [match.span() for match in _DIGITS.finditer(text)]
    if sum(end - start for start, end in runs) > MOST_DIGITS:
        yield from (Identifier(start, end, "number") for start, end in runs)
        return
    for region in (None, *REGIONS) if runs else ():
        leniency = Leniency.POSSIBLE if region is None else Leniency.VALID
        for match in PhoneNumberMatcher(text, region, leniency=leniency):
            if not _YEARS.fullmatch(match.raw_string):
                yield Identifier(match.start, match.end, "phone")


def _long_numbers(text: str) -> Iterator[Identifier]:
    for match in _LONG.finditer(text):
        yield Identifier(match.start(), match.end(), "number")


def _fold(text: str) -> str:
    """The text, as long as it was, with digits and signs of any script and width in ASCII."""
    return "".join(one if one.isascii() else _fold_character(one) for one in text)


def _fold_character(one: str) -> str:
    digit = unicodedata.digit(one, None)
    if digit is not None and one.isdecimal():
        return str(digit)
    plain = unicodedata.normalize("NFKC", one)
    if len(plain) == 1 and plain.isascii():
        return plain
    return "-" if unicodedata.category(one) == "Pd" else one
