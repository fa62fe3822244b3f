/*
 * Who may send these bytes: the operator, as DIR/service-tags.json.
 */
#include "kinds/service-tags.h"

#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "kinds/lookup.h"
#include "kinds/tag-rules.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define FILE_NAME "service-tags.json"
#define OWN_FILE_NAME "service-tags.own.json"

enum {
    WORDS_ARENA_BYTES = 64 * 1024,
    LIST_ARENA_BYTES = 512 * 1024 * 1024, /* of TAGS_MAX_BYTES, read */
    START_TRIES = 150,                    /* for the first lookup: 3 s */
    START_WAIT_NS = 20 * 1000 * 1000,
    RETRY_S = 60, /* of a file that was refused because of rules, which may change */
};

/* A list with the memory that it lives in. */
struct tag_list {
    atomic_int refs;
    struct arena *arena;
    const struct service_tags *tags;
};
struct tags_snapshot {
    atomic_int refs;
    struct arena *arena;
    struct tag_list *own, *others; /* others NULL: there is no file */
    const struct service_tags *tags;
};
/* What tells one state of a file from another. */
struct file_mark {
    bool is_there; /* also when nobody can say more: what cannot be seen has not been taken away */
    struct timespec modified;
    off_t size;
    ino_t inode;
};

struct service_tags_source {
    struct store *store;
    struct arena *arena; /* of the words below */
    const char *host, *suffix, *file, *own_file;
    bool is_fixed;        /* addresses are given, or the host is one: no lookups */
    pthread_mutex_t lock; /* of current alone */
    struct tags_snapshot *current;
    struct file_mark mark;
    int64_t next_try;    /* of a file that was refused; 0 = none was */
    int64_t next_lookup; /* 0 = at once */
    struct lookup *lookup;
    bool was_lookup_failing; /* said once */
};

/* ---- lists and snapshots ---- */

static void list_release(struct tag_list *list)
{
    if (list != NULL && atomic_fetch_sub(&list->refs, 1) == 1) {
        arena_free(list->arena);
        free(list);
    }
}
DEFINE_CLEANUP(struct tag_list *, list_release)

static struct tag_list *list_new(void)
{
    struct tag_list *list = calloc(1, sizeof(*list));

    if (list == NULL || (list->arena = arena_new(LIST_ARENA_BYTES)) == NULL) {
        free(list);
        return NULL;
    }
    atomic_init(&list->refs, 1);
    return list;
}

static struct tag_list *list_keep(struct tag_list *list)
{
    if (list != NULL) {
        atomic_fetch_add(&list->refs, 1);
    }
    return list;
}

void tags_release(struct tags_snapshot *snapshot)
{
    if (snapshot != NULL && atomic_fetch_sub(&snapshot->refs, 1) == 1) {
        list_release(snapshot->own);
        list_release(snapshot->others);
        arena_free(snapshot->arena);
        free(snapshot);
    }
}

static err_t join(struct tag_list *own, struct tag_list *others, struct tags_snapshot **ret)
{
    CLEANUP(tags_release) struct tags_snapshot *snapshot = calloc(1, sizeof(*snapshot));
    err_t err;

    if (snapshot == NULL) {
        return ERR_MEMORY;
    }
    atomic_init(&snapshot->refs, 1);
    snapshot->own = list_keep(own);
    snapshot->others = list_keep(others);
    snapshot->arena = arena_new(LIST_ARENA_BYTES);
    err = snapshot->arena == NULL
              ? ERR_MEMORY
              : tags_join(snapshot->arena, own->tags, others == NULL ? NULL : others->tags,
                          &snapshot->tags);
    if (err) {
        return err;
    }
    *ret = TAKE(snapshot);
    return ERR_OK;
}

struct tags_snapshot *service_tags_take(struct service_tags_source *source)
{
    struct tags_snapshot *snapshot;

