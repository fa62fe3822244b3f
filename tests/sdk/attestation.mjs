// Azure's own client for attestation, unmodified, against a bootwarden-server: signing in, policies,
// signers, keys, metadata and the TPM exchange, with the client's own validation of every token on.
//
// The environment has BOOTWARDEN_ENDPOINT, _TENANT, _SUBSCRIPTION, _CLIENT_ID, _CLIENT_SECRET, and
// NODE_EXTRA_CA_CERTS the CA; where providers have host names, their common suffix in _HOST_SUFFIX. For
// the guest that attests: TPM2TOOLS_TCTI, BOOTWARDEN_GUEST_LOG, and BOOTWARDEN_GUEST_CA, whose .pem the
// server trusts for attestation keys. Each check says what it saw; the exit code is 1 when one failed.
import dns from "node:dns";
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AttestationAdministrationClient, AttestationClient, createAttestationPolicyToken } from "@azure/attestation";
import { ClientSecretCredential } from "@azure/identity";
import { Guest } from "./guest.mjs";

const env = (name) => process.env[`BOOTWARDEN_${name}`] ?? fail(`BOOTWARDEN_${name} is not set`);
const fail = (words) => { throw new Error(words); };
const endpoint = env("ENDPOINT");
const PERMIT = "version=1.0; authorizationrules{=> permit();}; issuancerules{};";
// A guest reports only what the client asked for by a policy: here Secure Boot, and PCRs 0 to 7.
const REPORT = `version=1.2;
configurationrules{ => issueproperty(type="required_pcr_mask", value=255); };
authorizationrules{ [type=="secureBootEnabled", value==true] && [type=="aikValidated", value==true] => permit(); };
issuancerules{ c:[type=="secureBootEnabled"] => issue(claim=c); };`;
const work = mkdtempSync(join(tmpdir(), "bootwarden-sdk."));
let passed = 0;
let failed = 0;

// Names that no resolver of this machine knows: the sockets ask here, the clients notice nothing.
if (process.env.BOOTWARDEN_HOST_SUFFIX) {
  const lookup = dns.lookup;
  dns.lookup = (name, ...rest) =>
    lookup(name.endsWith(`.${process.env.BOOTWARDEN_HOST_SUFFIX}`) ? "127.0.0.1" : name, ...rest);
}

async function check(name, run) {
  try {
    await run();
    passed++;
  } catch (error) {
    failed++;
    console.error(`FAILED: ${name}: ${error.message}`);
  }
}

function expect(seen, wanted, what) {
  if (JSON.stringify(seen) !== JSON.stringify(wanted)) {
    fail(`${what}: ${JSON.stringify(seen)}, wanted ${JSON.stringify(wanted)}`);
  }
}

// The client's call must fail with this status and code.
async function refused(status, code, run) {
  try {
    await run();
  } catch (error) {
    if (error.statusCode !== status || error.code !== code) {
      fail(`${error.statusCode} ${error.code} ${error.message}, wanted ${status} ${code}`);
    }
    return;
  }
  fail(`succeeded, wanted ${status} ${code}`);
}

// A key with a certificate that it signed itself, by openssl.
function person(name, kind = ["rsa:2048"]) {
  const [key, cert] = [join(work, `${name}.key`), join(work, `${name}.pem`)];
  execFileSync("openssl", ["req", "-x509", "-newkey", ...kind, "-nodes", "-sha256", "-days", "2", "-subj",
                           `/CN=${name}`, "-keyout", key, "-out", cert], { stdio: "ignore" });
  const pem = readFileSync(cert, "utf8");
  return { key: readFileSync(key, "utf8"), cert: pem, der: pem.replace(/-----[^-]+-----|\s/g, "") };
}

const credential = new ClientSecretCredential(env("TENANT"), env("CLIENT_ID"), env("CLIENT_SECRET"),
                                              { authorityHost: endpoint, disableInstanceDiscovery: true });

async function manage(method, name, body) {
  const token = await credential.getToken("https://management.azure.com/.default");
  const path = `/subscriptions/${env("SUBSCRIPTION")}/resourceGroups/sdk/providers/Microsoft.Attestation/attestationProviders/${name}`;
  const answer = await fetch(`${endpoint}${path}?api-version=2021-06-01`, {
    method, headers: { Authorization: `Bearer ${token.token}`, "Content-Type": "application/json" },
    body: body && JSON.stringify(body),
  });
  if (!answer.ok) fail(`${method} ${name}: ${answer.status} ${await answer.text()}`);
  return answer.json();
}

const provider = async (name, properties = {}) =>
  (await manage("PUT", name, { location: "East US", properties })).properties;

// ---- what everybody may ask ----

