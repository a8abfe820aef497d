"""What a team has otherwise: Django, which streams CSV and has openpyxl write workbooks into temporary files."""

import csv
import os
import tempfile

import django
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.db import connection
from django.http import FileResponse, HttpResponse, StreamingHttpResponse
from django.urls import path
from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell

settings.configure(
    ALLOWED_HOSTS=["*"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": os.environ["DATABASE"]}},
    ROOT_URLCONF=__name__,
    SECRET_KEY="of a benchmark",
)
django.setup()

TITLES = os.environ["TITLES"].split(",")
# Indices of the columns that are dates, and numbers, in a workbook.
DATETIMES = [int(index) for index in os.environ["DATETIMES"].split(",")]
DECIMALS = [int(index) for index in os.environ["DECIMALS"].split(",")]


def read_rows(count):
    with connection.cursor() as cursor:
        cursor.execute(os.environ["QUERY"], [int(count)])
        while rows := cursor.fetchmany(256):
            yield from rows


class Echo:
    """Gives back what is written: Django's own recipe for streaming CSV."""

    def write(self, text):
        return text


def export_csv(request):
    writer = csv.writer(Echo())

    def lines():
        yield writer.writerow(TITLES)
        for row in read_rows(request.GET["rows"]):
            yield writer.writerow(row)

    return StreamingHttpResponse(lines(), content_type="text/csv")


def export_xlsx(request):
    workbook = Workbook(write_only=True)
    sheet = workbook.create_sheet("Audit log")
    sheet.append(TITLES)
    for row in read_rows(request.GET["rows"]):
        cells = list(row)
        for index in DATETIMES:
            cell = WriteOnlyCell(sheet, cells[index])
            cell.number_format = "yyyy-mm-dd hh:mm:ss"
            cells[index] = cell
        for index in DECIMALS:
            cells[index] = None if cells[index] is None else float(cells[index])
        sheet.append(cells)
    file = tempfile.TemporaryFile()
    workbook.save(file)
    file.seek(0)
    return FileResponse(file, as_attachment=True, filename="audit.xlsx")


urlpatterns = [
    path("audit.csv", export_csv),
    path("audit.xlsx", export_xlsx),
    path("healthz", lambda request: HttpResponse("ok")),
]
application = get_wsgi_application()
