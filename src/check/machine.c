#include "agent/akcert.h"
#include "agent/enroll.h"
#include "agent/renew-plan.h"
#include "base/file.h"
#include "base/timestamp.h"
#include "check/steps.h"
#include "crypto/cert.h"
#include "eventlog/eventlog.h"
#include "guest/secure-boot.h"

#include <inttypes.h>
#include <stdio.h>

enum { PCR_ALL = 0xffffff };

/* What a room below said of the TPM or a file, as a failed step. */
static struct finding *fail(struct findings *list, const char *id, enum agent_exit exit, err_t err,
                            const struct trail *trail, const char *otherwise)
{
    char words[TRAIL_WHERE_MAX + TRAIL_WHAT_MAX + 64];
    struct finding *finding =
        finding_fail(list, id, err == ERR_USAGE ? EXIT_USAGE : exit, "%s", "");

    trail_format(trail, err, words, sizeof(words));
    finding_split(list, finding, words, otherwise);
    return finding;
}

/* ---- tpm ---- */

/* What does not stop us now, but is in the way of other things. */
static bool warn_of_state(struct findings *list, const struct tpmdev_state *state)
{
    struct finding *finding;

    if (state->is_locked_out) {
        finding = finding_add(list, "tpm", FINDING_WARNING,
                              "the TPM works, but is in lockout after wrong passwords: keys that "
                              "have one are refused (those of Bootwarden have none)");
        finding_remedy(list, finding,
                       "Wait (one wrong password is forgiven every %" PRIu32
                       " s), or clear it: tpm2_dictionarylockout -c.",
                       state->lockout_interval_s);
    } else if (state->has_owner_password || state->has_endorsement_password) {
        finding = finding_add(list, "tpm", FINDING_WARNING,
                              "the TPM works, but its %s hierarchy has a password: this machine "
                              "can prove its boot, but not join or renew its certificate",
                              state->has_owner_password ? "owner" : "endorsement");
        finding_remedy(list, finding, "Remove the password: tpm2_changeauth -c %s -p PASSWORD.",
                       state->has_owner_password ? "owner" : "endorsement");
    } else {
        return false;
    }
    return true;
}

static bool check_tpm(struct agent *agent, struct findings *list)
{
    static const char otherwise[] =
        "Restart the machine; if it stays, look at its TPM with tpm2_getcap properties-variable.";
    const struct agent_options *options = agent->options;
    struct tpmdev_state state = {0};
    struct tpm_pcrs pcrs;
    struct trail trail = {0};
    err_t err = agent->tpm != NULL
                    ? ERR_OK
                    : tpmdev_open(options->tcti, options->is_verbose, &trail, &agent->tpm);

    err = err ? err : tpmdev_state_read(agent->tpm, &trail, &state);
    err = err ? err : tpmdev_pcr_read(agent->tpm, PCR_ALL, &trail, &pcrs);
    if (err) {
        fail(list, "tpm", EXIT_INTERNAL, err, &trail, otherwise);
        return false;
    }
    if (!warn_of_state(list, &state)) {
        finding_add(list, "tpm", FINDING_OK, "the TPM 2.0 at %s works and has SHA-256 PCRs",
                    options->tcti != NULL ? options->tcti : TPMDEV_DEFAULT_TCTI);
    }
    return true;
}

/* ---- secure-boot ---- */

