#include <stdio.h>
#include <libipset/data.h>
#include <libipset/session.h>
#include <libipset/types.h>

/* A session that prints nothing: reading is done by netlink. Swift cannot write functions of variadic arguments. */
static inline int knocknoc_ipset_silence(struct ipset_session *session, void *context, const char *format, ...) {
    (void)session, (void)context, (void)format;
    return 0;
}
static inline struct ipset_session *knocknoc_ipset_session(void) {
    return ipset_session_init(knocknoc_ipset_silence, NULL);
}
