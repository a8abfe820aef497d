/** The tenants of the demo and their users, which in an application are tables of its database. */

/** A customer of the application, whose data no other one may see. */
export interface Tenant {
  /** What stands in links and in the column `tenant` of each table. */
  readonly id: string;
  /** What people read. */
  readonly name: string;
}

/** A person who signs in. */
export interface User {
  readonly id: string;
  readonly name: string;
  /** Stands in links as `_sub`, and so in the audit log. */
  readonly email: string;
  readonly job: string;
  readonly tenant: Tenant;
  /** Whether they may read the audit log of their tenant. */
  readonly admin: boolean;
  /** Stand in links as `_scopes`: `pii` shows columns that are masked for others. */
  readonly scopes: readonly string[];
}

/** Whose data there is. */
export const ACME: Tenant = { id: "acme", name: "Acme" };
/** The other tenant. */
export const GLOBEX: Tenant = { id: "globex", name: "Globex" };

/** All who can sign in. */
export const USERS: readonly User[] = [
  {
    id: "ann",
    name: "Ann Archer",
    email: "ann@acme.example",
    job: "Head of finance",
    tenant: ACME,
    admin: true,
    scopes: ["pii"],
  },
  {
    id: "ben",
    name: "Ben Brooks",
    email: "ben@acme.example",
    job: "Support",
    tenant: ACME,
    admin: false,
    scopes: [],
  },
  {
    id: "gia",
    name: "Gia Greco",
    email: "gia@globex.example",
    job: "Operations",
    tenant: GLOBEX,
    admin: true,
    scopes: [],
  },
  {
    id: "hal",
    name: "Hal Hughes",
    email: "hal@globex.example",
    job: "Sales",
    tenant: GLOBEX,
    admin: false,
    scopes: [],
  },
];
