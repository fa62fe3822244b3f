/*
 * info.c - what a provider says of itself to people, and where everybody's providers are.
 */
#include "service/internal.h"

/* ---- for people ---- */

/* What has a meaning in HTML, escaped: names and addresses are ours, but configured. */
static void add_html(struct buf *out, const char *text)
{
    for (; *text != '\0'; text++) {
        switch (*text) {
        case '&':
            buf_add_str(out, "&amp;");
            break;
        case '<':
            buf_add_str(out, "&lt;");
            break;
        case '>':
            buf_add_str(out, "&gt;");
            break;
        case '"':
            buf_add_str(out, "&quot;");
            break;
        default:
            buf_add_char(out, *text);
            break;
        }
    }
}

static void add_row(struct buf *out, const char *name, const char *value, bool is_link)
{
    buf_add_str(out, "<tr><th scope=\"row\">");
    add_html(out, name);
    buf_add_str(out, "</th><td>");
    if (is_link) {
        buf_add_str(out, "<a href=\"");
        add_html(out, value);
        buf_add_str(out, "\">");
    }
    add_html(out, value);
    buf_add_str(out, is_link ? "</a></td></tr>\n" : "</td></tr>\n");
}

static void add_policies(struct buf *out, const struct service_call *call,
                         const struct provider *provider)
{
    for (int type = 0; type < ATTEST_TYPE_COUNT; type++) {
        const struct provider_policy *policy = &provider->policies[type];
        const char *words;

        if (!attestation_type_is_served((enum attestation_type)type)) {
            continue;
        }
        words = policy->policy == NULL
                    ? "no policy is set: evidence is refused"
                    : arena_printf(call->arena, "%s, hash %s",
                                   policy->jws.data == NULL ? "the default policy"
                                                            : "a policy of its owner",
                                   policy->hash);
        add_row(out, attestation_type_name((enum attestation_type)type), words == NULL ? "" : words,
                false);
    }
}

void service_provider_info(struct service *service, const struct provider *provider,
                           const struct service_call *call, struct service_answer *ret)
{
    CLEANUP(buf_done) struct buf out = {0};
    const char *certs = arena_printf(call->arena, "%s/certs", provider->uri);
    const char *metadata =
        arena_printf(call->arena, "%s/.well-known/openid-configuration", provider->uri);

    (void)service;
    buf_init(&out, (size_t)64 * 1024);
    buf_add_str(&out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                      "<meta name=\"viewport\" content=\"width=device-width\">\n<title>");
    add_html(&out, provider->name);
    buf_add_str(&out, " - attestation provider</title>\n</head>\n<body>\n<main>\n<h1>");
    add_html(&out, provider->name);
    buf_add_str(&out, "</h1>\n<p>");
    buf_add_str(&out,
                provider->is_shared
                    ? "The shared attestation provider of its region: everybody who is signed "
                      "in may use it, nobody may change it."
                    : "An attestation provider with an owner, who decides what it accepts.");
    buf_add_str(&out, "</p>\n<table>\n");
    add_row(&out, "Region", provider->region->display, false);
    add_row(&out, "Endpoint", provider->uri, true);
    add_row(&out, "Trust model", provider->is_isolated ? "Isolated" : "AAD", false);
    add_row(&out, "Signing keys", certs == NULL ? "" : certs, true);
    add_row(&out, "OpenID metadata", metadata == NULL ? "" : metadata, true);
    add_policies(&out, call, provider);
    buf_add_str(&out, "</table>\n</main>\n</body>\n</html>\n");
    ret->body = buf_err(&out) == ERR_OK ? arena_dup(call->arena, buf_span(&out)) : (struct span){0};
    ret->status = 200;
    if (ret->body.data == NULL || certs == NULL || metadata == NULL) {
        answer_error(call, ret, ERR_MEMORY, NULL);
    }
}

/* ---- for scripts ---- */

void service_providers_list(struct service *service, const struct service_call *call,
                            struct service_answer *ret)
{
    const struct provider_list *all = providers_all(service->providers);
    yyjson_mut_doc *doc = json_new(call->arena);
    yyjson_mut_val *root = doc == NULL ? NULL : yyjson_mut_obj(doc);
    yyjson_mut_val *value = root == NULL ? NULL : json_add_array(doc, root, "value");

    for (size_t i = 0; value != NULL && i < provider_list_count(all); i++) {
        const struct provider *provider = provider_list_at(all, i);
        yyjson_mut_val *item;

        if (!provider->is_shared) {
            continue; /* who owns what is nobody else's business */
        }
        item = yyjson_mut_arr_add_obj(doc, value);
        json_add_text(doc, item, "region", provider->region->name);
        json_add_text(doc, item, "location", provider->region->display);
        json_add_text(doc, item, "name", provider->name);
        json_add_text(doc, item, "attestUri", provider->uri);
    }
    provider_list_unref(all);
    if (value == NULL) {
        answer_error(call, ret, ERR_MEMORY, NULL);
        return;
    }
    answer_json(call, ret, doc, root);
}
