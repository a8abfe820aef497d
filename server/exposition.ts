/**
 * Writes numbers in Prometheus's text format, version 0.0.4
 * (https://prometheus.io/docs/instrumenting/exposition_formats).
 *
 * Not prom-client: `deno compile` 2.9.6 overflows its stack on the modules that it brings.
 */

/** The value of `Content-Type`. */
export const EXPOSITION_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** Labels of one number. */
export type Labels = Readonly<Record<string, string>>;

/** One number, with all its labels. */
export interface Sample {
  /** What its name has more than that of its metric. @default nothing */
  readonly suffix?: "_bucket" | "_sum" | "_count";
  /** What tells it from others of its metric. */
  readonly labels: Labels;
  /** The number. */
  readonly value: number;
}

/** Numbers of one name. */
export interface Metric {
  /** Letters, digits and `_`. */
  readonly name: string;
  /** What it means, in a line. */
  readonly help: string;
  /** Whether it only grows, goes up and down, or is of how many were how large. */
  readonly type: "counter" | "gauge" | "histogram";
  /** The numbers. */
  readonly samples: readonly Sample[];
}

/** A number that only grows, one for each set of labels. */
export interface Counter {
  /** Adds to the number with these labels. */
  add(labels: Labels, amount?: number): void;
  /** The numbers so far. */
  samples(): readonly Sample[];
}

/** Makes a counter of which each combination of labels is a number of its own, from 0 on. */
export function createCounter(): Counter {
  const counts = new Map<string, { readonly labels: Labels; value: number }>();
  return {
    add(labels, amount = 1) {
      const key = keyOf(labels);
      const count = counts.get(key);
      if (count) count.value += amount;
      else counts.set(key, { labels, value: amount });
    },
    samples: () => [...counts.values()],
  };
}

/** The values of labels, of which one metric has the same: their text was 10 of 138 KB that a run of ten rows makes. */
function keyOf(labels: Labels): string {
  let key = "";
  for (const name in labels) key += `${labels[name]}\0`;
  return key;
}

/** Counts values by their size, for each set of labels. */
export interface Histogram {
  /** Counts a value under these labels. */
  observe(labels: Labels, value: number): void;
  /** The numbers so far: how many are at most as large as each bound and in all, their sum and their count. */
  samples(): readonly Sample[];
}

/**
 * Makes a histogram.
 *
 * @param bounds what values are compared with, the smallest first
 */
export function createHistogram(bounds: readonly number[]): Histogram {
  const all = new Map<
    string,
    { readonly labels: Labels; readonly counts: number[]; sum: number }
  >();
  return {
    observe(labels, value) {
      const key = keyOf(labels);
      let one = all.get(key);
      if (!one) all.set(key, one = { labels, counts: [...bounds, Infinity].map(() => 0), sum: 0 });
      const index = bounds.findIndex((bound) => value <= bound);
      one.counts[index < 0 ? bounds.length : index]!++;
      one.sum += value;
    },
    samples: () =>
      [...all.values()].flatMap(({ labels, counts, sum }): Sample[] => {
        let count = 0;
        const buckets = counts.map((more, index): Sample => {
          const le = index < bounds.length ? `${bounds[index]}` : "+Inf";
          return { suffix: "_bucket", labels: { ...labels, le }, value: count += more };
        });
        return [
          ...buckets,
          { suffix: "_sum", labels, value: sum },
          { suffix: "_count", labels, value: count },
        ];
      }),
  };
}

/** The text that is scraped; a metric without numbers is left out. */
export function expositionText(metrics: readonly Metric[]): string {
  return metrics.filter(({ samples }) => samples.length > 0).map(metricText).join("");
}

function metricText({ name, help, type, samples }: Metric): string {
  const lines = samples.map(({ suffix = "", labels, value }) =>
    `${name}${suffix}${labelText(labels)} ${value}\n`
  );
  return `# HELP ${name} ${escape(help, /[\\\n]/g)}\n# TYPE ${name} ${type}\n${lines.join("")}`;
}

function labelText(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) =>
    `${name}="${escape(value, /[\\\n"]/g)}"`
  );
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}

function escape(text: string, special: RegExp): string {
  return text.replace(special, (character) => character === "\n" ? "\\n" : `\\${character}`);
}
