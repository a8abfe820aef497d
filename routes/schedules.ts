/** Schedules: those of the caller, and the way to have one run now. */

import { type Context, Hono } from "hono";
import type { ScheduleDefinition } from "../catalog/schedules.ts";
import { scheduledRequest, schedulePrincipal } from "../requests/scheduled_request.ts";
import { CALLERS_OWN } from "./authenticate.ts";
import type { Dependencies } from "./dependencies.ts";
import { type Environment, principalOf } from "./environment.ts";
import { methodNotAllowed, notFound, ProblemError } from "./problems.ts";
import { runInBackground } from "./runs.ts";

/** Characters of a name at most. */
const MAX_NAME_LENGTH = 64;

/** The routes under `/schedules`. */
export function scheduleRoutes(dependencies: Dependencies): Hono<Environment> {
  const { schedules = new Map(), catalog, formats, webhooks, runs } = dependencies;
  const { now = Date.now } = dependencies;

  /** Whether a caller would see the runs of a schedule: they may as well ask for them. */
  function isCallers(schedule: ScheduleDefinition, context: Context<Environment>): boolean {
    const owner = schedulePrincipal(schedule, catalog.access, now());
    const { id, tenant } = principalOf(context);
    return owner?.id === id && owner.tenant === tenant;
  }

  return new Hono<Environment>()
    .get("/", (context) => {
      const own = [...schedules.values()].filter((schedule) => isCallers(schedule, context));
      return context.json({ schedules: own.map((one) => shown(one, now())) }, 200, CALLERS_OWN);
    })
    .all("/", (context) => {
      throw new ProblemError(methodNotAllowed(context.req.method, "GET, HEAD"));
    })
    .post("/:name/runs", async (context) => {
      const name = context.req.param("name");
      const schedule = schedules.get(name);
      if (!schedule || !isCallers(schedule, context)) {
        const quoted = JSON.stringify(name.slice(0, MAX_NAME_LENGTH));
        throw new ProblemError(notFound(`There is no schedule ${quoted}`));
      }
      const { request, notify } = scheduledRequest(
        schedule,
        { catalog, formats, webhooks },
        now(),
        await runs?.receipts.lastOf(name),
      );
      return await runInBackground(context.req.raw, request, dependencies, {
        client: context.env?.client,
        notify,
        schedule: { name },
      });
    })
    .all("/:name/runs", (context) => {
      throw new ProblemError(methodNotAllowed(context.req.method, "POST"));
    });
}

/** A schedule as JSON shows it. */
function shown({ name, cron, timezone, slots, ...schedule }: ScheduleDefinition, now: number) {
  return {
    name,
    cron,
    timezone,
    next: slots.next(new Date(now))?.toISOString() ?? null,
    export: schedule.export,
    format: schedule.format,
    url: `/schedules/${name}/runs`,
  };
}
