/*
 * statements-package.h - inside of the store room: SQL about packages of the agent and who gets
 * them.
 */
#ifndef STORE_STATEMENTS_PACKAGE_H
#define STORE_STATEMENTS_PACKAGE_H

/* clang-format off */
#define PACKAGE_COLUMNS "id, subscription, platform, version, minimum, size, digest, file, is_running, " \
    "why, who, created, changed"
#define PACKAGE_COUNT(STATE) "(SELECT count(*) FROM rollouts WHERE package = id AND state = '" STATE "')"
#define PACKAGE_STATEMENTS(X) \
    X(PACKAGES, "SELECT " PACKAGE_COLUMNS ", " PACKAGE_COUNT("offered") ", " PACKAGE_COUNT("taken") ", " \
        PACKAGE_COUNT("confirmed") ", " PACKAGE_COUNT("failed") " FROM packages " \
        "WHERE subscription = ?1 ORDER BY id LIMIT ?2") \
    X(PACKAGES_FOR, "SELECT " PACKAGE_COLUMNS " FROM packages " \
        "WHERE subscription = ?1 AND platform = ?2 ORDER BY id LIMIT ?3") \
    X(PACKAGE_BY_ID, "SELECT " PACKAGE_COLUMNS " FROM packages WHERE id = ?1") \
    X(PACKAGE_FILES, "SELECT 1 FROM packages WHERE file = ?1") \
    X(PACKAGES_COUNT, "SELECT count(*) FROM packages WHERE subscription = ?1") \
    X(PACKAGE_ADD, "INSERT INTO packages (" PACKAGE_COLUMNS ") " \
        "VALUES (NULL,?1,?2,?3,?4,?5,?6,?7,1,'',?8,?9,?9)") \
    X(PACKAGE_SET, "UPDATE packages SET is_running = ?2, why = ?3, changed = ?4 WHERE id = ?1") \
    X(PACKAGE_REMOVE, "DELETE FROM packages WHERE id = ?1") \
    X(ROLLOUT_GROUP, "SELECT count(*) FROM extensions AS e JOIN monitor AS o ON o.machine = e.machine " \
        "JOIN machines AS m ON m.id = e.machine WHERE e.upgrades = 1 AND m.subscription = ?1 " \
        "AND o.platform = ?2 AND m.is_active = 1") \
    X(ROLLOUT_BUSY, "SELECT count(*) FROM rollouts AS r JOIN packages AS p ON p.id = r.package " \
        "WHERE r.state IN ('offered', 'taken') AND p.subscription = ?1 AND p.platform = ?2") \
    X(ROLLOUTS_OF, "SELECT package, state, time, due, why FROM rollouts WHERE machine = ?1") \
    X(ROLLOUT_LAST, "SELECT p.version, r.state, r.time, r.why FROM rollouts AS r JOIN packages AS p " \
        "ON p.id = r.package WHERE r.machine = ?1 ORDER BY r.time DESC, p.id DESC LIMIT 1") \
    X(ROLLOUT_PUT, "INSERT INTO rollouts (machine, package, state, time, due, why) " \
        "VALUES (?1,?2,?3,?4,?5,?6) ON CONFLICT (machine, package) DO UPDATE SET " \
        "state = ?3, time = ?4, due = ?5, why = ?6") \
    X(ROLLOUT_REMOVE, "DELETE FROM rollouts WHERE machine = ?1 AND package = ?2") \
    X(ROLLOUT_WITHDRAW, "DELETE FROM rollouts WHERE package = ?1 AND state = 'offered'") \
    X(ROLLOUT_DUE, "SELECT r.machine, r.package, r.state, r.time, r.due, m.name FROM rollouts AS r " \
        "JOIN machines AS m ON m.id = r.machine WHERE r.state IN ('offered', 'taken') " \
        "AND r.due <= ?1 AND ?2 + r.due - r.time <= ?1 AND m.is_active = 1 AND m.ak_name IS NOT NULL " \
        "ORDER BY r.due LIMIT ?3") \
    X(ROLLOUT_GONE, "SELECT r.machine, r.package FROM rollouts AS r JOIN machines AS m ON m.id = r.machine " \
        "WHERE r.state IN ('offered', 'taken') AND (m.is_active = 0 OR m.ak_name IS NULL) LIMIT ?1")
/* clang-format on */

#endif
