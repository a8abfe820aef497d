/** Names cells and ranges the A1 way. */

/** The letters of a column: 0 is `A`, 26 is `AA`, 16,383 is `XFD`. */
export function columnLetters(index: number): string {
  let letters = "";
  for (let rest = index + 1; rest > 0; rest = Math.floor((rest - 1) / 26)) {
    letters = String.fromCharCode(0x41 + (rest - 1) % 26) + letters;
  }
  return letters;
}

/** The range from the first cell to the last: `A1:J101`. */
export function tableRange(columns: number, rows: number): string {
  return `A1:${columnLetters(columns - 1)}${rows}`;
}

/** The same range as a formula names it from another place: `'Audit log'!$A$1:$J$101`. */
export function absoluteRange(sheetName: string, columns: number, rows: number): string {
  const sheet = sheetName.replaceAll("'", "''");
  return `'${sheet}'!$A$1:$${columnLetters(columns - 1)}$${rows}`;
}
