// What a message between ranks 0 and 1 costs, as JSON: both send at once, as the ranks of a sum over lanes do. Build by mpicc -O2.
//
//   {"one_way": seconds of an empty exchange, "exchanges": {BYTES: seconds, ...}, "bytes_per_second": of each direction, of messages of
//    1 MiB of which many are under way, as the vectors of one turn of sums are,
//    "adding": bytes of a vector of floats that one core adds to another in a second}
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>

// The mean of some exchanges of this size: what many of them take.
static double exchange(char *sent, char *received, int bytes, int peer) {
  double seconds = 0;
  int count = bytes < 1 << 20 ? 50 : 10;
  for (int turn = -2; turn < count; turn++) { // two warm up
    MPI_Barrier(MPI_COMM_WORLD);
    double began = MPI_Wtime();
    // twice, so that a late partner costs one of them
    for (int half = 0; half < 2; half++)
      MPI_Sendrecv(sent, bytes, MPI_CHAR, peer, 0, received, bytes, MPI_CHAR, peer, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    if (turn >= 0) seconds += (MPI_Wtime() - began) / 2;
  }
  return seconds / count;
}

// Seconds of so many messages at once, the mean of some turns.
static double stream(char *sent, char *received, int bytes, int messages, int peer) {
  MPI_Request requests[2 * 64];
  double seconds = 0;
  int count = 5;
  for (int turn = -2; turn < count; turn++) {
    MPI_Barrier(MPI_COMM_WORLD);
    double began = MPI_Wtime();
    for (int i = 0; i < messages; i++) {
      MPI_Irecv(received + i * bytes, bytes, MPI_CHAR, peer, i, MPI_COMM_WORLD, requests + 2 * i);
      MPI_Isend(sent + i * bytes, bytes, MPI_CHAR, peer, i, MPI_COMM_WORLD, requests + 2 * i + 1);
    }
    MPI_Waitall(2 * messages, requests, MPI_STATUSES_IGNORE);
    if (turn >= 0) seconds += MPI_Wtime() - began;
  }
  return seconds / count;
}

int main(int count, char **arguments) {
  int rank, ranks, largest = 4 << 20;
  MPI_Init(&count, &arguments);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &ranks);
  if (ranks != 2) {
    if (rank == 0) fputs("link: start it on 2 ranks\n", stderr);
    MPI_Abort(MPI_COMM_WORLD, 64);
  }
  enum { MESSAGES = 16, MESSAGE = 1 << 20 };
  char *sent = calloc(MESSAGES, MESSAGE), *received = calloc(MESSAGES, MESSAGE);
  double latency = exchange(sent, received, 0, 1 - rank);
  if (rank == 0) printf("{\"one_way\": %.9f, \"exchanges\": {", latency);
  for (int bytes = 1024; bytes <= largest; bytes *= 4) {
    double seconds = exchange(sent, received, bytes, 1 - rank);
    if (rank == 0) printf("%s\"%d\": %.9f", bytes > 1024 ? ", " : "", bytes, seconds);
  }
  double streamed = stream(sent, received, MESSAGE, MESSAGES, 1 - rank) - latency;
  float *sum = (float *)sent, *more = (float *)received;
  double best = 1e9;
  for (int turn = 0; turn < 5; turn++) {
    double began = MPI_Wtime();
    for (int element = 0; element < largest / 4; element++) sum[element] += more[element];
    double seconds = MPI_Wtime() - began;
    if (seconds < best) best = seconds;
  }
  if (rank == 0) printf("}, \"bytes_per_second\": %.0f, \"adding\": %.0f}\n", MESSAGES * MESSAGE / streamed, largest / best);
  MPI_Finalize();
  return 0;
}
