"""Serves the site: `python -m config.server --port 8000`."""

import argparse
import gc
import logging
import resource
import socket

from django.urls import get_resolver

from config.server.connections import FILES_OF_ONE, MOST, Server
from config.server.processes import keep_serving
from config.wsgi import application


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--host", default="127.0.0.1", help="address to listen at")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--threads", type=int, default=4, help="pages at once, in a process")
    options = parser.parse_args()

    # A request that waits for a thread is nothing to tell of.
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    raise_limit_of_files()
    # Loaded once, shared by all processes.
    _ = get_resolver().url_patterns
    gc.freeze()
    family = socket.AF_INET6 if ":" in options.host else socket.AF_INET
    with socket.create_server((options.host, options.port), family=family) as listening:
        keep_serving(lambda: Server(application, listening.dup(), options.threads).run(), options.processes)


def raise_limit_of_files() -> None:
    """As many as the most connections need, or as the system allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST * FILES_OF_ONE
    if soft < wanted:
        resource.setrlimit(
            resource.RLIMIT_NOFILE, (wanted if hard == resource.RLIM_INFINITY else min(wanted, hard), hard)
        )


if __name__ == "__main__":
    main()
