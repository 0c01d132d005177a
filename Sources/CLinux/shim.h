// Linux calls that Swift does not import because they are variadic or have no header of glibc's.
#ifndef KNOCKNOC_CLINUX_SHIM_H
#define KNOCKNOC_CLINUX_SHIM_H

#include <fcntl.h>
#include <linux/capability.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

/// The effective capabilities of this thread; 0 where they cannot be read.
static inline uint64_t knocknoc_capabilities(void) {
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[2] = {{0, 0, 0}, {0, 0, 0}};
    if (syscall(SYS_capget, &header, data) != 0) return 0;
    return (uint64_t)data[1].effective << 32 | data[0].effective;
}

/// Gives one capability of this thread up, with no way back but an exec by root; 0 where it worked.
static inline int knocknoc_drop_capability(int capability) {
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[2] = {{0, 0, 0}, {0, 0, 0}};
    if (syscall(SYS_capget, &header, data) != 0) return -1;
    uint32_t bit = 1u << (capability % 32);
    data[capability / 32].effective &= ~bit;
    data[capability / 32].permitted &= ~bit;
    data[capability / 32].inheritable &= ~bit;
    return (int)syscall(SYS_capset, &header, data);
}

/// A pipe whose ends no exec inherits; 0 where it worked.
static inline int knocknoc_pipe(int *ends) { return (int)syscall(SYS_pipe2, ends, O_CLOEXEC); }

#endif
