import { testSource } from "../../contracts/source_contract.ts";
import { createFixture } from "./fixture.ts";

for (const format of ["csv", "ndjson"] as const) {
  testSource(`upload of ${format}`, () => createFixture(format));
}
