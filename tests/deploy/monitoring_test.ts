/** The dashboard, the alerts and the pages about them: what they ask for is there, and where they lead to. */

import assert from "node:assert/strict";
import { parse } from "yaml";
import { walk } from "../source_files.ts";
import { createMetrics } from "../../server/metrics.ts";
import { everyMetric, textOf } from "../server/metrics_fixture.ts";

const root = new URL("../../", import.meta.url);
const read = (path: string) => Deno.readTextFile(new URL(path, root));

/** The numbers of a server by name, and of each the values of its labels. */
function metricsIn(exposition: string): ReadonlyMap<string, Map<string, Set<string>>> {
  const metrics = new Map<string, Map<string, Set<string>>>();
  for (const line of exposition.split("\n")) {
    const [, name, pairs = ""] = /^(spillway_\w+)(?:\{(.*)\})? \S+$/.exec(line) ?? [];
    if (name === undefined) continue;
    const labels = metrics.get(name) ?? new Map<string, Set<string>>();
    metrics.set(name, labels);
    for (const [, label, value] of pairs.matchAll(/(\w+)="([^"]*)"/g)) {
      labels.set(label!, (labels.get(label!) ?? new Set()).add(value!));
    }
  }
  return metrics;
}

/** Of a server, and of one that has an audit log and a certificate as well, and has told of the end of a run. */
const METRICS = await (async () => {
  const told = createMetrics();
  told.webhook("delivered");
  return metricsIn(`${await everyMetric()}${await textOf(told)}`);
})();

/** Labels that Prometheus adds to each number. */
const ADDED = ["instance", "job"];

/** What is wrong with the metrics that an expression names, with their labels and the values of those. */
function issuesOf(expression: string): string[] {
  const issues: string[] = [];
  for (const [, name, matchers = ""] of expression.matchAll(/\b(spillway_\w+)(?:\{([^}]*)\})?/g)) {
    const labels = METRICS.get(name!);
    if (!labels) issues.push(`there is no ${name}`);
    for (
      const [, label, operator, value] of matchers.matchAll(/(\w+)\s*(=~|!=|!~|=)\s*"([^"]*)"/g)
    ) {
      if (ADDED.includes(label!)) continue;
      const known = labels?.get(label!);
      const wanted = operator!.endsWith("~") ? value!.split("|") : [value!];
      for (const one of wanted) {
        if (!known?.has(one)) issues.push(`no ${name} has ${label}="${one}"`);
      }
    }
  }
  for (const [, names] of expression.matchAll(/\bby \(([^)]*)\)/g)) {
    const known = [...METRICS.values()].flatMap((labels) => [...labels.keys()]);
    for (const label of names!.split(/,\s*/)) {
      if (![...ADDED, ...known].includes(label)) issues.push(`no label is called ${label}`);
    }
  }
  return issues;
}

/** Has Prometheus itself read rules, where its tool is installed. */
async function checkRules(yaml: string): Promise<void> {
  const file = await Deno.makeTempFile({ suffix: ".yml" });
  try {
    await Deno.writeTextFile(file, yaml);
    const { success, stdout, stderr } = await new Deno.Command("promtool", {
      args: ["check", "rules", file],
    }).output();
    assert.ok(success, new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr));
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  } finally {
    await Deno.remove(file);
  }
}

/** The anchors of a page, as GitHub makes them of its headings. */
async function anchorsOf(page: string): Promise<string[]> {
  return [...(await read(page)).matchAll(/^#+ (.*)$/gm)].map(([, title]) =>
    title!.toLowerCase().replaceAll(/[^\w\s-]/g, "").replaceAll(" ", "-")
  );
}

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly labels: { readonly severity: string };
  readonly annotations: { readonly summary: string; readonly runbook: string };
}

