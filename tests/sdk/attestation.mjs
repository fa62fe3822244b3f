// Azure's own client for attestation, unmodified, against a bootwarden-server: signing in, policies,
// signers, keys, metadata and the TPM exchange, with the client's own validation of every token on.
//
// The environment has BOOTWARDEN_ENDPOINT, _TENANT, _SUBSCRIPTION, _CLIENT_ID, _CLIENT_SECRET, and
// NODE_EXTRA_CA_CERTS the CA. Each check says what it saw; the exit code is 1 when one failed.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AttestationAdministrationClient, AttestationClient } from "@azure/attestation";
import { ClientSecretCredential } from "@azure/identity";

const env = (name) => process.env[`BOOTWARDEN_${name}`] ?? fail(`BOOTWARDEN_${name} is not set`);
const fail = (words) => { throw new Error(words); };
const endpoint = env("ENDPOINT");
const PERMIT = "version=1.0; authorizationrules{=> permit();}; issuancerules{};";
const work = mkdtempSync(join(tmpdir(), "bootwarden-sdk."));
let passed = 0;
let failed = 0;

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

async function init(client) {
  const answer = JSON.parse(await client.attestTpm(JSON.stringify({ payload: { type: "aikcert" } })));
  if (!answer.payload.challenge || !answer.payload.service_context) {
    fail(`the first exchange gives ${JSON.stringify(answer)}`);
  }
  return answer.payload;
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
  const signed = (by) => ({ privateKey: by.key, certificate: by.cert });

  expect(open.trustModel, "AAD", "trust model");
  expect(isolated.trustModel, "Isolated", "trust model");
  for (const [name, uri] of [["shared", endpoint], ["AAD", open.attestUri], ["Isolated", isolated.attestUri]]) {
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

  const shared = new AttestationAdministrationClient(endpoint, credential);
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
    refused(400, "Bad request", () => new AttestationClient(open.attestUri, credential)
      .attestTpm(JSON.stringify({ payload: { type: "aikcert" } }))));
  await aad.setPolicy("TPM", PERMIT);
  await new AttestationAdministrationClient(free.attestUri, credential).setPolicy("TPM", PERMIT);
  await check("TPM: first exchange with a credential", () =>
    init(new AttestationClient(open.attestUri, credential)));
  await check("TPM: without one it is refused", () =>
    refused(401, "Unauthorized", () => init(new AttestationClient(open.attestUri))));
  await check("TPM: without one, where the provider asks for none", () => init(new AttestationClient(free.attestUri)));
} catch (error) {
  failed++;
  console.error(`FAILED: ${error.stack}`);
} finally {
  rmSync(work, { recursive: true });
}
console.log(`attestation.mjs: ${passed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);
