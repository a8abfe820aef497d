/** Guesses the encoding of a text that says nothing of it, and is no UTF-8. */

import { analyse } from "chardet";
import type { Note } from "./reader.ts";

/** Bytes of lines that are not ASCII that are enough to tell an older encoding. */
const EVIDENCE_BYTES = 64 * 1024;

/** Guesses the encoding of bytes, by the lines that are not ASCII, and says so; its label. */
export function guessEncoding(bytes: Uint8Array, note: Note): string {
  const evidence = new Uint8Array(EVIDENCE_BYTES);
  let filled = 0;
  // Lines of ASCII alone tell nothing.
  for (const line of linesBeyondAscii(bytes)) {
    const part = line.subarray(0, EVIDENCE_BYTES - filled);
    evidence.set(part, filled);
    filled += part.length;
    if (filled === EVIDENCE_BYTES) break;
  }
  const label = guess(evidence.subarray(0, filled));
  note("encoding-guessed", label);
  return label;
}

/** The lines that have a byte beyond ASCII, cut at ASCII, where no character can be halved. */
function* linesBeyondAscii(bytes: Uint8Array): Generator<Uint8Array> {
  let start = 0;
  let beyond = false;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at]!;
    if (byte >= 0x80) beyond = true;
    else if (byte === 0x0a || byte === 0x0d) {
      if (beyond) yield bytes.subarray(start, at + 1);
      start = at + 1;
      beyond = false;
    }
  }
  if (beyond) yield bytes.subarray(start);
}

/** What is known of an encoding of two bytes a character: where those lie that are used most. */
interface DoubleByte {
  readonly label: string;
  /** Whether a lead byte is of common characters, or of punctuation. */
  isCommon(lead: number): boolean;
}

const DOUBLE_BYTES: readonly DoubleByte[] = [
  // Hangul.
  { label: "euc-kr", isCommon: (lead) => inside(lead, 0xb0, 0xc8) || inside(lead, 0xa1, 0xa3) },
  // Kana, and kanji of the first level.
  { label: "shift_jis", isCommon: (lead) => inside(lead, 0x81, 0x98) && lead !== 0x85 },
  {
    label: "gb18030",
    isCommon: (lead) => lead >= 0xb0 && lead <= 0xd7 || inside(lead, 0xa1, 0xa3),
  },
  { label: "big5", isCommon: (lead) => inside(lead, 0xa1, 0xc6) },
  { label: "euc-jp", isCommon: (lead) => inside(lead, 0xa1, 0xa5) || inside(lead, 0xb0, 0xcf) },
];

function inside(byte: number, first: number, last: number): boolean {
  return byte >= first && byte <= last;
}

/** The part of the characters that must be common ones: in text of another encoding, half are. */
const COMMON_PART = 0.8;

/** Alphabets in which letters beyond ASCII stand among others. */
const LATIN = ["windows-1252", "windows-1250", "windows-1254", "windows-1257", "iso-8859-2"];

const OTHER_ALPHABETS = [
  "windows-1251",
  "windows-1253",
  "windows-1255",
  "windows-1256",
  "koi8-r",
  "iso-8859-5",
  "iso-8859-6",
];

/** Names that the detection has, as the labels of what Windows writes; others are labels already. */
const LABELS: Readonly<Record<string, string>> = {
  "iso-8859-1": "windows-1252",
  "iso-8859-7": "windows-1253",
  "iso-8859-8": "windows-1255",
  "iso-8859-9": "windows-1254",
};

/**
 * The encoding that bytes look most like. Those of two bytes a character are told by which characters there
 * would be, also from a single short line, where the statistics of `chardet` say nothing or something else.
 */
function guess(evidence: Uint8Array): string {
  const parts = DOUBLE_BYTES.map((encoding) => ({
    label: encoding.label,
    part: isTextOf(evidence, encoding.label) ? commonPart(evidence, encoding) : 0,
  })).sort((one, other) => other.part - one.part);
  if (parts[0]!.part >= COMMON_PART) return parts[0]!.label;
  if (isThai(evidence)) return "windows-874";
  const isLatin = neighbours(evidence) < 0.5;
  for (const { name } of analyse(evidence)) {
    const label = LABELS[name.toLowerCase()] ?? name.toLowerCase();
    if ((isLatin ? LATIN : OTHER_ALPHABETS).includes(label)) return label;
  }
  return "windows-1252";
}

function isTextOf(bytes: Uint8Array, label: string): boolean {
  try {
    // The last character may be cut.
    new TextDecoder(label, { fatal: true }).decode(bytes, { stream: true });
    return true;
  } catch {
    return false;
  }
}

function commonPart(bytes: Uint8Array, { isCommon }: DoubleByte): number {
  let all = 0;
  let common = 0;
  for (let at = 0; at < bytes.length; at++) {
    if (bytes[at]! < 0x80) continue;
    all++;
    if (isCommon(bytes[at]!)) common++;
    at++;
  }
  return all === 0 ? 0 : common / all;
}

/** The part of the bytes beyond ASCII that stand beside another one. */
function neighbours(bytes: Uint8Array): number {
  let all = 0;
  let beside = 0;
  for (let at = 0; at < bytes.length; at++) {
    if (bytes[at]! < 0x80) continue;
    all++;
    if (bytes[at - 1]! >= 0x80 || bytes[at + 1]! >= 0x80) beside++;
  }
  return all === 0 ? 0 : beside / all;
}

/** Whether half of the letters are where Thai has consonants, and other alphabets have signs. */
function isThai(bytes: Uint8Array): boolean {
  const letters = bytes.filter((byte) => byte >= 0x80);
  const consonants = letters.filter((byte) => byte >= 0xa1 && byte <= 0xc6);
  return consonants.length > letters.length * 0.4;
}
