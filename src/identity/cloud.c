/*
 * cloud.c - what a client is told of this server as a cloud of its own: endpoints, names of images,
 * the tenant. Endpoints and images are told to anybody.
 */
#include "identity/idp-internal.h"

#include "base/text.h"
#include "base/timestamp.h"

enum { DATE_CHARS = 10, PREVIEW_CHARS = 8 };

static yyjson_mut_val *begin(const struct idp_call *call, struct idp_answer *ret,
                             yyjson_mut_doc **ret_doc)
{
    yyjson_mut_doc *doc = json_new(call->arena);

    *ret = (struct idp_answer){
        .status = doc == NULL ? 500 : 200, .reason = "ok", .client_id = "", .object_id = ""};
    *ret_doc = doc;
    return doc == NULL ? NULL : yyjson_mut_obj(doc);
}

/* ---- endpoints ---- */

static void add_address(const struct idp *provider, const struct idp_call *call,
                        yyjson_mut_doc *doc, yyjson_mut_val *object, const char *name,
                        const char *path)
{
    json_add_text(doc, object, name, arena_printf(call->arena, "%s%s", provider->endpoint, path));
}

static yyjson_mut_val *add_authentication(const struct idp *provider, const struct idp_call *call,
                                          yyjson_mut_doc *doc, yyjson_mut_val *object)
{
    yyjson_mut_val *authentication = json_add_object(doc, object, "authentication"), *list;

    /* Literally so: it is how az knows a cloud that is asked nothing about at Microsoft. */
    add_address(provider, call, doc, authentication, "loginEndpoint", "/adfs");
    list = json_add_array(doc, authentication, "audiences");
    yyjson_mut_arr_add_strcpy(doc, list, provider->endpoint_slash);
    return authentication;
}

/* As 2015-01-01 has it: az up to 2.45. */
static void add_flat(const struct idp *provider, const struct idp_call *call, yyjson_mut_doc *doc,
                     yyjson_mut_val *root)
{
    add_address(provider, call, doc, root, "galleryEndpoint", "/gallery");
    add_address(provider, call, doc, root, "graphEndpoint", "/graph");
    add_address(provider, call, doc, root, "portalEndpoint", "/portal");
    add_authentication(provider, call, doc, root);
}

/* "https://host:port/path" to "host:port" */
static const char *host_of(const struct idp *provider, struct arena *arena)
{
    const char *scheme = strstr(provider->endpoint, "://");
    const char *host = scheme == NULL ? provider->endpoint : scheme + 3;

    return arena_printf(arena, "%.*s", (int)strcspn(host, "/"), host);
}

static void add_suffixes(const struct idp *provider, const struct idp_call *call,
                         yyjson_mut_doc *doc, yyjson_mut_val *root)
{
    yyjson_mut_val *suffixes = json_add_object(doc, root, "suffixes");
    const char *host = host_of(provider, call->arena);
    const char *name =
        host == NULL ? NULL : arena_printf(call->arena, "%.*s", (int)strcspn(host, ":"), host);

    json_add_text(doc, suffixes, "attestationEndpoint", host);
    /* There is no such service here, but clients want a name to build others with. */
    json_add_text(doc, suffixes, "storage", arena_printf(call->arena, "storage.%s", name));
    json_add_text(doc, suffixes, "keyVaultDns", arena_printf(call->arena, "vault.%s", name));
    json_add_text(doc, suffixes, "sqlServerHostname",
                  arena_printf(call->arena, "database.%s", name));
}

/* One cloud, as 2019-05-01 and 2022-09-01 have it. */
static void add_cloud(const struct idp *provider, const struct idp_call *call, yyjson_mut_doc *doc,
                      yyjson_mut_val *root)
{
    yyjson_mut_val *authentication;

    json_add_text(doc, root, "name", "Bootwarden");
    add_address(provider, call, doc, root, "portal", "/portal");
    authentication = add_authentication(provider, call, doc, root);
    json_add_text(doc, authentication, "tenant", "adfs");
    json_add_text(doc, authentication, "identityProvider", "ADFS");
    add_address(provider, call, doc, root, "media", "");
    add_address(provider, call, doc, root, "graphAudience", "/graph");
    add_address(provider, call, doc, root, "graph", "/graph");
    add_address(provider, call, doc, root, "gallery", "/gallery");
    add_address(provider, call, doc, root, "resourceManager", "");
    add_address(provider, call, doc, root, "vmImageAliasDoc", "/aliases.json");
    add_address(provider, call, doc, root, "microsoftGraphResourceId", "/graph");
    json_add_text(doc, root, "attestationResourceId", "https://attest.azure.net");
    add_suffixes(provider, call, doc, root);
}

/* YYYY-MM-DD[-preview] to seconds; false for what is none. */
static bool read_version(struct span text, int64_t *ret)
{
    char date[DATE_CHARS + 1];

    if (text.len != DATE_CHARS &&
        (text.len != DATE_CHARS + PREVIEW_CHARS ||
         !text_span_equal_nocase(span_cut(text, DATE_CHARS, PREVIEW_CHARS), "-preview"))) {
        return false;
    }
    for (size_t i = 0; i < DATE_CHARS; i++) {
        bool is_dash = i == 4 || i == 7;

        if (is_dash ? text.data[i] != '-' : text.data[i] < '0' || text.data[i] > '9') {
            return false;
        }
    }
    memcpy(date, text.data, DATE_CHARS);
    date[DATE_CHARS] = '\0';
    return timestamp_parse(date, ret) == ERR_OK;
}

enum shape { SHAPE_FLAT, SHAPE_LIST, SHAPE_ONE };

