// Azure's own management clients, unmodified, against a bootwarden-server: groups, machines, the
// extension, deployments, network, attestation providers; lists by page, both forms of long operations,
// and the shape of refusals.
//
// The environment has BOOTWARDEN_ENDPOINT, _TENANT, _SUBSCRIPTION, _CLIENT_ID, _CLIENT_SECRET, _TEMPLATES
// (the folder of the sample templates), and NODE_EXTRA_CA_CERTS the CA. Each check says what it saw and
// the next one is done in any case; the exit code is 1 when one failed.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { AttestationManagementClient } from "@azure/arm-attestation";
import { ComputeManagementClient } from "@azure/arm-compute";
import { NetworkManagementClient } from "@azure/arm-network";
import { ResourceManagementClient } from "@azure/arm-resources";
import { DeploymentsClient } from "@azure/arm-resourcesdeployments";
import { ClientSecretCredential } from "@azure/identity";

const env = (name) => process.env[`BOOTWARDEN_${name}`] ?? fail(`BOOTWARDEN_${name} is not set`);
const fail = (words) => { throw new Error(words); };
const GROUP = "sdkrg";
const LOCATION = "westus";
const NAME = "GuestAttestation";
const PUBLISHER = "Microsoft.Azure.Security.LinuxAttestation";
const GUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
// Older clients wait two seconds between questions, unless told.
const SOON = { updateIntervalInMs: 50 };
const endpoint = env("ENDPOINT");
const subscription = env("SUBSCRIPTION");
const scope = `${endpoint}/.default`;
const credential = new ClientSecretCredential(env("TENANT"), env("CLIENT_ID"), env("CLIENT_SECRET"),
                                              { authorityHost: endpoint, disableInstanceDiscovery: true });
const options = { endpoint, credentialScopes: [scope], credentials: { scopes: [scope] }, retryOptions: { maxRetries: 0 } };
const make = (Client) => new Client(credential, subscription, options);
const compute = make(ComputeManagementClient);
const resources = make(ResourceManagementClient);
const deployments = make(DeploymentsClient);
const network = make(NetworkManagementClient);
const attestation = new AttestationManagementClient(credential, subscription, { ...options, $host: endpoint });
const template = JSON.parse(readFileSync(join(env("TEMPLATES"), "guest-attestation-linux.json"), "utf8"));
let passed = 0;
const failures = [];

async function check(name, run) {
  try {
    await run();
    passed++;
    console.log(`ok    ${name}`);
  } catch (error) {
    failures.push(name);
    console.log(`FAULT: ${name}: ${error.statusCode ?? ""} ${error.code ?? ""} ${error.message}`.replaceAll("\n", " ").slice(0, 400));
  }
}

// The clients' own objects have members that are undefined.
const plain = (value) => (value === undefined ? undefined : JSON.parse(JSON.stringify(value)));

function expect(seen, wanted, what) {
  const right = wanted instanceof RegExp ? wanted.test(seen) : isDeepStrictEqual(plain(seen), plain(wanted));
  if (!right) fail(`${what}: ${JSON.stringify(seen)}, wanted ${wanted instanceof RegExp ? wanted : JSON.stringify(wanted)}`);
}

// The client's call must fail with this status and code, and with words.
async function refused(status, code, run) {
  try {
    await run();
  } catch (error) {
    if (error.statusCode !== status || !code.test(error.code) || !error.message) {
      fail(`${error.statusCode} ${error.code} ${error.message}, wanted ${status} ${code}`);
    }
    return;
  }
  fail(`was done, wanted ${status} ${code}`);
}

// A whole list, entry by entry, and again by page: the same entries.
async function listed(list) {
  const all = [];
  for await (const one of list()) all.push(one);
  const paged = [];
  for await (const page of list().byPage()) paged.push(...page);
  expect(paged.map((one) => one.name), all.map((one) => one.name), "the list by page");
  return all;
}

