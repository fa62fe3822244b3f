/*
 * facts/secureboot.c - the Secure Boot state of PCR 7 (SB-2 to SB-6, SB-8, SB-11 to SB-14).
 *
 * Who may send these bytes: root of any guest.
 */
#include "facts/parts.h"

/* SB-3: the order of the first five is the profile's (PFP 1.06, 3.3.4.8). */
enum sb_variable {
    SB_SECURE_BOOT,
    SB_PK,
    SB_KEK,
    SB_DB,
    SB_DBX,
    SB_MANDATORY,
    SB_AUDIT_MODE = SB_MANDATORY,
    SB_DEPLOYED_MODE,
    SB_SETUP_MODE,
    SB_DBT,
    SB_DBR,
    SB_COUNT
};

static const char *const sb_names[SB_COUNT] = {
    "SecureBoot", "PK", "KEK", "db", "dbx", "AuditMode", "DeployedMode", "SetupMode", "dbt", "dbr"};

struct walk {
    bool seen[SB_COUNT];
    bool after_separator;
    int last; /* of the mandatory ones */
    bool action_unclear;
    bool has_debug_action;
};

/* Which Secure Boot variable is it? The role was given by GUID and name. SB_COUNT: none. */
static enum sb_variable variable_of(const struct reading *r)
{
    if (r->role == ROLE_SB_VARIABLE || r->role == ROLE_DBX || r->role == ROLE_DBT) {
        for (int i = 0; i < SB_COUNT; i++) {
            if (strcmp(r->name, sb_names[i]) == 0) {
                return (enum sb_variable)i;
            }
        }
    }
    return SB_COUNT;
}

/* ---- signature databases ---- */

static void find_test_key(struct key_database *db)
{
    for (size_t i = 0; !db->has_test_key && i < db->keys.n_certificates; i++) {
        const struct key_certificate *certificate = &db->keys.certificates[i];

        if (certificate->is_test_key) {
            db->has_test_key = true;
            db->test_key =
                certificate->subject != NULL ? certificate->subject : certificate->known->name;
        }
    }
}

static err_t read_contents(struct facts_ctx *ctx, struct key_database *db)
{
    int bank = eventlog_bank(ctx->log, HASH_SHA256);

    if (ctx->cache != NULL && bank >= 0 && db->event->digest[bank].len == SHA256_BYTES) {
        return key_cache_read(ctx->cache, db->event->digest[bank].data, ctx->arena, db->lists,
                              ctx->hasher, &db->keys);
    }
    return key_contents_read(ctx->arena, db->lists, ctx->reference, ctx->hasher, &db->keys);
}

static void read_database(struct facts_ctx *ctx, struct key_database *db, const char *name,
                          const struct reading *r)
{
    db->present = true;
    db->lists = r->content;
    db->event = r->event;
    if (ctx->err == ERR_OK) {
        ctx->err = read_contents(ctx, db);
    }
    if (ctx->err) {
        return;
    }
    if (db != &ctx->facts->dbx) { /* a revoked test key is no reason to worry */
        find_test_key(db);
    }
    if (db->keys.n_unreadable > 0) {
        facts_find(ctx, FINDING_OTHER, WEIGHT_NOTE, "SB-12", r->event,
                   "%s holds an entry that should be a certificate and is not (%u in all)", name,
                   db->keys.n_unreadable);
    }
    if (db->keys.is_malformed) {
        facts_find(ctx, FINDING_SIGLIST, WEIGHT_FAULT, "SB-11", r->event,
                   "%s is no well-formed signature list", name);
    } else if (db->keys.n_unknown > 0) {
        facts_find(ctx, FINDING_SIGLIST, WEIGHT_NOTE, "SB-12", r->event,
                   "%s holds %u entries of an unknown kind", name, db->keys.n_unknown);
    }
}

static bool is_filled(const struct key_database *db)
{
    return db->present && !db->keys.is_malformed &&
           db->keys.n_x509 + db->keys.n_hashes + db->keys.n_other > 0;
}

/* ---- variables ---- */

static enum tristate flag_of(struct span value)
{
    if (value.len != 1 || value.data[0] > 1) {
        return STATE_UNKNOWN;
    }
    return value.data[0] == 1 ? STATE_YES : STATE_NO;
}

