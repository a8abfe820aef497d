import { testSource } from "../contracts/source_contract.ts";
import { createFixture } from "./module_fixture.ts";

testSource("module", createFixture);
