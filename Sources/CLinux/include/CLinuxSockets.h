// Sockets of IP and vsock that never block but where it is said, and are O_CLOEXEC. Functions return -errno on failure.
#pragma once

// A socket of TYPE (SOCK_DGRAM, SOCK_STREAM) at ADDRESS, of 4 or 16 bytes, and PORT; a stream socket listens.
int linux_inet_bind(int type, const unsigned char *address, int length, unsigned short port);
// A socket of TYPE whose connection to ADDRESS and PORT has begun: writable, or in error, when that has come to its end.
int linux_inet_connect(int type, const unsigned char *address, int length, unsigned short port);
// The same for CID:PORT of AF_VSOCK (vsock(7)); and one that blocks, and is connected.
int linux_vsock_begin(unsigned int cid, unsigned int port);
int linux_vsock_connect(unsigned int cid, unsigned int port);
// SO_ERROR: 0, or the error of a connection, negative.
int linux_socket_error(int fd);
// A socket of AF_VSOCK that listens at PORT (vsock(7)); and whether the other end of a connection is the host.
int linux_vsock_listen(unsigned int port);
int linux_vsock_is_host(int fd);
// A Unix stream socket connected to PATH; it blocks.
int linux_unix_connect(const char *path);
// Sends a descriptor and a number over a Unix socket (unix(7), SCM_RIGHTS), and receives them: the descriptor is O_CLOEXEC.
int linux_send_descriptor(int socket, int fd, int number);
int linux_receive_descriptor(int socket, int *number);
