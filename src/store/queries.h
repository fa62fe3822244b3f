/*
 * queries.h - inside of the store room: the intents as SQL, on one connection.
 *
 * The writing ones run inside a transaction that the caller began.
 */
#ifndef STORE_QUERIES_H
#define STORE_QUERIES_H

#include "store/sqlite.h"

/* queries.c; empty for NULL. Borrowed until the next step. */
struct span column_span(sqlite3_stmt *row, int index);
/* S-7: JSON as it is, or a note in its place when it is longer. A cut text would be no JSON. */
struct span capped(struct span json, size_t max);

/* machines.c */
err_t query_machine(struct sqlite *db, enum statement by, struct span key, bool is_text,
                    struct trail *trail, struct store_machine *ret) MUST_CHECK;
/* The same; none is no error. */
err_t query_machine_if_any(struct sqlite *db, enum statement by, struct span key, bool is_text,
                           struct trail *trail, struct store_machine *ret,
                           bool *ret_is_there) MUST_CHECK;
err_t query_machines(struct sqlite *db, struct arena *arena, const char *after, size_t max,
                     struct trail *trail, struct store_machine **ret, size_t *ret_n) MUST_CHECK;
err_t query_audits(struct sqlite *db, struct arena *arena, const struct store_machine *machine,
                   size_t max, struct trail *trail, struct store_audit **ret,
                   size_t *ret_n) MUST_CHECK;
err_t query_last_verdict(struct sqlite *db, const char *machine_id, struct trail *trail,
                         char ret[STORE_VERDICT_SIZE]) MUST_CHECK;
/* One row of MACHINE_COLUMNS, from the first column on. */
err_t read_machine_row(sqlite3_stmt *row, struct trail *trail,
                       struct store_machine *ret) MUST_CHECK;
void column_text(sqlite3_stmt *row, int index, char *text, size_t size);
err_t write_audit(struct sqlite *db, const struct store_machine *machine, const char *who,
                  const char *what, int64_t now, struct trail *trail) MUST_CHECK;
/* successor: of STORE_REPLACE, an EK's digest or data NULL. */
err_t write_change(struct sqlite *db, const char *machine_id, enum store_change change,
                   struct span successor, const char *who, int64_t now, struct trail *trail,
                   bool *ret_is_new) MUST_CHECK;

/*
 * monitor.c: nothing is known of the machine, or no longer: it has new keys, or none. When its
 * state changes by that, the history says so with `why`, and the server's next tick in its log,
 * since who writes may be another program. A disabled machine stays that.
 */
err_t write_monitor_begin(struct sqlite *db, const struct store_machine *machine, int64_t now,
                          const char *why, struct trail *trail) MUST_CHECK;
struct store_monitor_change;
err_t write_monitor_change(struct sqlite *db, const char *machine_id,
                           struct store_monitor_change *change, struct trail *trail) MUST_CHECK;
/* packages.c */
struct store_package;
/* platform NULL: of all, with counts. `to` has STORE_PACKAGES_MAX places. */
err_t query_packages(struct sqlite *db, const char *subscription, const char *platform,
                     struct trail *trail, struct store_package *to, size_t *ret_n) MUST_CHECK;
err_t query_package(struct sqlite *db, int64_t id, struct trail *trail,
                    struct store_package *ret) MUST_CHECK;
err_t write_package_state(struct sqlite *db, int64_t id, bool is_running, const char *why,
                          int64_t now, struct trail *trail) MUST_CHECK;
/* joins.c */
struct store_announced;
struct store_waiting;
/* ERR_NOT_FOUND. */
err_t query_announced(struct sqlite *db, enum statement by, struct span key, bool is_text,
                      struct trail *trail, struct store_announced *ret) MUST_CHECK;
enum { STORE_ANNOUNCED_FOR_EK_MAX = 2 };
/* Those that permit whoever has that EK, the server's own first: two are enough to know that there
 * are several. */
err_t query_announced_for_ek(struct sqlite *db, struct span ek, int64_t now, struct trail *trail,
                             struct store_announced *ret, size_t *ret_n) MUST_CHECK;
err_t query_waiting(struct sqlite *db, const uint8_t ek_digest[STORE_DIGEST_BYTES],
                    struct trail *trail, struct store_waiting *ret) MUST_CHECK;
err_t query_waiting_count(struct sqlite *db, bool is_unvouched, struct trail *trail,
                          size_t *ret) MUST_CHECK;

/* queries.c */
err_t query_was_used(struct sqlite *db, struct span id, struct trail *trail, bool *ret) MUST_CHECK;
err_t query_clock(struct sqlite *db, enum statement which, struct span ak_name, struct trail *trail,
                  struct tpm_clock *ret) MUST_CHECK;
err_t query_refused_copies(struct sqlite *db, struct span ak_name, struct trail *trail,
                           uint64_t *ret_n, int64_t *ret_last) MUST_CHECK;
/* which: a statement of attestations; machine_id NULL for that of all machines. */
err_t query_attestations(struct sqlite *db, struct arena *arena, enum statement which,
                         const char *machine_id, size_t max, struct trail *trail,
                         struct store_attestation **ret, size_t *ret_n) MUST_CHECK;

err_t write_once(struct sqlite *db, struct span id, int64_t expires, struct trail *trail,
                 bool *ret_is_first) MUST_CHECK;
/* The record of the same evidence of the same proven AK with the same verdict; ERR_NOT_FOUND. */
err_t query_repeated(struct sqlite *db, const struct store_attestation *attestation,
                     struct trail *trail, int64_t *ret_id) MUST_CHECK;

err_t write_attestation(struct sqlite *db, const struct store_attestation *attestation,
                        struct trail *trail, struct store_recorded *ret) MUST_CHECK;
err_t write_repeat(struct sqlite *db, int64_t id, int64_t time, struct trail *trail) MUST_CHECK;
/* is_clock_sure: what has expired goes, whatever the records say about the clock. */
err_t write_sweep(struct sqlite *db, int64_t now, bool is_clock_sure, struct trail *trail,
                  bool *ret_is_held) MUST_CHECK;

#endif
