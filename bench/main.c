/*
 * bench - run by tools/bench; see bench.h. The only argument is the server program; without it the
 * figures over TLS are skipped.
 */
#include "bench.h"

#include "support/support.h"

#include <openssl/crypto.h>

#include <unistd.h>

struct figure *figures_add(struct figures *all, const char *name, struct cost cost,
                           const char *budget)
{
    struct figure *figure = &all->items[all->n];

    assert_true(all->n < BENCH_MAX_FIGURES);
    all->n++;
    *figure = (struct figure){.name = name, .cost = cost, .budget = budget};
    return figure;
}

void figure_part(struct figure *figure, enum primitive primitive, double count)
{
    assert_true(figure->n_parts < BENCH_MAX_PARTS);
    figure->parts[figure->n_parts++] = (struct part){.primitive = primitive, .count = count};
}

void figure_hash(struct inputs *in, struct figure *figure, enum hash_alg bank,
                 const struct span *spans, size_t n, const char *what)
{
    size_t bytes = 0;

    assert_true(figure->n_parts < BENCH_MAX_PARTS);
    for (size_t i = 0; i < n; i++) {
        bytes += spans[i].len;
    }
    figure->parts[figure->n_parts++] =
        (struct part){.primitive = PRIMITIVE_COUNT,
                      .count = 1,
                      .us = primitive_hash_us(bank, spans, n),
                      .text = arena_printf(in->arena, "%s of %zu %s (%zu B)", hash_name(bank), n,
                                           n == 3 ? what : "event data", bytes)};
}

static double part_us(const struct figures *all, const struct part *part)
{
    return part->primitive == PRIMITIVE_COUNT
               ? part->us
               : part->count * all->primitives[part->primitive].median_us;
}

double figure_needed_us(const struct figures *all, const struct figure *figure)
{
    double sum = 0;

    for (size_t i = 0; i < figure->n_parts; i++) {
        sum += part_us(all, &figure->parts[i]);
    }
    return sum;
}

double figures_needed_us(const struct figures *all, const char *name)
{
    for (size_t i = 0; i < all->n; i++) {
        if (strcmp(all->items[i].name, name) == 0) {
            return figure_needed_us(all, &all->items[i]);
        }
    }
    fail_msg("there is no figure '%s'", name);
    return 0;
}

static void print_primitives(const struct figures *all)
{
    printf("%-52s %10s %10s\n", "primitive (OpenSSL alone, prepared)", "median us", "p95 us");
    for (int i = 0; i < PRIMITIVE_COUNT; i++) {
        const struct cost *cost = &all->primitives[i];

        printf("%-52s %10.2f %10.2f", primitive_name((enum primitive)i), cost->median_us,
               cost->p95_us);
        if (i == PRIMITIVE_SHA256_16K) {
            printf("   %.2f GB/s", 16384 / cost->median_us / 1e3);
        }
        printf("\n");
    }
}

const char *budget_state(const char *budget, double us)
{
    double limit = strtod(budget + strcspn(budget, "0123456789"), NULL);

    return limit > 0 && us > limit ? ", over" : "";
}

static void print_figures(const struct figures *all)
{
    printf("\n%-52s %10s %10s %10s %6s  %s\n", "figure", "median us", "p95 us", "needed us",
           "ratio", "budget");
    for (size_t i = 0; i < all->n; i++) {
        const struct figure *f = &all->items[i];
        double needed = figure_needed_us(all, f);

        if (f->n_parts == 0) { /* only to be held against the line before */
            printf("%-52s %10.1f %10.1f\n", f->name, f->cost.median_us, f->cost.p95_us);
            continue;
        }
        printf("%-52s %10.1f %10.1f %10.1f %6.2f  %s%s\n", f->name, f->cost.median_us,
               f->cost.p95_us, needed, f->cost.median_us / needed, f->budget,
               budget_state(f->budget, f->cost.median_us));
    }
    printf("\nneeded:\n");
    for (size_t i = 0; i < all->n; i++) {
        const struct figure *f = &all->items[i];

        if (f->n_parts == 0) {
            continue;
        }
        printf("  %s\n    =", f->name);
        for (size_t p = 0; p < f->n_parts; p++) {
            const struct part *part = &f->parts[p];

            if (part->primitive == PRIMITIVE_COUNT) {
                printf("%s %s [%.1f]", p > 0 ? " +" : "", part->text, part->us);
            } else {
                printf("%s %.3gx %s [%.1f]", p > 0 ? " +" : "", part->count,
                       primitive_name(part->primitive), part_us(all, part));
            }
        }
        printf("\n");
    }
}

/* False with an exit code when nothing is to be measured. */
static bool read_words(int argc, char **argv, int *ret_exit_code)
{
    static const char usage[] = "usage: bench [SERVER]\n"
                                "Measures what each step costs; with the path of the "
                                "bootwarden-server program also over TLS.\n";
    bool is_asked = argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0);

    if (is_asked) {
        fputs(usage, stdout);
        *ret_exit_code = 0;
        return false;
    }
    if (argc > 2 || (argc == 2 && access(argv[1], X_OK) != 0)) {
        if (argc == 2) {
            fprintf(stderr, "bench: %s is no program\n", argv[1]);
        }
        fputs(usage, stderr);
        *ret_exit_code = 2;
        return false;
    }
    return true;
}

int main(int argc, char **argv)
{
    static struct figures all;
    struct inputs *in;
    int code = 0;

    if (!read_words(argc, argv, &code)) {
        return code;
    }
    in = inputs_make();
    printf("%s; CPU time of one thread, at least %d runs each, warmed up\n",
           OpenSSL_version(OPENSSL_VERSION), BENCH_MIN_RUNS);
    printf("input: recorded boot, %zu events, log %zu B, request body %zu B\n\n",
           in->parsed->n_events, in->log.len, in->body.len);
    for (int i = 0; i < PRIMITIVE_COUNT; i++) {
        all.primitives[i] = primitive_measure((enum primitive)i);
    }
    print_primitives(&all);
    bench_logs(in, &all);
    bench_verify(in, &all);
    bench_request(in, &all);
    bench_policies(in, &all);
    bench_templates(in, &all);
    print_figures(&all);
    fflush(stdout);
    bench_served(in, &all, argc > 1 ? argv[1] : NULL);
    inputs_free(in);
    return 0;
}
