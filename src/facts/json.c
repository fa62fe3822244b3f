/*
 * facts/json.c - the documented JSON form of facts (docs/formats/boot-facts.md).
 */
#include "facts/parts.h"
#include "facts/windows.h"

static const char *state_name(enum tristate state)
{
    switch (state) {
    case STATE_YES:
        return "yes";
    case STATE_NO:
        return "no";
    case STATE_UNKNOWN:
    default:
        return "unknown";
    }
}

static const char *part_name(enum image_part part)
{
    switch (part) {
    case IMAGE_LOADER:
        return "loader";
    case IMAGE_KERNEL:
        return "kernel";
    case IMAGE_UKI:
        return "uki";
    case IMAGE_UNKNOWN:
    default:
        return "unknown";
    }
}

static void add_digests(struct arena *arena, yyjson_mut_doc *doc, yyjson_mut_val *object,
                        const struct span digest[HASH_COUNT])
{
    yyjson_mut_val *digests = json_add_object(doc, object, "digests");

    for (int alg = 0; alg < HASH_COUNT; alg++) {
        if (digest[alg].len > 0) {
            json_add_hex(arena, doc, digests, hash_name((enum hash_alg)alg), digest[alg]);
        }
    }
}

static yyjson_mut_val *append_object(yyjson_mut_doc *doc, yyjson_mut_val *array)
{
    return yyjson_mut_arr_add_obj(doc, array);
}

static void add_database(struct arena *arena, yyjson_mut_doc *doc, yyjson_mut_val *object,
                         const char *name, const struct key_database *db)
{
    yyjson_mut_val *value = json_add_object(doc, object, name);

    json_add_bool(doc, value, "present", db->present);
    if (!db->present) {
        return;
    }
    json_add_bool(doc, value, "well_formed", !db->keys.is_malformed);
    json_add_uint(doc, value, "bytes", db->lists.len);
    json_add_uint(doc, value, "certificates", db->keys.n_x509);
    json_add_uint(doc, value, "hashes", db->keys.n_hashes);
    json_add_uint(doc, value, "other_entries", db->keys.n_other);
    json_add_text(doc, value, "test_key", db->has_test_key ? db->test_key : NULL);
    json_add_uint(doc, value, "event", db->event->index);
    facts_add_database_names(arena, doc, value, db);
}

/* What the variable says, which is less than what the state says (SB-5). */
static const char *variable_word(const struct boot_facts *facts)
{
    if (facts->has_secure_boot_variable) {
        return facts->secure_boot_value == 1 ? "enabled" : "disabled";
    }
    for (size_t i = 0; i < facts->readings->n; i++) {
        const struct reading *r = &facts->readings->items[i];

        if (r->role == ROLE_SB_VARIABLE && strcmp(r->name, "SecureBoot") == 0) {
            return r->match != READING_MATCHES ? "not authentic"
                   : r->content.len == 0       ? "zero-length"
                                               : "invalid";
        }
    }
    return "absent";
}

static void add_secure_boot(struct arena *arena, yyjson_mut_doc *doc, yyjson_mut_val *object,
                            const struct boot_facts *facts)
{
    yyjson_mut_val *value = json_add_object(doc, object, "secure_boot");

    json_add_text(doc, value, "state",
                  facts->secure_boot == STATE_YES  ? "enabled"
                  : facts->secure_boot == STATE_NO ? "disabled"
                                                   : "unknown");
    json_add_text(doc, value, "variable", variable_word(facts));
    json_add_text(doc, value, "setup_mode", state_name(facts->setup_mode));
    json_add_text(doc, value, "audit_mode", state_name(facts->audit_mode));
    json_add_text(doc, value, "deployed_mode", state_name(facts->deployed_mode));
    json_add_text(doc, value, "debug_mode", state_name(facts->debug_mode));
    json_add_text(doc, value, "dma_protection_disabled",
                  state_name(facts->dma_protection_disabled));
    add_database(arena, doc, value, "PK", &facts->pk);
    add_database(arena, doc, value, "KEK", &facts->kek);
    add_database(arena, doc, value, "db", &facts->db);
    add_database(arena, doc, value, "dbx", &facts->dbx);
}

