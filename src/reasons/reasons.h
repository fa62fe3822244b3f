/*
 * reasons.h - verdicts and reason codes: the words this product owes its users.
 *
 * Codes are stable; meaning, cause and remedy of each stand in docs/reason-codes.md, which a test
 * holds against this table. They are a room of their own because the agent, which judges nothing,
 * tells its user what to do about the codes in a service's answer.
 */
#ifndef REASONS_REASONS_H
#define REASONS_REASONS_H

#include "base/defs.h"
#include "base/span.h"

#include <stdbool.h>

/* In order of precedence: the worst reason makes the verdict. */
enum verdict {
    VERDICT_HEALTHY,
    VERDICT_CHANGED,
    VERDICT_UNHEALTHY,
    VERDICT_CANNOT_JUDGE,
    VERDICT_NOT_VERIFIED,
};

/* clang-format off */
#define REASON_TABLE(X)                                                                            \
    /* the proof does not hold */                                                                  \
    X(SIGNATURE,               NOT_VERIFIED, "signature")                                          \
    X(MAGIC,                   NOT_VERIFIED, "magic")                                              \
    X(TYPE,                    NOT_VERIFIED, "type")                                               \
    X(ATTEST_MALFORMED,        NOT_VERIFIED, "attest-malformed")                                   \
    X(NONCE,                   NOT_VERIFIED, "nonce")                                              \
    X(CLOCK_WENT_BACK,         NOT_VERIFIED, "clock-went-back")                                    \
    X(CHALLENGE_EXPIRED,       NOT_VERIFIED, "challenge-expired")                                  \
    X(CHALLENGE_REUSED,        NOT_VERIFIED, "challenge-reused")                                   \
    X(QUOTES_MIXED,            NOT_VERIFIED, "quotes-mixed")                                       \
    X(PCR_MISSING,             NOT_VERIFIED, "pcr-missing")                                        \
    X(PCR_DIGEST,              NOT_VERIFIED, "pcr-digest")                                         \
    X(BANK_UNEXTENDED,         NOT_VERIFIED, "bank-unextended")                                    \
    X(BANK_UNSUPPORTED,        NOT_VERIFIED, "bank-unsupported")                                   \
    X(AK_UNPROVEN,             NOT_VERIFIED, "ak-unproven")                                        \
    X(AK_UNTRUSTED,            NOT_VERIFIED, "ak-untrusted")                                       \
    X(AK_ATTRIBUTES,           NOT_VERIFIED, "ak-attributes")                                      \
    X(AK_OTHER_MACHINE,        NOT_VERIFIED, "ak-other-machine")                                   \
    X(EK_CHAIN,                NOT_VERIFIED, "ek-chain")                                           \
    X(ENCKEY_CERTIFY,          NOT_VERIFIED, "enckey-certify")                                     \
    X(ENCKEY_POLICY,           NOT_VERIFIED, "enckey-policy")                                      \
    X(REQUEST_SIGNATURE,       NOT_VERIFIED, "request-signature")                                  \
    X(REQUEST_KEY,             NOT_VERIFIED, "request-key")                                        \
    X(KEY_CERTIFY,             NOT_VERIFIED, "key-certify")                                        \
    X(LOG_REPLAY,              NOT_VERIFIED, "log-replay")                                         \
    X(LOG_UNEXPLAINED_PCR,     NOT_VERIFIED, "log-unexplained-pcr")                                \
    X(EVENT_DIGEST,            NOT_VERIFIED, "event-digest")                                       \
    X(EVENT_TYPE,              NOT_VERIFIED, "event-type")                                         \
    X(EVENT_ORDER,             NOT_VERIFIED, "event-order")                                        \
    X(IMA_REPLAY,              NOT_VERIFIED, "ima-replay")                                         \
    X(LOG_MALFORMED,           NOT_VERIFIED, "log-malformed")                                      \
    /* nothing to judge by */                                                                      \
    X(NO_LOG,                  CANNOT_JUDGE, "no-log")                                             \
    X(NO_EVIDENCE,             CANNOT_JUDGE, "no-evidence")                                        \
    X(LOG_UNSUPPORTED,         CANNOT_JUDGE, "log-unsupported")                                    \
    X(WINDOWS_STATE_UNKNOWN,   CANNOT_JUDGE, "windows-state-unknown")                              \
    X(POLICY_FAILED,           CANNOT_JUDGE, "policy-failed")                                      \
    /* proven, and bad */                                                                          \
    X(SECURE_BOOT_OFF,         UNHEALTHY,    "secure-boot-off")                                    \
    X(SECURE_BOOT_UNKNOWN,     UNHEALTHY,    "secure-boot-unknown")                                \
    X(SECURE_BOOT_KEYS_MISSING, UNHEALTHY,   "secure-boot-keys-missing")                           \
    X(SIGNATURE_LIST_MALFORMED, UNHEALTHY,   "signature-list-malformed")                           \
    X(DEBUG_MODE,              UNHEALTHY,    "debug-mode")                                         \
    X(SHIM_VALIDATION_OFF,     UNHEALTHY,    "shim-validation-off")                                \
    X(SHIM_VALIDATION_UNKNOWN, UNHEALTHY,    "shim-validation-unknown")                            \
    X(AUTHORITY_UNKNOWN,       UNHEALTHY,    "authority-unknown")                                  \
    X(AUTHORITY_NOT_IN_DB,     UNHEALTHY,    "authority-not-in-db")                                \
    X(TEST_KEYS,               UNHEALTHY,    "test-keys")                                          \
    X(REVOKED_IMAGE,           UNHEALTHY,    "revoked-image")                                      \
    X(SBAT_BELOW_MINIMUM,      UNHEALTHY,    "sbat-below-minimum")                                 \
    X(UNTRUSTED_COMPONENT,     UNHEALTHY,    "untrusted-component")                                \
    X(CMDLINE_AMBIGUOUS,       UNHEALTHY,    "cmdline-ambiguous")                                  \
    X(OS_DEBUGGING,            UNHEALTHY,    "os-debugging")                                       \
    X(TEST_SIGNING,            UNHEALTHY,    "test-signing")                                       \
    X(CODE_INTEGRITY_OFF,      UNHEALTHY,    "code-integrity-off")                                 \
    X(SAFE_MODE,               UNHEALTHY,    "safe-mode")                                          \
    X(WINPE,                   UNHEALTHY,    "winpe")                                              \
    X(BOOT_FAILURE,            UNHEALTHY,    "boot-failure")                                       \
    X(POLICY_DENIED,           UNHEALTHY,    "policy-denied")                                      \
    /* differs from the baseline */                                                                \
    X(CHANGE_FIRMWARE,         CHANGED,      "change-firmware")                                    \
    X(CHANGE_KEYS,             CHANGED,      "change-keys")                                        \
    X(CHANGE_DBX,              CHANGED,      "change-dbx")                                         \
    X(CHANGE_LOADER,           CHANGED,      "change-loader")                                      \
    X(CHANGE_KERNEL,           CHANGED,      "change-kernel")                                      \
    X(CHANGE_INITRD,           CHANGED,      "change-initrd")                                      \
    X(CHANGE_CMDLINE,          CHANGED,      "change-cmdline")                                     \
    X(CHANGE_GRUB_CONFIG,      CHANGED,      "change-grub-config")                                 \
    X(CHANGE_MOK,              CHANGED,      "change-mok")                                         \
    X(CHANGE_UKI,              CHANGED,      "change-uki")                                         \
    X(CHANGE_CREDENTIALS,      CHANGED,      "change-credentials")                                 \
    X(CHANGE_SYSEXT,           CHANGED,      "change-sysext")                                      \
    X(CHANGE_OS_SETTINGS,      CHANGED,      "change-os-settings")                                 \
    X(CHANGE_SHAPE,            CHANGED,      "change-shape")                                       \
    X(CHANGE_BOOT_PATH,        CHANGED,      "change-boot-path")                                   \
    X(CHANGE_UNKNOWN,          CHANGED,      "change-unknown")
/* clang-format on */

enum reason_code {
#define X(code, verdict, name) REASON_##code,
    REASON_TABLE(X)
#undef X
        REASON_COUNT
};

const char *verdict_name(enum verdict verdict); /* "not-verified" */
const char *reason_name(enum reason_code code); /* "ak-unproven" */
enum verdict reason_verdict(enum reason_code code);
/* What an owner can do about it: one sentence. */
const char *reason_remedy(enum reason_code code);
/* The code of this name, as a service wrote it; false when it is none that is known here. */
bool reason_by_name(struct span name, enum reason_code *ret) MUST_CHECK;

#endif
