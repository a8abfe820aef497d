import assert from "node:assert/strict";
import { formatTraceParent, parseTraceParent } from "../../routes/traceparent.ts";

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN = "00f067aa0ba902b7";

Deno.test("a valid traceparent is read and written again", () => {
  for (
    const [text, traceFlags, again] of [
      [`00-${TRACE}-${SPAN}-01`, 1, `00-${TRACE}-${SPAN}-01`],
      [`00-${TRACE}-${SPAN}-00`, 0, `00-${TRACE}-${SPAN}-00`],
      [`00-${TRACE}-${SPAN}-ff`, 255, `00-${TRACE}-${SPAN}-ff`],
      // A later version may say more, which is not passed on.
      [`cc-${TRACE}-${SPAN}-01`, 1, `00-${TRACE}-${SPAN}-01`],
      [`cc-${TRACE}-${SPAN}-03-what comes`, 3, `00-${TRACE}-${SPAN}-03`],
    ] as const
  ) {
    const parent = parseTraceParent(text);
    assert.deepEqual(parent, { traceId: TRACE, spanId: SPAN, traceFlags });
    assert.equal(formatTraceParent(parent!), again);
  }
});

Deno.test("one that is not valid is as good as none", () => {
  for (
    const text of [
      null,
      undefined,
      "",
      "00",
      `ff-${TRACE}-${SPAN}-01`,
      `0-${TRACE}-${SPAN}-01`,
      `00-${TRACE}-${SPAN}`,
      `00-${TRACE}-${SPAN}-1`,
      `00-${TRACE}-${SPAN}-01-more`,
      `cc-${TRACE}-${SPAN}-01more`,
      `00-${TRACE.toUpperCase()}-${SPAN}-01`,
      `00-${TRACE.slice(1)}-${SPAN}-01`,
      `00-${TRACE}-${SPAN}0-01`,
      `00-${"0".repeat(32)}-${SPAN}-01`,
      `00-${TRACE}-${"0".repeat(16)}-01`,
      `00-${TRACE}-${SPAN}-0g`,
      ` 00-${TRACE}-${SPAN}-01`,
      `00-${TRACE}-${SPAN}-01\n`,
      // Two headers.
      `00-${TRACE}-${SPAN}-01, 00-${TRACE}-${SPAN}-01`,
    ]
  ) {
    assert.equal(parseTraceParent(text), undefined, String(text));
  }
});
