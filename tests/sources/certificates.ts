/** Makes certificates for servers of the tests' own. */

import assert from "node:assert/strict";

/** Whether openssl, which makes them, is installed. */
export const OPENSSL = hasOpenssl();

function hasOpenssl(): boolean {
  try {
    return new Deno.Command("openssl", { args: ["version"], stdout: "null" }).outputSync().success;
  } catch {
    return false;
  }
}

/**
 * Makes an authority, `ca.pem`, and a certificate of it for each subject (`DNS:localhost`), whose name
 * becomes that of its files: `server.pem` and `server.key`.
 */
export function makeCertificates(
  folder: string,
  subjects: Readonly<Record<string, string>>,
): void {
  const openssl = (...args: string[]) => {
    const { success } = new Deno.Command("openssl", { args, cwd: folder, stderr: "null" })
      .outputSync();
    assert(success, `openssl ${args[0]} failed`);
  };
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"];
  openssl("req", "-x509", ...key, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=authority");
  for (const [name, subject] of Object.entries(subjects)) {
    openssl(
      ...["req", "-x509", ...key, "-keyout", `${name}.key`, "-out", `${name}.pem`],
      ...["-subj", "/CN=server", "-addext", `subjectAltName=${subject}`],
      ...["-addext", "basicConstraints=critical,CA:FALSE", "-CA", "ca.pem", "-CAkey", "ca.key"],
    );
  }
}