static void add_authorities(struct arena *arena, yyjson_mut_doc *doc, yyjson_mut_val *object,
                            const struct boot_facts *facts)
{
    yyjson_mut_val *array = json_add_array(doc, object, "authorities");

    for (size_t i = 0; i < facts->n_authorities; i++) {
        const struct authority *authority = &facts->authorities[i];
        yyjson_mut_val *value = append_object(doc, array);

        json_add_text(doc, value, "source", authority->source);
        json_add_text(doc, value, "subject",
                      authority->subject[0] != '\0' ? authority->subject : NULL);
        if (authority->digest.len > 0) {
            json_add_hex(arena, doc, value, "digest", authority->digest);
        }
        facts_add_authority_names(arena, doc, value, authority);
        json_add_bool(doc, value, "before_separator", authority->before_separator);
        json_add_uint(doc, value, "event", authority->event->index);
    }
}

static void add_mok_digest(struct arena *arena, yyjson_mut_doc *doc, yyjson_mut_val *object,
                           const char *name, struct span digest)
{
    if (digest.len > 0) {
        json_add_hex(arena, doc, object, name, digest);
    } else {
        json_add_text(doc, object, name, NULL);
    }
}

static void add_shim(struct arena *arena, yyjson_mut_doc *doc, yyjson_mut_val *object,
                     const struct boot_facts *facts)
{
    yyjson_mut_val *value = json_add_object(doc, object, "shim");

    json_add_bool(doc, value, "present", facts->has_shim);
    json_add_text(doc, value, "validation", state_name(facts->shim_validation));
    json_add_text(doc, value, "sbat_level", facts->sbat_level);
    json_add_text(doc, value, "mok_enrolled", state_name(facts->mok_enrolled));
    json_add_bool(doc, value, "user_mok_used", facts->has_user_mok);
    add_mok_digest(arena, doc, value, "mok_list", facts->mok_list);
    add_mok_digest(arena, doc, value, "mok_list_x", facts->mok_list_x);
    add_mok_digest(arena, doc, value, "mok_list_trusted", facts->mok_list_trusted);
}

static void add_signer(yyjson_mut_doc *doc, yyjson_mut_val *object, const struct authority *signer)
{
    yyjson_mut_val *value;

    if (signer == NULL) {
        json_add_value(doc, object, "signer_hint", yyjson_mut_null(doc));
        return;
    }
    value = json_add_object(doc, object, "signer_hint");
    json_add_text(doc, value, "source", signer->source);
    json_add_text(doc, value, "subject", signer->subject[0] != '\0' ? signer->subject : NULL);
    json_add_uint(doc, value, "event", signer->event->index);
}

static void add_images(struct arena *arena, yyjson_mut_doc *doc, yyjson_mut_val *object,
                       const struct boot_facts *facts)
{
    yyjson_mut_val *array = json_add_array(doc, object, "images");

    for (size_t i = 0; i < facts->n_images; i++) {
        const struct boot_image *image = &facts->images[i];
        yyjson_mut_val *value = append_object(doc, array);

        json_add_text(doc, value, "part", part_name(image->part));
        json_add_text(doc, value, "path_hint", image->path_hint);
        json_add_bool(doc, value, "before_separator", image->before_separator);
        json_add_bool(doc, value, "repeat", image->is_repeat);
        json_add_text(doc, value, "stage",
                      image->before_separator                                   ? "firmware"
                      : image->part == IMAGE_KERNEL || image->part == IMAGE_UKI ? "kernel"
                                                                                : "loaders");
        add_signer(doc, value, image->signer_hint);
        add_digests(arena, doc, value, image->digest);
        facts_add_image_names(doc, value, image);
        json_add_uint(doc, value, "event", image->event->index);
    }
}

static void add_files(struct arena *arena, yyjson_mut_doc *doc, yyjson_mut_val *object,
                      const struct boot_facts *facts)
{
    yyjson_mut_val *array = json_add_array(doc, object, "files");

    for (size_t i = 0; i < facts->n_files; i++) {
        yyjson_mut_val *value = append_object(doc, array);

        json_add_text(doc, value, "role", event_role_name(facts->files[i].role));
        json_add_text(doc, value, "name_hint", facts->files[i].name_hint);
        add_digests(arena, doc, value, facts->files[i].digest);
        json_add_uint(doc, value, "event", facts->files[i].event->index);
    }
}

