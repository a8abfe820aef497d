/** Takes out of texts what must not stand in a log: secrets, values, and what a line cannot hold. */

/** Characters that are kept of a path or a reason. */
const MAX_LENGTH = 200;

/** Characters that are looked at: more are no path but a flood. */
const MAX_READ = 2000;

/** Names that are kept of a list. */
const MAX_NAMES = 5;

/** What a query begins with where a link was mangled, encoded once or more often. */
const PATH_END = /(?:[?&;#]|%(?:25)*(?:3F|26|3B|23)).*$/is;

/** The same in a sentence, where a semicolon may stand before a space. */
const TEXT_END = /(?:[?&]|;(?=\S)|%(?:25)*(?:3F|26|3B|23)).*$/is;

/** A key, whole or a part of it. */
const KEY = /sw(?:_|%(?:25)*5F)[\w%.~-]+/gi;

/** The begin of a JSON Web Token: its header and its claims, which tell of a person. */
const TOKEN = /eyJ[\w-]{8,}\.[\w-]*(?:\.[\w-]*)?/g;

/** What a link is signed with, and by. */
const SIGNED = /((?:_|%(?:25)*5F)(?:sig|kid|key))(?:=|%(?:25)*3D)[^/\s"&]*/gi;

/** A path for a log: without what may be a query, in printable ASCII, and not long. */
export function redactPath(path: string): string {
  const text = maskSecrets(path.slice(0, MAX_READ).replace(PATH_END, "…"));
  return cut(text.replace(/[^\x21-\x7e…]+/gu, encodeURIComponent));
}

/** A sentence that may name a part of a request: the same for its log line. */
export function redactText(text: string): string {
  return cutText(text.slice(0, MAX_READ).replace(TEXT_END, "…"));
}

/** A sentence on one line without a key or a signature; a link in it was redacted before. */
export function cutText(text: string): string {
  return cut(printable(maskSecrets(text.slice(0, MAX_READ))));
}

/** The names of params, without those that may be a value, and not all of them where there are many. */
export function redactNames(names: readonly string[]): string {
  const unique = [...new Set(names)];
  const more = unique.length > MAX_NAMES ? ", …" : "";
  return unique.slice(0, MAX_NAMES).map(redactName).join(", ") + more;
}

/** A name; what is no short word may be a value. */
export function redactName(name: string): string {
  return /^[\w.-]{1,40}$/.test(name) ? maskSecrets(name) : "*";
}

/** A text without line breaks, escapes and marks of direction: those are percent-encoded. */
function printable(text: string): string {
  return text.toWellFormed().replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, encodeURIComponent);
}

/** A text without keys, tokens and signatures, which a person may have pasted into it. */
export function maskSecrets(text: string): string {
  return text.toWellFormed().replace(KEY, "sw_*").replace(TOKEN, "eyJ*").replace(SIGNED, "$1=*");
}

function cut(text: string): string {
  return text.length > MAX_LENGTH ? `${text.slice(0, MAX_LENGTH).toWellFormed()}…` : text;
}
