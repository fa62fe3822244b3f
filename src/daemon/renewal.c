#include "daemon/renewal.h"

#include "agent/akcert.h"
#include "base/log.h"
#include "base/timestamp.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { SEQUENCE_ARENA = 8 * 1024 * 1024 };

static void end_sequence(struct renewal *renewal)
{
    metadata_free(renewal->call);
    cert_free(renewal->old);
    arena_free(renewal->arena);
    renewal->call = NULL;
    renewal->old = NULL;
    renewal->arena = NULL;
    renewal->public_area = (struct span){0};
}

void renewal_done(struct renewal *renewal)
{
    end_sequence(renewal);
}

/* ---- beginning ---- */

static void log_begins(int64_t left_s)
{
    struct log_line line;

    log_begin(&line, LOG_INFO, "agent.renew");
    log_text(&line, "outcome", "begins");
    log_uint(&line, "days", left_s > 0 ? (uint64_t)(left_s / AKCERT_DAY_S) : 0);
    log_text(&line, "at", metadata_address());
    log_end(&line);
}

void renewal_look(struct renewal *renewal, const struct tpmdev_ak *ak, uint64_t now_ms)
{
    CLEANUP(arena_free) struct arena *arena = NULL;
    CLEANUP(cert_free) struct cert *cert = akcert_for_key(ak->certificate, ak->public_area);
    int64_t not_before, left_s, now = timestamp_now();
    struct span public_area;

    if (renewal->plan.step != RENEW_IDLE || (arena = arena_new(SEQUENCE_ARENA)) == NULL) {
        return;
    }
    renewal->not_after = 0;
    if (cert == NULL || !akcert_is_clouds(cert, arena)) {
        return;
    }
    cert_validity(cert, &not_before, &renewal->not_after);
    left_s = akcert_left_s(cert, now);
    if (left_s > AKCERT_RENEW_BEFORE_S) {
        renewal->err = ERR_OK;
        return;
    }
    public_area = arena_dup(arena, ak->public_area);
    if (public_area.data == NULL || !renew_plan_begin(&renewal->plan, now_ms)) {
        return;
    }
    renewal->arena = TAKE(arena);
    renewal->old = TAKE(cert);
    renewal->public_area = public_area;
    log_begins(left_s);
}

/* ---- ending ---- */

static err_t store(struct renewal *renewal, struct span pem, struct trail *trail)
{
    CLEANUP(tpmdev_free) struct tpmdev *tpm = NULL;
    CLEANUP(cert_free) struct cert *cert = NULL;
    struct tpmdev_ak ak = {0};
    int64_t not_before;
    err_t err = tpmdev_open(renewal->options->tcti, renewal->options->is_verbose, trail, &tpm);

    err = err ? err : tpmdev_ak_read(tpm, renewal->arena, trail, &ak);
    if (err == ERR_OK && (!span_equal(ak.public_area, renewal->public_area) ||
                          !span_equal(ak.certificate, cert_der(renewal->old)))) {
        err = trail_set(trail, ERR_CONFLICT, "the TPM holds another key or certificate by now");
    }
    if (err) {
        return err;
    }
    err = akcert_read_successor(pem, renewal->old, ak.public_area, timestamp_now(), renewal->arena,
                                trail, &cert);
    if (err) {
        return trail_in(trail, err, metadata_place(renewal->call));
    }
    err = tpmdev_ak_store_certificate(tpm, cert_der(cert), trail);
    if (err == ERR_OK) {
        cert_validity(cert, &not_before, &renewal->not_after);
    }
    return err;
}

static void succeed(struct renewal *renewal)
{
    char until[TIMESTAMP_SIZE];
    struct log_line line;

    timestamp_format(renewal->not_after, until, sizeof(until));
    renewal->err = ERR_OK;
    end_sequence(renewal);
    log_begin(&line, LOG_INFO, "agent.renew");
    log_text(&line, "outcome", "renewed");
    log_text(&line, "until", until);
    log_end(&line);
}

static void fail(struct renewal *renewal, err_t err, const struct trail *trail)
{
    char until[TIMESTAMP_SIZE];
    struct log_line line;

    timestamp_format(renewal->not_after, until, sizeof(until));
    renewal->err = err;
    trail_format(trail, err, renewal->why, sizeof(renewal->why));
    end_sequence(renewal);
    log_begin(&line, LOG_WARN, "agent.renew");
    log_text(&line, "outcome", "failed");
    log_text(&line, "why", renewal->why);
    log_text(&line, "until", until);
    log_end(&line);
}

/* ---- on the way ---- */

uint64_t renewal_due_ms(const struct renewal *renewal)
{
    bool waits = renewal->plan.step != RENEW_IDLE && renewal->call == NULL;

    return waits ? renewal->plan.due_ms : UINT64_MAX;
}

