// Linux calls that Swift does not import because they are variadic or have no header of glibc's.
#ifndef KNOCKNOC_CLINUX_SHIM_H
#define KNOCKNOC_CLINUX_SHIM_H

#include <fcntl.h>
#include <linux/capability.h>
#include <malloc.h>
#include <spawn.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

/// The effective capabilities of this thread; 0 where they cannot be read.
static inline uint64_t knocknoc_capabilities(void) {
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[2] = {{0, 0, 0}, {0, 0, 0}};
    if (syscall(SYS_capget, &header, data) != 0) return 0;
    return (uint64_t)data[1].effective << 32 | data[0].effective;
}

/// Gives every capability of this thread up but those in `kept`, with no way back, not even by an exec as root;
/// 0 where it worked.
static inline int knocknoc_keep_capabilities(uint64_t kept) {
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[2] = {{0, 0, 0}, {0, 0, 0}};
    // An exec then gains nothing, whoever owns the file; the bounding set is dropped too where that is allowed.
    int result = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    for (int capability = 0; capability < 64; capability++)
        if (!(kept >> capability & 1)) prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
    if (syscall(SYS_capget, &header, data) != 0) return -1;
    // Where there is nothing to give up the call is not made: a service's filter may refuse it. What could only be
    // inherited is nothing without new privileges.
    uint32_t given = 0;
    for (int word = 0; word < 2; word++) {
        uint32_t mask = (uint32_t)(kept >> (32 * word));
        given |= data[word].permitted & ~mask;
        data[word].effective &= mask;
        data[word].permitted &= mask;
        data[word].inheritable = 0;
    }
    return given != 0 && syscall(SYS_capset, &header, data) != 0 ? -1 : result;
}

/// One heap for all threads of a process that is mostly idle, instead of one for each. To be called before there is a
/// second thread. Large buffers, such as libnftables takes for a command, go back to the system when they are free;
/// left to itself the heap would keep twice the largest that it ever saw.
static inline void knocknoc_use_one_heap(void) {
    mallopt(M_ARENA_MAX, 1);
    mallopt(M_MMAP_THRESHOLD, 128 * 1024);
    mallopt(M_TRIM_THRESHOLD, 128 * 1024);
}

/// A pipe whose ends no exec inherits; 0 where it worked.
static inline int knocknoc_pipe(int *ends) { return (int)syscall(SYS_pipe2, ends, O_CLOEXEC); }

/// A folder on a way, which is only walked through: 010000000 on every machine that Debian's agent runs on.
#ifdef O_PATH
static const int knocknoc_o_path = O_PATH;
#else
static const int knocknoc_o_path = 010000000;
#endif

// glibc 2.29 and 2.34; its header hides them from Swift.
extern int posix_spawn_file_actions_addchdir_np(posix_spawn_file_actions_t *actions, const char *path);
extern int posix_spawn_file_actions_addclosefrom_np(posix_spawn_file_actions_t *actions, int first);

/// A descriptor that can be read once the process has ended; -1 where the kernel has none (before 5.3).
static inline int knocknoc_pidfd_open(pid_t process) {
#ifdef SYS_pidfd_open
    return (int)syscall(SYS_pidfd_open, process, 0);
#else
    (void)process;
    return -1;
#endif
}

#endif
