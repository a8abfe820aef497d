/** Certificates that a server takes, and what it says of others. */

import assert from "node:assert/strict";
import { openCertificate } from "../../server/certificate.ts";
import { makeCertificates, OPENSSL } from "../sources/certificates.ts";

Deno.test({
  name: "a certificate is taken with its key, and what is wrong with others is said by the file",
  ignore: !OPENSSL,
  async fn() {
    const folder = await Deno.makeTempDir({ prefix: "spillway-certificate-" });
    try {
      makeCertificates(folder, { one: "IP:127.0.0.1", two: "IP:127.0.0.1" });
      const openssl = (...args: string[]) =>
        new Deno.Command("openssl", { args, cwd: folder, stderr: "null" }).outputSync();
      openssl("ec", "-in", "one.key", "-aes256", "-passout", "pass:x", "-out", "secret.key");
      openssl(
        ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:secp256k1", "-nodes"],
        ...["-keyout", "odd.key", "-out", "odd.pem", "-subj", "/CN=odd"],
      );
      const open = (cert: string, key: string) =>
        openCertificate({ cert: `${folder}/${cert}`, key: `${folder}/${key}` });
      const { notAfter } = await open("one.pem", "one.key");
      const days = (notAfter.getTime() - Date.now()) / 86_400_000;
      assert.ok(days > 1 && days <= 2, `${days} days`);
      for (
        const [cert, key, file, reason] of [
          ["none.pem", "one.key", "cert", "No such file or directory"],
          ["one.key", "one.key", "cert", "it holds no certificate in PEM"],
          ["one.pem", "one.pem", "key", "it holds no private key without a passphrase in PEM"],
          ["one.pem", "secret.key", "key", "it holds no private key without a passphrase in PEM"],
          ["one.pem", "two.key", "key", "it is not the key of the certificate in"],
          ["odd.pem", "odd.key", "cert", "no connection can be made with it"],
        ] as const
      ) {
        await assert.rejects(open(cert, key), ({ message }: Error) => {
          const begin = `Cannot use server.tls.${file} (${folder}/${
            file === "cert" ? cert : key
          }): `;
          assert.ok(message.startsWith(begin), message);
          assert.ok(message.includes(reason), message);
          return true;
        });
      }
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});
