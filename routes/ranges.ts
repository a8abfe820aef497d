/** Which bytes of a file a request gets: conditions and ranges (RFC 9110, sections 13 and 14). */

/** The file as it would be answered. */
export interface Representation {
  /** Its bytes. */
  readonly size: number;
  /** Its strong entity tag, quotes included. */
  readonly etag: string;
}

/** What to answer. Both ends of a range are included. */
export type Selection =
  /** All of it. */
  | { readonly status: 200 }
  /** One range of it, with the value of `Content-Range`. */
  | {
    readonly status: 206;
    readonly range: { readonly first: number; readonly last: number };
    readonly contentRange: string;
  }
  /** Nothing: the client has it. */
  | { readonly status: 304 }
  /** Nothing: it is not the file that the client means. */
  | { readonly status: 412 }
  /** Nothing: the range begins after its end. The value of `Content-Range` says where that is. */
  | { readonly status: 416; readonly contentRange: string };

/**
 * Decides by the request's `If-Match`, `If-None-Match`, `Range` and `If-Range`, in the order of RFC
 * 9110, 13.2.2. Conditions on a date are never true: no date is sent that they could repeat.
 *
 * @param method a range is defined for GET alone (14.2)
 */
export function selectRange(
  method: string,
  headers: Pick<Headers, "get">,
  { size, etag }: Representation,
): Selection {
  const ifMatch = headers.get("If-Match");
  if (ifMatch !== null && !listsStrongly(ifMatch, etag)) return { status: 412 };
  const ifNoneMatch = headers.get("If-None-Match");
  if (ifNoneMatch !== null && listsWeakly(ifNoneMatch, etag)) return { status: 304 };

  const range = headers.get("Range");
  if (method !== "GET" || range === null) return { status: 200 };
  const ifRange = headers.get("If-Range");
  // 13.1.5: compared strongly; a weak tag or a date is none of ours, and so the whole file is due.
  if (ifRange !== null && ifRange.trim() !== etag) return { status: 200 };
  return parseRange(range, size);
}

/**
 * Reads the value of `Range` against a size. What is no single range of bytes is ignored, as 14.2 allows:
 * another unit, a mistake, and several ranges, whose `multipart/byteranges` no download manager needs.
 */
export function parseRange(range: string, size: number): Selection {
  const [, unit, set = ""] = /^([^=\s]+)=(.*)$/.exec(range.trim()) ?? [];
  // 14.1: range unit names are case-insensitive. 5.6.1.2: empty elements of a list are nothing.
  const specs = set.split(",").map((spec) => spec.trim()).filter((spec) => spec !== "");
  if (unit?.toLowerCase() !== "bytes" || specs.length !== 1) return { status: 200 };

  const [, from, to] = /^(\d*)-(\d*)$/.exec(specs[0]!) ?? [];
  if (from === undefined || to === undefined || from + to === "") return { status: 200 };
  // A number beyond 2^53 loses digits here, and is beyond every file with or without them.
  if (from === "") {
    const length = Number(to);
    if (length === 0) return unsatisfiable(size);
    // 14.1.2: satisfiable by an empty file, but Content-Range cannot say so.
    if (size === 0) return { status: 200 };
    return partial(Math.max(0, size - length), size - 1, size);
  }
  const first = Number(from);
  const last = to === "" ? Infinity : Number(to);
  if (last < first) return { status: 200 };
  return first < size ? partial(first, Math.min(last, size - 1), size) : unsatisfiable(size);
}

function partial(first: number, last: number, size: number): Selection {
  return {
    status: 206,
    range: { first, last },
    contentRange: `bytes ${first}-${last}/${size}`,
  };
}

function unsatisfiable(size: number): Selection {
  return { status: 416, contentRange: `bytes */${size}` };
}

/** The entity tags in a list (8.8.3); a comma may be within one. */
function entityTags(list: string): string[] {
  return list.match(/(?:W\/)?"[\x21\x23-\x7e\x80-\xff]*"/g) ?? [];
}

/** Whether `If-Match` names a strong tag: 8.8.3.2, a weak tag is like no other. */
function listsStrongly(list: string, etag: string): boolean {
  return list.trim() === "*" || entityTags(list).includes(etag);
}

/** Whether `If-None-Match` names a strong tag, compared weakly (13.1.2). */
function listsWeakly(list: string, etag: string): boolean {
  return list.trim() === "*" ||
    entityTags(list).some((tag) => tag === etag || tag === `W/${etag}`);
}
