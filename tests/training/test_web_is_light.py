"""The web process serves every page without the libraries of the engine."""

import json
import subprocess
import sys

from django.conf import settings

HEAVY = ("torch", "transformers", "trl", "peft", "datasets", "accelerate", "codecarbon")
START = f"""
import json, sys
import config.wsgi
from django.urls import get_resolver
from django.urls.resolvers import URLPattern, URLResolver

def views(resolver):
    for entry in resolver.url_patterns:
        yield from views(entry) if isinstance(entry, URLResolver) else [entry.callback]

count = len(list(views(get_resolver())))
import training.services.sampling, training.services.schedules, training.services.versions.releases
print(json.dumps([count, [name for name in {HEAVY!r} if name in sys.modules]]))
"""


def test_a_fresh_web_process_loads_no_engine_library():
    done = subprocess.run(
        [sys.executable, "-c", START], cwd=settings.BASE_DIR, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    count, heavy = json.loads(done.stdout.splitlines()[-1])
    assert count > 20
    assert heavy == []
