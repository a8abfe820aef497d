import { testSource } from "../../contracts/source_contract.ts";
import { createFixture } from "./fixture.ts";

for (const format of ["ndjson", "json", "csv"] as const) {
  testSource(`http with ${format}`, () => createFixture(format));
}
