"""The table that the example exports."""

from django.db import models


class Audit(models.Model):
    occurred_at = models.DateTimeField()
    actor = models.TextField()
    amount = models.DecimalField(max_digits=20, decimal_places=2)
    success = models.BooleanField()
    note = models.TextField(null=True)

    class Meta:
        app_label = "audit"
        db_table = "audit"
