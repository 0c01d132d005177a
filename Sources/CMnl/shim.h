#include <libmnl/libmnl.h>
#include <linux/inet_diag.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/tcp.h>
#include <ifaddrs.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

/* setns(2) for the calling thread only; the C library hides its declaration behind a feature macro. */
static inline long knocknoc_setns(int descriptor, int kind) { return syscall(SYS_setns, descriptor, kind); }