    if (source == NULL) {
        return NULL;
    }
    pthread_mutex_lock(&source->lock);
    snapshot = source->current;
    atomic_fetch_add(&snapshot->refs, 1);
    pthread_mutex_unlock(&source->lock);
    return snapshot;
}

const struct service_tags *tags_of(const struct tags_snapshot *snapshot)
{
    return snapshot == NULL ? NULL : snapshot->tags;
}

static void swap(struct service_tags_source *source, struct tags_snapshot *snapshot)
{
    struct tags_snapshot *before;

    pthread_mutex_lock(&source->lock);
    before = source->current;
    source->current = snapshot;
    pthread_mutex_unlock(&source->lock);
    tags_release(before);
}

/* ---- the operator's file ---- */

static struct file_mark mark_of(const char *path)
{
    struct stat status;

    if (stat(path, &status) != 0) {
        return (struct file_mark){.is_there = errno != ENOENT};
    }
    return (struct file_mark){.is_there = true,
                              .modified = status.st_mtim,
                              .size = status.st_size,
                              .inode = status.st_ino};
}

static bool is_same_mark(const struct file_mark *a, const struct file_mark *b)
{
    return a->modified.tv_sec == b->modified.tv_sec && a->modified.tv_nsec == b->modified.tv_nsec &&
           a->size == b->size && a->inode == b->inode && a->is_there == b->is_there;
}

static err_t read_list(const char *path, bool is_guarded, struct trail *trail,
                       struct tag_list **ret)
{
    CLEANUP(list_release) struct tag_list *list = list_new();
    struct span text = {0};
    yyjson_val *root = NULL;
    err_t err = list == NULL ? ERR_MEMORY
                : is_guarded ? file_read_guarded(list->arena, path, TAGS_MAX_BYTES, trail, &text)
                             : file_read(list->arena, path, TAGS_MAX_BYTES, trail, &text);

    err = err ? err : json_read(list->arena, text, &tags_json, trail, &root);
    err = err ? err : tags_read(list->arena, root, NULL, trail, &list->tags);
    if (err) {
        return err;
    }
    *ret = TAKE(list);
    return ERR_OK;
}

#define EFFECT_NONE "the tags that were in force stay"
#define EFFECT_START "only the server's own tags are known; rules that name others give no verdict"
#define EFFECT_RULES "a group with such a rule gives no verdict, and is not exported"
#define REMEDY_FILE                                                                                \
    "mend the file or remove it; replaced whole, with a rename, it is read within a second"
#define REMEDY_BARRED                                                                              \
    "change the rule: the file is tried again each minute; a restart takes it as it is"
#define REMEDY_RULES "put a list that has the tag in this file, or change the rule"

/* What is wrong, where, and what to do. file, remedy: "" = none. */
static void log_fault(enum log_level level, const char *what, const char *file, err_t err,
                      const struct trail *trail, const char *effect, const char *remedy)
{
    char words[TRAIL_WHERE_MAX + TRAIL_WHAT_MAX + 48];
    struct log_line line;

    trail_format(trail, err, words, sizeof(words));
    log_begin(&line, level, "network.tags");
    log_text(&line, "what", what);
    if (file[0] != '\0') {
        log_text(&line, "file", file);
    }
    log_text(&line, "cause", words);
    log_text(&line, "effect", effect);
    if (remedy[0] != '\0') {
        log_text(&line, "remedy", remedy);
    }
    log_end(&line);
}

static void log_tags(const struct service_tags_source *source, const char *what)
{
    struct log_line line;

    log_begin(&line, LOG_INFO, "network.tags");
    log_text(&line, "what", what);
    log_uint(&line, "change", source->current->tags->change_number);
    log_uint(&line, "tags", source->current->tags->n);
    log_end(&line);
}

