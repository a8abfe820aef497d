/** The bytes of markup that scanners look for. */

/** `<`. */
export const LT = 0x3c;
/** `>`. */
export const GT = 0x3e;
/** `/`. */
export const SLASH = 0x2f;
/** `=`. */
export const EQUALS = 0x3d;
/** `"`. */
export const QUOTE = 0x22;
/** `'`. */
export const APOSTROPHE = 0x27;
/** The last of white space and of control characters. */
export const SPACE = 0x20;

/** What follows the name of a tag or of an attribute: white space, `/`, `>`, `=`. */
export function isNameEnd(byte: number): boolean {
  return byte <= SPACE || byte === SLASH || byte === GT || byte === EQUALS;
}
