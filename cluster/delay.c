#define _GNU_SOURCE
// Holds every packet of a netfilter queue for a fixed time: a link's delay where the kernel has no netem.
//
//   delay QUEUE MICROSECONDS
//
// Packets stay in the kernel; only their numbers come here, in the order in which they must leave.
#include <arpa/inet.h>
#include <libnetfilter_queue/libnetfilter_queue.h>
#include <linux/netfilter.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>

enum { capacity = 1 << 16 };
struct held {
  uint32_t packet;
  int64_t due; // nanoseconds
};
static struct held ring[capacity];
static unsigned taken, released; // counted on and on; their difference is how many are held
static int64_t delay;

static int64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static int hold(struct nfq_q_handle *queue, struct nfgenmsg *message, struct nfq_data *data, void *unused) {
  (void)message, (void)unused;
  struct nfqnl_msg_packet_hdr *header = nfq_get_msg_packet_hdr(data);
  if (!header) return 0;
  uint32_t packet = ntohl(header->packet_id);
  if (taken - released == capacity) return nfq_set_verdict(queue, packet, NF_DROP, 0, NULL); // as a full switch does
  ring[taken++ % capacity] = (struct held){packet, now() + delay};
  return 0;
}

static void release(struct nfq_q_handle *queue) {
  for (int64_t time = now(); taken != released && ring[released % capacity].due <= time; released++)
    nfq_set_verdict(queue, ring[released % capacity].packet, NF_ACCEPT, 0, NULL);
}

int main(int count, char **arguments) {
  if (count != 3) return fputs("usage: delay QUEUE MICROSECONDS\n", stderr), 64;
  delay = atoll(arguments[2]) * 1000;
  // ranks poll on every core, so this has to come before them, and to be woken when it asked for it
  sched_setscheduler(0, SCHED_FIFO, &(struct sched_param){.sched_priority = 10});
  prctl(PR_SET_TIMERSLACK, 1000);

  struct nfq_handle *netfilter = nfq_open();
  struct nfq_q_handle *queue = netfilter ? nfq_create_queue(netfilter, (uint16_t)atoi(arguments[1]), hold, NULL) : NULL;
  if (!queue || nfq_set_mode(queue, NFQNL_COPY_META, 0) < 0) return perror("delay: the queue of packets cannot be opened"), 69;
  nfq_set_queue_maxlen(queue, capacity);
  nfq_set_queue_flags(queue, NFQA_CFG_F_GSO, NFQA_CFG_F_GSO); // segments stay as large as TCP made them
  int socket = nfq_fd(netfilter);
  setsockopt(socket, SOL_SOCKET, SO_RCVBUFFORCE, &(int){64 << 20}, sizeof(int));
  setsockopt(socket, SOL_NETLINK, NETLINK_NO_ENOBUFS, &(int){1}, sizeof(int));

  static char buffer[1 << 16] __attribute__((aligned(8)));
  for (;;) {
    int64_t left = taken == released ? -1 : ring[released % capacity].due - now();
    if (taken != released && left < 0) left = 0;
    struct timespec wait = {left / 1000000000, left % 1000000000};
    ppoll(&(struct pollfd){socket, POLLIN, 0}, 1, left < 0 ? NULL : &wait, NULL);
    ssize_t length;
    while ((length = recv(socket, buffer, sizeof buffer, MSG_DONTWAIT)) > 0) {
      nfq_handle_packet(netfilter, buffer, (int)length);
      release(queue);
    }
    release(queue);
  }
}
