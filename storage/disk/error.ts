/** One error for everything that a disk can do to us: full, over quota, too large, broken, read-only. */

/** What the disk said. */
export type DiskErrorCode = "ENOSPC" | "EDQUOT" | "EFBIG" | "EIO" | "EROFS";

const MEANINGS: Readonly<Record<DiskErrorCode, string>> = {
  ENOSPC: "no space is left on the disk",
  EDQUOT: "the disk quota is used up",
  EFBIG: "the file is larger than the system allows",
  EIO: "the disk is broken",
  EROFS: "the file system is read-only",
};

/**
 * The numbers behind the codes, for errors that Deno 2.9.6 gives no `code`: EDQUOT and EFBIG,
 * measured. Linux, macOS and the BSDs differ in EDQUOT alone (122 and 69); neither number means
 * anything else on the other that a file could answer.
 */
const CODES: ReadonlyMap<number, DiskErrorCode> = new Map([
  [5, "EIO"],
  [27, "EFBIG"],
  [28, "ENOSPC"],
  [30, "EROFS"],
  [69, "EDQUOT"],
  [122, "EDQUOT"],
]);

/** What was known when the disk failed. */
export interface DiskErrorContext {
  /** What was tried, as it stands after `Cannot`: `write to the spool`. */
  readonly action: string;
  /** Where the disk is mounted. */
  readonly mount: string;
  /** Bytes that were free. */
  readonly freeBytes: number;
  /** Bytes that were reserved, by everybody. */
  readonly reservedBytes: number;
  /** Bytes of the failed write that got there. @default 0 */
  readonly written?: number;
}

/** The disk refused. */
export class DiskError extends Error {
  override readonly name = "DiskError";
  /** What the disk said. */
  readonly code: DiskErrorCode;
  /** Where the disk is mounted. */
  readonly mount: string;
  /** Bytes that were free. */
  readonly freeBytes: number;
  /** Bytes that were reserved, by everybody. */
  readonly reservedBytes: number;
  /** Bytes of the failed write that got there: they can be read, and need not be written again. */
  readonly written: number;

  /** Takes the code, what was known, and the platform's error as `cause`. */
  constructor(code: DiskErrorCode, context: DiskErrorContext, options?: ErrorOptions) {
    const { action, mount, freeBytes, reservedBytes, written = 0 } = context;
    super(
      `Cannot ${action}: ${MEANINGS[code]} (${code}); mounted at ${mount}, ` +
        `${freeBytes} bytes free, ${reservedBytes} reserved`,
      options,
    );
    this.code = code;
    this.mount = mount;
    this.freeBytes = freeBytes;
    this.reservedBytes = reservedBytes;
    this.written = written;
  }
}

/** What the disk said, however Deno reports it; nothing, where an error is not the disk's. */
export function diskErrorCode(error: unknown): DiskErrorCode | undefined {
  if (!(error instanceof Error)) return undefined;
  if ("code" in error && typeof error.code === "string") {
    return Object.hasOwn(MEANINGS, error.code) ? error.code as DiskErrorCode : undefined;
  }
  const [, number] = /\(os error (\d+)\)/.exec(error.message) ?? [];
  return CODES.get(Number(number));
}

/** Makes a {@linkcode DiskError} of an error that is the disk's; anything else passes through. */
export function toDiskError(error: unknown, context: DiskErrorContext): unknown {
  if (error instanceof DiskError) return error;
  const code = diskErrorCode(error);
  return code === undefined ? error : new DiskError(code, context, { cause: error });
}
