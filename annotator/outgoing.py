"""Sending something to an address that a person entered, without reaching what only this machine can reach.

The name is looked up once, every address that it has is checked, and the connection goes to one of those that
were checked: a name that changes its address in between changes nothing. No redirect is followed, no proxy of
the environment is used, and of the response only the status is read.
"""

import http.client
import socket
import ssl
import time
from collections.abc import Mapping
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import SplitResult, urlsplit

Address = IPv4Address | IPv6Address
HIDDEN = [
    ip_network(each)
    for each in (
        # What a gateway translates to IPv4 may be private there.
        "64:ff9b::/96",
        "64:ff9b:1::/48",
        "2002::/16",
        "2001::/32",
        "192.88.99.0/24",
        # Site-local, of old.
        "fec0::/10",
        # Clouds tell secrets of the machine at these.
        "192.0.0.0/24",
        "168.63.129.16/32",
    )
]


class RefusedAddressError(Exception):
    """The address is none that anything is sent to."""


def check_address(address: str, *, allows_private: bool) -> SplitResult:
    """The parts of the address; raises RefusedAddressError for what can be refused before a look-up."""
    try:
        url = urlsplit(address)
        port = url.port
    except ValueError as error:
        raise RefusedAddressError("This is no address.") from error
    schemes = {"https", "http"} if allows_private else {"https"}
    if url.scheme not in schemes or not url.hostname or url.username is not None or port == 0:
        raise RefusedAddressError("This is no https address.")
    try:
        literal = ip_address(url.hostname)
    except ValueError:
        return url
    if not (allows_private or is_public(literal)):
        raise RefusedAddressError("This is an address inside a network.")
    return url


def is_public(address: Address) -> bool:
    """Whether it is somewhere in the internet: not loopback, private, link-local, multicast or reserved."""
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    hidden = any(address in network for network in HIDDEN)
    return address.is_global and not (address.is_multicast or address.is_reserved or hidden)


def resolve(host: str, port: int, *, allows_private: bool) -> list[str]:
    """The addresses of a host; raises RefusedAddressError if any of them is not public."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = list(dict.fromkeys(str(each[4][0]) for each in found))
    if not allows_private and not all(is_public(ip_address(each)) for each in addresses):
        raise RefusedAddressError("This is the name of an address inside a network.")
    return addresses


def post(
    address: str, body: bytes, headers: Mapping[str, str], *, seconds: float, allows_private: bool = False
) -> int:
    """POST and return the response's status; raises RefusedAddressError, OSError or HTTPException."""
    url = check_address(address, allows_private=allows_private)
    host, ends = url.hostname or "", time.monotonic() + seconds
    port = url.port or (443 if url.scheme == "https" else 80)
    connection = http.client.HTTPConnection(host, port, timeout=seconds)
    connection.auto_open = 0  # or it would look the name up again
    try:
        checked = resolve(host, port, allows_private=allows_private)
        connection.sock = _connect(checked, port, host if url.scheme == "https" else "", ends)
        path = (url.path or "/") + (f"?{url.query}" if url.query else "")
        connection.request("POST", path, body, {"Host": url.netloc} | dict(headers))
        connection.sock.settimeout(max(0.1, ends - time.monotonic()))
        return connection.getresponse().status
    except OSError:  # a wrong certificate is a ValueError, too
        raise
    except (ValueError, http.client.InvalidURL) as error:
        raise RefusedAddressError("This is no address.") from error
    finally:
        connection.close()


def _connect(addresses: list[str], port: int, tls_host: str, ends: float) -> socket.socket:
    """A connection to the first of the addresses that answers, with TLS if it is for a host's name."""
    error: OSError = TimeoutError()
    for address in addresses:
        left = ends - time.monotonic()
        if left <= 0:
            break
        try:
            made = socket.create_connection((address, port), timeout=left)
            if not tls_host:
                return made
            try:
                return ssl.create_default_context().wrap_socket(made, server_hostname=tls_host)
            except BaseException:
                made.close()
                raise
        except OSError as failed:
            error = failed
    raise error
