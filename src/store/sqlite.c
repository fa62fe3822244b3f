#include "store/sqlite.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    APPLICATION_ID = 0x42574453, /* "BWDS" */
    BUSY_MS = 5000,              /* backups hold the lock for a moment */
    PAGE_BYTES = 4096,
};

static const char *const statement_texts[] = {
#define X(name, sql) [STATEMENT_##name] = (sql),
    STATEMENT_TABLE(X)
#undef X
};

/* Forward only: an entry is never changed once released, new ones go to the end. */
static const char *const migrations[] = {
    "CREATE TABLE checks (n INTEGER NOT NULL) STRICT;"
    "INSERT INTO checks VALUES (0);"
    "CREATE TABLE machines (id TEXT NOT NULL PRIMARY KEY, name TEXT NOT NULL UNIQUE COLLATE NOCASE,"
    " ek_digest BLOB NOT NULL UNIQUE, ak_name BLOB NOT NULL UNIQUE, is_active INTEGER NOT NULL,"
    " created INTEGER NOT NULL, last_seen INTEGER NOT NULL, ek_public BLOB NOT NULL) STRICT, "
    "WITHOUT ROWID;"
    "CREATE TABLE used (id BLOB NOT NULL PRIMARY KEY, expires INTEGER NOT NULL)"
    " STRICT, WITHOUT ROWID;"
    "CREATE INDEX used_expires ON used (expires);"
    "CREATE TABLE clocks (ak_name BLOB NOT NULL PRIMARY KEY, reset_count INTEGER NOT NULL,"
    " restart_count INTEGER NOT NULL, clock_ms INTEGER NOT NULL, updated INTEGER NOT NULL)"
    " STRICT, WITHOUT ROWID;"
    "CREATE TABLE attestations (id INTEGER PRIMARY KEY AUTOINCREMENT, time INTEGER NOT NULL,"
    " machine TEXT REFERENCES machines (id), ak_name BLOB NOT NULL, is_proven INTEGER NOT NULL,"
    " verdict TEXT NOT NULL, reasons TEXT NOT NULL, facts TEXT, evidence_digest BLOB NOT NULL,"
    " token_id TEXT, pcr_digest BLOB, reset_count INTEGER, restart_count INTEGER,"
    " clock_ms INTEGER) STRICT;"
    "CREATE INDEX attestations_machine ON attestations (machine, id);"
    "CREATE INDEX attestations_time ON attestations (time);"
    "CREATE INDEX attestations_unproven ON attestations (id) WHERE is_proven = 0;",

    "ALTER TABLE attestations ADD COLUMN freshness TEXT NOT NULL DEFAULT 'unknown';"
    "ALTER TABLE attestations ADD COLUMN repeats INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE attestations ADD COLUMN last_repeat INTEGER NOT NULL DEFAULT 0;"
    "UPDATE attestations SET freshness = 'none' WHERE is_proven = 0;"
    "CREATE INDEX attestations_shown ON attestations (ak_name, clock_ms) WHERE is_proven = 1;"
    "CREATE INDEX attestations_stale ON attestations (ak_name, id)"
    " WHERE is_proven = 1 AND freshness = 'none';",

    /* ak_name may be NULL: a machine that an operator replaced. */
    "CREATE TABLE machines_new (id TEXT NOT NULL PRIMARY KEY,"
    " name TEXT NOT NULL UNIQUE COLLATE NOCASE, ek_digest BLOB NOT NULL UNIQUE,"
    " ak_name BLOB UNIQUE, is_active INTEGER NOT NULL, created INTEGER NOT NULL,"
    " last_seen INTEGER NOT NULL, ek_public BLOB NOT NULL) STRICT, WITHOUT ROWID;"
    "INSERT INTO machines_new SELECT id, name, ek_digest, ak_name, is_active, created, last_seen,"
    " ek_public FROM machines;"
    "DROP TABLE machines;"
    "ALTER TABLE machines_new RENAME TO machines;"
    "CREATE TABLE audit (id INTEGER PRIMARY KEY AUTOINCREMENT, time INTEGER NOT NULL,"
    " who TEXT NOT NULL, what TEXT NOT NULL, machine TEXT NOT NULL,"
    " name TEXT NOT NULL COLLATE NOCASE) STRICT;"
    "CREATE INDEX audit_machine ON audit (machine);"
    "CREATE INDEX audit_name ON audit (name);",

    /*
     * kind is enum kind of queries.c. A refused proof had no freshness before, so nothing is known
     * about the old ones: they go on counting, since a red verdict must not turn green by this.
     * What a quote ever showed is the highest of what is still there. last_seen of a machine that
     * was replaced may have been another key's.
     */
    "ALTER TABLE machines ADD COLUMN successor_ek BLOB;"
    "ALTER TABLE attestations ADD COLUMN kind INTEGER NOT NULL DEFAULT 0;"
    "UPDATE attestations SET freshness = 'unknown' WHERE is_proven = 1"
    " AND freshness = 'none' AND verdict = 'not-verified';"
    "UPDATE attestations SET kind = CASE WHEN freshness = 'none' THEN 1 ELSE 3 END"
    " WHERE is_proven = 1;"
    "DROP INDEX attestations_stale;"
    "CREATE INDEX attestations_fresh ON attestations (machine, ak_name, id) WHERE kind >= 3;"
    "CREATE INDEX attestations_kind ON attestations (ak_name, machine, kind, id);"
    "CREATE INDEX attestations_refused ON attestations (machine, ak_name, id)"
    " WHERE kind > 0 AND verdict = 'not-verified';"
    "UPDATE attestations SET kind = 4 WHERE id IN (SELECT id FROM (SELECT id, verdict,"
    " lag(verdict) OVER (PARTITION BY machine, ak_name ORDER BY id) AS before"
    " FROM attestations WHERE kind >= 3) WHERE verdict IS NOT before);"
    "CREATE TABLE shown (ak_name BLOB NOT NULL PRIMARY KEY, reset_count INTEGER NOT NULL,"
    " restart_count INTEGER NOT NULL, clock_ms INTEGER NOT NULL,"
    " refused_copies INTEGER NOT NULL DEFAULT 0, last_refused INTEGER NOT NULL DEFAULT 0)"
    " STRICT, WITHOUT ROWID;"
    "INSERT INTO shown (ak_name, reset_count, restart_count, clock_ms)"
    " SELECT ak_name, reset_count, restart_count, clock_ms FROM (SELECT *, row_number() OVER"
    " (PARTITION BY ak_name ORDER BY reset_count DESC, restart_count DESC, clock_ms DESC) AS place"
    " FROM (SELECT ak_name, reset_count, restart_count, clock_ms FROM clocks UNION ALL"
    " SELECT ak_name, reset_count, restart_count, clock_ms FROM attestations"
    " WHERE is_proven = 1 AND clock_ms IS NOT NULL)) WHERE place = 1;"
    "UPDATE machines SET last_seen = coalesce((SELECT a.time FROM attestations AS a"
    " WHERE a.machine = machines.id AND a.ak_name = machines.ak_name AND a.kind >= 3"
    " ORDER BY a.id DESC LIMIT 1), 0)"
    " WHERE id IN (SELECT machine FROM audit WHERE what IN ('replace', 'joined again'));",

    "CREATE TABLE providers (name TEXT NOT NULL PRIMARY KEY COLLATE NOCASE,"
    " id TEXT NOT NULL UNIQUE COLLATE NOCASE, region TEXT NOT NULL, properties TEXT NOT NULL,"
    " version INTEGER NOT NULL, created INTEGER NOT NULL, changed INTEGER NOT NULL)"
    " STRICT, WITHOUT ROWID;"
    "CREATE TABLE policies (provider TEXT NOT NULL COLLATE NOCASE, type TEXT NOT NULL,"
    " jws BLOB NOT NULL, changed INTEGER NOT NULL, PRIMARY KEY (provider, type))"
    " STRICT, WITHOUT ROWID;",

    /* subscription '' is the server's own. A machine's monitor row goes with it. */
    "ALTER TABLE machines ADD COLUMN subscription TEXT NOT NULL DEFAULT '';"
    "CREATE TABLE announced (id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " subscription TEXT NOT NULL, name TEXT NOT NULL COLLATE NOCASE, ek_digest BLOB UNIQUE,"
    " ak_name BLOB, token_digest BLOB UNIQUE, uses INTEGER NOT NULL, created INTEGER NOT NULL,"
    " expires INTEGER NOT NULL, who TEXT NOT NULL) STRICT;"
    "CREATE UNIQUE INDEX announced_name ON announced (name) WHERE name <> '';"
    "CREATE TABLE waiting (ek_digest BLOB NOT NULL PRIMARY KEY, ak_name BLOB NOT NULL,"
    " name TEXT NOT NULL COLLATE NOCASE, maker TEXT NOT NULL, is_rejected INTEGER NOT NULL,"
    " first INTEGER NOT NULL, last INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE INDEX announced_expires ON announced (expires);"
    "CREATE INDEX waiting_name ON waiting (name) WHERE name <> '';"
    "CREATE INDEX waiting_last ON waiting (last DESC, ek_digest);"
    "CREATE TABLE monitor (machine TEXT NOT NULL PRIMARY KEY"
    " REFERENCES machines (id) ON DELETE CASCADE, state TEXT NOT NULL, since INTEGER NOT NULL,"
    " why TEXT NOT NULL, proof TEXT NOT NULL, proof_why TEXT NOT NULL, proof_time INTEGER NOT NULL,"
    " trouble TEXT NOT NULL, trouble_why TEXT NOT NULL, trouble_time INTEGER NOT NULL,"
    " contact INTEGER NOT NULL, period_s INTEGER NOT NULL, due INTEGER NOT NULL,"
    " agent_version TEXT NOT NULL, platform TEXT NOT NULL, wants_proof INTEGER NOT NULL,"
    " status TEXT, facts TEXT) STRICT, WITHOUT ROWID;"
    "CREATE INDEX monitor_state ON monitor (state);"
    "CREATE INDEX monitor_due ON monitor (due) WHERE due > 0;"
    "CREATE TABLE baselines (machine TEXT NOT NULL PRIMARY KEY"
    " REFERENCES machines (id) ON DELETE CASCADE, document BLOB, digest BLOB,"
    " learned INTEGER NOT NULL, candidate BLOB, candidate_time INTEGER NOT NULL, announced TEXT)"
    " STRICT;"
    "CREATE TABLE monitor_changes (id INTEGER PRIMARY KEY AUTOINCREMENT, machine TEXT NOT NULL"
    " REFERENCES machines (id) ON DELETE CASCADE, time INTEGER NOT NULL, before TEXT NOT NULL,"
    " after TEXT NOT NULL, why TEXT NOT NULL) STRICT;"
    "CREATE INDEX monitor_changes_machine ON monitor_changes (machine, id);"
    "CREATE TABLE extensions (machine TEXT NOT NULL PRIMARY KEY"
    " REFERENCES machines (id) ON DELETE CASCADE, is_wanted INTEGER NOT NULL,"
    " version TEXT NOT NULL, upgrades_minor INTEGER NOT NULL, upgrades INTEGER NOT NULL,"
    " settings TEXT NOT NULL, sequence INTEGER NOT NULL, changed INTEGER NOT NULL)"
    " STRICT, WITHOUT ROWID;"
    "CREATE INDEX extensions_upgrades ON extensions (machine) WHERE upgrades = 1;"
    "CREATE TABLE packages (id INTEGER PRIMARY KEY AUTOINCREMENT, subscription TEXT NOT NULL,"
    " platform TEXT NOT NULL, version TEXT NOT NULL, minimum TEXT NOT NULL, size INTEGER NOT NULL,"
    " digest BLOB NOT NULL, file TEXT NOT NULL UNIQUE, is_running INTEGER NOT NULL,"
    " why TEXT NOT NULL, who TEXT NOT NULL, created INTEGER NOT NULL, changed INTEGER NOT NULL,"
    " UNIQUE (subscription, platform, version)) STRICT;"
    "CREATE TABLE rollouts (machine TEXT NOT NULL REFERENCES machines (id) ON DELETE CASCADE,"
    " package INTEGER NOT NULL REFERENCES packages (id) ON DELETE CASCADE, state TEXT NOT NULL,"
    " time INTEGER NOT NULL, due INTEGER NOT NULL, why TEXT NOT NULL,"
    " PRIMARY KEY (machine, package)) STRICT, WITHOUT ROWID;"
    "CREATE INDEX rollouts_package ON rollouts (package, state);"
    "CREATE INDEX rollouts_open ON rollouts (due) WHERE state IN ('offered', 'taken');"
    "INSERT INTO monitor (machine, state, since, why, proof, proof_why, proof_time, trouble,"
    " trouble_why, trouble_time, contact, period_s, due, agent_version, platform, wants_proof)"
    " SELECT id, 'never-reported', created, '', '', '', 0, '', '', 0, 0, 0, 0, '', '', 0"
    " FROM machines;",

    /* What a proof is held against, so that one that was kept back, or one of a milder provider,
     * makes no machine well. candidate_digest: of the registers of the boot that waits. */
    "ALTER TABLE monitor ADD COLUMN provider TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE monitor ADD COLUMN reset_count INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE monitor ADD COLUMN restart_count INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE monitor ADD COLUMN clock_ms INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE monitor ADD COLUMN clock_time INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE monitor ADD COLUMN answers INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE monitor ADD COLUMN is_off INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE monitor ADD COLUMN doubt TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE baselines ADD COLUMN candidate_digest BLOB;"
    "ALTER TABLE baselines DROP COLUMN announced;"
    "UPDATE monitor SET is_off = 1, due = 1 WHERE machine IN"
    " (SELECT machine FROM extensions WHERE is_wanted = 0);",

    /* What is announced is listed, and limited, for each subscription on its own. */
    "CREATE INDEX announced_subscription ON announced (subscription, id);",

    /* announced.machine: the id that the guest gets, which is that of a virtual machine resource;
     * '' = any. What is wanted of such a machine is known before it joined. An endorsement key is
     * no secret: an owner who announces it keeps no other owner from it. */
    "CREATE TABLE announced_new (id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " subscription TEXT NOT NULL, name TEXT NOT NULL COLLATE NOCASE, ek_digest BLOB,"
    " ak_name BLOB, token_digest BLOB UNIQUE, uses INTEGER NOT NULL, created INTEGER NOT NULL,"
    " expires INTEGER NOT NULL, who TEXT NOT NULL, machine TEXT NOT NULL DEFAULT '') STRICT;"
    "INSERT INTO announced_new SELECT id, subscription, name, ek_digest, ak_name, token_digest,"
    " uses, created, expires, who, '' FROM announced;"
    "DROP TABLE announced;"
    "ALTER TABLE announced_new RENAME TO announced;"
    "CREATE UNIQUE INDEX announced_name ON announced (name) WHERE name <> '';"
    "CREATE UNIQUE INDEX announced_ek ON announced (ek_digest, subscription);"
    "CREATE INDEX announced_expires ON announced (expires);"
    "CREATE INDEX announced_subscription ON announced (subscription, id);"
    "CREATE UNIQUE INDEX announced_machine ON announced (machine) WHERE machine <> '';"
    "CREATE TABLE extensions_new (machine TEXT NOT NULL PRIMARY KEY, is_wanted INTEGER NOT NULL,"
    " version TEXT NOT NULL, upgrades_minor INTEGER NOT NULL, upgrades INTEGER NOT NULL,"
    " settings TEXT NOT NULL, sequence INTEGER NOT NULL, changed INTEGER NOT NULL)"
    " STRICT, WITHOUT ROWID;"
    "INSERT INTO extensions_new SELECT machine, is_wanted, version, upgrades_minor, upgrades,"
    " settings, sequence, changed FROM extensions;"
    "DROP TABLE extensions;"
    "ALTER TABLE extensions_new RENAME TO extensions;"
    "CREATE INDEX extensions_upgrades ON extensions (machine) WHERE upgrades = 1;"
    "CREATE TABLE resources (key TEXT NOT NULL UNIQUE, id TEXT NOT NULL,"
    " subscription TEXT NOT NULL, type TEXT NOT NULL, location TEXT NOT NULL,"
    " state TEXT NOT NULL, tags TEXT NOT NULL, body TEXT NOT NULL, version INTEGER NOT NULL,"
    " created INTEGER NOT NULL, changed INTEGER NOT NULL) STRICT;"
    "CREATE INDEX resources_type ON resources (subscription, type, key);"
    "CREATE INDEX resources_state ON resources (type, key) WHERE state <> 'Succeeded';"
    "CREATE TABLE resource_mentions (subscription TEXT NOT NULL, word TEXT NOT NULL,"
    " resource TEXT NOT NULL, value TEXT NOT NULL,"
    " PRIMARY KEY (subscription, word, resource, value)) STRICT, WITHOUT ROWID;"
    "CREATE INDEX resource_mentions_of ON resource_mentions (resource);"
    "CREATE TRIGGER resources_unmentioned AFTER DELETE ON resources BEGIN"
    " DELETE FROM resource_mentions WHERE resource = old.key; END;"
    "CREATE TABLE resource_parts (resource TEXT NOT NULL, name TEXT NOT NULL,"
    " subscription TEXT NOT NULL, text TEXT NOT NULL, UNIQUE (resource, name)) STRICT;"
    /* What a subscription takes, counted where no statement can forget it. No OR REPLACE in these
     * tables: what that takes away is told to no trigger. */
    "CREATE TABLE resource_bytes (subscription TEXT NOT NULL PRIMARY KEY, bytes INTEGER NOT NULL)"
    " STRICT, WITHOUT ROWID;"
    "CREATE TRIGGER resources_added AFTER INSERT ON resources BEGIN"
    " INSERT INTO resource_bytes VALUES (new.subscription,"
    " length(CAST(new.tags AS BLOB)) + length(CAST(new.body AS BLOB)))"
    " ON CONFLICT (subscription) DO UPDATE SET bytes = bytes + excluded.bytes; END;"
    "CREATE TRIGGER resources_changed AFTER UPDATE OF tags, body ON resources BEGIN"
    " UPDATE resource_bytes SET bytes = bytes"
    " + length(CAST(new.tags AS BLOB)) + length(CAST(new.body AS BLOB))"
    " - length(CAST(old.tags AS BLOB)) - length(CAST(old.body AS BLOB))"
    " WHERE subscription = new.subscription; END;"
    "CREATE TRIGGER resources_removed AFTER DELETE ON resources BEGIN"
    " UPDATE resource_bytes SET bytes = bytes"
    " - length(CAST(old.tags AS BLOB)) - length(CAST(old.body AS BLOB))"
    " WHERE subscription = old.subscription; END;"
    "CREATE TRIGGER parts_added AFTER INSERT ON resource_parts BEGIN"
    " UPDATE resource_bytes SET bytes = bytes + length(CAST(new.text AS BLOB))"
    " WHERE subscription = new.subscription; END;"
    "CREATE TRIGGER parts_changed AFTER UPDATE OF text ON resource_parts BEGIN"
    " UPDATE resource_bytes SET bytes = bytes"
    " + length(CAST(new.text AS BLOB)) - length(CAST(old.text AS BLOB))"
    " WHERE subscription = new.subscription; END;"
    "CREATE TRIGGER parts_removed AFTER DELETE ON resource_parts BEGIN"
    " UPDATE resource_bytes SET bytes = bytes - length(CAST(old.text AS BLOB))"
    " WHERE subscription = old.subscription; END;"
    "CREATE TABLE operations (id TEXT NOT NULL PRIMARY KEY, subscription TEXT NOT NULL,"
    " resource TEXT NOT NULL, what TEXT NOT NULL, status TEXT NOT NULL, error TEXT NOT NULL,"
    " output TEXT NOT NULL, started INTEGER NOT NULL, ended INTEGER NOT NULL)"
    " STRICT, WITHOUT ROWID;"
    "CREATE INDEX operations_of ON operations (resource, what) WHERE status = 'Running';"
    "CREATE INDEX operations_open ON operations (started) WHERE status = 'Running';"
    "CREATE INDEX operations_ended ON operations (ended);"
    "CREATE INDEX operations_subscription ON operations (subscription, ended) WHERE ended > 0;"
    "CREATE TABLE activity (id INTEGER PRIMARY KEY AUTOINCREMENT, time INTEGER NOT NULL,"
    " subscription TEXT NOT NULL, resource TEXT NOT NULL, action TEXT NOT NULL,"
    " status TEXT NOT NULL, caller TEXT NOT NULL, correlation TEXT NOT NULL,"
    " detail TEXT NOT NULL) STRICT;"
    "CREATE INDEX activity_subscription ON activity (subscription, id);"
    "CREATE INDEX activity_time ON activity (time);"
    "CREATE TABLE resource_versions (last INTEGER NOT NULL) STRICT;"
    "INSERT INTO resource_versions SELECT coalesce(max(version), 0) FROM resources;",
};

