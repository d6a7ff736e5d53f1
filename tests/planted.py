"""Five hundred made-up identifiers of ten kinds, as people write them in several countries."""

import random
from collections.abc import Callable

SEED = 17
OF_EACH_KIND = 50

SENTENCES = (
    "My details are {}, please answer soon.",
    "Can you tell me why the sea is rising? {}",
    "¿Por qué sube el mar? Soy de aquí: {}. Gracias.",
    "Pourquoi la mer monte-t-elle ? Voici : {} ; merci.",
    "لماذا يرتفع البحر؟ هذا هو: {} شكرا.",
    "Warum steigt das Meer?\n{}\nDanke!",
    "({})",
    "I wrote it down as “{}” yesterday.",
)
FIRST = ("amina", "jose.luis", "marie-claire", "Tomás", "fatma_92", "o'neil", "müller", "li.wei")
DOMAINS = ("example.org", "mail.example.co.uk", "ejemplo.es", "exemple.fr", "beispiel.de", "mäil.example")


def planted() -> list[tuple[str, str, str]]:
    """(kind, identifier, sentence that has it), the same ones each time."""
    chance = random.Random(SEED)
    made = []
    for kind, make in KINDS.items():
        for number in range(OF_EACH_KIND):
            identifier = make(chance)
            made.append((kind, identifier, SENTENCES[number % len(SENTENCES)].format(identifier)))
    return made


def _filled(chance: random.Random, *shapes: str) -> str:
    """One of the shapes with a digit for each 0 and a capital for each A; other characters stay."""
    shape = chance.choice(shapes)
    return "".join(
        str(chance.randint(1, 9)) if one == "0" else chance.choice("BCDFGHJK") if one == "A" else one
        for one in shape
    )


def _email(chance: random.Random) -> str:
    sign = chance.choice(("@", "@", "@", " [at] ", "(at)", "＠"))
    return f"{chance.choice(FIRST)}{chance.randint(1, 99)}{sign}{chance.choice(DOMAINS)}"


def _phone(chance: random.Random) -> str:
    return _filled(
        chance,
        "+44 7911 12340" + "0",
        "(212) 555-0100".replace("0100", "2300"),
        "212-736-5000".replace("5000", "5100"),
        "+34 612 34 50 00",
        "612 34 50 00",
        "+33 6 12 34 50 00",
        "06 12 34 50 00",
        "06.12.34.50.00",
        "+49 30 1234500",
        "030 1234500",
        "01512 3450000",
        "+20 100 123 4500",
        "0100 123 4500",
        "٠١٠٠١٢٣٤٥٦٧",
        "+91 98765 43200",
        "+254 712 345 600",
        "0044 7911 123400",
        "+52 55 1234 5600",
    )


def _iban(chance: random.Random) -> str:
    return _filled(
        chance,
        "DE00 0000 0000 0000 0000 00",
        "DE00000000000000000000",
        "FR00 0000 0000 0000 0000 0000 000",
        "ES00 0000 0000 0000 0000 0000",
        "GB00 AAAA 0000 0000 0000 00",
        "SA00 0000 0000 0000 0000 0000",
        "EG000000000000000000000000000",
        "IT00A0000000000000000000000"[:27],
    )


def _card(chance: random.Random) -> str:
    return _filled(
        chance,
        "4000 0000 0000 0000",
        "5100-0000-0000-0000",
        "4000000000000000",
        "3400 000000 00000",
        "62000000000000000",
    )


def _ip(chance: random.Random) -> str:
    four = ".".join(str(chance.randint(1, 254)) for _ in range(4))
    six = ":".join(f"{chance.randint(4096, 65535):x}" for _ in range(8))
    short = f"2001:db8::{chance.randint(4096, 65535):x}:{chance.randint(16, 4095):x}"
    return chance.choice((four, six, short))


def _identity(chance: random.Random) -> str:
    return _filled(
        chance,
        "000-00-0000",
        "000.000.000-00",
        "00000000A",
        "00000000-A",
        "X0000000A",
        "1 85 05 78 006 084 36",
        "00 000 000 000",
        "0000 0000 0000",
        "AA 00 00 00 A",
        "AA000000",
        "A00000000",
        "20001010000000",
        "00AA00000",
    )


def _birth(chance: random.Random) -> str:
    day, month, year = chance.randint(10, 28), chance.randint(1, 12), chance.randint(1950, 2015)
    return chance.choice(
        (
            f"born on {day}/{month}/{year}",
            f"I was born {day} March {year}",
            f"date of birth: {year}-{month:02}-{day}",
            f"nací el {day} de marzo de {year}",
            f"fecha de nacimiento: {day}-{month:02}-{year}",
            f"née le {day} février {year}",
            f"date de naissance : {day}.{month:02}.{year}",
            f"geboren am {day}.{month}.{year}",
            f"ولدت في {day}/{month}/{year}",
            f"من مواليد {day} مارس {year}",
            f"my birthday is March {day}, {year}",
        )
    )


def _address(chance: random.Random) -> str:
    number = chance.randint(11, 299)
    return chance.choice(
        (
            f"{number} Maple Street",
            f"{number} Old Mill Road, 90210 Springfield",
            f"{number} St. John's Ave",
            f"{number}, rue de la République, 75011 Paris",
            f"{number} bis avenue Victor Hugo",
            f"Calle Mayor {number}, 28013 Madrid",
            f"Avenida de la Constitución, n.º {number}",
            f"Hauptstraße {number}, 10115 Berlin",
            f"Lindenweg {number}a",
            f"{number} شارع التحرير",
            f"شارع الملك فهد، رقم {number}",
            f"Rua das Flores, {number}",
        )
    )


def _profile(chance: random.Random) -> str:
    name = f"{chance.choice(('amina', 'jose', 'marie'))}_{chance.randint(100, 999)}"
    return chance.choice(
        (
            f"@{name}",
            f"https://www.instagram.com/{name}",
            f"facebook.com/{name}",
            f"t.me/{name}",
            f"linkedin.com/in/{name}",
        )
    )


def _coordinates(chance: random.Random) -> str:
    north, east = chance.uniform(10, 60), chance.uniform(10, 120)
    minutes = chance.randint(10, 59)
    return chance.choice(
        (
            f"{north:.5f}, {east:.5f}",
            f"-{north:.4f},{east:.4f}",
            f"{north:.4f}° N, {east:.4f}° E",
            f"{int(north)}°{minutes}'{minutes}\"N {int(east)}°{minutes}'{minutes}\"E",
        )
    )


KINDS: dict[str, Callable[[random.Random], str]] = {
    "email": _email,
    "phone": _phone,
    "iban": _iban,
    "card": _card,
    "ip": _ip,
    "identity number": _identity,
    "birth date": _birth,
    "address": _address,
    "profile": _profile,
    "coordinates": _coordinates,
}
