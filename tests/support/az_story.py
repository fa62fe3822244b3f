"""az_story.py - what an owner does with az, from signing in to deleting the group, on one server with one
way of running az (tests/support/az.py). tests/functional/az-*.py say which way; each step tells its own
result and the next one is done in any case.
"""
import json
import os
import pathlib
import re
import subprocess
import sys
import time
import uuid

from az import Az, AzError
from owner import CONTRIBUTOR, READER, Fault, Owner, Story, member, need, need_members
from replay import approve_device

TEMPLATES = pathlib.Path(os.environ["BOOTWARDEN_SOURCE"]) / "tests/vectors/templates"
GUID = re.compile(r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")
SUCCEEDED = "Succeeded"
WAITS = re.compile("^(Creating|Updating)$")  # an extension whose guest has not joined; the guest's side is az-story
GROUP, LOCATION = "rg", "westus"
LINUX = "Microsoft.Azure.Security.LinuxAttestation"
WINDOWS = "Microsoft.Azure.Security.WindowsAttestation"
TRUSTED = {"securityProfile.securityType": "TrustedLaunch", "securityProfile.uefiSettings.secureBootEnabled": True,
           "securityProfile.uefiSettings.vTpmEnabled": True, "provisioningState": SUCCEEDED, "vmId": GUID}
# Of requests by az rest.
VERSIONS = {"Microsoft.Authorization": "2022-04-01", "Microsoft.Compute": "2024-03-01", "Microsoft.Network": "2022-07-01"}
ROLES = "providers/Microsoft.Authorization/roleAssignments"
UBUNTU = "Canonical:0001-com-ubuntu-server-jammy:22_04-lts-gen2:latest"
SERVER_2022 = "MicrosoftWindowsServer:WindowsServer:2022-datacenter-g2:latest"
SETTINGS = {"AttestationConfig": {"MaaSettings": {"maaEndpoint": "", "maaTenantName": "GuestAttestation"},
                                  "AscSettings": {"ascReportingEndpoint": "", "ascReportingFrequency": ""},
                                  "useCustomToken": "false", "disableAlerts": "false"}}


class AzStory:
    def __init__(self, way):
        self.way, self.is_hybrid, self.is_new = way, way == "2.45-hybrid", way == "2.74"
        self.owner, self.story = Owner(), Story()
        self.step, self.env = self.story.step, self.owner.env
        self.az = Az(way, self.env)
        self.run = self.az.run
        self.subscription = f"/subscriptions/{self.env['BOOTWARDEN_SUBSCRIPTION']}"
        providers = f"{self.subscription}/resourceGroups/{GROUP}/providers"
        self.machine = f"{providers}/Microsoft.Compute/virtualMachines/vm2"
        self.nsg = f"{providers}/Microsoft.Network/networkSecurityGroups/nsgA"

    def shown(self, *words):
        return self.run(*words).value

    def refused(self, code, pattern, *words):
        """az must end with this code and say so."""
        answer = self.run(*words, code=None)
        need(answer.code == code, f"{answer}; wanted exit {code}")
        need(re.search(pattern, answer.err, re.IGNORECASE), f"no /{pattern}/ in: {answer.err[-400:]}")

    @staticmethod
    def rest_words(method, path, body=None):
        version = next(version for part, version in VERSIONS.items() if part in path)
        return ["rest", "--method", method, "--url", f"{path}?api-version={version}",
                *(["--body", json.dumps(body)] if body else [])]

    def by_rest(self, method, path, body=None):
        """For what this az has no command of its own."""
        return self.shown(*self.rest_words(method, path, body))

    # ---- signing in ----

    def signs_in_with(self, kind, name):
        account = self.shown("account", "show")
        need_members(account, {"id": self.env["BOOTWARDEN_SUBSCRIPTION"], "tenantId": self.env["BOOTWARDEN_TENANT"],
                               "state": "Enabled", "user.type": kind, "user.name": name})
        self.run("group", "list")

    def sign_in(self):
        client, tenant = self.env["BOOTWARDEN_CLIENT_ID"], self.env["BOOTWARDEN_TENANT"]
        user, password = self.env.get("BOOTWARDEN_USER", ""), self.env.get("BOOTWARDEN_PASSWORD", "")
        with self.step("the server is registered as a cloud"):
            self.az.register()
            need_members(self.shown("cloud", "show"), {"endpoints.resourceManager": self.env["BOOTWARDEN_ENDPOINT"]})
        with self.step("a wrong secret is refused in words"):
            answer = self.az.login(code=1, secret="wrong")
            need(re.search("AADSTS7000215|invalid_client|secret", answer.err), f"{answer}")
        with self.step("sign-in with a certificate"):
            file = self.az.put(self.owner.certificate())
            self.run("login", "--service-principal", "-u", client, "--certificate" if self.is_new else "-p", file,
                     "--tenant", tenant)
            self.signs_in_with("servicePrincipal", client)
        self.az.forget()
        with self.step("sign-in with user name and password"):
            need(user and password, "dev.env names no user")
            self.run("login", "-u", user, "-p", password)
            self.signs_in_with("user", user)
        with self.step("a wrong password is refused in words"):
            need(user, "dev.env names no user")
            self.refused(1, "AADSTS50126|password", "login", "-u", user, "-p", "wrong")
        self.az.forget()
        with self.step("sign-in with a device code"):
            self.with_device_code(user, password)
            self.signs_in_with("user", user)
        self.az.forget()
        for how in ("MSI_ENDPOINT", "IDENTITY_ENDPOINT")[:1 + self.is_new]:
            with self.step(f"sign-in with a managed identity by {how}"):
                self.with_managed_identity(how)
        self.az.more = {}
        self.az.forget()
        with self.step("sign-in with a secret"):
            self.az.login()
            self.signs_in_with("servicePrincipal", client)

    def with_managed_identity(self, how):
        """The newer az takes MSI_ENDPOINT by a setting alone, and else an address as App Service has it."""
        url, object_id = self.owner.managed_identity(f"runner-{how}")
        self.owner.give_role(object_id, str(uuid.uuid4()), CONTRIBUTOR)
        more = {"IDENTITY_HEADER": "x"} if how == "IDENTITY_ENDPOINT" else {"AZURE_CORE_USE_MSAL_MANAGED_IDENTITY": "false"}
        self.az.more = {how: url} | more
        self.az.forget()
        self.run("login", "--identity")
        need_members(self.shown("account", "show"), {"user.name": "systemAssignedIdentity"})
        self.run("group", "list")

    def with_user_identity(self):
        made = self.shown("identity", "create", "-g", GROUP, "-n", "runner", "-l", LOCATION)
        self.run("vm", "identity", "assign", "-g", GROUP, "-n", "vm2", "--identities", made["id"])
        shown = self.shown("vm", "identity", "show", "-g", GROUP, "-n", "vm2")["userAssignedIdentities"]
        need(shown == {made["id"]: {name: made[name] for name in ("clientId", "principalId")}}, f"the machine shows {shown}")
        self.owner.give_role(made["principalId"], str(uuid.uuid4()), CONTRIBUTOR)
        self.az.more = {"MSI_ENDPOINT": self.by_rest("post", f"{self.machine}/createIdentityAddress")["address"],
                        "AZURE_CORE_USE_MSAL_MANAGED_IDENTITY": "false"}
        for option, name in (("--client-id", "clientId"), ("--resource-id", "id")):
            self.az.forget()
            self.run("login", "--identity", option if self.is_new else "--username", made[name])
            need_members(self.shown("account", "show"), {"user.name": "userAssignedIdentity"})
        self.run("vm", "show", "-g", GROUP, "-n", "vm2")
        self.az.more = {}
        self.az.forget()
        self.az.login()
        self.run("vm", "identity", "remove", "-g", GROUP, "-n", "vm2", "--identities", made["id"])
        need(self.shown("vm", "identity", "show", "-g", GROUP, "-n", "vm2")["type"] == "SystemAssigned", "its own identity is left")

    def with_device_code(self, user, password):
        """az says address and code on its standard error and waits until a person has been there."""
        process = self.az.start("az", "login", "--use-device-code", stdin=subprocess.DEVNULL)
        said, end = "", time.monotonic() + 60
        try:
            while time.monotonic() < end:
                line = process.stderr.readline()
                said += line
                found = re.search(r"(https://\S+?)[ ,].*?code:? ([A-Z0-9][A-Z0-9-]{5,})", said, re.DOTALL)
                if found or not line:
                    break
            need(found, f"az names no code: {said[-300:]}")
            status, _, page = approve_device(self.owner.link, found[1], found[2], user, password)
            need(status < 400, f"the page for device codes: {status} {str(page)[:200]}")
            said = process.communicate(timeout=60)[1]
            need(process.returncode == 0, f"az login --use-device-code: exit {process.returncode}: {said.strip()[-200:]}")
        finally:
            process.terminate()

    # ---- groups and what is listed ----

    def groups(self):
        with self.step("a group is made, shown, listed, found"):
            made = self.shown("group", "create", "-n", GROUP, "-l", LOCATION, "--tags", "a=b")
            need_members(made, {"properties.provisioningState": SUCCEEDED, "location": LOCATION, "tags.a": "b"})
            need_members(self.shown("group", "show", "-n", GROUP), {"name": GROUP, "id": re.compile(f"/{GROUP}$")})
            need(GROUP in [one["name"] for one in self.shown("group", "list")], "group list has it not")
            need(self.shown("group", "exists", "-n", GROUP) is True, "group exists says no")
            need(self.shown("group", "exists", "-n", "nope") is False, "group exists knows a group that is none")
        with self.step("providers and locations are listed"):
            need_members(self.shown("provider", "show", "-n", "Microsoft.Compute"), {"registrationState": "Registered"})
            self.run("provider", "register", "-n", "Microsoft.Attestation")
            need(LOCATION in [one["name"] for one in self.shown("account", "list-locations")], f"no location {LOCATION}")

    # ---- machines ----

    def create(self, name, *words, image=UBUNTU):
        sign_in = (["--admin-password", "Passw0rd!Passw0rd"] if image == SERVER_2022 else ["--generate-ssh-keys"])
        return self.shown("vm", "create", "-g", GROUP, "-n", name, "--image", image, "--admin-username", "azureuser",
                          *sign_in, *words)

    def trusted(self, *words):
        return ["--security-type", "TrustedLaunch", "--enable-secure-boot", "true", "--enable-vtpm", "true", *words]

    def has_extension(self, name, publisher, **more):
        listed = self.shown("vm", "extension", "list", "-g", GROUP, "--vm-name", name)
        need(len(listed) == 1, f"{len(listed)} extensions on {name}")
        type_name = "typePropertiesType" if "typePropertiesType" in listed[0] else "typeHandlerVersion"
        need_members(listed[0], {"name": "GuestAttestation", "publisher": publisher, "provisioningState": WAITS,
                                 "autoUpgradeMinorVersion": True, type_name: str, **more})

    def create_machines(self):
        monitored = ["--enable-integrity-monitoring"] if self.is_new else []
        automatic = {"enableAutomaticUpgrade": True} if self.is_new else {}
        plain = [] if self.is_new else ["--disable-integrity-monitoring"]
        with self.step("vm create with Trusted Launch and integrity monitoring: the machine and its extension"):
            made = self.create("vm1", *self.trusted(*monitored), "--nsg", "vm1NSG")
            need_members(made, {"powerState": "VM running", "privateIpAddress": str, "publicIpAddress": str,
                                "macAddress": str, "resourceGroup": GROUP, "identity.systemAssignedIdentity": GUID})
            need_members(self.shown("vm", "show", "-g", GROUP, "-n", "vm1"),
                         TRUSTED | {"identity.type": "SystemAssigned", "storageProfile.osDisk.osType": "Linux"})
            self.has_extension("vm1", LINUX, **automatic)
        with self.step("vm create of a Windows machine installs Windows' extension"):
            self.create("win1", *self.trusted(*monitored), image=SERVER_2022)
            need_members(self.shown("vm", "show", "-g", GROUP, "-n", "win1"), TRUSTED | {"storageProfile.osDisk.osType": "Windows"})
            self.has_extension("win1", WINDOWS, **automatic)
        with self.step("vm create without integrity monitoring installs nothing"):
            words = self.trusted() if not self.is_new else []  # by its image alone, as is the default since 2023
            self.create("vm2", *words, *plain, "--nsg", "", "--public-ip-address", "")
            need_members(self.shown("vm", "show", "-g", GROUP, "-n", "vm2"), TRUSTED)
            need(self.shown("vm", "extension", "list", "-g", GROUP, "--vm-name", "vm2") == [], "an extension")

    def create_plain(self):
        """The older profile has no --security-type: the machine gets it by az rest."""
        with self.step("vm create without --security-type"):
            need_members(self.create("vm2", "--nsg", "", "--public-ip-address", ""), {"powerState": "VM running"})
        with self.step("a machine without Trusted Launch refuses the extension and says what to turn on"):
            self.refused(1, "OperationNotAllowed|secure ?boot|vtpm|trusted ?launch", *self.set_words("vm2"))
        with self.step("Trusted Launch is turned on by az rest"):
            self.run("vm", "deallocate", "-g", GROUP, "-n", "vm2")
            profile = {"securityType": "TrustedLaunch", "uefiSettings": {"secureBootEnabled": True, "vTpmEnabled": True}}
            self.by_rest("patch", self.machine, {"properties": {"securityProfile": profile}})
            self.run("vm", "start", "-g", GROUP, "-n", "vm2")
            need_members(self.by_rest("get", self.machine), {f"properties.{name}": value for name, value in TRUSTED.items()})

    def set_words(self, name, *words, publisher=LINUX):
        return ["vm", "extension", "set", "-g", GROUP, "--vm-name", name, "-n", "GuestAttestation", "--publisher", publisher, *words]

    def look_at_machines(self):
        with self.step("machines are shown, listed, looked into"):
            need("vm2" in [one["name"] for one in self.shown("vm", "list", "-g", GROUP)], "vm list -g")
            need("vm2" in [one["name"] for one in self.shown("vm", "list")], "vm list")
            need_members(self.shown("vm", "show", "-d", "-g", GROUP, "-n", "vm2"), {"powerState": "VM running", "privateIps": str})
            need(all("powerState" in one for one in self.shown("vm", "list", "-d", "-g", GROUP)), "vm list -d")
        with self.step("the instance view says what runs"):
            view = member(self.shown("vm", "get-instance-view", "-g", GROUP, "-n", "vm2"), "instanceView") or {}
            codes = [status["code"] for status in view.get("statuses", [])]
            need("PowerState/running" in codes and any(code.startswith("ProvisioningState/") for code in codes), f"statuses {codes}")
            need(member(view, "vmAgent.statuses.0.code"), "no vmAgent status")
        with self.step("resources are listed and shown by their type"):
            need(self.shown("resource", "list", "-g", GROUP), "resource list is empty")
            shown = self.shown("resource", "show", "-g", GROUP, "-n", "vm2", "--resource-type", "Microsoft.Compute/virtualMachines")
            need_members(shown, {"name": "vm2", "properties.vmId": GUID})
        with self.step("a machine is restarted, deallocated, started"):
            self.run("vm", "restart", "-g", GROUP, "-n", "vm2")
            self.run("vm", "deallocate", "-g", GROUP, "-n", "vm2")
            shown = self.shown("vm", "show", "-d", "-g", GROUP, "-n", "vm2")
            need_members(shown, {"powerState": "VM deallocated"})
            self.run("vm", "start", "-g", GROUP, "-n", "vm2")
            need_members(self.shown("vm", "show", "-d", "-g", GROUP, "-n", "vm2"), {"powerState": "VM running"})

    def update_machines(self):
        """What az sends has no image, and in 2.45 no security type: it is no downgrade."""
        before = self.shown("vm", "show", "-g", GROUP, "-n", "vm2")
        with self.step("vm update of Secure Boot and vTPM keeps what it does not name"):
            self.run("vm", "update", "-g", GROUP, "-n", "vm2", "--enable-secure-boot", "true", "--enable-vtpm", "true")
            after = self.shown("vm", "show", "-g", GROUP, "-n", "vm2")
            need_members(after, TRUSTED | {"vmId": before["vmId"]})
            need(member(after, "storageProfile.imageReference.offer") == member(before, "storageProfile.imageReference.offer"), "the image")
        with self.step("vm identity assign gives an identity"):
            self.run("vm", "identity", "assign", "-g", GROUP, "-n", "vm2")
            need_members(self.shown("vm", "show", "-g", GROUP, "-n", "vm2"),
                         {"identity.type": "SystemAssigned", "identity.principalId": GUID, "vmId": before["vmId"]})
        with self.step("vm identity assign of a user-assigned identity: the guest signs in as it"):
            self.with_user_identity()
        with self.step("a disk and a snapshot are made, and the disk is attached"):
            need_members(self.shown("disk", "create", "-g", GROUP, "-n", "d1", "--size-gb", "4"), {"name": "d1"})
            need_members(self.shown("snapshot", "create", "-g", GROUP, "-n", "s1", "--source", "d1"), {"name": "s1"})
            self.run("vm", "disk", "attach", "-g", GROUP, "--vm-name", "vm2", "--name", "d1")
            need_members(self.shown("vm", "show", "-g", GROUP, "-n", "vm2"), {"storageProfile.dataDisks.0.name": "d1"})
            self.run("vm", "disk", "detach", "-g", GROUP, "--vm-name", "vm2", "--name", "d1")
        with self.step("without Secure Boot the extension is refused in words, with it it is not"):
            self.run("vm", "deallocate", "-g", GROUP, "-n", "vm2")
            self.run("vm", "update", "-g", GROUP, "-n", "vm2", "--enable-secure-boot", "false", "--enable-vtpm", "true")
            need_members(self.shown("vm", "show", "-g", GROUP, "-n", "vm2"), {"securityProfile.uefiSettings.secureBootEnabled": False})
            self.refused(1, "secure ?boot", *self.set_words("vm2", "--version", "1.0"))
            self.run("vm", "update", "-g", GROUP, "-n", "vm2", "--enable-secure-boot", "true", "--enable-vtpm", "true")
            self.run("vm", "start", "-g", GROUP, "-n", "vm2")
            need_members(self.shown("vm", "show", "-g", GROUP, "-n", "vm2"), TRUSTED)

    # ---- the extension ----

    def extensions(self):
        place = ["-g", GROUP, "--vm-name", "vm2", "-n", "GuestAttestation"]
        with self.step("the extension's images are listed for both systems"):
            for publisher in (LINUX, WINDOWS):
                listed = self.shown("vm", "extension", "image", "list", "-l", LOCATION, "-p", publisher, "-n", "GuestAttestation")
                need(listed and re.match(r"\d+(\.\d+)+$", listed[0]["version"]), f"images of {publisher}: {listed}")
                names = self.shown("vm", "extension", "image", "list-versions", "-l", LOCATION, "-p", publisher, "-n", "GuestAttestation")
                self.run("vm", "extension", "image", "show", "-l", LOCATION, "-p", publisher, "-n", "GuestAttestation",
                         "--version", names[0]["name"])
        with self.step("vm extension set with the documented settings"):
            self.run(*self.set_words("vm2", "--version", "1.0", "--enable-auto-upgrade", "true", "--settings", json.dumps(SETTINGS)))
            self.has_extension("vm2", LINUX, settings=SETTINGS, enableAutomaticUpgrade=True)
        with self.step("vm extension set again, without version or settings"):
            self.run(*self.set_words("vm2"))
            self.has_extension("vm2", LINUX)
        with self.step("vm extension show, and the machine carries it"):
            need_members(self.shown("vm", "extension", "show", *place), {"name": "GuestAttestation", "provisioningState": WAITS})
            need_members(self.by_rest("get", self.machine), {"resources.0.name": "GuestAttestation"})
        with self.step("vm extension delete: it is gone"):
            self.run("vm", "extension", "delete", *place)
            need(self.shown("vm", "extension", "list", "-g", GROUP, "--vm-name", "vm2") == [], "it is still listed")
            self.refused(3, "NotFound", "vm", "extension", "show", *place)

    # ---- deployments ----

    def deployment(self, verb, name, template, machine):
        file = self.az.put(TEMPLATES / template)
        words = ["deployment", "group", verb, "-g", GROUP, "-n", name, "--template-file", file,
                 "--parameters", f"virtualMachineName1={machine}"]
        return self.shown(*words, *(["--no-pretty-print"] if verb == "what-if" else []))

    def deployments(self):
        target = re.compile("/virtualMachines/vm2/extensions/GuestAttestation$", re.IGNORECASE)
        linux, windows = "guest-attestation-linux.json", "guest-attestation-windows.json"
        with self.step("the documented fragment is valid"):
            need_members(self.deployment("validate", "ga1", linux, "vm2"), {"properties.provisioningState": SUCCEEDED})
        with self.step("what-if says that the extension will be made"):
            changes = self.deployment("what-if", "ga1", linux, "vm2")["changes"]
            made = [one for one in changes if target.search(one["resourceId"])]
            need(made and made[0]["changeType"] == "Create", f"changes {[(one['resourceId'][-40:], one['changeType']) for one in changes]}")
        with self.step("the documented fragment for Linux enables monitoring"):
            need_members(self.deployment("create", "ga1", linux, "vm2"), {"properties.provisioningState": SUCCEEDED})
            self.has_extension("vm2", LINUX, settings=SETTINGS)
        with self.step("what-if says then that nothing is new"):
            changes = self.deployment("what-if", "ga1", linux, "vm2")["changes"]
            found = [one["changeType"] for one in changes if target.search(one["resourceId"])]
            need(found and found[0] in ("NoChange", "Ignore"), f"changes {found}")
        if not self.is_hybrid:
            with self.step("the documented fragment for Windows enables monitoring"):
                need_members(self.deployment("create", "ga2", windows, "win1"), {"properties.provisioningState": SUCCEEDED})
                self.has_extension("win1", WINDOWS, settings=SETTINGS)
        with self.step("a template with comments and line breaks in strings"):
            self.run("vm", "extension", "delete", "-g", GROUP, "--vm-name", "vm2", "-n", "GuestAttestation")
            need_members(self.deployment("create", "ga3", "guest-attestation-comments.jsonc", "vm2"), {"properties.provisioningState": SUCCEEDED})
            self.has_extension("vm2", LINUX)
        with self.step("deployments are shown, listed, exported, with their operations"):
            need_members(self.shown("deployment", "group", "show", "-g", GROUP, "-n", "ga1"),
                         {"properties.provisioningState": SUCCEEDED, "properties.outputResources.0.id": target})
            need({"ga1", "ga3"} <= {one["name"] for one in self.shown("deployment", "group", "list", "-g", GROUP)}, "the list")
            listed = self.shown("deployment", "operation", "group", "list", "-g", GROUP, "-n", "ga1")
            need(any(member(one, "properties.provisioningState") == SUCCEEDED for one in listed), f"operations {json.dumps(listed)[:200]}")
            exported = self.shown("deployment", "group", "export", "-g", GROUP, "-n", "ga1")
            need(member(exported, "resources.0.type"), f"export says {json.dumps(exported)[:200]}")
        with self.step("a deployment to a machine that is none fails"):
            file = self.az.put(TEMPLATES / linux)
            self.refused(1, "virtualMachines/nope' could not be found", "deployment", "group", "create", "-g", GROUP, "-n", "bad",
                         "--template-file", file, "--parameters", "virtualMachineName1=nope")
        with self.step("a template that is none is refused"):
            file = self.az.write("bad.json", '{"$schema": "https://schema.management.azure.com/schemas/2019-04-01/'
                                 'deploymentTemplate.json#", "contentVersion": "1.0.0.0", "resources": [{"type": "A/b", "apiVersion": "2024-01-01", "name": "[nope()]"}]}')
            for verb in "create", "validate", "what-if":
                self.refused(1, "function 'nope' is not valid", "deployment", "group", verb, "-g", GROUP, "-n", "worse",
                             "--template-file", file)

    # ---- network, roles ----

    def networks(self):
        with self.step("nsg create, and a rule to AzureAttestation"):
            if self.is_hybrid:
                self.by_rest("put", self.nsg, {"location": LOCATION})
            else:
                self.run("network", "nsg", "create", "-g", GROUP, "-n", "nsgA")
            self.run("network", "nsg", "rule", "create", "-g", GROUP, "--nsg-name", "nsgA", "-n", "allow-maa", "--priority", "100",
                     "--direction", "Outbound", "--access", "Allow", "--protocol", "Tcp", "--destination-address-prefixes",
                     "AzureAttestation", "--destination-port-ranges", "443")
            # Debian 12's libraries lack what the older profile asks for to show a rule.
            shown = (self.by_rest("get", self.nsg + "/securityRules/allow-maa")["properties"] if self.is_hybrid else
                     self.shown("network", "nsg", "rule", "show", "-g", GROUP, "--nsg-name", "nsgA", "-n", "allow-maa"))
            need_members(shown, {"destinationAddressPrefix": "AzureAttestation", "destinationPortRange": "443", "priority": 100,
                                 "access": "Allow", "direction": "Outbound", "provisioningState": SUCCEEDED})
        if not self.is_hybrid:
            with self.step("list-service-tags has AzureAttestation with our address"):
                tags = self.shown("network", "list-service-tags", "-l", LOCATION)["values"]
                found = [one for one in tags if one["name"] == "AzureAttestation"]
                need(found and member(found[0], "properties.addressPrefixes.0"), f"tags {[one['name'] for one in tags][:5]}")

    def roles(self):
        scope = f"{self.subscription}/resourceGroups/{GROUP}"
        if not self.is_new:  # Debian 12's `az role assignment` ends with an AttributeError before it asks
            with self.step("a role is given by az rest, and taken back"):
                somebody, path = self.owner.add_principal("somebody"), f"{scope}/{ROLES}/{uuid.uuid4()}"
                role = f"{self.subscription}/providers/Microsoft.Authorization/roleDefinitions/{READER}"
                self.by_rest("put", path, {"properties": {"principalId": somebody["objectId"], "roleDefinitionId": role}})
                need_members(self.by_rest("get", path), {"properties.principalId": somebody["objectId"]})
                self.by_rest("delete", path)
                self.refused(1, "not ?found", *self.rest_words("get", path))
            return
        with self.step("a role is given by the object's id, listed, and taken back"):
            somebody = self.owner.add_principal("somebody")
            made = self.shown("role", "assignment", "create", "--assignee-object-id", somebody["objectId"],
                              "--assignee-principal-type", "ServicePrincipal", "--role", "Reader", "--scope", scope)
            need_members(made, {"principalId": somebody["objectId"], "roleDefinitionId": re.compile(READER)})
            listed = self.shown("role", "assignment", "list", "--scope", scope, "--fill-principal-name", "false")
            need(made["name"] in [one["name"] for one in listed], "it is not listed")
            self.run("role", "assignment", "delete", "--ids", made["id"])
            listed = self.shown("role", "assignment", "list", "--scope", scope, "--fill-principal-name", "false")
            need(made["name"] not in [one["name"] for one in listed], "it is still listed")
        with self.step("no role is given where nothing is"):
            self.refused(3, "'nope' could not be found", "role", "assignment", "create", "--assignee-object-id",
                         somebody["objectId"], "--assignee-principal-type", "ServicePrincipal", "--role", "Reader",
                         "--scope", f"{self.subscription}/resourceGroups/nope")

    # ---- what is refused, and the end ----

    def refusals(self):
        with self.step("what is not there is told so, by the exit code too"):
            self.refused(3, "ResourceNotFound", "vm", "show", "-g", GROUP, "-n", "nope")
            self.refused(3, "ResourceGroupNotFound", "group", "show", "-n", "nope")
            self.refused(3, "NotFound", *self.set_words("nope", "--version", "1.0"))
            answer = self.run("vm", "create", "-g", "nope", "-n", "x", "--image", UBUNTU, "--generate-ssh-keys", code=None)
            need(answer.code in (2, 3) and "nope" in answer.err, f"{answer}")
        with self.step("an extension that nobody publishes is refused"):
            self.refused(1, "ArtifactNotFound|NotFound|not be found|Failed to find", *self.set_words("vm2", publisher="Contoso.Nothing"))
        with self.step("a child resource written as a name with a slash is refused"):
            body = {"location": LOCATION, "properties": {"publisher": LINUX, "type": "GuestAttestation", "typeHandlerVersion": "1.0"}}
            file = self.az.write("rest.json", json.dumps(body))
            self.refused(1, "slash|segment|name", "resource", "create", "-g", GROUP, "-n", "vm2/GuestAttestation", "--resource-type",
                         "Microsoft.Compute/virtualMachines/extensions", "--is-full-object", "-p", f"@{file}")

    def the_end(self):
        with self.step("vm delete: it is gone"):
            self.run("vm", "delete", "-g", GROUP, "-n", "vm2", "-y")
            self.refused(3, "ResourceNotFound", "vm", "show", "-g", GROUP, "-n", "vm2")
        with self.step("group delete: all in it is gone"):
            self.run("group", "delete", "-n", GROUP, "-y")
            need(self.shown("group", "exists", "-n", GROUP) is False, "it still exists")
            need([one for one in self.shown("vm", "list") if one["resourceGroup"].lower() == GROUP] == [], "vm list has machines of it")

    def tell(self):
        """All of it; the exit code."""
        chapters = [self.sign_in, self.groups, self.create_plain if self.is_hybrid else self.create_machines,
                    self.look_at_machines, self.update_machines, self.extensions, self.deployments, self.networks,
                    self.roles, self.refusals, self.the_end]
        if self.is_hybrid:
            chapters.remove(self.update_machines)
        try:
            for chapter in chapters:
                try:
                    chapter()
                except (AzError, Fault) as error:  # between two steps
                    self.story.failed.append(f"{chapter.__name__}: {error}"[:200])
            return self.story.end()
        finally:
            self.az.end()
            self.owner.end()


def main(way):
    sys.exit(AzStory(way).tell())
