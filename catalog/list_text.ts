/** Takes the items of a list out of the texts that a request gives for it. */

/**
 * The items of a list. In a single text commas stand between them; `\,` is a comma of an item, and `\\` a
 * backslash. Of several texts each is an item as it is, as a form sends what was chosen, and empty ones are
 * passed over: so a form whose items may hold commas has an empty field of the same name.
 *
 * @example
 * ```ts
 * splitItems(["1,2,3"]); // ["1", "2", "3"]
 * splitItems(["Smith\\, John,Doe"]); // ["Smith, John", "Doe"]
 * splitItems(["", "Smith, John"]); // ["Smith, John"]
 * splitItems([""]); // []
 * ```
 */
export function splitItems(texts: readonly string[]): readonly string[] {
  const [text = ""] = texts;
  if (texts.length > 1) return texts.filter((item) => item !== "");
  if (text === "") return [];
  const items = [""];
  for (const [, escaped, plain] of text.matchAll(/\\([\\,])|([^\\,]+|\\)|,/g)) {
    const piece = escaped ?? plain;
    if (piece === undefined) items.push("");
    else items.push(items.pop()! + piece);
  }
  return items;
}
