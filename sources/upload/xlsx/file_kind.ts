/** Tells by its first bytes what a file is that is no XLSX. */

import { UploadError, type UploadFile } from "../reader.ts";

/** OLE's compound files, as XLS and encrypted XLSX are (MS-CFB 2.2). */
const COMPOUND = "d0cf11e0a1b11ae1";

const ZIP = "504b0304";

/** A ZIP file without an entry. */
const EMPTY_ZIP = "504b0506";

/** Bytes of a compound file's directory in which the names of its streams are looked for. */
const DIRECTORY_BYTES = 16 * 1024;

/**
 * Checks that a file can be a workbook.
 *
 * @throws {UploadError} with what it is, where that is known
 */
export function checkKind(file: UploadFile): void {
  const head = new Uint8Array(512);
  const length = file.readAt(0, head);
  const magic = head.subarray(0, 8).toHex();
  if (length >= 4 && magic.startsWith(ZIP)) return;
  if (length >= 4 && magic.startsWith(EMPTY_ZIP)) {
    throw new UploadError("it is a ZIP file without a workbook", { kind: "type" });
  }
  if (length === 512 && magic === COMPOUND) throw compoundError(file, head);
  throw new UploadError("it is no XLSX workbook", { kind: "type" });
}

/** What a compound file is, by the streams in its directory (MS-CFB 2.6.1, MS-OFFCRYPTO 2.3.4). */
function compoundError(file: UploadFile, head: Uint8Array): UploadError {
  const view = new DataView(head.buffer);
  const sector = 1 << Math.min(view.getUint16(30, true), 12);
  const directory = new Uint8Array(DIRECTORY_BYTES);
  file.readAt((view.getUint32(48, true) + 1) * sector, directory);
  const names = new TextDecoder("utf-16le").decode(directory);
  if (names.includes("EncryptedPackage")) {
    return new UploadError("it is encrypted, and opens with a password only");
  }
  if (names.includes("Workbook\0") || names.includes("Book\0")) {
    return new UploadError("it is a workbook of Excel 97 (XLS); XLSX is read", { kind: "type" });
  }
  return new UploadError("it is an OLE compound file, and no XLSX workbook", { kind: "type" });
}
