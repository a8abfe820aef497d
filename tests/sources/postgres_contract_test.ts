import { testSource } from "../contracts/source_contract.ts";
import { createFixture } from "./postgres_fixture.ts";
import { BINARIES } from "./postgres_server.ts";
import { postgresTest } from "./postgres_shared.ts";

if (BINARIES !== undefined) {
  testSource("postgres", createFixture);
  // Whatever a run leaves behind, the next one must not see.
  testSource("postgres, kept", () => createFixture({ keep: true }));
} else postgresTest("postgres: the contract of sources", () => Promise.resolve());
