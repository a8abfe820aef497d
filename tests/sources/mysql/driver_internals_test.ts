/** What of mysql2 no page promises, and a new version must still do: look here before its number is raised. */

import assert from "node:assert/strict";
import mysql, { type Connection } from "mysql2";
import manifest from "../../../deno.json" with { type: "json" };
import { divertRows, incomingBytes, socketOf } from "../../../sources/mysql/driver_internals.ts";
import { mysqlTest, sharedServer } from "./shared.ts";

Deno.test("the version of mysql2 is the one whose internals are known", () => {
  assert.equal(manifest.imports.mysql2, "npm:mysql2@3.24.6");
});

async function connect(): Promise<Connection> {
  const connection = mysql.createConnection((await sharedServer()).url());
  await new Promise<void>((resolve, reject) =>
    connection.connect((error) => error ? reject(error) : resolve())
  );
  return connection;
}

mysqlTest(
  "mysql2 gives columns and packets of rows to the parser that a command is given",
  async () => {
    const connection = await connect();
    const names: string[][] = [];
    const rows: string[] = [];
    await new Promise<void>((resolve, reject) =>
      connection.prepare("select 'a' as x, seq from seq_1_to_3", (error, statement) => {
        if (error) return reject(error);
        const command = statement.execute([] as never);
        divertRows(command, (columns) => {
          names.push(columns.map(({ name }) => name));
          return ({ buffer, offset, end }) =>
            rows.push(buffer.subarray(offset, end).toString("hex"));
        });
        command.on("error", reject);
        command.on("end", () => resolve());
      })
    );
    connection.destroy();
    assert.deepEqual(names, [["x", "seq"]]);
    // A header, a byte of nulls, a text of one byte, and eight bytes of an integer.
    assert.deepEqual(rows, [
      "0000" + "0161" + "0100000000000000",
      "0000" + "0161" + "0200000000000000",
      "0000" + "0161" + "0300000000000000",
    ]);
  },
);

mysqlTest("mysql2 says which bytes have come of a packet that is not whole", async () => {
  const connection = await connect();
  const socket = socketOf(connection);
  assert.equal(incomingBytes(connection), 0);
  let most = 0;
  socket.on("data", () => most = Math.max(most, incomingBytes(connection)));
  await new Promise<void>((resolve, reject) =>
    connection.query("select repeat('x', 1000000)", (error) => error ? reject(error) : resolve())
  );
  assert.equal(incomingBytes(connection), 0);
  assert(most >= 1_000_000, String(most));
  connection.destroy();
  assert(socket.destroyed || socket.writableEnded);
});
