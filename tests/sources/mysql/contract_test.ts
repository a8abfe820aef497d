import { testSource } from "../../contracts/source_contract.ts";
import { createFixture } from "./fixture.ts";
import { INSTALLED } from "./server.ts";
import { mysqlTest } from "./shared.ts";

if (INSTALLED) {
  testSource("mysql", createFixture);
  // Whatever a run leaves behind, the next one must not see.
  testSource("mysql, kept", () => createFixture({ keep: true }));
} else mysqlTest("mysql: the contract of sources", () => Promise.resolve());
