# SPDX-License-Identifier: GPL-2.0-or-later
#
# Completion in fish, for blankroot-initrd.

complete -c blankroot-initrd -f
complete -c blankroot-initrd -l config -rF -d 'the configuration'
complete -c blankroot-initrd -l device -rF -a 'UUID= LABEL= PARTUUID= PARTLABEL= /dev/' -d 'the file system'
complete -c blankroot-initrd -l cmdline -x -d 'a kernel command line to go by'
complete -c blankroot-initrd -l report -rF -d 'where to write the report'
complete -c blankroot-initrd -l dry-run -d 'print the steps that a run would take'
complete -c blankroot-initrd -l check-config -d 'only check the configuration'
complete -c blankroot-initrd -l print -xa 'on-failure device' -d 'print what the configuration says'
complete -c blankroot-initrd -l help -d 'print a summary of the options'
complete -c blankroot-initrd -l version -d 'print the version'