const machine = (more = {}) => ({
  location: LOCATION,
  hardwareProfile: { vmSize: "Standard_D2s_v5" },
  storageProfile: {
    imageReference: { publisher: "Canonical", offer: "0001-com-ubuntu-server-jammy", sku: "22_04-lts-gen2", version: "latest" },
    osDisk: { createOption: "FromImage" },
  },
  osProfile: { computerName: "sdk", adminUsername: "azureuser", adminPassword: "Passw0rd!Passw0rd" },
  networkProfile: { networkInterfaces: [] },
  ...more,
});
const trusted = { securityProfile: { securityType: "TrustedLaunch", uefiSettings: { secureBootEnabled: true, vTpmEnabled: true } } };
const extension = { location: LOCATION, publisher: PUBLISHER, typePropertiesType: NAME, typeHandlerVersion: "1.0",
                    autoUpgradeMinorVersion: true, enableAutomaticUpgrade: true };
const deployment = (vm) => ({ properties: { mode: "Incremental", template, parameters: { virtualMachineName1: { value: vm } } } });

await check("a group is made, read, listed, found", async () => {
  const made = await resources.resourceGroups.createOrUpdate(GROUP, { location: LOCATION, tags: { a: "b" } });
  expect([made.name, made.location, made.properties.provisioningState, made.tags.a], [GROUP, LOCATION, "Succeeded", "b"], "the group");
  expect((await resources.resourceGroups.get(GROUP)).name, GROUP, "name");
  expect((await listed(() => resources.resourceGroups.list())).some((one) => one.name === GROUP), true, "is listed");
  expect((await resources.resourceGroups.checkExistence(GROUP)).body, true, "existence");
  expect((await resources.resourceGroups.checkExistence("nope")).body, false, "existence of none");
});
await check("providers and their types are listed", async () => {
  const one = await resources.providers.get("Microsoft.Compute");
  expect(one.registrationState, "Registered", "registration");
  expect(one.resourceTypes.some((type) => type.resourceType === "virtualMachines/extensions"), true, "virtualMachines/extensions");
});

await check("machines: beginCreateOrUpdateAndWait, and the newer poller", async () => {
  const first = await compute.virtualMachines.beginCreateOrUpdateAndWait(GROUP, "vm1", machine(trusted), SOON);
  expect(first.provisioningState, "Succeeded", "state");
  expect(first.vmId, GUID, "vmId");
  expect(first.securityProfile, trusted.securityProfile, "security profile");
  expect(first.osProfile.adminPassword, undefined, "the password");
  const second = await compute.virtualMachines.createOrUpdate(GROUP, "vm2", machine(), SOON).pollUntilDone();
  expect([second.name, second.provisioningState], ["vm2", "Succeeded"], "the second machine");
});
await check("machines: the poller's steps", async () => {
  const poller = compute.virtualMachines.createOrUpdate(GROUP, "vm3", machine(trusted), SOON);
  await poller.submitted();
  while (!poller.isDone) await poller.poll();
  expect(poller.result.name, "vm3", "result");
});
await check("machines: lists, by entry and by page", async () => {
  const names = (await listed(() => compute.virtualMachines.list(GROUP))).map((one) => one.name).sort();
  expect(names, ["vm1", "vm2", "vm3"], "machines of the group");
  expect((await listed(() => compute.virtualMachines.listAll())).length >= 3, true, "machines of the subscription");
});
await check("machines: instance view, by expansion and alone", async () => {
  const running = (view) => view.statuses.some((status) => status.code === "PowerState/running");
  expect(running((await compute.virtualMachines.get(GROUP, "vm1", { expand: "instanceView" })).instanceView), true, "expanded");
  expect(running(await compute.virtualMachines.instanceView(GROUP, "vm1")), true, "alone");
  expect((await compute.virtualMachines.get(GROUP, "vm1")).instanceView, undefined, "not asked for");
});
await check("machines: an update keeps what it does not name", async () => {
  const before = await compute.virtualMachines.get(GROUP, "vm1");
  const after = await compute.virtualMachines.beginUpdateAndWait(GROUP, "vm1", { tags: { c: "d" }, identity: { type: "SystemAssigned" } }, SOON);
  expect([after.tags.c, after.vmId, after.securityProfile], ["d", before.vmId, before.securityProfile], "after it");
  expect(after.identity.principalId, GUID, "principalId");
});
await check("machines: deallocate and start", async () => {
  await compute.virtualMachines.beginDeallocateAndWait(GROUP, "vm1", SOON);
  const view = await compute.virtualMachines.instanceView(GROUP, "vm1");
  expect(view.statuses.some((status) => status.code === "PowerState/deallocated"), true, "deallocated");
  await compute.virtualMachines.start(GROUP, "vm1", SOON).pollUntilDone();
});

