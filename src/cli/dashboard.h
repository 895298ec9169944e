/*
 * dashboard - the files of the dashboard that this program carries, if it was built with one.
 *
 * Their table is made from web/ by web/embed.mjs; CMake compiles it when it is there (build/web/dashboard.c,
 * made by tools/web, or web/dashboard.c, which release tarballs carry).
 */
#ifndef FAIRLEAD_CLI_DASHBOARD_H
#define FAIRLEAD_CLI_DASHBOARD_H

#include "http/asset.h"

#ifdef FAIRLEAD_DASHBOARD
extern const struct asset_table DASHBOARD;
#endif

/* NULL: built without. */
static inline const struct asset_table *dashboard_assets(void)
{
#ifdef FAIRLEAD_DASHBOARD
    return &DASHBOARD;
#else
    return NULL;
#endif
}

#endif
