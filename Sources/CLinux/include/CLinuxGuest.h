// What Streams and Guest need besides CLinux.h. Functions return -errno on failure.
#pragma once

// A non-blocking Unix stream socket that listens at PATH with mode 0600 (unix(7)). ENAMETOOLONG beyond 107 bytes.
int linux_unix_listen(const char *path);
// accept4(2) with SOCK_CLOEXEC.
int linux_accept(int fd);
// pidfd_getfd(2): a duplicate of the descriptor FD of the process PID.
int linux_pidfd_getfd(int pid, int fd);
// pidfd_open(2), always O_CLOEXEC, and pidfd_send_signal(2).
int linux_pidfd_open(int pid);
int linux_pidfd_signal(int pidfd, int signal);
// sigabbrev_np(3): "TERM"; NULL for an unknown number.
const char *linux_signal_name(int signal);
// open_tree(2) with OPEN_TREE_CLONE: a mount of what is at PATH, attached nowhere; and move_mount(2) of it to TARGET.
int linux_clone_mount(const char *path);
int linux_attach_mount(int fd, const char *target);
// setrlimit(2) and getrlimit(2); ~0 is no limit.
int linux_setrlimit(int resource, unsigned long soft, unsigned long hard);
int linux_getrlimit(int resource, unsigned long *soft, unsigned long *hard);
// setgroups(2), setgid(2), setuid(2).
int linux_set_user(unsigned int uid, unsigned int gid, const unsigned int *groups, unsigned long count);
// statvfs(3): the flags of the mount at PATH as MS_ constants, for a remount that keeps them.
int linux_mount_flags(const char *path, unsigned long *flags);
// sigprocmask(2): blocks one signal more.
int linux_block_signal(int number);
// Marks the calling process, which has one thread, for systemd as one that serves until the machine ends: argv[0] begins with
// `@` (systemd.io/ROOT_STORAGE_DAEMONS), and the kernel spares it when memory is short.
int linux_mark_survivor(void);
// seccomp(2): lets reboot(2) of the caller and all that it will start wait for the answer of whoever holds the descriptor
// returned. What only turns Ctrl-Alt-Del on and off does not wait.
int linux_watch_reboot(void);
// The next one that waits: the process, and a cookie for the answer. The answer lets the kernel go on as if nothing had been.
int linux_reboot_waiting(int watch, unsigned long long *cookie);
int linux_reboot_proceed(int watch, unsigned long long cookie);
// The root of the control groups, version 2, mounted nowhere (fsmount(2)).
int linux_cgroup_root(void);
// bpf(2): loads a program of kind BPF_PROG_TYPE_CGROUP_SOCK_ADDR, COUNT instructions, and attaches it to a control group for
// one enum bpf_attach_type, beside those that groups below it may have.
int linux_bpf_attach(int cgroup, unsigned int type, const unsigned long long *instructions, unsigned int count);

extern const unsigned long LINUX_TIOCSCTTY;
extern const unsigned long LINUX_MS_SHARED;
extern const unsigned long LINUX_MS_UNBINDABLE;
extern const unsigned long LINUX_MS_NODIRATIME;
extern const unsigned long LINUX_MS_SYNCHRONOUS;
extern const unsigned long LINUX_MS_DIRSYNC;
extern const unsigned long LINUX_MS_LAZYTIME;
extern const unsigned long LINUX_MS_MANDLOCK;
extern const unsigned long LINUX_MS_NOSYMFOLLOW;
extern const int LINUX_PR_SET_NO_NEW_PRIVS;
extern const int LINUX_PR_SET_KEEPCAPS;
