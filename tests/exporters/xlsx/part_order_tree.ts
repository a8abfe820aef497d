/** Reads a part as a tree, and holds it against the table of what each element may hold. */

import { SaxesParser } from "saxes";
import { type ElementRule, ELEMENTS, NAMESPACES, SPELLINGS } from "./part_order_schema.ts";

/** An element; its name and those of its attributes have the prefixes of the table. */
export interface Element {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: readonly Element[];
  readonly text: string;
}

/** Takes what is wrong, in words. */
export type Report = (problem: string) => void;

/**
 * Reads a part.
 *
 * @throws when it is no XML, or names a namespace that no part of a workbook has
 */
export function readTree(xml: string): Element {
  type Open = Element & { children: Element[]; text: string };
  const document: Open = { name: "", attributes: {}, children: [], text: "" };
  const open = [document];
  const parser = new SaxesParser({ xmlns: true });
  parser.on("error", (error) => {
    throw error;
  });
  parser.on("opentag", ({ uri, local, attributes }) => {
    const named = Object.values(attributes)
      .filter(({ prefix, name }) => prefix !== "xmlns" && name !== "xmlns")
      .map(({ uri, local, value }) => [qualified(uri, local), value]);
    const element: Open = {
      name: qualified(uri, local),
      attributes: Object.fromEntries(named),
      children: [],
      text: "",
    };
    open.at(-1)!.children.push(element);
    open.push(element);
  });
  parser.on("text", (text) => void (open.at(-1)!.text += text));
  parser.on("cdata", () => {
    throw new Error("Cannot read a CDATA section: no export writes one");
  });
  parser.on("closetag", () => void open.pop());
  parser.write(xml).close();
  return document.children[0]!;
}

/** An attribute without a prefix is in no namespace, as an element of the main one has no prefix. */
function qualified(uri: string, local: string): string {
  if (uri === "") return local;
  const prefix = NAMESPACES[uri];
  if (prefix === undefined) throw new Error(`Cannot read <${local}>: unknown namespace ${uri}`);
  return prefix + local;
}

/** Checks an element and all that are in it. */
export function checkElement(element: Element, report: Report): void {
  const rule = ELEMENTS[element.name];
  if (rule === undefined) return report(`<${element.name}> is not in the table of elements`);
  const say: Report = (problem) => report(`<${element.name}>: ${problem} (${rule.clause})`);
  checkAttributes(element, rule, say);
  checkChildren(element, rule, say);
  if (rule.children !== "#text" && element.text.trim() !== "") say("holds text");
  for (const child of element.children) checkElement(child, report);
}

function checkAttributes({ name, attributes }: Element, rule: ElementRule, say: Report): void {
  const known = new Map(words(rule.attributes).map((word) => [word.replace("!", ""), word]));
  for (const [attribute, value] of Object.entries(attributes)) {
    if (!known.has(attribute)) say(`has no attribute ${attribute}`);
    const spelling = SPELLINGS[`${name}:${attribute}`] ?? SPELLINGS[attribute];
    if (spelling && !spelling.test(value)) say(`${attribute}="${value}" is misspelled`);
  }
  for (const [attribute, word] of known) {
    if (word.endsWith("!") && !(attribute in attributes)) say(`needs the attribute ${attribute}`);
  }
}

function checkChildren({ children }: Element, rule: ElementRule, say: Report): void {
  const anyOrder = rule.children.startsWith("&");
  const items = words(rule.children).filter((word) => word !== "&" && word !== "#text");
  const order = items.map((item) => item.replace(/[?*+]$/, ""));
  const counts = order.map(() => 0);
  let last = 0;
  for (const { name } of children) {
    const place = order.indexOf(name);
    if (place < 0) {
      say(`cannot hold <${name}>`);
      continue;
    }
    counts[place]!++;
    if (!anyOrder && place < last) say(`has <${name}> after <${order[last]}>`);
    last = Math.max(last, place);
  }
  for (const [place, item] of items.entries()) {
    const count = counts[place]!;
    if (count === 0 && !/[?*]$/.test(item)) say(`needs <${order[place]}>`);
    if (count > 1 && !/[*+]$/.test(item)) say(`has ${count} of <${order[place]}>`);
  }
}

function words(text: string): readonly string[] {
  return text === "" ? [] : text.split(" ");
}

/** The children of an element of one name; none where there is no element. */
export function childrenOf(parent: Element | undefined, name: string): readonly Element[] {
  return parent?.children.filter((child) => child.name === name) ?? [];
}

/** The first child of a name. */
export function childOf(parent: Element | undefined, name: string): Element | undefined {
  return childrenOf(parent, name)[0];
}