await check("the extension: images, types, versions", async () => {
  const versions = await compute.virtualMachineExtensionImages.listVersions(LOCATION, PUBLISHER, NAME);
  expect(versions[0].name, /^\d+(\.\d+)+$/, "version");
  expect((await compute.virtualMachineExtensionImages.listTypes(LOCATION, PUBLISHER)).map((one) => one.name), [NAME], "types");
});
await check("the extension: made, read, listed, expanded, changed", async () => {
  const made = await compute.virtualMachineExtensions.beginCreateOrUpdateAndWait(GROUP, "vm1", NAME, { ...extension, protectedSettings: { a: "b" } }, SOON);
  expect([made.name, made.publisher, made.typePropertiesType, made.provisioningState], [NAME, PUBLISHER, NAME, "Creating"], "extension, whose guest has not joined");
  expect(made.protectedSettings, undefined, "protected settings");
  expect((await compute.virtualMachineExtensions.list(GROUP, "vm1")).value.map((one) => one.name), [NAME], "list");
  const read = await compute.virtualMachineExtensions.get(GROUP, "vm1", NAME, { expand: "instanceView" });
  expect(read.enableAutomaticUpgrade, true, "enableAutomaticUpgrade");
  expect(typeof read.instanceView, "object", "instance view");
  const changed = await compute.virtualMachineExtensions.update(GROUP, "vm1", NAME, { enableAutomaticUpgrade: false }, SOON).pollUntilDone();
  expect(changed.enableAutomaticUpgrade, false, "after the change");
});
await check("the extension: refused without Trusted Launch, with words", () =>
  refused(409, /^OperationNotAllowed$/, () => compute.virtualMachineExtensions.beginCreateOrUpdateAndWait(GROUP, "vm2", NAME, extension, SOON)));
await check("the extension: deleted", async () => {
  await compute.virtualMachineExtensions.beginDeleteAndWait(GROUP, "vm1", NAME, SOON);
  await refused(404, /NotFound$/, () => compute.virtualMachineExtensions.get(GROUP, "vm1", NAME));
});

