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

static bool of_audit_mode(const struct boot_facts *facts, const struct reading *r)
{
    (void)facts;
    return is_variable(r, "AuditMode");
}

static bool of_deployed_mode(const struct boot_facts *facts, const struct reading *r)
{
    (void)facts;
    return is_variable(r, "DeployedMode");
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
           (r->role == ROLE_AUTHORITY && strcmp(r->name, "db") != 0);
}

static bool of_validation(const struct boot_facts *facts, const struct reading *r)
{
    return r->role == ROLE_MOK_STATE ||
           (facts->shim_validation == STATE_YES && r->role == ROLE_SBAT_LEVEL);
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
           r->role == ROLE_UKI_SECTION || r->role == ROLE_WINDOWS;
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
    return r->role == ROLE_BOOT_ACTION && r->event->home == 4;
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
} rules[] = {
    {"secure_boot.state", has_state, of_state},
    {"secure_boot.setup_mode", has_setup_mode, of_setup_mode},
    {"secure_boot.audit_mode", has_audit_mode, of_audit_mode},
    {"secure_boot.deployed_mode", has_deployed_mode, of_deployed_mode},
    {"secure_boot.debug_mode", has_debug_mode, of_debug_mode},
    {"secure_boot.dma_protection_disabled", has_dma, of_dma},
    {"shim.present", has_shim, of_shim},
    {"shim.validation", has_validation, of_validation},
    {"shim.sbat_level", has_sbat, of_sbat},
    {"shim.mok_enrolled", has_mok, of_mok},
    {"boot_software", has_software, of_software},
    {"firmware_version", has_version, of_version},
    {"kernel_path", has_kernel_path, of_cmdline},
    {"cmdline", has_cmdline, of_cmdline},
    {"boot_attempts", has_attempts, of_attempts},
    {"exit_boot_services", has_exit, of_exit},
    {"platform", has_platform, of_platform},
};

/* What is told by its register and a known digest alone (MOK variables) is covered without its
 * text. */
static bool is_covered(const struct reading *r)
{
    return r->match == READING_MATCHES || r->role == ROLE_MOK_LIST || r->role == ROLE_MOK_STATE;
}

/* A fact for which no event is covered rests on hints, and says so. */
static bool collect(struct facts_ctx *ctx, size_t rule, bool is_authenticated,
                    uint32_t events[BASIS_MAX_EVENTS], struct fact_basis *ret)
{
    *ret = (struct fact_basis){.fact = rules[rule].fact, .is_authenticated = is_authenticated};
    for (size_t i = 0; i < ctx->readings->n && ret->n < BASIS_MAX_EVENTS; i++) {
        const struct reading *r = &ctx->readings->items[i];

        if (r->role != ROLE_NONE && is_covered(r) == is_authenticated &&
            rules[rule].rests_on(ctx->facts, r)) {
            events[ret->n++] = r->event->index;
        }
    }
    return ret->n > 0;
}

void facts_basis(struct facts_ctx *ctx)
{
    struct boot_facts *facts = ctx->facts;
    uint32_t events[BASIS_MAX_EVENTS];

    facts->basis = facts_alloc(ctx, ARRAY_LEN(rules), sizeof(*facts->basis));
    for (size_t rule = 0; facts->basis != NULL && rule < ARRAY_LEN(rules); rule++) {
        struct fact_basis basis;
        uint32_t *kept;

        if (!rules[rule].is_known(facts) || (!collect(ctx, rule, true, events, &basis) &&
                                             !collect(ctx, rule, false, events, &basis))) {
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
