import assert from "node:assert/strict";
import { createCounter, expositionText } from "../../server/exposition.ts";

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
