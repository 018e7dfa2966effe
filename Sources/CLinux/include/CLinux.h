// System calls and constants that Swift cannot import by itself. Functions return -errno on failure.
#pragma once

#include <sys/stat.h>

#include "CLinuxGuest.h"
#include "CLinuxSockets.h"

// fork(2), for a process with one thread. Returns the child's pid, 0 in the child.
int linux_fork(void);
// pipe2(2) with O_CLOEXEC.
int linux_pipe(int ends[2]);
// memfd_create(2) with MFD_CLOEXEC.
int linux_memfd(const char *name);
// ioctl(2) with an integer argument, and with a pointer.
int linux_ioctl_int(int fd, unsigned long request, unsigned long argument);
int linux_ioctl_ptr(int fd, unsigned long request, void *argument);
// TUNSETIFF (tun/tap): opens NAME as a tap on fd, with IFF_NO_PI and IFF_VNET_HDR.
int linux_tunsetiff(int fd, const char *name);
// The same, where no interface of that name is there yet; else EBUSY (IFF_TUN_EXCL).
int linux_tun_create(int fd, const char *name);
// Starts a program whose life is bound to ours (PR_SET_PDEATHSIG), with in as its 0 and out as its 1 and 2, no other
// descriptor of ours, default signals, and no capability but CAP_DAC_OVERRIDE where we have it. Returns the pid, or
// -errno of fork(2) or execve(2).
int linux_spawn_bound(const char *path, char *const arguments[], char *const environment[], int in, int out);
// mount(2) and umount2(2); NULL for what a call does not need.
int linux_mount(const char *source, const char *target, const char *type, unsigned long flags, const char *data);
int linux_umount(const char *target, int flags);
// signalfd(2), with SFD_CLOEXEC, of every signal that can be caught; the same signals become blocked.
int linux_signalfd_all(void);
// Unblocks every signal and gives each its default action, as a program expects them after execve(2).
void linux_reset_signals(void);
// openpty(3): two descriptors.
int linux_openpty(int *controller, int *terminal);
int linux_reboot(int command);
int linux_setns(int fd, int kind);
int linux_unshare(int flags);
int linux_finit_module(int fd, const char *parameters);
int linux_prctl(int option, unsigned long a, unsigned long b);
// Makes the terminal on fd the controlling terminal of a new session (setsid(2), TIOCSCTTY).
int linux_login_tty(int fd);
// The same with a terminal that is another session's: that session loses it.
int linux_steal_tty(int fd);
// close_range(2): closes FIRST and all above.
int linux_close_from(int first);
// mknod(2) of a device node.
int linux_mknod(const char *path, unsigned int mode, unsigned int major, unsigned int minor);
// flock(2) LOCK_EX that waits so many seconds at most, 0: not at all; then -EWOULDBLOCK. For a process with one thread,
// whose SIGALRM it takes.
int linux_flock_within(int fd, unsigned int seconds);
// Gives back the pages of the program's code and constants; what is needed again is read again (madvise(2)).
void linux_release_program(void);
// wait(2) status words.
int linux_exited(int status);
int linux_exit_status(int status);
int linux_term_signal(int status);

// strerrorname_np(3): "EBUSY"; NULL for an unknown number.
const char *linux_errno_name(int error);

extern const unsigned long LINUX_TUNSETPERSIST;
extern const unsigned long LINUX_TUNSETOWNER;
extern const unsigned long LINUX_TIOCSWINSZ;
extern const unsigned long LINUX_TIOCGWINSZ;
extern const unsigned long LINUX_MS_REC;
extern const unsigned long LINUX_MS_PRIVATE;
extern const unsigned long LINUX_MS_SLAVE;
extern const unsigned long LINUX_MS_BIND;
extern const unsigned long LINUX_MS_MOVE;
extern const unsigned long LINUX_MS_RDONLY;
extern const unsigned long LINUX_MS_REMOUNT;
extern const unsigned long LINUX_MS_NOSUID;
extern const unsigned long LINUX_MS_NODEV;
extern const unsigned long LINUX_MS_NOEXEC;
extern const unsigned long LINUX_MS_NOATIME;
extern const unsigned long LINUX_MS_RELATIME;
extern const unsigned long LINUX_MS_STRICTATIME;
extern const int LINUX_CLONE_NEWNET;
extern const int LINUX_CLONE_NEWNS;
extern const int LINUX_CLONE_NEWPID;
extern const int LINUX_CLONE_NEWCGROUP;
extern const int LINUX_RB_AUTOBOOT;
