/* Which guest is a virtual machine's: by a token, by its endorsement key, by its name. */
#include "unit/control/told.h"
#include "unit/kinds/vms.h"

#include "base/codec.h"

#define TOKEN "a-token-that-nobody-can-guess-1"
#define OTHER "a-token-that-nobody-can-guess-2"
#define EK5 "0505050505050505050505050505050505050505050505050505050505050505"
#define EK1 "0101010101010101010101010101010101010101010101010101010101010101"

static const char *in_base64(const char *text)
{
    return kept(base64_dup(m.arena, BASE64_STANDARD, span_str(text)));
}

static const char *body_with(const char *custom, const char *user, const char *tags)
{
    static char bodies[2][4096];
    static unsigned turn;
    char *body = bodies[turn++ % 2];
    const char *c = custom == NULL ? NULL : in_base64(custom);
    const char *u = user == NULL ? NULL : in_base64(user);

    snprintf(body, sizeof(bodies[0]),
             "{\"location\":\"westus\",\"tags\":{%s},\"properties\":{%s%s%s%s%s%s}}", tags,
             c == NULL ? "" : "\"osProfile\":{\"customData\":\"", c == NULL ? "" : c,
             c == NULL   ? ""
             : u == NULL ? "\"}"
                         : "\"},",
             u == NULL ? "" : "\"userData\":\"", u == NULL ? "" : u, u == NULL ? "" : "\"");
    return body;
}

/* ---- refusals ---- */

static void what_cannot_bind_is_refused_and_nothing_is_made(void **state)
{
    static const char *const bad[] = {
        "{\"location\":\"westus\",\"properties\":{\"osProfile\":{\"customData\":\"***\"}}}",
        "{\"location\":\"westus\",\"properties\":{\"osProfile\":{\"customData\":5}}}",
        "{\"location\":\"westus\",\"properties\":{\"userData\":\"a\"}}",
        "{\"location\":\"westus\",\"properties\":{\"userData\":{}}}",
        "{\"location\":\"westus\",\"tags\":{\"bootwarden-ek\":\"x\"},\"properties\":{}}",
        "{\"location\":\"westus\",\"tags\":{\"bootwarden-ek\":\"0101\"},\"properties\":{}}",
        "{\"location\":\"westus\",\"tags\":{\"bootwarden-machine\":\"none\"},\"properties\":{}}",
    };
    char text[512] = "bootwarden-join-token: ";

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        refused(HTTP_PUT, VM, bad[i], 400, "InvalidParameter");
    }
    refused(HTTP_PUT, VM, body_with("bootwarden-join-token: short", NULL, ""), 400,
            "InvalidParameter");
    assert_says(&m, "20 to 128");
    assert_null(strstr(m.answer.message, "short")); /* the token itself is not told on */
    refused(HTTP_PUT, VM, body_with("#cloud-config\nbootwarden-join-token: \n", NULL, ""), 400,
            "InvalidParameter");
    assert_says(&m, "no token behind bootwarden-join-token in ");
    memset(text + strlen(text), 'a', 129);
    refused(HTTP_PUT, VM, body_with(NULL, text, ""), 400, "InvalidParameter");
    refused(HTTP_GET, VM, NULL, 404, "ResourceNotFound");
}

static void a_token_or_key_is_one_machines(void **state)
{
    const char *second;
    struct store_machine machine;

    (void)state;
    put_ok(VM, body_with("bootwarden-join-token: " TOKEN, NULL, ""));
    refused(HTTP_PUT, VM2, body_with(NULL, "bootwarden-join-token: " TOKEN, ""), 409, "Conflict");
    refused(HTTP_GET, VM2, NULL, 404, "ResourceNotFound");
    /* One that is there already stays as it was, and the same again is refused again. */
    put_ok(VM2, body_with("bootwarden-join-token: " OTHER, NULL, "\"a\":\"1\""));
    second = vm_id(VM2);
    for (int i = 0; i < 2; i++) {
        refused(HTTP_PUT, VM2, body_with("bootwarden-join-token: " TOKEN, NULL, ""), 409,
                "Conflict");
        ask(&m, HTTP_GET, VM2, NULL);
        assert_text(&m, "tags.a", "1");
    }
    assert_int_equal(guest_joins(2, OTHER, &machine), STORE_JOINED);
    assert_string_equal(machine.id, second);
    assert_int_equal(guest_joins(1, TOKEN, &machine), STORE_JOINED);
    assert_string_equal(machine.id, vm_id(VM));
    put_ok(COMPUTE "virtualMachines/ek1", body_with(NULL, NULL, "\"bootwarden-ek\":\"" EK5 "\""));
    refused(HTTP_PUT, COMPUTE "virtualMachines/ek2",
            body_with(NULL, NULL, "\"Bootwarden-EK\":\"" EK5 "\""), 409, "Conflict");
}

