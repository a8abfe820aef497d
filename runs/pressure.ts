/** Pressure: what to shed while something is short, in steps, each of which ends later than it begins. */

/**
 * What is shed: nothing; waiting, so that what cannot begin at once is refused; runs that weigh more than one
 * too; every run.
 */
export const STEPS = { none: 0, queue: 1, heavy: 2, all: 3 } as const;

/** One of {@linkcode STEPS}. */
export type Step = (typeof STEPS)[keyof typeof STEPS];

/** What may be short. */
export const RESOURCES = ["memory", "descriptors", "disk"] as const;

/** One of {@linkcode RESOURCES}. */
export type Resource = (typeof RESOURCES)[number];

/** The part of a resource that is used from which each step begins, and below which it ends. */
const LEVELS = [
  { step: STEPS.queue, begin: 0.75, end: 0.65 },
  { step: STEPS.heavy, begin: 0.80, end: 0.70 },
  { step: STEPS.all, begin: 0.85, end: 0.75 },
] as const;

/** What is known of resources. */
export interface Readings {
  /** The part of memory that is used; undefined where it is not known. */
  readonly memory: () => number | undefined;
  /** The part of the descriptors in reserve that is used; undefined where it is not known. */
  readonly descriptors: () => number | undefined;
  /** Whether there was no room on the disk of late. */
  readonly disk: () => boolean;
}

/** What to shed now. */
export interface Pressure {
  /** The step of each resource. */
  readonly steps: Readonly<Record<Resource, Step>>;
  /** The highest step, and the resource that is at it. */
  readonly highest: { readonly step: Step; readonly resource: Resource };
}

/**
 * Makes what tells. It looks when it is asked, so that it costs an idle server nothing.
 *
 * A disk without room is the first step and no other: runs whose clients keep up need none. But those of slow
 * clients keep their slots then, so that waiting for one is no use.
 *
 * @param onChange called each time that a resource is at another step
 */
export function createPressure(
  { memory, descriptors, disk }: Readings,
  onChange: (resource: Resource, step: Step) => void = () => {},
): Pressure {
  const ladders = {
    memory: createLadder(memory),
    descriptors: createLadder(descriptors),
    disk: () => disk() ? STEPS.queue : STEPS.none,
  };
  const last: Record<Resource, Step> = { memory: 0, descriptors: 0, disk: 0 };

  function look(): Readonly<Record<Resource, Step>> {
    for (const resource of RESOURCES) {
      const step = ladders[resource]();
      if (step === last[resource]) continue;
      last[resource] = step;
      onChange(resource, step);
    }
    return last;
  }

  return {
    get steps() {
      return { ...look() };
    },
    get highest() {
      const steps = look();
      const resource = RESOURCES.reduce((max, other) => steps[other] > steps[max] ? other : max);
      return { step: steps[resource], resource };
    },
  };
}

/** The step of a resource whose use is known as a part; where it is not known, nothing is shed. */
function createLadder(read: () => number | undefined): () => Step {
  let last: Step = STEPS.none;
  return () => {
    const used = read() ?? 0;
    const level = LEVELS.findLast(({ step, begin, end }) => used >= (last < step ? begin : end));
    last = level?.step ?? STEPS.none;
    return last;
  };
}
