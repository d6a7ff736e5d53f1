"""`deploy/nginx.conf` in front of a site, on this machine's ports and in a folder of its own."""

import getpass
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.serving import ROOT, free_port, wait_for

from .site import Site
from .visitors import opens

HOST = "chorus.example"


@contextmanager
def behind_nginx(site: Site, folder: Path) -> Iterator[int]:
    """The port at which nginx serves the site over TLS; the file itself is checked by `nginx -t` first."""
    (folder / "cache").mkdir()
    certificate, key = make_certificate(folder)
    plain, tls = free_port(), free_port()
    text = (ROOT / "deploy/nginx.conf").read_text()
    for there, here in {
        "user www-data;": f"user {getpass.getuser()};",  # the folders are this user's alone
        "/etc/letsencrypt/live/chorus.example/fullchain.pem": certificate,
        "/etc/letsencrypt/live/chorus.example/privkey.pem": key,
        "/run/nginx.pid": folder / "nginx.pid",
        "/var/log/nginx": folder,
        "/var/lib/nginx": folder / "cache",
        "/var/lib/chorus": site.folder,
        "127.0.0.1:8000": f"127.0.0.1:{site.port}",
        "listen 80 ": f"listen 127.0.0.1:{plain} ",
        "listen 443 ": f"listen 127.0.0.1:{tls} ",
    }.items():
        assert there in text
        text = text.replace(there, str(here))
    kept = [line for line in text.splitlines() if "[::]" not in line]
    (folder / "nginx.conf").write_text("\n".join(kept) + "\n")
    command = ["nginx", "-c", str(folder / "nginx.conf"), "-e", str(folder / "error.log")]
    subprocess.run([*command, "-t"], check=True)
    running = subprocess.Popen([*command, "-g", "daemon off;"])
    try:
        wait_for(lambda: opens(tls, "/account/login/", 5, host=HOST, tls=True), 20)
        yield tls
    finally:
        running.terminate()
        running.wait()


def make_certificate(folder: Path) -> tuple[Path, Path]:
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "2",
        "-subj",
        f"/CN={HOST}",
    ]
    subprocess.run([*command, "-out", certificate, "-keyout", key], check=True, capture_output=True)
    return certificate, key
