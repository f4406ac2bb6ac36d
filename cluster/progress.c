// What should carry messages forward while ranks compute, where there are as many ranks as cores: a step of arithmetic in kernels of some
// tens of µs, under which sums of several vectors over all ranks are on their way. Build by mpicc -O2 -pthread.
//
//   progress [STEPS]      of each way, which take turns; prints a Markdown table
#include <mpi.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { KERNELS = 300, SUMS = 4, ELEMENTS = 1 << 20, WAYS = 5, MOST = 101 };

static const char *ways[WAYS] = {
  "nothing but waiting at the end", "tests between kernels, 20 µs apart at least", "a thread that tests and yields",
  "a thread that tests every 50 µs", "a thread that tests every 1 ms",
};
static float *vectors, *sums;
static atomic_int carrying;

static void kernel(long rounds) {
  float x[64];
  for (int i = 0; i < 64; i++) x[i] = (float)i;
  for (long round = 0; round < rounds; round++)
    for (int i = 0; i < 64; i++) x[i] = x[i] * 0.999f + 0.5f;
  volatile float kept = x[7];
  (void)kept;
}

// A call of the library, which carries forward whatever is under way.
static void look(void) {
  int found;
  MPI_Iprobe(MPI_ANY_SOURCE, MPI_ANY_TAG, MPI_COMM_WORLD, &found, MPI_STATUS_IGNORE);
}

static void *carry(void *pause) {
  while (atomic_load(&carrying)) {
    look();
    if (*(int *)pause > 0) usleep((unsigned)*(int *)pause);
    else sched_yield();
  }
  return NULL;
}

static double step(int way, long rounds, int communicates) {
  static int pauses[WAYS] = {0, 0, 0, 50, 1000};
  MPI_Request requests[SUMS];
  pthread_t thread;
  MPI_Barrier(MPI_COMM_WORLD);
  double began = MPI_Wtime(), looked = began;
  if (communicates)
    for (int i = 0; i < SUMS; i++)
      MPI_Iallreduce(vectors + i * ELEMENTS, sums + i * ELEMENTS, ELEMENTS, MPI_FLOAT, MPI_SUM, MPI_COMM_WORLD, requests + i);
  if (way >= 2) {
    atomic_store(&carrying, 1);
    pthread_create(&thread, NULL, carry, &pauses[way]);
  }
  for (int i = 0; i < KERNELS; i++) {
    kernel(rounds);
    if (way == 1 && MPI_Wtime() - looked > 20e-6) {
      look();
      looked = MPI_Wtime();
    }
  }
  if (communicates) MPI_Waitall(SUMS, requests, MPI_STATUSES_IGNORE);
  if (way >= 2) {
    atomic_store(&carrying, 0);
    pthread_join(thread, NULL);
  }
  double own = MPI_Wtime() - began, all;
  MPI_Allreduce(&own, &all, 1, MPI_DOUBLE, MPI_MAX, MPI_COMM_WORLD);
  return all;
}

static int ascending(const void *a, const void *b) { return (*(const double *)a > *(const double *)b) - (*(const double *)a < *(const double *)b); }

static double median(double *values, int count) {
  qsort(values, (size_t)count, sizeof *values, ascending);
  return values[count / 2];
}

int main(int count, char **arguments) {
  int level, rank, ranks, steps = count > 1 ? atoi(arguments[1]) : 21;
  MPI_Init_thread(&count, &arguments, MPI_THREAD_MULTIPLE, &level);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &ranks);
  if (level < MPI_THREAD_MULTIPLE || steps < 1 || steps > MOST) {
    if (rank == 0) fprintf(stderr, "progress: give from 1 to %d steps, and an MPI that threads may call\n", MOST);
    MPI_Abort(MPI_COMM_WORLD, 64);
  }
  vectors = calloc(SUMS * ELEMENTS, sizeof *vectors), sums = calloc(SUMS * ELEMENTS, sizeof *sums);
  long rounds = 1000;
  for (double seconds = 0; seconds < 70e-6;) {
    double began = MPI_Wtime();
    kernel(rounds += rounds / 4);
    seconds = MPI_Wtime() - began;
  }
  MPI_Bcast(&rounds, 1, MPI_LONG, 0, MPI_COMM_WORLD);
  double alone[MOST], times[WAYS][MOST];
  for (int turn = -2; turn < steps; turn++) { // two warm up
    int place = turn < 0 ? 0 : turn;
    alone[place] = step(0, rounds, 0);
    for (int way = 0; way < WAYS; way++) times[way][place] = step(way, rounds, 1);
  }
  if (rank == 0) {
    double arithmetic = median(alone, steps);
    printf("| what carries %d sums of %d MiB over %d ranks | step, ms | beside arithmetic, ms |\n|---|---|---|\n", SUMS, ELEMENTS >> 18, ranks);
    printf("| no sums | %.1f | |\n", 1e3 * arithmetic);
    for (int way = 0; way < WAYS; way++) {
      double seconds = median(times[way], steps);
      printf("| %s | %.1f | %.1f |\n", ways[way], 1e3 * seconds, 1e3 * (seconds - arithmetic));
    }
  }
  MPI_Finalize();
  return 0;
}
