// What Dropbear's server needs on a vsock connection. Loaded into it alone, by /etc/ld.so.preload of its own small root.
#define _GNU_SOURCE
#include <netdb.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

// Dropbear asks for its client's address (getnameinfo(3)) and ends where there is no answer; AF_VSOCK has none.
int getnameinfo(const struct sockaddr *address, socklen_t size, char *host, socklen_t host_size, char *service,
                socklen_t service_size, int flags) {
    (void)address, (void)size, (void)flags;
    if (host != NULL && host_size > 0)
        strncpy(host, "vsock", host_size - 1)[host_size - 1] = '\0';
    if (service != NULL && service_size > 0)
        strncpy(service, "0", service_size - 1)[service_size - 1] = '\0';
    return 0;
}

// More than about 32 KiB at once makes the guest's kernel hand it to Firecracker in two parts, of which Firecracker (1.12.1;
// mended by its pull request 5485) repeats the first one when its own socket is full after it. A short write is no error.
ssize_t writev(int fd, const struct iovec *parts, int count) {
    static const size_t burst = 16 << 10;
    int first = 0;
    while (first < count - 1 && parts[first].iov_len == 0)
        first++;
    if (first >= count)
        return 0;
    return write(fd, parts[first].iov_base, parts[first].iov_len < burst ? parts[first].iov_len : burst);
}