static void add_sections(struct arena *arena, yyjson_mut_doc *doc, yyjson_mut_val *object,
                         const struct boot_facts *facts)
{
    yyjson_mut_val *array = json_add_array(doc, object, "uki_sections");

    for (size_t i = 0; i < facts->n_uki; i++) {
        yyjson_mut_val *value = append_object(doc, array);

        json_add_text(doc, value, "name", facts->uki[i].name);
        add_digests(arena, doc, value, facts->uki[i].digest);
        json_add_uint(doc, value, "event", facts->uki[i].event->index);
    }
}

static void add_phases(yyjson_mut_doc *doc, yyjson_mut_val *object, const struct boot_facts *facts)
{
    yyjson_mut_val *array;

    if (facts->phases == NULL) {
        json_add_value(doc, object, "boot_phases", yyjson_mut_null(doc));
        return;
    }
    array = json_add_array(doc, object, "boot_phases");
    for (size_t i = 0; i < facts->phases->n; i++) {
        yyjson_mut_arr_add_str(doc, array, facts->phases->word[i]);
    }
}

static void add_platform(yyjson_mut_doc *doc, yyjson_mut_val *object,
                         const struct boot_facts *facts)
{
    const struct platform_guess *platform = &facts->platform;
    yyjson_mut_val *value;

    if (platform->name == NULL) {
        json_add_value(doc, object, "platform", yyjson_mut_null(doc));
        return;
    }
    value = json_add_object(doc, object, "platform");
    json_add_text(doc, value, "guess", platform->name);
    json_add_text(doc, value, "ground", platform->ground);
    json_add_uint(doc, value, "event", platform->event->index);
}

static void add_basis(yyjson_mut_doc *doc, yyjson_mut_val *object, const struct boot_facts *facts)
{
    yyjson_mut_val *all = json_add_object(doc, object, "basis");

    for (size_t i = 0; i < facts->n_basis; i++) {
        const struct fact_basis *basis = &facts->basis[i];
        yyjson_mut_val *value = json_add_object(doc, all, basis->fact);
        yyjson_mut_val *events;

        json_add_text(doc, value, "strength", basis->is_authenticated ? "authenticated" : "hint");
        events = json_add_array(doc, value, "events");
        for (size_t e = 0; e < basis->n; e++) {
            yyjson_mut_arr_add_uint(doc, events, basis->events[e]);
        }
    }
}

yyjson_mut_val *boot_facts_json(struct arena *arena, yyjson_mut_doc *doc,
                                const struct boot_facts *facts)
{
    yyjson_mut_val *object = yyjson_mut_obj(doc);

    add_secure_boot(arena, doc, object, facts);
    add_authorities(arena, doc, object, facts);
    add_shim(arena, doc, object, facts);
    json_add_text(doc, object, "boot_software", facts->boot_software);
    json_add_bool(doc, object, "is_windows", facts->is_windows);
    json_add_value(doc, object, "windows",
                   facts->windows != NULL ? windows_facts_json(arena, doc, facts->windows)
                                          : yyjson_mut_null(doc));
    json_add_text(doc, object, "firmware_version", facts->firmware_version);
    json_add_text(doc, object, "kernel_path", facts->kernel_path);
    json_add_text(doc, object, "cmdline", facts->cmdline);
    json_add_uint(doc, object, "boot_attempts", facts->n_boot_attempts);
    json_add_uint(doc, object, "boot_returns", facts->n_boot_returns);
    json_add_bool(doc, object, "exit_boot_services", facts->has_exit_boot_services);
    add_images(arena, doc, object, facts);
    add_files(arena, doc, object, facts);
    add_sections(arena, doc, object, facts);
    add_phases(doc, object, facts);
    add_platform(doc, object, facts);
    add_basis(doc, object, facts);
    facts_devices_json(arena, doc, object, facts);
    return object;
}

yyjson_mut_val *boot_findings_json(yyjson_mut_doc *doc, const struct boot_facts *facts)
{
    yyjson_mut_val *array = yyjson_mut_arr(doc);

    for (size_t i = 0; i < facts->n_findings; i++) {
        const struct finding *finding = &facts->findings[i];
        yyjson_mut_val *value = append_object(doc, array);

        json_add_text(doc, value, "code", finding_code_name(finding->code));
        json_add_text(doc, value, "weight", finding_weight_name(finding->weight));
        json_add_text(doc, value, "rule", finding->rule);
        if (finding->event >= 0) {
            json_add_int(doc, value, "event", finding->event);
        } else {
            json_add_value(doc, value, "event", yyjson_mut_null(doc));
        }
        json_add_text(doc, value, "text", finding->text);
    }
    return array;
}
