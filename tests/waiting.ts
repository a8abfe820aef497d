/** How tests wait: until something happens or nothing happens any more, never for a time that code must take. */

/**
 * Milliseconds after which a test fails and does not hang. No time that code under test should take: on a
 * machine whose cores are others' most of the time, a process alone may need seconds to start.
 */
export const DEADLINE_MS = 60_000;

/** Waits until a condition holds; `within` milliseconds are for one that never comes true. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  within = DEADLINE_MS,
): Promise<void> {
  const end = performance.now() + within;
  while (!await condition()) {
    if (performance.now() > end) throw new Error(`It did not come true within ${within} ms`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** What a promise gives; where it never settles, an error that says for what the test waited. */
export async function inTime<T>(promise: Promise<T>, what: string): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`Cannot wait longer than ${DEADLINE_MS} ms for ${what}`)),
      DEADLINE_MS,
    );
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Turns of the event loop in which nothing may happen, before nothing is taken to happen any more. */
const QUIET_TURNS = 30;

/**
 * Waits until a number stands still: nothing happens in so many turns of the event loop that all that
 * was ready had its turn, however slow the machine is. Gives the number.
 *
 * @param slack how much of a change is none
 */
export async function standstill(
  measure: () => number | Promise<number>,
  slack = 0,
): Promise<number> {
  const end = performance.now() + DEADLINE_MS;
  let last = await measure();
  for (let quiet = 0; quiet < QUIET_TURNS; quiet++) {
    if (performance.now() > end) throw new Error(`It did not stand still: ${last}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
    const now = await measure();
    if (Math.abs(now - last) <= slack) continue;
    last = now;
    quiet = 0;
  }
  return last;
}

/** Lets everything run that was ready to, and what that made ready. */
export async function turns(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setTimeout(resolve, 1));
}
