// A guest with a TPM behind tpm2-tools (TPM2TOOLS_TCTI): its attestation key, and the request of the
// second exchange of /attest/Tpm, as docs/formats/tpm-attestation.md has it.
import { execFileSync } from "node:child_process";
import { constants, createHash, createPublicKey, generateKeyPairSync, sign } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const PCRS = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 14];
const SELECTION = `sha256:${PCRS.join(",")}`;
const b64url = (bytes) => Buffer.from(bytes).toString("base64url");

export class Guest {
  // ca: NAME.pem and NAME.key of whoever certifies attestation keys; log: the boot's event log.
  constructor(folder, ca, log) {
    this.path = (name) => join(folder, name);
    this.log = readFileSync(log);
    this.makeKey();
    this.certify(ca);
    this.requestKey = generateKeyPairSync("rsa", { modulusLength: 2048 });
  }

  // Each tool leaves what it loaded in the TPM, which has room for three objects.
  tool(name, ...words) {
    execFileSync(`tpm2_${name}`, ["-Q", ...words], { stdio: "pipe" });
    execFileSync("tpm2_flushcontext", ["-t"], { stdio: "pipe" });
  }

  makeKey() {
    this.tool("createprimary", "-C", "e", "-G", "rsa2048:rsassa-sha256:null", "-c", this.path("ak.ctx"),
              "-a", "fixedtpm|fixedparent|sensitivedataorigin|userwithauth|restricted|sign|noda");
    this.tool("readpublic", "-c", this.path("ak.ctx"), "-f", "pem", "-o", this.path("ak.pem"));
    this.publicKey = createPublicKey(readFileSync(this.path("ak.pem"))).export({ format: "jwk" });
  }

  certify(ca) {
    writeFileSync(this.path("ak.ext"), "basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\n" +
                                       "extendedKeyUsage=2.23.133.8.3\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n");
    execFileSync("openssl", ["x509", "-new", "-force_pubkey", this.path("ak.pem"), "-subj", "/CN=guest.TrustedVM",
                             "-CA", `${ca}.pem`, "-CAkey", `${ca}.key`, "-days", "2", "-extfile", this.path("ak.ext"),
                             "-outform", "DER", "-out", this.path("ak.der")], { stdio: "pipe" });
    this.certificate = readFileSync(this.path("ak.der"));
  }

  // The quote binds the very text of the request key, and the challenge.
  quote(jwk, challenge) {
    const bound = createHash("sha256").update(jwk).update(Buffer.of(0)).update(Buffer.from(challenge, "base64url"));
    this.tool("quote", "-c", this.path("ak.ctx"), "-l", SELECTION, "-q", bound.digest("hex"), "-g", "sha256",
              "-m", this.path("quote.attest"), "-s", this.path("quote.sig"));
    this.tool("pcrread", SELECTION, "-o", this.path("pcrs"));
    const values = readFileSync(this.path("pcrs"));
    return {
      logs: [{ type: "TCG", log: b64url(this.log) }],
      aik_cert: b64url(this.certificate),
      aik_pub: this.publicKey,
      pcrs: [{ algorithm: 11, values: PCRS.map((index, i) => ({ index, digest: b64url(values.subarray(32 * i, 32 * i + 32)) })) }],
      quote: b64url(readFileSync(this.path("quote.attest"))),
      signature: b64url(readFileSync(this.path("quote.sig"))),
    };
  }

  // What answers the payload of the first exchange: a compact JWS by the request key.
  request({ challenge, service_context }, rpData) {
    const jwk = this.requestKey.publicKey.export({ format: "jwk" });
    const payload = {
      att_type: "basic",
      att_data: {
        rp_id: "https://relying.example",
        rp_data: b64url(rpData),
        challenge,
        tpm_att_data: { current_attestation: this.quote(JSON.stringify(jwk), challenge) },
        request_key: { jwk, info: { tpm_quote: { hash_alg: "sha-256" } } },
        service_context,
      },
    };
    const text = [{ alg: "PS256", typ: "attReqV2" }, payload].map((part) => b64url(JSON.stringify(part))).join(".");
    const key = { key: this.requestKey.privateKey, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 };
    return `${text}.${b64url(sign("sha256", Buffer.from(text), key))}`;
  }
}
