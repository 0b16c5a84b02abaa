/* A device that speaks lty.v1 over plain sockets: what a microcontroller needs, and no library.
 *
 *     cc -O2 -Wall -o device device.c
 *     LTY_TOKEN=lty_… ./device 127.0.0.1 8000
 *
 * It connects, handles messages in order, acknowledges each one, and comes back when the connection breaks. An ESP32 has
 * the same calls (lwIP); what it would add is TLS, and a place in flash for LAST_ID. */
#include <errno.h>
#include <netdb.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { TEXT = 1, CLOSE = 8, PING = 9, PONG = 10, MOST = 65536 };

static char frame[MOST + 1];
static char last_id[64];

static int write_all(int fd, const void *data, size_t length) {
  const char *at = data;
  while (length > 0) {
    ssize_t n = send(fd, at, length, MSG_NOSIGNAL);
    if (n <= 0) return -1;
    at += n;
    length -= (size_t)n;
  }
  return 0;
}

static int read_all(int fd, void *data, size_t length) {
  char *at = data;
  while (length > 0) {
    ssize_t n = recv(fd, at, length, 0);
    if (n <= 0) return -1;
    at += n;
    length -= (size_t)n;
  }
  return 0;
}

/* Frames of clients are masked. The mask protects proxies of the plain web from scripts; a device may use any. */
static int send_frame(int fd, int opcode, const char *payload, size_t length) {
  unsigned char head[8] = {(unsigned char)(0x80 | opcode), (unsigned char)(0x80 | length)};
  size_t size = 6;
  if (length > 125) {
    head[1] = 0x80 | 126;
    head[2] = (unsigned char)(length >> 8);
    head[3] = (unsigned char)length;
    size = 8;
  }
  return write_all(fd, head, size) != 0 ? -1 : write_all(fd, payload, length);
}

/* Reads one frame into `frame`; answers its opcode, or -1. The server never splits a frame. */
static int read_frame(int fd, size_t *length) {
  unsigned char head[2], more[8];
  if (read_all(fd, head, 2) != 0) return -1;
  uint64_t size = head[1] & 0x7f;
  int extra = size == 126 ? 2 : size == 127 ? 8 : 0;
  if (read_all(fd, more, (size_t)extra) != 0) return -1;
  if (extra > 0) size = 0;
  for (int i = 0; i < extra; i++) size = size << 8 | more[i];
  if (size > MOST || read_all(fd, frame, size) != 0) return -1;
  frame[size] = 0;
  *length = size;
  return head[0] & 0x0f;
}

/* Where the value of a member of the outermost object begins, or NULL. */
static const char *member(const char *json, const char *name) {
  size_t size = strlen(name);
  int depth = 0;
  for (const char *at = json; *at; at++) {
    if (*at == '{' || *at == '[') depth++;
    if (*at == '}' || *at == ']') depth--;
    if (*at != '"') continue;
    const char *start = ++at;
    while (*at && *at != '"') at += *at == '\\' && at[1] ? 2 : 1;
    if (!*at) return NULL;
    if (depth == 1 && at[1] == ':' && (size_t)(at - start) == size && !strncmp(start, name, size)) return at + 2;
  }
  return NULL;
}

/* Copies a text value without its quotes; "" for none. */
static void text(const char *json, const char *name, char *into, size_t room) {
  const char *at = member(json, name);
  size_t n = 0;
  if (at && *at == '"')
    for (at++; *at && *at != '"' && n + 1 < room; at++) into[n++] = *at;
  into[n] = 0;
}

static int dial(const char *host, const char *port) {
  struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found, *one;
  if (getaddrinfo(host, port, &hints, &found) != 0) return -1;
  int fd = -1;
  for (one = found; one && fd < 0; one = one->ai_next) {
    fd = socket(one->ai_family, one->ai_socktype, one->ai_protocol);
    if (fd >= 0 && connect(fd, one->ai_addr, one->ai_addrlen) != 0) {
      close(fd);
      fd = -1;
    }
  }
  freeaddrinfo(found);
  return fd;
}

static int upgrade(int fd, const char *host, const char *token) {
  char request[512], answer[2048];
  int size = snprintf(request, sizeof request,
                      "GET /ws/device/ HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: bHR5LWJhcmUtZGV2aWNlIQ==\r\n"
                      "Sec-WebSocket-Protocol: lty.v1\r\nAuthorization: Bearer %s\r\n\r\n",
                      host, token);
  if (size < 0 || (size_t)size >= sizeof request || write_all(fd, request, (size_t)size) != 0) return -1;
  for (size_t n = 0; n + 1 < sizeof answer; n++) {
    if (read_all(fd, answer + n, 1) != 0) return -1;
    answer[n + 1] = 0;
    if (n >= 3 && !strcmp(answer + n - 3, "\r\n\r\n")) return strncmp(answer, "HTTP/1.1 101", 12) ? -1 : 0;
  }
  return -1;
}

/* Does what a message asks for, then acknowledges it. One that came before is only acknowledged. */
static int handle(int fd) {
  char type[65], id[sizeof last_id], ack[64];
  text(frame, "type", type, sizeof type);
  const char *seq = member(frame, "seq");
  if (!strcmp(type, "connection_status")) printf("connected\n");
  if (!seq || !strcmp(type, "skip")) return 0;
  text(frame, "message_id", id, sizeof id);
  if (strcmp(id, last_id) != 0) printf("%s %s\n", type, frame);
  memcpy(last_id, id, sizeof last_id);
  int size = snprintf(ack, sizeof ack, "{\"type\":\"ack\",\"seq\":%ld}", strtol(seq, NULL, 10));
  return send_frame(fd, TEXT, ack, (size_t)size);
}

/* One connection, to its end; its close code. */
static int connection(const char *host, const char *port, const char *token) {
  int code = 1006, fd = dial(host, port);
  if (fd < 0) return code;
  size_t length;
  int opcode = upgrade(fd, host, token) == 0 ? read_frame(fd, &length) : -1;
  for (; opcode >= 0; opcode = read_frame(fd, &length)) {
    if (opcode == CLOSE) {
      if (length >= 2) code = (unsigned char)frame[0] << 8 | (unsigned char)frame[1];
      break;
    }
    int failed = opcode == PING ? send_frame(fd, PONG, frame, length) : opcode == TEXT ? handle(fd) : 0;
    if (failed) break;
  }
  close(fd);
  return code;
}

int main(int count, char **words) {
  const char *token = getenv("LTY_TOKEN");
  if (count != 3 || !token) return fprintf(stderr, "usage: LTY_TOKEN=… %s HOST PORT\n", words[0]), 2;
  const int stop[] = {1000, 1009, 4001, 4002, 4003, 4009, 4010};
  setvbuf(stdout, NULL, _IOLBF, 0);
  srand((unsigned)time(NULL) ^ (unsigned)getpid());
  for (unsigned wait_ms = 1000;; wait_ms = wait_ms < 30000 ? wait_ms * 2 : 30000) {
    int code = connection(words[1], words[2], token);
    for (size_t i = 0; i < sizeof stop / sizeof *stop; i++)
      if (code == stop[i]) return printf("stopped %d\n", code), 1;
    struct timespec pause = {0, 0};
    unsigned ms = (unsigned)rand() % wait_ms;
    pause.tv_sec = ms / 1000;
    pause.tv_nsec = (long)(ms % 1000) * 1000000;
    nanosleep(&pause, NULL);
  }
}