await check("deployments: valid, what if, made, read, listed", async () => {
  const valid = await deployments.deployments.beginValidateAndWait(GROUP, "d1", deployment("vm1"), SOON);
  expect(valid.properties?.provisioningState, "Succeeded", "validation");
  const what = await deployments.deployments.beginWhatIfAndWait(GROUP, "d1", deployment("vm1"), SOON);
  expect(what.changes.some((one) => one.changeType === "Create" && one.resourceId.endsWith(`/${NAME}`)), true, "a change");
  const made = await deployments.deployments.beginCreateOrUpdateAndWait(GROUP, "d1", deployment("vm1"), SOON);
  expect(made.properties.provisioningState, "Succeeded", "deployment");
  expect(["Creating", "Updating"].includes((await compute.virtualMachineExtensions.get(GROUP, "vm1", NAME)).provisioningState), true, "what it made waits for a guest");
  expect((await deployments.deployments.get(GROUP, "d1")).properties.outputResources.length, 1, "output resources");
  expect((await listed(() => deployments.deployments.listByResourceGroup(GROUP))).map((one) => one.name), ["d1"], "deployments");
  const operations = [];
  for await (const one of deployments.deploymentOperations.list(GROUP, "d1")) operations.push(one);
  expect(operations.length > 0, true, "operations");
  expect((await deployments.deployments.exportTemplate(GROUP, "d1")).template.resources.length, 1, "the exported template");
});
await check("deployments: a template that is none is refused, and validation says why", async () => {
  const template = { $schema: "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#", contentVersion: "1.0.0.0",
    resources: [{ type: "A/b", name: "[nope()]", apiVersion: "2024-01-01" }] };
  const none = { properties: { mode: "Incremental", template } };
  await refused(400, /^InvalidTemplate/, () => deployments.deployments.beginCreateOrUpdateAndWait(GROUP, "d2", none, SOON));
  const { error } = await deployments.deployments.beginValidateAndWait(GROUP, "d2", none, SOON);
  expect(error?.code, "InvalidTemplate", "validation");
  expect(error?.message, /'nope' is not valid/, "its words");
});

await check("network: a group, a rule to AzureAttestation, service tags", async () => {
  await network.networkSecurityGroups.beginCreateOrUpdateAndWait(GROUP, "nsg", { location: LOCATION }, SOON);
  const rule = await network.securityRules.beginCreateOrUpdateAndWait(GROUP, "nsg", "maa", {
    access: "Allow", direction: "Outbound", priority: 100, protocol: "Tcp", sourceAddressPrefix: "*", sourcePortRange: "*",
    destinationAddressPrefix: "AzureAttestation", destinationPortRange: "443" }, SOON);
  expect([rule.destinationAddressPrefix, rule.provisioningState], ["AzureAttestation", "Succeeded"], "rule");
  expect((await listed(() => network.securityRules.list(GROUP, "nsg"))).map((one) => one.name), ["maa"], "rules");
  const tag = (await network.serviceTags.list(LOCATION)).values.find((one) => one.name === "AzureAttestation");
  expect(tag?.properties.addressPrefixes.length > 0, true, "the tag's addresses");
});
await check("network: a flow is verified, effective rules, who uses a group", async () => {
  const id = (type, name) => `/subscriptions/${subscription}/resourceGroups/${GROUP}/providers/${type}/${name}`;
  const [nsg, subnet, nic] = [id("Microsoft.Network/networkSecurityGroups", "nsg"),
                              id("Microsoft.Network/virtualNetworks", "flows/subnets/one"), id("Microsoft.Network/networkInterfaces", "flows")];
  await network.securityRules.beginCreateOrUpdateAndWait(GROUP, "nsg", "closed", {
    access: "Deny", direction: "Outbound", priority: 4000, protocol: "*", sourceAddressPrefix: "*", sourcePortRange: "*",
    destinationAddressPrefix: "Internet", destinationPortRange: "*" }, SOON);
  await network.virtualNetworks.beginCreateOrUpdateAndWait(GROUP, "flows", { location: LOCATION,
    addressSpace: { addressPrefixes: ["10.9.0.0/16"] }, subnets: [{ name: "one", addressPrefix: "10.9.0.0/24" }] }, SOON);
  await network.networkInterfaces.beginCreateOrUpdateAndWait(GROUP, "flows", { location: LOCATION, networkSecurityGroup: { id: nsg },
    ipConfigurations: [{ name: "c", subnet: { id: subnet } }] }, SOON);
  await compute.virtualMachines.createOrUpdate(GROUP, "flows", machine({ networkProfile: { networkInterfaces: [{ id: nic }] } }), SOON).pollUntilDone();
  await network.networkWatchers.createOrUpdate(GROUP, "watcher", { location: LOCATION });
  const verify = (remoteIPAddress, remotePort) => network.networkWatchers.beginVerifyIPFlowAndWait(GROUP, "watcher", {
    targetResourceId: id("Microsoft.Compute/virtualMachines", "flows"), direction: "Outbound", protocol: "TCP",
    localIPAddress: "10.9.0.4", localPort: "*", remoteIPAddress, remotePort }, SOON);
  const denied = await verify("192.0.2.1", "443");
  expect([denied.access, denied.ruleName], ["Deny", "securityRules/closed"], "the flow");
  const allowed = await verify("10.9.0.9", "22");
  expect([allowed.access, allowed.ruleName], ["Allow", "defaultSecurityRules/AllowVnetOutBound"], "inside");
  const effective = await network.networkInterfaces.beginListEffectiveNetworkSecurityGroupsAndWait(GROUP, "flows", SOON);
  expect(effective.value[0].networkSecurityGroup.id, nsg, "the effective group");
  expect(effective.value[0].effectiveSecurityRules.length, 8, "effective rules");
  expect((await listed(() => network.defaultSecurityRules.list(GROUP, "nsg"))).length, 6, "default rules");
  expect((await network.networkSecurityGroups.get(GROUP, "nsg")).networkInterfaces[0].id, nic, "who uses it");
  await refused(400, /^InUseNetworkSecurityGroupCannotBeDeleted$/, () => network.networkSecurityGroups.beginDeleteAndWait(GROUP, "nsg", SOON));
});
await check("attestation providers: made, read, listed, the default, deleted", async () => {
  const made = await attestation.attestationProviders.create(GROUP, "sdkowner", { location: LOCATION, properties: {} });
  expect([made.trustModel, made.status], ["AAD", "Ready"], "provider");
  expect((await attestation.attestationProviders.get(GROUP, "sdkowner")).attestUri, made.attestUri, "attestUri");
  expect((await attestation.attestationProviders.listByResourceGroup(GROUP)).value.length, 1, "list");
  expect((await attestation.attestationProviders.getDefaultByLocation(LOCATION)).attestUri, /^https:/, "the default provider");
  await attestation.attestationProviders.delete(GROUP, "sdkowner");
});