/* SB-4: several real firmwares measure an empty SecureBoot variable; it says neither. */
static void read_secure_boot_value(struct facts_ctx *ctx, const struct reading *r)
{
    struct boot_facts *facts = ctx->facts;

    if (r->content.len == 1 && r->content.data[0] <= 1) {
        facts->has_secure_boot_variable = true;
        facts->secure_boot_value = r->content.data[0];
    } else if (r->content.len == 0) {
        facts_find(ctx, FINDING_SECURE_BOOT_VALUE, WEIGHT_NOTE, "SB-4", r->event,
                   "the SecureBoot variable was measured empty: neither on nor off");
    } else {
        facts_find(ctx, FINDING_SECURE_BOOT_VALUE, WEIGHT_FAULT, "SB-4", r->event,
                   "the SecureBoot variable has %zu bytes or a value other than 0 and 1",
                   r->content.len);
    }
}

static void use_variable(struct facts_ctx *ctx, enum sb_variable which, const struct reading *r)
{
    struct boot_facts *facts = ctx->facts;

    switch (which) {
    case SB_SECURE_BOOT:
        read_secure_boot_value(ctx, r);
        break;
    case SB_PK:
        read_database(ctx, &facts->pk, "PK", r);
        break;
    case SB_KEK:
        read_database(ctx, &facts->kek, "KEK", r);
        break;
    case SB_DB:
        read_database(ctx, &facts->db, "db", r);
        break;
    case SB_DBX:
        read_database(ctx, &facts->dbx, "dbx", r);
        break;
    case SB_AUDIT_MODE:
        facts->audit_mode = flag_of(r->content);
        break;
    case SB_DEPLOYED_MODE:
        facts->deployed_mode = flag_of(r->content);
        break;
    case SB_SETUP_MODE:
    case SB_DBT:
    case SB_DBR:
    case SB_COUNT:
    default:
        break;
    }
}

static void walk_variable(struct facts_ctx *ctx, struct walk *walk, const struct reading *r)
{
    enum sb_variable which = variable_of(r);

    if (walk->after_separator) {
        facts_find(ctx, FINDING_EVENT_ORDER, WEIGHT_FAULT, "SB-2", r->event,
                   "event %u: variable %s was measured after the separator of %s", r->event->index,
                   r->name, facts_register(ctx, r->event));
        return;
    }
    if (r->name[0] == '\0') {
        facts_find(ctx, FINDING_SECURE_BOOT_VALUE, WEIGHT_FAULT, "SB-2", r->event,
                   "event %u is no well-formed variable", r->event->index);
        return;
    }
    if (which == SB_COUNT) {
        facts_find(ctx, FINDING_EVENT_ORDER, WEIGHT_NOTE, "SB-3", r->event,
                   "event %u: another variable in %s: %s", r->event->index,
                   facts_register(ctx, r->event), r->name);
        return;
    }
    if (walk->seen[which]) {
        facts_find(ctx, FINDING_EVENT_ORDER, WEIGHT_FAULT, "SB-2", r->event,
                   "event %u: variable %s was measured a second time", r->event->index, r->name);
        return;
    }
    walk->seen[which] = true;
    if (which < SB_MANDATORY) {
        if ((int)which < walk->last) {
            facts_find(ctx, FINDING_EVENT_ORDER, WEIGHT_NOTE, "SB-3", r->event,
                       "event %u: variable %s was measured after %s", r->event->index, r->name,
                       sb_names[walk->last]);
        } else {
            walk->last = (int)which;
        }
    }
    if (r->match == READING_MATCHES) {
        use_variable(ctx, which, r);
    }
}

/*
 * B-11: SPDM events of PCR 7 speak of the database of devices. Any other variable under these
 * types is one of the boot's, relabelled so that nobody looks at it.
 */
static void walk_device(struct facts_ctx *ctx, const struct reading *r)
{
    if (r->match != READING_MATCHES ||
        (strcmp(r->name, "devdb") != 0 && strcmp(r->name, "devdbx") != 0)) {
        facts_find(ctx, FINDING_EVENT_TYPE, WEIGHT_FAULT, "D-2", r->event,
                   "event %u: a device event of PCR 7 that is not of the device database: %s",
                   r->event->index, r->name);
    }
}

/* SB-8 */
static void walk_action(struct facts_ctx *ctx, struct walk *walk, const struct reading *r)
{
    if (r->match != READING_MATCHES) {
        walk->action_unclear = true;
    } else if (span_is(r->content, "UEFI Debug Mode")) {
        walk->has_debug_action = true;
        ctx->facts->debug_mode = STATE_YES;
        facts_find(ctx, FINDING_DEBUG_MODE, WEIGHT_BAD, "SB-8", r->event,
                   "event %u: the firmware ran in debug mode", r->event->index);
    } else if (span_is(r->content, "DMA Protection Disabled")) {
        ctx->facts->dma_protection_disabled = STATE_YES;
    } else {
        walk->has_debug_action = true;
        facts_find(ctx, FINDING_PCR7_ACTION, WEIGHT_BAD, "SB-8", r->event,
                   "event %u: unexpected action in %s: %s", r->event->index,
                   facts_register(ctx, r->event), r->name);
    }
}

