/** @jsxImportSource hono/jsx */
/** The application: knows its users, and sends their browsers to Spillway with links that it signs. */

import { type Context, Hono } from "hono";
import { deleteCookie, getSignedCookie, setSignedCookie } from "hono/cookie";
import { readAuditLog } from "./audit_log.ts";
import { FORMATS, OFFERS } from "./offers.ts";
import { AuditPage, ExportsPage, LoginPage, ProblemPage } from "./pages.tsx";
import { type User, USERS } from "./people.ts";
import { signLink } from "./sign_link.ts";

/** What the application is configured with. */
export interface AppOptions {
  /** Where Spillway is for browsers: `https://exports.example.com`. */
  readonly exportsOrigin: string;
  /** What links are signed with; Spillway has it too. */
  readonly linkSecret: string;
  /** What the cookie of a session is signed with. */
  readonly sessionSecret: string;
  /** The path of Spillway's audit log. */
  readonly auditLog: string;
}

/** The cookie that says who signed in. */
const SESSION = "session";

/** Makes the application. */
export function createApp({ exportsOrigin, linkSecret, sessionSecret, auditLog }: AppOptions) {
  const style = Deno.readTextFileSync(new URL("style.css", import.meta.url));
  const app = new Hono();

  async function userOf(context: Context): Promise<User | undefined> {
    const id = await getSignedCookie(context, sessionSecret, SESSION);
    return USERS.find((user) => user.id === id);
  }

  app.get("/", async (context) => {
    const user = await userOf(context);
    return context.html(user ? <ExportsPage user={user} /> : <LoginPage />);
  });

  app.get("/style.css", (context) => context.body(style, 200, { "Content-Type": "text/css" }));

  app.post("/login", async (context) => {
    const { user: id } = await context.req.parseBody();
    const user = USERS.find((user) => user.id === id);
    if (!user) return context.html(<ProblemPage title="There is no such user" />, 400);
    await setSignedCookie(context, SESSION, user.id, sessionSecret, {
      httpOnly: true,
      sameSite: "Lax",
    });
    return context.redirect("/", 303);
  });

  app.post("/logout", (context) => {
    deleteCookie(context, SESSION);
    return context.redirect("/", 303);
  });

  app.post("/exports/:name", async (context) => {
    const user = await userOf(context);
    if (!user) return context.html(<ProblemPage title="Please sign in" />, 401);
    const form = await context.req.parseBody();
    const offer = OFFERS.find(({ name }) => name === context.req.param("name"));
    const format = FORMATS.find(({ key }) => key === form.format)?.key;
    if (!offer || !format) {
      return context.html(<ProblemPage title="There is no such export" user={user} />, 404);
    }
    // What the form has fields for, and nothing else: a link grants what stands in it.
    const { since, reason } = form;
    const query = {
      ...(offer.since && typeof since === "string" ? { since } : {}),
      ...(offer.reason && typeof reason === "string" ? { _reason: reason } : {}),
    };
    const link = signLink({ export: offer.name, format, query }, user, linkSecret);
    return context.redirect(exportsOrigin + link, 303);
  });

  app.get("/audit", async (context) => {
    const user = await userOf(context);
    if (!user) return context.html(<ProblemPage title="Please sign in" />, 401);
    if (!user.admin) {
      const title = "Only an admin reads the audit log";
      return context.html(<ProblemPage title={title} user={user} />, 403);
    }
    const entries = await readAuditLog(auditLog, user.tenant);
    return context.html(<AuditPage user={user} entries={entries} />);
  });

  return app;
}
