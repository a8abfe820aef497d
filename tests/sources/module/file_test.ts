import assert from "node:assert/strict";
import { moduleUrl } from "../../../sources/module/file.ts";

const ROOT = new URL("file:///tmp/deno-compile-spillway/");

/** The URL inside a binary that was made with these files. */
function found(path: string, ...files: readonly string[]): string {
  const held = files.map((file) => new URL(file, ROOT).href);
  const isFile = (url: URL) => held.includes(url.href);
  return moduleUrl(path, { binary: true, root: ROOT, isFile }).href;
}

Deno.test("a module is imported from the disk, whatever is in its path", () => {
  assert.equal(moduleUrl("/srv/a b/100%.ts").href, "file:///srv/a%20b/100%25.ts");
});

Deno.test("a binary imports what it was made with, by the longest end of the path", () => {
  assert.equal(
    found("/etc/spillway/reports/audit.ts", "audit.ts", "reports/audit.ts"),
    "file:///tmp/deno-compile-spillway/reports/audit.ts",
  );
  assert.equal(found("/etc/audit.ts", "audit.ts"), "file:///tmp/deno-compile-spillway/audit.ts");
  assert.equal(
    found("C:\\spillway\\a b.ts", "a%20b.ts"),
    "file:///tmp/deno-compile-spillway/a%20b.ts",
  );
  assert.throws(() => found("/etc/spillway/audit.ts", "other.ts"), {
    name: "SourceError",
    message: "Cannot open source: the binary was made without the module",
  });
});

Deno.test("in the program's own folder a binary looks by itself", () => {
  const url = moduleUrl("/elsewhere/sources/module/file.ts", { binary: true });
  assert.equal(url.href, new URL("../../../sources/module/file.ts", import.meta.url).href);
});
