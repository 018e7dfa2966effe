// libcap(3): the capability sets of processes.
#include <sys/capability.h>
