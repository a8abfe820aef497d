/** A module source that is compiled into a binary. */

import { defineSource } from "@spillway/spillway/source";

/** Visits a day. */
export default defineSource({
  columns: { day: "date", visits: "integer" },
  params: { days: "integer" },
  *rows({ params }) {
    for (let day = 1; day <= params.days; day++) {
      yield { day: `2026-01-${String(day).padStart(2, "0")}`, visits: day * 10 };
    }
  },
});
