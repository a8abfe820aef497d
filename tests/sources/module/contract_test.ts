import { testSource } from "../../contracts/source_contract.ts";
import { createFixture } from "./fixture.ts";

testSource("module", createFixture);
