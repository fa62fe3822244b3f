/*
 * statements-join.h - inside of the store room: SQL about who may become a machine.
 */
#ifndef STORE_STATEMENTS_JOIN_H
#define STORE_STATEMENTS_JOIN_H

/* clang-format off */
#define ANNOUNCED_COLUMNS "id, subscription, name, ek_digest, ak_name, token_digest, uses, created, " \
    "expires, who, machine"
#define WAITING_COLUMNS "ek_digest, ak_name, name, maker, is_rejected, first, last"
#define JOIN_STATEMENTS(X) \
    X(ANNOUNCED_COUNT, "SELECT count(*) FROM announced WHERE subscription = ?1") \
    X(ANNOUNCED, "SELECT " ANNOUNCED_COLUMNS " FROM announced WHERE subscription = ?1 " \
        "ORDER BY id DESC LIMIT ?2") \
    X(ANNOUNCED_BY_TOKEN, "SELECT " ANNOUNCED_COLUMNS " FROM announced WHERE token_digest = ?1") \
    X(ANNOUNCED_BY_EK, "SELECT " ANNOUNCED_COLUMNS " FROM announced WHERE ek_digest = ?1 LIMIT 1") \
    X(ANNOUNCED_OF_EK, "SELECT " ANNOUNCED_COLUMNS " FROM announced WHERE ek_digest = ?1 " \
        "AND subscription = ?2") \
    X(ANNOUNCED_FOR_EK, "SELECT " ANNOUNCED_COLUMNS " FROM announced WHERE ek_digest = ?1 " \
        "AND +token_digest IS NULL AND uses > 0 AND expires > ?2 " \
        "ORDER BY subscription LIMIT 2") \
    X(ANNOUNCED_BY_ID, "SELECT " ANNOUNCED_COLUMNS " FROM announced WHERE id = CAST(?1 AS INTEGER)") \
    X(ANNOUNCED_BY_NAME, "SELECT " ANNOUNCED_COLUMNS " FROM announced WHERE name = ?1 AND name <> ''") \
    X(ANNOUNCED_BY_MACHINE, "SELECT " ANNOUNCED_COLUMNS " FROM announced WHERE machine = ?1 " \
        "AND machine <> ''") \
    X(ANNOUNCED_FORGET, "DELETE FROM announced WHERE machine = ?1 AND machine <> ''") \
    X(ANNOUNCED_ADD, "INSERT INTO announced (" ANNOUNCED_COLUMNS ") " \
        "VALUES (NULL,?1,?2,?3,?4,?5,?6,?7,?8,?9,?10)") \
    X(ANNOUNCED_USE, "UPDATE announced SET uses = uses - 1 WHERE id = ?1") \
    X(ANNOUNCED_REMOVE, "DELETE FROM announced WHERE id = ?1") \
    X(ANNOUNCED_SWEEP, "DELETE FROM announced WHERE expires <= ?1") \
    X(WAITING_COUNT, "SELECT count(*) FROM waiting WHERE (maker = '') = ?1") \
    X(WAITING, "SELECT " WAITING_COLUMNS " FROM waiting " \
        "ORDER BY maker = '', is_rejected, last DESC, ek_digest LIMIT ?1") \
    X(WAITING_BY_EK, "SELECT " WAITING_COLUMNS " FROM waiting WHERE ek_digest = ?1") \
    X(WAITING_BY_NAME, "SELECT " WAITING_COLUMNS " FROM waiting WHERE name = ?1 AND name <> '' LIMIT 2") \
    X(WAITING_PUT, "INSERT INTO waiting (" WAITING_COLUMNS ") VALUES (?1,?2,?3,?4,0,?5,?5) " \
        "ON CONFLICT (ek_digest) DO UPDATE SET ak_name = ?2, maker = ?4, last = ?5") \
    X(WAITING_REJECT, "UPDATE waiting SET is_rejected = 1 WHERE ek_digest = ?1") \
    X(WAITING_REMOVE, "DELETE FROM waiting WHERE ek_digest = ?1") \
    X(WAITING_SWEEP, "DELETE FROM waiting WHERE last < ?1")
/* clang-format on */

#endif