static const struct {
    enum finding_status status;
    const char *message, *remedy;
} secure_boots[] = {
    [SECURE_BOOT_ON] = {FINDING_OK, "Secure Boot is on", NULL},
    [SECURE_BOOT_OFF] = {FINDING_FAILED, "Secure Boot is off in the firmware",
                         "Turn it on in the security settings of the VM (Trusted Launch) or in the "
                         "setup of the firmware, and restart."},
    [SECURE_BOOT_SETUP_MODE] =
        {FINDING_FAILED,
         "the firmware is in setup mode: it holds no platform key, so that Secure "
         "Boot checks nothing",
         "Restore the factory keys (PK, KEK, db, dbx) in the setup of the firmware, or give the VM "
         "firmware variables that have them; then turn Secure Boot on and restart."},
    [SECURE_BOOT_SHIM_OFF] = {FINDING_FAILED,
                              "Secure Boot is on, but shim was told not to check what it starts "
                              "(MokSBState)",
                              "Run mokutil --enable-validation, restart, and confirm on the "
                              "console."},
    [SECURE_BOOT_NO_UEFI] = {FINDING_FAILED,
                             "this machine did not boot by UEFI (legacy BIOS), which has no Secure "
                             "Boot",
                             "Give the VM UEFI firmware (generation 2, Trusted Launch), with a "
                             "disk that boots from an EFI system partition."},
    [SECURE_BOOT_UNSUPPORTED] = {FINDING_FAILED,
                                 "the UEFI firmware has no variable SecureBoot: it knows no Secure "
                                 "Boot",
                                 "Give the VM firmware with Secure Boot (Trusted Launch; for QEMU "
                                 "an OVMF of kind secboot)."},
    [SECURE_BOOT_NOT_SHOWN] = {FINDING_WARNING,
                               "cannot tell: the variables of the firmware are not shown",
                               "Mount them: mount -t efivarfs efivarfs " GUEST_EFIVARS "."},
    [SECURE_BOOT_UNREADABLE] =
        {FINDING_WARNING,
         "cannot tell: the variables of the firmware cannot be read, or hold "
         "something else than they should",
         "Run as root; if it stays, look at mokutil --sb-state."},
};

static void check_secure_boot(const struct agent *agent, struct findings *list)
{
    const char *folder = agent->options->efivars;
    enum secure_boot state = secure_boot_read(list->arena, folder != NULL ? folder : GUEST_EFIVARS);
    struct finding *finding = finding_add(list, "secure-boot", secure_boots[state].status, "%s",
                                          secure_boots[state].message);

    finding->exit = EXIT_NO;
    if (secure_boots[state].remedy != NULL) {
        finding_remedy(list, finding, "%s", secure_boots[state].remedy);
    }
}

/* ---- event-log ---- */

static void fail_log(struct findings *list, const char *path, const char *what)
{
    struct finding *finding = finding_fail(list, "event-log", EXIT_NO,
                                           "the event log of the firmware %s: %s", what, path);

    finding_remedy(list, finding,
                   "Check that the VM boots by UEFI with a virtual TPM 2.0, and that securityfs is "
                   "mounted (mount -t securityfs securityfs /sys/kernel/security).");
}

static bool check_event_log(const struct agent *agent, struct findings *list)
{
    const char *given = agent->options->event_log;
    const char *path = given != NULL ? given : GUEST_EVENT_LOG;
    struct trail trail = {0};
    struct span bytes = {0};
    struct eventlog *log = NULL;
    char words[TRAIL_WHERE_MAX + TRAIL_WHAT_MAX + 64];
    const char *what;
    err_t err = guest_event_log(list->arena, given, &trail, &bytes);

    if (err) {
        fail(list, "event-log", EXIT_NO, err, &trail, "Run as root.");
        return false;
    }
    if (bytes.len == 0) {
        fail_log(list, path, file_exists(path) ? "is empty" : "does not exist");
        return true;
    }
    err = eventlog_read(list->arena, bytes, &trail, &log);
    if (err) {
        trail_format(&trail, err, words, sizeof(words));
        what = arena_printf(list->arena, "is none (%s)", words);
        fail_log(list, path, what == NULL ? "is none" : what);
    } else if (log->format != EVENTLOG_AGILE || eventlog_bank(log, HASH_SHA256) < 0) {
        finding_remedy(
            list,
            finding_fail(list, "event-log", EXIT_NO,
                         "the event log of the firmware has no SHA-256 digests (%s): %s",
                         log->format != EVENTLOG_AGILE
                             ? "it does not begin with a Spec ID event, as with a TPM 1.2"
                             : "other banks only",
                         path),
            "Give the VM a TPM 2.0 with its SHA-256 bank on, and firmware that knows "
            "it.");
    } else {
        finding_add(list, "event-log", FINDING_OK, "%zu events with SHA-256 digests: %s",
                    log->n_events, path);
    }
    return true;
}

/* ---- ak-certificate ---- */

bool check_has_certificate(const struct agent *agent)
{
    return agent->ak.certificate.len > 0 && enroll_has_certificate(agent, timestamp_now());
}

