/** Choosing the configuration file. */

import { deepStrictEqual, throws } from "node:assert/strict";
import { locateConfig } from "../../catalog/locate.ts";

const there = () => true;
const nowhere = () => false;
const empty = () => undefined;
const named = (name: string) => name === "SPILLWAY_CONFIG" ? "/etc/spillway.yaml" : undefined;

Deno.test("--config comes first, whether or not the file exists", () => {
  deepStrictEqual(locateConfig({ flag: "a.yaml", env: named, exists: there }), {
    kind: "file",
    path: "a.yaml",
    by: "flag",
  });
  deepStrictEqual(locateConfig({ flag: "", env: named, exists: nowhere }), {
    kind: "file",
    path: "",
    by: "flag",
  });
});

Deno.test("then SPILLWAY_CONFIG, whether or not the file exists, unless it is empty", () => {
  deepStrictEqual(locateConfig({ env: named, exists: nowhere }), {
    kind: "file",
    path: "/etc/spillway.yaml",
    by: "environment",
  });
  deepStrictEqual(locateConfig({ env: () => "", exists: nowhere }), { kind: "demo" });
});

Deno.test("then ./spillway.yaml if there is one, else the demo", () => {
  const asked: string[] = [];
  const exists = (path: string) => asked.push(path) > 0;
  deepStrictEqual(locateConfig({ env: empty, exists }), {
    kind: "file",
    path: "./spillway.yaml",
    by: "folder",
  });
  deepStrictEqual(asked, ["./spillway.yaml"]);
  deepStrictEqual(locateConfig({ env: empty, exists: nowhere }), { kind: "demo" });
});

Deno.test("a folder that may not be looked at is an error, not a reason to run the demo", () => {
  const exists = () => {
    throw new Deno.errors.PermissionDenied("no");
  };
  throws(() => locateConfig({ env: empty, exists }), Deno.errors.PermissionDenied);
});