/* ---- tokens ---- */

static void a_guest_joins_with_the_token_of_either_data(void **state)
{
    struct store_machine machine;
    const char *id;

    (void)state;
    put_ok(VM, body_with("#!/bin/sh\nbootwarden-join-token=" TOKEN "\n", NULL, ""));
    id = vm_id(VM);
    assert_text(&m, "properties.bootIntegrity.binding", "Announced");
    assert_null(strstr((const char *)m.answer.body.data, TOKEN));
    assert_false(is_in_store(TOKEN));
    assert_int_equal(guest_joins(1, OTHER, &machine), STORE_JOIN_TOKEN);
    assert_int_equal(guest_joins(1, TOKEN, &machine), STORE_JOINED);
    assert_string_equal(machine.id, id);
    assert_string_equal(machine.name, "vm");
    ask(&m, HTTP_GET, VM, NULL);
    assert_text(&m, "properties.bootIntegrity.binding", "Joined");
    put_ok(VM2, body_with(NULL, "bootwarden-join-token: " OTHER, ""));
    assert_int_equal(guest_joins(2, OTHER, &machine), STORE_JOINED);
    assert_string_equal(machine.id, vm_id(VM2));
}

static void an_update_announces_only_what_is_new(void **state)
{
    struct store_machine machine;
    const char *id;

    (void)state;
    /* customData counts before userData, also when it does not come back. */
    put_ok(VM, body_with("bootwarden-join-token: " TOKEN, "bootwarden-join-token: " OTHER, ""));
    id = vm_id(VM);
    put_ok(VM, "{\"tags\":{\"a\":\"b\"}}");
    ask(&m, HTTP_PATCH, VM, "{\"tags\":{\"a\":\"c\"}}");
    assert_answer(&m, 200, NULL);
    assert_int_equal(guest_joins(3, OTHER, &machine), STORE_JOIN_TOKEN);
    assert_int_equal(guest_joins(1, TOKEN, &machine), STORE_JOINED);
    assert_string_equal(machine.id, id);
    put_ok(VM, "{\"tags\":{\"a\":\"d\"}}");
    assert_false(is_announced(id)); /* it joined: nobody else may */
}

static void a_new_token_replaces_the_one_before(void **state)
{
    struct store_machine machine;
    const char *first, *second;

    (void)state;
    put_ok(VM, body_with(NULL, NULL, ""));
    ask(&m, HTTP_POST, VM "/createJoinToken", NULL);
    assert_answer(&m, 200, NULL);
    first = kept(text_at(&m, "token"));
    ask(&m, HTTP_POST, VM "/createJoinToken", NULL);
    second = kept(text_at(&m, "token"));
    assert_string_not_equal(first, second);
    assert_false(is_in_store(second));
    assert_int_equal(guest_joins(1, first, &machine), STORE_JOIN_TOKEN);
    assert_int_equal(guest_joins(1, second, &machine), STORE_JOINED);
    assert_string_equal(machine.id, vm_id(VM));
}

/* ---- tags ---- */

static void a_named_key_joins_and_the_name_can_be_taken_back(void **state)
{
    struct store_machine machine;
    const char *id;

    (void)state;
    put_ok(VM, body_with(NULL, NULL, "\"bootwarden-ek\":\"" EK1 "\""));
    id = vm_id(VM);
    assert_text(&m, "properties.bootIntegrity.ekDigest", EK1);
    assert_true(is_announced(id));
    ask(&m, HTTP_PATCH, VM, "{\"tags\":{}}");
    assert_answer(&m, 200, NULL);
    assert_false(is_announced(id));
    assert_int_equal(guest_joins(1, NULL, &machine), STORE_JOIN_WAITS);
    ask(&m, HTTP_PATCH, VM, "{\"tags\":{\"BOOTWARDEN-ek\":\"" EK1 "\"}}");
    assert_answer(&m, 200, NULL);
    assert_int_equal(guest_joins(2, NULL, &machine), STORE_JOIN_WAITS);
    assert_int_equal(guest_joins(1, NULL, &machine), STORE_JOINED);
    assert_string_equal(machine.id, id);
}