static void warn_of_early(struct findings *list, int64_t not_before)
{
    char from[TIMESTAMP_SIZE];

    timestamp_format(not_before, from, sizeof(from));
    finding_remedy(list,
                   finding_add(list, "ak-certificate", FINDING_WARNING,
                               "the certificate of the attestation key is valid from %s on only",
                               from),
                   "Check the clock of this machine (timedatectl).");
}

static void warn_of_end(struct findings *list, const char *until, bool is_clouds)
{
    struct finding *finding =
        finding_add(list, "ak-certificate", FINDING_WARNING,
                    "the certificate of the attestation key ended on %s", until);

    finding_remedy(list, finding, "%s Otherwise check the clock of this machine.",
                   is_clouds ? "Leave it to run, which renews what the platform gave. " RENEW_REMEDY
                             : "Nothing, when `enrolment` is well: a new one is made there.");
}

/* One that is good now. Who renews it depends on who made it. */
static void tell_days(struct findings *list, const char *until, int64_t left_s, bool is_clouds)
{
    bool is_due = is_clouds && left_s <= AKCERT_RENEW_BEFORE_S;
    bool is_late = is_clouds && left_s < AKCERT_WARN_BEFORE_S;
    struct finding *finding =
        finding_add(list, "ak-certificate", is_late ? FINDING_WARNING : FINDING_OK,
                    "the attestation key has a certificate until %s (%" PRId64 " days left)%s",
                    until, left_s / AKCERT_DAY_S,
                    is_due ? "; run renews it at the metadata service " METADATA_HOST : "");

    if (is_late) {
        finding_remedy(list, finding, "%s", RENEW_REMEDY);
    }
}

static void check_validity(const struct agent *agent, struct findings *list)
{
    CLEANUP(cert_free) struct cert *cert = NULL;
    int64_t not_before = 0, not_after = 0, now = timestamp_now();
    bool is_clouds = false;
    char until[TIMESTAMP_SIZE];

    if (cert_new_der(agent->ak.certificate, NULL, &cert) == ERR_OK) {
        cert_validity(cert, &not_before, &not_after);
        is_clouds = akcert_is_clouds(cert, list->arena);
    }
    timestamp_format(not_after, until, sizeof(until));
    if (cert != NULL && akcert_is_provisional(cert, list->arena)) {
        finding_remedy(list,
                       finding_fail(list, "ak-certificate", EXIT_INTERNAL, AKCERT_NOT_PROVISIONED),
                       AKCERT_STOPGAP_REMEDY);
    } else if (now < not_before) {
        warn_of_early(list, not_before);
    } else if (now >= not_after) {
        warn_of_end(list, until, is_clouds);
    } else if (!enroll_has_certificate(agent, now)) {
        finding_remedy(list,
                       finding_add(list, "ak-certificate", FINDING_WARNING,
                                   "the certificate in the TPM is for another key"),
                       "Nothing, when `enrolment` is well: the right one is made there.");
    } else {
        tell_days(list, until, not_after - now, is_clouds);
    }
}

static void check_ak(struct agent *agent, struct findings *list)
{
    struct trail trail = {0};
    err_t err = tpmdev_ak_read(agent->tpm, list->arena, &trail, &agent->ak);

    if (err == ERR_NOT_FOUND) {
        finding_add(list, "ak-certificate", FINDING_OK,
                    "there is no attestation key yet: it and its certificate will be made at "
                    "enrolment");
    } else if (err) {
        fail(list, "ak-certificate", EXIT_INTERNAL, err, &trail,
             "Look at the key with tpm2_readpublic -c 0x81000003.");
    } else if (agent->ak.certificate.len == 0) {
        finding_add(list, "ak-certificate", FINDING_OK,
                    "the attestation key has no certificate yet: it will be made at enrolment");
    } else {
        check_validity(agent, list);
    }
}

bool check_machine(struct agent *agent, struct findings *list)
{
    bool has_tpm = check_tpm(agent, list), is_readable;

    check_secure_boot(agent, list);
    is_readable = check_event_log(agent, list);
    if (has_tpm) {
        check_ak(agent, list);
    } else {
        finding_skip(list, "ak-certificate", "tpm failed");
    }
    return is_readable;
}