async function metadata(uri) {
  const client = new AttestationClient(uri);
  const seen = await client.getOpenIdMetadata();
  expect(seen.issuer, uri, "issuer");
  expect(seen.jwks_uri ?? seen.jwksUri, `${uri}/certs`, "jwks_uri");
  for (const list of [seen.response_types_supported, seen.id_token_signing_alg_values_supported, seen.claims_supported]) {
    if (!(list?.length > 0)) fail(`an empty list in ${JSON.stringify(seen)}`);
  }
  const signers = await client.getAttestationSigners();
  if (!(signers.length > 0 && signers[0].certificates.length > 0 && signers[0].keyId)) {
    fail(`signers ${JSON.stringify(signers)}`);
  }
}

// The client's own class of tokens. It is exported through what it makes alone, and attestTpm checks
// nothing: what the service answers is the caller's to read.
const Token = createAttestationPolicyToken(PERMIT).constructor;

function problems(report, signers, issuer) {
  return new Token(report).getTokenProblems(signers, {
    validateToken: true, validateExpirationTime: true, validateNotBeforeTime: true,
    validateIssuer: true, expectedIssuer: issuer,
  });
}

const ask = async (client, message) =>
  JSON.parse(await client.attestTpm(JSON.stringify({ payload: message }))).payload;

async function init(client) {
  const answer = await ask(client, { type: "aikcert" });
  if (!answer.challenge || !answer.service_context) {
    fail(`the first exchange gives ${JSON.stringify(answer)}`);
  }
  return answer;
}

// Both exchanges; the report, held against the provider's own keys and what was asked.
async function report(client, uri, guest) {
  const nonce = randomBytes(24);
  const request = guest.request(await init(client), nonce);
  const { report: token } = await ask(client, { request });
  const signers = await client.getAttestationSigners();
  const [header, body, signature] = token.split(".");
  const claims = JSON.parse(Buffer.from(body, "base64url"));

  expect(problems(token, signers, uri), [], "problems of the report");
  expect(signers.some((signer) => signer.keyId === JSON.parse(Buffer.from(header, "base64url")).kid), true, "a published key");
  expect(claims.iss, uri, "iss");
  expect(claims["x-ms-ver"], "1.0", "x-ms-ver");
  expect(claims["x-ms-attestation-type"], "tpm", "x-ms-attestation-type");
  expect(claims.rp_data, nonce.toString("base64url"), "the nonce, rp_data");
  expect(claims.secureBootEnabled, true, "what the policy issued");
  // The validation is on: another issuer, and another word in the token, are problems to it.
  expect(problems(token, signers, `${uri}/other`).length, 1, "problems with another issuer");
  const other = Buffer.from(JSON.stringify({ ...claims, secureBootEnabled: false })).toString("base64url");
  expect(problems(`${header}.${other}.${signature}`, signers, uri), ["Attestation Token is not properly signed."],
         "problems of a changed report");
  await refused(400, "InvalidParameter", () => ask(client, { request })); // a challenge is good once
}

// ---- policies ----

// Set, read and reset the policy of a type that has a default.
async function policies(uri, options, signedBy) {
  const admin = new AttestationAdministrationClient(uri, credential);
  const before = (await admin.getPolicy("AzureGuest")).body;
  const set = await admin.setPolicy("AzureGuest", PERMIT, options);
  expect(set.body.policyResolution, "Updated", "policyResolution");
  if (!set.token || !set.body.policyTokenHash) fail("no token, or no hash of the policy");
  if (signedBy) {
    expect(set.body.policySigner?.certificates?.length > 0, true, "the signer is named");
  }
  expect((await admin.getPolicy("AzureGuest")).body, PERMIT, "the policy that was set");
  const reset = await admin.resetPolicy("AzureGuest", options);
  expect(reset.body.policyResolution, "Removed", "policyResolution");
  expect((await admin.getPolicy("AzureGuest")).body, before, "the policy after a reset");
}

// TPM has no default. The service answers with a JWS that has no payload, which this client cannot
// read, as its own tests say; so the answer is looked at itself.
async function noPolicy(uri) {
  const token = await credential.getToken("https://attest.azure.net/.default");
  const answer = await fetch(`${uri}/policies/Tpm?api-version=2020-10-01`, { headers: { Authorization: `Bearer ${token.token}` } });
  const payload = (await answer.json()).token.split(".")[1];
  expect(JSON.parse(Buffer.from(payload, "base64url")) ["x-ms-policy"], "eyJhbGciOiJub25lIn0..", "x-ms-policy");
}

async function tpmPolicy(uri) {
  const admin = new AttestationAdministrationClient(uri, credential);
  await noPolicy(uri);
  expect((await admin.setPolicy("TPM", PERMIT)).body.policyResolution, "Updated", "policyResolution");
  expect((await admin.getPolicy("TPM")).body, PERMIT, "the policy that was set");
  expect((await admin.resetPolicy("TPM")).body.policyResolution, "Removed", "policyResolution");
  await noPolicy(uri);
}

