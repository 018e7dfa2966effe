#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <linux/capability.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <pty.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/reboot.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

const unsigned long LINUX_TUNSETPERSIST = TUNSETPERSIST;
const unsigned long LINUX_TUNSETOWNER = TUNSETOWNER;
const unsigned long LINUX_TIOCSWINSZ = TIOCSWINSZ;
const unsigned long LINUX_TIOCGWINSZ = TIOCGWINSZ;
const unsigned long LINUX_MS_REC = MS_REC;
const unsigned long LINUX_MS_PRIVATE = MS_PRIVATE;
const unsigned long LINUX_MS_SLAVE = MS_SLAVE;
const unsigned long LINUX_MS_BIND = MS_BIND;
const unsigned long LINUX_MS_MOVE = MS_MOVE;
const unsigned long LINUX_MS_RDONLY = MS_RDONLY;
const unsigned long LINUX_MS_REMOUNT = MS_REMOUNT;
const unsigned long LINUX_MS_NOSUID = MS_NOSUID;
const unsigned long LINUX_MS_NODEV = MS_NODEV;
const unsigned long LINUX_MS_NOEXEC = MS_NOEXEC;
const unsigned long LINUX_MS_NOATIME = MS_NOATIME;
const unsigned long LINUX_MS_RELATIME = MS_RELATIME;
const unsigned long LINUX_MS_STRICTATIME = MS_STRICTATIME;
const int LINUX_CLONE_NEWNET = CLONE_NEWNET;
const int LINUX_CLONE_NEWNS = CLONE_NEWNS;
const int LINUX_CLONE_NEWPID = CLONE_NEWPID;
const int LINUX_CLONE_NEWCGROUP = CLONE_NEWCGROUP;
const int LINUX_RB_AUTOBOOT = (int)RB_AUTOBOOT;

static int result(long value) { return value < 0 ? -errno : (int)value; }

const char *linux_errno_name(int error) { return strerrorname_np(error); }

int linux_fork(void) { return result(fork()); }

int linux_pipe(int ends[2]) { return result(pipe2(ends, O_CLOEXEC)); }

int linux_memfd(const char *name) { return result(memfd_create(name, MFD_CLOEXEC)); }

int linux_ioctl_int(int fd, unsigned long request, unsigned long argument) {
    return result(ioctl(fd, request, argument));
}

int linux_ioctl_ptr(int fd, unsigned long request, void *argument) { return result(ioctl(fd, request, argument)); }

int linux_tunsetiff(int fd, const char *name) {
    struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR};
    strncpy(request.ifr_name, name, IFNAMSIZ - 1);
    return result(ioctl(fd, TUNSETIFF, &request));
}

int linux_tun_create(int fd, const char *name) {
    struct ifreq request = {.ifr_flags = (short)(IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | IFF_TUN_EXCL)};
    strncpy(request.ifr_name, name, IFNAMSIZ - 1);
    return result(ioctl(fd, TUNSETIFF, &request));
}

int linux_mount(const char *source, const char *target, const char *type, unsigned long flags, const char *data) {
    return result(mount(source, target, type, flags, data));
}

int linux_umount(const char *target, int flags) { return result(umount2(target, flags)); }

int linux_signalfd_all(void) {
    sigset_t all;
    sigfillset(&all);
    // A fault of our own must stay fatal.
    sigdelset(&all, SIGSEGV);
    sigdelset(&all, SIGBUS);
    sigdelset(&all, SIGILL);
    sigdelset(&all, SIGFPE);
    sigdelset(&all, SIGABRT);
    sigdelset(&all, SIGTRAP);
    sigdelset(&all, SIGSYS);
    if (sigprocmask(SIG_BLOCK, &all, NULL) < 0)
        return -errno;
    return result(signalfd(-1, &all, SFD_CLOEXEC));
}

void linux_reset_signals(void) {
    for (int number = 1; number < NSIG; number++)
        signal(number, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

// The calling thread's capabilities that are not in `kept` go, and what it executes gains none (capabilities(7), prctl(2)).
static int drop_capabilities(unsigned int kept) {
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3];
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || syscall(SYS_capget, &header, sets) < 0)
        return -1;
    sets[0].effective = sets[0].permitted &= kept;
    sets[1].effective = sets[1].permitted = 0;
    sets[0].inheritable = sets[1].inheritable = 0;
    return syscall(SYS_capset, &header, sets);
}

