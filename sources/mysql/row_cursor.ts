/** Reads values of MySQL's binary protocol one after the other. */

import type { Buffer } from "node:buffer";
import { geometryText } from "./geometry.ts";
import { PAIRS } from "../../table/days.ts";
import { durationText } from "../time_converters.ts";

/** A place in a buffer; each method reads the value that begins there, and moves behind it. */
export class RowCursor {
  #bytes!: Buffer;
  /** The buffer as Latin-1, which ASCII is a part of. */
  #latin1: string | undefined;
  #at = 0;

  /** Moves to a place in a buffer: its rows are read one after the other. */
  moveTo(buffer: Buffer, at: number): void {
    if (this.#bytes !== buffer) {
      this.#bytes = buffer;
      this.#latin1 = buffer.length <= LATIN1_BYTES
        ? (buffer as unknown as FastBuffer).latin1Slice(0, buffer.length)
        : undefined;
    }
    this.#at = at;
  }

  /** Where it is. */
  get at(): number {
    return this.#at;
  }

  /** One byte, without a sign. */
  readUint8(): number {
    return this.#bytes[this.#at++]!;
  }

  /** A length-encoded integer. */
  #readLength(): number {
    const first = this.#bytes[this.#at++]!;
    if (first < 251) return first;
    if (first === 252) return this.readUint16();
    const size = first === 253 ? 3 : 6;
    const length = this.#bytes.readUIntLE(this.#at, size);
    // Eight bytes, of which the last two are zero: a packet has 2^30 at most.
    this.#at += first === 253 ? 3 : 8;
    return length;
  }

  /** Two bytes, without a sign. */
  readUint16(): number {
    this.#at += 2;
    return this.#bytes[this.#at - 2]! | this.#bytes[this.#at - 1]! << 8;
  }

  /** Four bytes. */
  readInt32(): number {
    this.#at += 4;
    return this.#bytes[this.#at - 4]! | this.#bytes[this.#at - 3]! << 8 |
      this.#bytes[this.#at - 2]! << 16 | this.#bytes[this.#at - 1]! << 24;
  }

  /** Text in UTF-8. */
  readText(): string {
    const length = this.#readLength();
    const start = this.#at;
    this.#at += length;
    if (this.#latin1 !== undefined && this.#isAscii(start, this.#at)) {
      return this.#latin1.slice(start, this.#at);
    }
    return (this.#bytes as unknown as FastBuffer).utf8Slice(start, this.#at);
  }

  #isAscii(start: number, end: number): boolean {
    let bits = 0;
    for (let index = start; index < end; index++) bits |= this.#bytes[index]!;
    return bits < 128;
  }

  /** Bytes of their own. */
  readBytes(): Uint8Array {
    const length = this.#readLength();
    const start = this.#at;
    this.#at += length;
    // A copy: the buffer is used again, and may be larger than its cells by far.
    return new Uint8Array(this.#bytes.subarray(start, this.#at));
  }

  /** A geometry, as text. */
  readGeometry(): string {
    const length = this.#readLength();
    this.#at += length;
    return geometryText(this.#bytes.subarray(this.#at - length, this.#at));
  }

  /** Eight bytes, a `bigint` beyond 2^53. */
  readInt64(unsigned: boolean): number | bigint {
    const low = this.readInt32() >>> 0;
    const high = this.readInt32();
    const number = (unsigned ? high >>> 0 : high) * 0x1_0000_0000 + low;
    if (Number.isSafeInteger(number)) return number;
    return unsigned
      ? this.#bytes.readBigUInt64LE(this.#at - 8)
      : this.#bytes.readBigInt64LE(this.#at - 8);
  }

  /** Up to 64 bits, the most significant byte first. */
  readBits(): number | bigint {
    const length = this.#readLength();
    let bits = 0n;
    for (const end = this.#at + length; this.#at < end; this.#at++) {
      bits = bits << 8n | BigInt(this.#bytes[this.#at]!);
    }
    return bits <= Number.MAX_SAFE_INTEGER ? Number(bits) : bits;
  }

  /** A date. */
  readDate(): string {
    const length = this.#bytes[this.#at++]!;
    if (length === 0) return ZERO_DATE;
    const year = this.readUint16();
    this.#at += length - 2;
    return dateText(year, this.#bytes[this.#at - length + 2]!, this.#bytes[this.#at - length + 3]!);
  }

  /**
   * A date and a time, of which the server leaves out what is zero: the time, or the microseconds.
   *
   * @param zone what is written behind them
   */
  readDateTime(zone: string): string {
    const length = this.#bytes[this.#at++]!;
    if (length === 0) return `${ZERO_DATE} 00:00:00`;
    const start = this.#at;
    this.#at += length;
    const date = dateText(
      this.#bytes[start]! | this.#bytes[start + 1]! << 8,
      this.#bytes[start + 2]!,
      this.#bytes[start + 3]!,
    );
    if (length < 7) return date + " 00:00:00" + zone;
    const time = date + " " + PAIRS[this.#bytes[start + 4]!] + ":" +
      PAIRS[this.#bytes[start + 5]!] + ":" +
      PAIRS[this.#bytes[start + 6]!];
    return (length < 11 ? time : time + fractionText(this.#bytes.readUInt32LE(start + 7))) + zone;
  }

  /** A time of the day; a duration from a day on, up to 838:59:59, and below zero. */
  readTime(): string {
    const length = this.#bytes[this.#at++]!;
    if (length === 0) return "00:00:00";
    const start = this.#at;
    this.#at += length;
    const negative = this.#bytes[start] === 1;
    const hours = this.#bytes.readUInt32LE(start + 1) * 24 + this.#bytes[start + 5]!;
    const minutes = this.#bytes[start + 6]!;
    const seconds = this.#bytes[start + 7]!;
    const fraction = length < 12 ? "" : fractionText(this.#bytes.readUInt32LE(start + 8));
    return negative || hours >= 24
      ? durationText(negative, hours, minutes, seconds + fraction)
      : PAIRS[hours] + ":" + PAIRS[minutes] + ":" + PAIRS[seconds] + fraction;
  }

  /** A 32-bit float, as the double with the shortest digits that still are it: 0.1, not 0.10000000149. */
  readFloat(): number {
    this.#at += 4;
    return shortest(this.#bytes.readFloatLE(this.#at - 4));
  }

  /** A double. */
  readDouble(): number {
    this.#at += 8;
    return this.#bytes.readDoubleLE(this.#at - 8);
  }
}

/**
 * Bytes of a buffer that is decoded once, and its cells of ASCII cut from that: 0.25 s for 500,000
 * rows of the audit log, where a call of the decoder for each cell takes 0.32 s. A socket gives 64 KiB
 * at once; what is larger is a row with a large cell, which one call decodes.
 */
const LATIN1_BYTES = 128 * 1024;

/** What of a buffer's methods the type declarations leave out. */
interface FastBuffer {
  utf8Slice(start: number, end: number): string;
  latin1Slice(start: number, end: number): string;
}

function shortest(float: number): number {
  if (Number.isInteger(float)) return float;
  // Nine digits tell every float from its neighbours (IEEE 754, 5.12.2).
  for (let digits = 6; digits < 9; digits++) {
    const short = Number(float.toPrecision(digits));
    if (Math.fround(short) === float) return short;
  }
  return Number(float.toPrecision(9));
}

/** A date without year, month and day, which no calendar has and MySQL lets people keep. */
const ZERO_DATE = "0000-00-00";

/** The last date written: rows near each other are often of the same day. */
let lastDate = 0;
let lastText = ZERO_DATE;

function dateText(year: number, month: number, day: number): string {
  const date = year << 9 | month << 5 | day;
  if (date !== lastDate) {
    lastDate = date;
    lastText = `${String(year).padStart(4, "0")}-${PAIRS[month]}-${PAIRS[day]}`;
  }
  return lastText;
}

/** `.5` for 500,000 microseconds. */
function fractionText(microseconds: number): string {
  if (microseconds === 0) return "";
  return "." + String(microseconds).padStart(6, "0").replace(/0+$/, "");
}
