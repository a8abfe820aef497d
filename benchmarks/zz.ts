import { encoders } from "./encoders.ts";
const t = performance.now();
console.log(await encoders());
console.log((performance.now() - t) / 1000);
