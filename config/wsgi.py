"""The WSGI application that the web server serves."""

import os

from django.core.wsgi import get_wsgi_application

from annotator.data_folder import use_data_folder

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

use_data_folder()
application = get_wsgi_application()
