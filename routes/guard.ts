/** Keeps pages of other sites from using the server through their readers' browsers. */

import type { MiddlewareHandler } from "hono";
import type { ServerSettings } from "../catalog/config.ts";
import { isLoopback } from "../table/loopback.ts";
import type { Environment } from "./environment.ts";
import { forbidden, misdirected, ProblemError } from "./problems.ts";

/** What a server is called. */
export type ServerNames =
  & Pick<ServerSettings, "hostname" | "publicUrl" | "hosts">
  & Partial<Pick<ServerSettings, "cors">>;

/** Addresses to listen on that stand for all of a machine's. */
const ANY_ADDRESS: readonly string[] = ["0.0.0.0", "::"];

/**
 * Makes the guard. A browser that is led to a name of the attacker's which has become an address of ours (DNS
 * rebinding) says that name in `Host`, and one that a page of another site has ask here says so in
 * `Sec-Fetch-Site`; a link that is followed is none of the page's business any more, and a page of an origin
 * that is configured may ask in the way in which browsers look at CORS.
 *
 * A request without `Host` is no browser's: HTTP/1.1 has one, which the server has seen to.
 */
export function guard(
  { hostname, publicUrl, hosts, cors = [] }: ServerNames,
): MiddlewareHandler<Environment> {
  const names = new Set([hostname, ...hosts].map(comparable));
  if (publicUrl !== undefined) names.add(comparable(new URL(publicUrl).hostname));
  const anyAddress = ANY_ADDRESS.includes(hostname);

  return async (context, next) => {
    const host = context.req.header("Host");
    if (host !== undefined) {
      const name = nameOf(host);
      const reached = anyAddress ? context.env?.client?.localAddress : undefined;
      if (name === undefined || !(names.has(name) || isLoopback(name) || name === reached)) {
        throw new ProblemError(misdirected("This server is not called what Host says"));
      }
    }
    const site = context.req.header("Sec-Fetch-Site");
    if (site === "cross-site" && !isNavigation(context.req) && !isShared(context.req, cors)) {
      throw new ProblemError(forbidden("A page of another site may link here, and nothing else"));
    }
    await next();
  };
}

/** The name in a `Host` header, without its port; nothing where it is none (RFC 9110, 7.2). */
function nameOf(host: string): string | undefined {
  const [, name] = /^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::\d*)?$/.exec(host) ?? [];
  return name === undefined ? undefined : comparable(name);
}

/** A name without what makes no difference: case, brackets, the dot of the root, how an address is spelled. */
function comparable(name: string): string {
  const plain = name.replace(/^\[(.*)\]$/, "$1").replace(/\.$/, "").toLowerCase();
  if (!plain.includes(":")) return plain;
  return URL.parse(`http://[${plain}]/`)?.hostname.slice(1, -1) ?? plain;
}

/** Whether a browser asks for a page of a listed origin, and heeds what the answer says of it. */
function isShared(
  request: { header(name: string): string | undefined },
  origins: readonly string[],
): boolean {
  return request.header("Sec-Fetch-Mode") === "cors" &&
    origins.includes(request.header("Origin") ?? "");
}

/** Whether a browser shows what it gets as a page of its own, in no frame. */
function isNavigation(request: { header(name: string): string | undefined }): boolean {
  return request.header("Sec-Fetch-Mode") === "navigate" &&
    request.header("Sec-Fetch-Dest") === "document";
}
