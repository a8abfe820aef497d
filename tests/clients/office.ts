/** Opens files in LibreOffice, which saves them as others. */

import { runProgram } from "./programs.ts";

/**
 * Saves files in another format; gives what LibreOffice says of it.
 *
 * @param format the extension, or what `--convert-to` takes besides
 * @param folder where the new files are put
 * @param reading how they are read, as `--infilter` takes it. @default as LibreOffice guesses
 */
export async function saveAs(
  format: string,
  paths: readonly string[],
  folder: string,
  reading?: string,
): Promise<string> {
  const profile = await Deno.makeTempDir({ prefix: "spillway-office-" });
  try {
    return await runProgram("soffice", [
      // A profile of its own: another LibreOffice of the same user would be asked instead.
      `-env:UserInstallation=file://${profile}`,
      "--headless",
      ...(reading === undefined ? [] : [`--infilter=${reading}`]),
      ...["--convert-to", format, "--outdir", folder, ...paths],
    ]);
  } finally {
    await Deno.remove(profile, { recursive: true });
  }
}