/* Machines of the server's own subscription that joined on their own. */
static struct store_machine enrolled(uint8_t ek, const char *name)
{
    struct store_announced place = {
        .uses = 1, .created = NOW, .expires = NOW + 1000, .has_ek = true};
    struct store_machine machine;

    memset(place.ek_digest, ek, sizeof(place.ek_digest));
    snprintf(place.name, sizeof(place.name), "%s", name);
    assert_ok(store_announce(store, &place, NULL));
    assert_int_equal(guest_joins(ek, NULL, &machine), STORE_JOINED);
    return machine;
}

static void a_machine_that_joined_before_is_taken_once(void **state)
{
    struct store_machine web = enrolled(7, "web"), db = enrolled(8, "db");

    (void)state;
    put_ok(VM, body_with(NULL, NULL, "\"bootwarden-machine\":\"web\""));
    assert_string_equal(vm_id(VM), web.id);
    assert_text(&m, "properties.bootIntegrity.binding", "Joined");
    /* Whoever names another's guest would remove it with a machine of their own. */
    refused(HTTP_PUT, VM2, body_with(NULL, NULL, "\"bootwarden-machine\":\"web\""), 409,
            "Conflict");
    refused(HTTP_PUT, VM2,
            kept(arena_printf(m.arena,
                              "{\"location\":\"westus\",\"tags\":{\"bootwarden-machine\":"
                              "\"%s\"},\"properties\":{}}",
                              web.id)),
            409, "Conflict");
    assert_true(machine_is_there(web.id));
    put_ok(VM, body_with(NULL, NULL, "\"bootwarden-machine\":\"web\"")); /* it is its own */
    refused(HTTP_PUT, VM, body_with(NULL, NULL, "\"bootwarden-machine\":\"db\""), 409,
            "PropertyChangeNotAllowed");
    ask(&m, HTTP_PUT, OTHER_SUB "/resourceGroups/g", "{\"location\":\"westus\"}");
    refused(HTTP_PUT, OTHER_SUB "/resourceGroups/g/providers/Microsoft.Compute/virtualMachines/vm",
            body_with(NULL, NULL, "\"bootwarden-machine\":\"db\""), 400, "InvalidParameter");
    put_ok(VM2, body_with(NULL, NULL, ""));
    put_ok(VM2, body_with(NULL, NULL, "\"bootwarden-machine\":\"db\""));
    assert_string_equal(vm_id(VM2), db.id);
}

/* ---- who may ---- */

static bool may_all_but_machines(const char *action, const char *scope)
{
    (void)scope;
    return strcmp(action, "Bootwarden.Monitor/machines/write") != 0;
}

/* An owner of a virtual machine alone could take up whatever guest joined in the subscription. */
static void a_guest_is_named_only_by_who_may_write_machines(void **state)
{
    const char *key = kept(body_with(NULL, NULL, "\"bootwarden-ek\":\"" EK5 "\""));

    (void)state;
    (void)enrolled(7, "web");
    m.may = may_all_but_machines;
    refused(HTTP_PUT, VM, key, 403, "LinkedAuthorizationFailed");
    assert_says(&m, "/providers/Bootwarden.Monitor/machines'");
    assert_says(&m, "bootwarden vm token vm");
    refused(HTTP_PUT, VM, body_with(NULL, NULL, "\"bootwarden-machine\":\"web\""), 403,
            "LinkedAuthorizationFailed");
    assert_says(&m, "/machines/web");
    refused(HTTP_GET, VM, NULL, 404, "ResourceNotFound");
    put_ok(VM2, body_with("bootwarden-join-token: " TOKEN, NULL, ""));
    m.may = NULL;
    put_ok(VM, key);
    m.may = may_all_but_machines; /* what somebody named who may stays */
    put_ok(VM, body_with(NULL, NULL, "\"a\":\"b\",\"bootwarden-ek\":\"" EK5 "\""));
    m.may = NULL;
}

static bool may_in_group(const char *action, const char *scope)
{
    (void)action;
    return text_span_equal_nocase(span_cut(span_str(scope), 0, strlen(GROUP)), GROUP);
}

/* Else the owner of one group announces what another's guest has, and that one gets a conflict. */
static void an_endorsement_key_takes_more_than_a_group(void **state)
{
    const char *key = kept(body_with(NULL, NULL, "\"bootwarden-ek\":\"" EK5 "\""));

    (void)state;
    m.may = may_in_group;
    refused(HTTP_PUT, VM, key, 403, "LinkedAuthorizationFailed");
    put_ok(VM, body_with("bootwarden-join-token: " TOKEN, NULL, ""));
    m.may = NULL;
    put_ok(VM2, key);
}

