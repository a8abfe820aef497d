/** What the routes are given. */

import type { Access } from "../access/mod.ts";
import type { Config, ConvertSettings, ExportDefinition } from "../catalog/config.ts";
import type { WebhooksSettings } from "../catalog/webhooks.ts";
import type { Offer } from "../requests/find_exports.ts";
import type { Readiness } from "../runs/readiness.ts";
import type { Background } from "../runs/background.ts";
import type { Receipts } from "../runs/receipts.ts";
import type { Resumptions } from "../runs/resumptions.ts";
import type { StartRun } from "../runs/run.ts";
import type { ReceiptSigner } from "../runs/signed_receipt.ts";
import type { WholeFiles } from "../runs/whole_files.ts";
import type { SourceColumn } from "../sources/source.ts";
import type { Uploads } from "../storage/spool/uploads.ts";
import type { Wait } from "./authenticate.ts";
import type { Client } from "./environment.ts";
import type { ServerNames } from "./guard.ts";
import type { RefusedRequest } from "./refusals.ts";
import type { RunEvents } from "./run_events.ts";
import type { StartTrace } from "./trace.ts";

/** A link that was signed, without its signature. */
export interface SignedLink {
  /** Who asked for it. */
  readonly principal: string;
  /** Whose data it is for. */
  readonly tenant?: string;
  /** The client's address, where it is known. */
  readonly client?: string;
  /** The path of its file. */
  readonly path: string;
  /** When it ends, RFC 3339. */
  readonly expires: string;
}

/** A file that is kept, and was sent again or asked about. */
export interface ResentFile {
  /** The run that made it, which the client knows as `Export-Id`. */
  readonly id: string;
  /** Who asked for it. */
  readonly principal: string;
  /** Whose data they may have. */
  readonly tenant?: string;
  /** The id of their key, or the name of the secret that signed their link. */
  readonly credential?: string;
  /** The client's address, where it is known. */
  readonly client?: string;
  /** Why, where that was said. */
  readonly reason?: string;
  /** The name of the export; of several in one file, with commas between. */
  readonly export: string;
  /** The key of the format. */
  readonly format: string;
  /** The method. */
  readonly method: string;
  /** The status of the answer. */
  readonly status: number;
  /** The range that was asked for. */
  readonly range?: string;
  /** The SHA-256 of the file, in hexadecimal, where it is known. */
  readonly sha256?: string;
}

/** What there is of runs besides their downloads. */
export interface RunsAccess {
  /** What is known of each. */
  readonly receipts: Receipts;
  /** Their files; absent where none are kept. */
  readonly files: WholeFiles | undefined;
  /** Takes on runs that no client waits for; absent where no files are kept. */
  readonly background: Background | undefined;
  /** Answers with the progress of one. */
  readonly events: RunEvents;
}

/** What the routes need. */
export interface Dependencies extends Offer {
  /** Who is let in. */
  readonly access: Pick<Access, "authenticate" | "links">;
  /** Waits before the answer to a wrong credential. @default the system's clock */
  readonly wait?: Wait;
  /** What time it is, in milliseconds since 1970. @default Date.now */
  readonly now?: () => number;
  /** What the server is called. */
  readonly names: ServerNames;
  /** Runs an export. */
  readonly startRun: StartRun;
  /** Makes files that are finished before they are sent; absent where there is no spool. */
  readonly wholeFiles?: WholeFiles | undefined;
  /** Streamed downloads that wait for their clients; absent where there is no spool. */
  readonly resumptions?: Resumptions | undefined;
  /** What is known of runs. @default nothing */
  readonly runs?: RunsAccess | undefined;
  /** Signs receipts. @default they are not signed */
  readonly signer?: ReceiptSigner | undefined;
  /** What the server asks for by itself, by name. @default nothing */
  readonly schedules?: Config["schedules"];
  /** Where the ends of runs are told of. @default nowhere */
  readonly webhooks?: WebhooksSettings | undefined;
  /** How uploads are converted, and what takes them; absent where none is. */
  readonly convert?: {
    readonly settings: ConvertSettings;
    readonly uploads: Uploads;
  };
  /** All columns of an export, as its source gives them. @default they are not known */
  readonly columns?: (definition: ExportDefinition) => Promise<readonly SourceColumn[] | undefined>;
  /** Whether an answer may hold what a source said of its failure. @default never */
  readonly debug?: (request: Request, client: Client | undefined) => boolean;
  /** Draws from 0 to 1, for `Retry-After`. @default Math.random */
  readonly random?: () => number;
  /** Whether another export would be taken. */
  readonly readiness: () => Promise<Readiness>;
  /** The numbers of the server, in Prometheus's text format. */
  readonly scrape: () => Promise<{ readonly contentType: string; readonly text: string }>;
  /** Whether health and metrics are answered on a port of their own, and not here. @default false */
  readonly adminElsewhere?: boolean;
  /** Makes a span of each request. @default none is made */
  readonly trace?: StartTrace | undefined;
  /** Whether what is done now could not be written to the audit log. @default there is none */
  readonly auditFailing?: () => boolean;
  /** Called with every request that was refused, for the log. */
  readonly onRefusal: (refused: RefusedRequest) => void;
  /** Called with every link that was signed, for the log. */
  readonly onLink?: (signed: SignedLink) => void;
  /** Called with every answer from a file that was kept, for the log. */
  readonly onResent?: (resent: ResentFile) => void;
  /** Called with errors that are this server's own fault. */
  readonly onError: (error: unknown, request: Request) => void;
}
