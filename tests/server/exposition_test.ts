import assert from "node:assert/strict";
import { createCounter, createHistogram, expositionText } from "../../server/exposition.ts";

Deno.test("numbers are written as Prometheus reads them", () => {
  const runs = createCounter();
  runs.add({ export: "audit-log", state: "complete" });
  runs.add({ export: "audit-log", state: "complete" });
  runs.add({ export: "audit-log", state: "failed" }, 3);
  const text = expositionText([
    { name: "runs_total", help: "Runs that have ended", type: "counter", samples: runs.samples() },
    { name: "free_bytes", help: "Room", type: "gauge", samples: [{ labels: {}, value: 1e21 }] },
    { name: "nothing", help: "Left out", type: "gauge", samples: [] },
  ]);
  assert.equal(
    text,
    `\
# HELP runs_total Runs that have ended
# TYPE runs_total counter
runs_total{export="audit-log",state="complete"} 2
runs_total{export="audit-log",state="failed"} 3
# HELP free_bytes Room
# TYPE free_bytes gauge
free_bytes 1e+21
`,
  );
});

Deno.test("a histogram counts what is at most as large as each bound, and sums up", () => {
  const seconds = createHistogram([0.5, 1]);
  seconds.observe({ export: "a" }, 0.5);
  seconds.observe({ export: "a" }, 0.75);
  seconds.observe({ export: "b" }, 2);
  const text = expositionText([
    { name: "took_seconds", help: "Time", type: "histogram", samples: seconds.samples() },
  ]);
  assert.equal(
    text,
    `\
# HELP took_seconds Time
# TYPE took_seconds histogram
took_seconds_bucket{export="a",le="0.5"} 1
took_seconds_bucket{export="a",le="1"} 2
took_seconds_bucket{export="a",le="+Inf"} 2
took_seconds_sum{export="a"} 1.25
took_seconds_count{export="a"} 2
took_seconds_bucket{export="b",le="0.5"} 0
took_seconds_bucket{export="b",le="1"} 0
took_seconds_bucket{export="b",le="+Inf"} 1
took_seconds_sum{export="b"} 2
took_seconds_count{export="b"} 1
`,
  );
});

Deno.test("what would end a line or a label is escaped", () => {
  const text = expositionText([{
    name: "odd",
    help: "a\\b\nc",
    type: "gauge",
    samples: [{ labels: { name: 'x"\\\n' }, value: 0 }],
  }]);
  assert.equal(
    text,
    '# HELP odd a\\\\b\\nc\n# TYPE odd gauge\nodd{name="x\\"\\\\\\n"} 0\n',
  );
});
