/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The report of the boot's reset for the systemd journal: docs/boot-contract.md. */
#ifndef BLANKROOT_REPORT_JOURNAL_H
#define BLANKROOT_REPORT_JOURNAL_H

#include "boot-report.h"

/* MESSAGE_ID of the entry about the boot, and of those about an ephemeral subvolume each. */
#define REPORT_MESSAGE_ID "e62064cf7f1040b083f8df34025e6964"
#define REPORT_SUBVOLUME_MESSAGE_ID "c9ca3c6c4cb74b95b6e8c966d8473e72"

/* Send one entry for the boot, then one for each ephemeral subvolume. Errors of journal_send. */
BR_MUST_CHECK int report_journal(const struct boot_report *report, struct br_error *err);

/* Send the entry for a boot without a report. message  one line. Errors as above. */
BR_MUST_CHECK int report_journal_missing(const char *message, struct br_error *err);

#endif
