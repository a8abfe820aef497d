/** Moments in the zone of the session, moved to UTC. */

import assert from "node:assert/strict";
import { isUtc, moveToUtc, readInstant, SLACK_BYTES } from "../../../sources/postgres/instants.ts";

/** What a session sends, and what one in UTC would have sent. */
const MOMENTS: Readonly<Record<string, string>> = {
  "2026-01-01 00:00:00-05": "2026-01-01 05:00:00+00",
  "2026-01-01 00:00:00.123456+09": "2025-12-31 15:00:00.123456+00",
  "2025-12-31 19:00:00-05": "2026-01-01 00:00:00+00",
  "2025-12-31 23:59:59.5-05": "2026-01-01 04:59:59.5+00",
  "2026-03-01 05:29:59+05:30": "2026-02-28 23:59:59+00",
  "2024-03-01 05:29:59+05:30": "2024-02-29 23:59:59+00",
  "2026-07-01 12:00:00+05:45": "2026-07-01 06:15:00+00",
  "2026-07-01 12:00:00-03:30": "2026-07-01 15:30:00+00",
  "2026-07-01 12:00:00-00:45": "2026-07-01 12:45:00+00",
  "2026-01-01 00:00:00+14": "2025-12-31 10:00:00+00",
  "1883-11-18 12:03:57-04:56:02": "1883-11-18 16:59:59+00",
  "1890-01-01 00:00:00+08:27:52": "1889-12-31 15:32:08+00",
  "9999-12-31 20:00:00-05": "10000-01-01 01:00:00+00",
  "10000-01-01 01:00:00+05": "9999-12-31 20:00:00+00",
  "9999-12-31 19:00:00-04:30": "9999-12-31 23:30:00+00",
  "0100-01-01 00:00:00+01": "0099-12-31 23:00:00+00",
  "0099-12-31 23:00:00-01": "0100-01-01 00:00:00+00",
  "0001-01-01 00:00:00+00:30": "0001-12-31 23:30:00+00 BC",
  "0001-12-31 23:30:00-00:30 BC": "0001-01-01 00:00:00+00",
  "0044-03-15 08:27:52+08:27:52 BC": "0044-03-15 00:00:00+00 BC",
  "294276-12-31 18:59:59.999999-05": "294276-12-31 23:59:59.999999+00",
  "2026-01-01 00:00:00+00": "2026-01-01 00:00:00+00",
  "infinity": "infinity",
  "-infinity": "-infinity",
};

Deno.test("a moment is moved by its digits, over days, years and eras", () => {
  const encoder = new TextEncoder();
  const decoder = new TextDecoder();
  for (const [sent, utc] of Object.entries(MOMENTS)) {
    const text = `12${sent}${"\u0007".repeat(SLACK_BYTES)}next`;
    const bytes = encoder.encode(text);
    const end = 2 + sent.length;
    assert.equal(isUtc(bytes, end), sent.endsWith("+00"), sent);
    const cell = readInstant(bytes, text, 2, end);
    assert.equal(cell, utc.replace(/\+00(?=$| BC$)/, "+00:00"), sent);
    const moved = moveToUtc(bytes, 2, end);
    assert.equal(decoder.decode(bytes.subarray(2, moved)), utc, sent);
    assert.equal(decoder.decode(bytes.subarray(end + SLACK_BYTES)), "next", sent);
  }
});
