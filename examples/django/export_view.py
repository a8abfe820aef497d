"""A view that hands a queryset over to Spillway as NDJSON, row by row.

Spillway calls it as `spillway.yaml` here says: with the params in the query string, a shared secret in
X-Export-Secret and the run's id in Spillway-Run. When the person who downloads leaves, it closes the
connection, and the generator ends with GeneratorExit at its next row.
"""

import hmac
import json
import logging
import os
from itertools import islice

from django.http import HttpResponseForbidden, StreamingHttpResponse
from django.views.decorators.http import require_GET

from models import Audit

COLUMNS = {
    "id": "integer",
    "occurred_at": "datetime",
    "actor": "string",
    "amount": "decimal",
    "success": "boolean",
    "note": "string",
}


def ndjson(columns, rows):
    """The columns, the rows as arrays, and their number: without it, half a table would look whole."""
    count = 0
    try:
        yield json.dumps([{"name": name, "type": type} for name, type in columns.items()]) + "\n"
        rows = iter(rows)
        while batch := list(islice(rows, 256)):
            # str() keeps each digit of a Decimal and the microseconds of a datetime.
            yield "".join(json.dumps(row, default=str) + "\n" for row in batch)
            count += len(batch)
        yield f"{count}\n"
    finally:
        logging.getLogger("exports").info("handed over %d rows", count)


@require_GET
def audit(request):
    secret = request.headers.get("X-Export-Secret", "")
    if not hmac.compare_digest(secret.encode(), os.environ["EXPORT_SECRET"].encode()):
        return HttpResponseForbidden()
    rows = Audit.objects.filter(occurred_at__gte=request.GET["since"]).order_by("id")
    return StreamingHttpResponse(
        ndjson(COLUMNS, rows.values_list(*COLUMNS).iterator()),
        content_type="application/x-ndjson",
    )