/* ---- userData ---- */

/* Who may only read would join with it. */
static void no_token_stays_in_user_data(void **state)
{
    const char *text =
        "#!/bin/sh\nbootwarden-join-token: " TOKEN "\nbootwarden-join-token=" OTHER "\necho done\n";
    struct store_machine machine;
    struct span shown = {0};
    const char *user, *id;

    (void)state;
    put_ok(VM, body_with(NULL, text, ""));
    id = vm_id(VM);
    ask(&m, HTTP_GET, VM "?api-version=2024-11-01&$expand=userData", NULL);
    user = kept(text_at(&m, "properties.userData"));
    assert_ok(base64_decode(m.arena, BASE64_STANDARD, span_str(user), &shown));
    assert_int_equal(shown.len, strlen(text));
    assert_true(span_is(shown, "#!/bin/sh\nbootwarden-join-token: *******************************\n"
                               "bootwarden-join-token=*******************************\n"
                               "echo done\n"));
    assert_false(is_in_store(TOKEN));
    assert_false(is_in_store(in_base64(text)));
    /* Neither what was shown nor what was sent is a new token when it comes again. */
    put_ok(VM,
           kept(arena_printf(
               m.arena, "{\"location\":\"westus\",\"properties\":{\"userData\":\"%s\"}}", user)));
    assert_int_equal(guest_joins(1, TOKEN, &machine), STORE_JOINED);
    assert_string_equal(machine.id, id);
    put_ok(VM, body_with(NULL, text, ""));
    assert_false(is_announced(id));
    assert_false(is_in_store(in_base64(text)));
}

/* ---- a guest that joined ---- */

/* A token that nobody needs waits for whoever finds it. */
static void nothing_is_announced_for_a_guest_that_joined(void **state)
{
    struct store_machine machine;
    const char *id;

    (void)state;
    put_ok(VM, body_with("bootwarden-join-token: " TOKEN, NULL, ""));
    id = vm_id(VM);
    assert_int_equal(guest_joins(1, TOKEN, &machine), STORE_JOINED);
    put_ok(VM, body_with("bootwarden-join-token: " TOKEN, NULL, "")); /* the same template again */
    refused(HTTP_PUT, VM, body_with("bootwarden-join-token: " OTHER, NULL, ""), 409,
            "PropertyChangeNotAllowed");
    assert_says(&m, "bootwarden-server machine replace vm");
    refused(HTTP_POST, VM "/createJoinToken", NULL, 409, "PropertyChangeNotAllowed");
    refused(HTTP_PUT, VM, body_with(NULL, NULL, "\"bootwarden-ek\":\"" EK5 "\""), 409,
            "PropertyChangeNotAllowed");
    put_ok(VM, body_with(NULL, NULL, "\"bootwarden-ek\":\"" EK1 "\"")); /* it is its own */
    assert_false(is_announced(id));
    assert_int_equal(guest_joins(2, OTHER, &machine), STORE_JOIN_TOKEN);
}

static void a_machine_that_is_taken_up_needs_no_token(void **state)
{
    struct store_machine web = enrolled(7, "web"), machine;
    const char *first;

    (void)state;
    put_ok(VM, body_with("bootwarden-join-token: " TOKEN, NULL, ""));
    first = vm_id(VM);
    put_ok(VM, body_with(NULL, NULL, "\"bootwarden-machine\":\"web\""));
    assert_string_equal(vm_id(VM), web.id);
    assert_false(is_announced(first));
    assert_false(is_announced(web.id));
    assert_int_equal(guest_joins(1, TOKEN, &machine), STORE_JOIN_TOKEN);
}

static void announce_elsewhere(const char *subscription, uint8_t ek)
{
    struct store_announced theirs = {
        .uses = 1, .created = NOW, .expires = NOW + 1000, .has_ek = true};

    snprintf(theirs.subscription, sizeof(theirs.subscription), "%s", subscription);
    memset(theirs.ek_digest, ek, sizeof(theirs.ek_digest));
    assert_ok(store_announce(store, &theirs, NULL));
}

