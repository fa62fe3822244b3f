/*
 * statements-monitor.h - inside of the store room: SQL about how machines are.
 */
#ifndef STORE_STATEMENTS_MONITOR_H
#define STORE_STATEMENTS_MONITOR_H

/* clang-format off */
#define MONITOR_COLUMNS "state, since, why, proof, proof_why, proof_time, trouble, trouble_why, " \
    "trouble_time, contact, period_s, due, agent_version, platform, wants_proof, provider, " \
    "reset_count, restart_count, clock_ms, clock_time, answers, is_off, doubt"
#define MONITOR_STATEMENTS(X) \
    X(MONITOR_BEGIN, "INSERT INTO monitor (machine, " MONITOR_COLUMNS ") VALUES " \
        "(?1,?2,?3,'','','',0,'','',0,0,0,max(?4, EXISTS(SELECT 1 FROM extensions WHERE machine = ?1 " \
        "AND is_wanted = 0)),'','',0,'',0,0,0,0,0,EXISTS(SELECT 1 FROM extensions " \
        "WHERE machine = ?1 AND is_wanted = 0),'') ON CONFLICT (machine) DO UPDATE SET " \
        "state = ?2, since = ?3, why = '', proof = '', proof_why = '', proof_time = 0, " \
        "trouble = '', trouble_why = '', trouble_time = 0, contact = 0, due = ?4, status = NULL, " \
        "facts = NULL, wants_proof = 0, provider = '', reset_count = 0, restart_count = 0, clock_ms = 0, " \
        "clock_time = 0, answers = 0, doubt = ''") \
    X(MONITOR_GET, "SELECT " MONITOR_COLUMNS " FROM monitor WHERE machine = ?1") \
    X(MONITOR_SET, "UPDATE monitor SET state = ?2, since = ?3, why = ?4, proof = ?5, proof_why = ?6, " \
        "proof_time = ?7, trouble = ?8, trouble_why = ?9, trouble_time = ?10, contact = ?11, " \
        "period_s = ?12, due = ?13, agent_version = ?14, platform = ?15, wants_proof = ?16, " \
        "provider = ?17, reset_count = ?18, restart_count = ?19, clock_ms = ?20, clock_time = ?21, " \
        "answers = ?22, is_off = ?23, doubt = ?24 " \
        "WHERE machine = ?1") \
    X(MONITOR_AGAIN, "UPDATE monitor SET due = 1 WHERE machine = ?1") \
    X(MONITOR_ENABLED, "UPDATE monitor SET due = 1, proof = '', proof_time = 0, proof_why = ?2 || " \
        "' enabled it: it has to prove its boot', trouble = '', trouble_why = '', trouble_time = 0, " \
        "doubt = '', answers = 0, wants_proof = 1 WHERE machine = ?1") \
    X(MONITOR_STATUS_SET, "UPDATE monitor SET status = ?2 WHERE machine = ?1") \
    X(MONITOR_FACTS_SET, "UPDATE monitor SET facts = ?2 WHERE machine = ?1") \
    X(MONITOR_SAID, "SELECT status, facts FROM monitor WHERE machine = ?1") \
    X(MONITOR_DUE, "SELECT machine FROM monitor WHERE due > 0 AND due <= ?1 ORDER BY due LIMIT ?2") \
    X(MONITOR_DUE_NOW, "UPDATE monitor SET due = ?1 WHERE due > 0 AND due > ?1") \
    X(MONITOR_COUNTS, "SELECT state, count(*) FROM monitor GROUP BY state") \
    X(MONITOR_CHANGE_ADD, "INSERT INTO monitor_changes (machine, time, before, after, why) " \
        "VALUES (?1,?2,?3,?4,?5)") \
    X(MONITOR_CHANGES, "SELECT time, before, after, why FROM monitor_changes WHERE machine = ?1 " \
        "ORDER BY id DESC LIMIT ?2") \
    X(MONITOR_CHANGES_SWEEP, "DELETE FROM monitor_changes WHERE machine = ?1 AND id <= (SELECT id FROM " \
        "monitor_changes WHERE machine = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)") \
    X(BASELINE_GET, "SELECT document, digest, learned, candidate, candidate_time, candidate_digest " \
        "FROM baselines WHERE machine = ?1") \
    X(BASELINE_DIGEST, "SELECT digest FROM baselines WHERE machine = ?1") \
    X(BASELINE_SET, "INSERT INTO baselines (machine, document, digest, learned, candidate, candidate_time) " \
        "VALUES (?1,?2,?3,?4,NULL,0) ON CONFLICT (machine) DO UPDATE SET document = ?2, digest = ?3, " \
        "learned = ?4, candidate = NULL, candidate_time = 0, candidate_digest = NULL") \
    X(CANDIDATE_SET, "UPDATE baselines SET candidate = ?2, candidate_digest = ?3, candidate_time = ?4 " \
        "WHERE machine = ?1") \
    X(CANDIDATE_TAKE, "UPDATE baselines SET document = candidate, digest = candidate_digest, learned = ?3, " \
        "candidate = NULL, candidate_time = 0, candidate_digest = NULL " \
        "WHERE machine = ?1 AND candidate IS NOT NULL AND candidate_digest = ?2") \
    X(CANDIDATE_DROP, "UPDATE baselines SET candidate = NULL, candidate_time = 0, candidate_digest = NULL WHERE machine = ?1 " \
        "AND candidate IS NOT NULL") \
    X(BASELINE_FORGET, "DELETE FROM baselines WHERE machine = ?1") \
    X(EXTENSION_FORGET, "DELETE FROM extensions WHERE machine = ?1") \
    X(EXTENSION_GET, "SELECT is_wanted, version, upgrades_minor, upgrades, settings, sequence, changed " \
        "FROM extensions WHERE machine = ?1") \
    X(EXTENSION_SET, "INSERT INTO extensions (machine, is_wanted, version, upgrades_minor, upgrades, " \
        "settings, sequence, changed) VALUES (?1,?2,?3,?4,?5,?6,1,?7) ON CONFLICT (machine) DO UPDATE SET " \
        "is_wanted = ?2, version = ?3, upgrades_minor = ?4, upgrades = ?5, settings = ?6, " \
        "sequence = sequence + 1, changed = ?7") \
    X(MONITORED, "SELECT " MACHINE_COLUMNS ", " MONITOR_COLUMNS " FROM machines JOIN monitor ON " \
        "machine = id WHERE subscription = ?1 AND name > ?2 ORDER BY name LIMIT ?3")
/* clang-format on */

#endif
