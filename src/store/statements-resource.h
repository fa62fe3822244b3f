/*
 * statements-resource.h - inside of the store room: SQL about resources, their operations and what
 * was done to them.
 */
#ifndef STORE_STATEMENTS_RESOURCE_H
#define STORE_STATEMENTS_RESOURCE_H

/* clang-format off */
#define BYTES_OF(TEXT) "length(CAST(" TEXT " AS BLOB))"
#define RESOURCE_BYTES_OF(ROW) "(" BYTES_OF(ROW "tags") " + " BYTES_OF(ROW "body") ")"
#define RESOURCE_COLUMNS "key, id, subscription, type, location, state, tags, body, version, created, changed"
#define RESOURCE_COLUMNS_SHORT "key, id, subscription, type, location, state, '', '', version, created, changed"
#define OPERATION_COLUMNS "id, subscription, resource, what, status, error, output, started, ended"
#define ACTIVITY_COLUMNS "id, time, subscription, resource, action, status, caller, correlation, detail"
#define RESOURCE_STATEMENTS(X) \
    X(RESOURCE_GET, "SELECT " RESOURCE_COLUMNS " FROM resources WHERE key = ?1") \
    X(RESOURCE_STATE, "SELECT state, version FROM resources WHERE key = ?1") \
    X(RESOURCES_BETWEEN, "SELECT " RESOURCE_COLUMNS " FROM resources WHERE key > ?1 AND key < ?2 " \
        "ORDER BY key LIMIT ?3") \
    X(RESOURCES_BETWEEN_SHORT, "SELECT " RESOURCE_COLUMNS_SHORT " FROM resources WHERE key > ?1 AND key < ?2 " \
        "ORDER BY key LIMIT ?3") \
    X(RESOURCES_OF_TYPE, "SELECT " RESOURCE_COLUMNS " FROM resources WHERE subscription = ?4 " \
        "AND type = ?5 AND key > ?1 AND key < ?2 ORDER BY key LIMIT ?3") \
    X(RESOURCES_IN_STATE, "SELECT " RESOURCE_COLUMNS_SHORT " FROM resources WHERE state <> 'Succeeded' AND type = ?4 AND state = ?5 " \
        "AND key > ?1 AND key < ?2 ORDER BY key LIMIT ?3") \
    X(RESOURCES_TOO_MANY, "SELECT " RESOURCE_COLUMNS_SHORT " FROM resources WHERE subscription = ?4 " \
        "AND type = ?5 AND key > ?1 AND key < ?2 AND state IN ('Succeeded', 'Failed', 'Canceled') " \
        "ORDER BY version LIMIT min(?3, max(0, (SELECT count(*) FROM resources " \
        "WHERE subscription = ?4 AND type = ?5 AND key > ?1 AND key < ?2) - ?6))") \
    X(RESOURCE_COUNT, "SELECT CASE WHEN (SELECT coalesce(max(rowid), 0) FROM resources) < ?1 THEN 0 " \
        "ELSE (SELECT count(*) FROM resources) END") \
    X(RESOURCE_COUNT_OF, "SELECT CASE WHEN (SELECT coalesce(max(rowid), 0) FROM resources) < ?1 THEN 0 " \
        "ELSE (SELECT count(*) FROM resources WHERE subscription = ?2) END") \
    X(RESOURCE_VERSION_RAISE, "UPDATE resource_versions SET last = last + 1") \
    X(RESOURCE_VERSION, "SELECT last FROM resource_versions") \
    X(RESOURCE_ADD, "INSERT INTO resources (" RESOURCE_COLUMNS ") VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?10,?9,?9) " \
        "ON CONFLICT DO NOTHING") \
    X(RESOURCE_SET, "UPDATE resources SET location = ?3, state = ?4, tags = ?5, body = ?6, " \
        "version = ?8, changed = ?7 WHERE key = ?1 AND version = ?2") \
    X(RESOURCE_REMOVE, "DELETE FROM resources WHERE key = ?1") \
    X(RESOURCES_REMOVE, "DELETE FROM resources WHERE key > ?1 AND key < ?2") \
    X(RESOURCE_ROOM, "SELECT bytes FROM resource_bytes WHERE subscription = ?1") \
    X(RESOURCE_SIZE, "SELECT " RESOURCE_BYTES_OF("") " FROM resources WHERE key = ?1") \
    X(MENTIONS_FORGET, "DELETE FROM resource_mentions WHERE resource = ?1") \
    X(MENTION_ADD, "INSERT INTO resource_mentions (subscription, word, resource, value) VALUES (?1,?2,?3,?4) " \
        "ON CONFLICT DO NOTHING") \
    X(MENTIONS, "SELECT word, resource, value FROM resource_mentions WHERE subscription = ?1 " \
        "AND word >= ?2 AND word < ?3 ORDER BY word, resource, value") \
    X(MENTIONS_COUNT, "SELECT count(*) FROM resource_mentions WHERE subscription = ?1 " \
        "AND word >= ?2 AND word < ?3") \
    X(PART_PUT, "INSERT INTO resource_parts (resource, name, subscription, text) " \
        "SELECT key, ?2, subscription, ?3 FROM resources WHERE key = ?1 " \
        "ON CONFLICT (resource, name) DO UPDATE SET text = excluded.text") \
    X(PART_ROOM, "SELECT bytes FROM resource_bytes " \
        "WHERE subscription = (SELECT subscription FROM resources WHERE key = ?1)") \
    X(PART_SIZE, "SELECT " BYTES_OF("text") " FROM resource_parts WHERE resource = ?1 AND name = ?2") \
    X(PART_GET, "SELECT name, text FROM resource_parts WHERE resource = ?1 AND name = ?2") \
    X(PARTS, "SELECT name, text FROM resource_parts WHERE resource = ?1 AND name >= ?2 " \
        "AND name < ?2 || char(127) ORDER BY name LIMIT ?3") \
    X(PARTS_FORGET, "DELETE FROM resource_parts WHERE resource = ?1") \
    X(PARTS_BELOW_FORGET, "DELETE FROM resource_parts WHERE resource > ?1 AND resource < ?2") \
    X(OPERATION_PUT, "INSERT OR REPLACE INTO operations (" OPERATION_COLUMNS ") VALUES " \
        "(?1,?2,?3,?4,?5,?6,?7,?8,?9)") \
    X(OPERATION_GET, "SELECT " OPERATION_COLUMNS " FROM operations WHERE id = ?1") \
    X(OPERATIONS_OF, "SELECT " OPERATION_COLUMNS " FROM operations WHERE status = 'Running' " \
        "AND resource = ?1 AND what = ?2 LIMIT ?3") \
    X(OPERATIONS_FORGET, "DELETE FROM operations WHERE ended > 0 AND ended < ?1") \
    X(OPERATIONS_TRIM, "WITH RECURSIVE subscriptions (name) AS (SELECT min(subscription) FROM operations " \
        "WHERE ended > 0 UNION ALL SELECT (SELECT min(subscription) FROM operations WHERE ended > 0 " \
        "AND subscription > name) FROM subscriptions WHERE name IS NOT NULL) " \
        "DELETE FROM operations WHERE id IN (SELECT o.id FROM subscriptions AS s CROSS JOIN operations AS o " \
        "WHERE o.subscription = s.name AND o.ended > 0 AND (o.ended, o.id) <= (SELECT ended, id FROM operations " \
        "WHERE subscription = s.name AND ended > 0 ORDER BY ended DESC, id DESC LIMIT 1 OFFSET ?1))") \
    X(OPERATIONS_GIVE_UP, "DELETE FROM operations WHERE status = 'Running' AND started < ?1") \
    X(ACTIVITY_ADD, "INSERT INTO activity (" ACTIVITY_COLUMNS ") VALUES (NULL,?1,?2,?3,?4,?5,?6,?7,?8)") \
    X(ACTIVITY, "SELECT " ACTIVITY_COLUMNS " FROM activity WHERE subscription = ?1 AND id < ?2 " \
        "AND time >= ?3 AND time <= ?4 AND (resource = ?5 OR (resource > ?5 || '/' AND resource < ?5 || '0')) " \
        "ORDER BY id DESC LIMIT ?6") \
    X(ACTIVITY_FORGET, "DELETE FROM activity WHERE time < ?1") \
    X(ACTIVITY_TRIM, "WITH RECURSIVE subscriptions (name) AS (SELECT min(subscription) FROM activity " \
        "UNION ALL SELECT (SELECT min(subscription) FROM activity WHERE subscription > name) " \
        "FROM subscriptions WHERE name IS NOT NULL) " \
        "DELETE FROM activity WHERE id IN (SELECT a.id FROM subscriptions AS s CROSS JOIN activity AS a " \
        "WHERE a.subscription = s.name AND a.id <= (SELECT id FROM activity " \
        "WHERE subscription = s.name ORDER BY id DESC LIMIT 1 OFFSET ?1))")
/* clang-format on */

#endif
