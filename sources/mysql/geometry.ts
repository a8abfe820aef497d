/** Writes MySQL's geometries as well-known text (OGC 06-103r4, 7.2), which spreadsheets and PostGIS read. */

/** The types of well-known binary (OGC 06-103r4, 8.2.3) that MySQL and MariaDB keep, by their number. */
const TYPES: Readonly<Record<number, string>> = {
  1: "POINT",
  2: "LINESTRING",
  3: "POLYGON",
  4: "MULTIPOINT",
  5: "MULTILINESTRING",
  6: "MULTIPOLYGON",
  7: "GEOMETRYCOLLECTION",
};

/**
 * The text of a geometry: the number of its reference system, of four bytes, and well-known binary
 * (MySQL 13.4.3, "Internal Geometry Storage Format"). A system other than 0 stands in front, as PostGIS
 * writes it (`SRID=4326;POINT(2.35 48.86)`); coordinates have every digit and come in the order in
 * which they are kept, x first, where `ST_AsText` of MySQL 8 may swap them.
 *
 * @throws {RangeError} for bytes that are no geometry
 */
export function geometryText(bytes: Uint8Array): string {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let at = 0;
  let little = true;

  function readCount(): number {
    at += 4;
    return view.getUint32(at - 4, little);
  }

  function readPoint(): string {
    at += 16;
    return `${view.getFloat64(at - 16, little)} ${view.getFloat64(at - 8, little)}`;
  }

  function readList(read: () => string): string {
    const count = readCount();
    if (count === 0) return " EMPTY";
    let list = "(" + read();
    for (let index = 1; index < count; index++) list += "," + read();
    return list + ")";
  }

  const readLine = () => readList(readPoint);
  const readPolygon = () => readList(readLine);

  /** What follows the name of a type. */
  function readShape(type: number): string {
    switch (type) {
      case 1:
        return `(${readPoint()})`;
      case 2:
        return readLine();
      case 3:
        return readPolygon();
      case 7:
        return readList(readGeometry);
      default:
        // The parts of the others are geometries too, whose names are not repeated.
        return readList(() => readShape(readHead(type - 3)));
    }
  }

  /** The order of bytes and the type, which must be the one that is due, if one is. */
  function readHead(due?: number): number {
    little = view.getUint8(at++) === 1;
    const type = readCount();
    if (TYPES[type] === undefined || type !== (due ?? type)) {
      throw new RangeError("the server sent what is no geometry");
    }
    return type;
  }

  function readGeometry(): string {
    const type = readHead();
    return TYPES[type] + readShape(type);
  }

  const system = readCount();
  const text = readGeometry();
  if (at !== bytes.length) throw new RangeError("the server sent a geometry of another length");
  return system === 0 ? text : `SRID=${system};${text}`;
}