/* A key is no secret: whoever announces another's neither gets the guest nor keeps it out. */
static void a_key_that_other_owners_named_is_theirs_only_alone(void **state)
{
    struct store_machine machine;

    (void)state;
    announce_elsewhere("22222222-2222-2222-2222-222222222222", 1);
    put_ok(VM, body_with(NULL, NULL, "\"bootwarden-ek\":\"" EK1 "\""));
    assert_int_equal(guest_joins(1, NULL, &machine), STORE_JOINED); /* the server's own decides */
    assert_string_equal(machine.id, vm_id(VM));
    announce_elsewhere("22222222-2222-2222-2222-222222222222", 5);
    announce_elsewhere("66666666-6666-6666-6666-666666666666", 5);
    assert_int_equal(guest_joins(5, NULL, &machine), STORE_JOIN_WAITS);
}

/* ---- the end ---- */

#define MACHINES "/subscriptions/" SUBSCRIPTION "/providers/Bootwarden.Monitor/machines/"

static void a_deleted_machine_takes_its_guest_with_it(void **state)
{
    struct store_machine machine, other;
    const char *id;

    (void)state;
    put_ok(VM, body_with("bootwarden-join-token: " TOKEN, NULL, ""));
    put_ok(VM2, body_with("bootwarden-join-token: " OTHER, NULL, ""));
    assert_int_equal(guest_joins(1, TOKEN, &machine), STORE_JOINED);
    assert_int_equal(guest_joins(2, OTHER, &other), STORE_JOINED);
    ask(&m, HTTP_DELETE, VM, NULL);
    assert_answer(&m, 200, NULL);
    assert_false(machine_is_there(machine.id));
    assert_true(machine_is_there(other.id));
    put_ok(VM, body_with("bootwarden-join-token: " TOKEN, NULL, "")); /* the token is free again */
    id = vm_id(VM);
    assert_string_not_equal(id, machine.id);
    assert_true(is_announced(id));
    ask(&m, HTTP_DELETE, VM, NULL);
    assert_false(is_announced(id));
    assert_int_equal(guest_joins(1, TOKEN, &machine), STORE_JOIN_TOKEN);
    ask(&m, HTTP_DELETE, GROUP, NULL); /* also with its group */
    assert_answer(&m, 202, NULL);
    follow_location(&m);
    assert_answer(&m, 200, NULL);
    assert_false(machine_is_there(other.id));
}

/* Or whoever had them would have them at the next machine of that name. */
static void the_roles_at_its_guest_go_with_it(void **state)
{
    struct store_machine machine;

    (void)state;
    told_listen(&m);
    put_ok(VM, body_with("bootwarden-join-token: " TOKEN, NULL, ""));
    assert_int_equal(guest_joins(1, TOKEN, &machine), STORE_JOINED);
    ask(&m, HTTP_DELETE, VM, NULL);
    assert_answer(&m, 200, NULL);
    assert_told("forget " MACHINES "vm");
    assert_told(arena_printf(m.arena, "forget " MACHINES "%s", machine.id));
    assert_false(machine_is_there(machine.id));
}

/* With roles that cannot be taken away the name stays taken. */
static void a_guest_whose_roles_cannot_go_stays(void **state)
{
    struct store_machine machine;

    (void)state;
    told_listen(&m);
    put_ok(VM, body_with("bootwarden-join-token: " TOKEN, NULL, ""));
    assert_int_equal(guest_joins(1, TOKEN, &machine), STORE_JOINED);
    told_keeps = MACHINES;
    ask(&m, HTTP_DELETE, VM, NULL);
    told_keeps = NULL;
    assert_answer(&m, 503, "ServiceUnavailable");
    assert_true(machine_is_there(machine.id));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_VMS(what_cannot_bind_is_refused_and_nothing_is_made),
        WITH_VMS(a_token_or_key_is_one_machines),
        WITH_VMS(a_guest_joins_with_the_token_of_either_data),
        WITH_VMS(an_update_announces_only_what_is_new),
        WITH_VMS(a_new_token_replaces_the_one_before),
        WITH_VMS(a_named_key_joins_and_the_name_can_be_taken_back),
        WITH_VMS(a_machine_that_joined_before_is_taken_once),
        WITH_VMS(a_guest_is_named_only_by_who_may_write_machines),
        WITH_VMS(an_endorsement_key_takes_more_than_a_group),
        WITH_VMS(no_token_stays_in_user_data),
        WITH_VMS(nothing_is_announced_for_a_guest_that_joined),
        WITH_VMS(a_machine_that_is_taken_up_needs_no_token),
        WITH_VMS(a_key_that_other_owners_named_is_theirs_only_alone),
        WITH_VMS(a_deleted_machine_takes_its_guest_with_it),
        WITH_VMS(the_roles_at_its_guest_go_with_it),
        WITH_VMS(a_guest_whose_roles_cannot_go_stays),
    };

    return RUN_TESTS(tests);
}
