/** @jsxImportSource hono/jsx */
/** The pages of the application. */

import { raw } from "hono/html";
import type { PropsWithChildren } from "hono/jsx";
import type { AuditEntry } from "./audit_log.ts";
import { FORMATS, type Offer, OFFERS } from "./offers.ts";
import { type User, USERS } from "./people.ts";

/** What the layout of a page needs. */
interface PageProps {
  readonly title: string;
  /** Who is signed in. */
  readonly user?: User | undefined;
  /** Which page of the menu it is. */
  readonly current?: "exports" | "audit" | undefined;
}

/** What every page is in. */
function Page({ title, user, current, children }: PropsWithChildren<PageProps>) {
  return (
    <>
      {raw("<!doctype html>")}
      <html lang="en">
        <head>
          <meta charset="utf-8" />
          <meta name="viewport" content="width=device-width, initial-scale=1" />
          <title>{title} · Tally</title>
          <link rel="icon" href="data:," />
          <link rel="stylesheet" href="/style.css" />
        </head>
        <body>
          <header>
            <p class="brand">Tally</p>
            {user && <Menu user={user} current={current} />}
          </header>
          <main>
            <h1>{title}</h1>
            {children}
          </main>
          <footer>A demo: every company and every person in it is made up.</footer>
        </body>
      </html>
    </>
  );
}

function Menu({ user, current }: Pick<PageProps, "current"> & { user: User }) {
  return (
    <>
      <nav aria-label="Main">
        <a href="/" aria-current={current === "exports" ? "page" : undefined}>Exports</a>
        {user.admin && (
          <a href="/audit" aria-current={current === "audit" ? "page" : undefined}>Audit log</a>
        )}
      </nav>
      <form method="post" action="/logout" class="account">
        <span>
          {user.name} <b>{user.tenant.name}</b>
        </span>
        <button type="submit" class="plain">Sign out</button>
      </form>
    </>
  );
}

/** The choice of a user, in place of a login. */
export function LoginPage() {
  return (
    <Page title="Who are you?">
      <p>
        Tally keeps the invoices of two companies, Acme and Globex. This choice stands for a login.
      </p>
      <form method="post" action="/login" class="cards">
        {USERS.map((user) => (
          <button key={user.id} type="submit" name="user" value={user.id} class="card">
            <strong>{user.name}</strong>
            <span>{user.job} at {user.tenant.name}</span>
            <small>{rightsOf(user)}</small>
          </button>
        ))}
      </form>
    </Page>
  );
}

/** What a user may see, in words. */
function rightsOf({ admin, scopes }: User): string {
  const personal = scopes.includes("pii") ? "Sees personal data" : "Personal data is hidden";
  return admin ? `${personal}; reads the audit log` : personal;
}

/** The exports, with a form for each. */
export function ExportsPage({ user }: { user: User }) {
  return (
    <Page title="Exports" user={user} current="exports">
      <p>Everything here is {user.tenant.name}'s, and nothing of any other company.</p>
      {OFFERS.map((offer) => <OfferForm key={offer.name} offer={offer} user={user} />)}
    </Page>
  );
}

function OfferForm({ offer, user }: { offer: Offer; user: User }) {
  const { name, title, about, hidden, since, reason } = offer;
  return (
    <form method="post" action={`/exports/${name}`} class="offer" aria-labelledby={name}>
      <h2 id={name}>{title}</h2>
      <p>{about}</p>
      {!user.scopes.includes("pii") && <p class="note">{hidden} for you.</p>}
      {since && (
        <label>
          Issued from <small>(optional)</small>
          <input type="date" name="since" />
        </label>
      )}
      {reason && (
        <label>
          Why do you need it?
          <input name="reason" required maxlength={500} autocomplete="off" />
        </label>
      )}
      <p class="buttons">
        {FORMATS.map(({ key, label }) => (
          <button
            key={key}
            type="submit"
            name="format"
            value={key}
            aria-label={`${title}: ${label}`}
          >
            {label}
          </button>
        ))}
      </p>
    </form>
  );
}

/** Who exported what of a tenant, when and why. */
export function AuditPage({ user, entries }: { user: User; entries: readonly AuditEntry[] }) {
  return (
    <Page title="Audit log" user={user} current="audit">
      <p>Who exported what of {user.tenant.name}, when and why. The newest is on top.</p>
      {entries.length === 0
        ? <p class="note">Nothing was exported yet.</p>
        : (
          <div class="scroll" role="region" aria-label="Audit log" tabindex={0}>
            <table>
              <thead>
                <tr>
                  <th scope="col">When (UTC)</th>
                  <th scope="col">Who</th>
                  <th scope="col">File</th>
                  <th scope="col" class="number">Rows</th>
                  <th scope="col">Why</th>
                  <th scope="col">Outcome</th>
                </tr>
              </thead>
              <tbody>{entries.map((entry) => <AuditRow key={entry.id} {...entry} />)}</tbody>
            </table>
          </div>
        )}
    </Page>
  );
}

function AuditRow({ at, who, file, rows, reason, outcome, masked, truncated }: AuditEntry) {
  return (
    <tr>
      <td class="moment">{at}</td>
      <td>{who}</td>
      <td>{file}</td>
      <td class="number">{rows?.toLocaleString("en")}</td>
      <td>{reason}</td>
      <td>
        <span class={outcome === "complete" ? "good" : "bad"}>{outcome}</span>
        {truncated && <small>ended at its limit</small>}
        {masked.length > 0 && <small>hidden: {masked.join(", ")}</small>}
      </td>
    </tr>
  );
}

/** What went wrong with a request, and the way back. */
export function ProblemPage({ title, user }: Pick<PageProps, "title" | "user">) {
  return (
    <Page title={title} user={user}>
      <p>
        <a href="/">Back to the start</a>
      </p>
    </Page>
  );
}
