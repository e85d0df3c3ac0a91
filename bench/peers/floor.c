/* The floor: a WebSocket broadcaster in C, epoll, one thread, one send() a socket. What a publisher (/pub) sends goes
 * to everybody else. It serves the load generator alone: that always sends the key of RFC 6455's example, so the
 * answer to the handshake is always the same; a socket that does not keep up is closed.
 *
 *   cc -O2 -o floor floor.c && ./floor PORT
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MOST = 20000, INPUT = 65536 };
enum state { NEW, SUBSCRIBER, PUBLISHER };
struct peer { int fd; enum state state; size_t length; char *input; int place; };

static struct peer *subscribers[MOST];
static int count;
static const char ANSWER[] = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                             "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

static void end(struct peer *peer) {
  if (peer->state == SUBSCRIBER) {
    subscribers[peer->place] = subscribers[--count];
    subscribers[peer->place]->place = peer->place;
  }
  close(peer->fd);
  free(peer->input);
  free(peer);
}

static void broadcast(const uint8_t *payload, size_t length) {
  static uint8_t frame[INPUT + 4];
  size_t header = length < 126 ? 2 : 4;
  frame[0] = 0x81;
  frame[1] = length < 126 ? length : 126;
  if (header == 4) { frame[2] = length >> 8; frame[3] = length; }
  memcpy(frame + header, payload, length);
  for (int i = count - 1; i >= 0; i--)
    if (send(subscribers[i]->fd, frame, header + length, MSG_NOSIGNAL) != (ssize_t)(header + length))
      shutdown(subscribers[i]->fd, SHUT_RDWR);
}

/* Take one thing from the input: a handshake or a frame. 0 when more has to come, -1 when the peer is to be ended. */
static int take(struct peer *peer) {
  size_t used;
  if (peer->state == NEW) {
    char *stop = memmem(peer->input, peer->length, "\r\n\r\n", 4);
    if (!stop) return 0;
    used = stop + 4 - peer->input;
    peer->state = strncmp(peer->input, "GET /pub ", 9) ? SUBSCRIBER : PUBLISHER;
    if (send(peer->fd, ANSWER, sizeof ANSWER - 1, MSG_NOSIGNAL) < 0) return -1;
    if (peer->state == SUBSCRIBER) { peer->place = count; subscribers[count++] = peer; }
  } else {
    uint8_t *data = (uint8_t *)peer->input;
    size_t header = 6, length;
    if (peer->length < 8) return 0;
    length = data[1] & 127;
    if (length == 127 || !(data[1] & 128) || (data[0] & 15) == 8) return -1;
    if (length == 126) { length = data[2] << 8 | data[3]; header = 8; }
    if (peer->length < header + length) return 0;
    for (size_t i = 0; i < length; i++) data[header + i] ^= data[header - 4 + (i & 3)];
    if (peer->state == PUBLISHER) broadcast(data + header, length);
    used = header + length;
  }
  memmove(peer->input, peer->input + used, peer->length -= used);
  return 1;
}

int main(int argc, char **argv) {
  int one = 1, poll = epoll_create1(0), listener = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  struct epoll_event event = {.events = EPOLLIN}, events[256];
  if (argc != 2) return 2;
  signal(SIGPIPE, SIG_IGN);
  address.sin_port = htons(atoi(argv[1]));
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (bind(listener, (void *)&address, sizeof address) || listen(listener, 2048)) { perror("floor"); return 2; }
  epoll_ctl(poll, EPOLL_CTL_ADD, listener, &event);
  for (;;) {
    int ready = epoll_wait(poll, events, 256, -1);
    for (int i = 0; i < ready; i++) {
      struct peer *peer = events[i].data.ptr;
      if (!peer) {
        int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
        if (fd < 0) continue;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        peer = calloc(1, sizeof *peer);
        peer->fd = fd;
        event.data.ptr = peer;
        epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event);
        continue;
      }
      if (!peer->input) peer->input = malloc(INPUT);
      ssize_t got = recv(peer->fd, peer->input + peer->length, INPUT - peer->length, 0);
      int state = got > 0 ? 1 : got < 0 && errno == EAGAIN ? 0 : -1;
      if (got > 0) peer->length += got;
      while (state == 1) state = take(peer);
      if (state < 0) end(peer);
      else if (!peer->length) { free(peer->input); peer->input = NULL; }
    }
  }
}
