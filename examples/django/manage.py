"""A project around the view, as small as Django takes it.

DATABASE=app.db EXPORT_SECRET=… python3 manage.py runserver 8001
"""

import os
import sys

import django
from django.conf import settings
from django.core.management import execute_from_command_line
from django.urls import path

settings.configure(
    ALLOWED_HOSTS=["127.0.0.1", "localhost"],
    DATABASES={
        "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": os.environ["DATABASE"]}
    },
    LOGGING={
        "version": 1,
        "handlers": {"console": {"class": "logging.StreamHandler"}},
        "loggers": {"exports": {"handlers": ["console"], "level": "INFO"}},
    },
    ROOT_URLCONF=__name__,
    SECRET_KEY=os.urandom(32),
    USE_TZ=True,
)
django.setup()

from export_view import audit  # noqa: E402  It has a model, which takes the settings.

urlpatterns = [path("exports/audit", audit)]

if __name__ == "__main__":
    execute_from_command_line(sys.argv)