/* One sentence per kind of trouble, since an operator acts differently on each. */
static const char *words_for(int code)
{
    switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return "the database is locked by another program";
    case SQLITE_FULL:
        return "the disk is full";
    case SQLITE_CORRUPT:
        return "the database is damaged: restore it from a backup";
    case SQLITE_NOTADB:
        return "the file is no database";
    case SQLITE_READONLY:
    case SQLITE_PERM:
        return "the database is not writable";
    case SQLITE_CANTOPEN:
        return "the database cannot be opened";
    case SQLITE_IOERR:
        return "the disk failed";
    default:
        return "the database failed";
    }
}

static err_t sqlite_error(struct sqlite *sqlite, int code, struct trail *trail)
{
    if (code == SQLITE_NOMEM) {
        return ERR_MEMORY;
    }
    trail_set(trail, ERR_STORE, "%s (%s)", words_for(code),
              sqlite->db != NULL ? sqlite3_errmsg(sqlite->db) : sqlite3_errstr(code));
    return ERR_STORE;
}

static err_t run_text(struct sqlite *sqlite, const char *sql, struct trail *trail)
{
    int code = sqlite3_exec(sqlite->db, sql, NULL, NULL, NULL);

    return code == SQLITE_OK ? ERR_OK : sqlite_error(sqlite, code, trail);
}