try {
  const owner = person("owner");
  const second = person("second");
  const stranger = person("stranger");
  const curve = person("curve", ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"]);
  const open = await provider("sdkaad");
  const isolated = await provider("sdkisolated", {
    policySigningCertificates: { keys: [{ kty: "RSA", use: "sig", x5c: [owner.der] }] },
  });
  const free = await provider("sdkfree", { tpmAttestationAuthentication: "Disabled" });
  const guest = new Guest(work, env("GUEST_CA"), env("GUEST_LOG"));
  // The home region's: the bare host, or a name of its own.
  const home = (await (await fetch(`${endpoint}/providers`)).json()).value[0].attestUri;
  expect(home === endpoint, !process.env.BOOTWARDEN_HOST_SUFFIX, "the home region is the bare host");
  const signed = (by) => ({ privateKey: by.key, certificate: by.cert });

  expect(open.trustModel, "AAD", "trust model");
  expect(isolated.trustModel, "Isolated", "trust model");
  for (const [name, uri] of [["shared", home], ["AAD", open.attestUri], ["Isolated", isolated.attestUri]]) {
    await check(`${name}: metadata and keys`, () => metadata(uri));
  }

  await check("AAD: unsigned policy", () => policies(open.attestUri));
  await check("AAD: policy for a type without a default", () => tpmPolicy(open.attestUri));
  await check("AAD: policy signed with RSA", () => policies(open.attestUri, signed(stranger), true));
  await check("AAD: policy signed with EC", () => policies(open.attestUri, signed(curve), true));
  await check("Isolated: signed policy", () => policies(isolated.attestUri, signed(owner), true));
  const apart = new AttestationAdministrationClient(isolated.attestUri, credential);
  await check("Isolated: unsigned policy is refused", () =>
    refused(400, "InvalidOperation", () => apart.setPolicy("TPM", PERMIT)));
  await check("Isolated: a stranger's policy is refused", () =>
    refused(400, "InvalidParameter", () => apart.setPolicy("TPM", PERMIT, signed(stranger))));
  const aad = new AttestationAdministrationClient(open.attestUri, credential);
  await check("a policy that is none is refused", () =>
    refused(400, "PolicyParsingError", () => aad.setPolicy("TPM", "version=1.0; authorizationrules{=> permit()};")));

  const shared = new AttestationAdministrationClient(home, credential);
  await check("shared: the default policy can be read", async () => {
    if (!(await shared.getPolicy("AzureGuest")).body.includes("secureboot")) fail("no default policy");
  });
  await check("shared: nobody sets a policy", () =>
    refused(401, "Unauthorized", () => shared.setPolicy("TPM", PERMIT)));
  await check("shared: no signers", async () => expect((await shared.getPolicyManagementCertificates()).body.length, 0, "signers"));

  await check("Isolated: signers are listed, added, removed", async () => {
    expect((await apart.getPolicyManagementCertificates()).body.length, 1, "signers");
    for (let twice = 0; twice < 2; twice++) {
      const added = await apart.addPolicyManagementCertificate(second.cert, owner.key, owner.cert);
      expect(added.body.certificateResolution, "IsPresent", "certificateResolution");
    }
    expect((await apart.getPolicyManagementCertificates()).body.length, 2, "signers");
    await policies(isolated.attestUri, signed(second), true);
    const removed = await apart.removePolicyManagementCertificate(second.cert, owner.key, owner.cert);
    expect(removed.body.certificateResolution, "IsAbsent", "certificateResolution");
    expect((await apart.getPolicyManagementCertificates()).body.length, 1, "signers");
    await refused(400, "InvalidParameter", () => apart.setPolicy("TPM", PERMIT, signed(second)));
  });
  await check("Isolated: a stranger adds no signer", () =>
    refused(400, "InvalidParameter", () => apart.addPolicyManagementCertificate(stranger.cert, stranger.key, stranger.cert)));

  await check("TPM without a policy is told so", () =>
    refused(400, "Bad request", () => init(new AttestationClient(open.attestUri, credential))));
  const [known, unknown, anybody] = [new AttestationClient(open.attestUri, credential),
                                     new AttestationClient(open.attestUri), new AttestationClient(free.attestUri)];
  await aad.setPolicy("TPM", REPORT);
  await new AttestationAdministrationClient(free.attestUri, credential).setPolicy("TPM", REPORT);
  await check("TPM: without a credential it is refused", () => refused(401, "Unauthorized", () => init(unknown)));
  await check("TPM: neither is a request taken without one", async () => {
    const request = guest.request(await init(known), "nonce");
    await refused(401, "Unauthorized", () => ask(unknown, { request }));
  });
  await check("TPM: another provider's challenge is refused", async () => {
    const request = guest.request(await init(anybody), "nonce");
    await refused(400, "InvalidParameter", () => ask(known, { request }));
  });
  await check("TPM: a report with a credential", () => report(known, open.attestUri, guest));
  await check("TPM: a report without one, where the provider asks for none", () => report(anybody, free.attestUri, guest));
} catch (error) {
  failed++;
  console.error(`FAILED: ${error.stack}`);
} finally {
  rmSync(work, { recursive: true });
}
console.log(`attestation.mjs: ${passed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);
