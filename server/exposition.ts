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
  /** Whether it only grows. */
  readonly type: "counter" | "gauge";
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
      const key = labelText(labels);
      const count = counts.get(key);
      if (count) count.value += amount;
      else counts.set(key, { labels, value: amount });
    },
    samples: () => [...counts.values()],
  };
}

/** The text that is scraped; a metric without numbers is left out. */
export function expositionText(metrics: readonly Metric[]): string {
  return metrics.filter(({ samples }) => samples.length > 0).map(metricText).join("");
}

function metricText({ name, help, type, samples }: Metric): string {
  const lines = samples.map(({ labels, value }) => `${name}${labelText(labels)} ${value}\n`);
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
