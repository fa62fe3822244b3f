/*
 * facts/basis.c - what each fact rests on: the events, and whether their digests cover what the
 * fact says of them.
 *
 * One table beside the code that makes the facts: which readings it looks at. Facts that are lists
 * carry the event in each item instead.
 *
 * Who may send these bytes: root of any guest.
 */
#include "facts/parts.h"

#include <string.h>

enum { BASIS_MAX_EVENTS = 64 };

typedef bool known_fn(const struct boot_facts *facts);
typedef bool rests_fn(const struct boot_facts *facts, const struct reading *r);

/* ---- is it known ---- */

static bool has_state(const struct boot_facts *facts)
{
    return facts->secure_boot != STATE_UNKNOWN;
}

static bool has_setup_mode(const struct boot_facts *facts)
{
    return facts->setup_mode != STATE_UNKNOWN;
}

static bool has_audit_mode(const struct boot_facts *facts)
{
    return facts->audit_mode != STATE_UNKNOWN;
}

static bool has_deployed_mode(const struct boot_facts *facts)
{
    return facts->deployed_mode != STATE_UNKNOWN;
}

static bool has_debug_mode(const struct boot_facts *facts)
{
    return facts->debug_mode != STATE_UNKNOWN;
}

static bool has_dma(const struct boot_facts *facts)
{
    return facts->dma_protection_disabled != STATE_UNKNOWN;
}

static bool has_shim(const struct boot_facts *facts)
{
    return facts->has_shim;
}

static bool has_validation(const struct boot_facts *facts)
{
    return facts->shim_validation != STATE_UNKNOWN;
}

static bool has_sbat(const struct boot_facts *facts)
{
    return facts->sbat_level != NULL;
}

static bool has_mok(const struct boot_facts *facts)
{
    return facts->mok_enrolled != STATE_UNKNOWN;
}

static bool has_software(const struct boot_facts *facts)
{
    return strcmp(facts->boot_software, "unknown") != 0;
}

static bool has_version(const struct boot_facts *facts)
{
    return facts->firmware_version != NULL;
}

static bool has_kernel_path(const struct boot_facts *facts)
{
    return facts->kernel_path != NULL;
}

static bool has_cmdline(const struct boot_facts *facts)
{
    return facts->cmdline != NULL;
}

static bool has_attempts(const struct boot_facts *facts)
{
    return facts->n_boot_attempts + facts->n_boot_returns > 0;
}

static bool has_exit(const struct boot_facts *facts)
{
    return facts->has_exit_boot_services;
}

static bool has_platform(const struct boot_facts *facts)
{
    return facts->platform.name != NULL;
}

static bool has_variable(const struct boot_facts *facts)
{
    for (size_t i = 0; i < facts->readings->n; i++) {
        const struct reading *r = &facts->readings->items[i];

        if (r->role == ROLE_SB_VARIABLE && strcmp(r->name, "SecureBoot") == 0) {
            return true;
        }
    }
    return false;
}

static bool has_user_mok(const struct boot_facts *facts)
{
    return facts->has_user_mok;
}

static bool has_list(const struct boot_facts *facts)
{
    return facts->mok_list.len > 0;
}

static bool has_list_x(const struct boot_facts *facts)
{
    return facts->mok_list_x.len > 0;
}

static bool has_list_trusted(const struct boot_facts *facts)
{
    return facts->mok_list_trusted.len > 0;
}

static bool has_windows(const struct boot_facts *facts)
{
    return facts->is_windows;
}

static bool has_returns(const struct boot_facts *facts)
{
    return facts->n_boot_returns > 0;
}

/* ---- what it rests on ---- */

static bool is_variable(const struct reading *r, const char *name)
{
    return r->role == ROLE_SB_VARIABLE && strcmp(r->name, name) == 0;
}

static bool of_state(const struct boot_facts *facts, const struct reading *r)
{
    if (is_variable(r, "SecureBoot")) {
        return true;
    }
    /* Off is what the variable says; on takes all of SB-5. */
    return facts->secure_boot == STATE_YES &&
           (is_variable(r, "PK") || is_variable(r, "KEK") || is_variable(r, "db") ||
            r->role == ROLE_AUTHORITY || (r->role == ROLE_SEPARATOR && r->event->home == 7));
}

static bool of_setup_mode(const struct boot_facts *facts, const struct reading *r)
{
    (void)facts;
    return is_variable(r, "PK");
}

/* Some firmware measures the two modes into PCR 1. */
static bool of_audit_mode(const struct boot_facts *facts, const struct reading *r)
{
    (void)facts;
    return r->event->type == EV_EFI_VARIABLE_DRIVER_CONFIG && strcmp(r->name, "AuditMode") == 0;
}

