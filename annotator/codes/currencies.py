"""Currencies by their codes in ISO 4217, and how many digits their amounts have after the point."""

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _


def _codes(text: str) -> frozenset[str]:
    return frozenset(text.split())


CODES = _codes("""
    AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD
    CDF CHF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD
    GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD
    KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO
    NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE
    SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VED VES VND
    VUV WST XAD XAF XCD XCG XOF XPF YER ZAR ZMW ZWG
""")
_WITHOUT_PARTS = _codes("BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF")
_OF_A_THOUSAND_PARTS = _codes("BHD IQD JOD KWD LYD OMR TND")


def digits_of(code: str) -> int:
    if code in _WITHOUT_PARTS:
        return 0
    return 3 if code in _OF_A_THOUSAND_PARTS else 2


def check_currency(code: str) -> None:
    """Raise ValidationError for what is no currency's code."""
    if code not in CODES:
        raise ValidationError(_("Write the currency's code of three letters, such as EUR, KES or USD."))
