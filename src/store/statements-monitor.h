/*
 * statements-monitor.h - inside of the store room: SQL about how machines are.
 */
#ifndef STORE_STATEMENTS_MONITOR_H
#define STORE_STATEMENTS_MONITOR_H

/* clang-format off */
#define MONITOR_COLUMNS "state, since, why, proof, proof_why, proof_time, trouble, trouble_why, " \
    "trouble_time, contact, period_s, due, agent_version, platform, wants_proof"
#define MONITOR_STATEMENTS(X) \
    X(MONITOR_BEGIN, "INSERT INTO monitor (machine, " MONITOR_COLUMNS ") VALUES " \
        "(?1,?2,?3,'','','',0,'','',0,0,0,?4,'','',0) ON CONFLICT (machine) DO UPDATE SET " \
        "state = ?2, since = ?3, why = '', proof = '', proof_why = '', proof_time = 0, " \
        "trouble = '', trouble_why = '', trouble_time = 0, contact = 0, due = ?4, status = NULL, " \
        "facts = NULL, wants_proof = 0") \
    X(MONITOR_GET, "SELECT " MONITOR_COLUMNS " FROM monitor WHERE machine = ?1") \
    X(MONITOR_SET, "UPDATE monitor SET state = ?2, since = ?3, why = ?4, proof = ?5, proof_why = ?6, " \
        "proof_time = ?7, trouble = ?8, trouble_why = ?9, trouble_time = ?10, contact = ?11, " \
        "period_s = ?12, due = ?13, agent_version = ?14, platform = ?15, wants_proof = ?16 " \
        "WHERE machine = ?1") \
    X(MONITOR_AGAIN, "UPDATE monitor SET due = 1 WHERE machine = ?1") \
    X(MONITOR_STATUS_SET, "UPDATE monitor SET status = ?2 WHERE machine = ?1") \
    X(MONITOR_FACTS_SET, "UPDATE monitor SET facts = ?2 WHERE machine = ?1") \
    X(MONITOR_SAID, "SELECT status, facts FROM monitor WHERE machine = ?1") \
    X(MONITOR_DUE, "SELECT machine FROM monitor WHERE due > 0 AND due <= ?1 ORDER BY due LIMIT ?2") \
    X(MONITOR_COUNTS, "SELECT state, count(*) FROM monitor GROUP BY state") \
    X(MONITOR_CHANGE_ADD, "INSERT INTO monitor_changes (machine, time, before, after, why) " \
        "VALUES (?1,?2,?3,?4,?5)") \
    X(MONITOR_CHANGES, "SELECT time, before, after, why FROM monitor_changes WHERE machine = ?1 " \
        "ORDER BY id DESC LIMIT ?2") \
    X(MONITOR_CHANGES_SWEEP, "DELETE FROM monitor_changes WHERE machine = ?1 AND id <= (SELECT id FROM " \
        "monitor_changes WHERE machine = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)") \
    X(BASELINE_GET, "SELECT document, digest, learned, candidate, candidate_time, announced " \
        "FROM baselines WHERE machine = ?1") \
    X(BASELINE_DIGEST, "SELECT digest FROM baselines WHERE machine = ?1") \
    X(BASELINE_SET, "INSERT INTO baselines (machine, document, digest, learned, candidate, candidate_time) " \
        "VALUES (?1,?2,?3,?4,NULL,0) ON CONFLICT (machine) DO UPDATE SET document = ?2, digest = ?3, " \
        "learned = ?4, candidate = NULL, candidate_time = 0, announced = NULL") \
    X(CANDIDATE_SET, "UPDATE baselines SET candidate = ?2, candidate_time = ?3 WHERE machine = ?1") \
    X(CANDIDATE_TAKE, "UPDATE baselines SET document = candidate, digest = NULL, learned = ?2, " \
        "candidate = NULL, candidate_time = 0, announced = NULL WHERE machine = ?1 AND candidate IS NOT NULL") \
    X(CANDIDATE_DROP, "UPDATE baselines SET candidate = NULL, candidate_time = 0 WHERE machine = ?1 " \
        "AND candidate IS NOT NULL") \
    X(BASELINE_ANNOUNCE, "UPDATE baselines SET announced = ?2 WHERE machine = ?1") \
    X(BASELINE_FORGET, "DELETE FROM baselines WHERE machine = ?1") \
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
