/** A port that the server cannot get back: nothing tells a client so, but the end of the process. */

import assert from "node:assert/strict";
import { configured, startServe } from "./fixture.ts";

/** Has nothing accepted any more, as where the kernel gives no descriptor. */
const DEAF = `
const { listen } = Deno;
Deno.listen = (options) => {
  const listener = listen(options);
  listener.accept = () => Promise.reject(new Error("Too many open files (os error 24)"));
  return listener;
};`;

Deno.test("a server that accepts nothing any more says so, and ends with a status that is not 0", async () => {
  await using folder = await configured("");
  await Deno.writeTextFile(`${folder.path}/deaf.js`, DEAF);
  await using server = await startServe([], {
    cwd: folder.path,
    flags: [`--preload=${folder.path}/deaf.js`],
  });
  assert.equal(await server.ended(), 1);
  const said = `Cannot listen on 127.0.0.1:${server.port} any more: nothing is accepted there`;
  assert.ok(server.lines.some((line) => line.includes(said)), server.lines.join("\n"));
});
