/*
 * parse.c - expressions into trees. Who sends these bytes: whoever wrote the template.
 *
 * Recursion is capped by TEMPLATE_MAX_NESTING; what follows a value (".a.b[0]") is a list, so that
 * long ones nest nothing.
 */
#include "template/parse.h"
#include "template/functions.h"

struct parser {
    struct work *w;
    struct span text; /* without the outer brackets */
    size_t at;
    size_t nesting;
};

bool arm_expression_is(struct span string)
{
    return string.len >= 2 && string.data[0] == '[' && string.data[1] != '[' &&
           string.data[string.len - 1] == ']';
}

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool is_name_start(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '$';
}

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

/* The next character that is not blank; 0 at the end. */
static uint8_t peek(struct parser *p)
{
    while (p->at < p->text.len && is_blank(p->text.data[p->at])) {
        p->at++;
    }
    return p->at < p->text.len ? p->text.data[p->at] : 0;
}

static err_t refuse(struct parser *p, const char *wanted)
{
    uint8_t c = peek(p);
    int len = p->text.len < 48 ? (int)p->text.len : 48;
    const char *dots = p->text.len < 48 ? "" : "...";

    /* Position as people count: the bracket in front is the first. */
    if (c == 0 && p->at >= p->text.len) {
        return arm_work_fail(p->w, ERR_MALFORMED,
                             "the expression '[%.*s%s]' is not valid: it ends where %s is expected",
                             len, (const char *)p->text.data, dots, wanted);
    }
    return arm_work_fail(
        p->w, ERR_MALFORMED,
        "the expression '[%.*s%s]' is not valid: '%c' at position %zu, where %s is "
        "expected",
        len, (const char *)p->text.data, dots, c >= 0x20 && c < 0x7f ? c : '?', p->at + 2, wanted);
}

static err_t expect(struct parser *p, uint8_t c, const char *words)
{
    if (peek(p) != c) {
        return refuse(p, words);
    }
    p->at++;
    return ERR_OK;
}

static err_t new_node(struct parser *p, enum node_kind kind, struct node **ret)
{
    void *room = NULL;
    err_t err = arm_work_steps(p->w, 1);

    err = err ? err : arm_work_room(p->w, sizeof(struct node), &room);
    if (err == ERR_OK) {
        *ret = memset(room, 0, sizeof(struct node));
        (*ret)->kind = kind;
    }
    return err;
}

static struct span take_name(struct parser *p)
{
    size_t from = p->at;

    while (p->at < p->text.len &&
           (is_name_start(p->text.data[p->at]) || is_digit(p->text.data[p->at]))) {
        p->at++;
    }
    return span_cut(p->text, from, p->at - from);
}

/* Behind the opening quote; two quotes are one. */
static err_t parse_text(struct parser *p, struct node *node)
{
    size_t from = ++p->at;
    size_t quotes = 0;
    uint8_t *room = NULL;
    size_t n = 0;
    err_t err;

    for (;; p->at++) {
        if (p->at >= p->text.len) {
            return refuse(p, "the quote that ends the string");
        }
        if (p->text.data[p->at] != '\'') {
            continue;
        }
        if (p->at + 1 >= p->text.len || p->text.data[p->at + 1] != '\'') {
            break;
        }
        quotes++;
        p->at++;
    }
    node->text = span_of(p->text.data + from, p->at - from);
    p->at++;
    if (quotes == 0) {
        return ERR_OK;
    }
    err = arm_work_string(p->w, node->text.len - quotes, &room);
    for (size_t i = 0; err == ERR_OK && i < node->text.len; i++) {
        room[n++] = node->text.data[i];
        i += node->text.data[i] == '\'' ? 1 : 0;
    }
    node->text = span_of(room, n);
    return err;
}

static err_t parse_integer(struct parser *p, struct node *node)
{
    bool is_negative = p->text.data[p->at] == '-';
    int64_t value = 0;

    p->at += is_negative || p->text.data[p->at] == '+' ? 1 : 0;
    if (p->at >= p->text.len || !is_digit(p->text.data[p->at])) {
        return refuse(p, "a digit");
    }
    for (; p->at < p->text.len && is_digit(p->text.data[p->at]); p->at++) {
        int digit = p->text.data[p->at] - '0';

        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_sub_overflow(value, digit, &value)) {
            return arm_work_fail(p->w, ERR_VALUE,
                                 "a number in the expression does not fit 64 bits");
        }
    }
    if (!is_negative && __builtin_sub_overflow(0, value, &value)) {
        return arm_work_fail(p->w, ERR_VALUE, "a number in the expression does not fit 64 bits");
    }
    if (p->at < p->text.len && p->text.data[p->at] == '.') {
        return refuse(p, "the end of the number (numbers are whole; see float())");
    }
    node->integer = value;
    return ERR_OK;
}

