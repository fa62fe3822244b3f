/*
 * sqlite.h - inside of the store room: one SQLite connection with its prepared statements.
 *
 * A connection belongs to one thread at a time.
 */
#ifndef STORE_SQLITE_H
#define STORE_SQLITE_H

#include "store/statements-join.h"
#include "store/statements-monitor.h"
#include "store/statements-package.h"
#include "store/statements-resource.h"
#include "store/store.h"

#include <sqlite3.h>

/* clang-format off */
#define STATEMENT_TABLE(X) \
    JOIN_STATEMENTS(X) \
    MONITOR_STATEMENTS(X) \
    PACKAGE_STATEMENTS(X) \
    RESOURCE_STATEMENTS(X) \
    X(BEGIN, "BEGIN IMMEDIATE") \
    X(COMMIT, "COMMIT") \
    X(ROLLBACK, "ROLLBACK") \
    X(SAVEPOINT, "SAVEPOINT one") \
    X(SAVEPOINT_KEEP, "RELEASE one") \
    X(SAVEPOINT_UNDO, "ROLLBACK TO one") \
    X(CHECK, "UPDATE checks SET n = n + 1") \
    X(MACHINE_BY_AK, "SELECT " MACHINE_COLUMNS " FROM machines WHERE ak_name = ?1") \
    X(MACHINE_BY_EK, "SELECT " MACHINE_COLUMNS " FROM machines WHERE ek_digest = ?1") \
    X(MACHINE_BY_ID, "SELECT " MACHINE_COLUMNS " FROM machines WHERE id = ?1") \
    X(MACHINE_BY_NAME, "SELECT " MACHINE_COLUMNS " FROM machines WHERE name = ?1") \
    X(MACHINES, "SELECT " MACHINE_COLUMNS " FROM machines WHERE name > ?2 ORDER BY name LIMIT ?1") \
    X(MACHINE_ADD, "INSERT INTO machines (" MACHINE_COLUMNS ") " \
        "VALUES (?1,?2,?3,?4,?5,?6,?7,?8,NULL,?9)") \
    X(MACHINE_BIND, "UPDATE machines SET ek_digest = ?2, ak_name = ?3, ek_public = ?4, " \
        "successor_ek = NULL, last_seen = coalesce((SELECT time FROM attestations " \
        "INDEXED BY attestations_fresh WHERE machine = ?1 AND ak_name = ?3 AND kind >= 3 " \
        "ORDER BY id DESC LIMIT 1), 0) WHERE id = ?1") \
    X(MACHINE_ACTIVE, "UPDATE machines SET is_active = ?2 WHERE id = ?1") \
    X(MACHINE_REPLACE, "UPDATE machines SET ak_name = NULL, last_seen = 0, successor_ek = ?2 " \
        "WHERE id = ?1") \
    X(MACHINE_RECORDS, "UPDATE attestations SET machine = NULL WHERE machine = ?1") \
    X(MACHINE_REMOVE, "DELETE FROM machines WHERE id = ?1") \
    X(AUDIT_ADD, "INSERT INTO audit (time, who, what, machine, name) VALUES (?1,?2,?3,?4,?5)") \
    X(AUDITS, "SELECT time, who, what, machine, name FROM audit WHERE machine = ?2 OR name = ?3 " \
        "ORDER BY id DESC LIMIT ?1") \
    X(LAST_VERDICT, "SELECT verdict FROM attestations INDEXED BY attestations_fresh " \
        "WHERE machine = ?1 AND kind >= 3 AND ak_name = (SELECT ak_name FROM machines WHERE " \
        "id = ?1) ORDER BY id DESC LIMIT 1") \
    X(MACHINE_SEEN, "UPDATE machines SET last_seen = max(last_seen, ?2) WHERE id = ?1") \
    X(USE_ONCE, "INSERT INTO used (id, expires) VALUES (?1, ?2) ON CONFLICT DO NOTHING") \
    X(WAS_USED, "SELECT 1 FROM used WHERE id = ?1") \
    X(SWEEP_USED, "DELETE FROM used WHERE expires < ?1") \
    X(SWEEP_UNPROVEN, "DELETE FROM attestations WHERE is_proven = 0 AND id <= " \
        "(SELECT id FROM attestations WHERE is_proven = 0 ORDER BY id DESC LIMIT 1 OFFSET ?1)") \
    X(SWEEP_OLD, "DELETE FROM attestations WHERE id IN (SELECT id FROM attestations AS a " \
        "WHERE time < ?1 AND (kind = 0 OR machine IS NULL OR (" \
        "id <> coalesce((SELECT max(b.id) FROM attestations AS b WHERE b.machine = a.machine " \
        "AND b.ak_name = a.ak_name AND b.kind >= 3), 0) AND " \
        "id <> coalesce((SELECT max(b.id) FROM attestations AS b WHERE b.machine = a.machine " \
        "AND b.ak_name = a.ak_name AND b.kind > 0 AND b.verdict = 'not-verified'), 0))) LIMIT ?2)") \
    X(SWEEP_KIND, "DELETE FROM attestations WHERE id IN (SELECT id FROM attestations " \
        "WHERE ak_name = ?1 AND machine IS ?2 AND kind = ?3 " \
        "ORDER BY id DESC LIMIT -1 OFFSET ?4) AND " \
        "id <> coalesce((SELECT max(b.id) FROM attestations AS b WHERE b.machine IS ?2 " \
        "AND b.ak_name = ?1 AND b.kind > 0 AND b.verdict = 'not-verified'), 0)") \
    X(VERDICT_BEFORE, "SELECT verdict FROM attestations INDEXED BY attestations_fresh " \
        "WHERE machine IS ?2 AND ak_name = ?1 AND kind >= 3 ORDER BY id DESC LIMIT 1") \
    X(CLOCK_DOUBT, "SELECT 1 WHERE EXISTS (SELECT 1 FROM attestations WHERE time < ?1) AND NOT " \
        "EXISTS (SELECT 1 FROM attestations WHERE time BETWEEN ?1 AND ?2)") \
    X(CLOCK_GET, "SELECT reset_count, restart_count, clock_ms FROM clocks WHERE ak_name = ?1") \
    X(CLOCK_FORGET, "DELETE FROM clocks WHERE ak_name = ?1") \
    X(CLOCK_SET, "INSERT OR REPLACE INTO clocks (ak_name, reset_count, restart_count, clock_ms, " \
        "updated) VALUES (?1,?2,?3,?4,?5)") \
    X(ATTESTATION_ADD, "INSERT INTO attestations (" ATTESTATION_COLUMNS ") " \
        "VALUES (NULL,?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,0,0,?15)") \
    X(SHOWN_GET, "SELECT reset_count, restart_count, clock_ms FROM shown WHERE ak_name = ?1") \
    X(SHOWN_SET, "INSERT INTO shown (ak_name, reset_count, restart_count, clock_ms) " \
        "VALUES (?1,?2,?3,?4) ON CONFLICT (ak_name) DO UPDATE SET " \
        "reset_count = ?2, restart_count = ?3, clock_ms = ?4") \
    X(REFUSED_GET, "SELECT refused_copies, last_refused FROM shown WHERE ak_name = ?1") \
    X(REFUSED_ADD, "UPDATE shown SET refused_copies = refused_copies + 1, " \
        "last_refused = max(last_refused, ?2) WHERE ak_name = " \
        "(SELECT ak_name FROM attestations WHERE id = ?1 AND verdict = 'not-verified')") \
    X(REPEATED, "SELECT id FROM attestations WHERE ak_name = ?1 AND clock_ms = ?2 AND " \
        "evidence_digest = ?3 AND verdict = ?4 AND machine IS ?5 AND is_proven = 1 LIMIT 1") \
    X(REPEAT, "UPDATE attestations SET repeats = repeats + 1, " \
        "last_repeat = max(last_repeat, ?2) WHERE id = ?1") \
    X(ATTESTATIONS, "SELECT " ATTESTATION_COLUMNS " FROM attestations ORDER BY id DESC LIMIT ?1") \
    X(ATTESTATIONS_OF, "SELECT " ATTESTATION_COLUMNS " FROM attestations WHERE machine = ?2 " \
        "ORDER BY id DESC LIMIT ?1") \
    X(FRESH_OF, "SELECT " ATTESTATION_COLUMNS " FROM attestations INDEXED BY attestations_fresh " \
        "WHERE machine = ?2 AND kind >= 3 AND ak_name = (SELECT ak_name FROM machines WHERE " \
        "id = ?2) ORDER BY id DESC LIMIT ?1") \
    X(FRESH_EVER, "SELECT " ATTESTATION_COLUMNS " FROM attestations WHERE machine = ?2 " \
        "AND kind >= 3 ORDER BY id DESC LIMIT ?1") \
    X(COPIES_OF, "SELECT " ATTESTATION_COLUMNS " FROM attestations WHERE machine = ?2 " \
        "AND kind < 3 ORDER BY id DESC LIMIT ?1") \
    X(PROVIDER_COUNT, "SELECT count(*) FROM providers") \
    X(PROVIDERS, "SELECT name, id, region, properties, version, created, changed FROM providers " \
        "ORDER BY name") \
    X(PROVIDER_ADD, "INSERT INTO providers (name, id, region, properties, version, created, " \
        "changed) VALUES (?1,?2,?3,?4,1,?5,?6) ON CONFLICT DO NOTHING") \
    X(PROVIDER_SET, "UPDATE providers SET properties = ?3, version = version + 1, changed = ?4 " \
        "WHERE name = ?1 AND version = ?2") \
    X(PROVIDER_REMOVE, "DELETE FROM providers WHERE name = ?1") \
    X(POLICY_COUNT, "SELECT count(*) FROM policies") \
    X(POLICIES, "SELECT provider, type, jws, changed FROM policies ORDER BY provider, type") \
    X(POLICY_PUT, "INSERT OR REPLACE INTO policies (provider, type, jws, changed) " \
        "VALUES (?1,?2,?3,?4)") \
    X(POLICY_REMOVE, "DELETE FROM policies WHERE provider = ?1 AND type = ?2") \
    X(POLICIES_FORGET, "DELETE FROM policies WHERE provider = ?1")