static err_t use_file(struct service_tags_source *source, bool is_there, struct trail *trail,
                      bool *ret_is_barred)
{
    CLEANUP(list_release) struct tag_list *others = NULL;
    CLEANUP(tags_release) struct tags_snapshot *snapshot = NULL;
    err_t err = is_there ? read_list(source->file, true, trail, &others) : ERR_OK;

    err = err ? err : join(source->current->own, others, &snapshot);
    if (err) {
        return err;
    }
    err = tag_rules_allow(source->store, source->current->tags, snapshot->tags, trail);
    if (err) {
        *ret_is_barred = true;
        return err;
    }
    swap(source, TAKE(snapshot));
    return ERR_OK;
}

static void watch_file(struct service_tags_source *source, int64_t now)
{
    const struct file_mark mark = mark_of(source->file);
    bool is_barred = false;
    struct trail trail = {0};
    err_t err;

    if (is_same_mark(&mark, &source->mark) && (source->next_try == 0 || now < source->next_try)) {
        return;
    }
    err = use_file(source, mark.is_there, &trail, &is_barred);
    source->mark = mark;
    source->next_try = is_barred ? now + RETRY_S : 0;
    if (err) {
        log_fault(LOG_ERROR, FILE_NAME, source->file, err, &trail, EFFECT_NONE,
                  is_barred ? REMEDY_BARRED : REMEDY_FILE);
    } else {
        log_tags(source, mark.is_there ? FILE_NAME : FILE_NAME " removed");
    }
}

/* ---- our own ---- */

static const char *const own_names[] = {SERVICE_TAG_ATTESTATION, "AzureResourceManager",
                                        "AzureActiveDirectory"};

static err_t make_own(const struct service_tags *before, const char *const *addresses, size_t n,
                      struct trail *trail, struct tag_list **ret)
{
    CLEANUP(list_release) struct tag_list *list = list_new();
    struct tag_source sources[ARRAY_LEN(own_names)];
    err_t err;

    for (size_t i = 0; i < ARRAY_LEN(own_names); i++) {
        sources[i] = (struct tag_source){own_names[i], addresses, n};
    }
    err = list == NULL ? ERR_MEMORY
                       : tags_make(list->arena, sources, ARRAY_LEN(sources), before, NULL, trail,
                                   &list->tags);
    if (err) {
        return err;
    }
    *ret = TAKE(list);
    return ERR_OK;
}

/* For the next start: numbers that went down again would say that nothing changed. */
static void keep_own(const struct service_tags_source *source, const struct service_tags *tags)
{
    CLEANUP(arena_free) struct arena *arena = arena_new(LIST_ARENA_BYTES);
    yyjson_mut_doc *doc = arena == NULL ? NULL : json_new(arena);
    struct span text = {0};
    struct trail trail = {0};
    err_t err = ERR_MEMORY;

    if (doc != NULL) {
        text = json_write(arena, doc, tags_write_file(doc, tags), true);
    }
    if (text.data != NULL) {
        err = file_write(source->own_file, text, 0644, &trail);
    }
    if (err) {
        log_fault(LOG_ERROR, OWN_FILE_NAME, source->own_file, err, &trail,
                  "change numbers may go down at the next start", "make the folder writable");
    }
}

/* Nothing happens when they are the same. */
static err_t set_own(struct service_tags_source *source, const struct service_tags *before,
                     const char *const *addresses, size_t n, struct trail *trail)
{
    CLEANUP(list_release) struct tag_list *own = NULL;
    CLEANUP(tags_release) struct tags_snapshot *snapshot = NULL;
    err_t err = make_own(before, addresses, n, trail, &own);

    if (err == ERR_OK && source->current != NULL && before != NULL &&
        own->tags->change_number == before->change_number) {
        return ERR_OK;
    }
    err =
        err ? err : join(own, source->current == NULL ? NULL : source->current->others, &snapshot);
    if (err) {
        return err;
    }
    if (before == NULL || own->tags->change_number != before->change_number) {
        keep_own(source, own->tags);
    }
    swap(source, TAKE(snapshot));
    return ERR_OK;
}