static bool of_deployed_mode(const struct boot_facts *facts, const struct reading *r)
{
    (void)facts;
    return r->event->type == EV_EFI_VARIABLE_DRIVER_CONFIG && strcmp(r->name, "DeployedMode") == 0;
}

/* Silence is told by all of PCR 7, which ends with its separator. */
static bool of_debug_mode(const struct boot_facts *facts, const struct reading *r)
{
    return r->event->home == 7 && (facts->debug_mode == STATE_YES ? r->role == ROLE_DEBUG_ACTION
                                                                  : r->role == ROLE_SEPARATOR);
}

static bool of_dma(const struct boot_facts *facts, const struct reading *r)
{
    return r->event->home == 7 &&
           (facts->dma_protection_disabled == STATE_YES ? r->role == ROLE_DEBUG_ACTION
                                                        : r->role == ROLE_SEPARATOR);
}

static bool of_shim(const struct boot_facts *facts, const struct reading *r)
{
    (void)facts;
    return r->role == ROLE_SBAT_LEVEL || r->role == ROLE_MOK_STATE || r->role == ROLE_MOK_LIST ||
           r->rule == rule_old_shim || (r->role == ROLE_AUTHORITY && strcmp(r->name, "db") != 0);
}

static bool of_variable(const struct boot_facts *facts, const struct reading *r)
{
    (void)facts;
    return is_variable(r, "SecureBoot");
}

static bool of_validation(const struct boot_facts *facts, const struct reading *r)
{
    if (facts->secure_boot == STATE_NO) {
        return of_variable(facts, r);
    }
    return r->role == ROLE_MOK_STATE || (facts->shim_validation == STATE_YES && of_shim(facts, r));
}

static bool of_sbat(const struct boot_facts *facts, const struct reading *r)
{
    (void)facts;
    return r->role == ROLE_SBAT_LEVEL;
}

static bool of_mok(const struct boot_facts *facts, const struct reading *r)
{
    (void)facts;
    return r->role == ROLE_MOK_LIST ||
           (r->role == ROLE_AUTHORITY && strncmp(r->name, "Mok", 3) == 0);
}

static bool of_software(const struct boot_facts *facts, const struct reading *r)
{
    (void)facts;
    return r->role == ROLE_SBAT_LEVEL || r->role == ROLE_MOK_LIST || r->role == ROLE_CMDLINE ||
           r->role == ROLE_GRUB_CONFIG || r->role == ROLE_GRUB_COMMAND ||
           r->role == ROLE_UKI_SECTION || r->role == ROLE_WINDOWS || r->rule == rule_old_shim ||
           (r->role == ROLE_INITRD && r->event->type == EV_EVENT_TAG);
}

static bool of_user_mok(const struct boot_facts *facts, const struct reading *r)
{
    (void)facts;
    return r->role == ROLE_AUTHORITY && strncmp(r->name, "Mok", 3) == 0;
}

/* The register tells that these are shim's; which is which, their names alone. */
static bool of_list(const struct boot_facts *facts, const struct reading *r)
{
    (void)facts;
    return r->event->home == 14 && strcmp(r->name, "MokList") == 0;
}

static bool of_list_x(const struct boot_facts *facts, const struct reading *r)
{
    (void)facts;
    return r->event->home == 14 && strcmp(r->name, "MokListX") == 0;
}

static bool of_list_trusted(const struct boot_facts *facts, const struct reading *r)
{
    (void)facts;
    return r->event->home == 14 && strcmp(r->name, "MokListTrusted") == 0;
}

static bool of_windows(const struct boot_facts *facts, const struct reading *r)
{
    (void)facts;
    return r->role == ROLE_WINDOWS;
}

static bool of_version(const struct boot_facts *facts, const struct reading *r)
{
    (void)facts;
    return r->event->type == EV_S_CRTM_VERSION;
}

static bool of_cmdline(const struct boot_facts *facts, const struct reading *r)
{
    (void)facts;
    return r->role == ROLE_CMDLINE;
}

static bool of_attempts(const struct boot_facts *facts, const struct reading *r)
{
    (void)facts;
    return r->role == ROLE_BOOT_ACTION && (span_starts(r->content, "Calling EFI Application") ||
                                           span_starts(r->content, "Returning from EFI"));
}

static bool of_exit(const struct boot_facts *facts, const struct reading *r)
{
    (void)facts;
    return r->role == ROLE_BOOT_ACTION && r->event->home == 5;
}

