/* The floor under a grant: one commit with a notification, and one nftables transaction, each in one process.
   usage: floor CONNINFO ROUNDS ELEMENTS; prints "commit MEDIAN_MS P99_MS", "nft …", and "bulk …" for ELEMENTS elements,
   5,000 in a transaction, five times */
#include <libpq-fe.h>
#include <nftables/libnftables.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

static int compare(const void *a, const void *b) {
    double d = *(const double *)a - *(const double *)b;
    return d < 0 ? -1 : d > 0;
}

static void report(const char *name, double *values, int count) {
    qsort(values, count, sizeof *values, compare);
    printf("%s %.3f %.3f\n", name, values[count / 2], values[count * 99 / 100]);
}

int main(int argc, char **argv) {
    int rounds = argc > 2 ? atoi(argv[2]) : 300;
    double *values = calloc(rounds, sizeof *values);
    PGconn *connection = PQconnectdb(argv[1]);
    if (!values || PQstatus(connection) != CONNECTION_OK) return fprintf(stderr, "%s", PQerrorMessage(connection)), 1;
    PQclear(PQexec(connection, "create table if not exists bench_floor (id bigserial primary key, t text)"));
    for (int i = 0; i < rounds; i++) {
        double start = now();
        PGresult *result = PQexec(connection, "begin; insert into bench_floor (t) values ('x'); notify bench, 'x'; commit");
        if (PQresultStatus(result) != PGRES_COMMAND_OK) return fprintf(stderr, "%s", PQerrorMessage(connection)), 1;
        PQclear(result);
        values[i] = now() - start;
    }
    report("commit", values, rounds);
    PQclear(PQexec(connection, "drop table bench_floor"));
    PQfinish(connection);
    struct nft_ctx *context = nft_ctx_new(NFT_CTX_DEFAULT);
    nft_run_cmd_from_buffer(context, "add table inet bench_floor");
    nft_run_cmd_from_buffer(context, "add set inet bench_floor s { type ipv4_addr; flags timeout; }");
    for (int i = 0; i < rounds; i++) {
        char command[160];
        snprintf(command, sizeof command, "add element inet bench_floor s { 10.2.%d.%d timeout 60s }", i / 250, i % 250);
        double start = now();
        if (nft_run_cmd_from_buffer(context, command)) return 1;
        values[i] = now() - start;
    }
    report("nft", values, rounds);
    int elements = argc > 3 ? atoi(argv[3]) : 0;
    char *batch = malloc(5000 * 48 + 128);
    if (!batch) return 1;
    for (int round = 0; round < 5 && elements; round++) {
        nft_run_cmd_from_buffer(context, "flush set inet bench_floor s");
        double start = now();
        for (int done = 0; done < elements;) {
            int length = sprintf(batch, "add element inet bench_floor s {");
            for (int i = 0; i < 5000 && done < elements; i++, done++)
                length += sprintf(batch + length, " 10.%d.%d.%d timeout 3600s,", 128 + done / 65536, done / 256 % 256, done % 256);
            strcpy(batch + length - 1, "}");
            if (nft_run_cmd_from_buffer(context, batch)) return 1;
        }
        values[round] = now() - start;
    }
    if (elements) report("bulk", values, 5);
    free(batch);
    nft_run_cmd_from_buffer(context, "delete table inet bench_floor");
    nft_ctx_free(context);
    free(values);
    return 0;
}
