/** The exports that the application has buttons for, with the words that people read. */

/** An export of `spillway.yaml`. */
export interface Offer {
  readonly name: string;
  readonly title: string;
  /** What is in it, in a sentence. */
  readonly about: string;
  /** What a user without the scope `pii` does not see. */
  readonly hidden: string;
  /** Whether the form asks from which day on. */
  readonly since?: boolean;
  /** Whether the form asks why. */
  readonly reason?: boolean;
}

/** All of them. */
export const OFFERS: readonly Offer[] = [
  {
    name: "invoices",
    title: "Invoices",
    about: "Every invoice with its customer, its dates and its total.",
    hidden: "E-mail addresses are shortened",
    since: true,
  },
  {
    name: "customers",
    title: "Customers",
    about: "Who your customers are and how to reach them. You are asked why you need it.",
    hidden: "Contacts are left out; e-mail addresses and phone numbers are shortened",
    reason: true,
  },
  {
    name: "activity",
    title: "Activity",
    about: "What your people did: the first 1,000 events, and the file says so.",
    hidden: "People are shown as codes",
  },
];

/** The formats that the application has buttons for. */
export const FORMATS = [
  { key: "xlsx", label: "Export to Excel" },
  { key: "csv", label: "CSV" },
] as const;