static enum shape nearest(int64_t version)
{
    static const struct {
        enum shape shape;
        const char *date;
    } known[] = {{SHAPE_FLAT, "2015-01-01"}, {SHAPE_LIST, "2019-05-01"}, {SHAPE_ONE, "2022-09-01"}};
    int64_t best = INT64_MAX;
    enum shape shape = SHAPE_ONE;

    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        int64_t date = 0, away;

        (void)!timestamp_parse(known[i].date, &date);
        away = date > version ? date - version : version - date;
        if (away < best) {
            best = away;
            shape = known[i].shape;
        }
    }
    return shape;
}

bool idp_cloud(const struct idp *provider, const struct idp_call *call, struct span api_version,
               struct idp_answer *ret)
{
    yyjson_mut_doc *doc = NULL;
    yyjson_mut_val *root = begin(call, ret, &doc), *list;
    int64_t version = 0;

    if (!read_version(api_version, &version)) {
        return false;
    }
    if (root == NULL) {
        return true;
    }
    switch (nearest(version)) {
    case SHAPE_FLAT:
        add_flat(provider, call, doc, root);
        break;
    case SHAPE_LIST:
        add_cloud(provider, call, doc, root);
        list = yyjson_mut_arr(doc);
        yyjson_mut_arr_add_val(list, root);
        root = list;
        break;
    case SHAPE_ONE:
    default:
        add_cloud(provider, call, doc, root);
        break;
    }
    idp_answer_json(call->arena, ret, doc, root);
    return true;
}

/* ---- short names of images ---- */

static const struct {
    const char *system, *alias, *publisher, *offer, *sku;
} aliases[] = {
    {"Linux", "Debian12", "Debian", "debian-12", "12-gen2"},
    {"Linux", "Debian11", "Debian", "debian-11", "11-backports-gen2"},
    {"Linux", "UbuntuLTS", "Canonical", "0001-com-ubuntu-server-jammy", "22_04-lts-gen2"},
    {"Linux", "Ubuntu2204", "Canonical", "0001-com-ubuntu-server-jammy", "22_04-lts-gen2"},
    {"Linux", "Ubuntu2404", "Canonical", "ubuntu-24_04-lts", "server"},
    {"Windows", "Win2022Datacenter", "MicrosoftWindowsServer", "WindowsServer",
     "2022-datacenter-g2"},
    {"Windows", "Win2019Datacenter", "MicrosoftWindowsServer", "WindowsServer",
     "2019-datacenter-gensecond"},
};

void idp_aliases(const struct idp_call *call, struct idp_answer *ret)
{
    yyjson_mut_doc *doc = NULL;
    yyjson_mut_val *root = begin(call, ret, &doc), *value, *systems[2];

    if (root == NULL) {
        return;
    }
    json_add_text(doc, root, "$schema",
                  "http://schema.management.azure.com/schemas/2015-01-01/deploymentTemplate.json#");
    json_add_text(doc, root, "contentVersion", "1.0.0.0");
    json_add_object(doc, root, "parameters");
    json_add_object(doc, root, "variables");
    json_add_array(doc, root, "resources");
    value = json_add_object(doc, json_add_object(doc, root, "outputs"), "aliases");
    json_add_text(doc, value, "type", "object");
    value = json_add_object(doc, value, "value");
    systems[0] = json_add_object(doc, value, "Linux");
    systems[1] = json_add_object(doc, value, "Windows");
    for (size_t i = 0; i < ARRAY_LEN(aliases); i++) {
        yyjson_mut_val *one = json_add_object(
            doc, systems[strcmp(aliases[i].system, "Linux") == 0 ? 0 : 1], aliases[i].alias);

        json_add_text(doc, one, "publisher", aliases[i].publisher);
        json_add_text(doc, one, "offer", aliases[i].offer);
        json_add_text(doc, one, "sku", aliases[i].sku);
        json_add_text(doc, one, "version", "latest");
        json_add_text(doc, one, "architecture", "x64"); /* az gives up without it */
    }
    idp_answer_json(call->arena, ret, doc, root);
}

/* ---- the tenant ---- */

static void add_domains(const struct principals *principals, yyjson_mut_doc *doc,
                        yyjson_mut_val *list)
{
    for (size_t i = 0; i < principals_user_count(principals); i++) {
        const char *domain = strchr(principals_user_at(principals, i)->upn, '@') + 1;
        bool is_known = false;

        for (size_t k = 0; k < i && !is_known; k++) {
            is_known =
                text_equal_nocase(strchr(principals_user_at(principals, k)->upn, '@') + 1, domain);
        }
        if (!is_known) {
            yyjson_mut_arr_add_strcpy(doc, list, domain);
        }
    }
}

void idp_tenants(struct idp *provider, const struct idp_call *call, const char *tenant,
                 struct idp_answer *ret)
{
    CLEANUP(principals_free) struct principals *principals = idp_principals(provider);
    yyjson_mut_doc *doc = NULL;
    yyjson_mut_val *root = begin(call, ret, &doc), *item, *list;
    bool is_own = text_equal_nocase(tenant, provider->tenant);

    if (root == NULL) {
        return;
    }
    list = json_add_array(doc, root, "value");
    item = yyjson_mut_arr_add_obj(doc, list);
    json_add_text(doc, item, "id", arena_printf(call->arena, "/tenants/%s", tenant));
    json_add_text(doc, item, "tenantId", tenant);
    json_add_text(doc, item, "countryCode", "");
    json_add_text(doc, item, "displayName", is_own ? "Bootwarden" : tenant);
    json_add_text(doc, item, "tenantCategory", "Home");
    list = json_add_array(doc, item, "domains");
    if (is_own) {
        add_domains(principals, doc, list);
    }
    idp_answer_json(call->arena, ret, doc, root);
}