int renewal_poll(struct renewal *renewal, struct pollfd *fds, size_t n_fds, int timeout_ms)
{
    return renewal->call == NULL ? poll(fds, n_fds, timeout_ms)
                                 : metadata_poll(renewal->call, fds, n_fds, timeout_ms);
}

static err_t begin_call(struct renewal *renewal, struct trail *trail)
{
    struct metadata_request request = {0};
    char id[GUID_SIZE];
    struct span pem = {0};
    err_t err = guid_new(id);

    err = err ? err : cert_pem(renewal->old, renewal->arena, &pem);
    err = err ? err
              : renew_plan_request(&renewal->plan, metadata_address(), pem, id, renewal->arena,
                                   &request);
    return err ? err : metadata_begin(&request, trail, &renewal->call);
}

static void log_again(const struct renewal *renewal, enum renew_step asked,
                      const struct trail *trail, uint64_t now_ms)
{
    char words[TRAIL_WHERE_MAX + TRAIL_WHAT_MAX];
    struct log_line line;

    trail_format(trail, ERR_REFUSED, words, sizeof(words));
    log_begin(&line, LOG_INFO, "agent.renew");
    log_text(&line, "outcome", "waits");
    log_text(&line, "step", renew_step_name(asked));
    log_text(&line, "why", words);
    log_text(&line, "then", renew_step_name(renewal->plan.step));
    log_uint(&line, "next", (renewal->plan.due_ms - now_ms) / 1000);
    log_end(&line);
}

/* The call is over. True when a new certificate is in the TPM. */
static bool take_answer(struct renewal *renewal, uint64_t now_ms)
{
    enum renew_step asked = renewal->plan.step;
    struct metadata_reply reply = {0};
    struct trail trail = {0};
    struct span pem = {0};
    err_t err = metadata_end(renewal->call, renewal->arena, &trail, &reply);
    enum renew_result result =
        renew_plan_answer(&renewal->plan, now_ms, err, &reply, renewal->arena, &trail, &pem);

    if (result == RENEW_HAS_CERTIFICATE) {
        err = store(renewal, pem, &trail);
    } else if (err == ERR_OK && trail.what[0] != '\0') {
        err = trail_in(&trail, ERR_REFUSED, metadata_place(renewal->call));
    }
    metadata_free(renewal->call);
    renewal->call = NULL;
    if (result == RENEW_GOES_ON) {
        if (trail.what[0] != '\0') {
            log_again(renewal, asked, &trail, now_ms);
        }
        return false;
    }
    if (err) {
        fail(renewal, err, &trail);
    } else {
        succeed(renewal);
    }
    return err == ERR_OK;
}

bool renewal_go_on(struct renewal *renewal, uint64_t now_ms)
{
    struct trail trail = {0};
    err_t err;

    if (renewal_due_ms(renewal) <= now_ms) {
        err = begin_call(renewal, &trail);
        if (err) {
            renewal->plan.step = RENEW_IDLE;
            fail(renewal, err, &trail);
        }
    }
    return renewal->call != NULL && metadata_is_over(renewal->call) && take_answer(renewal, now_ms);
}

/* ---- what is told of it ---- */

static const char *remedy_of(err_t err)
{
    if (err == ERR_NETWORK || err == ERR_TIMEOUT || err == ERR_REFUSED) {
        return RENEW_REMEDY;
    }
    if (err == ERR_TPM || err == ERR_DENIED || err == ERR_NOT_FOUND) {
        return "Look at the TPM with bootwarden-agent check.";
    }
    return "Nobody but the platform may answer at " METADATA_HOST " port 80: look for what does "
           "so in its place; run tries it once a day, and when it starts.";
}

void renewal_describe(const struct renewal *renewal, int64_t now, struct arena *arena,
                      struct status *status)
{
    int64_t left_s = renewal == NULL ? 0 : renewal->not_after - now;
    char until[TIMESTAMP_SIZE];
    const char *text;

    if (renewal == NULL || renewal->not_after == 0 || renewal->err == ERR_OK ||
        left_s >= AKCERT_WARN_BEFORE_S) {
        return;
    }
    timestamp_format(renewal->not_after, until, sizeof(until));
    if (left_s <= 0) {
        text = arena_printf(arena,
                            "the certificate of the attestation key ended on %s and could not be "
                            "renewed: %s. %s",
                            until, renewal->why, remedy_of(renewal->err));
    } else {
        text = arena_printf(arena,
                            "the certificate of the attestation key ends on %s (%" PRId64
                            " days left) and could not be renewed: %s. %s",
                            until, left_s / AKCERT_DAY_S, renewal->why, remedy_of(renewal->err));
    }
    status_add(status, "AkCertificate", left_s <= 0 ? STATUS_ERROR : STATUS_WARNING, STATUS_GENERAL,
               text == NULL ? "the certificate of the attestation key could not be renewed" : text);
}
