import { testSource } from "../contracts/source_contract.ts";
import { createFixture } from "./mysql_fixture.ts";
import { INSTALLED } from "./mysql_server.ts";
import { mysqlTest } from "./mysql_shared.ts";

if (INSTALLED) {
  testSource("mysql", createFixture);
  // Whatever a run leaves behind, the next one must not see.
  testSource("mysql, kept", () => createFixture({ keep: true }));
} else mysqlTest("mysql: the contract of sources", () => Promise.resolve());