int linux_spawn_bound(const char *path, char *const arguments[], char *const environment[], int in, int out) {
    int report[2];
    if (pipe2(report, O_CLOEXEC) < 0)
        return -errno;
    pid_t parent = getpid();
    pid_t child = fork();
    if (child == 0) {
        linux_reset_signals();
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent)
            _exit(127);
        // Root's keeps one: disk and kernel may be files of others.
        if (dup2(in, 0) >= 0 && dup2(out, 1) >= 0 && dup2(out, 2) >= 0 &&
            drop_capabilities(1u << CAP_DAC_OVERRIDE) == 0)
            execve(path, arguments, environment);
        int error = errno;
        ssize_t written = write(report[1], &error, sizeof error);
        _exit(written == sizeof error ? 127 : 126);
    }
    int error = child < 0 ? errno : 0;
    close(report[1]);
    if (child > 0 && read(report[0], &error, sizeof error) == sizeof error)
        waitpid(child, NULL, 0);
    close(report[0]);
    return error ? -error : child;
}

static void on_alarm(int number) {}

int linux_flock_within(int fd, unsigned int seconds) {
    // Without SA_RESTART, so that the signal ends the wait; again each second, should it come before the wait begins.
    struct sigaction action = {.sa_handler = on_alarm};
    sigaction(SIGALRM, &action, NULL);
    sigset_t alarm;
    sigemptyset(&alarm);
    sigaddset(&alarm, SIGALRM);
    pthread_sigmask(SIG_UNBLOCK, &alarm, NULL); // whoever started us may have blocked it
    struct itimerval each = {.it_interval.tv_sec = 1, .it_value.tv_sec = 1}, none = {0};
    if (seconds > 0)
        setitimer(ITIMER_REAL, &each, NULL);
    int locked = result(flock(fd, LOCK_EX | (seconds > 0 ? 0 : LOCK_NB)));
    while (locked == -EINTR && --seconds > 0)
        locked = result(flock(fd, LOCK_EX));
    setitimer(ITIMER_REAL, &none, NULL);
    return locked == -EINTR ? -EWOULDBLOCK : locked;
}

int linux_openpty(int *controller, int *terminal) { return result(openpty(controller, terminal, NULL, NULL, NULL)); }

int linux_reboot(int command) { return result(reboot(command)); }

int linux_setns(int fd, int kind) { return result(setns(fd, kind)); }
int linux_unshare(int flags) { return result(unshare(flags)); }

int linux_finit_module(int fd, const char *parameters) { return result(syscall(SYS_finit_module, fd, parameters, 0)); }

int linux_prctl(int option, unsigned long a, unsigned long b) { return result(prctl(option, a, b, 0, 0)); }

int linux_login_tty(int fd) {
    if (setsid() < 0)
        return -errno;
    return result(ioctl(fd, TIOCSCTTY, 0));
}

int linux_steal_tty(int fd) {
    if (setsid() < 0)
        return -errno;
    return result(ioctl(fd, TIOCSCTTY, 1));
}

int linux_close_from(int first) { return result(close_range(first, ~0U, 0)); }

int linux_mknod(const char *path, unsigned int mode, unsigned int major, unsigned int minor) {
    return result(mknod(path, mode, makedev(major, minor)));
}

static int release_pages(struct dl_phdr_info *info, size_t size, void *argument) {
    (void)size, (void)argument;
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
        if (segment->p_type != PT_LOAD || segment->p_flags & PF_W)
            continue;
        uintptr_t start = (info->dlpi_addr + segment->p_vaddr + page - 1) & -page;
        uintptr_t end = (info->dlpi_addr + segment->p_vaddr + segment->p_memsz) & -page;
        if (start < end)
            madvise((void *)start, end - start, MADV_DONTNEED);
    }
    return 0;
}

void linux_release_program(void) { dl_iterate_phdr(release_pages, NULL); }

int linux_exited(int status) { return WIFEXITED(status); }
int linux_exit_status(int status) { return WEXITSTATUS(status); }
int linux_term_signal(int status) { return WIFSIGNALED(status) ? WTERMSIG(status) : 0; }

// Swift's runtime reads /proc/self before main; in a guest nothing has mounted /proc when PID 1 starts (proc(5)).
__attribute__((constructor)) static void mount_proc_for_init(void) {
    if (getpid() == 1 && access("/proc/self", F_OK) != 0)
        mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
}