/* ---- lookups ---- */

static void use_lookup(struct service_tags_source *source)
{
    char texts[LOOKUP_ADDRESSES_MAX][ADDRESS_TEXT_MAX];
    const char *list[LOOKUP_ADDRESSES_MAX], *why;
    uint64_t before = source->current->tags->change_number;
    struct trail trail = {0};
    size_t n = 0;
    const struct address *found = lookup_result(source->lookup, &n, &why);
    err_t err = ERR_OK;

    for (size_t i = 0; i < n; i++) {
        address_text(&found[i], texts[i]);
        list[i] = texts[i];
    }
    if (n == 0) { /* a resolver that is away for a while takes nothing away */
        err = trail_set(&trail, ERR_NETWORK, "the name %s of the endpoint does not resolve: %s",
                        source->host, why);
    } else {
        err = set_own(source, source->current->own->tags, list, n, &trail);
    }
    lookup_drop(source->lookup);
    source->lookup = NULL;
    if (err && !source->was_lookup_failing) {
        log_fault(LOG_ERROR, "endpoint", "", err, &trail, EFFECT_NONE,
                  "mend the name's resolution on this host, or set attest-addresses");
    } else if (before != source->current->tags->change_number) {
        log_tags(source, "endpoint");
    }
    source->was_lookup_failing = err != ERR_OK;
}

static void watch_endpoint(struct service_tags_source *source, int64_t now)
{
    if (source->is_fixed) {
        return;
    }
    if (source->lookup != NULL && lookup_is_done(source->lookup)) {
        use_lookup(source);
    }
    if (source->lookup == NULL && now >= source->next_lookup) {
        source->next_lookup = now + SERVICE_TAGS_LOOKUP_S;
        if (lookup_start(source->host, &source->lookup) != ERR_OK) {
            source->lookup = NULL;
        }
    }
}

/* The first one is waited for, a little: who starts a server may make rules next. */
static void await_endpoint(struct service_tags_source *source)
{
    const struct timespec pause = {.tv_nsec = START_WAIT_NS};

    watch_endpoint(source, 0);
    for (int i = 0; i < START_TRIES && source->lookup != NULL && !lookup_is_done(source->lookup);
         i++) {
        nanosleep(&pause, NULL);
    }
    if (source->lookup != NULL && lookup_is_done(source->lookup)) {
        use_lookup(source);
    }
}

void service_tags_tick(struct service_tags_source *source, int64_t now)
{
    watch_endpoint(source, now);
    watch_file(source, now);
}

/* ---- life ---- */

/* "https://[::1]:8443/x" to "::1". */
static const char *host_of(struct arena *arena, const char *url)
{
    const char *host = strstr(url, "://");

    host = host == NULL ? url : host + 3;
    return host[0] == '[' ? arena_printf(arena, "%.*s", (int)strcspn(host + 1, "]"), host + 1)
                          : arena_printf(arena, "%.*s", (int)strcspn(host, ":/"), host);
}

bool service_tags_is_own(const struct service_tags_source *source, struct span host)
{
    size_t suffix = source == NULL || source->suffix == NULL ? 0 : strlen(source->suffix);

    if (source == NULL || text_span_equal_nocase(host, source->host)) {
        return source != NULL;
    }
    return suffix > 0 && host.len > suffix + 1 && host.data[host.len - suffix - 1] == '.' &&
           text_span_equal_nocase(span_cut(host, host.len - suffix, suffix), source->suffix);
}

/* What the last run left; what cannot be read is made anew. */
static struct tag_list *read_before(const struct service_tags_source *source)
{
    struct tag_list *list = NULL;
    struct trail trail = {0};
    err_t err;

    if (!file_exists(source->own_file)) {
        return NULL;
    }
    err = read_list(source->own_file, false, &trail, &list);
    if (err) {
        log_fault(LOG_ERROR, OWN_FILE_NAME, source->own_file, err, &trail,
                  "it is made anew; change numbers begin again", "");
        return NULL;
    }
    return list;
}