Deno.test("each alert asks for numbers that there are, and leads to what to do", async () => {
  const yaml = await read("deploy/prometheus/alerts.yml");
  const { groups } = parse(yaml) as { groups: { rules: Rule[] }[] };
  const rules = groups.flatMap(({ rules }) => rules);
  assert.ok(rules.length >= 10);
  const anchors = await anchorsOf("docs/operations.md");
  for (const { alert, expr, labels, annotations } of rules) {
    assert.deepEqual(issuesOf(expr), [], alert);
    assert.ok(["page", "ticket"].includes(labels.severity), alert);
    const [page, anchor] = annotations.runbook.split("#");
    assert.equal(page, "docs/operations.md");
    assert.ok(anchors.includes(anchor!), `${alert}: ${annotations.runbook}`);
  }
  await checkRules(yaml);
});

interface Panel {
  readonly id: number;
  readonly title: string;
  readonly gridPos: Record<"x" | "y" | "w" | "h", number>;
  readonly targets: readonly { readonly refId: string; readonly expr: string }[];
}

Deno.test("each panel of the dashboard asks for numbers that there are", async () => {
  const dashboard = JSON.parse(await read("deploy/grafana/spillway.json"));
  const panels: Panel[] = dashboard.panels;
  const expressions = panels.flatMap(({ targets }) => targets.map(({ expr }) => expr));
  assert.ok(panels.length >= 12);
  assert.equal(new Set(panels.map(({ id }) => id)).size, panels.length);
  assert.equal(new Set(panels.map(({ gridPos: { x, y } }) => `${x} ${y}`)).size, panels.length);
  for (const { title, gridPos: { x, w }, targets } of panels) {
    assert.ok(x + w <= 24 && targets.length > 0, title);
    for (const { expr } of targets) assert.deepEqual(issuesOf(expr), [], title);
  }
  const names: string[] = dashboard.templating.list.map(({ name }: { name: string }) => name);
  const used = JSON.stringify(dashboard).match(/\$(?:\{\w+\}|\w+)/g)!;
  const own = ["__rate_interval", "__all"];
  assert.deepEqual(
    used.map((text) => text.replaceAll(/[${}]/g, "")).filter((name) =>
      ![...names, ...own].includes(name)
    ),
    [],
  );
  const rules = expressions.map((expr, index) => ({
    record: `panel:number${index}`,
    expr: expr.replaceAll("$__rate_interval", "5m").replaceAll("$instance", ".*"),
  }));
  await checkRules(JSON.stringify({ groups: [{ name: "panels", rules }] }));
});

Deno.test("each metric that a page names is there", async () => {
  const metrics = [...METRICS.keys()];
  const missing: string[] = [];
  let named = 0;
  for await (const { name: page } of Deno.readDir(new URL("docs/", root))) {
    // Of `spillway_spool_…` there are some.
    for (
      const [, name, more] of (await read(`docs/${page}`)).matchAll(/\b(spillway_[a-z_]+)(…)?/g)
    ) {
      // The claim of a token.
      if (name === "spillway_exports") continue;
      named++;
      const found = metrics.some((metric) =>
        more ? metric.startsWith(name!) : metric.replace(/_(?:bucket|sum|count)$/, "") === name
      );
      if (!found) missing.push(`${page}: ${name}`);
    }
  }
  assert.ok(named > 20);
  assert.deepEqual(missing, []);
});

Deno.test("each line of the log that the page of operations names is written by the server", async () => {
  const page = (await read("docs/operations.md")).replaceAll(/^```.*?^```/gms, "");
  const named = [...page.matchAll(/`((?:[A-Z]|… )[a-z]+ [^`]*)`/g)].map(([, line]) => line!);
  assert.ok(named.length >= 8, named.join());
  let source = "";
  for await (const { text } of walk(["runs", "server", "sources"], [".ts"])) source += text;
  const words = source.replaceAll(/"\s*\+\s*"|`\s*\+\s*`/g, "");
  assert.deepEqual(
    // Behind the colon, and where there are dots, stands what differs.
    named.filter((line) => {
      const part = line.split("…").map((text) => text.trim()).find((text) => text !== "")!;
      return !words.includes(part.replace(/:$/, ""));
    }),
    [],
  );
});
