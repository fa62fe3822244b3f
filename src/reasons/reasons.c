#include "reasons/reasons.h"

#include <stddef.h>

static const struct {
    enum verdict verdict;
    const char *name;
} reasons[REASON_COUNT] = {
#define X(code, verdict, name) [REASON_##code] = {VERDICT_##verdict, name},
    REASON_TABLE(X)
#undef X
};

static const char *const verdicts[] = {
    [VERDICT_HEALTHY] = "healthy",           [VERDICT_CHANGED] = "changed",
    [VERDICT_UNHEALTHY] = "unhealthy",       [VERDICT_CANNOT_JUDGE] = "cannot-judge",
    [VERDICT_NOT_VERIFIED] = "not-verified",
};

static const char *const remedies[REASON_COUNT] = {
    [REASON_SIGNATURE] =
        "Collect fresh evidence on the machine itself; if it happens again, the evidence is "
        "altered on its way or made with another key: treat as an incident.",
    [REASON_MAGIC] =
        "The structure was not made by a TPM: treat as forged evidence, and find out who sent it.",
    [REASON_TYPE] = "Send a quote (TPM2_Quote), not another kind of attestation.",
    [REASON_ATTEST_MALFORMED] =
        "Update the agent; if it is current, keep the evidence and report it.",
    [REASON_NONCE] = "Ask for a fresh challenge and quote again; a quote over another challenge "
                     "may be a replay.",
    [REASON_CLOCK_WENT_BACK] = "Evidence is older than what this TPM has shown before: a replay, "
                               "or the TPM's state was restored from a snapshot: then an operator "
                               "accepts it with bootwarden-server machine forget-clock.",
    [REASON_CHALLENGE_EXPIRED] =
        "Get a new challenge and answer within its life time; check the guest's clock and network.",
    [REASON_CHALLENGE_REUSED] = "Get a new challenge for each proof.",
    [REASON_QUOTES_MIXED] = "Send quotes of one boot and one challenge only.",
    [REASON_PCR_MISSING] =
        "Quote at least SHA-256 PCRs 0 to 7, and send the values of all quoted PCRs.",
    [REASON_PCR_DIGEST] = "Read the PCR values after the quote and send both together; if it "
                          "persists, the values were altered.",
    [REASON_BANK_UNEXTENDED] = "Update the firmware, or switch the unused PCR bank off in its "
                               "settings: a bank that firmware does not extend proves nothing.",
    [REASON_BANK_UNSUPPORTED] = "Quote SHA-256 (and, if wanted, SHA-1, SHA-384, SHA-512).",
    [REASON_AK_UNPROVEN] = "Enrol the machine (bootwarden-agent enroll), or name the key with "
                           "--enrolled-ak after checking it.",
    [REASON_AK_UNTRUSTED] = "Put the CA that issued the attestation key's certificate into the "
                            "trust folder for AKs, or renew the certificate; a machine that "
                            "an operator disabled comes back with bootwarden vm enable.",
    [REASON_AK_ATTRIBUTES] =
        "Create the attestation key as a restricted, fixed signing key in the TPM.",
    [REASON_AK_OTHER_MACHINE] =
        "This key belongs to another machine: find out which machine sent the evidence.",
    [REASON_EK_CHAIN] = "Put the CA of this kind of TPM into the trust folder for EKs, if that CA "
                        "is yours to trust.",
    [REASON_ENCKEY_CERTIFY] =
        "Collect fresh evidence; the sealing key is not certified by the attestation key.",
    [REASON_ENCKEY_POLICY] =
        "Collect fresh evidence; the sealing key is not bound to the attested PCR values.",
    [REASON_REQUEST_SIGNATURE] =
        "Sign the request with PS256 and the private half of its own request_key; if that is what "
        "the client does, the request was altered on its way.",
    [REASON_REQUEST_KEY] =
        "Bind the request key by the quote (tpm_quote), or use a key that was made in the TPM and "
        "certify it (tpm_certify).",
    [REASON_KEY_CERTIFY] =
        "Certify the key anew with TPM2_Certify, the challenge as qualifying data and the same "
        "attestation key; send the public area of that very key.",
    [REASON_LOG_REPLAY] = "Send the whole log of this boot as the kernel gives it, and restart if "
                          "something extended a PCR without logging it; else treat as an "
                          "incident: the log was altered.",
    [REASON_LOG_UNEXPLAINED_PCR] = "A PCR was extended by something that left no log: find out "
                                   "what extends it, or send its log too.",
    [REASON_EVENT_DIGEST] = "Compare with a fresh log from the machine: the text was altered, or "
                            "the firmware logs other data than it measures.",
    [REASON_EVENT_TYPE] = "Compare with a fresh log from the machine: it was relabelled, or the "
                          "firmware does not conform and needs an update.",
    [REASON_EVENT_ORDER] = "Restart and compare with a fresh log: a firmware fault that an update "
                           "mends, or an attempt to hide the real state.",
    [REASON_IMA_REPLAY] = "Read the IMA list after the quote and send it whole; if it persists, "
                          "the list was altered.",
    [REASON_LOG_MALFORMED] =
        "Send the log exactly as the kernel gives it; if it is, keep it and report it.",
    [REASON_NO_LOG] =
        "Find out why the machine shows no event log: securityfs is not mounted, the "
        "agent may not read it, the firmware is no UEFI with a TPM 2.0, or the boot "
        "loader kept it from the kernel, as older ones do while Secure Boot or shim's "
        "validation is off.",
    [REASON_NO_EVIDENCE] = "Check the name of the file or folder; when it is right, look at the "
                           "machine's console: firmware or boot "
                           "loader may have refused to boot it.",
    [REASON_LOG_UNSUPPORTED] =
        "Send the log that the firmware writes (binary_bios_measurements); other kinds are not "
        "understood yet.",
    [REASON_WINDOWS_STATE_UNKNOWN] =
        "Quote PCRs 11 to 14 beside 0 to 7 and send the whole log of this boot; after a resume "
        "from "
        "hibernation, and when another boot loader ran before Windows', restart Windows directly.",
    [REASON_POLICY_FAILED] =
        "The provider's policy broke off, which says nothing of this machine: its owner mends the "
        "rule that is named ('bootwarden policy eval --explain').",
    [REASON_SECURE_BOOT_OFF] = "Turn Secure Boot on in the VM's firmware settings and restart it.",
    [REASON_SECURE_BOOT_UNKNOWN] =
        "The measured Secure Boot state is incomplete: update the firmware and restart.",
    [REASON_SECURE_BOOT_KEYS_MISSING] =
        "Enrol the platform keys (PK, KEK, db); without them Secure Boot protects nothing.",
    [REASON_SIGNATURE_LIST_MALFORMED] =
        "A measured key database is malformed: restore the factory keys.",
    [REASON_DEBUG_MODE] = "Switch the firmware's debug mode off.",
    [REASON_SHIM_VALIDATION_OFF] = "Run 'mokutil --enable-validation' and restart.",
    [REASON_SHIM_VALIDATION_UNKNOWN] = "Compare the machine's MOK variables with its log (mokutil "
                                       "--sb-state); quote PCR 14 with the log of this boot.",
    [REASON_AUTHORITY_UNKNOWN] =
        "An unknown authority allowed a boot component: find out what it is.",
    [REASON_AUTHORITY_NOT_IN_DB] = "A component was allowed by a key that is not in db: treat as "
                                   "compromise of the boot chain.",
    [REASON_TEST_KEYS] = "Replace the test keys by keys of your own, or name them with --trust "
                         "db=FILE if this is a test machine.",
    [REASON_REVOKED_IMAGE] =
        "A revoked boot component ran: update it and find out how it could start.",
    [REASON_SBAT_BELOW_MINIMUM] = "Update shim and boot loader.",
    [REASON_UNTRUSTED_COMPONENT] =
        "An untrusted component took part in the boot: restore it from a trusted source.",
    [REASON_CMDLINE_AMBIGUOUS] = "Several kernel command lines were measured: restart without "
                                 "choosing other entries in the boot menu.",
    [REASON_OS_DEBUGGING] =
        "Switch the debugger off and restart: bcdedit /debug off, bcdedit /bootdebug off (also for "
        "{bootmgr}), bcdedit /set hypervisordebug off.",
    [REASON_TEST_SIGNING] = "Run 'bcdedit /set testsigning off' and restart; replace the drivers "
                            "that then do not load.",
    [REASON_CODE_INTEGRITY_OFF] =
        "Run 'bcdedit /deletevalue nointegritychecks' and 'bcdedit /deletevalue loadoptions', and "
        "restart.",
    [REASON_SAFE_MODE] = "Leave safe mode (bcdedit /deletevalue safeboot) and restart.",
    [REASON_WINPE] = "Finish installation or recovery and start the installed Windows.",
    [REASON_BOOT_FAILURE] =
        "Look into the machine's firmware and TPM, and restart: the boot itself "
        "recorded that a measurement failed.",
    [REASON_POLICY_DENIED] =
        "The provider's policy denies this boot: fix what the rule names, or change the policy.",
    [REASON_CHANGE_FIRMWARE] =
        "If you updated the firmware or changed the machine's shape, approve the change.",
    [REASON_CHANGE_KEYS] = "Approve only if you changed the Secure Boot keys yourself.",
    [REASON_CHANGE_DBX] = "Entries left the revocation list, or it changed in another way: approve "
                          "only if you know why.",
    [REASON_CHANGE_LOADER] = "Approve if you updated the boot loader.",
    [REASON_CHANGE_KERNEL] = "Approve if you updated the kernel.",
    [REASON_CHANGE_INITRD] =
        "The initramfs is not signed. Approve if you updated the kernel or rebuilt the initramfs.",
    [REASON_CHANGE_CMDLINE] = "Approve if you changed the kernel command line.",
    [REASON_CHANGE_GRUB_CONFIG] = "Approve if you updated or edited GRUB's configuration.",
    [REASON_CHANGE_MOK] = "Approve only if you enrolled this machine owner key yourself.",
    [REASON_CHANGE_UKI] = "Approve if you updated the unified kernel image.",
    [REASON_CHANGE_CREDENTIALS] =
        "Approve if you placed the credentials beside the kernel image yourself.",
    [REASON_CHANGE_SYSEXT] =
        "Approve if you placed the system extensions beside the kernel image yourself.",
    [REASON_CHANGE_OS_SETTINGS] = "Approve if you changed Windows' boot settings, its protection "
                                  "features or its antimalware yourself.",
    [REASON_CHANGE_SHAPE] = "Approve if you changed the machine's shape (vCPUs).",
    [REASON_CHANGE_BOOT_PATH] = "Approve if you changed boot order or disks; an extra attempt "
                                "means that an earlier boot option failed or was refused.",
    [REASON_CHANGE_UNKNOWN] =
        "Find out what changed before approving: no rule knows this difference.",
};

const char *verdict_name(enum verdict verdict)
{
    return verdicts[verdict];
}

const char *reason_name(enum reason_code code)
{
    return reasons[code].name;
}

enum verdict reason_verdict(enum reason_code code)
{
    return reasons[code].verdict;
}

bool reason_by_name(struct span name, enum reason_code *ret)
{
    for (int code = 0; code < REASON_COUNT; code++) {
        if (span_is(name, reasons[code].name)) {
            *ret = (enum reason_code)code;
            return true;
        }
    }
    return false;
}

const char *reason_remedy(enum reason_code code)
{
    return remedies[code];
}