enum { STORE_MACHINE_COLUMNS = 10 };
#define MACHINE_COLUMNS "id, name, ek_digest, ak_name, is_active, created, last_seen, ek_public, " \
    "successor_ek, subscription"
#define ATTESTATION_COLUMNS "id, time, machine, ak_name, is_proven, verdict, reasons, facts, " \
    "evidence_digest, token_id, pcr_digest, reset_count, restart_count, clock_ms, freshness, repeats, " \
    "last_repeat, kind"
/* clang-format on */

enum statement {
#define X(name, sql) STATEMENT_##name,
    STATEMENT_TABLE(X)
#undef X
        STATEMENT_COUNT
};

struct sqlite {
    sqlite3 *db;
    sqlite3_stmt *statements[STATEMENT_COUNT];
};

/* The writer makes the file and the schema; readers expect both. */
err_t sqlite_open_writer(const struct store_options *options, struct trail *trail,
                         struct sqlite **ret) MUST_CHECK;
err_t sqlite_open_reader(const char *path, struct trail *trail, struct sqlite **ret) MUST_CHECK;
void sqlite_close(struct sqlite *sqlite);
DEFINE_CLEANUP(struct sqlite *, sqlite_close)

/* A statement, prepared once, without bindings. Release it when done with its rows. */
err_t sqlite_use(struct sqlite *sqlite, enum statement which, struct trail *trail,
                 sqlite3_stmt **ret) MUST_CHECK;
/* *ret_has_row tells a row from the end. */
err_t sqlite_step(struct sqlite *sqlite, sqlite3_stmt *statement, struct trail *trail,
                  bool *ret_has_row) MUST_CHECK;
/* Forget the bindings: what they borrowed may go. */
void sqlite_release(sqlite3_stmt *statement);
/* Run a statement that has no parameters and no rows. */
err_t sqlite_run(struct sqlite *sqlite, enum statement which, struct trail *trail) MUST_CHECK;

void sqlite_bind_span(sqlite3_stmt *statement, int index, struct span bytes);
void sqlite_bind_text(sqlite3_stmt *statement, int index, struct span text);

#endif