await check("refusals: what is not there", async () => {
  await refused(404, /^ResourceNotFound$/, () => compute.virtualMachines.get(GROUP, "nope"));
  await refused(404, /^ResourceGroupNotFound$/, () => compute.virtualMachines.get("nope", "nope"));
  await refused(404, /^(Parent)?ResourceNotFound$/, () => compute.virtualMachineExtensions.beginCreateOrUpdateAndWait(GROUP, "nope", NAME, extension, SOON));
  await refused(404, /^DeploymentNotFound$/, () => deployments.deployments.get(GROUP, "nope"));
});
await check("refusals: a wrong subscription, a wrong secret", async () => {
  const other = new ComputeManagementClient(credential, "00000000-0000-0000-0000-000000000001", options);
  await refused(404, /^SubscriptionNotFound$/, () => other.virtualMachines.get(GROUP, "vm1"));
  const wrong = new ClientSecretCredential(env("TENANT"), env("CLIENT_ID"), "wrong", { authorityHost: endpoint, disableInstanceDiscovery: true });
  await wrong.getToken(scope).then(() => fail("a token"), (error) => expect(error.message, /invalid_client|AADSTS/, "the refusal"));
});

await check("a machine and the group are deleted", async () => {
  await compute.virtualMachines.delete(GROUP, "vm3", SOON).pollUntilDone();
  await refused(404, /^ResourceNotFound$/, () => compute.virtualMachines.get(GROUP, "vm3"));
  await resources.resourceGroups.beginDeleteAndWait(GROUP, SOON);
  expect((await resources.resourceGroups.checkExistence(GROUP)).body, false, "existence");
});

console.log(`owner.mjs: ${passed} passed, ${failures.length} failed${failures.length ? `: ${failures.join("; ")}` : ""}`);
process.exit(failures.length ? 1 : 0);