static err_t read_number(struct sqlite *sqlite, const char *sql, struct trail *trail, int64_t *ret)
{
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(sqlite->db, sql, -1, &statement, NULL);

    if (code == SQLITE_OK) {
        code = sqlite3_step(statement);
    }
    if (code != SQLITE_ROW) {
        err_t err = sqlite_error(sqlite, code, trail);

        sqlite3_finalize(statement);
        return err ? err : ERR_STORE;
    }
    *ret = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    return ERR_OK;
}

static err_t open_file(const char *path, int flags, struct trail *trail, struct sqlite **ret)
{
    CLEANUP(sqlite_close) struct sqlite *sqlite = calloc(1, sizeof(*sqlite));
    int code;

    if (sqlite == NULL) {
        return ERR_MEMORY;
    }
    code = sqlite3_open_v2(path, &sqlite->db, flags | SQLITE_OPEN_NOMUTEX, NULL);
    if (code == SQLITE_OK) {
        code = sqlite3_busy_timeout(sqlite->db, BUSY_MS);
    }
    if (code != SQLITE_OK) {
        return sqlite_error(sqlite, code, trail);
    }
    *ret = TAKE(sqlite);
    return ERR_OK;
}

/* SQLite makes files with the umask's mode; this one holds who attested when. */
static err_t make_file(const char *path, struct trail *trail)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

    if (fd < 0) {
        return trail_set(trail, ERR_STORE, "the database cannot be opened: %s", strerror(errno));
    }
    close(fd);
    return ERR_OK;
}