static err_t open_own(struct service_tags_source *source, const struct service_tags_options *o,
                      struct trail *trail)
{
    static const char *const loopback[] = {"127.0.0.1", "::1"};
    CLEANUP(list_release) struct tag_list *before = read_before(source);
    const struct service_tags *old = before == NULL ? NULL : before->tags;
    const struct service_tag *tag = tags_find(old, span_str(SERVICE_TAG_ATTESTATION));
    struct address literal;

    source->is_fixed = true;
    if (o->n_addresses > 0) {
        return set_own(source, old, o->addresses, o->n_addresses, trail);
    }
    if (text_equal_nocase(source->host, "localhost")) {
        return set_own(source, old, loopback, ARRAY_LEN(loopback), trail);
    }
    if (address_read(span_str(source->host), NULL, &literal) == ERR_OK) {
        return set_own(source, old, &source->host, 1, trail);
    }
    source->is_fixed = false; /* until the first lookup ends: as at the end of the last run */
    return set_own(source, old, tag == NULL ? NULL : tag->prefixes,
                   tag == NULL ? 0 : tag->n_prefixes, trail);
}

/* At the start nothing else is in force, so nothing is compared. */
static void open_file(struct service_tags_source *source)
{
    CLEANUP(list_release) struct tag_list *others = NULL;
    CLEANUP(tags_release) struct tags_snapshot *snapshot = NULL;
    struct trail trail = {0};
    err_t err;

    source->mark = mark_of(source->file);
    if (!source->mark.is_there) {
        return;
    }
    err = read_list(source->file, true, &trail, &others);
    err = err ? err : join(source->current->own, others, &snapshot);
    if (err) {
        log_fault(LOG_ERROR, FILE_NAME, source->file, err, &trail, EFFECT_START, REMEDY_FILE);
        return;
    }
    swap(source, TAKE(snapshot));
    log_tags(source, FILE_NAME);
}

/* A list that is not there any more, or cannot be read, is missed by the rules alone. */
static void check_start(struct service_tags_source *source)
{
    struct trail trail = {0};
    err_t err = tag_rules_are_known(source->store, source->current->tags, &trail);

    if (err == ERR_NOT_FOUND) {
        log_fault(LOG_WARN, "rules", source->file, err, &trail, EFFECT_RULES, REMEDY_RULES);
    }
}

err_t service_tags_open(const struct service_tags_options *o, struct trail *trail,
                        struct service_tags_source **ret)
{
    struct service_tags_source *source = calloc(1, sizeof(*source));
    err_t err = ERR_MEMORY;

    if (source == NULL) {
        return ERR_MEMORY;
    }
    pthread_mutex_init(&source->lock, NULL);
    source->store = o->store;
    source->arena = arena_new(WORDS_ARENA_BYTES);
    if (source->arena != NULL) {
        source->host = host_of(source->arena, o->endpoint);
        source->suffix = o->suffix == NULL ? NULL : arena_printf(source->arena, "%s", o->suffix);
        source->file = arena_printf(source->arena, "%s/" FILE_NAME, o->folder);
        source->own_file = arena_printf(source->arena, "%s/" OWN_FILE_NAME, o->folder);
        err = source->host == NULL || source->file == NULL || source->own_file == NULL
                  ? ERR_MEMORY
                  : open_own(source, o, trail);
    }
    if (err) {
        service_tags_close(source);
        return err;
    }
    open_file(source);
    await_endpoint(source);
    check_start(source);
    *ret = source;
    return ERR_OK;
}

void service_tags_close(struct service_tags_source *source)
{
    if (source == NULL) {
        return;
    }
    lookup_drop(source->lookup);
    tags_release(source->current);
    arena_free(source->arena);
    pthread_mutex_destroy(&source->lock);
    free(source);
}
