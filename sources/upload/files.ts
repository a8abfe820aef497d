/** The files of an upload on the disk: the one that was uploaded, and one for what does not fit into memory. */

import { type ScratchFile, UploadError, type UploadFile } from "./reader.ts";

/** An open file. */
export type OpenedFile<File extends UploadFile = UploadFile> = File & Disposable;

/**
 * Opens an uploaded file.
 *
 * @throws {Error} what the system says
 */
export function openFile(path: string): OpenedFile {
  const file = Deno.openSync(path);
  try {
    const { size, isFile } = file.statSync();
    if (!isFile) throw new Error("it is no file");
    return { size, ...reading(file) };
  } catch (error) {
    file.close();
    throw error;
  }
}

/** Makes a scratch file, of so many bytes at most. What a worker that died has left there is gone. */
export function openScratch(path: string, maxBytes: number): OpenedFile<ScratchFile> {
  const file = Deno.openSync(path, {
    read: true,
    write: true,
    create: true,
    truncate: true,
    mode: 0o600,
  });
  let size = 0;
  return {
    get size() {
      return size;
    },
    ...reading(file),
    append(bytes) {
      if (size + bytes.length > maxBytes) {
        throw new UploadError(`what is unpacked of it takes more than ${maxBytes} bytes`);
      }
      file.seekSync(size, Deno.SeekMode.Start);
      for (let at = 0; at < bytes.length;) at += file.writeSync(bytes.subarray(at));
      size += bytes.length;
    },
  };
}

function reading(file: Deno.FsFile): Pick<UploadFile, "readAt"> & Disposable {
  return {
    readAt(offset, into) {
      file.seekSync(offset, Deno.SeekMode.Start);
      let filled = 0;
      while (filled < into.length) {
        const count = file.readSync(into.subarray(filled));
        if (count === null) break;
        filled += count;
      }
      return filled;
    },
    [Symbol.dispose]: () => file.close(),
  };
}