static err_t need_file(const char *path, struct trail *trail)
{
    if (access(path, F_OK) != 0) {
        return trail_set(trail, errno == EACCES ? ERR_DENIED : ERR_NOT_FOUND,
                         "there is no database here: %s", strerror(errno));
    }
    if (access(path, R_OK | W_OK) != 0) {
        return trail_set(trail, ERR_DENIED, "the database is not writable: %s", strerror(errno));
    }
    return ERR_OK;
}

static err_t check_owner(struct sqlite *sqlite, struct trail *trail, int64_t *ret_version)
{
    int64_t application = 0, version = 0, pages = 0;
    err_t err = read_number(sqlite, "PRAGMA application_id", trail, &application);

    err = err ? err : read_number(sqlite, "PRAGMA user_version", trail, &version);
    err = err ? err : read_number(sqlite, "PRAGMA page_count", trail, &pages);
    if (err) {
        return err;
    }
    if (pages > 0 && application != APPLICATION_ID) {
        return trail_set(trail, ERR_UNSUPPORTED, "the file is a database of another program");
    }
    if (version > (int64_t)ARRAY_LEN(migrations)) {
        return trail_set(trail, ERR_UNSUPPORTED,
                         "the database was written by a newer version (schema %lld, this program "
                         "knows %zu): use that version, or a backup from before",
                         (long long)version, ARRAY_LEN(migrations));
    }
    *ret_version = version;
    return ERR_OK;
}

