"""Reads an exposition with Prometheus's own parser for Python, and checks what the parser does not."""

import json
import math
import re
import sys

from prometheus_client.parser import text_string_to_metric_families

types = {}
for family in text_string_to_metric_families(sys.stdin.read()):
    assert re.fullmatch(r"spillway_[a-z_]+", family.name), family.name
    assert family.name not in types, f"{family.name} stands twice"
    assert family.documentation, f"{family.name} has no help"
    types[family.name] = family.type
    seen = set()
    series = {}
    for sample in family.samples:
        key = (sample.name, tuple(sorted(sample.labels.items())))
        assert key not in seen, f"{key} stands twice"
        seen.add(key)
        # https://prometheus.io/docs/practices/naming
        assert sample.name.endswith("_total") == (family.type == "counter"), sample.name
        if family.type == "histogram":
            labels = {name: value for name, value in sample.labels.items() if name != "le"}
            one = series.setdefault(json.dumps(labels), {"buckets": []})
            if sample.name.endswith("_bucket"):
                one["buckets"].append((float(sample.labels["le"]), sample.value))
            else:
                one[sample.name.rsplit("_", 1)[1]] = sample.value
    for one in series.values():
        buckets = one["buckets"]
        assert buckets == sorted(buckets), "buckets are cumulative, and the smallest comes first"
        assert [count for _, count in buckets] == sorted(count for _, count in buckets)
        assert buckets[-1] == (math.inf, one["count"]), buckets[-1]
        assert one["sum"] >= 0
print(json.dumps(types))
