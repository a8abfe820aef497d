import { testSource } from "../../contracts/source_contract.ts";
import { createFixture } from "./fixture.ts";
import { BINARIES } from "./server.ts";
import { postgresTest } from "./shared.ts";

if (BINARIES !== undefined) {
  testSource("postgres", createFixture);
  // Whatever a run leaves behind, the next one must not see.
  testSource("postgres, kept", () => createFixture({ keep: true }));
} else postgresTest("postgres: the contract of sources", () => Promise.resolve());