/* Each step in a transaction of its own: an interrupted one leaves the version before. */
static err_t migrate(struct sqlite *sqlite, int64_t version, struct trail *trail)
{
    char done[80];
    err_t err = ERR_OK;

    for (size_t i = (size_t)version; err == ERR_OK && i < ARRAY_LEN(migrations); i++) {
        snprintf(done, sizeof(done), "PRAGMA application_id = %d; PRAGMA user_version = %zu;",
                 APPLICATION_ID, i + 1);
        err = run_text(sqlite, "BEGIN IMMEDIATE", trail);
        err = err ? err : run_text(sqlite, migrations[i], trail);
        err = err ? err : run_text(sqlite, done, trail);
        err = err ? err : run_text(sqlite, "COMMIT", trail);
        if (err) {
            (void)!run_text(sqlite, "ROLLBACK", NULL);
        }
    }
    return err;
}

/* The newest step grows until it is released: a database that was made with less of it says that it
 * is the newest, too. */
static err_t check_tables(struct sqlite *sqlite, struct trail *trail)
{
    int64_t n = 0;
    err_t err = read_number(sqlite,
                            "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name IN "
                            "('resource_bytes', 'resource_mentions')",
                            trail, &n);

    return err || n == 2
               ? err
               : trail_set(trail, ERR_UNSUPPORTED,
                           "the database was made by a version between two releases, and lacks "
                           "what this one keeps there: use that version, or begin a new folder");
}

