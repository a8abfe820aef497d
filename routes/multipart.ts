/** Reads a form with one file in it (RFC 7578), as it comes. */

import { Busboy, type BusboyHeaders, type BusboyInstance } from "@fastify/busboy";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { badRequest, ProblemError } from "./problems.ts";

/** A file in a form. */
export interface FormFile {
  /** Its content; it is read or cancelled. */
  readonly body: ReadableStream<Uint8Array>;
  /** Its name, as the sender has it. */
  readonly name: string | undefined;
  /** Its media type. */
  readonly type: string;
}

/** A form that was read. */
export interface ReadForm<Taken> {
  /** What was made of its file. */
  readonly taken: Taken;
  /** The fields besides, in their order. */
  readonly fields: readonly (readonly [name: string, text: string])[];
}

/** Fields besides the file, and bytes of each: as much as a URL has. */
const MAX_FIELDS = 50;
const MAX_FIELD_BYTES = 8 * 1024;

/**
 * Reads a form.
 *
 * @param take makes something of the file while it comes
 * @param release takes that back, where the form is refused behind the file
 * @throws {ProblemError} where it is no form, or has another number of files
 * @throws {unknown} what `take` throws
 */
export async function readForm<Taken>(
  body: ReadableStream<Uint8Array>,
  contentType: string,
  take: (file: FormFile) => Promise<Taken>,
  release: (taken: Taken) => Promise<void>,
): Promise<ReadForm<Taken>> {
  const parser = createParser(contentType);
  const input = Readable.fromWeb(body as Parameters<typeof Readable.fromWeb>[0]);
  const fields: (readonly [string, string])[] = [];
  let taking: Promise<Taken> | undefined;
  let refusal: ProblemError | undefined;
  const refuse = (detail: string) => {
    refusal ??= refused(detail);
    input.destroy(refusal);
  };
  parser.on("file", (_field, stream, name, _encoding, type) => {
    // Errors of the form are errors of its file, which would wait for the rest of it otherwise.
    input.once("error", (error) => stream.destroy(error));
    parser.once("error", (error) => stream.destroy(error as Error));
    const content = Readable.toWeb(stream) as ReadableStream<Uint8Array>;
    taking = take({ body: content, name: name === "" ? undefined : name, type });
    taking.catch((error) => input.destroy(error));
  });
  parser.on("filesLimit", () => refuse("the form has more than one file"));
  parser.on("fieldsLimit", () => refuse(`the form has more than ${MAX_FIELDS} fields`));
  parser.on("field", (name, text, nameTruncated, textTruncated) => {
    if (nameTruncated || textTruncated) refuse(`a field has more than ${MAX_FIELD_BYTES} bytes`);
    else fields.push([name, text]);
  });
  let broken: unknown;
  input.once("error", (error) => broken = error);
  const [parsed] = await Promise.allSettled([pipeline(input, parser)]);
  const [result] = await Promise.allSettled([taking]);
  const taken = result.status === "fulfilled" ? result.value : undefined;
  if (parsed.status === "fulfilled" && taken !== undefined && !refusal) return { taken, fields };
  if (taken !== undefined) await release(taken);
  if (refusal) throw refusal;
  // The body broke off, or what was made of the file had enough of it.
  if (broken !== undefined) throw broken;
  if (parsed.status === "rejected") throw refused("the form is cut off, or none");
  throw result.status === "rejected" ? result.reason : refused("the form has no file");
}

function createParser(contentType: string): BusboyInstance {
  const headers: BusboyHeaders = { "content-type": contentType };
  const limits = { files: 1, fields: MAX_FIELDS, fieldSize: MAX_FIELD_BYTES };
  try {
    return new Busboy({ headers, limits });
  } catch {
    throw refused("its Content-Type has no boundary");
  }
}

function refused(detail: string): ProblemError {
  return new ProblemError(badRequest([{ name: "body", detail }]));
}
