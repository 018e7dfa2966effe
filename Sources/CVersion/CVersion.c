#include "CVersion.h"

const char *runcvm_commit(void) { return RUNCVM_COMMIT; }