err_t sqlite_open_writer(const struct store_options *options, struct trail *trail,
                         struct sqlite **ret)
{
    CLEANUP(sqlite_close) struct sqlite *sqlite = NULL;
    int64_t version = 0;
    char limit[64];
    err_t err =
        options->is_tool ? need_file(options->path, trail) : make_file(options->path, trail);

    err = err ? err : open_file(options->path, SQLITE_OPEN_READWRITE, trail, &sqlite);
    err = err ? err : check_owner(sqlite, trail, &version);
    if (err == ERR_OK && options->is_tool && version < (int64_t)ARRAY_LEN(migrations)) {
        err = trail_set(trail, ERR_UNSUPPORTED,
                        "the database is of an older version (schema %lld, this program has %zu): "
                        "start the server of this version on it once",
                        (long long)version, ARRAY_LEN(migrations));
    }
    err = err ? err : run_text(sqlite, "PRAGMA journal_mode = WAL", trail);
    /* FULL flushes the log at every commit: what was answered is on the disk. */
    err = err ? err : run_text(sqlite, "PRAGMA synchronous = FULL", trail);
    err = err ? err : run_text(sqlite, "PRAGMA journal_size_limit = 67108864", trail);
    err = err ? err : migrate(sqlite, version, trail);
    err = err ? err : check_tables(sqlite, trail);
    /* Not before: a migration may make a table anew that others refer to. */
    err = err ? err : run_text(sqlite, "PRAGMA foreign_keys = ON", trail);
    if (err == ERR_OK && options->max_bytes > 0) {
        snprintf(limit, sizeof(limit), "PRAGMA max_page_count = %zu",
                 options->max_bytes / PAGE_BYTES + 1);
        err = run_text(sqlite, limit, trail);
    }
    if (err) {
        return trail_in(trail, err, options->path);
    }
    *ret = TAKE(sqlite);
    return ERR_OK;
}

