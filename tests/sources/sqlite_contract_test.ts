import { testSource } from "../contracts/source_contract.ts";
import { createFixture } from "./sqlite_fixture.ts";

testSource("sqlite", createFixture);
