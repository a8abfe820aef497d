/** Checks how the parts of a package name each other: content types, entries, relationships. */

import { childrenOf, type Element, type Report } from "./part_order_tree.ts";

/** A part that is XML, by its name without the first slash. */
export type Parts = ReadonlyMap<string, Element>;

const OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
const PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships/metadata";
const SPREADSHEET = "application/vnd.openxmlformats-officedocument.spreadsheetml";

/** What a part is by its relationship, and then by its content type and its root element. */
const KINDS: Readonly<Record<string, readonly [contentType: string, root: string]>> = {
  [`${OFFICE}/officeDocument`]: [`${SPREADSHEET}.sheet.main+xml`, "workbook"],
  [`${OFFICE}/worksheet`]: [`${SPREADSHEET}.worksheet+xml`, "worksheet"],
  [`${OFFICE}/styles`]: [`${SPREADSHEET}.styles+xml`, "styleSheet"],
  [`${OFFICE}/sharedStrings`]: [`${SPREADSHEET}.sharedStrings+xml`, "sst"],
  [`${OFFICE}/table`]: [`${SPREADSHEET}.table+xml`, "table"],
  [`${OFFICE}/extended-properties`]: [
    "application/vnd.openxmlformats-officedocument.extended-properties+xml",
    "app:Properties",
  ],
  [`${PACKAGE}/core-properties`]: [
    "application/vnd.openxmlformats-package.core-properties+xml",
    "cp:coreProperties",
  ],
};

const CONTENT_TYPES = "[Content_Types].xml";

/** What a part names: the type and the target's name, by the relationship's id. */
export type Relationships = ReadonlyMap<string, { readonly type: string; readonly target: string }>;

/** The relationships of a part; of the package where its name is empty. */
export function relationshipsOf(parts: Parts, name: string): Relationships {
  const folder = name.slice(0, name.lastIndexOf("/") + 1);
  const list = parts.get(`${folder}_rels/${name.slice(folder.length)}.rels`);
  return new Map(
    childrenOf(list, "rels:Relationship")
      .filter(({ attributes }) => attributes.TargetMode !== "External")
      .map(({ attributes: { Id, Type, Target } }) => [
        Id!,
        { type: Type!, target: new URL(Target!, `part:/${folder}`).pathname.slice(1) },
      ]),
  );
}

/** Checks every name that a part has for another. */
export function checkPackage(parts: Parts, report: Report): void {
  const types = contentTypes(parts, report);
  const reached = new Set([CONTENT_TYPES]);
  visit("");
  for (const name of parts.keys()) {
    if (!reached.has(name)) report(`${name}: nothing leads to it`);
  }

  function visit(name: string): void {
    const folder = name.slice(0, name.lastIndexOf("/") + 1);
    const list = `${folder}_rels/${name.slice(folder.length)}.rels`;
    const element = parts.get(list);
    const used = name === "" ? [] : idsIn(parts.get(name)!);
    const known = childrenOf(element, "rels:Relationship").map(({ attributes }) => attributes.Id!);
    for (const id of used) if (!known.includes(id)) report(`${name}: no relationship ${id}`);
    if (new Set(used).size < used.length) report(`${name}: uses a relationship twice`);
    if (element === undefined) return;
    reached.add(list);
    if (new Set(known).size < known.length) report(`${list}: two relationships of one id`);
    for (const [id, { type, target }] of relationshipsOf(parts, name)) {
      const root = parts.get(target);
      if (root === undefined) {
        report(`${list}: ${id} leads to ${target}, which is not there`);
        continue;
      }
      const kind = KINDS[type];
      if (kind === undefined) report(`${list}: ${id} is of an unknown type ${type}`);
      else if (types(target) !== kind[0]) report(`${target}: has the type ${types(target)}`);
      else if (root.name !== kind[1]) report(`${target}: begins with <${root.name}>`);
      // A sheet and a table are named by an id; what there is one of is not.
      const named = type === `${OFFICE}/worksheet` || type === `${OFFICE}/table`;
      if (named && !used.includes(id)) report(`${list}: nothing uses ${id}`);
      if (reached.has(target)) report(`${target}: two relationships lead to it`);
      else {
        reached.add(target);
        visit(target);
      }
    }
  }
}

function idsIn({ attributes, children }: Element): readonly string[] {
  const own = attributes["r:id"];
  return [...own === undefined ? [] : [own], ...children.flatMap(idsIn)];
}

/** Checks the list of types, and gives what it says of a part. */
function contentTypes(parts: Parts, report: Report): (name: string) => string | undefined {
  const list = parts.get(CONTENT_TYPES);
  const defaults = new Map<string, string>();
  const overrides = new Map<string, string>();
  for (const { attributes: { Extension, ContentType } } of childrenOf(list, "types:Default")) {
    if (defaults.has(Extension!)) report(`${CONTENT_TYPES}: two types of .${Extension}`);
    defaults.set(Extension!, ContentType!);
  }
  for (const { attributes: { PartName, ContentType } } of childrenOf(list, "types:Override")) {
    if (overrides.has(PartName!)) report(`${CONTENT_TYPES}: two types of ${PartName}`);
    overrides.set(PartName!, ContentType!);
    if (!parts.has(PartName!.slice(1))) report(`${CONTENT_TYPES}: ${PartName} is not there`);
  }
  const typeOf = (name: string) =>
    overrides.get(`/${name}`) ?? defaults.get(name.slice(name.lastIndexOf(".") + 1));
  for (const name of parts.keys()) {
    if (name !== CONTENT_TYPES && typeOf(name) === undefined) report(`${name}: has no type`);
  }
  return typeOf;
}
