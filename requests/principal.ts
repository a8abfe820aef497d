/** Who asks for an export. */

/** Who asks: a part of every request, so that what one may have is not given to another. */
export interface Principal {
  /** What it is known by; no two principals have the same. */
  readonly id: string;
}

/** Who asks while nothing tells callers apart. */
export const ANONYMOUS: Principal = { id: "anonymous" };
