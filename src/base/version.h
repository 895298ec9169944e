/* version - what this build calls itself. Thread: any. Static storage. */
#ifndef FAIRLEAD_BASE_VERSION_H
#define FAIRLEAD_BASE_VERSION_H

/* "0.1.0", from the file VERSION. */
const char *version_text(void);

#endif
