#define _GNU_SOURCE
#include "CLinuxSockets.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/vm_sockets.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

union inet_address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

static int closed(int fd, int error) {
    close(fd);
    return -error;
}

static socklen_t fill(union inet_address *to, const unsigned char *address, int length, unsigned short port) {
    memset(to, 0, sizeof *to);
    if (length == 4) {
        to->v4.sin_family = AF_INET;
        to->v4.sin_port = htons(port);
        memcpy(&to->v4.sin_addr, address, 4);
        return sizeof to->v4;
    }
    to->v6.sin6_family = AF_INET6;
    to->v6.sin6_port = htons(port);
    memcpy(&to->v6.sin6_addr, address, 16);
    return sizeof to->v6;
}

static int open_inet(int type, int length) {
    if (length != 4 && length != 16)
        return -EINVAL;
    int fd = socket(length == 4 ? AF_INET : AF_INET6, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    return fd < 0 ? -errno : fd;
}

int linux_inet_bind(int type, const unsigned char *address, int length, unsigned short port) {
    int fd = open_inet(type, length), on = 1;
    if (fd < 0)
        return fd;
    union inet_address where;
    socklen_t size = fill(&where, address, length, port);
    // Both, so that a server that does the same can have the port on all addresses (socket(7)).
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0 ||
        setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) < 0 || bind(fd, &where.any, size) < 0 ||
        (type == SOCK_STREAM && listen(fd, 64) < 0))
        return closed(fd, errno);
    return fd;
}

int linux_inet_connect(int type, const unsigned char *address, int length, unsigned short port) {
    int fd = open_inet(type, length);
    if (fd < 0)
        return fd;
    union inet_address where;
    socklen_t size = fill(&where, address, length, port);
    if (connect(fd, &where.any, size) < 0 && errno != EINPROGRESS)
        return closed(fd, errno);
    return fd;
}

static int connect_vsock(int flags, unsigned int cid, unsigned int port) {
    int fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);
    if (fd < 0)
        return -errno;
    // The kernel's own limit is 2 seconds, in which a host with many VMs may not come to answer.
    struct timeval limit = {.tv_sec = 60};
    struct sockaddr_vm address = {.svm_family = AF_VSOCK, .svm_cid = cid, .svm_port = port};
    if (setsockopt(fd, AF_VSOCK, SO_VM_SOCKETS_CONNECT_TIMEOUT, &limit, sizeof limit) < 0 ||
        (connect(fd, (struct sockaddr *)&address, sizeof address) < 0 && errno != EINPROGRESS))
        return closed(fd, errno);
    return fd;
}

int linux_vsock_begin(unsigned int cid, unsigned int port) { return connect_vsock(SOCK_NONBLOCK, cid, port); }

int linux_vsock_connect(unsigned int cid, unsigned int port) { return connect_vsock(0, cid, port); }

int linux_socket_error(int fd) {
    int error = 0;
    socklen_t size = sizeof error;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0)
        return -errno;
    return -error;
}

int linux_vsock_listen(unsigned int port) {
    int fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -errno;
    struct sockaddr_vm address = {.svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_ANY, .svm_port = port};
    if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0 || listen(fd, 128) < 0)
        return closed(fd, errno);
    return fd;
}

int linux_vsock_is_host(int fd) {
    struct sockaddr_vm address;
    socklen_t size = sizeof address;
    if (getpeername(fd, (struct sockaddr *)&address, &size) < 0)
        return -errno;
    return address.svm_cid == VMADDR_CID_HOST;
}

int linux_unix_connect(const char *path) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path)
        return -ENAMETOOLONG;
    strcpy(address.sun_path, path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0)
        return closed(fd, errno);
    return fd;
}

union descriptor_message {
    struct cmsghdr header;
    char space[CMSG_SPACE(sizeof(int))];
};

int linux_send_descriptor(int socket, int fd, int number) {
    union descriptor_message control = {.space = {0}};
    struct iovec part = {.iov_base = &number, .iov_len = sizeof number};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control.space};
    control.header = (struct cmsghdr){
        .cmsg_len = CMSG_LEN(sizeof fd), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
    memcpy(CMSG_DATA(&control.header), &fd, sizeof fd);
    return sendmsg(socket, &message, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

int linux_receive_descriptor(int socket, int *number) {
    union descriptor_message control;
    struct iovec part = {.iov_base = number, .iov_len = sizeof *number};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control.space};
    ssize_t count = recvmsg(socket, &message, MSG_CMSG_CLOEXEC | MSG_WAITALL);
    if (count < 0)
        return -errno;
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    if (count != sizeof *number || header == NULL || header->cmsg_type != SCM_RIGHTS)
        return -ENOMSG;
    int fd;
    memcpy(&fd, CMSG_DATA(header), sizeof fd);
    return fd;
}
