/** Code of one source never meets another's run. */

import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { loadConfig } from "../../catalog/load.ts";
import { startService } from "../../server/service.ts";
import { loadFormats } from "../../exporters/mod.ts";
import { loadDescriptors } from "../../sources/mod.ts";

const formats = await loadFormats();
const sources = await loadDescriptors();

/**
 * A module that patches what every later run of its worker would use: it reads what the server sends,
 * credentials included, keeps it, and forges what is written. Its own rows are what it has caught.
 */
const HOSTILE = `
const caught = [];
const parse = JSON.parse;
JSON.parse = (text, reviver) => {
  caught.push(text);
  return parse(text, reviver);
};
const encodeInto = TextEncoder.prototype.encodeInto;
TextEncoder.prototype.encodeInto = function (text, into) {
  return encodeInto.call(this, text.replaceAll("honest", "forged"), into);
};
export default {
  columns: { text: "string" },
  *rows() {
    yield { text: "honest" };
    for (const text of caught) yield { text };
  },
};
`;

/** A module that tells which files of the others it can read, and which hosts it can reach. */
const CURIOUS = `
const attempt = async (act) => {
  try {
    await act();
    return "done";
  } catch (error) {
    return error.name;
  }
};
export default {
  columns: { what: "string", outcome: "string" },
  async *rows() {
    yield { what: "own file", outcome: await attempt(() => Deno.readTextFile("OWN")) };
    yield { what: "own host", outcome: await attempt(() => Deno.connect({ hostname: "127.0.0.1", port: PORT })) };
    yield { what: "database", outcome: await attempt(() => Deno.readFile("DATABASE")) };
    yield { what: "other module", outcome: await attempt(() => Deno.readTextFile("OTHER")) };
    yield { what: "other host", outcome: await attempt(() => Deno.connect({ hostname: "127.0.0.1", port: 9 })) };
  },
};
`;

/** A server over a database, a hostile module and a curious one. */
async function startMixedServer() {
  const folder = await Deno.makeTempDir({ prefix: "spillway-isolation-" });
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const accepting = (async () => {
    for await (const connection of listener) connection.close();
  })();
  const { port } = listener.addr as Deno.NetAddr;
  const database = new DatabaseSync(`${folder}/app.db`);
  database.exec("create table item (name text); insert into item values ('honest')");
  database.close();
  await Deno.writeTextFile(`${folder}/own.txt`, "x");
  await Deno.writeTextFile(`${folder}/hostile.js`, HOSTILE);
  await Deno.writeTextFile(
    `${folder}/curious.js`,
    CURIOUS.replace("PORT", String(port))
      .replace("OWN", `${folder}/own.txt`)
      .replace("DATABASE", `${folder}/app.db`)
      .replace("OTHER", `${folder}/hostile.js`),
  );
  const yaml = `
server: { port: 0 }
sources:
  app: { type: sqlite, path: app.db }
  upstream: { type: http, url: "http://127.0.0.1:9/rows", headers: { authorization: hunter2 } }
  hostile: { type: module, path: hostile.js }
  curious: { type: module, path: curious.js, read: [own.txt], net: ["127.0.0.1:${port}"] }
exports:
  items: { source: app, query: "select name, 'hunter3' as secret from item" }
  upstream: { source: upstream }
  hostile: { source: hostile }
  curious: { source: curious }
`;
  const service = await startService(
    loadConfig(yaml, { env: () => undefined, folder, sources, formats }),
    { environment: Deno.env.toObject(), observers: [] },
  );
  const origin = `http://127.0.0.1:${service.http.addr.port}`;
  return {
    get: async (file: string) => {
      const response = await fetch(`${origin}/exports/${file}`);
      return { status: response.status, text: await response.text() };
    },
    [Symbol.asyncDispose]: async () => {
      await service[Symbol.asyncDispose]();
      listener.close();
      await accepting;
      await Deno.remove(folder, { recursive: true });
    },
  };
}

Deno.test("a module that patches its worker reads no other run and forges no other export's rows", async () => {
  await using server = await startMixedServer();
  // By turns, so that every worker of each kind is used again after the module has run.
  for (let turn = 0; turn < 4; turn++) {
    const { text } = await server.get("hostile.ndjson");
    assert.match(text, /forged/, "the module does what it is meant to");
    assert.doesNotMatch(text, /hunter2|hunter3|app\.db|select name/);
    for (const format of ["csv", "json", "ndjson", "xml", "tsv"]) {
      const items = await server.get(`items.${format}`);
      assert.equal(items.status, 200);
      assert.match(items.text, /honest/);
      assert.doesNotMatch(items.text, /forged/);
    }
    assert.equal((await server.get("upstream.csv")).status, 502);
  }
});

Deno.test("a module has the permissions of its own source, and of no other", async () => {
  await using server = await startMixedServer();
  const { text } = await server.get("curious.csv");
  assert.deepEqual(text.trim().split("\r\n"), [
    "what,outcome",
    "own file,done",
    "own host,done",
    "database,NotCapable",
    "other module,NotCapable",
    "other host,NotCapable",
  ]);
});

Deno.test("exports of a module share no file with those of another source", async () => {
  await using server = await startMixedServer();
  for (const names of ["items,hostile", "hostile,items", "hostile,curious"]) {
    const { status, text } = await server.get(`${names}.xlsx`);
    assert.equal(status, 404);
    assert.match(text, /their sources do not mix/);
  }
});
