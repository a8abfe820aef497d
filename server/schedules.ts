/** Has the schedules of a server run, and logs what keeps them from it. */

import { getLogger } from "@logtape/logtape";
import { AccessError } from "../access/access_error.ts";
import type { Config } from "../catalog/config.ts";
import type { Format } from "../exporters/format.ts";
import { toBackgroundRun } from "../requests/background_run.ts";
import { RequestError } from "../requests/request_error.ts";
import { scheduledRequest } from "../requests/scheduled_request.ts";
import type { Background } from "../runs/background.ts";
import type { Ledger } from "../runs/ledger/ledger.ts";
import type { StartRun } from "../runs/run.ts";
import { createScheduler, type Schedule } from "../runs/schedules/scheduler.ts";

const logger = getLogger(["spillway", "schedules"]);

/** What schedules need of their server. */
export interface SchedulesOptions {
  /** Where it stands which slots were taken. */
  readonly ledger: Ledger;
  /** Takes their runs on. */
  readonly background: Pick<Background, "submit">;
  /** The configuration of now, and what runs its exports. */
  readonly current: () => { readonly config: Config; readonly startRun: StartRun };
  /** The formats, by key. */
  readonly formats: Readonly<Record<string, Format>>;
  /** Whether what is done now could not be written to the audit log. */
  readonly auditFailing: () => boolean;
  /** The time. @default the system's */
  readonly now?: (() => Date) | undefined;
}

/** The schedules of a server; disposing begins no more runs. */
export interface Schedules extends AsyncDisposable {
  /** Takes those of the configuration of now, and begins what is due. */
  configure(): void;
}

/** Makes the schedules of a server, which begin when they are configured. */
export function createSchedules(options: SchedulesOptions): Schedules {
  const { ledger, background, current, formats, auditFailing } = options;
  const { now = () => new Date() } = options;

  /** Begins the run of a slot, the same one where it has begun already, here or at another server. */
  async function run(name: string, slot: Date): Promise<void> {
    const { config, startRun } = current();
    const schedule = config.schedules.get(name);
    if (!schedule) return;
    if (auditFailing()) throw new Error("the audit log cannot be written");
    const at = slot.toISOString();
    const last = await ledger.lastOf(name);
    try {
      const { request, notify } = scheduledRequest(
        schedule,
        {
          catalog: config,
          formats,
          webhooks: config.runs.webhooks,
        },
        now().getTime(),
        last,
      );
      const extras = { notify, schedule: { name, slot: at } };
      const { id } = await background.submit(crypto.randomUUID(), {
        ...toBackgroundRun(request, config, extras),
        startRun,
      }, { scope: `schedule ${name}`, key: at, fingerprint: "" });
      logger.info("Schedule {name} has its run {id} of {slot}", { name, id, slot: at });
    } catch (error) {
      if (!(error instanceof RequestError || error instanceof AccessError)) throw error;
      const fields = { name, slot: at, error: error.message };
      logger.error("Cannot run schedule {name} at {slot}: {error}", fields);
    }
  }

  const scheduler = createScheduler({
    ledger,
    run,
    onError: (error, name) =>
      logger.error("Cannot run schedule {name} yet: {error}", { name, error: String(error) }),
    now,
  });
  return {
    configure: () =>
      scheduler.configure(
        [...current().config.schedules.values()].map((
          { name, cron, timezone, slots },
        ): Schedule => ({
          name,
          pattern: `${cron} ${timezone}`,
          slots,
        })),
      ),
    [Symbol.asyncDispose]: () => scheduler[Symbol.asyncDispose](),
  };
}