err_t sqlite_open_reader(const char *path, struct trail *trail, struct sqlite **ret)
{
    CLEANUP(sqlite_close) struct sqlite *sqlite = NULL;
    err_t err = open_file(path, SQLITE_OPEN_READWRITE, trail, &sqlite);

    /* Not opened read-only, which WAL does not always allow; this comes to the same. */
    err = err ? err : run_text(sqlite, "PRAGMA query_only = ON", trail);
    if (err) {
        return trail_in(trail, err, path);
    }
    *ret = TAKE(sqlite);
    return ERR_OK;
}

void sqlite_close(struct sqlite *sqlite)
{
    if (sqlite == NULL) {
        return;
    }
    for (size_t i = 0; i < STATEMENT_COUNT; i++) {
        sqlite3_finalize(sqlite->statements[i]);
    }
    sqlite3_close(sqlite->db);
    free(sqlite);
}

err_t sqlite_use(struct sqlite *sqlite, enum statement which, struct trail *trail,
                 sqlite3_stmt **ret)
{
    if (sqlite->statements[which] == NULL) {
        int code = sqlite3_prepare_v3(sqlite->db, statement_texts[which], -1,
                                      SQLITE_PREPARE_PERSISTENT, &sqlite->statements[which], NULL);

        if (code != SQLITE_OK) {
            return sqlite_error(sqlite, code, trail);
        }
    }
    *ret = sqlite->statements[which];
    return ERR_OK;
}

