#pragma once

/// The commit that this program was built of; empty where the build does not know it.
const char *runcvm_commit(void);