static err_t parse_expression(struct parser *p, struct node **ret);

static err_t parse_arguments(struct parser *p, struct node *call)
{
    struct node **tail = &call->arguments;
    err_t err = expect(p, '(', "'(' behind the name of a function");

    if (err == ERR_OK && peek(p) == ')') {
        p->at++;
        return ERR_OK;
    }
    while (err == ERR_OK) {
        err = parse_expression(p, tail);
        if (err) {
            return err;
        }
        tail = &(*tail)->next;
        call->n_arguments++;
        if (peek(p) == ')') {
            p->at++;
            return ERR_OK;
        }
        err = expect(p, ',', "',' or ')'");
    }
    return err;
}

static err_t parse_call(struct parser *p, struct node *node)
{
    size_t from = p->at;
    bool has_namespace = false;
    err_t err;

    take_name(p);
    if (p->at < p->text.len && p->text.data[p->at] == '.') {
        p->at++;
        has_namespace = true;
        if (take_name(p).len == 0) {
            return refuse(p, "the name of a function");
        }
    }
    node->text = span_cut(p->text, from, p->at - from);
    err = parse_arguments(p, node);
    if (err == ERR_OK && !has_namespace) {
        err = arm_bind(p->w, node);
    }
    return err;
}

/* What follows a value. */
static err_t parse_access(struct parser *p, struct access **ret)
{
    struct access *access;
    void *room = NULL;
    err_t err = arm_work_room(p->w, sizeof(*access), &room);

    if (err) {
        return err;
    }
    access = memset(room, 0, sizeof(*access));
    *ret = access;
    if (p->text.data[p->at++] == '.') {
        if (peek(p) == '?') {
            access->is_optional = true;
            p->at++;
        }
        if (!is_name_start(peek(p))) {
            return refuse(p, "the name of a property");
        }
        access->name = take_name(p);
        return ERR_OK;
    }
    if (peek(p) == '?') {
        access->is_optional = true;
        p->at++;
    }
    err = parse_expression(p, &access->index);
    return err ? err : expect(p, ']', "']'");
}

static err_t parse_expression(struct parser *p, struct node **ret)
{
    struct access **tail;
    struct node *node = NULL;
    uint8_t c = peek(p);
    err_t err;

    if (++p->nesting > TEMPLATE_MAX_NESTING) {
        return arm_work_fail(p->w, ERR_TOO_DEEP, "the expression is nested deeper than %d levels",
                             TEMPLATE_MAX_NESTING);
    }
    err = new_node(p, c == '\'' ? NODE_TEXT : is_name_start(c) ? NODE_CALL : NODE_INTEGER, &node);
    if (err) {
        return err;
    }
    if (c == '\'') {
        err = parse_text(p, node);
    } else if (is_name_start(c)) {
        err = parse_call(p, node);
    } else if (is_digit(c) || c == '-' || c == '+') {
        err = parse_integer(p, node);
    } else {
        err = refuse(p, "a string, a number or the name of a function");
    }
    tail = &node->accesses;
    while (err == ERR_OK && (peek(p) == '.' || peek(p) == '[')) {
        err = parse_access(p, tail);
        tail = err ? tail : &(*tail)->next;
    }
    p->nesting--;
    *ret = node;
    return err;
}

err_t arm_expression_parse(struct work *w, struct span string, struct node **ret)
{
    struct parser p = {.w = w, .text = span_cut(string, 1, string.len - 2)};
    err_t err;

    if (string.len > TEMPLATE_MAX_EXPRESSION) {
        return arm_work_fail(w, ERR_TOO_LARGE,
                             "the expression has %zu bytes, at most %d are allowed", string.len,
                             TEMPLATE_MAX_EXPRESSION);
    }
    err = arm_work_steps(w, 1 + string.len / 32);
    err = err ? err : parse_expression(&p, ret);
    if (err == ERR_OK && (peek(&p) != 0 || p.at < p.text.len)) {
        err = refuse(&p, "the end of the expression");
    }
    return err;
}
