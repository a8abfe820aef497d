/**
 * Signs a link to an export, with Node's own modules.
 *
 *   node sign_link.mjs SECRET KID PATH EXPIRES [NAME VALUE]...
 */

import { createHmac } from "node:crypto";
import process from "node:process";

function signLink(secret, kid, path, expires, query) {
  const pairs = [["_kid", kid], ["_exp", `${expires}`], ...query];
  const queryString = pairs.map((pair) => pair.map(encodeURIComponent).join("=")).sort().join("&");
  const text = ["spillway-link-v1", "GET", path, queryString].join("\n");
  const signature = createHmac("sha256", secret).update(text).digest("base64url");
  return `${path}?${queryString}&_sig=${signature}`;
}

const [secret, kid, path, expires, ...rest] = process.argv.slice(2);
const query = rest.flatMap((name, index) => index % 2 === 0 ? [[name, rest[index + 1]]] : []);
console.log(signLink(secret, kid, path, expires, query));
