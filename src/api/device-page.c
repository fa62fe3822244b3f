/*
 * device-page.c - the page on which a person enters the code that another machine shows.
 *
 * One form, no script, no cookie, no style: it works in a text browser. Each entry carries its own
 * password, so nobody's browser can be made to send one, and nothing may show the page in a frame.
 * Who may send these bytes: anybody.
 */
#include "api/internal.h"
#include "base/timestamp.h"
#include "identity/form.h"
#include "identity/gate.h"
#include "identity/idp.h"

enum { PAGE_MAX = 16 * 1024 };

/* Text into HTML, also between double quotes. */
static void add_text(struct buf *page, const char *text)
{
    for (; *text != '\0'; text++) {
        switch (*text) {
        case '&':
            buf_add_str(page, "&amp;");
            break;
        case '<':
            buf_add_str(page, "&lt;");
            break;
        case '>':
            buf_add_str(page, "&gt;");
            break;
        case '"':
            buf_add_str(page, "&quot;");
            break;
        case '\'':
            buf_add_str(page, "&#39;");
            break;
        default:
            buf_add_char(page, *text);
        }
    }
}

static const char form[] =
    "<form method=\"post\" action=\"/devicelogin\" autocomplete=\"off\">\n"
    "<p><label for=\"code\">Code that the other machine shows</label><br>\n"
    "<input id=\"code\" name=\"code\" maxlength=\"16\" required></p>\n"
    "<p><label for=\"username\">User name</label><br>\n"
    "<input id=\"username\" name=\"username\" maxlength=\"113\" required></p>\n"
    "<p><label for=\"password\">Password</label><br>\n"
    "<input id=\"password\" name=\"password\" type=\"password\" maxlength=\"1024\" required></p>\n"
    "<p><button name=\"action\" value=\"allow\">Allow</button>\n"
    "<button name=\"action\" value=\"deny\">Deny</button></p>\n"
    "</form>\n"
    "<p>Enter a code only if you began to sign in yourself. Whoever sent you a code would act in "
    "your name.</p>\n";

static void answer_page(struct http_request *request, struct http_response *response,
                        unsigned status, const char *words, bool has_form)
{
    CLEANUP(buf_done) struct buf page = {0};

    buf_init(&page, PAGE_MAX);
    buf_add_str(&page, "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
                       "<meta name=\"viewport\" content=\"width=device-width\">\n"
                       "<title>Sign in with a code - Bootwarden</title></head><body>\n"
                       "<h1>Sign in with a code</h1>\n");
    if (words != NULL) {
        buf_add_str(&page, "<p role=\"status\"><strong>");
        add_text(&page, words);
        buf_add_str(&page, "</strong></p>\n");
    }
    buf_add_str(&page, has_form ? form : "");
    buf_add_str(&page, "</body></html>\n");
    if (buf_copy(&page, request->arena, &response->body) != ERR_OK) {
        http_answer_json(response, 500, (struct span){0});
        return;
    }
    response->status = status;
    response->content_type = "text/html; charset=utf-8";
    http_answer_header(response, "Content-Security-Policy",
                       "default-src 'none'; form-action 'self'; frame-ancestors 'none'; "
                       "base-uri 'none'");
    http_answer_header(response, "X-Frame-Options", "DENY");
    http_answer_header(response, "X-Content-Type-Options", "nosniff");
    http_answer_header(response, "Referrer-Policy", "no-referrer");
}

static void handle_show(struct http_request *request, struct http_response *response)
{
    answer_page(request, response, 200, NULL, true);
}

/* What came of an entry, for who made it. */
static const struct {
    unsigned status;
    const char *words;
} outcomes[] = {
    [IDP_ENTRY_ALLOWED] = {200, NULL},
    [IDP_ENTRY_DENIED] = {200, NULL},
    [IDP_ENTRY_INCOMPLETE] = {400, "Code, user name and password are all needed."},
    [IDP_ENTRY_WRONG_CODE] = {400, "There is no such code, or its time is over. Ask the other "
                                   "machine for a new one."},
    [IDP_ENTRY_LIMITED] = {429, "Too many wrong codes came from your address. Wait a minute."},
    [IDP_ENTRY_WRONG_PASSWORD] = {400, "User name or password are not right."},
    [IDP_ENTRY_LOCKED] = {400, "The account is locked after too many wrong passwords. Try again "
                               "later."},
    [IDP_ENTRY_DISABLED] = {400, "The account is disabled."},
    [IDP_ENTRY_BUSY] = {429, "Too many sign-ins at a time. Try again."},
    [IDP_ENTRY_FAULT] = {500, "The server has a fault. Try again."},
};

static const char *words_of(struct http_request *request, const struct idp_entered *entered)
{
    switch (entered->entry) {
    case IDP_ENTRY_ALLOWED:
        return arena_printf(request->arena,
                            "%s is signed in as %s. You may close this page and go back to it.",
                            entered->client, entered->user);
    case IDP_ENTRY_DENIED:
        return arena_printf(request->arena, "%s was refused. You may close this page.",
                            entered->client);
    default:
        return outcomes[entered->entry].words;
    }
}

static void handle_enter(struct http_request *request, struct http_response *response)
{
    const struct idp_call call = api_idp_call(request, true);
    struct idp_entered entered;
    bool is_done;

    gate_look(api_of(request)->gate);
    idp_device_enter(api_idp(request), &call, request->body, &entered);
    is_done = entered.entry == IDP_ENTRY_ALLOWED || entered.entry == IDP_ENTRY_DENIED;
    answer_page(request, response, outcomes[entered.entry].status, words_of(request, &entered),
                !is_done);
    response->retry_after_s = entered.retry_after_s;
    api_signed_in(request, response, idp_entry_name(entered.entry), entered.user);
}

enum { ROLES = API_ROLE_ATTEST | API_ROLE_MANAGE | API_ROLE_PORTAL };

/* clang-format off */
static const struct http_route routes[] = {
    {HTTP_GET, "/devicelogin", handle_show, 0, HTTP_NO_STORE, ROLES},
    {HTTP_POST, "/devicelogin", handle_enter, FORM_MAX_BYTES, HTTP_NO_STORE, ROLES},
    {HTTP_GET, "/{tenant}/oauth2/deviceauth", handle_show, 0, HTTP_NO_STORE, ROLES},
    {HTTP_POST, "/{tenant}/oauth2/deviceauth", handle_enter, FORM_MAX_BYTES, HTTP_NO_STORE, ROLES},
};
/* clang-format on */

struct http_routes api_device_routes(void)
{
    return (struct http_routes){.items = routes, .n = ARRAY_LEN(routes)};
}