static bool of_platform(const struct boot_facts *facts, const struct reading *r)
{
    return r->event == facts->platform.event;
}

static const struct {
    const char *fact;
    known_fn *is_known;
    rests_fn *rests_on;
    bool is_named_by_hint; /* the digest does not say which of several it is */
} rules[] = {
    {"secure_boot.state", has_state, of_state, false},
    {"secure_boot.variable", has_variable, of_variable, false},
    {"secure_boot.setup_mode", has_setup_mode, of_setup_mode, false},
    {"secure_boot.audit_mode", has_audit_mode, of_audit_mode, false},
    {"secure_boot.deployed_mode", has_deployed_mode, of_deployed_mode, false},
    {"secure_boot.debug_mode", has_debug_mode, of_debug_mode, false},
    {"secure_boot.dma_protection_disabled", has_dma, of_dma, false},
    {"shim.present", has_shim, of_shim, false},
    {"shim.validation", has_validation, of_validation, false},
    {"shim.sbat_level", has_sbat, of_sbat, false},
    {"shim.mok_enrolled", has_mok, of_mok, false},
    {"shim.user_mok_used", has_user_mok, of_user_mok, false},
    {"shim.mok_list", has_list, of_list, true},
    {"shim.mok_list_x", has_list_x, of_list_x, true},
    {"shim.mok_list_trusted", has_list_trusted, of_list_trusted, true},
    {"boot_software", has_software, of_software, false},
    {"is_windows", has_windows, of_windows, false},
    {"firmware_version", has_version, of_version, false},
    {"kernel_path", has_kernel_path, of_cmdline, false},
    {"cmdline", has_cmdline, of_cmdline, false},
    {"boot_attempts", has_attempts, of_attempts, false},
    {"boot_returns", has_returns, of_attempts, false},
    {"exit_boot_services", has_exit, of_exit, false},
    {"platform", has_platform, of_platform, false},
};

/* What is told by its register and a known digest alone (MOK variables) is covered without its
 * text. */
static bool is_covered(const struct reading *r)
{
    return r->match == READING_MATCHES || r->role == ROLE_MOK_LIST || r->role == ROLE_MOK_STATE;
}

static bool of_nothing_else(const struct boot_facts *facts, const struct reading *r)
{
    (void)facts;
    return r->role == ROLE_SEPARATOR && r->event->home < 8;
}

static size_t collect(struct facts_ctx *ctx, rests_fn *rests_on, bool is_authenticated,
                      uint32_t events[BASIS_MAX_EVENTS])
{
    size_t n = 0;

    for (size_t i = 0; i < ctx->readings->n && n < BASIS_MAX_EVENTS; i++) {
        const struct reading *r = &ctx->readings->items[i];

        if (r->role != ROLE_NONE && is_covered(r) == is_authenticated && rests_on(ctx->facts, r)) {
            events[n++] = r->event->index;
        }
    }
    return n;
}

/* A fact for which no event is covered rests on hints, and says so. One for which there is no event
 * says that something was not measured: that is told by what ends the firmware's part. */
static struct fact_basis basis_of(struct facts_ctx *ctx, size_t rule,
                                  uint32_t events[BASIS_MAX_EVENTS])
{
    struct fact_basis basis = {.fact = rules[rule].fact,
                               .is_authenticated = !rules[rule].is_named_by_hint};

    basis.n = collect(ctx, rules[rule].rests_on, true, events);
    if (basis.n == 0) {
        basis.n = collect(ctx, rules[rule].rests_on, false, events);
        basis.is_authenticated = basis.is_authenticated && basis.n == 0;
    }
    if (basis.n == 0) {
        basis.n = collect(ctx, of_nothing_else, true, events);
    }
    return basis;
}

void facts_basis(struct facts_ctx *ctx)
{
    struct boot_facts *facts = ctx->facts;
    uint32_t events[BASIS_MAX_EVENTS];

    facts->basis = facts_alloc(ctx, ARRAY_LEN(rules), sizeof(*facts->basis));
    for (size_t rule = 0; facts->basis != NULL && rule < ARRAY_LEN(rules); rule++) {
        struct fact_basis basis;
        uint32_t *kept;

        if (!rules[rule].is_known(facts)) {
            continue;
        }
        basis = basis_of(ctx, rule, events);
        if (basis.n == 0) {
            continue;
        }
        kept = facts_alloc(ctx, basis.n, sizeof(*kept));
        if (kept == NULL) {
            return;
        }
        memcpy(kept, events, basis.n * sizeof(*kept));
        basis.events = kept;
        facts->basis[facts->n_basis++] = basis;
    }
}
