#define _GNU_SOURCE
#include "CLinuxGuest.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/audit.h>
#include <linux/bpf.h>
#include <linux/filter.h>
#include <linux/mount.h>
#include <linux/reboot.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>

// <sys/mount.h> and <linux/mount.h> do not go together in this glibc, so the flags are taken from the latter.
const unsigned long LINUX_TIOCSCTTY = TIOCSCTTY;
const unsigned long LINUX_MS_SHARED = MS_SHARED;
const unsigned long LINUX_MS_UNBINDABLE = MS_UNBINDABLE;
const unsigned long LINUX_MS_NODIRATIME = MS_NODIRATIME;
const unsigned long LINUX_MS_SYNCHRONOUS = MS_SYNCHRONOUS;
const unsigned long LINUX_MS_DIRSYNC = MS_DIRSYNC;
const unsigned long LINUX_MS_LAZYTIME = MS_LAZYTIME;
const unsigned long LINUX_MS_MANDLOCK = MS_MANDLOCK;
const unsigned long LINUX_MS_NOSYMFOLLOW = MS_NOSYMFOLLOW;
const int LINUX_PR_SET_NO_NEW_PRIVS = PR_SET_NO_NEW_PRIVS;
const int LINUX_PR_SET_KEEPCAPS = PR_SET_KEEPCAPS;

static int result(long value) { return value < 0 ? -errno : (int)value; }

int linux_unix_listen(const char *path) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path)
        return -ENAMETOOLONG;
    strcpy(address.sun_path, path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -errno;
    // The socket's own mode becomes its file's mode (unix(7)): no moment at which others may connect.
    if (fchmod(fd, 0600) < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) < 0 || listen(fd, 128) < 0) {
        int saved = errno;
        close(fd);
        return -saved;
    }
    return fd;
}

int linux_accept(int fd) { return result(accept4(fd, NULL, NULL, SOCK_CLOEXEC)); }

int linux_pidfd_getfd(int pid, int fd) {
    int process = syscall(SYS_pidfd_open, pid, 0);
    if (process < 0)
        return -errno;
    int copy = result(syscall(SYS_pidfd_getfd, process, fd, 0));
    close(process);
    return copy;
}

int linux_pidfd_open(int pid) { return result(syscall(SYS_pidfd_open, pid, 0)); }

int linux_pidfd_signal(int pidfd, int signal) { return result(syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0)); }

const char *linux_signal_name(int signal) { return sigabbrev_np(signal); }

int linux_clone_mount(const char *path) {
    return result(syscall(SYS_open_tree, AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC));
}

int linux_attach_mount(int fd, const char *target) {
    return result(syscall(SYS_move_mount, fd, "", AT_FDCWD, target, MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_SYMLINKS));
}

int linux_setrlimit(int resource, unsigned long soft, unsigned long hard) {
    struct rlimit limit = {.rlim_cur = soft, .rlim_max = hard};
    return result(setrlimit(resource, &limit));
}

int linux_getrlimit(int resource, unsigned long *soft, unsigned long *hard) {
    struct rlimit limit;
    if (getrlimit(resource, &limit) < 0)
        return -errno;
    *soft = limit.rlim_cur;
    *hard = limit.rlim_max;
    return 0;
}

int linux_set_user(unsigned int uid, unsigned int gid, const unsigned int *groups, unsigned long count) {
    if (setgroups(count, groups) < 0 || setgid(gid) < 0 || setuid(uid) < 0)
        return -errno;
    return 0;
}

int linux_mount_flags(const char *path, unsigned long *flags) {
    static const unsigned long pairs[][2] = {
        {ST_RDONLY, MS_RDONLY},   {ST_NOSUID, MS_NOSUID},         {ST_NODEV, MS_NODEV},      {ST_NOEXEC, MS_NOEXEC},
        {ST_NOATIME, MS_NOATIME}, {ST_NODIRATIME, MS_NODIRATIME}, {ST_RELATIME, MS_RELATIME}};
    struct statvfs status;
    if (statvfs(path, &status) < 0)
        return -errno;
    *flags = 0;
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++)
        if (status.f_flag & pairs[i][0])
            *flags |= pairs[i][1];
    return 0;
}

int linux_block_signal(int number) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, number);
    return result(sigprocmask(SIG_BLOCK, &set, NULL));
}

int linux_mark_survivor(void) {
    program_invocation_name[0] = '@';
    int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    int written = result(write(fd, "-1000", 5));
    close(fd);
    return written < 0 ? written : 0;
}

// Numbers of reboot(2): of this architecture, and of 32-bit programs on x86-64.
#define REBOOT_I386 88
#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define JUMP_IF(value, yes, no) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, yes, no)

int linux_watch_reboot(void) {
    struct sock_filter code[] = {
        LOAD(arch),
        JUMP_IF(AUDIT_ARCH_I386, 0, 2),
        LOAD(nr),
        JUMP_IF(REBOOT_I386, 2, 5),
        LOAD(nr),
        JUMP_IF(SYS_reboot, 0, 3),
        LOAD(args[2]), // its low half, on a little-endian machine
        JUMP_IF(LINUX_REBOOT_CMD_CAD_OFF, 1, 0),
        JUMP_IF(LINUX_REBOOT_CMD_CAD_ON, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
    };
    // Without the second, older kernels slow every program down against Spectre.
    unsigned int flags = SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_SPEC_ALLOW;
    struct sock_fprog program = {.len = sizeof code / sizeof code[0], .filter = code};
    return result(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program));
}

int linux_reboot_waiting(int watch, unsigned long long *cookie) {
    struct seccomp_notif call;
    memset(&call, 0, sizeof call);
    if (ioctl(watch, SECCOMP_IOCTL_NOTIF_RECV, &call) < 0)
        return -errno;
    *cookie = call.id;
    return call.pid;
}

int linux_reboot_proceed(int watch, unsigned long long cookie) {
    struct seccomp_notif_resp answer = {.id = cookie, .flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE};
    return result(ioctl(watch, SECCOMP_IOCTL_NOTIF_SEND, &answer));
}

int linux_cgroup_root(void) {
    int context = (int)syscall(SYS_fsopen, "cgroup2", FSOPEN_CLOEXEC), root = -1;
    if (context < 0)
        return -errno;
    if (syscall(SYS_fsconfig, context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) == 0)
        root = (int)syscall(SYS_fsmount, context, FSMOUNT_CLOEXEC, 0);
    int saved = errno;
    close(context);
    return root < 0 ? -saved : root;
}

int linux_bpf_attach(int cgroup, unsigned int type, const unsigned long long *instructions, unsigned int count) {
    union bpf_attr attributes;
    memset(&attributes, 0, sizeof attributes);
    attributes.prog_type = BPF_PROG_TYPE_CGROUP_SOCK_ADDR;
    attributes.expected_attach_type = type;
    attributes.insns = (uintptr_t)instructions;
    attributes.insn_cnt = count;
    attributes.license = (uintptr_t) "Apache-2.0";
    int program = (int)syscall(SYS_bpf, BPF_PROG_LOAD, &attributes, sizeof attributes);
    if (program < 0)
        return -errno;
    memset(&attributes, 0, sizeof attributes);
    attributes.target_fd = (unsigned int)cgroup;
    attributes.attach_bpf_fd = (unsigned int)program;
    attributes.attach_type = type;
    attributes.attach_flags = BPF_F_ALLOW_MULTI;
    int outcome = result(syscall(SYS_bpf, BPF_PROG_ATTACH, &attributes, sizeof attributes));
    close(program);
    return outcome;
}