/* SB-6 also from PCR 1, where some firmware measures the two modes. */
static void walk_modes_elsewhere(struct facts_ctx *ctx, const struct reading *r)
{
    struct uefi_variable var = {0};
    struct span rest = {0};

    if (r->event->type != EV_EFI_VARIABLE_DRIVER_CONFIG || r->event->home != 1 ||
        r->match != READING_MATCHES || uefi_variable_split(r->event->data, &var, &rest)) {
        return;
    }
    if (uefi_variable_is(&var, guid_efi_global, "AuditMode")) {
        ctx->facts->audit_mode = flag_of(var.value);
    } else if (uefi_variable_is(&var, guid_efi_global, "DeployedMode")) {
        ctx->facts->deployed_mode = flag_of(var.value);
    }
}

static void check_missing(struct facts_ctx *ctx, const struct walk *walk)
{
    bool any = false;

    for (int i = 0; i < SB_MANDATORY; i++) {
        any = any || walk->seen[i];
    }
    if (!any) {
        facts_find(ctx, FINDING_EVENT_ORDER, WEIGHT_NOTE, "SB-3", NULL,
                   "no Secure Boot variables were measured");
        return;
    }
    for (int i = 0; i < SB_MANDATORY; i++) {
        if (!walk->seen[i]) {
            ctx->pcr7_sound = false;
            facts_find(ctx, FINDING_EVENT_ORDER, WEIGHT_FAULT, "SB-3", NULL,
                       "variable %s was not measured", sb_names[i]);
        }
    }
}

/* SB-5: on is said only when nothing is missing; off needs no more than the variable. */
static enum tristate decide(const struct facts_ctx *ctx, const struct walk *walk)
{
    const struct boot_facts *facts = ctx->facts;
    bool has_boot_authority = false;

    if (!facts->has_secure_boot_variable) {
        return STATE_UNKNOWN;
    }
    if (facts->secure_boot_value == 0) {
        return STATE_NO;
    }
    for (size_t i = 0; i < facts->n_authorities; i++) {
        has_boot_authority = has_boot_authority || !facts->authorities[i].before_separator;
    }
    return is_filled(&facts->pk) && is_filled(&facts->kek) && is_filled(&facts->db) &&
                   has_boot_authority && !walk->has_debug_action && !walk->action_unclear &&
                   ctx->pcr7_sound
               ? STATE_YES
               : STATE_UNKNOWN;
}

void facts_secure_boot(struct facts_ctx *ctx)
{
    struct boot_facts *facts = ctx->facts;
    struct walk walk = {0};

    for (size_t i = 0; i < ctx->readings->n; i++) {
        const struct reading *r = &ctx->readings->items[i];

        if (r->event->home != 7) {
            walk_modes_elsewhere(ctx, r);
        } else if (r->role == ROLE_SEPARATOR) {
            walk.after_separator = true;
        } else if (r->event->type == EV_EFI_VARIABLE_DRIVER_CONFIG) {
            walk_variable(ctx, &walk, r);
        } else if (r->event->type == EV_EFI_ACTION) {
            walk_action(ctx, &walk, r);
        } else if (r->event->type == EV_EFI_SPDM_DEVICE_POLICY ||
                   r->event->type == EV_EFI_SPDM_DEVICE_AUTHORITY) {
            walk_device(ctx, r);
        }
    }
    check_missing(ctx, &walk);
    /* S-3: "no debug action" is a fact only of a PCR 7 that holds together. */
    if (facts->debug_mode == STATE_UNKNOWN && ctx->pcr7_sound && !walk.action_unclear) {
        facts->debug_mode = STATE_NO;
    }
    if (facts->dma_protection_disabled == STATE_UNKNOWN && ctx->pcr7_sound &&
        !walk.action_unclear) {
        facts->dma_protection_disabled = STATE_NO;
    }
    if (facts->pk.present && !facts->pk.keys.is_malformed) {
        facts->setup_mode = is_filled(&facts->pk) ? STATE_NO : STATE_YES;
    }
    if (facts->dbx.present && !facts->dbx.keys.is_malformed && !is_filled(&facts->dbx)) {
        facts_find(ctx, FINDING_OTHER, WEIGHT_NOTE, "SB-13", facts->dbx.event,
                   "the revocation list dbx is empty");
    }
    facts->secure_boot = decide(ctx, &walk);
}