err_t sqlite_step(struct sqlite *sqlite, sqlite3_stmt *statement, struct trail *trail,
                  bool *ret_has_row)
{
    int code = sqlite3_step(statement);

    if (code != SQLITE_ROW && code != SQLITE_DONE) {
        return sqlite_error(sqlite, code, trail);
    }
    *ret_has_row = code == SQLITE_ROW;
    return ERR_OK;
}

void sqlite_release(sqlite3_stmt *statement)
{
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
}

err_t sqlite_run(struct sqlite *sqlite, enum statement which, struct trail *trail)
{
    sqlite3_stmt *statement = NULL;
    bool has_row;
    err_t err = sqlite_use(sqlite, which, trail, &statement);

    if (err) {
        return err;
    }
    err = sqlite_step(sqlite, statement, trail, &has_row);
    sqlite_release(statement);
    return err;
}

/* A failed binding (out of memory) leaves NULL, which every column that matters refuses. */
void sqlite_bind_span(sqlite3_stmt *statement, int index, struct span bytes)
{
    sqlite3_bind_blob64(statement, index, bytes.data, bytes.len, SQLITE_STATIC);
}

void sqlite_bind_text(sqlite3_stmt *statement, int index, struct span text)
{
    sqlite3_bind_text64(statement, index, (const char *)text.data, text.len, SQLITE_STATIC,
                        SQLITE_UTF8);
}
